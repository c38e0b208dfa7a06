"""Runs work of several orders at once, and of one order one after the other, in the order in which it came."""

import collections
import concurrent.futures
import threading


class OrderQueues:
    """`run(work)` must not raise."""

    def __init__(self, concurrency, run):
        self._pool = concurrent.futures.ThreadPoolExecutor(concurrency)
        self._run = run
        self._lock = threading.Lock()
        self._waiting = {}
        self._is_stopped = False

    def add(self, order_id, work):
        with self._lock:
            if order_id in self._waiting:
                self._waiting[order_id].append(work)
            else:
                self._waiting[order_id] = collections.deque([work])
                self._submit(order_id)

    def stop(self):
        """Begins nothing more; returns when what runs has ended."""
        with self._lock:
            self._is_stopped = True
        self._pool.shutdown(cancel_futures=True)

    def _submit(self, order_id):
        if not self._is_stopped:
            self._pool.submit(self._run_next, order_id)

    def _run_next(self, order_id):
        self._run(self._waiting[order_id][0])
        with self._lock:
            works = self._waiting[order_id]
            works.popleft()
            # Behind all others, so that a busy order keeps none waiting.
            if works:
                self._submit(order_id)
            else:
                del self._waiting[order_id]
