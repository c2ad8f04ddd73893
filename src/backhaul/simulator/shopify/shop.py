"""One simulated shop: its app, its tables, its search index, and the notes the books are made from."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .cost import BUCKET_SECONDS, RESTORE_RATES, Bucket
from .ids import IdSource, gid, parse_gid
from .index import OrderIndex
from .model import Order, Transaction
from .reasons import DEFINITIONS
from .things import Address, Location, Metafield, Numbered, Variant

DEFAULT_SCOPES = (
    "read_orders",
    "write_orders",
    "read_all_orders",
    "read_returns",
    "write_returns",
    "read_products",
    "read_locations",
    "read_inventory",
    "read_fulfillments",
    "read_merchant_managed_fulfillment_orders",
)
SIXTY_DAYS = 60 * 86_400.0
PLANS = {"standard": "Basic", "advanced": "Advanced", "plus": "Shopify Plus", "enterprise": "Enterprise"}


@dataclass(slots=True, eq=False)
class App:
    """The one app of the simulated partner that is installed in the shop."""

    number_id: int
    client_id: str
    client_secret: str
    scopes: tuple[str, ...]
    title: str = "Simulated app"
    handle: str = "simulated-app"
    webhook_version: str = "2026-10"
    old_secrets: list[str] = field(default_factory=list)

    @property
    def id(self) -> str:
        return gid("App", self.number_id)

    @property
    def api_key(self) -> str:
        return self.client_id


@dataclass(slots=True, eq=False)
class Definition(Numbered):
    """A metafield definition; a unique one makes exact look-ups by value possible."""

    KIND = "MetafieldDefinition"
    number_id: int
    name: str
    namespace: str
    key: str
    owner_type: str
    type_name: str
    unique: bool


@dataclass(slots=True, eq=False)
class Subscription(Numbered):
    KIND = "WebhookSubscription"
    number_id: int
    topic: str
    uri: str
    format: str
    include_fields: list[str]
    name: str | None
    created_at: float
    updated_at: float


@dataclass(slots=True)
class Token:
    """An access token. ``expires_at`` None never ends; times are virtual."""

    access: str
    scopes: tuple[str, ...]
    kind: str
    expires_at: float | None
    refresh: str | None = None
    refresh_expires_at: float | None = None


@dataclass(slots=True)
class Remembered:
    """What an idempotency key was used for, and what came of it."""

    at: float
    fingerprint: str
    refund_number: int


class ShopState:
    """All state of one shop. Everything runs on one event loop and no resolver waits, so nothing here is locked."""

    KIND = "Shop"

    def __init__(
        self,
        domain: str,
        app: App,
        *,
        currency: str,
        timezone: str,
        plan: str,
        now: Callable[[], float],
        lag: Callable[[], float],
        rng: random.Random,
        restore_rate: int | None,
        loopback_http: bool,
        execute_bulk: Callable[..., tuple[Any, list[str]]],
        finish_bulk: Callable[..., None],
    ) -> None:
        if plan not in RESTORE_RATES:
            raise ValueError(f"unknown plan {plan!r}; known: {', '.join(RESTORE_RATES)}")
        self.domain, self.app, self.plan_name = domain, app, plan
        self.currency, self.iana_timezone = currency, timezone
        self.now, self.rng = now, rng
        self.ids = IdSource(rng)
        self.number_id = rng.randrange(60_000_000_000, 99_000_000_000)
        self.name = domain.removesuffix(".myshopify.com").replace("-", " ").title()
        self.created_at = now() - 400 * 86_400
        rate = float(restore_rate or RESTORE_RATES[plan])
        self.bucket = Bucket(rate, rate * BUCKET_SECONDS)
        self.index = OrderIndex(now, lag)
        self.tables: dict[str, dict[int, Any]] = {}
        self.orders: dict[int, Order] = {}
        self.tables["Order"] = self.orders
        self.variants: dict[str, Variant] = {}
        self.locations: list[Location] = []
        self.metafields: dict[tuple[str, str], Metafield] = {}
        self.definitions: dict[tuple[str, str, str], Definition] = {}
        self.unique_values: dict[tuple[str, str, str], Order] = {}
        self.subscriptions: dict[int, Subscription] = {}
        self.tokens: dict[str, Token] = {}
        self.refresh_tokens: dict[str, str] = {}
        self.superseded: dict[str, str] = {}
        self.codes: dict[str, tuple[float, tuple[str, ...], str]] = {}
        self.idempotency: dict[str, Remembered] = {}
        self.files: dict[str, dict[str, Any]] = {}
        self.bulk: dict[int, Any] = {}
        self.next_order_number = 1001
        self.counts: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.refusals: list[dict[str, Any]] = []
        self.emails: list[dict[str, Any]] = []
        self.movements: list[dict[str, Any]] = []
        self.moved: list[dict[str, Any]] = []
        self.touched: dict[int, Order] = {}
        self.installed = True
        self.loopback_http = loopback_http
        self.execute_bulk = execute_bulk
        self.finish_bulk = finish_bulk

    @property
    def id(self) -> str:
        return gid("Shop", self.number_id)

    @property
    def myshopify_domain(self) -> str:
        return self.domain

    @property
    def currency_code(self) -> str:
        return self.currency

    @property
    def email(self) -> str:
        return f"owner@{self.domain.partition('.')[0]}.example"

    @property
    def contact_email(self) -> str:
        return self.email

    @property
    def url(self) -> str:
        return f"https://{self.domain}"

    @property
    def plan(self) -> dict[str, Any]:
        return {
            "publicDisplayName": PLANS[self.plan_name],
            "shopifyPlus": self.plan_name in ("plus", "enterprise"),
            "partnerDevelopment": False,
        }

    def keep(self, thing: Any) -> Any:
        """Enters a thing into the table of its kind, so that ``node(id:)`` and mutations find it."""
        self.tables.setdefault(thing.KIND, {})[thing.number_id] = thing
        return thing

    def find(self, kind: str, text: str) -> Any:
        """The thing with this global id, or None; also None when the id is of another kind."""
        parsed = parse_gid(text)
        return self.tables.get(kind, {}).get(parsed[1]) if parsed is not None and parsed[0] == kind else None

    def node(self, text: str) -> Any:
        """The thing behind any global id, or None."""
        parsed = parse_gid(text)
        if parsed is None:
            return None
        if parsed[0] == "ReturnReasonDefinition":
            return DEFINITIONS.get(parsed[1])
        if parsed[0] == "Shop":
            return self if parsed[1] == self.number_id else None
        return self.tables.get(parsed[0], {}).get(parsed[1])

    def visible(self, order: Order | None, scopes: tuple[str, ...]) -> Order | None:
        """The order, unless it is older than 60 days and the token lacks ``read_all_orders``."""
        if order is None or order.created_at >= self.floor(scopes):
            return order
        return None

    def floor(self, scopes: tuple[str, ...]) -> float:
        """The creation time before which orders are hidden from a token."""
        return 0.0 if "read_all_orders" in scopes else self.now() - SIXTY_DAYS

    def location(self) -> Location:
        """The shop's first location; made when there is none."""
        if not self.locations:
            self.add_location("Main warehouse")
        return self.locations[0]

    def add_location(self, name: str) -> Location:
        now = self.now()
        address = Address(self.ids.next(), address1="1 Dock Road", city="Albany", zip="12207", country_code_v2="US")
        place = Location(self.ids.next(), name, address, created_at=now, updated_at=now)
        self.locations.append(place)
        self.keep(place)
        return place

    def variant(self, sku: str, title: str, barcode: str | None, price: str) -> Variant:
        """The variant with this SKU; made when there is none, with 100 pieces on the shelf."""
        found = self.variants.get(sku)
        if found is None:
            now = self.now()
            found = Variant(self.ids.next(), sku, title, barcode, price, now, now, inventory_quantity=100)
            self.variants[sku] = found
            self.keep(found)
        return found

    def restock(self, variant: Variant | None, quantity: int, place: Location, cause: str, order: Order) -> None:
        """Puts pieces back on the shelf and notes it."""
        if variant is not None:
            variant.inventory_quantity += quantity
        self.movements.append(
            {
                "sku": variant.sku if variant is not None else None,
                "delta": quantity,
                "location": place.id,
                "cause": cause,
                "order": order.id,
                "at": self.now(),
            }
        )

    def mail(self, kind: str, order: Order) -> None:
        """Notes an e-mail that the buyer would have got."""
        self.emails.append({"kind": kind, "order": order.id, "at": self.now()})

    def note_moved(self, refund_id: str, transaction: Transaction) -> None:
        """Notes money that really went to the buyer."""
        self.moved.append(
            {
                "refund": refund_id,
                "order": transaction.order.id,
                "gateway": transaction.gateway,
                "amount_minor": transaction.amount_minor,
                "currency": transaction.order.presentment_currency_code,
                "at": transaction.created_at,
            }
        )
