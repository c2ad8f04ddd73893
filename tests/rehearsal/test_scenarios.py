"""All scenarios at once, in one installation, judged by the simulator's books."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from backhaul.rehearsal.house import open_house
from backhaul.simulator.scenario.reading import read_all
from tests.e2e.times import shorten


@pytest.mark.timeout(300)
async def test_every_scenario_comes_to_its_end(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shorten(monkeypatch.setattr)
    os.chmod(tmp_path, 0o700)
    async with open_house(read_all(), database, tmp_path) as (house, plays):
        await house.play(plays)
        books = await house.control.books()
    wrong = {play.scenario.name: play.complaints for play in plays if play.complaints}
    assert wrong == {}
    assert books["problems"] == []
    assert all(store["money_moved"] == [] and store["emails"] == [] for store in books["commerce"].values())
