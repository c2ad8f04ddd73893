"""Pure: effects into exact requests, with the last guards before money and stock, and payloads into receipts.

Which mutation an effect becomes, and why, is told in docs/decisions/0003-shopify-writes.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from backhaul.connectors.shopify import mapping
from backhaul.connectors.shopify.errors import top_error, user_errors
from backhaul.connectors.shopify.operations import Operation, operation
from backhaul.connectors.shopify.settings import GRAPHQL_PATH
from backhaul.connectors.shopify.wire import Envelope, UserError
from backhaul.domain.effects import (
    AnyEffect,
    AttachTracking,
    BookRefund,
    CancelReturn,
    CloseReturn,
    CreateReturn,
    Dispose,
    StageLabel,
    StampOrder,
    UpdateDelivery,
)
from backhaul.domain.words import Disposition
from backhaul.kit.text import truncate
from backhaul.ports.connector import Prepared, Receipt
from backhaul.ports.errors import OutcomeUnknown, Refused, WireDrift

STAMP_NAMESPACE = "$app:backhaul"
STAMP_KEY = "tiktok_order_id"
REASON_NOTE_LIMIT = 255

STAMP_DEFINITION = {
    "name": "TikTok Shop order id",
    "description": "Written by Backhaul, so that returns find their order.",
    "namespace": STAMP_NAMESPACE,
    "key": STAMP_KEY,
    "ownerType": "ORDER",
    "type": "id",  # of all types the one that orderByIdentifier can look up
    "capabilities": {"uniqueValues": {"enabled": True}},
}

_DISPOSITION = {word: vendor for vendor, word in mapping.DISPOSITION.items()}
Variables = dict[str, Any]


def prepare(wanted: AnyEffect, key: str) -> Prepared:
    """The request of an effect. Raises Refused when the vendor has no such call, or a guard forbids it."""
    entry = _WRITES.get(type(wanted))
    if entry is None:
        raise Refused("no_such_call", f"Shopify has no call for {type(wanted).__name__}")
    file, variables = entry
    return Prepared(method="POST", path=GRAPHQL_PATH, query={}, body=body(operation(file), variables(wanted, key)))


def prepare_file(wanted: StageLabel, content: bytes | None) -> Prepared:
    """The label's file as it is sent to the place that the vendor names for it."""
    if not content or hashlib.sha256(content).hexdigest() != wanted.sha256:
        raise Refused("attachment", "the file is not the one that was chosen")
    return Prepared("PUT", "", {}, content, "application/pdf")


def place(answer: Envelope) -> tuple[str, str]:
    """Where a file is to be sent, and its address afterwards. Raises as :func:`receipt` does."""
    for target in _payload(answer).get("stagedTargets") or ():
        if isinstance(target, dict) and isinstance(target.get("url"), str):
            return target["url"], str(target.get("resourceUrl") or target["url"])
    failed = top_error(answer, write=False)
    raise failed or WireDrift("no place for the file is named", bytes(answer.data or b""))


def body(document: Operation, variables: Mapping[str, object]) -> bytes:
    """The exact bytes of a GraphQL request."""
    return msgspec.json.encode(
        {"query": document.text, "operationName": document.name, "variables": dict(variables)}, order="deterministic"
    )


def operation_of(wanted: AnyEffect) -> Operation:
    """The document of an effect."""
    return operation(_WRITES[type(wanted)][0])


def receipt(answer: Envelope) -> Receipt:
    """What a mutation made. Raises Refused for userErrors, else the top-level error, else OutcomeUnknown."""
    made = next((value for name, value in _payload(answer).items() if name != "userErrors"), None)
    if isinstance(made, list):
        made = made[0] if made else None
    if isinstance(made, dict) and isinstance(made.get("id"), str):
        return Receipt(made["id"], str(made.get("name") or ""))
    if isinstance(made, str):  # a deletion names what is gone
        return Receipt(made)
    failed = top_error(answer, write=True)
    if failed is not None:
        raise failed
    raise OutcomeUnknown("the answer to a write names nothing that was made")


def _payload(answer: Envelope) -> dict[str, Any]:
    """What the one field of a mutation's answer holds; nothing when it is null. Raises what its userErrors say."""
    data = None if answer.empty else msgspec.json.decode(answer.data)
    payload = next(iter(data.values()), None) if isinstance(data, dict) else None
    if not isinstance(payload, dict):
        return {}
    try:
        refused = user_errors(msgspec.convert(payload.get("userErrors") or [], list[UserError]))
    except msgspec.ValidationError as error:
        raise OutcomeUnknown(f"the answer to a write cannot be read: {error}") from error
    if refused is not None:
        raise refused
    return payload


# -- one function an effect


