"""All of it for one merchant: their terms against the scenarios, in an installation that is thrown away."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

from backhaul.rehearsal.house import Terms, open_house
from backhaul.rehearsal.outcome import NOBODY, Outcome, outcome
from backhaul.simulator.scenario.model import Scenario
from backhaul.simulator.scenario.world import Play
from backhaul.store.embedded import EmbeddedPostgres
from backhaul.store.migrate import migrate
from backhaul.store.throwaway import ThrowawayFolder

# Nothing that a rehearsal writes has to outlive it.
_UNSAFE_BUT_FAST = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


async def rehearse(
    scenarios: Sequence[Scenario], terms: Terms, *, idle: Sequence[bool], heard: Callable[[Play, str], None]
) -> list[Outcome]:
    """What came of each story: with the people of the story, with nobody (`idle`), or both."""
    folder = ThrowawayFolder("backhaul-rehearsal")
    try:
        async with EmbeddedPostgres(folder.path, options=_UNSAFE_BUT_FAST) as dsn:
            await migrate(dsn)
            return await _played(scenarios, terms, idle, heard, dsn, folder.path)
    finally:
        await asyncio.to_thread(folder.remove)


async def _played(
    scenarios: Sequence[Scenario],
    terms: Terms,
    idle: Sequence[bool],
    heard: Callable[[Play, str], None],
    dsn: str,
    folder: Path,
) -> list[Outcome]:
    # The merchant's policy is everybody's here, so that shops differ by the rest alone.
    mine = [dataclasses.replace(each, shop=dataclasses.replace(each.shop, policy={})) for each in scenarios]
    async with open_house([each for each in mine for _ in idle], dsn, folder, terms=lambda plan: terms) as (
        house,
        plays,
    ):
        seen: dict[str, int] = {}
        for play in plays:
            number = seen.get(play.scenario.name, 0)
            play.idle = idle[number]
            seen[play.scenario.name] = number + 1
        await house.play(plays, strict=False, heard=heard)
        books = await house.control.books()
        found = [await outcome(house, play, books) for play in plays]
    order = {scenario.name: number for number, scenario in enumerate(scenarios)}
    return sorted(found, key=lambda each: (order[each.scenario], each.seller == NOBODY))
