"""The simulated channel's objects. Amounts are minor units of the shop's currency, times virtual Unix seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from backhaul.simulator.clock import Timer
from backhaul.simulator.kinds import checked
from backhaul.simulator.tiktok.market import Clocks, Market
from backhaul.simulator.tiktok.redirect import Redirect

PENDING = "RETURN_OR_REFUND_REQUEST_PENDING"
REJECTED = "REFUND_OR_RETURN_REQUEST_REJECT"
AWAITING_SHIP = "AWAITING_BUYER_SHIP"
SHIPPED = "BUYER_SHIPPED_ITEM"
PARCEL_REJECTED = "REJECT_RECEIVE_PACKAGE"
SUCCESS = "RETURN_OR_REFUND_REQUEST_SUCCESS"
CANCELLED = "RETURN_OR_REFUND_REQUEST_CANCEL"
COMPLETE = "RETURN_OR_REFUND_REQUEST_COMPLETE"
AWAITING_RESPONSE = "AWAITING_BUYER_RESPONSE"
REPLACEMENT_PENDING = "REPLACEMENT_REQUEST_PENDING"
REPLACEMENT_REJECTED = "REPLACEMENT_REQUEST_REJECT"
REPLACEMENT_REFUNDED = "REPLACEMENT_REQUEST_REFUND_SUCCESS"
REPLACEMENT_CANCELLED = "REPLACEMENT_REQUEST_CANCEL"
REPLACEMENT_COMPLETE = "REPLACEMENT_REQUEST_COMPLETE"

# Seen in live data only; no status for a refused exchange has been seen, so a refusal ends as a cancelled request.
EXCHANGE_PENDING = "EXCHANGE_REQUEST_PENDING"
EXCHANGE_REFUNDED = "EXCHANGE_REQUEST_REFUND_SUCCESS"
EXCHANGE_CANCELLED = "EXCHANGE_REQUEST_CANCEL"
EXCHANGE_COMPLETE = "EXCHANGE_REQUEST_COMPLETE"

REQUESTED = frozenset({PENDING, REPLACEMENT_PENDING, EXCHANGE_PENDING})
WITHDRAWN = frozenset({CANCELLED, REPLACEMENT_CANCELLED, EXCHANGE_CANCELLED})
RESHIPPED = frozenset({REPLACEMENT_COMPLETE, EXCHANGE_COMPLETE})
REFUNDED_INSTEAD = frozenset({REPLACEMENT_REFUNDED, EXCHANGE_REFUNDED})
ENDED = WITHDRAWN | RESHIPPED | REFUNDED_INSTEAD | {COMPLETE}

CANCEL_PENDING = "CANCELLATION_REQUEST_PENDING"
CANCEL_SUCCESS = "CANCELLATION_REQUEST_SUCCESS"
CANCEL_CANCELLED = "CANCELLATION_REQUEST_CANCELLED"
CANCEL_COMPLETE = "CANCELLATION_REQUEST_COMPLETE"
CANCELLATION_STATUSES = (CANCEL_PENDING, CANCEL_SUCCESS, CANCEL_CANCELLED, CANCEL_COMPLETE)


@dataclass(slots=True)
class Switches:
    """What is peculiar about one shop; every one may be changed while it runs."""

    uneven_money: bool = True
    tax_outside_total: bool = False
    batch_model: bool = False
    split_units: bool = False  # the batch model takes different decisions for units of one SKU
    refund_success_event: bool = False
    stock_event: bool = False
    seller_arrange_word: bool = False
    mask_platform_shipped: bool = False  # the US rule announced for 2026: phone and street hidden in every status
    early_receipt: bool = False
    labels_need_tracking: bool = True
    external_references: bool = False
    auto_approve_reasons: tuple[str, ...] = ()
    returnless_below: int = 0
    rate_per_second: int = 50
    calls_per_hour: int = 0
    paging: str = "cursor"
    page_token_seconds: float = 600.0
    reused_token_refused: bool = True
    key_memory_seconds: float = 86400.0
    access_token_seconds: int = 7 * 86400
    refresh_token_seconds: int = 365 * 86400
    rotate_refresh_token: bool = True
    clock_skew_seconds: float = 0.0
    shipments: tuple[str, ...] = ("PLATFORM", "SELLER", "BUYER_ARRANGE")
    # The words that approve, refund and refuse an exchange, in this order; empty when the API has none for it. The
    # vendor has published only the second of them.
    exchange_words: tuple[str, ...] = ("APPROVE_EXCHANGE", "ISSUE_EXCHANGE_REFUND", "REJECT_EXCHANGE")
    # What becomes of the approval of a replacement or exchange whose goods are out of stock: `refused` or `refund`.
    without_stock: str = "refused"

    @classmethod
    def fitting(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values to set. Raises ValueError for a name or a value that makes no sense."""
        found = checked(cls, values)
        for name, choices in (("paging", ("cursor", "offset")), ("without_stock", ("refused", "refund"))):
            if found.get(name, choices[0]) not in choices:
                raise ValueError(f"{name} must be one of: {', '.join(choices)}")
        return found


@dataclass(slots=True)
class Product:
    """One SKU of a shop's catalogue; `components` makes it a virtual bundle."""

    product_id: str
    sku_id: str
    seller_sku: str
    title: str
    variant: str
    price: int
    components: tuple[Product, ...] = ()
    stock: int = 10_000


