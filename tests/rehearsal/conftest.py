"""Rehearsals in tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import uvloop


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """On the loop that the hub's processes run on, which takes half the time."""
    return {"uvloop": uvloop.new_event_loop}
