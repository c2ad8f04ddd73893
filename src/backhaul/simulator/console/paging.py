"""Pages of a list, newest first: no more is walked than is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar

from aiohttp import web

Row = TypeVar("Row")
SIZE = 50


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows of one page, the filters it was asked with, and whether there are newer and older ones."""

    rows: list[Row]
    number: int
    more: bool
    filters: dict[str, str]

    def link(self, path: str, number: int) -> dict[str, Any]:
        """The query of another page of the same list."""
        return {**self.filters, "page": number if number > 1 else ""}


def page(
    request: web.Request, rows: Iterable[Row], names: tuple[str, ...], fits: Callable[[Row, dict[str, str]], bool]
) -> Page[Row]:
    """The page that a request asks for with `page` and the filters `names`."""
    filters = {name: request.query.get(name, "").strip() for name in names}
    text = request.query.get("page", "1")
    number = max(1, int(text)) if text.isascii() and text.isdigit() else 1
    fitting = rows if not any(filters.values()) else (row for row in rows if fits(row, filters))
    found = list(islice(fitting, (number - 1) * SIZE, number * SIZE + 1))
    return Page(found[:SIZE], number, len(found) > SIZE, filters)
