"""Vendor-like ids made from the seed: 18 or 19 digits as text, in growing order, never the same twice."""

from __future__ import annotations

import random
import string


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
        value = self._last[prefix] = last + self._rng.randrange(1, 5000)
        return f"{prefix}{value:0{room}d}"

    def word(self, prefix: str, length: int = 24) -> str:
        """A random token of letters and digits behind a prefix."""
        alphabet = string.ascii_letters + string.digits
        return prefix + "".join(self._rng.choice(alphabet) for _ in range(length))
