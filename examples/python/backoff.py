"""Pauses that grow with each failure."""

import random

LONGEST_DELAY_S = 3_600


class Backoff:
    """Jitter keeps clients that failed together from coming back together; a server that says when means it."""

    def __init__(self):
        self._failures = 0

    def reset(self):
        self._failures = 0

    def next_delay_s(self, told_delay_s=None):
        self._failures = min(self._failures + 1, 7)
        return min(LONGEST_DELAY_S, max(told_delay_s or 0, 0.1 * 2**self._failures * random.uniform(0.5, 1)))