def _stamp(wanted: StampOrder, key: str) -> Variables:
    entry = {
        "ownerId": wanted.order_id,
        "namespace": STAMP_NAMESPACE,
        "key": STAMP_KEY,
        "type": "id",
        "value": wanted.channel_order_id,
    }
    return {"metafields": [entry]}


def _create_return(wanted: CreateReturn, key: str) -> Variables:
    mark = mapping.trace(wanted.case_id)
    lines = [
        {
            "fulfillmentLineItemId": line.shipped_line_id,
            "quantity": line.quantity,
            "returnReasonDefinitionId": line.reason,
            "returnReasonNote": f"{truncate(line.note, REASON_NOTE_LIMIT - len(mark) - 1)} {mark}".lstrip(),
        }
        for line in wanted.lines
    ]
    asked = mapping.iso(wanted.requested_at)
    return {"input": {"orderId": wanted.order_id, "returnLineItems": lines, "requestedAt": asked}}


def _attach_tracking(wanted: AttachTracking, key: str) -> Variables:
    lines = [{"reverseFulfillmentOrderLineItemId": line, "quantity": units} for line, units in wanted.lines]
    return {
        "reverseOrder": wanted.reverse_order_id,
        "lines": lines,  # none means all
        "tracking": {"number": wanted.tracking_number},
        **({"label": {"fileUrl": wanted.label_url}} if wanted.label_url else {}),
    }


def _update_delivery(wanted: UpdateDelivery, key: str) -> Variables:
    return {
        "delivery": wanted.delivery_id,
        "tracking": {"number": wanted.tracking_number},
        **({"label": {"fileUrl": wanted.label_url}} if wanted.label_url else {}),
    }


def _dispose(wanted: Dispose, key: str) -> Variables:
    entry: Variables = {
        "reverseFulfillmentOrderLineItemId": wanted.reverse_line_id,
        "quantity": wanted.quantity,
        "dispositionType": _DISPOSITION[wanted.disposition],
    }
    if wanted.disposition is Disposition.RESTOCK:
        if not wanted.location:
            raise Refused("no_location", "choose the location that returned stock goes to", field="location")
        entry["locationId"] = wanted.location
    return {"inputs": [entry]}


def _book_refund(wanted: BookRefund, key: str) -> Variables:
    if mapping.moves_money(wanted.gateway):
        raise Refused("moves_money", f"a refund on {wanted.gateway} would pay the buyer a second time", field="gateway")
    if not wanted.parent_payment or not wanted.gateway:
        raise Refused("no_payment", "the order has no payment that a refund could belong to", field="parent_payment")
    if wanted.amount.minor <= 0:
        raise Refused("no_amount", f"{wanted.amount} is nothing to book", field="amount")
    transaction = {
        "orderId": wanted.order_id,
        "parentId": wanted.parent_payment,
        "gateway": wanted.gateway,
        "kind": "REFUND",
        "amount": wanted.amount.text(),
    }
    lines = [line for each in wanted.lines for line in _refunded(*each, wanted)]
    refund: Variables = {
        "orderId": wanted.order_id,
        "currency": wanted.amount.currency,
        "processedAt": mapping.iso(wanted.paid_at),
        "note": f"Paid by TikTok Shop, return {wanted.case_id} {mapping.trace(wanted.refund_id)}",
        "notify": False,
        "refundLineItems": lines,
        "transactions": [transaction],
    }
    if wanted.differs:
        refund["discrepancyReason"] = "OTHER"
    return {"input": refund, "key": key}


def _refunded(line: str, units: int, wanted: BookRefund) -> list[Variables]:
    """A refunded line. Shipped units are never restocked here: that is a disposition's business alone."""
    released = dict(wanted.release).get(line, 0)
    if released and not wanted.location:
        raise Refused("no_location", "choose the location that stock goes back to", field="location")
    found: list[Variables] = []
    if released:
        found.append({"lineItemId": line, "quantity": released, "restockType": "CANCEL", "locationId": wanted.location})
    if units > released:
        found.append({"lineItemId": line, "quantity": units - released, "restockType": "NO_RESTOCK"})
    return found


def _by_id(wanted: CloseReturn | CancelReturn, key: str) -> Variables:
    return {"id": wanted.return_id}


_WRITES: dict[type, tuple[str, Callable[[Any, str], Variables]]] = {
    StampOrder: ("stamp_order", _stamp),
    CreateReturn: ("create_return", _create_return),
    AttachTracking: ("attach_tracking", _attach_tracking),
    UpdateDelivery: ("update_delivery", _update_delivery),
    Dispose: ("dispose", _dispose),
    BookRefund: ("book_refund", _book_refund),
    CloseReturn: ("close_return", _by_id),
    CancelReturn: ("cancel_return", _by_id),
}
