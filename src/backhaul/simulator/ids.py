"""Vendor-like ids made from the seed: 18 or 19 digits as text, in growing order, never the same twice."""

from __future__ import annotations

import random
import string
from dataclasses import dataclass

_STEP = 2477


@dataclass(frozen=True, slots=True)
class Block:
    """Ids in even steps, which can be read back into their numbers."""

    prefix: str
    room: int
    first: int
    count: int

    def text(self, number: int) -> str:
        """The id with this number."""
        return self.prefix + str(self.first + number * _STEP)

    def number(self, text: str) -> int | None:
        """The number of an id; None for one that is not of this block."""
        if len(text) != len(self.prefix) + self.room or not text.startswith(self.prefix) or not text.isdigit():
            return None
        number, rest = divmod(int(text[len(self.prefix) :]) - self.first, _STEP)
        return number if rest == 0 and 0 <= number < self.count else None


class Ids:
    """Numbers the objects of one world. The same seed gives the same ids in the same order."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._last: dict[str, int] = {}

    def decimal(self, prefix: str, digits: int) -> str:
        """The next id that starts with `prefix` and has `digits` digits."""
        room = digits - len(prefix)
        last = self._last.get(prefix)
        if last is None:
            last = self._rng.randrange(10 ** (room - 1), 2 * 10 ** (room - 1))
        value = self._last[prefix] = last + 1 + int(self._rng.random() * 4999)  # a third of what randrange takes
        return f"{prefix}{value:0{room}d}"

    def block(self, prefix: str, digits: int, count: int) -> Block:
        """So many ids at once, none of which `decimal` gives out any more."""
        room = digits - len(prefix)
        if count * _STEP >= 8 * 10 ** (room - 1):
            raise ValueError(f"{count} ids do not fit into {digits} digits behind {prefix}")
        first = int(self.decimal(prefix, digits)[len(prefix) :])
        self._last[prefix] = first + count * _STEP
        return Block(prefix, room, first, count)

    def word(self, prefix: str, length: int = 24) -> str:
        """A random token of letters and digits behind a prefix."""
        alphabet = string.ascii_letters + string.digits
        return prefix + "".join(self._rng.choice(alphabet) for _ in range(length))
