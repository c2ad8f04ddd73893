"""Waiting times shorter than in production, so that a test of crashes lasts seconds. What waits stays the same."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from backhaul import wiring
from backhaul.kit.http import HttpClient
from backhaul.store import turns
from backhaul.work import attend, looking, sending

HOLD_S = 2.5  # a claim
LONGEST_S = 1.0  # a run gives its turn back before
LOOK_S = 1.4  # a read with all its calls
ATTEMPT_S = 1.0  # an attempt's bytes may leave
HTTP_S = 1.2  # a vendor's answer is waited for; less than a claim, as in production


def shorten(change: Callable[[Any, str, Any], None] = setattr) -> None:
    """Shorten claims, attempts and time-outs of this process; ``change`` may be monkeypatch's ``setattr``."""
    change(turns, "HOLD", timedelta(seconds=HOLD_S))
    change(attend, "LONGEST_S", LONGEST_S)
    change(looking, "LOOK_S", LOOK_S)
    change(sending, "ATTEMPT_S", ATTEMPT_S)

    @functools.wraps(HttpClient)
    def client(**options: Any) -> HttpClient:
        return HttpClient(**{**options, "timeout": HTTP_S})

    change(wiring, "HttpClient", client)
