"""The steps of the database are one line: two that were written at the same time may not both follow the same one."""

from __future__ import annotations

import re
from pathlib import Path

import backhaul.store

VERSIONS = Path(backhaul.store.__file__).parent / "migrations" / "versions"


def test_each_step_follows_the_one_before_it() -> None:
    steps = sorted(VERSIONS.glob("[0-9]*_*.py"))
    before = None
    for step in steps:
        said = dict(re.findall(r'^(revision|down_revision) = (?:"(\d+)"|None)$', step.read_text(), re.M))
        assert said == {"revision": step.stem.partition("_")[0], "down_revision": before or ""}, step.name
        before = said["revision"]
    assert [step.stem[:4] for step in steps] == [f"{number:04}" for number in range(1, len(steps) + 1)]
