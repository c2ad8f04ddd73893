"""The throw-away installation of a rehearsal: a simulator, a hub with web and worker in this process, shops connected.

One simulator and one hub play all stories. Stories whose shops are alike share one, up to a few: a shop's calls are
limited as they are in life.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import msgspec
import uvicorn

from backhaul.domain.policy import Policy
from backhaul.domain.terms import Booker, DeskTerms, Mode
from backhaul.domain.words import Kind
from backhaul.rehearsal.api import Api
from backhaul.rehearsal.seller import RestSeller
from backhaul.rehearsal.shopper import Shopper
from backhaul.rehearsal.stillness import Stillness
from backhaul.settings import Settings
from backhaul.simulator.process import ControlClient, SimulatorProcess
from backhaul.simulator.scenario.model import Scenario, ShopPlan
from backhaul.simulator.scenario.player import Conductor
from backhaul.simulator.scenario.world import Play
from backhaul.store import sessions
from backhaul.web.app import create_app
from backhaul.web.services import Services
from backhaul.wiring import REGISTRY, Hub, open_hub
from backhaul.work.lookups import Lookups
from backhaul.work.portal import Buyers
from backhaul.work.worker import Worker

BY = "rehearsal"
HOST = "127.0.0.1"
GATEWAY = "TikTok Shop"
STORIES_A_SHOP, STORIES_A_DESK = 5, 2
QUICK_DESK = {"process_seconds": 1.0, "label_seconds": 1.0}


class Terms(msgspec.Struct, frozen=True):
    """What a merchant has settled for a shop. `gateways` are the payment methods that are confirmed to move no money;
    a story's orders are paid by the first of them."""

    policy: Policy = Policy()
    booker: Booker = Booker.HUB
    gateways: tuple[str, ...] = (GATEWAY,)
    desk: DeskTerms | None = None


class House:
    """An open rehearsal: use :func:`open_house`."""

    def __init__(self, hub: Hub, simulator: SimulatorProcess, api: Api) -> None:
        self.hub, self.simulator = hub, simulator
        self.shop_ids: dict[str, str] = {}
        self.seller = RestSeller(api, self.shop_ids)

    @property
    def control(self) -> ControlClient:
        """The simulator's control API."""
        return self.simulator.control

    async def play(
        self,
        plays: Sequence[Play],
        *,
        calm: bool = True,
        strict: bool = True,
        heard: Callable[[Play, str], None] = lambda play, text: None,
    ) -> None:
        """Plays the stories to their ends; what was wrong stands in each one's complaints."""
        hub = Stillness(self.hub, self.control, calm=calm)
        conductor = Conductor(
            self.control, hub, self.seller, shopper=Shopper(self.seller), calm=calm, strict=strict, heard=heard
        )
        await conductor.run(plays)

    # -- connecting, as a merchant does

    async def connect(self, described: dict[str, Any], plan: ShopPlan, terms: Terms) -> None:
        """A shop and its store, with its owner's consent, live."""
        logins, ready, clock = self.hub.logins, self.simulator.ready, await self._clock()
        app, base = ready["app"], ready["addresses"]["tiktok"]
        settings = {**{name: app[name] for name in ("app_key", "app_secret", "service_id")}, "consent_base": base}
        login = await logins.add(
            "tiktok_shop", described["name"], settings, "simulated", BY, api_base=base, auth_base=base, clock=clock
        )
        state = parse_qs(urlsplit(await logins.consent_url(login, BY)).query)["state"][0]
        code = await self.control.authorize(described["id"])
        result = await logins.callback("tiktok_shop", {"code": code, "state": state}, BY)
        if not result.ok:
            raise RuntimeError(result.text)
        shop: UUID = await self.hub.pool.fetchval("select id from shop where channel_id = $1", described["id"])
        self.shop_ids[described["id"]] = str(shop)
        if described["commerce"] is not None:
            await self._connect_commerce(described["commerce"], shop, clock)
        if described["desk"] is not None:
            await self._connect_desk(described["desk"], shop, clock)
        await self._settle_terms(described["id"], shop, plan, terms)

    async def _connect_commerce(self, store: dict[str, Any], shop: UUID, clock: dict[str, Any]) -> None:
        settings = {"shop_domain": store["domain"], **{n: store[n] for n in ("client_id", "client_secret")}}
        await self.hub.logins.add(
            "shopify", store["domain"], settings, "simulated", BY, shop_id=shop,
            api_base=f"{store['base']}/{store['domain']}", clock=clock,
        )  # fmt: skip
        places = await Lookups(self.hub.vendors).locations(shop)
        await self.hub.commands.shops.set_location(shop, places[0][0], BY, places[0][1])

    async def _connect_desk(self, desk: dict[str, Any], shop: UUID, clock: dict[str, Any]) -> None:
        settings = {"api_key": desk["key"], "webhook_secret": desk["webhook_secret"]}
        await self.hub.logins.add(
            desk["vendor"], desk["shop"], settings, "simulated", BY, shop_id=shop,
            api_base=self.simulator.ready["addresses"]["loop"], clock=clock,
        )  # fmt: skip

    async def _settle_terms(self, channel_id: str, shop: UUID, plan: ShopPlan, terms: Terms) -> None:
        commands = self.hub.commands
        if terms.policy != Policy():
            await commands.shops.set_policy(shop, terms.policy, BY)
        if terms.booker is not Booker.HUB:
            await commands.shops.set_booker(shop, terms.booker, BY)
        for gateway in terms.gateways if plan.gateway_confirmed else ():
            await commands.shops.confirm_gateway(shop, gateway, BY)
        if plan.desk != "own":
            await commands.shops.set_desk(shop, terms.desk or DeskTerms(plan.desk), BY)
        if plan.portal:
            await self._open_portal(channel_id, shop, plan.portal)
        await commands.shops.set_mode(shop, Mode.LIVE, BY)

    async def _open_portal(self, channel_id: str, shop: UUID, kinds: Sequence[str]) -> None:
        """The shop's portal for buyers, to which the channel leads its return button."""
        await self.hub.commands.portal.set_kinds(shop, [Kind(kind) for kind in kinds], BY)
        await self.hub.commands.portal.set_open(shop, True, BY)
        address = f"{self.hub.settings.base_url}/portal/{shop}?order={{order}}&zip={{zip}}"
        await self.control.change_shop(channel_id, redirect={"allowed": True, "address": address})

    async def _clock(self) -> dict[str, Any]:
        known = await self.control.clock()
        clock: dict[str, Any] = {name: known[name] for name in ("epoch_real", "epoch_virtual", "rate")}
        return {"url": f"{self.simulator.ready['addresses']['control']}/clock", **clock}


