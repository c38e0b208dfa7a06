"""Handles events as a plan says: python troubled_consumer.py GATEWAY SUBSCRIPTION PLAN

The plan is JSON, by event `<order>.<version>`: "retry", "fail" or "reject", and how often; or "wait" and a file that is waited for.
"""

import collections
import datetime
import json
import pathlib
import signal
import sys
import threading
import time

sys.path.append(str(pathlib.Path(__file__).parents[1]))
from order_consumer import OrderConsumer, Reject, Retry
from order_stream import messages, print_line

gateway, subscription, plan = sys.argv[1:]
plan = json.loads(plan)
calls = collections.Counter()
working = set()


def handle(event):
    name = f"{event.order_id}.{event.order_version}"
    assert event.order_id not in working, "two events of one order at once"
    working.add(event.order_id)
    try:
        work(event, name)
    finally:
        working.remove(event.order_id)


def work(event, name):
    calls[name] += 1
    what, argument = plan.get(name, (None, None))
    print_line({"order_id": event.order_id, "order_version": event.order_version, "attempt": event.attempt})
    if what == "wait":
        while not pathlib.Path(argument).exists():
            time.sleep(0.01)
    elif what is not None and calls[name] <= argument:
        if what == "reject":
            raise Reject("unknown article")
        if what == "retry":
            raise Retry("the stock is away", after=datetime.timedelta(milliseconds=50))
        raise ValueError("a fault of the handler")


policy = messages.RejectPolicy(max_attempts=5)
policy.first_delay.FromMilliseconds(1_000)
consumer = OrderConsumer(gateway, subscription, handle, concurrency=4, reject_policy=policy)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=consumer.stop).start())
consumer.run()
