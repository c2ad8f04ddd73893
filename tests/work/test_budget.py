"""Who may spend a vendor's budget to which depth, when it is nearly used up."""

from __future__ import annotations

from contextvars import ContextVar
from uuid import uuid4

import msgspec
import pytest

from backhaul.ports.errors import Unavailable
from backhaul.work import budget
from backhaul.work.budget import OUTSIDE, URGENT, Purse
from tests.work.conftest import Bench, FakeChannel

SAVED = 10.0


async def _spend(purse: Purse, who: ContextVar[bool] | None) -> int:
    """Calls until there would be a wait."""
    token = who.set(True) if who is not None else None
    try:
        for calls in range(100):
            try:
                await purse.take("orders")
            except Unavailable:
                return calls
    finally:
        if who is not None and token is not None:
            who.reset(token)
    raise AssertionError("the budget has no end")


async def test_half_is_kept_from_people_outside_and_a_fifth_for_people_and_deadlines(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "PATIENCE_S", 0.0)
    terms = msgspec.structs.replace(FakeChannel.manifest, budget_burst=SAVED, budget_per_s=0.0001)
    purse = Purse(bench.pool, uuid4(), "shop", terms)
    assert [await _spend(purse, who) for who in (OUTSIDE, None, URGENT)] == [5, 3, 2]