def own_terms(plan: ShopPlan) -> Terms:
    """The terms that a story's shop has of itself."""
    policy = msgspec.convert(dict(plan.policy), Policy) if plan.policy else Policy()
    return Terms(policy, Booker(plan.booker))


def seat(scenarios: Iterable[Scenario]) -> list[list[Scenario]]:
    """Which stories share a shop: those whose shops are alike, a few each. One in which somebody else writes to the
    commerce system has a shop to itself: the hub books nothing beside a second writer."""
    alike: dict[str, list[Scenario]] = {}
    tables: list[list[Scenario]] = []
    for scenario in scenarios:
        if any(act.by == "shopify" for act in scenario.acts):
            tables.append([scenario])
        else:
            alike.setdefault(json.dumps(asdict(scenario.shop), sort_keys=True), []).append(scenario)
    for group in alike.values():
        size = STORIES_A_SHOP if group[0].shop.desk == "own" else STORIES_A_DESK
        tables += [group[start : start + size] for start in range(0, len(group), size)]
    return tables


def _described(plan: ShopPlan, terms: Terms, number: int) -> dict[str, Any]:
    """A shop as the simulator is asked to make it."""
    return {
        "name": f"Rehearsal {number}",
        "region": plan.market,
        "commerce_domain": f"rehearsal-{number}.myshopify.com" if plan.commerce else None,
        "commerce_points_per_s": 1000,
        "desk": "" if plan.desk == "own" else plan.desk,
        "desk_settings": {} if plan.desk == "own" else {**QUICK_DESK, **plan.workflows},
        "switches": dict(plan.switches),
        "clocks": dict(plan.clocks),
        "connector": {"delay_seconds": 0.0, "style": "tag", "gateway": [*terms.gateways, GATEWAY][0], **plan.connector},
    }


@contextlib.asynccontextmanager
async def open_house(
    scenarios: Iterable[Scenario],
    dsn: str,
    folder: Path,
    *,
    terms: Callable[[ShopPlan], Terms] = own_terms,
    seed: int = 1,
) -> AsyncIterator[tuple[House, list[Play]]]:
    """A rehearsal of these stories on a migrated, empty database, with everything ended after it."""
    groups = seat(scenarios)
    listener = _listen()
    base = f"http://{HOST}:{listener.getsockname()[1]}"
    settled = [terms(group[0].shop) for group in groups]
    shops = [
        _described(group[0].shop, own, number)
        for number, (group, own) in enumerate(zip(groups, settled, strict=True), 1)
    ]
    settings = Settings(data_dir=folder, public_url=base, database_url=None, master_key_file=None)
    async with contextlib.AsyncExitStack() as stack:
        simulator = await stack.enter_async_context(
            SimulatorProcess(seed=seed, shops=shops, rate=1.0, redirect_url=f"{base}/callback/tiktok_shop")
        )
        hub = await stack.enter_async_context(open_hub(settings, dsn))
        await stack.enter_async_context(_serving(hub, listener))
        api = await stack.enter_async_context(Api(base, await sessions.make_token(hub.pool, BY, "owner")))
        house = House(hub, simulator, api)
        plays: list[Play] = []
        for described, group, own in zip(simulator.ready["shops"], groups, settled, strict=True):
            await house.connect(described, group[0].shop, own)
            plays += [Play(scenario, described) for scenario in group]
        await stack.enter_async_context(_working(hub))
        yield house, plays


@contextlib.asynccontextmanager
async def _working(hub: Hub) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(Worker(hub.vendors, hub.dsn, 60).run(stop))
    try:
        yield
    finally:
        stop.set()
        await task


class _Server(uvicorn.Server):
    """uvicorn inside somebody else's process: signals are left alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


@contextlib.asynccontextmanager
async def _serving(hub: Hub, listener: socket.socket) -> AsyncIterator[None]:
    manifests = {name: vendor.manifest for name, vendor in REGISTRY.items()}
    lookups, buyers = Lookups(hub.vendors), Buyers(hub.vendors)
    services = Services(
        hub.pool, hub.commands, hub.intake, hub.logins, lookups, buyers, manifests, hub.settings.base_url
    )
    config = uvicorn.Config(
        create_app(services), log_config=None, access_log=False, lifespan="on", ws="none", loop="none",
        timeout_graceful_shutdown=2,
    )  # fmt: skip
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started:
            if task.done():
                raise RuntimeError("the web server of the rehearsal did not start")
            await asyncio.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        await task


def _listen() -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, 0))
    return listener
