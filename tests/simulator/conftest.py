"""A simulator in step mode with two shops, and a client that is authorised for the first."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from backhaul.simulator.process import ControlClient
from backhaul.simulator.server import Simulator
from backhaul.simulator.tiktok.world import ShopSpec
from tests.simulator.wire import START, Wire

SHOP_SPECS = [ShopSpec(name="One", seller="A"), ShopSpec(name="Two", region="GB", seller="B")]


@pytest.fixture
async def sim(request: pytest.FixtureRequest) -> AsyncIterator[Simulator]:
    """The simulator; a module that wants other shops names them as its ``SHOP_SPECS``."""
    shops = getattr(request.module, "SHOP_SPECS", SHOP_SPECS)
    async with Simulator(seed=7, shops=shops, rate=0, start=START) as simulator:
        yield simulator
        assert simulator.books.problems == []


@pytest.fixture
async def control(sim: Simulator) -> AsyncIterator[ControlClient]:
    async with ControlClient(sim.addresses["control"]) as client:
        yield client


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
