"""Prints what happens to orders: python watch.py GATEWAY [TOKEN_FILE] [--status pending …]

The token is stored after the events of its message are handled; with it the next run goes on where this one ended.
"""

import argparse
import contextlib
import os
import pathlib

from order_stream import messages, show, status_of
from order_watch import LATEST, OrderWatch

parser = argparse.ArgumentParser()
parser.add_argument("gateway")
parser.add_argument("token_file", nargs="?", type=pathlib.Path, default=pathlib.Path("watch.token"))
parser.add_argument("--status", action="append", type=status_of, default=[], help="orders in this status; as often as wanted")
parser.add_argument("--order", action="append", default=[], help="this order only; as often as wanted")
parser.add_argument("--leaving", action="store_true", help="also tell how orders leave these statuses")
parser.add_argument("--earliest", action="store_true", help="begin with the oldest event, where no token is stored")
parser.add_argument("--until-caught-up", action="store_true", help="end when everything is told that there was")
arguments = parser.parse_args()
token_file = arguments.token_file


def start():
    if token_file.exists():
        return messages.StartPosition(resume_token=token_file.read_text())
    return messages.StartPosition(earliest=True) if arguments.earliest else LATEST


def store(token):
    # A crash at any instant leaves the old token or the new one.
    unfinished = token_file.with_suffix(".new")
    with unfinished.open("w") as file:
        file.write(token)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(token_file)


wanted = messages.OrderFilter(statuses=arguments.status, order_ids=arguments.order, match_previous_status=arguments.leaving)
watch = OrderWatch(arguments.gateway, filter=wanted, start=start(), until_caught_up=arguments.until_caught_up)
with contextlib.suppress(KeyboardInterrupt):
    for message in watch:
        for event in message.events:
            show(event)
        store(message.resume_token)
