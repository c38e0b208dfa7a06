"""What happens to orders, over any number of connections, and how far it is handled."""

import collections
import contextlib
import re
import threading

from order_stream import TokenExpires, is_token_over, keep_streaming, messages

LATEST = messages.StartPosition(latest=True)

# The newest versions of so many orders: a change may be waited for after it has come.
REMEMBERED_ORDERS = 10_000

# Milliseconds by which it was committed, version, order.
POSITION = re.compile(r"(\d{1,15})\.(\d{1,18})\.([0-9a-f-]{36})")


class OrderWatch:
    """Iterate it once for its messages; one counts as handled when the next one is asked for. Their resume tokens are places to start at.

    `filter` with match_previous_status also wants the events by which orders leave its statuses. `until_caught_up` ends it when everything
    has come that the log had at the start; a connection that is lost before goes on.
    """

    def __init__(self, gateway, *, filter=None, start=LATEST, until_caught_up=False):
        self._gateway = gateway
        self._filter = filter
        self._start = start
        self._until_caught_up = until_caught_up
        self._has_changed = threading.Condition()
        self._versions = collections.OrderedDict()
        self._through_ms = None
        self._is_over = False

    def __iter__(self):
        try:
            with contextlib.closing(keep_streaming(self._gateway, self._stream)) as received:
                for message in received:
                    yield message
                    self._note(message)
                    # The gateway ends the stream then.
                    if self._until_caught_up and message.WhichOneof("signal") == "caught_up":
                        return
                    self._start = messages.StartPosition(resume_token=message.resume_token)
        finally:
            with self._has_changed:
                self._is_over = True
                self._has_changed.notify_all()

    def wait_for(self, position, timeout_s=None):
        """Returns when everything of a write has been handled, also where the filter wants nothing of it.

        `position` is what the API has answered in Write-Position. Another thread must iterate meanwhile. Raises TimeoutError, RuntimeError
        when the watch ends first, and ValueError for what is no position.
        """
        match = POSITION.fullmatch(position)
        if not match:
            raise ValueError(f"not a position: {position}; give what the answer has in Write-Position")
        committed_by_ms, version, order_id = int(match[1]), int(match[2]), match[3]

        def is_handled():
            is_past = self._through_ms is not None and self._through_ms >= committed_by_ms
            return is_past or self._versions.get(order_id, -1) >= version

        with self._has_changed:
            if not self._has_changed.wait_for(lambda: is_handled() or self._is_over, timeout_s):
                raise TimeoutError(f"the watch has not come to {position} within {timeout_s} s")
            if not is_handled():
                raise RuntimeError("the watch has ended before it came to the write")

    def _stream(self, stub):
        request = messages.WatchOrdersRequest(filter=self._filter, start=self._start, until_caught_up=self._until_caught_up)
        for message in stub.WatchOrders(request):
            yield message
            if is_token_over(message):
                raise TokenExpires

    def _note(self, message):
        with self._has_changed:
            for event in message.events:
                self._versions[event.order_id] = max(event.order_version, self._versions.pop(event.order_id, -1))
                if len(self._versions) > REMEMBERED_ORDERS:
                    self._versions.popitem(last=False)
            told = getattr(message, message.WhichOneof("signal") or "", None)
            if isinstance(told, (messages.Heartbeat, messages.CaughtUp)) and told.HasField("complete_through_time"):
                self._through_ms = max(told.complete_through_time.ToMilliseconds(), self._through_ms or 0)
            self._has_changed.notify_all()
