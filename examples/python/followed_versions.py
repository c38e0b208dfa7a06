"""Merges lists and events of orders by version."""


class TooManyOrders(Exception):
    """More orders than may be remembered: filter more, or raise max_orders."""


class FollowedVersions:
    """Tells each version once, never an older one after a newer one, and that an order has left only where it was told.

    The answers are "order": it is in the view now, or was changed there; "left"; and None: nothing new.
    """

    def __init__(self, known, max_orders):
        self._max_orders = max_orders
        self._present = {}
        # Left by an event: nothing older comes but in a replay. The oldest ones are forgotten.
        self._left = {}
        # Not in the view by a list, whose events may still come.
        self._awaited = {}
        self._unlisted = set()
        for order_id, version in known.items():
            self._keep(self._present, order_id, version)

    def event(self, order_id, version, matches):
        outcome = self._take(order_id, version, matches, self._left)
        if self._awaited.get(order_id) == version:
            self._keep(self._left, order_id, version)
        return outcome

    def begin_list(self):
        """A list is read from its beginning."""
        self._unlisted = set(self._present)

    def listed(self, order_id, version, matches):
        """An order of the list, or the answer about one that was not in it."""
        self._unlisted.discard(order_id)
        return self._take(order_id, version, matches, self._awaited)

    def unlisted(self):
        """Those that were told and have not come in the list: it has to be asked about them."""
        return list(self._unlisted)

    def gone(self, order_id):
        """There is no such order any more. Answers the version that was told of it, if it was there."""
        self._unlisted.discard(order_id)
        version = self._present.get(order_id)
        if version is not None:
            self._keep(self._awaited, order_id, version)
        return version

    def _take(self, order_id, version, matches, leave_to):
        was_present = order_id in self._present
        for known in (self._present, self._awaited, self._left):
            if version <= known.get(order_id, -1):
                return None
        self._keep(self._present if matches else leave_to, order_id, version)
        if matches:
            return "order"
        return "left" if was_present else None

    def _keep(self, where, order_id, version):
        for others in (self._present, self._left, self._awaited):
            others.pop(order_id, None)
        where[order_id] = version
        if len(self._present) + len(self._left) + len(self._awaited) <= self._max_orders:
            return
        if not self._left:
            raise TooManyOrders(f"the filter has more than {self._max_orders} orders")
        del self._left[next(iter(self._left))]
