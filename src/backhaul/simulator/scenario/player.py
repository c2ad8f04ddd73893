"""Plays many stories at once on one time-line.

The conductor does what is due, waits until the hub has nothing left to do, and moves the simulator's clock to whatever
comes next: an act, a look into the books, or a moment for which the hub has asked. What is not possible yet (a seller
cannot answer before the hub has heard the question) is tried again for a while; the acts of one story keep their order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from backhaul.simulator.process import ControlClient, ControlError
from backhaul.simulator.scenario.judging import Shown, judge, never_twice
from backhaul.simulator.scenario.model import Act, Expected
from backhaul.simulator.scenario.world import Mishap, NotYet, Play, Shopper, World

HOUR = 3600.0
PATIENCE = 30 * HOUR  # virtual seconds that an act, or on bad days the end, may wait for its turn
_FIRST_WAIT, _LONGEST_WAIT = 120.0, 2 * HOUR
_SOON = 600.0
_LOOKS, _PAUSE = 8, 1.0  # real seconds apart
_GRAIN, _GRAIN_ON_BAD_DAYS = 60.0, 300.0  # what comes within the same minute, or minutes, is done together


class Seller(Protocol):
    """The seller's side of a story: a hub, or a person before one."""

    async def act(self, play: Play, act: Act) -> None:
        """Does what the story says. Raises NotYet while that is not possible, Mishap when it never will be."""
        ...

    async def shown(self, play: Play, case: str) -> Shown | None:
        """What the hub shows of a case; None when it has none, or nobody can say. Raises Mishap when it fails to."""
        ...


class Hub(Protocol):
    """The hub as far as time goes."""

    async def still(self) -> None:
        """Returns when nothing is left to do at this moment. Raises Mishap when that does not come."""
        ...

    async def moving(self, seconds: float) -> None:
        """The clock is about to be moved on."""
        ...

    async def wants(self) -> float | None:
        """The next virtual time at which it has something to do that must not be jumped over."""
        ...

    async def hurries(self) -> float | None:
        """The next virtual time at which it does what would be too late a few minutes after."""
        ...

    async def leave(self, shop_id: str) -> None:
        """All stories of this shop are over: what it still has to do there need not be waited for."""
        ...


