"""What a connector has no call for is never sent and never lost: it stands refused, in words, and the rest goes on."""

from __future__ import annotations

import time

import msgspec
import pytest

from backhaul.domain.channel import ChannelUnit
from backhaul.domain.terms import Mode
from backhaul.domain.words import Kind, Stage
from tests.work.conftest import Bench


@pytest.mark.parametrize("mode", [Mode.LIVE, Mode.OBSERVE])
async def test_an_effect_that_the_connector_lacks_is_refused_in_words(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, mode: Mode
) -> None:
    known = bench.commerce.manifest
    fewer = {tag: safety for tag, safety in known.effects.items() if tag != "create_return"}
    monkeypatch.setattr(bench.commerce, "manifest", msgspec.structs.replace(known, effects=fewer))
    if mode is Mode.OBSERVE:
        await bench.commands.shops.set_mode(bench.shop_id, mode, "ann")
    bench.channel.ask("1", Kind.RETURN)
    asked, now = bench.channel.cases["1"], int(time.time())
    bench.channel.cases["1"] = msgspec.structs.replace(
        asked, stage=Stage.AWAITING_SHIPMENT, due=(), updated_at=now, units=(ChannelUnit("u", "l", seller_sku="SKU-1"),)
    )
    case = await bench.hear("1")
    await bench.attend(case)
    assert [state for kind, state in await bench.effects(case) if kind == "create_return"] == ["refused"]
    assert {type(each).__name__ for each in bench.commerce.sent} == ({"StampOrder"} if mode is Mode.LIVE else set()), (
        "the rest goes on"
    )
    row = await bench.pool.fetchrow("select * from exception where case_id = $1 and closed_at is null", case)
    assert row is not None
    assert row["key"].startswith("refused:create_return")
    assert "fake_commerce has no call for it" in row["text"]
    before = len(await bench.effects(case))
    await bench.hear("1")
    await bench.attend(case)
    assert len(await bench.effects(case)) == before, "it is not asked for again"
