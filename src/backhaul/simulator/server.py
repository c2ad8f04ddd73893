"""The simulator as one asyncio program: every vendor on a listener of its own, and a control API beside them."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from aiohttp import web

from backhaul.simulator import seen
from backhaul.simulator.books import Books
from backhaul.simulator.buyers import Buyers
from backhaul.simulator.clock import SimulatedClock
from backhaul.simulator.console.app import Console
from backhaul.simulator.control import Control
from backhaul.simulator.delivery import Message, RealAddressRefused, WebhookDelivery
from backhaul.simulator.desk_staff import DeskStaff
from backhaul.simulator.history import History
from backhaul.simulator.loop import Loop
from backhaul.simulator.loop.world import LoopWorld
from backhaul.simulator.moods import VENDORS, Moods
from backhaul.simulator.order_connector import Habits, OrderConnector
from backhaul.simulator.shopify import ShopifyWorld
from backhaul.simulator.tiktok.channel import Channel
from backhaul.simulator.tiktok.model import Shop
from backhaul.simulator.tiktok.world import ShopSpec

_SOURCES = ("moods", "delivery", "channel", "connector", "buyers", "history")
LISTENERS = ("tiktok", "shopify", "loop", "control", "console")
# Shopify: a failed delivery is repeated eight times over four hours; then its subscription is deleted.
_SHOPIFY_RETRIES = (10.0, 60.0, 300.0, 900.0, 1800.0, 2700.0, 3600.0, 5000.0)


class _CommerceMail:
    """The commerce world's way out: its messages ride on the common delivery."""

    def __init__(self, delivery: WebhookDelivery, commerce: Callable[[], ShopifyWorld]) -> None:
        self._delivery = delivery
        self._commerce = commerce

    def send(self, url: str, body: bytes, headers: dict[str, str], *, vendor: str, shop: str, topic: str) -> Any:
        """Takes one message; an address outside this machine is dropped and noted, never posted to."""
        message = Message(
            vendor,
            topic,
            url,
            headers.get("X-Shopify-Webhook-Id", ""),
            body,
            headers,
            shop,
            retries=_SHOPIFY_RETRIES,
            timeout=5.0,
            accepts=lambda status: 200 <= status < 300,
            given_up=lambda: self._commerce().drop_subscription(shop, url, topic),
        )
        try:
            return self._delivery.send(message)
        except RealAddressRefused:
            self._delivery.counts["refused"] += 1
            return None


