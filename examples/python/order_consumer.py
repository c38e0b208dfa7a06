"""Shared work: takes part in a subscription and handles each event, in order per order."""

import sys
import threading

from google.protobuf.duration_pb2 import Duration

from order_queues import OrderQueues
from order_share import OrderShare, Request
from order_stream import TokenExpires, is_token_over, keep_streaming, messages

MAX_REASON_LENGTH = 1_000
# What was acknowledged last should be stored before the stream is left, or others handle it again.
STORE_DEADLINE_S = 10


class Retry(Exception):
    """Raised by a handler: not now. The event comes again, and then what follows of its order; `after` is a timedelta."""

    def __init__(self, reason="", *, after=None):
        super().__init__(reason)
        self.delay = None
        if after is not None:
            self.delay = Duration()
            self.delay.FromTimedelta(after)


class Reject(Exception):
    """Raised by a handler: never like this. The order is set aside until somebody decides."""


class OrderConsumer:
    """Calls `handle(event)` for each event until `stop`; what it handles must be idempotent.

    `concurrency` threads work on as many orders at once, and on one event of an order at a time. What `handle` raises
    rejects the event and holds up its order only: Reject sets it aside; Retry, and anything else, lets it come again as `reject_policy`
    says, and sets it aside after the last attempt. `event.attempt` is 0 at first and then counts from 2 on.
    """

    def __init__(self, gateway, subscription, handle, *, concurrency=1, filter=None, reject_policy=None):
        self._gateway = gateway
        self._handle = handle
        policy = reject_policy or messages.RejectPolicy()
        self._open = Request.Open(subscription=subscription, filter=filter, reject_policy=policy)
        self._queues = OrderQueues(concurrency, self._work)
        self._stopping = threading.Event()
        self._share = None
        self._call = None

    def run(self):
        """Returns after `stop`; raises when no retry mends the refusal. Once only."""
        try:
            for _ in keep_streaming(self._gateway, self._stream, self._stopping):
                pass
        finally:
            self._stopping.set()
            self._queues.stop()

    def stop(self):
        """From another thread: begins nothing more; `run` returns when what runs has ended and is stored."""
        self._stopping.set()
        if self._share:
            self._share.answers.put(None)

    def _stream(self, stub):
        share = self._share = OrderShare()
        if self._stopping.is_set():
            return
        is_over = False
        try:
            # The server stores what was acknowledged and ends the stream once nothing follows.
            self._call = stub.ConsumeOrders(self._requests(share))
            for message in self._call:
                batch, events = share.take(message)
                for event in events:
                    self._queues.add(event.order_id, (share, batch, event))
                yield message
                is_over = is_over or is_token_over(message)
                # What is open would come again.
                if is_over and share.is_empty():
                    raise TokenExpires
        finally:
            share.end()

    def _requests(self, share):
        yield Request(open=self._open)
        while (answer := share.answers.get()) is not None:
            yield answer
        if not self._stopping.is_set():
            return
        self._queues.stop()
        while not share.answers.empty():
            if (answer := share.answers.get()) is not None:
                yield answer
        late = threading.Timer(STORE_DEADLINE_S, lambda: self._call.cancel())
        late.daemon = True
        late.start()

    def _work(self, work):
        share, batch, event = work
        if not share.is_open(batch, event):
            return
        try:
            self._handle(event)
        # Also SystemExit, which nobody would see in this thread.
        except BaseException as error:
            if share.reject(batch, event, rejection_of(event, error)):
                print(f"rejected: {event.event_id} of order {event.order_id}: {error!r}", file=sys.stderr, flush=True)
        else:
            share.done(batch, event)


def rejection_of(event, error):
    reason = (str(error) or repr(error)).encode("utf-8", "replace").decode()[:MAX_REASON_LENGTH]
    rejection = Request.Reject(event_id=event.event_id, reason=reason)
    if isinstance(error, Reject):
        rejection.set_aside = True
    elif isinstance(error, Retry) and error.delay is not None:
        rejection.retry_delay.CopyFrom(error.delay)
    return rejection
