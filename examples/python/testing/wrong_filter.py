"""Asks for what no gateway gives: python wrong_filter.py GATEWAY"""

import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).parents[1]))
from order_stream import messages
from order_watch import OrderWatch

for _ in OrderWatch(sys.argv[1], filter=messages.OrderFilter(order_ids=[""] * 100)):
    pass
