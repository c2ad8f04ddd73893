"""Shops whose channel takes an answer for each unit. The simulator's books judge."""

from __future__ import annotations

from typing import Any

from backhaul.domain.facts import Capability
from backhaul.store import shops
from backhaul.work import sweep
from tests.e2e.conftest import Opener
from tests.e2e.stage import Stage


async def capability(stage: Stage) -> Capability | None:
    """What the hub has found of the shop."""
    return (await shops.capabilities(stage.hub.pool, stage.shop.id)).get("line_level")


async def found(stage: Stage, has: bool) -> Capability:
    """Wait until the hub knows it."""

    async def look() -> Capability | None:
        known = await capability(stage)
        return known if known is not None and known.has is has else None

    answer: Capability = await stage.until(look, 15, f"the capability {has}")
    return answer


async def test_what_a_shop_can_do_is_found_out_and_found_out_again(opener: Opener) -> None:
    async with opener() as stage:
        assert "refuses to search" in (await found(stage, False)).evidence
        await stage.control.change_shop(stage.shop.channel_id, switches={"batch_model": True})
        await stage.ask()
        assert "event" in (await found(stage, True)).evidence, "an event tells before the next day's search"
        await stage.control.change_shop(stage.shop.channel_id, switches={"batch_model": False})
        await stage.step(sweep.DETECT_S + 60)
        await stage.sync()
        assert "refuses to search" in (await found(stage, False)).evidence


async def test_the_search_alone_finds_it_and_people_see_why(opener: Opener) -> None:
    async with opener(spec={"switches": {"batch_model": True}}) as stage:
        known = await found(stage, True)
        assert known.at > 0
        headers = {"Authorization": f"Bearer {stage._token}"}
        async with stage.http.get(f"{stage.base}/api/v1/shops", headers=headers) as answer:
            shown: list[dict[str, Any]] = await answer.json()
        assert shown[0]["capabilities"]["line_level"]["has"] is True
        assert shown[0]["capabilities"]["line_level"]["evidence"] == known.evidence
