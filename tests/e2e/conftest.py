"""Fixtures of whole runs."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.e2e.stage import Stage, open_stage
from tests.e2e.times import shorten

Opener: TypeAlias = Callable[..., AbstractAsyncContextManager[Stage]]


@pytest.fixture
def opener(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Opener:
    """Opens a stage on this test's database; arguments as of :func:`tests.e2e.stage.open_stage`."""
    shorten(monkeypatch.setattr)
    os.chmod(tmp_path, 0o700)

    def open_here(**options: Any) -> AbstractAsyncContextManager[Stage]:
        return open_stage(database, tmp_path, **options)

    return open_here


@pytest.fixture
async def stage(opener: Opener) -> AsyncIterator[Stage]:
    """A live shop with its store, a worker in this process, webhooks on."""
    async with opener() as opened:
        yield opened