@dataclass(slots=True)
class Shop:
    """One shop, its catalogue and everything that happened in it."""

    id: str
    cipher: str
    code: str
    name: str
    market: Market
    seller_id: str
    clocks: Clocks
    switches: Switches
    catalogue: list[Product]
    seller_type: str = "LOCAL"
    active: bool = True
    carriers: dict[str, str] = field(default_factory=dict)
    commerce_domain: str | None = None
    warehouse_id: str = ""
    return_warehouse_id: str = ""
    entity_id: str = ""
    redirect: Redirect = field(default_factory=Redirect)

    @property
    def currency(self) -> str:
        """Currency of all amounts in this shop."""
        return self.market.currency


@dataclass(slots=True)
class Line:
    """One unit of an order. The channel has no quantities."""

    id: str
    product: Product
    original_price: int
    seller_discount: int
    platform_discount: int
    tax: int
    status: str = "AWAITING_SHIPMENT"
    package_id: str = ""
    component_ids: tuple[str, ...] = ()
    case_id: str | None = None
    refunded: bool = False
    cancel_user: str = ""
    cancel_reason: str = ""

    @property
    def sale_price(self) -> int:
        """What the buyer paid for the unit before tax."""
        return self.original_price - self.seller_discount - self.platform_discount


@dataclass(slots=True)
class Buyer:
    """An invented person."""

    user_id: str
    first_name: str
    last_name: str
    street: str
    city: str
    state: str
    postal_code: str
    phone: str
    email: str


@dataclass(slots=True)
class Order:
    """One order of a shop."""

    id: str
    shop: Shop
    buyer: Buyer
    lines: list[Line]
    shipping_fee: int
    shipping_tax: int
    created_at: int
    updated_at: int
    status: str = "AWAITING_SHIPMENT"
    shipping_type: str = "TIKTOK"
    fulfillment_type: str = "FULFILLMENT_BY_SELLER"
    provider_id: str = ""
    tracking_number: str = ""
    package_id: str = ""
    delivery_option_id: str = ""
    paid_at: int = 0
    shipped_at: int = 0
    delivered_at: int = 0
    completed_at: int = 0
    cancelled_at: int = 0
    cancel_reason: str = ""
    cancel_user: str = ""
    request_cancel_at: int = 0
    replaced_order_id: str = ""
    exchange_source_id: str = ""
    is_sample: bool = False
    shipping_refunded: bool = False
    external: list[dict[str, Any]] = field(default_factory=list)
    tracking_events: list[tuple[int, int, str]] = field(default_factory=list)
    timer: Timer | None = None

    @property
    def ship_by(self) -> int:
        """When the seller has to have shipped it."""
        return (self.paid_at or self.created_at) + self.shop.clocks.ships_after_payment

    @property
    def tax(self) -> int:
        """All taxes of the order."""
        return sum(line.tax for line in self.lines) + self.shipping_tax

    @property
    def total(self) -> int:
        """What the buyer paid."""
        return sum(line.sale_price for line in self.lines) + self.shipping_fee + self.tax


@dataclass(slots=True)
class Amounts:
    """The money of a case or of one unit of it, as the channel states it."""

    subtotal: int = 0
    shipping: int = 0
    tax: int = 0
    total: int = 0


@dataclass(slots=True)
class CaseLine:
    """One unit in a return or cancellation."""

    id: str
    line: Line
    amounts: Amounts
    component_ids: tuple[str, ...] = ()


@dataclass(slots=True)
class Label:
    """What was uploaded for a return."""

    sha256: str
    size: int
    qr_sha256: str | None
    tracking_number: str
    provider_id: str
    at: float


@dataclass(slots=True)
class Case:
    """What returns and cancellations have in common."""

    id: str
    order: Order
    lines: list[CaseLine]
    status: str
    role: str
    reason: str
    amounts: Amounts
    created_at: int
    updated_at: int
    due_action: str | None = None
    due_at: int = 0
    timer: Timer | None = None
    refunded_at: int = 0
    records: list[dict[str, Any]] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)  # every status it has had, in order
    stale: dict[str, Any] | None = None
    published_at: int = -1

    @property
    def shop(self) -> Shop:
        """The shop of the case."""
        return self.order.shop


@dataclass(slots=True)
class Return(Case):
    """A refund-only, return-and-refund, replacement or exchange case."""

    type: str = "RETURN_AND_REFUND"
    arbitration: str | None = None
    arbitrated_from: str = ""
    shipment: str = "PLATFORM"
    handover: str = "DROP_OFF"
    document_type: str = "SHIPPING_LABEL"
    tracking_number: str = ""
    provider_id: str = ""
    previous_id: str = ""
    next_id: str = ""
    combined_id: str = ""
    keep_item: bool = False
    quick_refund: bool = False
    partial: int | None = None
    offer_refused: bool = False
    shipped_at: int = 0
    delivered_at: int = 0
    label: Label | None = None
    replacement_order_id: str = ""
    exchange_for: tuple[Product, ...] = ()
    request_id: str = ""
    rma_id: str = ""
    freight: int = 0
    freight_payer: str = "platform"


@dataclass(slots=True)
class Cancellation(Case):
    """A cancellation by buyer, seller or system."""

    type: str = "BUYER_CANCEL"
    replenish: bool = True
