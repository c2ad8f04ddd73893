"""Webhooks: how many are stored and acknowledged a second, how fast, and how soon a case is to be seen."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time

import aiohttp
import msgspec

from backhaul.store import sessions
from bench.processes import percentile
from bench.world import World

CLIENTS = 32
SECONDS = 5.0


async def acknowledgements(world: World) -> dict[str, float]:
    """Signed return events, each about another return, from 32 clients at once."""
    app = world.simulator.ready["app"]
    rows = await world.hub.pool.fetch(
        """
        select n.webhook_key, s.channel_id from connection n join link l on l.connection_id = n.id
        join shop s on s.id = l.shop_id where l.role = 'channel'
        """
    )
    addresses = [(f"{world.base_url}/hooks/{row['webhook_key']}", row["channel_id"]) for row in rows]
    waits: list[float] = []
    end = time.perf_counter() + SECONDS
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CLIENTS)) as session:

        async def client(number: int) -> None:
            sent = 0
            while time.perf_counter() < end:
                url, shop = addresses[(number + sent) % len(addresses)]
                ident = f"{number:03d}{sent:09d}"
                body = _event(shop, ident)
                mac = hmac.new(app["app_secret"].encode(), app["app_key"].encode() + body, hashlib.sha256).hexdigest()
                begun = time.perf_counter()
                async with session.post(url, data=body, headers={"Authorization": mac}) as response:
                    await response.read()
                    if response.status != 200:
                        raise RuntimeError(f"a webhook was answered with {response.status}: the run is void")
                waits.append(time.perf_counter() - begun)
                sent += 1

        begun = time.perf_counter()
        await asyncio.gather(*(client(n) for n in range(CLIENTS)))
        took = time.perf_counter() - begun
    stored = await world.hub.pool.fetchval("select count(*) from inbox where topic <> ''")
    if stored < len(waits):
        raise RuntimeError(f"{len(waits)} webhooks acknowledged, {stored} stored: the run is void")
    return {"webhook_ack_per_s": len(waits) / took, "webhook_ack_p99_ms": 1000 * percentile(waits, 0.99)}


def _event(shop: str, ident: str) -> bytes:
    now = int(time.time())
    return msgspec.json.encode(
        {
            "type": 12,
            "tts_notification_id": f"72{ident}",
            "shop_id": shop,
            "timestamp": now,
            "data": {
                "order_id": f"5764{ident}",
                "return_role": "BUYER",
                "return_type": "RETURN_AND_REFUND",
                "return_status": "RETURN_OR_REFUND_REQUEST_PENDING",
                "return_id": f"4035{ident}",
                "create_time": now,
                "update_time": now,
            },
        }
    )


async def visibility(world: World, count: int) -> dict[str, float]:
    """From a buyer's request at the channel to the case readable in the REST API, one at a time."""
    token = await sessions.make_token(world.hub.pool, "bench", "owner")
    control = world.simulator.control
    waits: list[float] = []
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session:
        for n in range(count):
            shop = world.shops[n % len(world.shops)]
            order = await control.place_order(shop["id"], [], status="DELIVERED", copy={"style": "source_identifier"})
            begun = time.perf_counter()
            asked = await control.ask_return(str(order["id"]), shipment="PLATFORM", auto_approve=False)
            while True:
                async with session.get(f"{world.base_url}/api/v1/cases", params={"q": asked["id"]}) as response:
                    found = await response.json()
                    if response.status != 200:
                        raise RuntimeError(f"the API answered {response.status}: {found}")
                items = [each for each in found["cases"] if each["channel_id"] == asked["id"]]
                if items and items[0]["status"] != "new":
                    break
                if time.perf_counter() - begun > 30:
                    raise RuntimeError("a case did not show within 30 s: the run is void")
                await asyncio.sleep(0.005)
            waits.append(time.perf_counter() - begun)
    return {
        "webhook_to_visible_p50_ms": 1000 * percentile(waits, 0.5),
        "webhook_to_visible_p99_ms": 1000 * percentile(waits, 0.99),
    }
