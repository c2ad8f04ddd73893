"""The search index of one kind of object in one shop: kept sorted, so that a page costs the page and not the shop."""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

Key = tuple[int, str]
_FEW = 5_000
FIELDS = ("create_time", "update_time")


# What the index believes about one object: id, created, updated, status.
Entry = tuple[str, int, int, str]


@dataclass(slots=True)
class Found:
    """One page: ids, how many fit in all, and the key after which the next page starts (None: no more)."""

    ids: list[str]
    total: int
    after: Key | None


def _time(entry: Entry, field: str) -> int:
    return entry[1] if field == "create_time" else entry[2]


class Index:
    """Sorted by creation and by change, as a whole and per status."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._whole: dict[str, list[Key]] = {name: [] for name in FIELDS}
        self._by_status: dict[str, dict[str, list[Key]]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, object_id: str) -> bool:
        return object_id in self._entries

    def ids(self) -> Iterable[str]:
        """All ids, in the order in which they were entered."""
        return self._entries

    def newest(self, status: str = "") -> Iterator[Key]:
        """Creation time and id of all objects, or of those in one status, newest first; walked as far as is read."""
        lists = self._by_status.get(status, {}) if status else self._whole
        return reversed(lists.get("create_time", []))

    def put(self, object_id: str, created: int, updated: int, status: str) -> None:
        """Enters or moves one object."""
        old = self._entries.get(object_id)
        if old is not None:
            self._drop(object_id, old)
        self._entries[object_id] = (object_id, created, updated, status)
        buckets = self._by_status.setdefault(status, {name: [] for name in FIELDS})
        for name, at in (("create_time", created), ("update_time", updated)):
            insort(self._whole[name], (at, object_id))
            insort(buckets[name], (at, object_id))

    def fill(self, rows: Iterable[Entry]) -> None:
        """Enters many new objects at once."""
        entries, fresh = self._entries, dict[str, tuple[list[Key], list[Key]]]()
        for row in rows:
            object_id, created, updated, status = row
            entries[object_id] = row
            known = fresh.get(status)
            if known is None:
                known = fresh[status] = ([], [])
            known[0].append((created, object_id))
            known[1].append((updated, object_id))
        for status, lists in fresh.items():
            buckets = self._by_status.setdefault(status, {name: [] for name in FIELDS})
            for name, keys in zip(FIELDS, lists, strict=True):
                buckets[name] += keys
                self._whole[name] += keys
        for keys in chain.from_iterable(lists.values() for lists in (self._whole, *self._by_status.values())):
            keys.sort()

    def statuses(self) -> dict[str, int]:
        """How many objects stand in each status."""
        return {status: len(lists["update_time"]) for status, lists in self._by_status.items()}

    def search(
        self,
        *,
        sort: str,
        descending: bool,
        bounds: dict[str, tuple[int | None, int | None]],
        statuses: Sequence[str] | None,
        only: Iterable[str] | None,
        fits: Callable[[str], bool] | None,
        after: Key | None,
        offset: int,
        limit: int,
    ) -> Found:
        """One page.

        `bounds` gives (from, to) per time field, `only` restricts to some ids, `fits` is any further test, `after` is
        the last key of the page before (cursor paging) and `offset` how many rows to skip (offset paging).
        """
        lists = self._lists(sort, statuses, only)
        low, high = bounds.get(sort, (None, None))
        other = next(name for name in FIELDS if name != sort)
        if only is None and low is None and high is None and (few := self._few(other, bounds, statuses)) is not None:
            lists = self._lists(sort, None, few)
            bounds = {}
        test = self._test(other, bounds.get(other, (None, None)), fits)
        ranges = [
            (
                keys,
                0 if low is None else bisect_left(keys, (low, "")),
                len(keys) if high is None else bisect_left(keys, (high, "")),
            )
            for keys in lists
        ]
        if test is None:
            total = sum(max(0, end - start) for _, start, end in ranges)
        else:
            total = sum(1 for keys, start, end in ranges for i in range(start, end) if test(keys[i][1]))
        rows = self._walk(ranges, descending, after)
        picked: list[Key] = []
        for key in rows:
            if test is not None and not test(key[1]):
                continue
            if offset > 0:
                offset -= 1
                continue
            if len(picked) == limit:
                return Found([key[1] for key in picked], total, picked[-1])
            picked.append(key)
        return Found([key[1] for key in picked], total, None)

    def _few(
        self, field: str, bounds: dict[str, tuple[int | None, int | None]], statuses: Sequence[str] | None
    ) -> list[str] | None:
        """The ids inside a bound of the field that is not sorted by, when they are few enough to sort on the spot."""
        low, high = bounds.get(field, (None, None))
        if low is None and high is None:
            return None
        found: list[str] = []
        for keys in self._lists(field, statuses, None):
            start = 0 if low is None else bisect_left(keys, (low, ""))
            end = len(keys) if high is None else bisect_left(keys, (high, ""))
            if len(found) + end - start > _FEW:
                return None
            found += [key[1] for key in keys[start:end]]
        return found

    def _lists(self, sort: str, statuses: Sequence[str] | None, only: Iterable[str] | None) -> list[list[Key]]:
        if only is not None:
            wanted = None if statuses is None else frozenset(statuses)
            keys: list[Key] = []
            for object_id in set(only):
                entry = self._entries.get(object_id)
                if entry is not None and (wanted is None or entry[3] in wanted):
                    keys.append((_time(entry, sort), object_id))
            return [sorted(keys)]
        if statuses is not None:
            return [self._by_status[status][sort] for status in dict.fromkeys(statuses) if status in self._by_status]
        return [self._whole[sort]]

    def _test(
        self, field: str, bound: tuple[int | None, int | None], fits: Callable[[str], bool] | None
    ) -> Callable[[str], bool] | None:
        low, high = bound
        if low is None and high is None:
            return fits
        entries = self._entries

        def test(object_id: str) -> bool:
            at = _time(entries[object_id], field)
            if (low is not None and at < low) or (high is not None and at >= high):
                return False
            return fits is None or fits(object_id)

        return test

    @staticmethod
    def _walk(ranges: list[tuple[list[Key], int, int]], descending: bool, after: Key | None) -> Iterator[Key]:
        def forward(keys: list[Key], start: int, end: int) -> Iterator[Key]:
            begin = start if after is None else max(start, bisect_right(keys, after))
            return (keys[i] for i in range(begin, end))

        def backward(keys: list[Key], start: int, end: int) -> Iterator[Key]:
            finish = end if after is None else min(end, bisect_left(keys, after))
            return (keys[i] for i in range(finish - 1, start - 1, -1))

        parts = [(backward if descending else forward)(*part) for part in ranges]
        return parts[0] if len(parts) == 1 else heapq.merge(*parts, reverse=descending)

    def _drop(self, object_id: str, entry: Entry) -> None:
        for name in FIELDS:
            for keys in (self._whole[name], self._by_status[entry[3]][name]):
                place = bisect_left(keys, (_time(entry, name), object_id))
                del keys[place]
