"""All scenarios at once, in one installation: on a good day as they are written, on bad days to the same end."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from backhaul.rehearsal.house import House, open_house
from backhaul.simulator.moods import KINDS, Mood, Moods
from backhaul.simulator.scenario.reading import read_all
from backhaul.simulator.scenario.rows import ROWS, passed
from backhaul.simulator.scenario.world import Play

SEEDS = range(20)
SOAK_SEEDS = (*range(20), *range(100, 140))
# These hold a call back in real time. How long does not change what comes after, only how long the tests take.
IN_REAL_TIME, REAL_S = {"slow", "timeout_before", "timeout_after"}, 0.1
# On a bad day the seller's own automation may be quicker than their app: an approval is then its, and the end the same.
# Not so for APPROVE_RETURN, which also says that the buyer may keep the goods: automation would have them back.
AUTOMATION = Mood("auto_approve", "tiktok", "APPROVE_RE[FC]*", 0.1)


pytestmark = pytest.mark.usefixtures("warm_simulators")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where an installation may lie."""
    os.chmod(tmp_path, 0o700)
    return tmp_path


async def _play(dsn: str, folder: Path, moods: Iterable[Mood], seed: int, share: int = 1) -> list[Play]:
    """Plays them (one in ``share``, by name) and judges what no single story can: nothing went wrong beside them."""
    weather = list(moods)
    chosen = [each for each in read_all() if (zlib.crc32(each.name.encode()) + seed) % share == 0]
    async with open_house(chosen, dsn, folder, seed=seed) as (house, plays):
        await _let(house, weather)
        await house.play(plays, calm=not weather)
        books = await house.control.books()
        struck = [each["kind"] for each in (await house.control.call("GET", "/moods"))["moods"] if each["struck"]]
    assert bool(struck) == bool(weather), "a bad day is one on which something struck"
    wrong = {play.scenario.name: play.complaints for play in plays if play.complaints}
    assert wrong == {}
    assert books["problems"] == []
    assert all(store["money_moved"] == [] and store["emails"] == [] for store in books["commerce"].values())
    assert _not_passed(plays, books["shops"]) == []
    return plays


async def _let(house: House, moods: Sequence[Mood]) -> None:
    """Puts moods in force at each vendor they can happen at. At Loop they strike a third as often: one effect there is
    half a dozen calls in a row, each of which may fail.

    Refresh tokens stay as they are: where each renewal changes them, one whose answer is lost ends the login,
    and the owner has to consent anew, who is in none of the stories.
    """
    for shop in house.simulator.ready["shops"] if moods else ():
        await house.control.change_shop(shop["id"], switches={"rotate_refresh_token": False})
    for mood in moods:
        for vendor in sorted(KINDS[mood.kind]) if mood.vendor == "*" else [mood.vendor]:
            share = mood.probability / 3 if vendor == "loop" else mood.probability
            params = {**mood.params, "seconds": REAL_S} if mood.kind in IN_REAL_TIME else mood.params
            await house.control.add_mood(
                mood.kind, vendor=vendor, endpoint=mood.endpoint, probability=share, params=params
            )


def _not_passed(plays: Iterable[Play], shops: dict[str, dict[str, dict[str, dict[str, list[str]]]]]) -> list[str]:
    """Rows of the state tables that a story says it covers and did not go through."""
    missing = []
    for play in plays:
        books = shops[play.shop["id"]]
        ways = [
            (case.kind, books["cancellations" if case.is_cancellation else "returns"][case.id]["passed"])
            for case in play.cases.values()
            if not case.nameless  # what was never begun on the channel went through nothing there
        ]
        rows = [each for each in play.scenario.covers if each in ROWS]
        missing += [
            f"{play.scenario.name}: {row}" for row in rows if not any(passed(row, kind, way) for kind, way in ways)
        ]
    return missing


@pytest.mark.first
@pytest.mark.timeout(1200)
async def test_every_scenario_comes_to_its_end(database: str, folder: Path) -> None:
    await _play(database, folder, (), seed=1)


@pytest.mark.first
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", SEEDS)
async def test_every_scenario_comes_to_the_same_end_on_a_bad_day(database: str, folder: Path, seed: int) -> None:
    """Each seed draws its own mix of moods. Nothing is paid, booked, labelled, put back or decided twice.

    A day has an eighth of the stories, so that each is played on two or three days; all of them on all days are for
    the soak.
    """
    await _play(database, folder, [*Moods.mix(seed), AUTOMATION], seed, share=8)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", SOAK_SEEDS)
async def test_every_scenario_comes_to_the_same_end_on_many_bad_days(database: str, folder: Path, seed: int) -> None:
    await _play(database, folder, [*Moods.mix(seed), AUTOMATION], seed)
