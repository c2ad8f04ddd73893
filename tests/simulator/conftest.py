"""A simulator in step mode with two shops, and a client that is authorised for the first."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from backhaul.simulator.server import Simulator
from backhaul.simulator.tiktok.world import ShopSpec
from tests.simulator.wire import START, Wire


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    specs = [ShopSpec(name="One", seller="A"), ShopSpec(name="Two", region="GB", seller="B")]
    async with Simulator(seed=7, shops=specs, rate=0, start=START) as simulator:
        yield simulator
        assert simulator.books.problems == []


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as client:
        yield client


@pytest.fixture
async def wire(sim: Simulator, session: aiohttp.ClientSession) -> Wire:
    return Wire(sim, next(iter(sim.channel.world.shops.values())), session)


@pytest.fixture
async def other(sim: Simulator, session: aiohttp.ClientSession) -> Wire:
    """A client of the second shop, which belongs to another seller."""
    return Wire(sim, list(sim.channel.world.shops.values())[1], session)
