"""What is, then what changes: the orders of a list, and from then on every change, each version once."""

import contextlib
import dataclasses
import time

import grpc

from backoff import Backoff
from followed_versions import FollowedVersions
from order_list import list_orders
from order_stream import details_of, messages
from order_watch import LATEST, OrderWatch

# Refusals of a stream after which what was missed has to be read from the list.
LOST_PLACE = {"RESUME_TOKEN_EXPIRED", "RESUME_TOKEN_AHEAD", "RESUME_TOKEN_FOREIGN", "EVENTS_UNREADABLE"}


@dataclasses.dataclass(frozen=True)
class Followed:
    """What is told.

    order: it matches the filter, in a version that is newer than what was told of it.
    left: it was told and matches no more; without `order` there is no such order any more.
    complete: what was told is what there is, up to the way of a change through the log; until a listing.
    listing: the list is read, from its beginning.
    progress: nothing but the checkpoint.
    """

    kind: str
    # To be stored once this and all before are handled, with the orders; empty while the list is read.
    checkpoint: str = ""
    order_id: str = ""
    order_version: int = 0
    order: messages.Order | None = None


def follow_orders(gateway, api, *, filter=None, checkpoint="", known=None, max_orders=1_000_000):
    """Every order that an OrderFilter of statuses, orders and customers lets through, and then every change, for ever.

    It goes on over lost connections, an API that is away, and a log that has lost the place, whereupon it lists again. After a restart
    give back the checkpoint that was stored and the orders that were in the view then, as {order_id: version}, with the same filter.
    """
    wanted = messages.OrderFilter(match_previous_status=True)
    wanted.MergeFrom(filter or messages.OrderFilter())
    versions = FollowedVersions(known or {}, max_orders)
    backoff = Backoff()
    while True:
        try:
            if not checkpoint:
                yield Followed("listing")
                # Its token keeps the place in the log: what happens while the list is read waits there, not in memory.
                checkpoint = registered_token(gateway, wanted)
                yield from told_by_list(api, wanted, versions)
                yield Followed("progress", checkpoint)
            for told in told_by_stream(gateway, wanted, checkpoint, versions):
                if told.kind == "complete":
                    backoff.reset()
                yield told
        except grpc.RpcError as error:
            if details_of(error).reason not in LOST_PLACE:
                raise
            checkpoint = ""
            time.sleep(backoff.next_delay_s())


def registered_token(gateway, wanted):
    with contextlib.closing(iter(OrderWatch(gateway, filter=wanted, start=LATEST))) as watch:
        return next(watch).resume_token


def told_by_list(api, wanted, versions):
    versions.begin_list()
    for order, version in list_orders(api, wanted):
        if kind := versions.listed(order.order_id, version, True):
            yield Followed(kind, "", order.order_id, version, order)
    if not versions.unlisted():
        return
    for order, version in list_orders(api, messages.OrderFilter(order_ids=versions.unlisted())):
        if kind := versions.listed(order.order_id, version, is_wanted(order.status, wanted)):
            yield Followed(kind, "", order.order_id, version, order)
    for order_id in versions.unlisted():
        version = versions.gone(order_id)
        yield Followed("left", "", order_id, version)


def told_by_stream(gateway, wanted, token, versions):
    is_complete = False
    start = messages.StartPosition(resume_token=token)
    for message in OrderWatch(gateway, filter=wanted, start=start):
        for event in message.events:
            if kind := versions.event(event.order_id, event.order_version, is_wanted(event.status, wanted)):
                # The message's own token stands after all of its events.
                yield Followed(kind, token, event.order_id, event.order_version, event.order)
        is_reached = not is_complete and message.WhichOneof("signal") == "caught_up"
        is_complete = is_complete or is_reached
        token = message.resume_token
        yield Followed("complete" if is_reached else "progress", token)


def is_wanted(status, wanted):
    return not wanted.statuses or status in wanted.statuses
