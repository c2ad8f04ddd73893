"""What the commerce system says of one order: lines, fulfilments, payments, returns and refunds, whoever made them."""

from __future__ import annotations

import msgspec

from backhaul.domain.money import Money
from backhaul.domain.words import Disposition


class CommerceLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """One order line, with a quantity."""

    id: str
    sku: str = ""
    barcode: str = ""
    title: str = ""
    quantity: int = 1
    refundable: int = 0  # units not refunded yet
    unfulfilled: int = 0
    channel_line_ids: tuple[str, ...] = ()  # where the order connector wrote them
    unit_price: Money | None = None  # after discounts
    unit_tax: Money | None = None


class ShippedLine(msgspec.Struct, frozen=True):
    """A line of a fulfilment; ``returnable`` units can still be put on a return."""

    id: str
    line_id: str
    returnable: int


class Payment(msgspec.Struct, frozen=True, omit_defaults=True):
    """A sale, capture or refund of the order. ``moves_money`` is the connector's word on the gateway."""

    id: str
    kind: str  # "sale", "capture", "refund", other words as given
    gateway: str
    amount: Money
    succeeded: bool
    parent_id: str = ""
    moves_money: bool = False


class ReturnedLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line of a return and where it stands in the reverse fulfilment."""

    id: str
    line_id: str
    quantity: int
    shipped_line_id: str = ""
    reverse_order_id: str = ""
    reverse_line_id: str = ""
    disposed: tuple[tuple[Disposition, int], ...] = ()


class CommerceDelivery(msgspec.Struct, frozen=True, omit_defaults=True):
    """A parcel of a return, as the commerce system keeps it."""

    id: str
    tracking_number: str = ""
    labelled: bool = False  # it shows the file of a label


class CommerceReturn(msgspec.Struct, frozen=True, omit_defaults=True):
    """A return in the commerce system. ``trace`` is the channel return id our own returns carry, else empty."""

    id: str
    name: str
    status: str  # "requested", "open", "closed", "cancelled", "declined", or the vendor's word
    trace: str = ""
    lines: tuple[ReturnedLine, ...] = ()
    tracking: tuple[str, ...] = ()
    deliveries: tuple[CommerceDelivery, ...] = ()


class CommerceRefund(msgspec.Struct, frozen=True, omit_defaults=True):
    """A refund in the commerce system. ``trace`` is the channel refund id our own bookings carry, else empty."""

    id: str
    created_at: int
    amount: Money
    trace: str = ""
    note: str = ""
    return_id: str = ""
    lines: tuple[tuple[str, int], ...] = ()  # (line id, units)


class CommerceOrder(msgspec.Struct, frozen=True, omit_defaults=True):
    """One order as last read by a strong read (by id, never by search)."""

    id: str
    name: str
    currency: str
    updated_at: int
    lines: tuple[CommerceLine, ...] = ()
    shipped: tuple[ShippedLine, ...] = ()
    payments: tuple[Payment, ...] = ()
    returns: tuple[CommerceReturn, ...] = ()
    refunds: tuple[CommerceRefund, ...] = ()
    refundable: Money | None = None  # what can still be refunded on the order
    stamped: str = ""  # the channel order id our own mark names
    admin_url: str = ""

    def line(self, line_id: str) -> CommerceLine | None:
        """The order line of this id."""
        return next((line for line in self.lines if line.id == line_id), None)


class Candidate(msgspec.Struct, frozen=True, omit_defaults=True):
    """An order that may be the channel's order. ``where`` says which field of it named the channel order id."""

    order_id: str
    name: str
    where: tuple[str, ...] = ()
    skus: tuple[tuple[str, int], ...] = ()  # (sku, units)
    total: Money | None = None
    created_at: int = 0
    admin_url: str = ""
