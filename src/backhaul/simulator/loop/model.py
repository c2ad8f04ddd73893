"""The state of one simulated desk: keys, orders as the desk sees them, drafts, returns, labels, subscriptions.

Everything here is plain data, so that a snapshot can keep it. Amounts are minor units, times virtual Unix seconds.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from backhaul.simulator.loop.settings import Settings
from backhaul.simulator.loop.timeline import Timeline

SCOPES = (
    "returns",
    "orders",
    "carts",
    "developer_tools",
    "destinations:read",
    "destinations:write",
    "draft_returns:read",  # [inferred]: the vendor names these two scopes, their values were never seen
    "draft_returns:write",
    "label_requests:read",
    "label_requests:write",
    "labels:write",
    "happy_returns_shipments:read",
)
OPEN, REVIEW, CLOSED, CANCELLED, EXPIRED = "open", "review", "closed", "cancelled", "expired"
NEW, PRE_TRANSIT, IN_TRANSIT, OUT_FOR_DELIVERY, DELIVERED = LABEL_STATUSES = (
    "new",
    "pre_transit",
    "in_transit",
    "out_for_delivery",
    "delivered",
)


@dataclass(slots=True)
class Key:
    """An API key of Developer Tools."""

    value: str
    name: str
    scopes: tuple[str, ...]


@dataclass(slots=True, eq=False)
class Unit:
    """One piece of an order: the desk counts pieces, its lines have no quantity [inferred from their fields]."""

    id: int
    sku: str
    title: str
    price: int
    discount: int
    tax: int
    provider_line_id: int | None
    product_id: int
    variant_id: int
    barcode: str | None = None
    shipped: bool = True

    @property
    def worth(self) -> int:
        """What the buyer paid for it, tax on top."""
        return self.price - self.discount + self.tax


@dataclass(slots=True, eq=False)
class DeskOrder:
    """An order as the desk knows it, from the store or pushed by the orders API. `number_id` is the store's id."""

    id: int
    name: str
    currency: str
    created_at: float
    units: list[Unit]
    number_id: int | None = None
    number: int | None = None
    external_id: str | None = None
    email: str | None = None
    phone: str | None = None
    zip: str | None = None
    country: str = ""
    buyer: str | None = None
    tags: tuple[str, ...] = ()
    taxes_included: bool = False

    @property
    def total(self) -> int:
        """What all its pieces are worth."""
        return sum(unit.worth for unit in self.units)


@dataclass(slots=True, eq=False)
class ReturnLine:
    """One piece that comes back."""

    id: int
    unit: Unit
    parent_reason: str
    reason: str
    comment: str | None
    outcome: str
    removed: bool = False
    returned_at: float | None = None
    condition: str | None = None
    disposition: str | None = None


@dataclass(slots=True, eq=False)
class Label:
    """A return label. `by` is `loop`, or `third-party` for one that a label provider handed in with its own address."""

    id: int
    carrier: str
    tracking_number: str
    cost: int
    currency: str
    created_at: float
    updated_at: float
    token: str
    status: str = NEW
    by: str = "loop"
    url: str = ""
    tracking_url: str = ""
    qrcode_url: str = ""
    voided: bool = False


@dataclass(slots=True, eq=False)
class LabelRequest:
    """A wish for a label, when another firm makes the shop's labels."""

    id: int
    return_id: int
    created_at: float
    status: str = "issued"
    errors: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Return:
    """A return. `queued` while processing waits its turn; `store_number` is the number of its twin in the store."""

    id: int
    order: DeskOrder
    lines: list[ReturnLine]
    address: dict[str, Any]
    created_at: float
    updated_at: float
    by: str
    state: str = OPEN
    fee: int = 0
    is_gift: bool = False
    edited_at: float | None = None
    closed_at: float | None = None
    was_processed: bool = False
    processed_at: dict[str, float] = field(default_factory=dict)
    queued: bool = False
    label_queued: bool = False
    labels: list[Label] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)
    refunds: list[dict[str, Any]] = field(default_factory=list)
    fraud_report: dict[str, Any] | None = None
    store_number: int | None = None
    failure: str = ""
    listed_at: float = 0.0  # an index that is behind shows it in no list before

    @property
    def staying(self) -> list[ReturnLine]:
        """The lines that were not taken out."""
        return [line for line in self.lines if not line.removed]

    @property
    def live_labels(self) -> list[Label]:
        """Labels that were not replaced by others."""
        return [label for label in self.labels if not label.voided]

    def worth(self, outcome: str) -> int:
        """What the lines of an outcome are worth, before fees."""
        return sum(line.unit.worth for line in self.staying if line.outcome == outcome)

    @property
    def refund(self) -> int:
        """What the buyer gets back in money."""
        worth = self.worth("refund")
        return max(0, worth - self.fee) if worth else 0


