"""Ids in the order of a time of theirs, so that a page of a long list is found without reading all of it."""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from dataclasses import dataclass, field

Key = tuple[float, int]


@dataclass(slots=True)
class Timeline:
    """Each id once, by its latest time; of one time by the id."""

    _keys: list[Key] = field(default_factory=list)
    _at: dict[int, float] = field(default_factory=dict)

    def put(self, number: int, at: float) -> None:
        """Enters an id, or moves it to another time."""
        before = self._at.get(number)
        if before is not None:
            del self._keys[bisect.bisect_left(self._keys, (before, number))]
        bisect.insort(self._keys, (at, number))
        self._at[number] = at

    def onwards(self, low: float, high: float, after: Key | None = None) -> Iterator[Key]:
        """Keys of whole seconds from `low` to `high`, oldest first; those behind `after` only."""
        start = bisect.bisect_left(self._keys, (low, 0))
        if after is not None:
            start = max(start, bisect.bisect_right(self._keys, after))
        for place in range(start, bisect.bisect_left(self._keys, (high + 1, 0))):
            yield self._keys[place]

    def backwards(self, low: float, before: Key) -> Iterator[Key]:
        """Keys before one, newest first, down to `low`."""
        for place in range(bisect.bisect_left(self._keys, before) - 1, -1, -1):
            if self._keys[place][0] < low:
                return
            yield self._keys[place]
