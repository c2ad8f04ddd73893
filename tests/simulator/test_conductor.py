"""The conductor of many stories: what it asks of the hub beside them."""

from __future__ import annotations

import dataclasses
import socket
from pathlib import Path
from typing import Any, cast

import pytest

from backhaul.rehearsal.api import ApiRefused
from backhaul.rehearsal.seller import RestSeller
from backhaul.simulator.process import ControlClient, ControlError
from backhaul.simulator.scenario.judging import Shown, judge
from backhaul.simulator.scenario.model import CASE, Act, Expected, OrderPlan, Scenario, ShopPlan
from backhaul.simulator.scenario.player import Conductor
from backhaul.simulator.scenario.world import Cast, Mishap, NotYet, Play

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
        return {"shops": {shop_id: {"refunds": [], "labels": [], "returns": {}, "decisions": []}}, "commerce": {}}


class Hub:
    """A hub that is always done; it notes when it is told that a shop's stories are over."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self.left: list[tuple[str, float]] = []
        self.hurry: float | None = None

    async def still(self) -> None: ...

    async def moving(self, seconds: float) -> None: ...

    async def wants(self) -> float | None:
        return None

    async def hurries(self) -> float | None:
        return self.hurry if self.hurry is not None and self.hurry > self._control.now else None

    async def leave(self, shop_id: str) -> None:
        self.left.append((shop_id, self._control.now))


class Seller:
    async def act(self, play: Play, act: Act) -> None:
        raise AssertionError("no story here has an act")

    async def shown(self, play: Play, case: str) -> Shown | None:
        return None


def story(shop: str, hours: float, *acts: Act) -> Play:
    scenario = Scenario(f"{shop} {hours}", Path("x"), "", "", (), ShopPlan(), OrderPlan(()), acts, (), (), hours * HOUR)
    return Play(scenario, {"id": shop, "commerce": None, "desk": None})


async def test_a_shop_is_left_when_its_last_story_is_over_and_not_before() -> None:
    control = Control()
    hub = Hub(control)
    plays = [story("early", 1), story("early", 2), story("late", 3), story("late", 1)]
    await Conductor(cast(ControlClient, control), hub, Seller()).run(plays)
    assert all(play.judged and not play.complaints for play in plays)
    assert hub.left == [("early", 1000.0 + 2 * HOUR)]


class Clumsy(Seller):
    """Cannot do one act."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def act(self, play: Play, act: Act) -> None:
        if act.do == "approve":
            raise self._error


@pytest.mark.parametrize("strict", [True, False])
async def test_a_story_that_breaks_is_over_and_the_others_go_on(strict: bool) -> None:
    control = Control()
    plays = [story("one", 5, act("approve", 3)), story("two", 7, act("wait", 4))]
    seller = Clumsy(Mishap("the hub refused: 400"))
    await Conductor(cast(ControlClient, control), Hub(control), seller, strict=strict).run(plays)
    broken, fine = plays
    assert broken.broken == "line 3: the hub refused: 400"
    assert (broken.complaints, broken.done) == (["line 3: the hub refused: 400"], 0)
    assert (fine.broken, fine.complaints, fine.done) == ("", [], 1)
    assert control.now >= 1000.0 + 7 * HOUR


async def test_an_order_that_cannot_be_placed_breaks_its_story_alone() -> None:
    control = Control()
    place = control.place_order

    async def refuse(shop_id: str, lines: Any, **values: Any) -> dict[str, Any]:
        if shop_id == "odd":
            raise ControlError(400, "no such SKU", None)
        return await place(shop_id, lines, **values)

    control.place_order = refuse  # type: ignore[method-assign]
    plays = [story("odd", 1), story("fine", 2)]
    await Conductor(cast(ControlClient, control), Hub(control), Seller()).run(plays)
    assert plays[0].broken == "the order could not be placed: 400: no such SKU"
    assert (plays[1].broken, plays[1].complaints) == ("", [])


@pytest.mark.parametrize(
    ("error", "becomes", "says"),
    [
        (ApiRefused(400, "no such reason"), Mishap, "seller: waive: the hub refused: 400 no such reason"),
        (ApiRefused(404, "no such case"), NotYet, "seller: waive: 404 no such case"),
        (TimeoutError(), Mishap, "seller: waive: the hub did not answer: TimeoutError"),
    ],
)
async def test_what_the_hub_refuses_for_good_is_the_storys_failure(
    error: Exception, becomes: type[Exception], says: str
) -> None:
    class Refusing:
        async def get(self, path: str, **query: str) -> Any:
            return {"case": {"id": "7"}}

        async def post(self, path: str, body: dict[str, Any]) -> Any:
            raise error

    seller = RestSeller(cast(Any, Refusing()), {})
    play = story("one", 1)
    play.cases[CASE] = Cast(CASE, "4035", "REFUND", 100)
    seller._known["4035"] = "7"
    with pytest.raises(becomes, match=says):
        await seller.act(play, act("waive", 1, lane="money"))


def act(do: str, line: int, **values: Any) -> Act:
    return Act(0.0, "seller", do, CASE, values, line)