class Conductor:
    """Plays until every story has been judged. `heard` is told of each act and each verdict.

    `strict`: a story whose next act does not become possible has failed. Otherwise the act is left out, as when a
    merchant's own rules have answered before the seller of the story could. A story that breaks is over, and the
    others go on.
    """

    def __init__(
        self,
        control: ControlClient,
        hub: Hub,
        seller: Seller,
        *,
        shopper: Shopper | None = None,
        calm: bool = True,
        strict: bool = True,
        heard: Callable[[Play, str], None] = lambda play, text: None,
    ) -> None:
        self._control, self._hub, self._seller = control, hub, seller
        self._world = World(control, shopper)
        self._calm, self._strict = calm, strict
        self._heard = heard
        self._since: dict[int, float] = {}  # story -> since when its next act waits
        self._late: dict[int, list[str]] = {}  # story -> what was wrong when its end should have come
        self._tries = 0
        self._now = 0.0
        self._over: set[str] = set()  # shops

    async def run(self, plays: Sequence[Play]) -> None:
        """Plays them; what was wrong stands in each one's complaints."""
        try:
            await self._run(plays)
        except (Mishap, ControlError) as error:  # of all, not of one: what has been judged stands
            for play in plays:
                if not play.judged:
                    self._break(play, str(error))

    async def _run(self, plays: Sequence[Play]) -> None:
        self._now = (await self._control.clock())["now"]
        await asyncio.gather(*(self._begin(play) for play in plays))
        while True:
            await self._hub.still()
            while await self._acts(plays):
                await self._hub.still()
            await self._look(plays)
            if all(play.judged for play in plays):
                return
            await self._move(plays)

    async def _begin(self, play: Play) -> None:
        try:
            await self._world.begin(play, self._now)
        except Mishap as error:
            self._break(play, str(error))

    def _break(self, play: Play, why: str) -> None:
        """The story is over, and cannot be judged by what came of it."""
        play.broken = why
        play.complaints.append(why)
        play.judged = True
        self._since.pop(id(play), None)
        self._late.pop(id(play), None)
        self._heard(play, "the end")

    # -- acts

    async def _acts(self, plays: Sequence[Play]) -> bool:
        """One act of each story whose next one is due. Whether any was done."""
        due = [play for play in plays if not play.judged and self._due(play)]
        done = await asyncio.gather(*(self._act(play) for play in due))
        return any(done)

    def _due(self, play: Play) -> bool:
        act = play.next_act
        return act is not None and self._now >= play.begun + act.at

    async def _act(self, play: Play) -> bool:
        act = play.next_act
        assert act is not None
        try:
            if act.by == "seller" and not play.idle:
                await self._seller.act(play, act)
            elif act.by == "seller":
                pass
            else:
                if act.case in play.cases and play.case_of(act).nameless:
                    await self._seller.shown(play, act.case)  # the hub may know by now what the channel calls it
                await self._world.act(play, act)
        except NotYet as error:
            since = self._since.setdefault(id(play), self._now)
            play.waits = str(error)
            if self._now - since < PATIENCE:
                return False
            if self._strict and not play.idle:
                play.complaints.append(f"line {act.line}: {act} was not possible: {error}")
                play.judged = True
                return False
            play.left_out.append(str(act))
        except Mishap as error:
            self._break(play, f"line {act.line}: {error}")
            return False
        self._since.pop(id(play), None)
        play.waits = ""
        play.done += 1
        self._tries = 0
        self._heard(play, str(act))
        return True

    # -- looks

    async def _look(self, plays: Sequence[Play]) -> None:
        wanted = await self._hub.wants()
        soon = wanted is not None and wanted - self._now <= _SOON
        # What the hub will do within minutes belongs to what has just happened; but not for ever.
        ready = [
            play
            for play in plays
            if not play.judged
            and id(play) not in self._since
            and not (soon and self._now < self._due_look(play) + HOUR)
        ]
        await asyncio.gather(*(self._look_at(play) for play in ready))

    async def _look_at(self, play: Play) -> None:
        try:
            await self._check(play)
            if play.next_act is None and self._now >= play.begun + play.scenario.until:
                await self._end(play)
        except Mishap as error:
            self._break(play, str(error))

    async def _check(self, play: Play) -> None:
        checks = play.scenario.checks
        while play.checked < len(checks) and self._now >= play.begun + (checks[play.checked].at or 0.0):
            check = checks[play.checked]
            play.checked += 1
            if self._calm:  # on bad days things take longer; it is the end that must be the same
                play.complaints += [f"line {check.line}: {text}" for text in await self._verdict(play, [check])]

    def _due_look(self, play: Play) -> float:
        """When the next look into the books of a story was due."""
        checks = play.scenario.checks
        at = checks[play.checked].at if play.checked < len(checks) else play.scenario.until
        return play.begun + (at or 0.0)

    async def _end(self, play: Play) -> None:
        found = await self._verdict(play, play.scenario.end)
        over = self._now - play.begun - play.scenario.until
        if found and over < PATIENCE and await self._may_come(play):
            self._late[id(play)] = found
            return
        self._late.pop(id(play), None)
        play.complaints += found
        play.judged = True
        self._heard(play, "the end")

    async def _verdict(self, play: Play, expected: Sequence[Expected]) -> list[str]:
        """What is wrong at this moment of simulated time. The hub may have learnt of the moment a little late: where
        the end must be as written it is given real seconds, in which no simulated time passes."""
        found = await self._judge(play, expected)
        for _ in range(_LOOKS if self._calm and self._strict else 0):
            if not found:
                break
            await asyncio.sleep(_PAUSE)
            await self._hub.still()
            found = await self._judge(play, expected)
        return found

    async def _may_come(self, play: Play) -> bool:
        """Whether what is not as written may only be late: on a bad day, and where other rules than the story's may
        have brought the case another way round, as long as something is left to do."""
        if not self._calm:
            return True
        if self._strict or play.idle:
            return False
        shown = [await self._seller.shown(play, case) for case in play.cases]
        return any(each is None or not each.ended for each in shown)

    async def _judge(self, play: Play, expected: Sequence[Expected]) -> list[str]:
        cases = [each.case for each in expected if each.case in play.cases]
        shown: Mapping[str, Any] = {case: await self._seller.shown(play, case) for case in cases}
        books = await self._control.books(play.shop["id"])
        return judge(play, expected, books, shown, calm=self._calm) + never_twice(play, books)

    # -- time

    async def _move(self, plays: Sequence[Play]) -> None:
        await self._leave(plays)
        times = [at for play in plays if not play.judged for at in self._times(play) if at > self._now]
        wanted = await self._hub.wants()
        if wanted is not None:
            times.append(wanted)
        if self._since or self._late:
            self._tries += 1
            times.append(self._now + min(_LONGEST_WAIT, _FIRST_WAIT * 3**self._tries))
        at = max(min(times), self._now + (_GRAIN if self._calm else _GRAIN_ON_BAD_DAYS))
        hurried = await self._hub.hurries()
        if hurried is not None:
            at = min(at, max(hurried, self._now + 1))
        await self._hub.moving(at - self._now)
        await self._control.step(at - self._now)
        self._now = (await self._control.clock())["now"]

    async def _leave(self, plays: Sequence[Play]) -> None:
        over = {play.shop["id"] for play in plays} - {play.shop["id"] for play in plays if not play.judged}
        for shop_id in sorted(over - self._over):
            await self._hub.leave(shop_id)
        self._over |= over

    def _times(self, play: Play) -> list[float]:
        scenario, act = play.scenario, play.next_act
        times = [scenario.until] if act is None else [act.at]
        times += [check.at or 0.0 for check in scenario.checks[play.checked : play.checked + 1]]
        return [play.begun + at for at in times]
