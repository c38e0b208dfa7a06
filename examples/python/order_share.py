"""What one stream of a subscription was sent and is not done with, and what to tell the server of it."""

import collections
import queue
import threading

from order_stream import messages

Request = messages.ConsumeOrdersRequest

# An event of it is open until it is handled, rejected, or nothing of this stream any more.
Batch = collections.namedtuple("Batch", ["ack_token", "open_events"])


class OrderShare:
    """Acknowledges as far as nothing before is open. A rejected event takes with it what was sent behind it of its order."""

    def __init__(self):
        # Requests to send; None: no more follow.
        self.answers = queue.SimpleQueue()
        self._lock = threading.Lock()
        # Oldest first, bounded by the server: it sends only so many events without an acknowledgement.
        self._batches = collections.deque()
        # Orders of rejected events of which the server has not said yet what becomes of them, by the event.
        self._unanswered = {}

    def take(self, message):
        """A message has come. Answers its batch and the events of it that are to be handled."""
        with self._lock:
            signal = message.WhichOneof("signal")
            if signal == "rejected":
                self._unanswered.pop(message.rejected.event_id, None)
            # None at all says as well that the server has lost touch with the group, and these may stay with the stream.
            if signal == "assignment_changed" and message.assignment_changed.partitions:
                partitions = set(message.assignment_changed.partitions)
                self._drop(lambda event: event.partition not in partitions)
            held = set(self._unanswered.values())
            events = [event for event in message.events if event.order_id not in held]
            batch = Batch(message.ack_token, {event.event_id: event for event in events})
            if message.events:
                self._batches.append(batch)
            self._acknowledge()
            return batch, events

    def is_open(self, batch, event):
        with self._lock:
            return event.event_id in batch.open_events

    def is_empty(self):
        with self._lock:
            return not self._batches

    def done(self, batch, event):
        with self._lock:
            batch.open_events.pop(event.event_id, None)
            self._acknowledge()

    def reject(self, batch, event, rejection):
        """Answers whether it was still open: if not, it comes again anyhow, here or elsewhere."""
        with self._lock:
            if event.event_id not in batch.open_events:
                return False
            self._unanswered[event.event_id] = event.order_id
            self.answers.put(Request(reject=rejection))
            self._drop(lambda each: each.order_id == event.order_id)
            self._acknowledge()
            return True

    def end(self):
        """The stream is gone: all that is open comes again on another one."""
        with self._lock:
            self._drop(lambda event: True)
            self._batches.clear()
        self.answers.put(None)

    def _drop(self, is_dropped):
        for batch in self._batches:
            for event in [event for event in batch.open_events.values() if is_dropped(event)]:
                del batch.open_events[event.event_id]

    def _acknowledge(self):
        token = None
        while self._batches and not self._batches[0].open_events:
            token = self._batches.popleft().ack_token
        if token:
            self.answers.put(Request(acknowledge=Request.Acknowledge(ack_token=token)))
