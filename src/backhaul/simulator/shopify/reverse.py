"""Reverse deliveries (label and tracking of the way back) and dispositions (what became of the goods)."""

from __future__ import annotations

import re
from typing import Any

from .act import Act
from .errors import Refusal, UserError, refuse
from .hooks import delivery_body, reverse_order_body
from .returning import DeliveryLine, Disposition, ReverseDelivery, ReverseLine, ReverseOrder
from .things import Location

_CARRIERS = (
    (re.compile(r"1Z[0-9A-Z]{16}"), "UPS"),
    (re.compile(r"9[1-5][0-9]{20}|420[0-9]{5,9}9[1-5][0-9]{20}"), "USPS"),
    (re.compile(r"[0-9]{12}|[0-9]{15}"), "FedEx"),
)


def guess_carrier(number: str | None) -> str | None:
    """The carrier a tracking number looks like; None when it looks like none."""
    for pattern, name in _CARRIERS:
        if number and pattern.fullmatch(number):
            return name
    return None


def create_delivery(
    act: Act,
    *,
    reverse_order: str,
    lines: list[dict[str, Any]],
    tracking: dict[str, Any] | None,
    label: dict[str, Any] | None,
    notify: bool,
) -> ReverseDelivery:
    """reverseDeliveryCreateWithShipping. An empty list means every line that is not yet on its way."""
    act.check_kind("ReverseFulfillmentOrder", reverse_order)
    owner: ReverseOrder | None = act.shop.find("ReverseFulfillmentOrder", reverse_order)
    if owner is None:
        message = "Reverse fulfillment order was not found."
        raise refuse(["reverseFulfillmentOrderId"], message, "NOT_FOUND")
    if owner.status != "OPEN":
        raise refuse(["reverseFulfillmentOrderId"], "Reverse fulfillment order is not open.", "INVALID_STATE")
    wanted = _lines(owner, lines)
    now = act.now
    made = ReverseDelivery(act.shop.ids.next(), owner, [])
    for line, quantity in wanted:
        made.lines.append(act.shop.keep(DeliveryLine(act.shop.ids.next(), line, quantity)))
    _ship(made, tracking, label, now)
    owner.deliveries.append(act.shop.keep(made))
    _tell(act, made, notify)
    return made


def _underway(owner: ReverseOrder, line: ReverseLine) -> int:
    return sum(
        each.quantity
        for delivery in owner.deliveries
        for each in delivery.lines
        if each.reverse_fulfillment_order_line_item is line
    )


def _lines(owner: ReverseOrder, lines: list[dict[str, Any]]) -> list[tuple[ReverseLine, int]]:
    known = {line.id: line for line in owner.lines}
    if not lines:
        lines = [
            {"reverseFulfillmentOrderLineItemId": line.id, "quantity": left}
            for line in owner.lines
            if (left := line.total_quantity - _underway(owner, line)) > 0
        ]
        if not lines:
            raise refuse(["reverseDeliveryLineItems"], "cannot deliver more items than are returned")
    wanted: list[tuple[ReverseLine, int]] = []
    used: dict[str, int] = {}
    for place, each in enumerate(lines):
        at = ["reverseDeliveryLineItems", str(place)]
        line = known.get(each["reverseFulfillmentOrderLineItemId"])
        if line is None:
            raise refuse([*at, "reverseFulfillmentOrderLineItemId"], "must exist")
        if each["quantity"] < 1:
            raise refuse([*at, "quantity"], "Quantity must be greater than 0", "GREATER_THAN")
        used[line.id] = used.get(line.id, 0) + each["quantity"]
        if used[line.id] + _underway(owner, line) > line.total_quantity:
            raise refuse([*at, "quantity"], "cannot deliver more items than are returned")
        wanted.append((line, each["quantity"]))
    return wanted


def _ship(each: ReverseDelivery, tracking: dict[str, Any] | None, label: dict[str, Any] | None, now: float) -> None:
    if tracking is not None:
        each.tracking_number = tracking.get("number", each.tracking_number)
        each.tracking_url = tracking.get("url", each.tracking_url)
        each.carrier_name = guess_carrier(each.tracking_number)
    if label is not None:
        each.label_created_at = each.label_created_at or now
        each.label_url, each.label_updated_at = label["fileUrl"], now


