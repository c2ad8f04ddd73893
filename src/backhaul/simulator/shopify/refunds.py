"""Refunds: what a refund may be, the books of a gateway that moves no money, and the memory of idempotency keys."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from .act import Act
from .errors import refuse, top_level
from .hooks import refund_body, transaction_body
from .model import MOVING_GATEWAYS, LineItem, Order, Refund, RefundLine, Transaction
from .money import plain, to_minor
from .returning import Return
from .shop import Remembered
from .things import Location

KEY_MEMORY = 86_400.0
_NO_PARENT = "Transactions require a parent_id associated with the order"


@dataclass(slots=True)
class LinePlan:
    item: LineItem
    quantity: int
    restock_type: str
    location: Location | None
    subtotal_minor: int
    tax_minor: int
    processed_now: bool = False
    """Whether the refund rides on the processing of these very pieces."""


@dataclass(slots=True)
class RefundPlan:
    """A refund after all checks and before anything is written."""

    order: Order
    lines: list[LinePlan] = field(default_factory=list)
    payments: list[tuple[Transaction, int]] = field(default_factory=list)
    shipping_minor: int = 0

    @property
    def paid_minor(self) -> int:
        return sum(amount for _, amount in self.payments)

    @property
    def expected_minor(self) -> int:
        return sum(line.subtotal_minor + line.tax_minor for line in self.lines) + self.shipping_minor


def create(act: Act, data: dict[str, Any], key: str | None) -> Refund:
    """refundCreate. ``key`` is the argument of ``@idempotent``; None means the directive was left out."""
    if key is None:
        message = "The @idempotent directive is required for this mutation but was not provided."
        raise top_level(message, "BAD_REQUEST")
    if not key.strip():
        raise top_level("The idempotency key can not be blank.", "BAD_REQUEST")
    fingerprint = json.dumps(data, sort_keys=True, default=str)
    known = act.shop.idempotency.get(key)
    if known is not None and act.now - known.at < KEY_MEMORY:
        if known.fingerprint != fingerprint:
            act.shop.counts["idempotency_mismatch"] += 1
            raise refuse(None, "The idempotency key was already used with different parameters.")
        act.shop.counts["idempotency_replays"] += 1
        replay: Refund = act.shop.tables["Refund"][known.refund_number]
        return replay
    made = execute(act, plan(act, data), data, key)
    act.shop.idempotency[key] = Remembered(act.now, fingerprint, made.number_id)
    return made


def plan(act: Act, data: dict[str, Any]) -> RefundPlan:
    """All checks of RefundInput."""
    order = act.order(data["orderId"])
    if order is None:
        raise refuse(["orderId"], "Order does not exist")
    shown = order.presentment_currency_code
    if (data.get("currency") or order.shop.currency) != shown:
        raise refuse(["currency"], f"Currency must be the presentment currency {shown} of the order")
    made = RefundPlan(order)
    made.lines = plan_lines(act, order, data.get("refundLineItems") or [], ("refundLineItems",))
    made.shipping_minor = _shipping(order, data.get("shipping"))
    for place, each in enumerate(data.get("transactions") or []):
        made.payments.append(_payment(act, order, each, ["transactions", str(place)]))
    if not made.lines and not made.payments and not made.shipping_minor:
        raise refuse(None, "A refund needs at least one line item, shipping amount or transaction")
    check_sum(made)
    return made


def plan_lines(act: Act, order: Order, lines: list[dict[str, Any]], root: tuple[str, ...]) -> list[LinePlan]:
    found: list[LinePlan] = []
    used: dict[int, int] = {}
    dropped: dict[int, int] = {}
    for place, each in enumerate(lines):
        at = [*root, str(place)]
        item: LineItem | None = act.shop.find("LineItem", each["lineItemId"])
        if item is None or item.order is not order:
            raise refuse([*at, "lineItemId"], "Line item does not exist")
        kind = each.get("restockType") or "NO_RESTOCK"
        if kind == "LEGACY_RESTOCK":
            raise refuse([*at, "restockType"], "Restock type is not a valid value")
        quantity, before = each["quantity"], used.get(item.number_id, 0)
        if quantity < 1 or before + quantity > item.refundable_quantity:
            raise refuse([*at, "quantity"], "Quantity cannot refund more items than were purchased")
        if kind == "CANCEL":
            dropped[item.number_id] = dropped.get(item.number_id, 0) + quantity
            if dropped[item.number_id] > item.unfulfilled_quantity:
                raise refuse([*at, "quantity"], "Quantity cannot cancel more items than are unfulfilled")
        location: Location | None = None
        if each.get("locationId") is not None:
            location = act.shop.find("Location", each["locationId"])
            if location is None:
                raise refuse([*at, "locationId"], "Location does not exist")
        used[item.number_id] = before + quantity
        subtotal, tax = item.price_of(item.refunded + before, quantity)
        found.append(LinePlan(item, quantity, kind, location, subtotal, tax))
    return found


def _shipping(order: Order, data: dict[str, Any] | None) -> int:
    if data is None:
        return 0
    left = order.shipping_minor - order.shipping_refunded_minor
    if data.get("fullRefund"):
        return left
    amount = _minor(data.get("amount") or "0", order, ["shipping", "amount"])
    if amount < 0 or amount > left:
        raise refuse(["shipping", "amount"], "Shipping refund is greater than the shipping amount left")
    return amount


def _minor(text: str, order: Order, at: list[str]) -> int:
    try:
        return to_minor(text, order.presentment_currency_code)
    except ValueError as error:
        raise refuse(at, "Amount is not a number of this currency") from error


def _payment(act: Act, order: Order, data: dict[str, Any], at: list[str]) -> tuple[Transaction, int]:
    if data["kind"] != "REFUND":
        raise refuse([*at, "kind"], "Kind must be REFUND")
    act.check_kind("Order", data["orderId"])
    if data["orderId"] != order.id:
        raise refuse([*at, "orderId"], "Transaction belongs to another order")
    amount = _minor(data["amount"], order, [*at, "amount"])
    if amount <= 0:
        raise refuse([*at, "amount"], "Amount must be greater than 0")
    return find_parent(act, order, data.get("parentId"), at[:1]), amount


def find_parent(act: Act, order: Order, text: str | None, at: list[str]) -> Transaction:
    """The sale or capture a refund gives back from; its gateway counts, whatever the input calls it."""
    parent: Transaction | None = act.shop.find("OrderTransaction", text) if text is not None else None
    if parent is None or parent.order is not order or parent.kind not in ("SALE", "CAPTURE"):
        raise refuse(at, _NO_PARENT)
    return parent


def check_sum(made: RefundPlan) -> None:
    """No refund above what was received, over-refunding allowed or not: so it was recorded."""
    order, shown = made.order, made.order.presentment_currency_code
    if made.paid_minor > order.net_minor:
        asked, net = plain(made.paid_minor, shown), plain(order.net_minor, shown)
        raise refuse(None, f"Refund amount ${asked} is greater than net payment received ${net}")
    asked_of: dict[int, int] = {}
    for parent, amount in made.payments:
        asked_of[parent.number_id] = asked_of.get(parent.number_id, 0) + amount
        if asked_of[parent.number_id] > parent.left_minor:
            asked, net = plain(asked_of[parent.number_id], shown), plain(parent.left_minor, shown)
            raise refuse(["transactions"], f"Refund amount ${asked} is greater than net payment received ${net}")


def execute(
    act: Act, made: RefundPlan, data: dict[str, Any], key: str | None = None, return_: Return | None = None
) -> Refund:
    """Writes a checked refund, moves stock and money where it must, and tells the subscribers."""
    order, now = made.order, act.now
    refund = Refund(
        act.shop.ids.next(),
        order,
        created_at=now,
        updated_at=now,
        processed_at=data.get("processedAt") or now,
        note=data.get("note"),
        lines=[],
        transaction_list=[],
        shipping_minor=made.shipping_minor,
        expected_minor=made.expected_minor,
        discrepancy_reason=data.get("discrepancyReason"),
        return_=return_,
        idempotency_key=key,
        by=act.by,
    )
    for line in made.lines:
        refund.lines.append(_write_line(act, order, line))
    for parent, amount in made.payments:
        each = Transaction(
            act.shop.ids.next(), order, "REFUND", parent.gateway, amount, now, refund.processed_at, parent
        )
        order.transactions.append(act.shop.keep(each))
        refund.transaction_list.append(each)
        if each.gateway in MOVING_GATEWAYS:
            act.shop.note_moved(refund.id, each)
        act.emit("ORDER_TRANSACTIONS_CREATE", lambda each=each: transaction_body(each))  # type: ignore[misc]
    order.refund_list.append(act.shop.keep(refund))
    if data.get("notify"):
        act.shop.mail("refund", order)
    act.emit("REFUNDS_CREATE", lambda: refund_body(refund))
    act.touch(order)
    return refund


def _write_line(act: Act, order: Order, line: LinePlan) -> RefundLine:
    item = line.item
    item.refunded += line.quantity
    if line.restock_type != "CANCEL" and not line.processed_now:
        # Pieces that came back earlier, in a processed return, were taken off the order then.
        item.processed_unrefunded -= min(item.processed_unrefunded, line.quantity)
    place, restocked = line.location, False
    if line.restock_type == "CANCEL":
        item.cancelled += line.quantity
    if line.restock_type in ("CANCEL", "RETURN") and item.variant is not None:
        place, restocked = place or act.shop.location(), True
        act.shop.restock(item.variant, line.quantity, place, f"refund {line.restock_type}", order)
    return RefundLine(
        act.shop.ids.next(),
        item,
        line.quantity,
        line.restock_type,
        place,
        line.subtotal_minor,
        line.tax_minor,
        restocked,
    )
