"""Commands for tests that run many of them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cli.runs import Run, environment
from tests.warm import Warm


@pytest.fixture(scope="session")
def backhaul(warm: Warm) -> Run:
    """One command, to its end, as :func:`tests.cli.runs.backhaul` runs it; forked, so that it starts at once."""

    def run(data_dir: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return warm.run("backhaul.cli", *arguments, environment=environment(data_dir, **settings))

    return run
