"""The orders that match a filter, as REST lists them: page by page, each as often as it takes."""

import http.client
import itertools
import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

from google.protobuf.timestamp_pb2 import Timestamp

from backoff import Backoff
from order_stream import messages, read_token, status_of

PAGE_SIZE = 200
DEADLINE_S = 30
# As many as fit into an address.
MAX_ORDERS, MAX_CUSTOMERS = 50, 10
# Whoever is refused for these may be taken another time: a token that has just expired, a limit, a proxy that starts.
AGAIN = {401, 408, 425, 429}


class ListRefused(Exception):
    """The API has refused a list for a reason that asking again does not mend."""


class ListAway(Exception):
    """Another try may mend it, after so many seconds."""

    def __init__(self, why, retry_after_s=0):
        super().__init__(why)
        self.retry_after_s = retry_after_s


class StaleToken(Exception):
    """The API does not know the token of this page."""


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """A bearer token is for the API alone."""

    def redirect_request(self, *_):
        return None


def list_orders(api, wanted):
    """Yields (order, version) of what an OrderFilter lets through. Orders that change meanwhile may come twice."""
    for order_ids in chunks_of(wanted.order_ids, MAX_ORDERS):
        for customer_ids in chunks_of(wanted.customer_ids, MAX_CUSTOMERS):
            words = [messages.OrderStatus.Name(status).removeprefix("ORDER_STATUS_").lower() for status in wanted.statuses]
            query = {"page_size": PAGE_SIZE, "statuses": words, "order_ids": order_ids, "customer_ids": customer_ids}
            yield from read_pages(api, query)


def read_pages(api, query):
    backoff, page_token = Backoff(), None
    while True:
        try:
            orders, next_page_token = read_page(api, query | ({"page_token": page_token} if page_token else {}))
        except StaleToken:
            # Another replica may seal page tokens otherwise: then the list is read from its first page.
            page_token = None
            time.sleep(backoff.next_delay_s())
        except ListAway as away:
            print(f"interrupted: GET /orders: {away}", file=sys.stderr, flush=True)
            time.sleep(backoff.next_delay_s(away.retry_after_s))
        else:
            backoff.reset()
            yield from orders
            if not next_page_token:
                return
            page_token = next_page_token


def read_page(api, query):
    url = f"{api.rstrip('/')}/orders?{urllib.parse.urlencode(query, doseq=True)}"
    token = read_token()
    headers = {"accept": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(url, headers=headers)
    try:
        with opener().open(request, timeout=DEADLINE_S) as response:
            page = json.load(response)
        if not page["changes_token"]:
            # It may lack what the stream has passed already.
            raise ListAway("a standby of the database has answered: its list may be too old")
        return [order_of(listed) for listed in page["orders"]], page["next_page_token"]
    except urllib.error.HTTPError as error:
        raise refusal_of(error, "page_token" in query) from error
    # Away, cut off, or not what the API answers.
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError) as error:
        raise ListAway(repr(error)) from error


def opener():
    tls = ssl.create_default_context(cafile=os.environ.get("ORDER_STREAM_CA_FILE"))
    return urllib.request.build_opener(NoRedirect, urllib.request.HTTPSHandler(context=tls))


def refusal_of(error, has_page_token):
    try:
        problem = json.load(error)
        code, detail = problem["code"], problem.get("detail")
    except Exception:
        # What has no code comes from somebody in between.
        code, detail = None, "no problem document"
    told = f"{error.code} {code}: {detail}"
    if error.code >= 500 or error.code in AGAIN or code is None:
        retry_after = error.headers.get("retry-after", "")
        return ListAway(told, int(retry_after) if retry_after.isdecimal() else 0)
    return StaleToken(told) if error.code == 400 and has_page_token else ListRefused(told)


def order_of(listed):
    times = {"create_time": Timestamp(), "update_time": Timestamp()}
    times["create_time"].FromJsonString(listed["created_at"])
    times["update_time"].FromJsonString(listed["updated_at"])
    items = [messages.OrderItem(**{name: item[name] for name in ("sku", "quantity", "unit_price_minor")}) for item in listed["items"]]
    same = {name: listed[name] for name in ("order_id", "customer_id", "currency", "total_minor")}
    return messages.Order(**same, **times, status=status_of(listed["status"]), items=items), listed["version"]


def chunks_of(values, size):
    """At least one, which is empty when there is nothing."""
    remaining = iter(dict.fromkeys(values))
    yield list(itertools.islice(remaining, size))
    while chunk := list(itertools.islice(remaining, size)):
        yield chunk
