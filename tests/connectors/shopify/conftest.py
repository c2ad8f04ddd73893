"""A shop of the simulator and the connector that speaks to it over real HTTP."""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from backhaul.connectors.shopify import Shopify, vendor
from backhaul.domain.words import Disposition
from backhaul.kit.http import HttpClient
from backhaul.ports.factory import Login
from backhaul.simulator import moods
from backhaul.simulator.clock import SimulatedClock
from backhaul.simulator.shopify import LineSeed, OrderSeed, ShopifyWorld
from tests.connectors.commerce_suite import Books

DOMAIN = "made-up.myshopify.com"
CLIENT_ID, CLIENT_SECRET = "sim_client", "sim_secret"
STATUS = {"OPEN": "open", "CLOSED": "closed", "CANCELED": "cancelled", "REQUESTED": "requested"}
DISPOSITIONS = {
    "RESTOCKED": Disposition.RESTOCK,
    "NOT_RESTOCKED": Disposition.NOT_RESTOCKED,
    "MISSING": Disposition.MISSING,
}


class Moods(moods.Moods):
    """What goes wrong with the next calls, by first root field (``*`` is any mutation that is one of ours)."""

    def __init__(self) -> None:
        super().__init__(random.Random(1))
        self.coming: defaultdict[str, list[str]] = defaultdict(list)
        self.seen: list[str] = []

    def strike(self, vendor: str, endpoint: str, kinds: Iterable[str]) -> moods.Mood | None:
        if "token_revoked" in kinds:  # the first question of each call
            self.seen.append(endpoint)
        for name in (endpoint, "*"):
            if self.coming[name] and self.coming[name][0] in kinds:
                return moods.Mood(self.coming[name].pop(0))
        return None


@dataclass
class Webhooks:
    """Takes webhooks instead of an address."""

    sent: list[tuple[bytes, dict[str, str]]] = field(default_factory=list)

    def send(self, url: str, body: bytes, headers: dict[str, str], *, vendor: str, shop: str, topic: str) -> None:
        self.sent.append((body, {name.lower(): value for name, value in headers.items()}))


@dataclass
class Budget:
    """Lets everything pass and keeps what it was told."""

    taken: list[float] = field(default_factory=list)
    learnt: list[dict[str, Any]] = field(default_factory=list)
    urgent: bool = False

    async def take(self, api: str, cost: float = 1.0) -> None:
        assert api == "graphql"
        self.taken.append(cost)

    def learn(
        self,
        api: str,
        *,
        available: float | None = None,
        restore_per_s: float | None = None,
        refused: bool = False,
        back: float = 0.0,
    ) -> None:
        self.learnt.append({"available": available, "restore_per_s": restore_per_s, "refused": refused})


class World:
    """The shop, its books, and its bad days."""

    places = (
        "source_identifier",
        "name:{id}",
        "name:TTOK{id}",
        "name:TT-{id}",
        "tag:{id}",
        "tag:TikTokOrderID:{id}",
        "note",
        "attribute:TikTok Order Number",
    )

    def __init__(self, vendor_world: ShopifyWorld, coming: Moods, hooks: Webhooks, budget: Budget) -> None:
        self.vendor = vendor_world
        self.moods = coming
        self.hooks = hooks
        self.budget = budget
        self.token = vendor_world.static_token(DOMAIN)
        self.connector: Shopify

    def order(
        self, *, place: str = "", channel_order_id: str = "", units: int = 2, moves_money: bool = False, age: int = 0
    ) -> str:
        kind, _, template = place.partition(":")
        text = template.replace("{id}", channel_order_id)
        seed = OrderSeed(
            lines=[LineSeed("MUG-RED", "Mug", units, 2000, 165 * units)],
            source_name="tiktok",
            created_at=time.time() - age,
            gateway="shopify_payments" if moves_money else "TikTok Shop",
            zip="10001",
        )
        if kind == "source_identifier":
            seed.source_identifier = channel_order_id
        elif kind == "name":
            seed.name = text
        elif kind == "tag":
            seed.tags = ("TikTok Shop", text)
        elif kind == "note":
            seed.note = f"TikTok order {channel_order_id}, by a connector"
        elif kind == "attribute":
            seed.custom_attributes = {template: channel_order_id}
        return self.vendor.create_order(DOMAIN, seed).id

    def books(self, order_id: str) -> Books:
        told = self.vendor.books(DOMAIN, all_orders=True)
        order, shop = told["orders"][order_id], self.vendor.shops[DOMAIN]
        stamps = [value for name, value in order["metafields"].items() if name.endswith("backhaul.tiktok_order_id")]
        return Books(
            refunds=[
                (each["amount_minor"], each["note"] or "", _unix(each["processed_at"])) for each in order["refunds"]
            ],
            returns=[
                (
                    STATUS[each["status"]],
                    sum(line["quantity"] for line in each["lines"]),
                    " ".join(line["note"] for line in each["lines"]),
                )
                for each in order["returns"]
            ],
            tracking=[parcel["number"] for each in order["returns"] for parcel in each["tracking"]],
            labels=[
                shop.files[parcel["label"].split("/")[-2]]["content"]
                for each in order["returns"]
                for parcel in each["tracking"]
                if parcel["label"]
            ],
            disposed=[
                (DISPOSITIONS[one["type"]], one["quantity"])
                for each in order["returns"]
                for one in each["dispositions"]
            ],
            stock_moved=sum(abs(each["delta"]) for each in told["inventory"]),
            money_moved=told["money_moved_minor"],
            messages=len(told["emails"]),
            stamp=stamps[0] if stamps else "",
        )

    def lose_next_answer(self) -> None:
        self._next_write("cut_after")

    def fail_next_call(self) -> None:
        self._next_write("rate_limit")

    def _next_write(self, mood: str) -> None:
        for root in (
            "metafieldsSet",
            "returnCreate",
            "reverseDeliveryCreateWithShipping",
            "reverseDeliveryShippingUpdate",
            "reverseFulfillmentOrderDispose",
            "refundCreate",
            "returnClose",
            "returnCancel",
        ):
            self.moods.coming[root].append(mood)

    def log_out(self) -> None:
        self.vendor.edit_token(DOMAIN, revoke=True)

    def other_returns(self, order_id: str, units: int) -> None:
        self.vendor.return_by_other(DOMAIN, order_id, quantities={"MUG-RED": units}, note="made by hand")

    def other_refunds(self, order_id: str, minor: int) -> None:
        self.vendor.refund_by_other(DOMAIN, order_id, amount_minor=minor, quantities={"MUG-RED": 1})


def _unix(text: str) -> int:
    from datetime import datetime

    return int(datetime.fromisoformat(text).timestamp())


@pytest.fixture
async def world() -> AsyncIterator[World]:
    coming, hooks, budget = Moods(), Webhooks(), Budget()
    made = ShopifyWorld(SimulatedClock(), hooks, coming, search_lag=0.0)
    made.add_shop(DOMAIN, client_id=CLIENT_ID, client_secret=CLIENT_SECRET, plan="plus")
    runner = web.AppRunner(made.app(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found = World(made, coming, hooks, budget)

    async def access() -> str:
        return found.token

    async with HttpClient(timeout=60) as http:
        found.connector = vendor.connect(
            Login(
                settings={"shop_domain": DOMAIN, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET},
                access=access,
                api_base=f"http://127.0.0.1:{runner.addresses[0][1]}/{DOMAIN}",
            ),
            http,
            budget,
            time.time,
        )
        yield found
    await runner.cleanup()
