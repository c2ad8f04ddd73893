"""The state of the way back: returns, reverse fulfilment orders and deliveries, dispositions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .money import share, to_minor
from .reasons import ReasonDefinition, word_of
from .things import Location, Numbered, Variant

if TYPE_CHECKING:
    from .model import FulfillmentLineItem, LineItem, Order, Refund

FINAL_DISPOSITIONS = frozenset({"MISSING", "NOT_RESTOCKED", "RESTOCKED"})


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
class ExchangeLine(Numbered):
    """Pieces of a variant that the buyer gets in return. ``discount_minor`` is for all of them."""

    KIND = "ExchangeLineItem"
    number_id: int
    return_: Return
    variant: Variant
    quantity: int
    discount_minor: int
    processed_quantity: int = 0
    made: list[LineItem] = field(default_factory=list)

    @property
    def unprocessed_quantity(self) -> int:
        return self.quantity - self.processed_quantity

    @property
    def processable_quantity(self) -> int:
        return self.unprocessed_quantity

    @property
    def unit_price_minor(self) -> int:
        return to_minor(self.variant.price, self.return_.order.presentment_currency_code)

    @property
    def variant_id(self) -> str:
        return self.variant.id

    @property
    def variant_sku(self) -> str:
        return self.variant.sku

    @property
    def title(self) -> str:
        return self.variant.title

    @property
    def line_items(self) -> list[LineItem] | None:
        return self.made or None

    def discount_of(self, already: int, quantity: int) -> int:
        """The part of the discount that falls on the next pieces after ``already`` ones."""
        before = share(self.discount_minor, already, self.quantity)
        return share(self.discount_minor, already + quantity, self.quantity) - before


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
    exchange_lines: list[ExchangeLine] = field(default_factory=list)
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
