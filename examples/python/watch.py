"""Prints what happens to orders: python watch.py GATEWAY [TOKEN_FILE]

The token is stored after the events of its message are handled; with it the next run goes on where this one ended.
"""

import os
import pathlib
import sys

from order_stream import check_token, keep_streaming, messages, show

gateway = sys.argv[1]
token_file = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else "watch.token")


def start():
    if token_file.exists():
        return messages.StartPosition(resume_token=token_file.read_text())
    return messages.StartPosition(latest=True)


def store(token):
    # A crash at any instant leaves the old token or the new one.
    unfinished = token_file.with_suffix(".new")
    with unfinished.open("w") as file:
        file.write(token)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(token_file)


def watch(stub):
    for message in stub.WatchOrders(messages.WatchOrdersRequest(start=start())):
        for event in message.events:
            show(event)
        store(message.resume_token)
        yield
        check_token(message)


keep_streaming(gateway, watch)
