"""The conductor of many stories: what it asks of the hub beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from backhaul.simulator.process import ControlClient
from backhaul.simulator.scenario.judging import Shown
from backhaul.simulator.scenario.model import Act, OrderPlan, Scenario, ShopPlan
from backhaul.simulator.scenario.player import Conductor
from backhaul.simulator.scenario.world import Play

HOUR = 3600.0


class Control:
    """A simulator without shops: its clock, and empty books."""

    def __init__(self) -> None:
        self.now = 1000.0

    async def clock(self) -> dict[str, float]:
        return {"now": self.now}

    async def step(self, seconds: float) -> None:
        self.now += seconds

    async def place_order(self, shop_id: str, lines: Any, **values: Any) -> dict[str, Any]:
        return {"id": f"order of {shop_id}", "line_ids": []}

    async def books(self, shop_id: str) -> dict[str, Any]:
        return {"shops": {shop_id: {"refunds": [], "labels": []}}, "commerce": {}}


class Hub:
    """A hub that is always done; it notes when it is told that a shop's stories are over."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self.left: list[tuple[str, float]] = []

    async def still(self) -> None: ...

    async def moving(self, seconds: float) -> None: ...

    async def wants(self) -> float | None:
        return None

    async def leave(self, shop_id: str) -> None:
        self.left.append((shop_id, self._control.now))


class Seller:
    async def act(self, play: Play, act: Act) -> None:
        raise AssertionError("no story here has an act")

    async def shown(self, play: Play, case: str) -> Shown | None:
        return None


def story(shop: str, hours: float) -> Play:
    scenario = Scenario(f"{shop} {hours}", Path("x"), "", "", (), ShopPlan(), OrderPlan(()), (), (), (), hours * HOUR)
    return Play(scenario, {"id": shop, "commerce": None, "desk": None})


async def test_a_shop_is_left_when_its_last_story_is_over_and_not_before() -> None:
    control = Control()
    hub = Hub(control)
    plays = [story("early", 1), story("early", 2), story("late", 3), story("late", 1)]
    await Conductor(cast(ControlClient, control), hub, Seller()).run(plays)
    assert all(play.judged and not play.complaints for play in plays)
    assert hub.left == [("early", 1000.0 + 2 * HOUR)]
