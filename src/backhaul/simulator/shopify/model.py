"""The state of one simulated shop: orders, fulfilments, returns, refunds.

Attribute names are the vendor's field names in snake case, so that a field without a resolver of its own is read
straight off the object. Times are unix seconds, money is integer minor units of the order's presentment currency.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar

from .ids import gid
from .money import MoneyBag, bag, share
from .reasons import ReasonDefinition, word_of

if TYPE_CHECKING:
    from .shop import ShopState

MOVING_GATEWAYS = frozenset({"shopify_payments", "paypal"})
"""Gateways on which a refund really sends money to the buyer. Every other name only keeps books."""

FINAL_DISPOSITIONS = frozenset({"MISSING", "NOT_RESTOCKED", "RESTOCKED"})


class Numbered:
    """A thing with a global id made from its class's KIND and its number."""

    __slots__ = ()
    KIND: ClassVar[str] = ""
    number_id: int

    @property
    def id(self) -> str:
        return gid(self.KIND, self.number_id)

    @property
    def legacy_resource_id(self) -> str:
        return str(self.number_id)


@dataclass(slots=True, eq=False)
class Attribute:
    key: str
    value: str | None


@dataclass(slots=True, eq=False)
class Metafield(Numbered):
    KIND = "Metafield"
    number_id: int
    owner: Order | ShopState | Location | Variant
    owner_type: str
    namespace: str
    key: str
    type: str
    value: str
    created_at: float
    updated_at: float


@dataclass(slots=True, eq=False)
class Address(Numbered):
    KIND = "MailingAddress"
    number_id: int
    name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    address1: str | None = None
    address2: str | None = None
    city: str | None = None
    province: str | None = None
    province_code: str | None = None
    zip: str | None = None
    country: str | None = None
    country_code_v2: str | None = None
    phone: str | None = None


@dataclass(slots=True, eq=False)
class Location(Numbered):
    KIND = "Location"
    number_id: int
    name: str
    address: Address
    created_at: float
    updated_at: float
    is_active: bool = True
    ships_inventory: bool = True
    fulfills_online_orders: bool = True
    metafields: dict[tuple[str, str], Metafield] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Variant(Numbered):
    KIND = "ProductVariant"
    number_id: int
    sku: str
    title: str
    barcode: str | None
    price: str
    created_at: float
    updated_at: float
    inventory_quantity: int = 0
    metafields: dict[tuple[str, str], Metafield] = field(default_factory=dict)

    @property
    def display_name(self) -> str:
        return self.title


@dataclass(slots=True, eq=False)
class LineItem(Numbered):
    KIND = "LineItem"
    number_id: int
    order: Order
    sku: str | None
    title: str
    quantity: int
    unit_price_minor: int
    tax_minor: int
    discount_minor: int
    variant: Variant | None
    custom_attributes: list[Attribute]
    fulfilled: int = 0
    refunded: int = 0
    cancelled: int = 0
    processed_unrefunded: int = 0
    requires_shipping: bool = True
    taxable: bool = True
    variant_title: str | None = None
    non_fulfillable_quantity: int = 0

    @property
    def name(self) -> str:
        return self.title

    @property
    def current_quantity(self) -> int:
        return max(0, self.quantity - self.refunded - self.processed_unrefunded)

    @property
    def refundable_quantity(self) -> int:
        return self.quantity - self.refunded

    @property
    def unfulfilled_quantity(self) -> int:
        return self.quantity - self.fulfilled - self.cancelled

    @property
    def restockable(self) -> bool:
        return self.variant is not None

    @property
    def total_minor(self) -> int:
        return self.unit_price_minor * self.quantity - self.discount_minor

    def price_of(self, already: int, quantity: int) -> tuple[int, int]:
        """Discounted price and tax of the next ``quantity`` units after ``already`` ones, so that all add up."""

        def span(total: int) -> int:
            return share(total, already + quantity, self.quantity) - share(total, already, self.quantity)

        return span(self.total_minor), span(self.tax_minor)


@dataclass(slots=True, eq=False)
class FulfillmentLineItem(Numbered):
    KIND = "FulfillmentLineItem"
    number_id: int
    fulfillment: Fulfillment
    line_item: LineItem
    quantity: int


@dataclass(slots=True, eq=False)
class Fulfillment(Numbered):
    KIND = "Fulfillment"
    number_id: int
    order: Order
    name: str
    location: Location
    created_at: float
    updated_at: float
    status: str = "SUCCESS"
    delivered_at: float | None = None
    tracking_number: str | None = None
    tracking_company: str | None = None
    lines: list[FulfillmentLineItem] = field(default_factory=list)
    requires_shipping: bool = True

    @property
    def total_quantity(self) -> int:
        return sum(line.quantity for line in self.lines)


