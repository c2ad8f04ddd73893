"""A whole installation with a simulator, for the demo: the processes of production, started and stopped together."""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import aiohttp
import msgspec

from backhaul.cli import running, simulated
from backhaul.cli.children import Child, backhaul, keep_running
from backhaul.cli.running import Problem
from backhaul.domain.terms import Booker, Mode
from backhaul.domain.words import Party
from backhaul.settings import Settings, environment_with
from backhaul.simulator.process import ControlClient, SimulatorProcess
from backhaul.store import connection_pages, pages, sessions
from backhaul.store.simulated import repoint
from backhaul.wiring import Hub
from backhaul.work.lookups import Lookups

HOST = "127.0.0.1"
BY = "demo"
READY_S = 60.0
STOP_S = 8.0
STORE = "demo-store.myshopify.com"
SHOP: dict[str, Any] = {"name": "Demo shop", "commerce_domain": STORE}
LOOP_SHOP: dict[str, Any] = {"name": "Loop shop", "commerce_domain": "loop-store.myshopify.com", "desk": "loop"}


def demo_settings(folder: Path, port: int) -> Settings:
    """The settings of a demo in ``folder``: nothing of the environment's own, above all not its database."""
    return Settings(
        data_dir=folder, host=HOST, port=port, database_url=None, public_url=None, master_key_file=None, workers=1
    )


def free_port(wanted: int) -> int:
    """``wanted`` when nobody listens there, else any free port."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise Problem("there is no free port on this machine")


def make_folder(folder: Path) -> None:
    """Make a folder and those above it that are not there."""
    for each in (*reversed(folder.parents), folder):
        if not each.exists():
            each.mkdir(mode=0o700)
            open_way(each)


def open_way(folder: Path) -> None:
    """Folders of ours are closed to others; under root the database's own account has to pass through."""
    folder.chmod(0o711 if os.geteuid() == 0 else 0o700)


