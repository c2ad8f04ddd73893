"""A simulated shop on a clock that only moves when told, and a hand to call it with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from backhaul.simulator.shopify import DEFAULT_SCOPES, LineSeed, OrderSeed, ShopifyWorld
from backhaul.simulator.shopify.act import Act
from backhaul.simulator.shopify.model import Order
from backhaul.simulator.shopify.shop import ShopState

SPECS = Path(__file__).resolve().parents[4] / "shared" / "specs"
START = 1_795_000_000.0
DOMAIN = "acme.myshopify.com"


@dataclass
class StillClock:
    """Virtual time that a test moves by hand."""

    at: float = START

    def now(self) -> float:
        return self.at


@dataclass
class Sent:
    url: str
    body: bytes
    headers: dict[str, str]
    topic: str


@dataclass
class Outbox:
    """Takes the webhooks instead of delivering them."""

    sent: list[Sent] = field(default_factory=list)

    def send(self, url: str, body: bytes, headers: dict[str, str], *, vendor: str, shop: str, topic: str) -> None:
        assert vendor == "shopify"
        assert shop == headers["X-Shopify-Shop-Domain"]
        self.sent.append(Sent(url, body, headers, topic))

    def topics(self) -> list[str]:
        return [each.topic for each in self.sent]


class Hand:
    """Calls one shop as an app does, without HTTP between."""

    def __init__(self, world: ShopifyWorld, shop: ShopState, scopes: Sequence[str] = DEFAULT_SCOPES) -> None:
        self.world, self.shop, self.scopes = world, shop, tuple(scopes)

    def raw(self, query: str, /, **variables: Any) -> dict[str, Any]:
        act = Act(self.shop, self.world.emitter, self.scopes, base_url="http://127.0.0.1")
        return self.world.engine.run(act, query, variables, None)

    def run(self, query: str, /, **variables: Any) -> Any:
        """The data; any top-level error fails the test."""
        answer = self.raw(query, **variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def one(self, query: str, /, **variables: Any) -> Any:
        """The one root field of the data."""
        (value,) = self.run(query, **variables).values()
        return value

    def refused(self, query: str, /, **variables: Any) -> list[dict[str, Any]]:
        """The userErrors of a mutation that must have some, and nothing else."""
        payload = self.one(query, **variables)
        assert all(value is None for key, value in payload.items() if key != "userErrors"), payload
        errors: list[dict[str, Any]] = payload["userErrors"]
        assert errors
        return errors


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()


@pytest.fixture
def world(clock: StillClock, outbox: Outbox) -> ShopifyWorld:
    return ShopifyWorld(clock, outbox, search_lag=0)


@pytest.fixture
def shop(world: ShopifyWorld) -> ShopState:
    return world.add_shop(DOMAIN, client_id="sim_client", client_secret="sim_secret", plan="enterprise")


@pytest.fixture
def hand(world: ShopifyWorld, shop: ShopState) -> Hand:
    return Hand(world, shop)


Maker = Callable[..., Order]


@pytest.fixture
def make(world: ShopifyWorld, shop: ShopState) -> Maker:
    """Makes an order: two mugs at 10.50 with 1.68 tax, one cap at 9.99, shipping 5.00; all sent out."""

    def maker(**changes: Any) -> Order:
        lines = [LineSeed("MUG", "Mug", 2, 1050, 168), LineSeed("CAP", "Cap", 1, 999)]
        seed = OrderSeed(**{"lines": lines, "source_name": "tiktok", "shipping_minor": 500, **changes})
        return world.create_order(shop.domain, seed)

    return maker


@pytest.fixture
def order(make: Maker) -> Order:
    return make(source_identifier="577087614418520388", tags=["TikTok Shop"], zip="10001")
