"""A stage for whole runs: a simulated world, a hub that is connected to it, its web address, its workers.

The simulator's books judge every run. The hub's tables are only looked at to know when to look into the books.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import aiohttp
import uvicorn

from backhaul.domain.policy import Policy
from backhaul.domain.terms import Mode
from backhaul.settings import Settings
from backhaul.simulator.process import ControlClient, SimulatorProcess
from backhaul.store import sessions
from backhaul.web.services import Services
from backhaul.wiring import REGISTRY, Hub, open_hub
from backhaul.work.lookups import Lookups
from backhaul.work.portal import Buyers
from backhaul.work.worker import Worker
from tests.applications import application
from tests.e2e.play import Return
from tests.patience import patient
from tests.warm import Forked, Warm

GATEWAY = "TikTok Shop"
QUICK = {"refund_lag": 2}  # virtual seconds from the acceptance to the payment


class Shop:
    """A simulated shop with its store, connected to the hub."""

    def __init__(self, described: Mapping[str, Any]) -> None:
        self.channel_id: str = described["id"]
        self.described = described
        self.domain: str = described["commerce"]["domain"]
        self.id = UUID(int=0)
        self.channel_login = UUID(int=0)
        self.commerce_login = UUID(int=0)
        self.desk_login: UUID | None = None


def _status(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")


class Spawned:
    """A worker in a process of its own."""

    def __init__(self, process: Forked) -> None:
        self.process = process

    async def died(self, seconds: float = 15.0) -> int:
        """Wait for its end; minus the signal that ended it."""
        async with asyncio.timeout(patient(seconds)):
            return await self.process.wait()

    async def frozen(self, seconds: float = 15.0) -> None:
        """Wait until it stands still."""
        async with asyncio.timeout(patient(seconds)):
            while _status(self.process.pid).rpartition(")")[2].split()[0] != "T":
                await asyncio.sleep(0.02)

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    async def stop(self) -> None:
        """End it in an orderly way; a process that has ended is left alone."""
        if self.process.returncode is not None:
            return
        self.process.stdin.close()
        try:
            async with asyncio.timeout(patient(10)):
                await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()


class Stage:
    """Everything of one run. Use :func:`open_stage`."""

    def __init__(self, sim: SimulatorProcess, hub: Hub, base: str, data: Path, warm: Warm) -> None:
        self.sim, self.hub, self.base, self.data, self.warm = sim, hub, base, data, warm
        self.shops: list[Shop] = []
        self.spawned: list[Spawned] = []
        self.http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))
        self.server: uvicorn.Server | None = None
        self._workers: list[tuple[asyncio.Event, asyncio.Task[None]]] = []
        self._token = ""

    @property
    def control(self) -> ControlClient:
        """The simulator's control API."""
        return self.sim.control

    @property
    def shop(self) -> Shop:
        """The first shop."""
        return self.shops[0]

    # -- connecting

    async def clock(self) -> dict[str, Any]:
        """The simulator's clock as a connection keeps it."""
        known = await self.control.clock()
        clock: dict[str, Any] = {name: known[name] for name in ("epoch_real", "epoch_virtual", "rate")}
        return {"url": f"{self.sim.ready['addresses']['control']}/clock", **clock}

    async def add_channel(self, shop: Shop) -> UUID:
        """Store the app's credentials for a shop; its owner has not consented yet."""
        ready = self.sim.ready
        app, base = ready["app"], ready["addresses"]["tiktok"]
        settings = {**{name: app[name] for name in ("app_key", "app_secret", "service_id")}, "consent_base": base}
        return await self.hub.logins.add(
            "tiktok_shop", str(shop.described["name"]), settings, "simulated", "owner",
            api_base=base, auth_base=base, clock=await self.clock(),
        )  # fmt: skip

    async def consent(self, shop: Shop) -> None:
        """The owner consents and comes back with a code and our state."""
        state = parse_qs(urlsplit(await self.hub.logins.consent_url(shop.channel_login, "owner")).query)["state"][0]
        code = await self.control.authorize(shop.channel_id)
        result = await self.hub.logins.callback("tiktok_shop", {"code": code, "state": state}, "owner")
        assert result.ok, result.text

    async def connect(self, shop: Shop) -> None:
        """Connect a shop and its store as a merchant does."""
        shop.channel_login = await self.add_channel(shop)
        await self.consent(shop)
        shop.id = await self.hub.pool.fetchval("select id from shop where channel_id = $1", shop.channel_id)
        store = shop.described["commerce"]
        settings = {"shop_domain": store["domain"], **{n: store[n] for n in ("client_id", "client_secret")}}
        shop.commerce_login = await self.hub.logins.add(
            "shopify", store["domain"], settings, "simulated", "owner", shop_id=shop.id,
            api_base=f"{store['base']}/{store['domain']}", clock=await self.clock(),
        )  # fmt: skip
        if shop.described.get("desk"):
            shop.desk_login = await self.add_desk(shop)
        self.shops.append(shop)

    async def add_desk(self, shop: Shop) -> UUID:
        """Connect the returns desk on the shop's store."""
        desk = shop.described["desk"]
        settings = {"api_key": desk["key"], "webhook_secret": desk["webhook_secret"]}
        return await self.hub.logins.add(
            "loop", "Loop", settings, "simulated", "owner", shop_id=shop.id,
            api_base=self.sim.ready["addresses"]["loop"], clock=await self.clock(),
        )  # fmt: skip

    async def go_live(self, shop: Shop, gateway: bool = True, policy: Policy | None = None) -> None:
        """The settings of a shop that is ready to work."""
        commands = self.hub.commands
        if policy is not None:
            await commands.shops.set_policy(shop.id, policy, "owner")
        places = await Lookups(self.hub.vendors).locations(shop.id)
        await commands.shops.set_location(shop.id, places[0][0], "owner")
        if gateway:
            await commands.shops.confirm_gateway(shop.id, GATEWAY, "owner")
        await commands.shops.set_mode(shop.id, Mode.LIVE, "owner")

    async def log_in_at_hub(self) -> None:
        """A token for the REST API."""
        self._token = await sessions.make_token(self.hub.pool, "clerk", "owner")

    def use_token(self, token: str) -> None:
        """A token for the REST API that was made elsewhere."""
        self._token = token

    async def post(self, path: str, body: Mapping[str, Any] | None = None, expect: int = 0) -> Any:
        """A command by the REST API."""
        headers = {"Authorization": f"Bearer {self._token}"}
        async with self.http.post(f"{self.base}/api/v1{path}", json=dict(body or {}), headers=headers) as answer:
            text = await answer.text()
            assert answer.status == expect or (not expect and answer.status < 300), (
                f"{path}: {answer.status} {text[:300]}"
            )
            return text

    # -- workers

    def start_worker(self, concurrency: int = 50) -> None:
        """A worker in this process."""
        stop = asyncio.Event()
        worker = Worker(self.hub.vendors, self.hub.dsn, concurrency)
        self._workers.append((stop, asyncio.create_task(worker.run(stop))))

    async def stop_workers(self) -> None:
        """Let the workers of this process finish."""
        for stop, _ in self._workers:
            stop.set()
        done = await asyncio.gather(*(task for _, task in self._workers), return_exceptions=True)
        self._workers.clear()
        for each in done:
            if isinstance(each, BaseException):
                raise each

    async def spawn_worker(
        self, moment: str = "", pattern: str = "", number: int = 9, concurrency: int = 50, *, production: bool = False
    ) -> Spawned:
        """A worker in a process of its own, which gets the signal ``number`` when a fitting effect is at the moment."""
        arguments = {
            "dsn": self.hub.dsn, "data": str(self.data), "base": self.base, "moment": moment, "pattern": pattern,
            "signal": str(number), "concurrency": str(concurrency),
        }  # fmt: skip
        process = await self.warm.start(
            "tests.e2e.worker_main",
            *(part for name, value in arguments.items() for part in (f"--{name}", value)),
            *(["--production-times"] if production else []),
            stderr=asyncio.subprocess.DEVNULL,
        )
        spawned = Spawned(process)
        self.spawned.append(spawned)
        async with asyncio.timeout(patient(20)):
            assert await process.stdout.readline() == b"ready\n"
        return spawned

    # -- playing

    async def ask(self, kind: str = "RETURN_AND_REFUND", shop: Shop | None = None, **values: Any) -> Return:
        """A buyer's order and their request. ``order`` goes to the order, the rest to the request."""
        shop = shop or self.shop
        order = {"status": "DELIVERED", "copy": {"style": "source_identifier"}, **values.pop("order", {})}
        placed = await self.control.place_order(shop.channel_id, order.pop("lines", []), **order)
        return await self.ask_of(placed, kind, shop, **values)

    async def ask_of(self, placed: Mapping[str, Any], kind: str, shop: Shop | None = None, **values: Any) -> Return:
        """A request about an order that was placed before."""
        if kind == "RETURN_AND_REFUND":
            values.setdefault("shipment", "PLATFORM")
        made = await self.control.ask_return(placed["id"], kind, **values)
        return Return(self, shop or self.shop, made["id"], placed)

    async def sync(self, shop: Shop | None = None) -> None:
        """A person asks for a sweep at once."""
        await self.hub.commands.shops.sync_now((shop or self.shop).id, "clerk")

    async def step(self, seconds: float) -> None:
        """Move virtual time on, and wait until the hub has heard of it."""
        await self.control.step(seconds)
        await self.follow_clock()

    async def follow_clock(self) -> None:
        """Let the hub know the simulator's clock at once; a worker would see it within a second."""
        clock = await self.clock()
        await self.hub.pool.execute("update connection set clock = $1", clock)
        for shop in self.shops:
            self.hub.vendors.forget(shop.channel_login)
            self.hub.vendors.forget(shop.commerce_login)
            if shop.desk_login is not None:
                self.hub.vendors.forget(shop.desk_login)

    async def emit(self, envelope: Mapping[str, Any], copies: int = 1) -> None:
        """A webhook of the channel, signed, with this envelope."""
        body = {"shop_id": self.shop.channel_id, "envelope": dict(envelope), "copies": copies}
        await self.control.call("POST", "/webhooks/emit", body)

    async def until(
        self, condition: Callable[[], Awaitable[Any]], seconds: float = 15.0, what: str = "", every: float = 0.05
    ) -> Any:
        """Wait until the condition is true; its value. Fails with what it was waiting for."""
        end = time.monotonic() + patient(seconds)
        while True:
            value = await condition()
            if value:
                return value
            if time.monotonic() > end:
                raise AssertionError(f"waited {patient(seconds)} s in vain for {what or condition!r}")
            await asyncio.sleep(every)

    async def close(self) -> None:
        """End everything that this stage started."""
        for spawned in self.spawned:
            with contextlib.suppress(ProcessLookupError):
                spawned.signal(18)  # a frozen process cannot end
            await spawned.stop()
        await self.stop_workers()
        await self.http.close()


