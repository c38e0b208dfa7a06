"""Shares the events of orders with all who consume the same subscription: python consume.py GATEWAY SUBSCRIPTION

What is handled is acknowledged; what is not comes again, here or to another consumer.
"""

import signal
import sys
import threading

from order_consumer import OrderConsumer
from order_stream import show

gateway, subscription = sys.argv[1:]
consumer = OrderConsumer(gateway, subscription, handle=show)
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda *_: threading.Thread(target=consumer.stop).start())
consumer.run()
