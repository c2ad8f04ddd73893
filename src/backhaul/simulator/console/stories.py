"""Scenarios, played step by step: the console does what everybody else does, a client (or a person) is the seller.

Each step lets time pass until its act is due. The end is judged by the simulator's own books.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aiohttp import web

from backhaul.simulator.console.rendering import amount
from backhaul.simulator.files import FileMistake
from backhaul.simulator.process import ControlClient, ControlError
from backhaul.simulator.scenario import reading
from backhaul.simulator.scenario.judging import judge, never_twice
from backhaul.simulator.scenario.model import Act, Expected, Scenario, ShopPlan
from backhaul.simulator.scenario.vocabulary import IN_THE_PORTAL, NAMES_A_CASE
from backhaul.simulator.scenario.world import Cast, Mishap, NotYet, Play, World
from backhaul.simulator.tiktok.market import market

if TYPE_CHECKING:
    from backhaul.simulator.server import Simulator

_KEPT = 50


class StoryPages:
    """Pages of scenarios."""

    def __init__(
        self,
        simulator: Simulator,
        render: Callable[..., web.Response],
        said: Callable[[str, str, str], str],
    ) -> None:
        self._sim = simulator
        self._render = render
        self._said = said
        self._plays: dict[int, Play] = {}
        self._stories: list[Scenario] = []

    def routes(self) -> list[web.RouteDef]:
        """What is served here."""
        return [
            web.get("/scenarios", self.stories),
            web.get("/scenarios/{name}", self.story),
            web.post("/scenarios/{name}", self.begin),
            web.get("/plays/{number}", self.play),
            web.post("/plays/{number}", self.step),
        ]

    async def stories(self, request: web.Request) -> web.Response:
        """All stories, and those being played."""
        try:
            stories, mistake = await self._all(), ""
        except FileMistake as error:
            stories, mistake = [], str(error)
        wanted = request.query.get("q", "").strip().lower()
        if wanted:
            stories = [
                each for each in stories if wanted in f"{each.title} {each.story} {' '.join(each.covers)}".lower()
            ]
        return self._render(
            request, "scenarios.html", stories=stories, mistake=mistake, plays=self._plays, q=request.query.get("q", "")
        )

    async def _all(self) -> list[Scenario]:
        """All stories, read once and beside the event loop: the vendors must not stand still meanwhile."""
        if not self._stories:
            self._stories = await asyncio.to_thread(reading.read_all)
        return self._stories

    async def story(self, request: web.Request) -> web.Response:
        """One story: who does what when, and what must be true at the end."""
        story = await self._story(request)
        shops = [shop for shop in self._sim.channel.world.shops.values() if shop.market.region == story.shop.market]
        currency = market(story.shop.market).currency
        ends = [_facts(each, currency) for each in story.end]
        return self._render(request, "scenario.html", story=story, shops=shops, ends=ends)

    async def _story(self, request: web.Request) -> Scenario:
        name = request.match_info["name"]
        found = next((each for each in await self._all() if each.name == name), None)
        if found is None:
            raise LookupError(name)
        return found

    async def begin(self, request: web.Request) -> web.Response:
        """A buyer orders: in a shop of the story's own, or in the one that was chosen."""
        story, data = await self._story(request), await request.post()
        async with self._control() as control:
            chosen = self._sim.channel.world.shops.get(str(data.get("shop", "")))
            if chosen is None:
                number = len(self._sim.channel.world.shops) + 1
                shop = await control.add_shop(**_shop(story.shop, number))
                self._sim.authorise()
            else:
                shop = self._sim.describe_shop(chosen)
            play = Play(story, shop)
            try:
                await World(control).begin(play, self._sim.clock.now())
            except Mishap as error:
                raise web.HTTPSeeOther(self._said(f"/scenarios/{story.name}", f"Not done: {error}", "bad")) from None
        number = max(self._plays, default=0) + 1
        self._plays[number] = play
        self._plays.pop(number - _KEPT, None)
        raise web.HTTPSeeOther(self._said(f"/plays/{number}", "The order is placed; the story runs.", "good"))

    async def play(self, request: web.Request) -> web.Response:
        """How far a story is."""
        number, play = self._playing(request)
        now = self._sim.clock.now()
        return self._render(
            request,
            "play.html",
            play=play,
            number=number,
            story=play.scenario,
            now=now,
            with_the_client=_with_the_client,
        )

    def _playing(self, request: web.Request) -> tuple[int, Play]:
        text = request.match_info["number"]
        play = self._plays.get(int(text)) if text.isdigit() else None
        if play is None:
            raise LookupError(text)
        return int(text), play

    async def step(self, request: web.Request) -> web.Response:
        """The next act, or the end: time passes until it is due, then it happens."""
        number, play = self._playing(request)
        act = play.next_act
        async with self._control() as control:
            due = play.begun + (play.scenario.until if act is None else act.at)
            if due > self._sim.clock.now():
                await control.call("POST", "/clock", {"set": due})
            try:
                await self._find(control, play)
                text, tone = await self._happens(control, play)
            except (Mishap, NotYet, ControlError) as error:
                text, tone = f"Not possible yet: {error}", "bad"
        raise web.HTTPSeeOther(self._said(f"/plays/{number}", text, tone))

    async def _happens(self, control: ControlClient, play: Play) -> tuple[str, str]:
        act = play.next_act
        if act is None:
            await self._judge(control, play)
            return ("It is not as it should be.", "bad") if play.complaints else ("All is as it should be.", "good")
        if _with_the_client(act):
            play.done += 1
            return f"Taken as done {'by the seller' if act.by == 'seller' else 'in the portal'}.", "good"
        await World(control).act(play, act)
        play.done += 1
        return f"{act.by.capitalize()}: {act.do.replace('_', ' ')}.", "good"

    @staticmethod
    async def _find(control: ControlClient, play: Play) -> None:
        """What the client has begun is known by its order, as soon as the channel has it."""
        done = play.scenario.acts[: play.done]
        begun = [act for act in done if (act.by, act.do) in NAMES_A_CASE and act.case not in play.cases]
        if not begun:
            return
        books = (await control.books(play.shop["id"]))["shops"][play.shop["id"]]
        mine = {case.id for case in play.cases.values()}
        rows = [row for row in books["returns"].values() if row["order_id"] == play.order["id"]]
        fresh = [row for row in rows if row["id"] not in mine]
        for act, row in zip(begun, fresh, strict=False):
            play.cases[act.case] = Cast(act.case, row["id"], row["type"], row["total"])

    async def _judge(self, control: ControlClient, play: Play) -> None:
        books = await control.books(play.shop["id"])
        # What a hub shows cannot be seen from here.
        ends = [replace(each, hub=None, ended=None, exceptions=None, questions=None) for each in play.scenario.end]
        shown: dict[str, Any] = {each.case: None for each in ends}
        play.complaints = judge(play, ends, books, shown, calm=False) + never_twice(play, books)
        play.judged = True

    def _control(self) -> ControlClient:
        return ControlClient(self._sim.addresses["control"])


def _with_the_client(act: Act) -> bool:
    """Neither the seller nor a portal is played here: whoever presses says that it was done with the client."""
    return act.by == "seller" or (act.by, act.do) in IN_THE_PORTAL


def _shop(plan: ShopPlan, number: int) -> dict[str, Any]:
    return {
        "name": f"Story {number}",
        "region": plan.market,
        "commerce_domain": f"sim-story-{number}.myshopify.com" if plan.commerce else None,
        "switches": dict(plan.switches),
        "clocks": dict(plan.clocks),
        "connector": {"delay_seconds": 0.0, "style": "tag", **plan.connector},
        "desk": "" if plan.desk == "own" else plan.desk,
        "desk_settings": {} if plan.desk == "own" else dict(plan.workflows),
    }


def _facts(end: Expected, currency: str) -> dict[str, Any]:
    """What is looked at, by name."""
    names = ("channel", "decided", "others", "paid", "booked", "booked_by", "returns", "stock", "labels", "desk")
    facts = {name: getattr(end, name) for name in names if getattr(end, name) not in (None, ())}
    return {name: amount(value, currency) if name in ("paid", "booked") else value for name, value in facts.items()}
