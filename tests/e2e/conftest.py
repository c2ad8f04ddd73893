"""Fixtures of whole runs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import uvloop

from backhaul.store.embedded import EmbeddedPostgres
from backhaul.store.migrate import migrate
from backhaul.store.throwaway import ThrowawayFolder
from tests.e2e.stage import Stage, open_stage
from tests.e2e.times import shorten
from tests.warm import Warm

Opener: TypeAlias = Callable[..., AbstractAsyncContextManager[Stage]]


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """On the loop that the hub's processes run on, which takes half the time."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
def opener(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warm: Warm, warm_simulators: None) -> Opener:
    """Opens a stage on this test's database; arguments as of :func:`tests.e2e.stage.open_stage`."""
    shorten(monkeypatch.setattr)
    os.chmod(tmp_path, 0o700)

    def open_here(**options: Any) -> AbstractAsyncContextManager[Stage]:
        return open_stage(database, tmp_path, warm, **options)

    return open_here


@pytest.fixture
async def stage(opener: Opener) -> AsyncIterator[Stage]:
    """A live shop with its store, a worker in this process, webhooks on."""
    async with opener() as opened:
        yield opened


@pytest.fixture
async def own_postgres(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[EmbeddedPostgres]:
    """A server of this test's own, with a migrated database in it, to be stopped, killed and started again."""
    shorten(monkeypatch.setattr)
    folder = ThrowawayFolder("hub-e2e")
    server = EmbeddedPostgres(folder.path)
    await asyncio.to_thread(server.start)
    try:
        await migrate(server.dsn())
        yield server
    finally:
        await asyncio.to_thread(server.stop)
        await asyncio.to_thread(folder.remove)
