"""Which lines of a return a mutation names, and how many pieces of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from .errors import refuse
from .things import Numbered

L = TypeVar("L", bound=Numbered)


def chosen(
    lines: Iterable[L], inputs: list[dict[str, Any]], root: list[str], name: str, left: Callable[[L], int], what: str
) -> list[tuple[L, int]]:
    """The lines that the field ``name`` of the inputs gives by id, with their quantities; the same line may come more
    than once. Refused where a line is unknown or has fewer pieces ``left``; ``what`` is the vendor's word for it."""
    known = {line.id: line for line in lines}
    found: list[tuple[L, int]] = []
    used: dict[str, int] = {}
    for place, data in enumerate(inputs):
        line = known.get(data[name])
        if line is None:
            raise refuse([*root, str(place), name], f"{what} was not found.", "NOT_FOUND")
        used[line.id] = used.get(line.id, 0) + data["quantity"]
        if data["quantity"] < 1 or used[line.id] > left(line):
            raise refuse([*root, str(place), "quantity"], f"{what} has an invalid quantity.", "INVALID")
        found.append((line, data["quantity"]))
    return found
