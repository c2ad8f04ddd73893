"""Whole returns, from request to settled books: asked, approved, recorded, tracked, accepted, paid, booked, disposed
of, closed. Void unless the simulator's books hold exactly the expected effects."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import Any

from bench.processes import cpu_seconds, rss_mb
from bench.world import World

BUYER = {"think": 0.2, "ship_after": 0.2, "transit": 0.2, "withdraw_share": 0.0, "dispute_share": 0.0}


async def lifecycles(world: World, count: int) -> dict[str, float]:
    """Play ``count`` returns, all asked for at once, spread over the shops."""
    control = world.simulator.control
    gate = asyncio.Semaphore(16)

    async def order(shop: dict[str, Any]) -> str:
        async with gate:
            placed = await control.place_order(shop["id"], [], status="DELIVERED", copy={"style": "source_identifier"})
        return str(placed["id"])

    async def ask(order_id: str) -> None:
        async with gate:
            await control.ask_return(order_id, shipment="PLATFORM", auto_approve=False, follow=BUYER)

    orders = await asyncio.gather(*(order(world.shops[n % len(world.shops)]) for n in range(count)))
    await asyncio.sleep(2)
    cpu, begun = {name: cpu_seconds(pid) for name, pid in world.roots.items()}, time.perf_counter()
    asking = asyncio.gather(*(ask(each) for each in orders))
    ended = 0
    while ended < count:
        await asyncio.sleep(0.2)
        ended = await world.hub.pool.fetchval("select count(*) from return_case where ended")
        if time.perf_counter() - begun > 60 + count:
            raise RuntimeError(f"only {ended} of {count} returns have ended: the run is void")
    took = time.perf_counter() - begun
    await asking
    used = {name: cpu_seconds(pid) - cpu[name] for name, pid in world.roots.items()}
    complaints = await _audit(world, count)
    if complaints:
        raise RuntimeError("the run is void: " + "; ".join(complaints[:5]))
    return {
        "lifecycles": float(count),
        # From the first request to the last close: the few seconds that a buyer and the channel take are in it.
        "lifecycles_per_s": count / took,
        "cpu_ms_per_lifecycle": 1000 * sum(used.values()) / count,
        **{f"cpu_ms_per_lifecycle_{name}": 1000 * each / count for name, each in used.items()},
        "rss_mb_hub": rss_mb(world.serve_pid),
    }


async def _audit(world: World, count: int) -> list[str]:
    """What the simulator's own books hold beyond or below what they should."""
    books = await world.simulator.control.books()
    complaints: list[str] = []
    paid: Counter[str] = Counter()
    decisions: Counter[str] = Counter()
    for shop_id, shop in books["shops"].items():
        if shop["limited"]:
            complaints.append(f"shop {shop_id}: {shop['limited']} calls over the limit")
        for decision in shop["decisions"]:
            decisions[f"{decision['return_id']} {decision['decision']}"] += 1
        for refund in shop["refunds"]:
            paid[refund["order_id"]] += refund["amount"]
    if len(decisions) != 2 * count or set(decisions.values()) != {1}:
        complaints.append(
            f"{sum(decisions.values())} decisions of {len(decisions)} kinds, expected {2 * count} once each"
        )
    for domain, store in books["commerce"].items():
        if store["money_moved_minor"] or store["emails"]:
            complaints.append(f"{domain}: money moved or buyers written to")
        for order in store["orders"].values():
            channel_id = order["source_identifier"]
            if order["refunded_minor"] != paid.get(channel_id, 0):
                complaints.append(f"order {channel_id}: paid {paid.get(channel_id)}, booked {order['refunded_minor']}")
            if len(order["refunds"]) != 1 or len(order["returns"]) != 1:
                complaints.append(
                    f"order {channel_id}: {len(order['refunds'])} refunds, {len(order['returns'])} returns"
                )
    return complaints