class _Server(uvicorn.Server):
    """Runs inside a test's loop and leaves the process' signals alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


def _listen() -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", 0))
    return listener


def services(hub: Hub) -> Services:
    """What the web application gets."""
    manifests = {name: vendor.manifest for name, vendor in REGISTRY.items()}
    lookups, buyers = Lookups(hub.vendors), Buyers(hub.vendors)
    return Services(hub.pool, hub.commands, hub.intake, hub.logins, lookups, buyers, manifests, hub.settings.base_url)


@contextlib.asynccontextmanager
async def serving(hub: Hub, listener: socket.socket) -> AsyncIterator[uvicorn.Server]:
    """The real web application under uvicorn."""
    with application(services(hub)) as app:
        config = uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="on", ws="none", loop="none", timeout_graceful_shutdown=2
        )
        server = _Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            assert not task.done(), task.exception()
            await asyncio.sleep(0.01)
        try:
            yield server
        finally:
            server.should_exit = True
            await task


@contextlib.asynccontextmanager
async def open_stage(
    dsn: str,
    data: Path,
    warm: Warm,
    *,
    shops: int = 1,
    rate: float = 20.0,
    workers: int = 1,
    live: bool = True,
    gateway: bool = True,
    policy: Policy | None = None,
    spec: Mapping[str, Any] | None = None,
    specs: Sequence[Mapping[str, Any]] = (),
) -> AsyncIterator[Stage]:
    """A stage with so many shops, each with a store of its own. ``spec`` holds for all shops, ``specs`` for each one.

    ``workers`` run in this process; without any, the test starts its own.
    """
    every = {
        "commerce_points_per_s": 1000,
        "connector": {"delay_seconds": 0.0, "style": "source_identifier"},
        "clocks": QUICK,
        **(spec or {}),
    }
    described = [
        {"name": f"Shop {n}", "commerce_domain": f"store-{n}.myshopify.com", **every, **(specs[n] if specs else {})}
        for n in range(shops)
    ]
    listener = _listen()
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with (
        SimulatorProcess(shops=described, rate=rate, redirect_url=f"{base}/callback/tiktok_shop") as sim,
        open_hub(Settings(data_dir=data, public_url=base), dsn) as hub,
        serving(hub, listener) as server,
    ):
        stage = Stage(sim, hub, base, data, warm)
        stage.server = server
        try:
            await stage.log_in_at_hub()
            for each in sim.ready["shops"]:
                await stage.connect(Shop(each))
            for shop in stage.shops:
                if live:
                    await stage.go_live(shop, gateway, policy)
            for _ in range(workers):
                stage.start_worker()
            yield stage
        finally:
            await stage.close()
