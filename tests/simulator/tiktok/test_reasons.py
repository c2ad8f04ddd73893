"""The simulator's reason lists against the collected keys of all markets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from backhaul.simulator.tiktok import reasons
from backhaul.simulator.tiktok.market import MARKETS
from tests.skips import needs_spec


@needs_spec("tiktok-reason-keys.json")
def test_every_key_in_its_market_case_and_status(specs: Path) -> None:
    known = json.loads((specs / "tiktok-reason-keys.json").read_text(encoding="utf-8"))["reasons"]
    missing, seen = [], set()
    for row in known:
        for where in row["where"]:
            market, key = where["market"], row["key"]
            seen.add(market)
            if reasons.retired(market, key):
                continue
            for status in where.get("order_status") or [None]:
                if key not in reasons.keys(market, row["case"], row["used_by"], status):
                    missing.append((market, row["case"], row["used_by"], status, key))
    assert missing == []
    assert seen == {market.reasons for market in MARKETS.values()}


@pytest.mark.parametrize("region", sorted(MARKETS))
def test_each_market_has_reasons_for_what_happens_daily(region: str) -> None:
    market = MARKETS[region]
    assert reasons.keys(market.reasons, "RETURN_AND_REFUND", "BUYER", "DELIVERED")
    assert reasons.keys(market.reasons, "CANCEL", "SELLER")
    for use in ("SELLER_REJECT_REQUEST", "SELLER_REJECT_PARCEL"):
        assert reasons.keys(market.reasons, "RETURN_AND_REFUND", use), use
