"""Pure: starting a case as the seller, and what the channel says of it. No matrix of markets: the channel is asked."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from backhaul.connectors.tiktok_shop import wire
from backhaul.connectors.tiktok_shop.mapping import money
from backhaul.connectors.tiktok_shop.reading import shape
from backhaul.domain.effects import StartCancellation, StartReturn
from backhaul.domain.money import Money
from backhaul.domain.starts import Start, Startable
from backhaul.domain.words import Kind
from backhaul.ports.connector import Prepared
from backhaul.ports.errors import Refused, WireDrift

TYPES = {Kind.REFUND: "REFUND", Kind.RETURN: "RETURN_AND_REFUND", Kind.CANCELLATION: "CANCEL"}
_KINDS = {word: kind for kind, word in TYPES.items()}
# What stands before a reason's own words in its name, such as "ecom_order_delivered_refund_reason_damaged_seller".
_ABOUT = re.compile(
    r"^(?:seller_)?ecom_.*?_reason_?|^(?:buyer|seller)_(?:(?:shipped_)?refund_|return_(?:and_refund_)?|cancel_)?"
)

# A number says nothing: what the channel's list of reasons says of it.
_NUMBERED = {"seller_ecom_delivered_return_refund_reason1": "Not needed any more"}


def startable(rows: Iterable[Any]) -> tuple[Startable, ...]:
    """The eligibility of an order's SKUs. ``eligible`` alone says so: code and reason may be filled beside it."""
    found: list[Startable] = []
    for row in rows:
        for each in shape(row, wire.SkuEligibility, "eligibility").line_item_eligibility or ():
            kind = _KINDS.get(each.request_type)
            if kind is None:
                continue  # a word for something that nobody can start here
            lines = tuple(each.order_line_items_ids or (line.order_line_item_id for line in each.order_line_list or ()))
            code = "" if each.eligible else str(each.ineligible_code or "")
            text = "" if each.eligible else each.ineligible_reason or ""
            reasons = tuple((name, reason_words(name)) for name in each.available_reason_names or ())
            found.append(Startable(kind, lines, each.eligible, code, text, reasons))
    return tuple(found)


def reason_words(name: str) -> str:
    """What a reason's name says, as the channel gives no text with it; empty for one that says nothing."""
    name = name.removesuffix("_uk")
    if name in _NUMBERED:
        return _NUMBERED[name]
    found = _ABOUT.sub("", name).removesuffix("_seller").replace("_", " ").strip()
    return found[:1].upper() + found[1:] if found and not found.isdigit() else ""


def quote_body(start: Start) -> bytes:
    """What is asked to know the sum."""
    body: dict[str, object] = {
        "order_id": start.order_id,
        "request_type": TYPES[start.kind],
        "reason_name": start.reason_key,
    }
    if start.lines:
        body["order_line_item_ids"] = list(start.lines)
    return msgspec.json.encode(body)


def quote(data: dict[str, Any]) -> Money:
    """The sum as the channel gives it, never recomputed."""
    amount = shape(data.get("order_refund_amount") or {}, wire.RefundAmount, "refund amount")
    total = money(amount.refund_total, amount.currency, "refund total")
    if total is None:
        raise WireDrift("the calculation has no total", msgspec.json.encode(data))
    return total


def prepare(wanted: StartReturn | StartCancellation, key: str) -> Prepared:
    """The request. The channel takes a key with a return and none with a cancellation."""
    body: dict[str, object] = {"order_id": wanted.order_id}
    if wanted.lines:
        body["order_line_item_ids"] = list(wanted.lines)
    if not wanted.reason_key:
        raise Refused("reason", "a case of the seller needs a reason out of the list for this very order")
    if isinstance(wanted, StartCancellation):
        body["cancel_reason"] = wanted.reason_key
        return Prepared("POST", "/return_refund/202602/cancellations", {}, msgspec.json.encode(body))
    if wanted.kind not in (Kind.REFUND, Kind.RETURN):
        raise Refused("unsupported", f"the seller cannot start a {wanted.kind} on TikTok Shop")
    body |= {"return_type": TYPES[wanted.kind], "return_reason": wanted.reason_key}
    if wanted.amount is not None:
        body |= {"refund_total": wanted.amount.text(), "currency": wanted.amount.currency}
    return Prepared("POST", "/return_refund/202602/returns", {"idempotency_key": key}, msgspec.json.encode(body))


def made(data: Any) -> str:
    """The id of the case that was made; empty when the answer does not say, and a read has to tell."""
    row = data if isinstance(data, dict) else {}
    return str(row.get("return_id") or row.get("cancel_id") or "")
