"""Asks for what no gateway gives: python wrong_filter.py GATEWAY"""

import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).parents[1]))
from order_stream import keep_streaming, messages

wrong = messages.WatchOrdersRequest(filter=messages.OrderFilter(order_ids=[""] * 100))
keep_streaming(sys.argv[1], lambda stub: stub.WatchOrders(wrong))