@dataclass(slots=True, eq=False)
class DraftLine:
    """A piece put into a draft."""

    id: int
    unit: Unit
    parent_reason: str
    reason_id: int
    reason: str
    comment: str | None
    outcome: str
    answers: dict[int, Any] = field(default_factory=dict)
    photos: list[str] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Draft:
    """A draft return: `created`, `items-finalized`, `submitted`, `cancelled`."""

    id: int
    order: DeskOrder
    created_at: float
    is_gift: bool = False
    state: str = "created"
    lines: list[DraftLine] = field(default_factory=list)
    address: dict[str, Any] | None = None
    credit_type: str | None = None
    return_id: int | None = None


@dataclass(slots=True)
class Subscription:
    """A webhook subscription."""

    id: int
    topic: str
    trigger: str
    url: str
    status: str


@dataclass(slots=True, eq=False)
class Desk:
    """All state of one merchant's desk. `domain` names the store it is connected to."""

    domain: str
    shop_id: int
    name: str
    currency: str
    secret: str
    rng: random.Random
    settings: Settings = field(default_factory=Settings)
    keys: list[Key] = field(default_factory=list)
    returns: dict[int, Return] = field(default_factory=dict)
    drafts: dict[int, Draft] = field(default_factory=dict)
    created: Timeline = field(default_factory=Timeline)
    updated: Timeline = field(default_factory=Timeline)
    subscriptions: dict[int, Subscription] = field(default_factory=dict)
    destinations: dict[int, dict[str, Any]] = field(default_factory=dict)
    label_requests: dict[int, LabelRequest] = field(default_factory=dict)
    links: dict[str, dict[str, Any]] = field(default_factory=dict)
    pushed: dict[int, dict[str, Any]] = field(default_factory=dict)
    order_ids: dict[int, int] = field(default_factory=dict)
    unit_ids: dict[tuple[int, int], int] = field(default_factory=dict)
    reason_ids: dict[tuple[str, str], int] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)
    returns_of_order: dict[int, list[int]] = field(default_factory=dict)
    return_of_store: dict[int, int] = field(default_factory=dict)
    return_of_parcel: dict[str, int] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    refused: list[dict[str, Any]] = field(default_factory=list)
    acts: list[dict[str, Any]] = field(default_factory=list)
    last: dict[str, int] = field(default_factory=dict)

    def number(self, kind: str) -> int:
        """The next id of a kind: only grows, with uneven gaps."""
        before = self.last.get(kind) or self.rng.randrange(20_000_000, 60_000_000)
        self.last[kind] = before + self.rng.randrange(1, 40)
        return self.last[kind]

    def reason_id(self, parent: str, child: str) -> int:
        """The id of a child reason, or of a parent when `child` is empty; given once and kept."""
        return self.reason_ids.setdefault((parent, child), 101 + len(self.reason_ids))

    def enter(self, each: Return) -> None:
        """Takes a new return in."""
        self.returns[each.id] = each
        self.returns_of_order.setdefault(each.order.id, []).append(each.id)
        self.created.put(each.id, each.created_at)
        self.updated.put(each.id, each.updated_at)

    def stamp(self, each: Return, now: float) -> None:
        """A return has changed; its update time never goes back."""
        each.updated_at = max(each.updated_at, now)
        self.updated.put(each.id, each.updated_at)

    @property
    def dock(self) -> dict[str, Any]:
        """Where parcels go to."""
        known = list(self.destinations.values())
        return next((each for each in known if each["enabled"]), known[0])

    def order_id(self, number: int) -> int:
        """The desk's own id of a store order."""
        if number not in self.order_ids:
            self.order_ids[number] = self.number("order")
        return self.order_ids[number]

    def unit_id(self, line: int, piece: int) -> int:
        """The desk's own id of one piece of an order line."""
        if (line, piece) not in self.unit_ids:
            self.unit_ids[line, piece] = self.number("line")
        return self.unit_ids[line, piece]
