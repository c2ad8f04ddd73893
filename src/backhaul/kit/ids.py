"""Identifiers: time-ordered, derived from what they name, or secret."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from uuid import UUID

_lock = threading.Lock()
_last = 0  # milliseconds << 12 | counter of the newest id given out by this process


def uuid7(at: float | None = None) -> UUID:
    """A UUIDv7 (RFC 9562), strictly increasing within a process; ``at`` is Unix seconds, now when left out.

    The 12 bits after the milliseconds count within one millisecond (starting at random below 2048, so that several
    processes mix); when they run out the next millisecond is borrowed. An id made for a given moment has random bits
    there instead and does not move the counter.
    """
    if at is None:
        head = _next_head()
    else:
        head = int(at * 1000) << 12 | secrets.randbits(12)
    millis, counter = head >> 12, head & 0xFFF
    if not 0 <= millis < 1 << 48:
        raise ValueError("the moment does not fit a UUIDv7")
    return UUID(int=millis << 80 | 0x7 << 76 | counter << 64 | 0b10 << 62 | secrets.randbits(62))


def _next_head() -> int:
    global _last
    with _lock:
        fresh = time.time_ns() // 1_000_000 << 12 | secrets.randbits(11)
        _last = fresh if fresh >> 12 > _last >> 12 else _last + 1
        return _last


def stable_id(*parts: str) -> UUID:
    """The same parts give the same id, in every process and for ever (a UUIDv8 of their SHA-256).

    Each part is counted by its length, so ("ab", "c") and ("a", "bc") differ.
    """
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode()
        digest.update(len(raw).to_bytes(4, "big") + raw)
    value = int.from_bytes(digest.digest()[:16], "big")
    value = value & ~(0xF << 76) | 0x8 << 76
    return UUID(int=value & ~(0b11 << 62) | 0b10 << 62)


def secret_token(bits: int = 256) -> str:
    """A random URL-safe secret of at least ``bits`` bits."""
    return secrets.token_urlsafe(-(-bits // 8))