async def test_a_hub_that_does_not_come_to_rest_leaves_what_has_been_judged() -> None:
    control = Control()

    class Restless(Hub):
        async def still(self) -> None:
            if control.now > 1000.0 + 2 * HOUR:
                raise Mishap("the hub has not come to rest")

    plays = [story("early", 1), story("late", 3)]
    await Conductor(cast(ControlClient, control), Restless(control), Seller()).run(plays)
    assert (plays[0].broken, plays[0].complaints) == ("", [])
    assert plays[1].broken == "the hub has not come to rest"


async def test_a_simulator_that_is_gone_ends_the_stories_and_says_so() -> None:
    control = Control()
    step = control.step

    async def gone(seconds: float) -> None:
        if control.now > 1000.0:
            raise ControlError(503, "the simulator does not answer", None)
        await step(seconds)

    control.step = gone  # type: ignore[method-assign]
    plays = [story("early", 1), story("late", 3)]
    await Conductor(cast(ControlClient, control), Hub(control), Seller()).run(plays)
    assert [play.broken for play in plays] == ["", "503: the simulator does not answer"]


class Shopper:
    """A buyer who goes where the app leads."""

    def __init__(self) -> None:
        self.went: list[str] = []

    async def ask(self, play: Play, act: Act, address: str) -> Cast:
        self.went.append(address)
        return Cast(act.case, "hub:7", "REFUND", 0)

    async def look(self, play: Play, act: Act, address: str) -> None:
        self.went.append(f"again {address}")


@pytest.mark.parametrize(
    ("button", "shopper", "says"),
    [
        ("http://h/portal", Shopper(), ""),
        ("http://h/portal", None, "line 3: buyer: portal: nobody here follows the link http://h/portal"),
        (None, Shopper(), "line 3: buyer: portal: the app opens the channel's own form; the shop has no redirect"),
    ],
)
async def test_a_buyer_goes_where_the_app_leads(button: str | None, shopper: Shopper | None, says: str) -> None:
    class Leading(Control):
        async def return_button(self, order_id: str) -> str | None:
            return button

    control = Leading()
    acts = (dataclasses.replace(act("portal", 3), by="buyer"), dataclasses.replace(act("portal_look", 4), by="buyer"))
    play = story("one", 1, *acts)
    await Conductor(cast(ControlClient, control), Hub(control), Seller(), shopper=shopper).run([play])
    assert play.broken == says
    if not says:
        assert shopper is not None
        assert shopper.went == [button, f"again {button}"]
        assert play.cases[CASE].nameless


def test_a_case_that_is_never_to_begin_on_the_channel_is_looked_for_there() -> None:
    play = story("one", 1)
    play.order = {"id": "5766"}
    play.cases[CASE] = Cast(CASE, "hub:7", "REFUND", 0)
    of_shop: dict[str, Any] = {"refunds": [], "labels": [], "decisions": [], "returns": {}, "cancellations": {}}
    books = {"shops": {"one": of_shop}, "commerce": {}}
    expected = [Expected(CASE, 1, channel="unknown", decided=(), paid=0)]
    assert judge(play, expected, books, {}, calm=True) == []
    of_shop["returns"]["4035"] = {"order_id": "5766", "status": "X"}
    of_shop["returns"]["4036"] = {"order_id": "another", "status": "X"}
    assert judge(play, expected, books, {}, calm=True) == [
        "the channel has cases of the order that nobody was to begin: 4035"
    ]


async def test_nobody_behind_an_address_is_told_like_any_other_refusal() -> None:
    with socket.socket() as nobody:  # bound, and not listening
        nobody.bind(("127.0.0.1", 0))
        async with ControlClient(f"http://127.0.0.1:{nobody.getsockname()[1]}") as client:
            with pytest.raises(ControlError, match="503: the simulator does not answer"):
                await client.clock()


@pytest.mark.parametrize(("idle", "hours"), [(False, 3.0), (True, 1.0)])
async def test_under_other_rules_a_case_may_end_later_than_written_unless_nobody_acts(idle: bool, hours: float) -> None:
    control = Control()

    class Late(Seller):
        async def shown(self, play: Play, case: str) -> Shown | None:
            return Shown("closed", control.now >= 1000.0 + 3 * HOUR)

    play = story("one", 1)
    play.scenario = dataclasses.replace(play.scenario, end=(Expected(CASE, 1, ended=True),))
    play.idle = idle
    play.cases[CASE] = Cast(CASE, "4035", "REFUND", 100)
    await Conductor(cast(ControlClient, control), Hub(control), Late(), strict=False).run([play])
    assert bool(play.complaints) is idle
    assert hours <= (control.now - 1000.0) / HOUR < hours + 2.5


async def test_what_the_hub_must_do_soon_is_not_done_together_with_what_comes_minutes_later() -> None:
    control = Control()
    hub = Hub(control)
    hub.hurry = control.now + 20
    moved: list[float] = []
    step = control.step

    async def seen(seconds: float) -> None:
        moved.append(seconds)
        await step(seconds)

    control.step = seen  # type: ignore[method-assign]
    await Conductor(control, hub, Seller(), calm=False).run([story("s", 2)])  # type: ignore[arg-type]
    assert (moved[0], len(moved)) == (20, 2)
