"""Connections with cursors: base64 of ``{"last_id": …, "last_value": …}``, as the vendor makes them."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import top_level

MAX_PAGE = 250


@dataclass(slots=True, eq=False)
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@dataclass(slots=True, eq=False)
class Edge:
    cursor: str
    node: Any


class Connection:
    """One page. Cursors are made only when somebody asks for them."""

    __slots__ = ("_cursor", "_next", "_previous", "nodes")

    def __init__(self, nodes: Sequence[Any], more: bool, before: bool, cursor: Callable[[Any], str]) -> None:
        self.nodes = nodes
        self._next, self._previous, self._cursor = more, before, cursor

    @property
    def edges(self) -> list[Edge]:
        return [Edge(self._cursor(node), node) for node in self.nodes]

    @property
    def page_info(self) -> PageInfo:
        first = self._cursor(self.nodes[0]) if self.nodes else None
        last = self._cursor(self.nodes[-1]) if self.nodes else None
        return PageInfo(self._next, self._previous, first, last)


def make_cursor(last_id: int, last_value: float | int | str) -> str:
    raw = json.dumps({"last_id": last_id, "last_value": last_value}, separators=(",", ":"))
    return base64.b64encode(raw.encode()).decode()


def read_cursor(text: str) -> tuple[int, Any]:
    """The id and sort value in a cursor; a cursor that is not one of ours is a top-level error."""
    try:
        data = json.loads(base64.b64decode(text, validate=True))
        return int(data["last_id"]), data["last_value"]
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise top_level("Invalid cursor for current pagination sort.", "BAD_REQUEST") from error


def window(
    first: int | None, last: int | None, after: str | None = None, before: str | None = None
) -> tuple[int, bool]:
    """The size of the asked page and whether it is counted from the end."""
    if first is None and last is None:
        raise top_level("you must provide one of first or last", "BAD_REQUEST")
    if first is not None and last is not None:
        raise top_level("providing both first and last is not supported", "BAD_REQUEST")
    size = first if first is not None else last
    assert size is not None
    if size < 0:
        raise top_level("Non-negative integer expected for page size", "BAD_REQUEST")
    if size > MAX_PAGE:
        raise top_level(f"page size cannot exceed {MAX_PAGE}", "BAD_REQUEST")
    return size, first is None


def number_of(node: Any) -> int:
    """The number a node's cursor holds unless told otherwise."""
    return int(node.number_id)


def connect(
    items: Sequence[Any],
    *,
    first: int | None = None,
    last: int | None = None,
    after: str | None = None,
    before: str | None = None,
    reverse: bool = False,
    number: Callable[[Any], int] = number_of,
) -> Connection:
    """A page over a short list that is already in order; the cursor holds the item's number."""
    size, from_end = window(first, last)
    rows = list(reversed(items)) if reverse else list(items)
    start, end = 0, len(rows)
    if after is not None:
        start = _position(rows, after, number) + 1
    if before is not None:
        end = _position(rows, before, number)
    start = min(start, end)
    if from_end:
        low = max(start, end - size)
        page, more, earlier = rows[low:end], end < len(rows), low > 0
    else:
        high = min(end, start + size)
        page, more, earlier = rows[start:high], high < len(rows), start > 0
    return Connection(page, more, earlier, lambda node: make_cursor(number(node), number(node)))


def _position(rows: list[Any], cursor: str, number: Callable[[Any], int]) -> int:
    wanted, _ = read_cursor(cursor)
    for index, row in enumerate(rows):
        if number(row) == wanted:
            return index
    raise top_level("Invalid cursor for current pagination sort.", "BAD_REQUEST")
