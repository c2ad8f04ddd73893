"""Mutations of an order itself: note and attributes, tags, closing, cancelling."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLResolveInfo

from . import refunds
from .act import Act
from .errors import refuse, top_level
from .hooks import order_body
from .ids import gid
from .model import Order
from .refunds import LinePlan, RefundPlan
from .things import Attribute

TAG_LENGTH, TAG_COUNT, NOTE_LENGTH = 40, 250, 5000


def update(act: Act, args: dict[str, Any], info: GraphQLResolveInfo) -> dict[str, Any]:
    """orderUpdate: only what is in the input changes."""
    data = args["input"]
    order = act.order(data["id"])
    if order is None:
        raise refuse(["id"], "Order does not exist")
    if len(data.get("note") or "") > NOTE_LENGTH:
        raise refuse(["note"], f"Note is too long (maximum is {NOTE_LENGTH} characters)")
    tags = _checked(data["tags"], ["tags"]) if data.get("tags") is not None else None
    if tags is not None:
        order.tags = tags
    if "note" in data:
        order.note = data["note"]
    if "email" in data:
        order.email = data["email"]
    if data.get("customAttributes") is not None:
        order.custom_attributes = [Attribute(each["key"], each["value"]) for each in data["customAttributes"]]
    act.touch(order)
    return {"order": order}


def _checked(tags: list[str], at: list[str]) -> list[str]:
    found: dict[str, str] = {}
    for text in tags:
        for tag in (part.strip() for part in text.split(",")):
            if len(tag) > TAG_LENGTH:
                raise refuse(at, f"Tag {tag} is too long (maximum is {TAG_LENGTH} characters)")
            if tag:
                found.setdefault(tag.lower(), tag)
    if len(found) > TAG_COUNT:
        raise refuse(at, f"Tags exceed the maximum of {TAG_COUNT}")
    return sorted(found.values(), key=str.lower)


def _tagged(act: Act, text: str) -> Order:
    parsed = act.shop.node(text)
    if not isinstance(parsed, Order):
        raise top_level("Invalid id", "RESOURCE_NOT_FOUND")
    order = act.shop.visible(parsed, act.scopes)
    if order is None:
        raise refuse(["id"], "Order does not exist")
    return order


def tags_add(act: Act, args: dict[str, Any], info: GraphQLResolveInfo) -> dict[str, Any]:
    order = _tagged(act, args["id"])
    order.tags = _checked([*order.tags, *args["tags"]], ["tags"])
    act.touch(order)
    return {"node": order}


def tags_remove(act: Act, args: dict[str, Any], info: GraphQLResolveInfo) -> dict[str, Any]:
    order = _tagged(act, args["id"])
    gone = {tag.strip().lower() for tag in args["tags"]}
    order.tags = [tag for tag in order.tags if tag.lower() not in gone]
    act.touch(order)
    return {"node": order}


def close(act: Act, args: dict[str, Any], info: GraphQLResolveInfo) -> dict[str, Any]:
    order = act.order(args["input"]["id"])
    if order is None:
        raise refuse(["id"], "Order does not exist")
    order.closed_at = order.closed_at or act.now
    act.touch(order)
    return {"order": order}


def cancel(act: Act, args: dict[str, Any], info: GraphQLResolveInfo) -> dict[str, Any]:
    """orderCancel: only before anything was sent out; with a refund of the original payment when asked."""
    order = act.order(args["orderId"])
    if order is None:
        raise refuse(["orderId"], "Order does not exist", "NOT_FOUND")
    if order.cancelled_at is not None:
        raise refuse(["orderId"], "Order has already been cancelled", "INVALID")
    if any(each.status == "SUCCESS" for each in order.fulfillment_list):
        raise refuse(["orderId"], "Cannot cancel a fulfilled order", "INVALID")
    planned = RefundPlan(order)
    for item in order.lines:
        if item.refundable_quantity > 0:
            subtotal, tax = item.price_of(item.refunded, item.refundable_quantity)
            kind = "CANCEL" if args["restock"] else "NO_RESTOCK"
            planned.lines.append(LinePlan(item, item.refundable_quantity, kind, None, subtotal, tax))
    if (args.get("refundMethod") or {}).get("originalPaymentMethodsRefund"):
        planned.shipping_minor = order.shipping_minor - order.shipping_refunded_minor
        for each in order.transactions:
            if each.kind in ("SALE", "CAPTURE") and each.left_minor > 0:
                planned.payments.append((each, each.left_minor))
    order.cancelled_at, order.cancel_reason = act.now, args["reason"]
    refunds.execute(act, planned, {"note": args.get("staffNote"), "notify": args.get("notifyCustomer")})
    for item in order.lines:
        item.cancelled = item.quantity
    act.emit("ORDERS_CANCELLED", lambda: order_body(order))
    act.touch(order)
    return {"job": {"id": gid("Job", act.shop.ids.next()), "done": True}}