@contextmanager
def alone(file: Path) -> Iterator[None]:
    """One demo at a time in one data folder."""
    with open(os.open(file, os.O_RDWR | os.O_CREAT, 0o600)) as lock:
        try:
            fcntl.flock(lock.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Problem(f"a demo is running already with the data in {file.parent}; stop it first", 2) from None
        yield


class Installation:
    """Database, simulator, `serve` and `work`, all in ``folder``. As context manager it is up and connected inside, and
    everything it started has ended after it."""

    hub: Hub
    simulator: SimulatorProcess

    def __init__(self, folder: Path, port: int, rate: float, shops: tuple[dict[str, Any], ...] = (SHOP,)) -> None:
        self.folder = folder
        self.shops = shops
        self.settings = demo_settings(folder, port)
        self.rate = rate
        self.fresh = True
        self._halt = asyncio.Event()
        self._stack = AsyncExitStack()
        self._ports_file = folder / "ports.json"
        env = environment_with(
            {"BACKHAUL_DATA_DIR": str(folder), "BACKHAUL_HOST": HOST, "BACKHAUL_PORT": str(port),
             "BACKHAUL_LOG_FORMAT": "json"}
        )  # fmt: skip
        self.children = [
            Child(name, backhaul(name, "--attached"), env, folder / f"{name}.log") for name in ("serve", "work")
        ]

    @property
    def control(self) -> ControlClient:
        """The simulator's control API."""
        return self.simulator.control

    @property
    def base(self) -> str:
        """The dashboard's address."""
        return self.settings.base_url

    async def __aenter__(self) -> Self:
        try:
            make_folder(self.folder)
            self.hub = await self._stack.enter_async_context(running.hub(self.settings))
            with running.err.status("starting the simulator, serve and work"):
                await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def _start(self) -> None:
        self.simulator = await self._simulator()
        cards = await connection_pages.cards(self.hub.pool)
        self.fresh = not cards
        for card in cards:
            await self._found_again(card)
        self._stack.push_async_callback(self._stop_children)
        self._keeping = asyncio.create_task(keep_running(self.children, self._halt))
        await self._ready()
        if self.fresh:
            await self._connect()
        for card in cards:
            await self.hub.logins.subscribe(card.id)

    # -- the simulator

    async def _simulator(self) -> SimulatorProcess:
        """The simulator, with the world it had; on the ports it had, when they are free."""
        ports: dict[str, int] = {}
        if self._ports_file.exists():
            known = msgspec.json.decode(self._ports_file.read_bytes(), type=dict[str, int])
            ports = {name: free_port(port) for name, port in known.items()}
        process = SimulatorProcess(
            rate=self.rate,
            shops=list(self.shops),
            redirect_url=f"{self.base}/callback/tiktok_shop",
            ports=ports,
            state=self.folder / "simulator.state",
            log=self.folder / "simulator.log",
        )
        try:
            await process.start()
        except RuntimeError as error:
            raise Problem(f"{error}; backhaul demo --reset starts afresh") from error
        self._stack.push_async_callback(process.stop)
        used = {name: int(address.rpartition(":")[2]) for name, address in process.ready["addresses"].items()}
        self._ports_file.write_bytes(msgspec.json.encode(used))
        await process.control.change_app(redirect_url=f"{self.base}/callback/tiktok_shop")
        return process

    async def _found_again(self, card: connection_pages.Card) -> None:
        """Before anything works: where the simulator is now, and what time it has there."""
        # A store has an address of its own; the other vendors have one for all their accounts.
        pick = card.api_base.rpartition("/")[2] if card.role == Party.COMMERCE else ""
        account = await simulated.account(self.control.base, card.vendor, pick)
        plain = {"consent_base": account.credentials["consent_base"]} if "consent_base" in account.credentials else {}
        await repoint(self.hub.pool, card.id, account.api_base, account.auth_base, account.clock, plain)
        self.hub.vendors.forget(card.id)

    def check(self) -> None:
        """Raise Problem when the simulator has ended: the demo means nothing without it."""
        if not self.simulator.alive:
            raise Problem(f"the simulator has ended; see {self.folder / 'simulator.log'}")

    # -- the processes

    async def _ready(self) -> None:
        """Until `serve` and `work` are up."""
        end = time.monotonic() + READY_S
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            while time.monotonic() < end:
                if self._keeping.done():
                    break
                try:
                    async with session.get(f"{self.base}/readyz") as answer:
                        if answer.status == 200:
                            return
                except (aiohttp.ClientError, TimeoutError):
                    pass
                await asyncio.sleep(0.1)
        words = "\n".join(filter(None, (child.last_words() for child in self.children)))
        raise Problem(f"serve and work did not come up; their logs are in {self.folder}: {words}")

    async def _stop_children(self) -> None:
        self._halt.set()
        await asyncio.gather(*(child.stop(STOP_S) for child in self.children))
        await asyncio.gather(self._keeping, return_exceptions=True)

    # -- connecting, as a person would

    async def _connect(self) -> None:
        for described in self.simulator.ready["shops"]:
            await self._connect_shop(described)

    async def _connect_shop(self, described: dict[str, Any]) -> None:
        account = await simulated.account(self.control.base, "tiktok_shop", described["id"])
        connection = await self.hub.logins.add(
            "tiktok_shop", f"{described['name']} (simulated)", account.credentials, "simulated", BY,
            api_base=account.api_base, auth_base=account.auth_base, clock=account.clock,
        )  # fmt: skip
        await self._consent(connection, described["id"])
        shop = next(each for each in await pages.shops(self.hub.pool) if each.channel_id == described["id"])
        others = [("shopify", "Shopify (simulated)"), *([("loop", "Loop (simulated)")] if described["desk"] else [])]
        for vendor, title in others:
            account = await simulated.account(self.control.base, vendor, described["id"])
            await self.hub.logins.add(
                vendor, title, account.credentials, "simulated", BY, shop_id=shop.id,
                api_base=account.api_base, clock=account.clock,
            )  # fmt: skip
        places = await Lookups(self.hub.vendors).locations(shop.id)
        await self.hub.commands.shops.set_location(shop.id, places[0][0], BY, places[0][1])
        await self.hub.commands.shops.confirm_gateway(shop.id, "TikTok Shop", BY)
        if described["desk"]:
            await self.hub.commands.shops.set_booker(shop.id, Booker.DESK, BY)
        await self.hub.commands.shops.set_mode(shop.id, Mode.LIVE, BY)

    async def _consent(self, connection_id: UUID, seller: str) -> None:
        """The owner's way: signed in at `serve`, to the consent page, and by its redirect back to our callback."""
        word = await sessions.make_link(self.hub.pool, BY)
        url = await self.hub.logins.consent_url(connection_id, BY)
        jar = aiohttp.CookieJar(unsafe=True)  # cookies of an address without a name, too
        async with aiohttp.ClientSession(cookie_jar=jar, timeout=aiohttp.ClientTimeout(total=20)) as browser:
            async with browser.post(f"{self.base}/signin/{word}", allow_redirects=False) as answer:
                _expect(answer.status == 303, "signing in", answer.status)
            async with browser.get(url, params={"answer": "approve", "seller": seller}) as answer:
                _expect(answer.status == 200, "the consent", answer.status)
            async with browser.post(f"{self.base}/signout"):
                pass
        state = (await self.hub.vendors.row(connection_id, fresh=True)).state
        _expect(state == "connected", "the consent", state)


def _expect(fine: bool, what: str, got: Any) -> None:
    if not fine:
        raise Problem(f"{what} did not work ({got})")
