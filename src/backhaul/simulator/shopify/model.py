"""The state of orders: lines, fulfilments, payments, refunds.

Attribute names are the vendor's field names in snake case, so that a field without a resolver of its own is read
straight off the object. Times are unix seconds, money is integer minor units of the order's presentment currency.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from .ids import gid
from .money import MoneyBag, bag, share
from .returning import ExchangeLine, Return
from .things import Address, Attribute, Location, Metafield, Numbered, Variant

if TYPE_CHECKING:
    from .shop import ShopState

MOVING_GATEWAYS = frozenset({"shopify_payments", "paypal"})
"""Gateways on which a refund really sends money to the buyer. Every other name only keeps books."""


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
    exchange_line: ExchangeLine | None = None

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
