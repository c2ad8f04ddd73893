"""How long a test waits for what is sure to come.

The limit ends a test that hangs. It promises no speed: a busy machine may take many times as long as an idle one.
"""

from __future__ import annotations

FACTOR = 6


def patient(seconds: float) -> float:
    """The limit for something that takes so many seconds, at the most, when nothing else runs."""
    return seconds * FACTOR
