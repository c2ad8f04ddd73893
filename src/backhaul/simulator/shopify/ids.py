"""Global ids as the vendor writes them: ``gid://shopify/<Type>/<digits>``."""

from __future__ import annotations

import random
import re

_GID = re.compile(r"^gid://shopify/([A-Za-z]+)/([0-9]+)(?:\?.*)?$")


def gid(kind: str, number: int) -> str:
    return f"gid://shopify/{kind}/{number}"


def parse_gid(text: str) -> tuple[str, int] | None:
    """The type and the number of a global id, or None when it is not one."""
    found = _GID.match(text)
    return (found.group(1), int(found.group(2))) if found else None


class IdSource:
    """Thirteen-digit numbers that only grow, with uneven gaps; the same seed gives the same row."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._last = rng.randrange(5_600_000_000_000, 6_900_000_000_000)

    def next(self) -> int:
        self._last += 32_768 + self._rng.randrange(1, 30_000)
        return self._last
