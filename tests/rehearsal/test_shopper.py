"""What a buyer makes of a portal that does not do as it should: never a broken story, always what the page said."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from backhaul.rehearsal.seller import RestSeller
from backhaul.rehearsal.shopper import Shopper
from backhaul.simulator.scenario.model import CASE, Act, OrderPlan, Scenario, ShopPlan
from backhaul.simulator.scenario.world import Cast, NotYet, Play

FIND = """<p>{said}</p><form method="post" action="/portal"><input name="order" value="5766">
<input name="zip" value="{code}"><button>Find</button></form>"""
ORDER = """<p>Your order</p><a href="/order?kind=return">Return</a> <a href="/order?kind=refund">Refund</a>
<form method="post" action="/order"><input type="hidden" name="kind" value="{kind}">
<label><input type="checkbox" name="unit" value="1">A jacket</label>{more}
<select name="reason"><option value="">Choose</option><option value="late">Late</option></select>
<button>Ask</button></form>"""


class Portal:
    """A portal that says what it is told to say."""

    def __init__(self) -> None:
        self.asked: list[list[tuple[str, Any]]] = []
        self.codes: list[str] = []
        self.find_status, self.ask_status = 303, 303
        self.more = ""
        self.guards = True

    def app(self) -> web.Application:
        application = web.Application()
        application.add_routes(
            [
                web.get("/portal", self.find),
                web.post("/portal", self.look_up),
                web.get("/order", self.order),
                web.post("/order", self.ask),
            ]
        )
        return application

    def _page(self, text: str, status: int = 200) -> web.Response:
        return web.Response(text=text, status=status, content_type="text/html")

    async def find(self, request: web.Request) -> web.Response:
        return self._page(FIND.format(said="Find it", code="43085"))

    async def look_up(self, request: web.Request) -> web.Response:
        code = str((await request.post())["zip"])
        self.codes.append(code)
        if code != "43085" and self.guards:
            return self._page(FIND.format(said="No such order", code=code), 422)
        if self.find_status != 303:
            return self._page(FIND.format(said="Not now", code=code), self.find_status)
        raise web.HTTPSeeOther("/order")

    async def order(self, request: web.Request) -> web.Response:
        return self._page(ORDER.format(kind=request.query.get("kind", "return"), more=self.more))

    async def ask(self, request: web.Request) -> web.Response:
        self.asked.append(list((await request.post()).items()))
        if self.ask_status != 303:
            return self._page("<p>It is taken</p>", self.ask_status)
        raise web.HTTPSeeOther("/order")


class Seller:
    """Knows of a case as soon as one was asked for."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    async def case_of_buyer(self, play: Play, name: str) -> Cast | None:
        done = self._portal.asked and self._portal.ask_status == 303
        return Cast(name, "hub:7", "REFUND", 0) if done else None


@pytest.fixture
def portal() -> Portal:
    return Portal()


@pytest.fixture
async def address(portal: Portal) -> AsyncIterator[str]:
    async with TestServer(portal.app()) as server:
        yield str(server.make_url("/portal?order=5766&zip=43085"))


@pytest.fixture
def shopper(portal: Portal) -> Shopper:
    return Shopper(cast(RestSeller, Seller(portal)))


@pytest.fixture
def play() -> Play:
    scenario = Scenario("x", Path("x"), "", "", (), ShopPlan(), OrderPlan(()), (), (), (), 0.0)
    return Play(scenario, {"id": "7495"}, order={"id": "5766", "line_ids": ["1"]})


def act(do: str = "portal", **values: Any) -> Act:
    return Act(0.0, "buyer", do, CASE, {"kind": "REFUND", **values}, 3)


async def test_a_buyer_asks_once_for_what_is_offered(
    portal: Portal, address: str, shopper: Shopper, play: Play
) -> None:
    case = await shopper.ask(play, act(), address)
    assert (case.name, case.id) == (CASE, "hub:7")
    assert portal.asked == [[("kind", "refund"), ("unit", "1"), ("reason", "late")]]
    # The answer may have been lost: who comes again finds the case and does not ask twice.
    assert await shopper.ask(play, act(), address) == case
    assert len(portal.asked) == 1


async def test_wrong_codes_are_typed_as_often_as_told_and_not_again(
    portal: Portal, address: str, shopper: Shopper, play: Play
) -> None:
    portal.find_status = 503
    for _ in range(2):
        with pytest.raises(NotYet, match=r"the portal says \(503\): Not now"):
            await shopper.ask(play, act(wrong_code=2), address)
    assert [code == "43085" for code in portal.codes] == [False, False, True, True]


async def test_a_wrong_code_that_is_no_hindrance_is_told(
    portal: Portal, address: str, shopper: Shopper, play: Play
) -> None:
    portal.guards = False
    with pytest.raises(NotYet, match="a wrong postal code was no hindrance"):
        await shopper.ask(play, act(wrong_code=1), address)
    assert not portal.asked


@pytest.mark.parametrize(("status", "says"), [(422, "422"), (429, "429"), (503, "503"), (500, "500")])
async def test_what_the_portal_does_not_do_now_may_come(
    portal: Portal, address: str, shopper: Shopper, play: Play, status: int, says: str
) -> None:
    portal.find_status = status
    with pytest.raises(NotYet, match=says):
        await shopper.ask(play, act(), address)
    portal.find_status, portal.ask_status = 303, status
    with pytest.raises(NotYet, match=f"{says}.*It is taken"):
        await shopper.ask(play, act(), address)


async def test_what_is_not_offered_is_not_asked_for(portal: Portal, address: str, shopper: Shopper, play: Play) -> None:
    play.order["line_ids"] = ["1", "2"]
    with pytest.raises(NotYet, match="does not offer “worn”; it offers , late"):
        await shopper.ask(play, act(units=[1], reason="worn"), address)
    with pytest.raises(NotYet, match="does not offer “2”; it offers 1"):
        await shopper.ask(play, act(units=[2]), address)
    assert not portal.asked


async def test_a_buyer_looks_for_words(portal: Portal, address: str, shopper: Shopper, play: Play) -> None:
    await shopper.look(play, act("portal_look", sees="Your order"), address)
    with pytest.raises(NotYet, match=r"the portal says \(200\): Your order"):
        await shopper.look(play, act("portal_look", sees="Refunded"), address)


async def test_a_hub_that_does_not_answer_is_waited_for(shopper: Shopper, play: Play) -> None:
    for doing in (
        shopper.ask(play, act(), "http://127.0.0.1:1/"),
        shopper.look(play, act(sees="x"), "http://127.0.0.1:1/"),
    ):
        with pytest.raises(NotYet, match="the hub did not answer"):
            await doing