class Simulator:
    """All vendors, their books and their clock. Start it inside a running event loop.

    `shops` describes the channel's shops; a shop with a `commerce_domain` gets a Shopify store of that name, which
    several shops may share. The same seed gives the same ids and the same luck.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        shops: Sequence[ShopSpec] = (),
        rate: float = 1.0,
        start: float | None = None,
        redirect_url: str = "",
        host: str = "127.0.0.1",
        ports: Mapping[str, int] | None = None,
    ) -> None:
        self.host = host
        self.clock = SimulatedClock(start=start, rate=rate)
        sources = {name: random.Random(f"{seed}/{name}") for name in _SOURCES}
        self._random = sources
        self.moods = Moods(sources["moods"])
        self.moods.on_strike = seen.struck
        self.books = Books()
        self.delivery = WebhookDelivery(self.clock, sources["delivery"], self.moods)
        self.channel = Channel(self.clock, self.delivery, self.moods, sources["channel"], self.books)
        self.commerce = ShopifyWorld(self.clock, _CommerceMail(self.delivery, lambda: self.commerce), self.moods, seed)
        self.loop = Loop(LoopWorld(self.clock, self.delivery, self.moods, self.books, self.commerce, seed))
        self.channel.world.parcel_moved.append(self.loop.labels.parcel_moved)
        self.connector = OrderConnector(self.clock, sources["connector"], self.channel, self.commerce)
        staff = DeskStaff(self.clock, sources["buyers"], self.loop, self.connector)
        self.buyers = Buyers(self.clock, sources["buyers"], self.channel, staff)
        self.history = History(self.clock, sources["history"], self.channel, self.connector)
        self.app = self.channel.world.auth.add_app(redirect_url=redirect_url)
        self.addresses: dict[str, str] = {}
        self._seed = seed
        self._ports = dict(ports or {})
        self._runners: list[web.AppRunner] = []
        self._clock_task: asyncio.Task[None] | None = None
        self.clock.on_error = lambda error: self.books.problems.append(f"clock: {error!r}")
        for spec in shops:
            self.add_shop(spec)

    def add_shop(self, spec: ShopSpec, habits: Habits | None = None) -> Shop:
        """Opens a shop, its store in the commerce system when it has one, and the returns desk on that store."""
        if spec.desk not in ("", "loop") or (spec.desk and spec.commerce_domain is None):
            raise ValueError("desk must be loop or empty, and a desk needs a commerce_domain")
        shop = self.channel.world.add_shop(spec)
        if spec.commerce_domain is not None and spec.commerce_domain not in self.commerce.shops:
            rng = random.Random(f"{self._seed}/{spec.commerce_domain}")
            self.commerce.add_shop(
                spec.commerce_domain,
                client_id=f"sim_client_{rng.getrandbits(64):016x}",
                client_secret=f"sim_shpss_{rng.getrandbits(128):032x}",
                currency=shop.currency,
                restore_rate=spec.commerce_points_per_s,
            )
        if spec.desk and spec.commerce_domain is not None:
            if spec.commerce_domain not in self.loop.world.desks:
                self.loop.world.add_desk(spec.commerce_domain, spec.desk_settings)
            self.loop.world.of_shop[shop.id] = spec.commerce_domain
        if habits is not None:
            self.connector.habits[shop.id] = habits
        if spec.past_orders or spec.open_returns:
            self.history.fill(shop, spec.past_orders, spec.open_returns)
        return shop

    def authorise(self) -> None:
        """Consents for every shop and gives every store a lasting token, where none is in force yet.

        For clients that want to begin at once; the hub goes through the consent page.
        """
        world = self.channel.world
        for shop in world.shops.values():
            if not world.auth.live_grants(shop.id):
                grant, _ = world.auth.grant(self.app, world.auth.sellers[shop.seller_id])
                world.events.watch_expiry(grant)
            if shop.commerce_domain and not self.commerce.lasting_token(shop.commerce_domain):
                self.commerce.static_token(shop.commerce_domain)

    async def start(self) -> None:
        """Opens the listeners; `addresses` is filled afterwards. Raises OSError, naming the listener, for a port that
        is taken."""
        await self.delivery.start()
        self._clock_task = asyncio.create_task(self.clock.run())
        applications = {
            "tiktok": self.channel.app(),
            "shopify": self.commerce.app(),
            "loop": self.loop.app(),
            "control": Control(self).app(),
            "console": Console(self).app(),
        }
        for name, application in applications.items():
            if name in VENDORS:
                application.middlewares.append(seen.watching(self.books, self.clock, name))
            runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
            await runner.setup()
            self._runners.append(runner)
            port = self._ports.get(name, 0)
            try:
                await web.TCPSite(runner, self.host, port, backlog=1024).start()
            except OSError as error:
                await self.stop()
                text = f"cannot listen on {self.host}:{port} for {name}: {os.strerror(error.errno or 0)}"
                raise OSError(error.errno, f"{text}; choose another port") from None
            port = runner.addresses[0][1]
            self.addresses[name] = f"http://{self.host}:{port}"
        self.loop.world.base = self.addresses["loop"]

    async def stop(self) -> None:
        """Closes everything."""
        self.buyers.stop()
        if self._clock_task is not None:
            self._clock_task.cancel()
            await asyncio.gather(self._clock_task, return_exceptions=True)
        await self.delivery.stop()
        for runner in self._runners:
            await runner.cleanup()

    async def __aenter__(self) -> Simulator:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def random_sources(self) -> list[random.Random]:
        """Where all luck comes from, in a fixed order."""
        return [self._random[name] for name in _SOURCES]

    def describe(self) -> dict[str, Any]:
        """Addresses and all credentials, as the ready line prints them."""
        return {
            "simulated": True,
            "addresses": self.addresses,
            "app": self.describe_app(),
            "shops": [self.describe_shop(shop) for shop in self.channel.world.shops.values()],
            "clock": self.clock.describe(),
        }

    def describe_app(self) -> dict[str, Any]:
        """The partner app: what goes into the hub's settings."""
        base = self.addresses.get("tiktok", "")
        return {
            "app_key": self.app.app_key,
            "app_secret": self.app.app_secret,
            "service_id": self.app.service_id,
            "redirect_url": self.app.redirect_url,
            "webhook_address": self.app.webhook_address,
            "scopes": list(self.app.scopes),
            "authorize_url": f"{base}/open/authorize?service_id={self.app.service_id}",
            "api_base": base,
            "token_base": base,
        }

    def _tokens(self, shop: Shop) -> dict[str, str]:
        """The newest tokens of the channel in force for a shop; empty texts before anybody has consented."""
        grants = self.channel.world.auth.live_grants(shop.id)
        if not grants:
            return {"access_token": "", "refresh_token": ""}
        return {"access_token": list(grants[-1].access_tokens)[-1], "refresh_token": grants[-1].refresh_token}

    def describe_shop(self, shop: Shop) -> dict[str, Any]:
        """One shop with everything a test or a person needs to connect it."""
        store = self.commerce.shops.get(shop.commerce_domain or "")
        desk = self.loop.world.desks.get(self.loop.world.of_shop.get(shop.id, ""))
        return {
            "simulated": True,
            "id": shop.id,
            "cipher": shop.cipher,
            "code": shop.code,
            "name": shop.name,
            "region": shop.market.region,
            "currency": shop.currency,
            "seller_id": shop.seller_id,
            "seller_type": shop.seller_type,
            "carriers": shop.carriers,
            "skus": [product.seller_sku for product in shop.catalogue],
            "redirect": asdict(shop.redirect),
            **self._tokens(shop),
            "commerce": None
            if store is None
            else {
                "domain": store.domain,
                "client_id": store.app.client_id,
                "client_secret": store.app.client_secret,
                "access_token": self.commerce.lasting_token(store.domain),
                "base": self.addresses.get("shopify", ""),
            },
            "desk": None if desk is None else self.loop.describe(desk),
        }
