"""Shares the events of orders with all who consume the same subscription: python consume.py GATEWAY SUBSCRIPTION

A message is acknowledged once its events are handled; what is not comes again, here or to another consumer.
"""

import queue
import sys

from order_stream import check_token, keep_streaming, messages, show

gateway, subscription = sys.argv[1:]
Request = messages.ConsumeOrdersRequest


def consume(stub):
    requests = queue.SimpleQueue()
    requests.put(Request(open=Request.Open(subscription=subscription)))
    try:
        for message in stub.ConsumeOrders(iter(requests.get, None)):
            for event in message.events:
                show(event)
            if message.ack_token:
                requests.put(Request(acknowledge=Request.Acknowledge(ack_token=message.ack_token)))
            yield
            check_token(message)
    finally:
        requests.put(None)


keep_streaming(gateway, consume)
