"""Reads its own write: places an order and waits until a watch has come to it: python place.py GATEWAY API [STATUS …]

The watch is of orders in these statuses; that it has come to the write is told also where it wants nothing of it.
"""

import json
import sys
import threading
import time
import urllib.request

from order_stream import messages, print_line, read_token, status_of
from order_watch import OrderWatch

ORDER = {"customer_id": "c-1", "currency": "EUR", "items": [{"sku": "tea", "quantity": 2, "unit_price_minor": 450}]}

gateway, api, *words = sys.argv[1:]


def place():
    """The id of the order, and the position of the write."""
    headers = {"content-type": "application/json"}
    if token := read_token():
        headers["authorization"] = f"Bearer {token}"
    request = urllib.request.Request(f"{api}/orders", json.dumps(ORDER).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)["order_id"], response.headers["Write-Position"]


seen = []
watch = OrderWatch(gateway, filter=messages.OrderFilter(statuses=[status_of(word) for word in words]))
received = iter(watch)
# With the first message it is registered.
next(received)


def keep_watching():
    for message in received:
        seen.extend(event.order_id for event in message.events)


threading.Thread(target=keep_watching, daemon=True).start()
order_id, position = place()
began = time.monotonic()
watch.wait_for(position, timeout_s=60)
print_line({"order_id": order_id, "seen": order_id in seen, "waited_s": round(time.monotonic() - began, 3)})
