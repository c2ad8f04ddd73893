"""A simulator in step mode with one shop whose store has a desk, and a client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from backhaul.simulator.loop.model import Desk
from backhaul.simulator.server import Simulator
from backhaul.simulator.tiktok.world import ShopSpec
from tests.simulator.wire import START

from .desk import DeskClient

DOMAIN = "sim-loop.myshopify.com"


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    specs = [ShopSpec(name="One", commerce_domain=DOMAIN, desk="loop")]
    async with Simulator(seed=7, shops=specs, rate=0, start=START) as simulator:
        yield simulator
        assert simulator.books.problems == []


@pytest.fixture
def desk(sim: Simulator) -> Desk:
    return sim.loop.world.desk(DOMAIN)


@pytest.fixture
async def client(sim: Simulator, desk: Desk, session: aiohttp.ClientSession) -> DeskClient:
    return DeskClient(sim, desk, session)
