"""Places and reads an order with the client that was generated from the API's document; prints what it got as JSON."""

import json
import sys

from orders_client import Client
from orders_client.api.orders import get_order, place_order
from orders_client.models import NewOrderItem, PlaceOrder, Problem

client = Client(base_url=sys.argv[1])
tea = NewOrderItem(sku="tea", quantity=2, unit_price_minor=450)
order = PlaceOrder(customer_id="c-1", currency="EUR", items=[tea])
placed = place_order.sync(client=client, body=order, idempotency_key="python")
read = get_order.sync(placed.order_id, client=client)
order.currency = "euro"
refused = place_order.sync(client=client, body=order)
assert isinstance(refused, Problem)
print(json.dumps({"read": read.to_dict(), "refused": refused.code}))
