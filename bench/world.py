"""A whole installation with simulated shops, connected as a merchant would connect them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from backhaul.domain.policy import APPROVALS, DAY, AcceptParcel, DeadlineRule, Default, Policy
from backhaul.domain.terms import Mode
from backhaul.settings import Settings
from backhaul.simulator.process import SimulatorProcess
from backhaul.store.embedded import EmbeddedPostgres
from backhaul.store.migrate import migrate
from backhaul.store.throwaway import ThrowawayFolder
from backhaul.wiring import Hub, open_hub
from bench.processes import child, postmaster

# Everything is answered by the policy at once, parcels are accepted on arrival, nobody inspects: no person in the way.
AT_ONCE = Policy(
    on_deadline={action: DeadlineRule(Default.APPROVE) for action in APPROVALS},
    accept_parcel=AcceptParcel.ON_DELIVERY,
    lead_s=60 * DAY,
    inspect_within_s=0,
)


@dataclass
class World:
    """What a run works with. ``roots`` are the processes whose CPU counts: hub, postgres, worker."""

    simulator: SimulatorProcess
    hub: Hub
    base_url: str
    serve_pid: int
    roots: dict[str, int]
    shops: list[dict[str, Any]]


@asynccontextmanager
async def world(shops: int, *, workers: int = 1) -> AsyncIterator[World]:
    """Start everything; ``workers`` 0 leaves the worker out, for runs of the ingress alone."""
    throwaway = ThrowawayFolder("backhaul-bench")
    folder = throwaway.path
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    specs = [
        {
            "name": f"Shop {n}",
            "commerce_domain": f"bench-{n}.myshopify.com",
            "commerce_points_per_s": 20_000,
            "clocks": {"refund_lag": 1},
        }
        for n in range(shops)
    ]
    environment = {"BACKHAUL_DATA_DIR": str(folder), "BACKHAUL_PORT": str(port), "BACKHAUL_LOG_LEVEL": "warning"}
    settings = Settings(data_dir=folder, port=port)
    try:
        async with (
            EmbeddedPostgres(folder) as dsn,
            SimulatorProcess(shops=specs, redirect_url=f"{settings.base_url}/callback/tiktok_shop") as simulator,
        ):
            await migrate(dsn)
            async with (
                open_hub(settings, dsn) as hub,
                child("serve", ["serve"], environment, folder / "serve.log") as serve_pid,
            ):
                await _answers(f"{settings.base_url}/healthz", folder / "serve.log")
                await _connect(hub, simulator)
                roots = {"hub": serve_pid, "postgres": postmaster(folder)}
                made = World(simulator, hub, settings.base_url, serve_pid, roots, simulator.ready["shops"])
                if not workers:
                    yield made
                    return
                arguments = ["work", "--processes", str(workers)]
                async with child("work", arguments, environment, folder / "work.log") as pid:
                    roots["worker"] = pid
                    await _beats(hub, folder / "work.log")
                    yield made
    finally:
        await asyncio.to_thread(throwaway.remove)


async def _connect(hub: Hub, simulator: SimulatorProcess) -> None:
    ready, app = simulator.ready, simulator.ready["app"]
    base = ready["addresses"]["tiktok"]
    now = await simulator.control.clock()
    clock = {
        "url": ready["addresses"]["control"] + "/clock",
        **{name: now[name] for name in ("epoch_real", "epoch_virtual", "rate")},
    }
    credentials = {name: app[name] for name in ("app_key", "app_secret", "service_id")}
    for shop in ready["shops"]:
        connection = await hub.logins.add(
            "tiktok_shop", shop["name"], {**credentials, "consent_base": base}, "simulated", "bench",
            api_base=base, auth_base=base, clock=clock,
        )  # fmt: skip
        code = await simulator.control.authorize(shop["id"])
        back = {"code": code, "connection": str(connection)}
        result = await hub.logins.callback("tiktok_shop", back, "bench", confirmed=True)
        if not result.ok:
            raise RuntimeError(result.text)
        shop_id = await hub.pool.fetchval("select id from shop where channel_id = $1", shop["id"])
        store = shop["commerce"]
        await hub.logins.add(
            "shopify",
            store["domain"],
            {"shop_domain": store["domain"], "client_id": store["client_id"], "client_secret": store["client_secret"]},
            "simulated",
            "bench",
            shop_id=shop_id,
            api_base=f"{store['base']}/{store['domain']}",
            clock=clock,
        )
        await hub.commands.shops.set_policy(shop_id, AT_ONCE, "bench")
        await hub.commands.shops.confirm_gateway(shop_id, "TikTok Shop", "bench")
        await hub.commands.shops.set_mode(shop_id, Mode.LIVE, "bench")


async def _answers(url: str, log: Path) -> None:
    async with aiohttp.ClientSession() as session:
        for _ in range(300):
            try:
                async with session.get(url) as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)
    raise RuntimeError(f"serve did not come up: {_tail(log)}")


async def _beats(hub: Hub, log: Path) -> None:
    for _ in range(300):
        if await hub.pool.fetchval("select count(*) from worker"):
            return
        await asyncio.sleep(0.1)
    raise RuntimeError(f"no worker came up: {_tail(log)}")


def _tail(log: Path) -> str:
    return log.read_text()[-2000:]