@dataclass(slots=True, eq=False)
class Transaction(Numbered):
    KIND = "OrderTransaction"
    number_id: int
    order: Order
    kind: str
    gateway: str
    amount_minor: int
    created_at: float
    processed_at: float
    parent_transaction: Transaction | None = None
    status: str = "SUCCESS"
    error_code: str | None = None
    test: bool = False

    @property
    def manual_payment_gateway(self) -> bool:
        return self.gateway == "manual"

    @property
    def formatted_gateway(self) -> str:
        return self.gateway.replace("_", " ").capitalize() if self.gateway.islower() else self.gateway

    @property
    def payment_id(self) -> str:
        return f"{self.order.name}.{self.order.transactions.index(self) + 1}"

    @property
    def left_minor(self) -> int:
        """What of a sale or capture is not yet given back."""
        given = sum(
            t.amount_minor
            for t in self.order.transactions
            if t.parent_transaction is self and t.kind == "REFUND" and t.status == "SUCCESS"
        )
        return self.amount_minor - given


@dataclass(slots=True, eq=False)
class RefundLine:
    number_id: int
    line_item: LineItem
    quantity: int
    restock_type: str
    location: Location | None
    subtotal_minor: int
    tax_minor: int
    restocked: bool

    @property
    def id(self) -> str:
        return gid("RefundLineItem", self.number_id)


@dataclass(slots=True, eq=False)
class Refund(Numbered):
    KIND = "Refund"
    number_id: int
    order: Order
    created_at: float
    updated_at: float
    processed_at: float
    note: str | None
    lines: list[RefundLine]
    transaction_list: list[Transaction]
    shipping_minor: int
    expected_minor: int
    discrepancy_reason: str | None
    return_: Return | None = None
    idempotency_key: str | None = None
    by: str = "app"

    @property
    def amount_minor(self) -> int:
        return sum(t.amount_minor for t in self.transaction_list if t.status == "SUCCESS")


@dataclass(slots=True, eq=False)
class ReturnLine(Numbered):
    KIND = "ReturnLineItem"
    number_id: int
    return_: Return
    fulfillment_line_item: FulfillmentLineItem
    quantity: int
    definition: ReasonDefinition | None
    return_reason_note: str
    customer_note: str | None
    restocking_percent: float | None
    processed_quantity: int = 0
    refunded_quantity: int = 0

    @property
    def processable_quantity(self) -> int:
        return self.quantity - self.processed_quantity

    @property
    def unprocessed_quantity(self) -> int:
        return self.quantity - self.processed_quantity

    @property
    def refundable_quantity(self) -> int:
        left = self.quantity - self.refunded_quantity
        return max(0, min(left, self.fulfillment_line_item.line_item.refundable_quantity))

    @property
    def return_reason(self) -> str:
        return word_of(self.definition)

    @property
    def return_reason_definition(self) -> ReasonDefinition | None:
        return self.definition


@dataclass(slots=True, eq=False)
class Return(Numbered):
    KIND = "Return"
    number_id: int
    order: Order
    name: str
    status: str
    created_at: float
    lines: list[ReturnLine] = field(default_factory=list)
    closed_at: float | None = None
    request_approved_at: float | None = None
    decline_reason: str | None = None
    decline_note: str | None = None
    shipping_fee_minor: int = 0
    reverse_orders: list[ReverseOrder] = field(default_factory=list)
    by: str = "app"

    @property
    def total_quantity(self) -> int:
        return sum(line.quantity for line in self.lines)

    @property
    def refund_list(self) -> list[Refund]:
        return [refund for refund in self.order.refund_list if refund.return_ is self]


@dataclass(slots=True, eq=False)
class Disposition(Numbered):
    KIND = "ReverseFulfillmentOrderDisposition"
    number_id: int
    type: str
    quantity: int
    location: Location | None
    created_at: float


@dataclass(slots=True, eq=False)
class ReverseLine(Numbered):
    KIND = "ReverseFulfillmentOrderLineItem"
    number_id: int
    reverse_order: ReverseOrder
    return_line: ReturnLine
    dispositions: list[Disposition] = field(default_factory=list)

    @property
    def fulfillment_line_item(self) -> FulfillmentLineItem:
        return self.return_line.fulfillment_line_item

    @property
    def total_quantity(self) -> int:
        return self.return_line.quantity

    @property
    def disposed(self) -> int:
        return sum(d.quantity for d in self.dispositions if d.type in FINAL_DISPOSITIONS)


@dataclass(slots=True, eq=False)
class DeliveryLine(Numbered):
    KIND = "ReverseDeliveryLineItem"
    number_id: int
    reverse_fulfillment_order_line_item: ReverseLine
    quantity: int

    @property
    def dispositions(self) -> list[Disposition]:
        return self.reverse_fulfillment_order_line_item.dispositions


@dataclass(slots=True, eq=False)
class ReverseDelivery(Numbered):
    KIND = "ReverseDelivery"
    number_id: int
    reverse_fulfillment_order: ReverseOrder
    lines: list[DeliveryLine]
    tracking_number: str | None = None
    tracking_url: str | None = None
    carrier_name: str | None = None
    label_url: str | None = None
    label_created_at: float | None = None
    label_updated_at: float | None = None