def _tell(act: Act, each: ReverseDelivery, notify: bool) -> None:
    order = each.reverse_fulfillment_order.order
    if notify:
        act.shop.mail("return_label", order)
    act.emit("REVERSE_DELIVERIES_ATTACH_DELIVERABLE", lambda: delivery_body(each))
    act.touch(order)


def update_delivery(
    act: Act, text: str, tracking: dict[str, Any] | None, label: dict[str, Any] | None, notify: bool
) -> ReverseDelivery:
    """reverseDeliveryShippingUpdate."""
    act.check_kind("ReverseDelivery", text)
    each: ReverseDelivery | None = act.shop.find("ReverseDelivery", text)
    if each is None:
        raise refuse(["reverseDeliveryId"], "Reverse delivery was not found.", "NOT_FOUND")
    _ship(each, tracking, label, act.now)
    _tell(act, each, notify)
    return each


def dispose(
    act: Act, inputs: list[dict[str, Any]], root: tuple[str, ...] = ("dispositionInputs",)
) -> list[ReverseLine]:
    """reverseFulfillmentOrderDispose; everything or nothing, and only within one reverse order."""
    rows = check_dispositions(act, inputs, root)
    owners = {id(line.reverse_order) for line, _, _ in rows}
    if len(owners) > 1:
        raise _several(root)
    return apply_dispositions(act, rows)


Row = tuple[ReverseLine, dict[str, Any], Location | None]


def _several(root: tuple[str, ...]) -> Refusal:
    message = "Cannot dispose items from more than one reverse fulfillment order."
    return refuse(list(root), message, "INVALID")


def check_dispositions(act: Act, inputs: list[dict[str, Any]], root: tuple[str, ...]) -> list[Row]:
    """All checks of dispositions without doing them."""
    if not inputs:
        raise refuse(list(root), "Disposition inputs can't be blank", "BLANK")
    rows: list[Row] = []
    used: dict[int, int] = {}
    for place, each in enumerate(inputs):
        at = [*root, str(place)]
        line: ReverseLine | None = act.shop.find(
            "ReverseFulfillmentOrderLineItem", each["reverseFulfillmentOrderLineItemId"]
        )
        if line is None:
            raise _several(root)
        if each["quantity"] < 1:
            raise refuse([*at, "quantity"], "Quantity must be greater than 0", "GREATER_THAN")
        if line.reverse_order.status != "OPEN":
            raise refuse(at, "Reverse fulfillment order is not open.", "INVALID_STATE")
        used[line.number_id] = used.get(line.number_id, 0) + each["quantity"]
        if used[line.number_id] > line.total_quantity - line.disposed:
            raise refuse([*at, "quantity"], "Disposition quantity is greater than the quantity left.", "INVALID")
        rows.append((line, each, _place(act, line, each, at)))
    return rows


def _place(act: Act, line: ReverseLine, each: dict[str, Any], at: list[str]) -> Location | None:
    text = each.get("locationId")
    place: Location | None = act.shop.find("Location", text) if text is not None else None
    if text is not None and place is None:
        raise refuse([*at, "locationId"], "Location was not found.", "NOT_FOUND")
    if each["dispositionType"] == "RESTOCKED":
        if line.fulfillment_line_item.line_item.variant is None:
            raise Refusal(UserError([*at, "dispositionType"], "Custom items cannot be restocked.", "INVALID"))
        if place is None:
            raise refuse([*at, "locationId"], "Location can't be blank", "BLANK")
    return place


def apply_dispositions(act: Act, rows: list[Row]) -> list[ReverseLine]:
    """Does what was checked: moves stock, closes the reverse order when nothing is left."""
    done: list[ReverseLine] = []
    for line, each, place in rows:
        made = Disposition(act.shop.ids.next(), each["dispositionType"], each["quantity"], place, act.now)
        line.dispositions.append(act.shop.keep(made))
        if made.type == "RESTOCKED" and place is not None:
            item = line.fulfillment_line_item.line_item
            act.shop.restock(item.variant, made.quantity, place, "disposition", line.reverse_order.order)
        if line not in done:
            done.append(line)
    for owner in dict.fromkeys(line.reverse_order for line in done):
        if all(line.disposed >= line.total_quantity for line in owner.lines):
            owner.status = "CLOSED"
        _told(act, owner)
    return done


def _told(act: Act, owner: ReverseOrder) -> None:
    act.emit("REVERSE_FULFILLMENT_ORDERS_DISPOSE", lambda: reverse_order_body(owner))
    act.touch(owner.order)
