"""What the hub makes of Loop's own bad habits: an error that rides on HTTP 200, a list that is behind."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from backhaul.rehearsal.house import open_house
from backhaul.simulator.scenario.model import CASE, Act, Scenario
from backhaul.simulator.scenario.reading import folder, read

HOUR = 3600.0


pytestmark = pytest.mark.usefixtures("warm_simulators")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where an installation may lie."""
    tmp_path.chmod(0o700)
    return tmp_path


def story(name: str) -> Scenario:
    return read(folder() / f"{name}.toml")


async def _played(database: str, place: Path, scenario: Scenario, kind: str, endpoint: str, **rest: Any) -> int:
    """Plays a story to the end that its file tells, and says how often the mood struck."""
    async with open_house([scenario], database, place) as (house, plays):
        await house.control.add_mood(kind, vendor="loop", endpoint=endpoint, **rest)
        await house.play(plays)
        (mood,) = (await house.control.call("GET", "/moods"))["moods"]
    assert [play.complaints for play in plays] == [[]]
    return int(mood["struck"])


def with_act(scenario: Scenario, act: Act) -> Scenario:
    acts = sorted((*scenario.acts, act), key=lambda each: each.at)
    return dataclasses.replace(scenario, acts=tuple(acts))


async def test_a_refusal_with_200_is_no_success_and_a_person_lets_it_be_tried_again(database: str, place: Path) -> None:
    """Nothing was processed: it stands on the case with Loop's words, and Loop pays once in the end."""
    retried = with_act(story("loop_settled"), Act(60 * HOUR, "seller", "retry", CASE, {"key": "refused:"}, 0))
    assert await _played(database, place, retried, "nested_error", "POST */process", times=1) == 1


async def test_a_fault_with_200_while_reading_does_not_say_that_a_return_is_gone(database: str, place: Path) -> None:
    """A fault is not "no return of this order": it is read again, and no second return is opened."""
    assert await _played(database, place, story("loop_settled"), "nested_error", "GET */details", times=3) == 3


async def test_a_return_that_the_list_does_not_show_yet_is_adopted(database: str, place: Path) -> None:
    """The shopper has opened it in Loop, whose list is a day behind: it is found by its order and stays alone."""
    opened = with_act(story("loop_settled"), Act(0.5 * HOUR, "loop", "open", CASE, {}, 0))
    assert await _played(database, place, opened, "index_lag", "index", params={"seconds": 24 * HOUR}) == 1