@dataclass(slots=True, eq=False)
class ReverseOrder(Numbered):
    KIND = "ReverseFulfillmentOrder"
    number_id: int
    return_: Return
    status: str = "OPEN"
    lines: list[ReverseLine] = field(default_factory=list)
    deliveries: list[ReverseDelivery] = field(default_factory=list)
    third_party_confirmation: None = None

    @property
    def order(self) -> Order:
        return self.return_.order


@dataclass(slots=True, eq=False)
class Order(Numbered):
    KIND = "Order"
    number_id: int
    shop: ShopState
    name: str
    number: int
    created_at: float
    processed_at: float
    updated_at: float
    tags: list[str]
    note: str | None
    custom_attributes: list[Attribute]
    source_name: str | None
    source_identifier: str | None
    email: str | None
    presentment_currency_code: str
    rate: Decimal
    shipping_address: Address | None
    shipping_minor: int
    shipping_title: str = "Standard"
    lines: list[LineItem] = field(default_factory=list)
    fulfillment_list: list[Fulfillment] = field(default_factory=list)
    transactions: list[Transaction] = field(default_factory=list)
    refund_list: list[Refund] = field(default_factory=list)
    return_list: list[Return] = field(default_factory=list)
    metafields: dict[tuple[str, str], Metafield] = field(default_factory=dict)
    cancelled_at: float | None = None
    cancel_reason: str | None = None
    closed_at: float | None = None
    confirmed: bool = True
    edited: bool = False
    taxes_included: bool = False
    test: bool = False

    @property
    def currency_code(self) -> str:
        return self.shop.currency

    @property
    def closed(self) -> bool:
        return self.closed_at is not None

    def money(self, minor: int) -> MoneyBag:
        return bag(minor, self.presentment_currency_code, self.shop.currency, self.rate)

    @property
    def subtotal_minor(self) -> int:
        return sum(line.total_minor for line in self.lines)

    @property
    def tax_minor(self) -> int:
        return sum(line.tax_minor for line in self.lines)

    @property
    def total_minor(self) -> int:
        return self.subtotal_minor + self.tax_minor + self.shipping_minor

    @property
    def received_minor(self) -> int:
        return sum(t.amount_minor for t in self.transactions if t.kind in ("SALE", "CAPTURE") and t.status == "SUCCESS")

    @property
    def refunded_minor(self) -> int:
        return sum(t.amount_minor for t in self.transactions if t.kind == "REFUND" and t.status == "SUCCESS")

    @property
    def net_minor(self) -> int:
        return self.received_minor - self.refunded_minor

    @property
    def shipping_refunded_minor(self) -> int:
        return sum(refund.shipping_minor for refund in self.refund_list)

    @property
    def current_total_minor(self) -> int:
        return (
            self.total_minor
            - sum(line.subtotal_minor + line.tax_minor for refund in self.refund_list for line in refund.lines)
            - self.shipping_refunded_minor
        )

    @property
    def payment_gateway_names(self) -> list[str]:
        return list(dict.fromkeys(t.gateway for t in self.transactions))

    @property
    def refundable(self) -> bool:
        return self.net_minor > 0 or any(line.refundable_quantity > 0 for line in self.lines)

    @property
    def restockable(self) -> bool:
        return any(line.restockable and line.refundable_quantity > 0 for line in self.lines)

    @property
    def fully_paid(self) -> bool:
        return self.received_minor >= self.total_minor

    @property
    def unpaid(self) -> bool:
        return self.received_minor == 0

    @property
    def display_financial_status(self) -> str:
        received, refunded = self.received_minor, self.refunded_minor
        if refunded > 0:
            return "REFUNDED" if refunded >= received else "PARTIALLY_REFUNDED"
        if received >= self.total_minor and (received > 0 or self.transactions):
            return "PAID"
        return "PARTIALLY_PAID" if received > 0 else "PENDING"

    @property
    def display_fulfillment_status(self) -> str:
        fulfilled = sum(line.fulfilled for line in self.lines)
        waiting = sum(line.unfulfilled_quantity for line in self.lines)
        if fulfilled == 0:
            return "RESTOCKED" if waiting == 0 and self.lines else "UNFULFILLED"
        return "FULFILLED" if waiting == 0 else "PARTIALLY_FULFILLED"

    @property
    def return_status(self) -> str:
        states = {each.status for each in self.return_list}
        for state, shown in (("REQUESTED", "RETURN_REQUESTED"), ("OPEN", "IN_PROGRESS"), ("CLOSED", "RETURNED")):
            if state in states:
                return shown
        return "NO_RETURN"

    def returnable(self, line: FulfillmentLineItem) -> int:
        """How many units of a fulfilment line may still be returned: shipped, not in a live return, not refunded."""
        in_returns = sum(
            each.quantity
            for one in self.return_list
            if one.status in ("REQUESTED", "OPEN", "CLOSED")
            for each in one.lines
            if each.fulfillment_line_item is line
        )
        item = line.line_item
        given = max(0, item.refunded - item.cancelled)
        return max(0, line.quantity - max(in_returns, min(given, line.quantity)))
