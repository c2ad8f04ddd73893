"""What a returns desk does in the shop, under the same rules as everybody: returns of pieces and their refunds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import refunds, returns
from .act import Act
from .errors import refuse
from .model import Order, Refund
from .money import plain
from .processing import suggest_payments
from .returning import Return


def open_return(
    act: Act, order: Order, pieces: Mapping[int, int], *, reasons: Mapping[int, str], notes: Mapping[int, str]
) -> Return:
    """Opens a return of so many pieces of each line; reason words and notes by line number too. May be refused."""
    wanted: list[dict[str, Any]] = []
    for number, asked in pieces.items():
        left = asked
        for fulfilment in order.fulfillment_list:
            for item in fulfilment.lines:
                part = min(left, order.returnable(item)) if item.line_item.number_id == number else 0
                if part > 0:
                    note = notes.get(number, "")[: returns.NOTE_LIMIT]
                    reason = {"returnReason": reasons.get(number, "OTHER"), "returnReasonNote": note}
                    wanted.append({"fulfillmentLineItemId": item.id, "quantity": part, **reason})
                    left -= part
        if left:
            raise refuse(["returnLineItems"], "Return line item has an invalid quantity.", "INVALID")
    data = {"orderId": order.id, "returnLineItems": wanted}
    return returns.create(act, data, requested=False, root="returnInput")


def refund(
    act: Act,
    order: Order,
    pieces: Mapping[int, int],
    amount_minor: int,
    *,
    note: str,
    restock: bool,
    return_: Return | None,
) -> Refund:
    """Refunds so many pieces of each line on the order's own gateways; the amount may be less than they are worth."""
    by_number = {line.number_id: line for line in order.lines}
    kind = "RETURN" if restock else "NO_RESTOCK"
    lines = [
        {"lineItemId": by_number[number].id, "quantity": count, "restockType": kind} for number, count in pieces.items()
    ]
    shown = order.presentment_currency_code
    data: dict[str, Any] = {
        "orderId": order.id,
        "note": note,
        "currency": shown,
        "refundLineItems": lines,
        "transactions": [
            {
                "orderId": order.id,
                "kind": "REFUND",
                "gateway": parent.gateway,
                "parentId": parent.id,
                "amount": plain(part, shown),
            }
            for parent, part in suggest_payments(order, amount_minor)
        ],
    }
    planned = refunds.plan(act, data)
    if planned.paid_minor < amount_minor:
        raise refuse(["transactions"], "Refund amount is greater than net payment received")
    made = refunds.execute(act, planned, data, return_=return_)
    if return_ is not None:
        _count(return_, pieces)
    return made


def _count(return_: Return, pieces: Mapping[int, int]) -> None:
    left = dict(pieces)
    for line in return_.lines:
        number = line.fulfillment_line_item.line_item.number_id
        part = min(left.get(number, 0), line.quantity - line.refunded_quantity)
        line.refunded_quantity += part
        line.processed_quantity = max(line.processed_quantity, line.refunded_quantity)
        if part:
            left[number] -= part
