"""Buyers of the demo who press “Return” in the app and are led to the hub's portal, as in a shop that the channel has
allow-listed."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import aiohttp

from backhaul.cli.installation import BY, Installation
from backhaul.rehearsal import shopper
from backhaul.rehearsal.shopper import Wish
from backhaul.simulator.process import ControlError
from backhaul.simulator.scenario.world import NotYet
from backhaul.store import pages

FIRST_S, EVERY_S = 2.0, 60.0  # real seconds


async def lead_to_portal(here: Installation) -> dict[str, Any]:
    """The first shop's return button leads to its portal, which is open from the beginning; the shop. What a person
    has changed stays, but for the address: the hub may listen on another port than the last time."""
    shop: dict[str, Any] = here.simulator.ready["shops"][0]
    ours = next(each for each in await pages.shops(here.hub.pool) if each.channel_id == shop["id"])
    redirect: dict[str, Any] = {"address": f"{here.base}/portal/{ours.id}?order={{order}}&zip={{zip}}"}
    if here.fresh:
        await here.hub.commands.portal.set_open(ours.id, True, BY)
        redirect["allowed"] = True
    await here.control.change_shop(shop["id"], redirect=redirect)
    return shop


async def come(here: Installation, shop: dict[str, Any]) -> None:
    """One after the other, until it is cancelled."""
    rng = random.Random(shop["id"])
    await asyncio.sleep(FIRST_S)
    while True:
        try:
            await _one(here, shop, rng)
        except (NotYet, ControlError, aiohttp.ClientError, TimeoutError):
            pass  # the portal is closed, or the channel is away: the next buyer may have more luck
        await asyncio.sleep(EVERY_S)


async def _one(here: Installation, shop: dict[str, Any], rng: random.Random) -> None:
    goods = [{"sku": sku} for sku in rng.sample(shop["skus"], rng.choice((1, 1, 2)))]
    order = await here.control.place_order(shop["id"], goods, status="DELIVERED")
    address = await here.control.return_button(order["id"])
    if address is not None:
        await shopper.ask(address, Wish("return"))
