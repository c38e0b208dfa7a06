"""Prints the orders in some statuses, and then what becomes of them: python follow.py GATEWAY API [STATUS …]"""

import contextlib
import sys

from follow_orders import follow_orders
from order_stream import messages, print_line, status_of

gateway, api, *words = sys.argv[1:]
wanted = messages.OrderFilter(statuses=[status_of(word) for word in words])
with contextlib.suppress(KeyboardInterrupt):
    for told in follow_orders(gateway, api, filter=wanted):
        if told.kind != "progress":
            status = messages.OrderStatus.Name(told.order.status) if told.order else None
            print_line({"kind": told.kind, "order_id": told.order_id, "order_version": told.order_version, "status": status})
