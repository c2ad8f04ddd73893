"""Counts calls in a sliding window of real time: never more than so many in any second (or hour)."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Hashable


class SlidingWindow:
    """One limit for many keys. The strictest reading of "N per second": no second, wherever it starts, holds more."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._calls: dict[Hashable, deque[float]] = {}

    def allow(self, key: Hashable, limit: int) -> bool:
        """Counts one call; False, and not counted, when the window is full."""
        now = time.monotonic()
        calls = self._calls.setdefault(key, deque())
        while calls and calls[0] <= now - self._seconds:
            calls.popleft()
        if len(calls) >= limit:
            return False
        calls.append(now)
        return True
