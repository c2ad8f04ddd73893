"""A real PostgreSQL for every test that asks for one.

One embedded server serves a whole run, all of its xdist workers included; each test gets a database of its own, copied
from a migrated template. The server's durability is off here; the tests of crashes start servers of their own.
"""

from __future__ import annotations

import asyncio
import fcntl
import gc
import itertools
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest

from backhaul.simulator import process
from backhaul.store import migrate
from backhaul.store.embedded import EmbeddedPostgres
from backhaul.store.throwaway import ThrowawayFolder
from tests import skips
from tests.skips import pytest_sessionfinish as pytest_sessionfinish
from tests.warm import Forked, Warm

REPOSITORY = Path(__file__).resolve().parent.parent
_FOLDER = "HUB_TEST_POSTGRES"
_TEMPLATE = "template_hub"
_UNSAFE_BUT_FAST = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "max_connections": "400"}
# Not so the command line's own code: it looks at its environment while it is read.
_READ_BEFORE = ("backhaul.simulator.__main__", "tests.e2e.worker_main", "typer.main", "rich.markdown", "rich.table")
_numbers = itertools.count(1)


def pytest_configure(config: pytest.Config) -> None:
    """The process that controls the run names the server's folder; the workers inherit it."""
    if not hasattr(config, "workerinput"):
        folder = ThrowawayFolder("hub-test")
        os.environ[_FOLDER] = str(folder.path)
        config.add_cleanup(folder.remove)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first: begun last, they would run alone at the end."""
    items.sort(key=lambda item: item.get_closest_marker("first") is None)


def pytest_collection_finish() -> None:
    """All that was read up to here stays: the garbage collector is not to walk through it again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def specs() -> Path:
    """The vendors' published contracts."""
    if not skips.SPECS.is_dir():
        pytest.skip(skips.NO_SPECS)
    return skips.SPECS


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """The server of this run; ``create_database`` gives more databases to a test that needs several."""
    server = EmbeddedPostgres(Path(os.environ[_FOLDER]), options=_UNSAFE_BUT_FAST)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    """Simulators, workers and commands in processes of their own, forked for this worker's tests."""
    made = Warm(Path(os.environ[_FOLDER]), _READ_BEFORE)
    yield made
    made.close()


@pytest.fixture
def warm_simulators(warm: Warm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulators of this test are forked."""

    async def run(arguments: Sequence[str], stderr: int | None) -> Forked:
        return await warm.start("backhaul.simulator", *arguments, stderr=stderr)

    monkeypatch.setattr(process, "_run", run)


@pytest.fixture(scope="session")
def template(postgres: EmbeddedPostgres) -> str:
    """The name of a migrated database that nobody uses; the first worker makes it."""
    done = Path(os.environ[_FOLDER]) / "template.done"
    with open(done.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            asyncio.run(_make_template(postgres))
            done.touch()
    return _TEMPLATE


async def _make_template(postgres: EmbeddedPostgres) -> None:
    await postgres.drop_database(_TEMPLATE)
    await migrate.migrate(await postgres.create_database(_TEMPLATE))


@pytest.fixture
async def database(postgres: EmbeddedPostgres, template: str) -> AsyncIterator[str]:
    """The DSN of a fresh, migrated database that is this test's alone."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    yield await postgres.create_database(name, template=template)
    await postgres.drop_database(name)
