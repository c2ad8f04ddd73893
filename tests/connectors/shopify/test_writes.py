"""The exact bytes of every effect, and the guards that stand before money and stock."""

from __future__ import annotations

import json
from typing import Any

import pytest

from backhaul.connectors.shopify import mapping, writes
from backhaul.connectors.shopify.manifest import MANIFEST
from backhaul.connectors.shopify.operations import operation
from backhaul.domain.effects import (
    AnyEffect,
    AttachTracking,
    BookRefund,
    CancelReturn,
    CloseReturn,
    CreateReturn,
    Decide,
    Dispose,
    ReturnLine,
    StampOrder,
    UpdateDelivery,
)
from backhaul.domain.money import Money
from backhaul.domain.wanted import Wanted
from backhaul.domain.words import Action, Decision, Disposition
from backhaul.ports.errors import Refused

KEY = "0193b5a0-0000-7000-8000-000000000001"
ORDER, RETURN, CASE = "gid://shopify/Order/1", "gid://shopify/Return/2", "4035318504086604100"
SHIPPED, REASON = "gid://shopify/FulfillmentLineItem/3", "gid://shopify/ReturnReasonDefinition/7"
REVERSE, REVERSE_LINE = "gid://shopify/ReverseFulfillmentOrder/4", "gid://shopify/ReverseFulfillmentOrderLineItem/5"
DELIVERY = "gid://shopify/ReverseDelivery/9"
LOCATION, LINE, SALE = "gid://shopify/Location/6", "gid://shopify/LineItem/7", "gid://shopify/OrderTransaction/8"

BOOKING = BookRefund(
    case_id=CASE,
    refund_id="R-77",
    order_id=ORDER,
    amount=Money(709, "USD"),
    lines=((LINE, 1),),
    paid_at=1_795_168_800,
    parent_payment=SALE,
    gateway="TikTok",
)
BOOKED = {
    "orderId": ORDER,
    "currency": "USD",
    "processedAt": "2026-11-20T10:00:00Z",
    "note": f"Paid by TikTok Shop, return {CASE} [backhaul:R-77]",
    "notify": False,
    "refundLineItems": [{"lineItemId": LINE, "quantity": 1, "restockType": "NO_RESTOCK"}],
    "transactions": [
        {"orderId": ORDER, "parentId": SALE, "gateway": "TikTok", "kind": "REFUND", "amount": "7.09"},
    ],
}  # fmt: skip


def changed(effect: BookRefund, **changes: Any) -> BookRefund:
    return BookRefund(**{name: getattr(effect, name) for name in effect.__struct_fields__} | changes)


CASES: list[tuple[AnyEffect, str, dict[str, Any]]] = [
    (
        StampOrder(order_id=ORDER, channel_order_id="576461413038785752"),
        "stamp_order",
        {
            "metafields": [
                {
                    "ownerId": ORDER,
                    "namespace": "$app:backhaul",
                    "key": "tiktok_order_id",
                    "type": "id",
                    "value": "576461413038785752",
                }
            ]
        },
    ),
    (
        CreateReturn(
            case_id=CASE,
            order_id=ORDER,
            lines=(ReturnLine(SHIPPED, 2, REASON, "Too small"),),
            requested_at=1_795_168_800,
        ),
        "create_return",
        {
            "input": {
                "orderId": ORDER,
                "returnLineItems": [
                    {
                        "fulfillmentLineItemId": SHIPPED,
                        "quantity": 2,
                        "returnReasonDefinitionId": REASON,
                        "returnReasonNote": f"Too small [backhaul:{CASE}]",
                    }
                ],
                "requestedAt": "2026-11-20T10:00:00Z",
            }
        },
    ),
    (
        AttachTracking(order_id=ORDER, return_id=RETURN, reverse_order_id=REVERSE, tracking_number="1Z9"),
        "attach_tracking",
        {"reverseOrder": REVERSE, "lines": [], "tracking": {"number": "1Z9"}},
    ),
    (
        UpdateDelivery(ORDER, RETURN, DELIVERY, "1Z9", "file", "https://files/1"),
        "update_delivery",
        {"delivery": DELIVERY, "tracking": {"number": "1Z9"}, "label": {"fileUrl": "https://files/1"}},
    ),
    (
        UpdateDelivery(ORDER, RETURN, DELIVERY, "1Z9"),
        "update_delivery",
        {"delivery": DELIVERY, "tracking": {"number": "1Z9"}},
    ),
    (
        AttachTracking(ORDER, RETURN, REVERSE, "1Z9", lines=((REVERSE_LINE, 1),)),
        "attach_tracking",
        {
            "reverseOrder": REVERSE,
            "lines": [{"reverseFulfillmentOrderLineItemId": REVERSE_LINE, "quantity": 1}],
            "tracking": {"number": "1Z9"},
        },
    ),
    (
        Dispose(ORDER, RETURN, REVERSE_LINE, 1, Disposition.RESTOCK, ("u1",), before=0, location=LOCATION),
        "dispose",
        {
            "inputs": [
                {
                    "reverseFulfillmentOrderLineItemId": REVERSE_LINE,
                    "quantity": 1,
                    "dispositionType": "RESTOCKED",
                    "locationId": LOCATION,
                }
            ]
        },
    ),
    (
        Dispose(ORDER, RETURN, REVERSE_LINE, 2, Disposition.MISSING, ("u1", "u2"), before=0, location=LOCATION),
        "dispose",
        {"inputs": [{"reverseFulfillmentOrderLineItemId": REVERSE_LINE, "quantity": 2, "dispositionType": "MISSING"}]},
    ),
    (BOOKING, "book_refund", {"input": BOOKED, "key": KEY}),
    (changed(BOOKING, differs=True), "book_refund", {"input": BOOKED | {"discrepancyReason": "OTHER"}, "key": KEY}),
    (CloseReturn(ORDER, RETURN), "close_return", {"id": RETURN}),
    (CancelReturn(ORDER, RETURN), "cancel_return", {"id": RETURN}),
]


@pytest.mark.parametrize(("effect", "file", "variables"), CASES)
def test_request(effect: AnyEffect, file: str, variables: dict[str, Any]) -> None:
    prepared = writes.prepare(effect, KEY)
    assert (prepared.method, prepared.path, prepared.query) == ("POST", "/admin/api/2026-10/graphql.json", {})
    assert prepared.content_type == "application/json"
    sent = json.loads(prepared.body)
    assert sent == {
        "query": operation(file).text,
        "operationName": operation(file).name,
        "variables": variables,
    }
    assert writes.operation_of(effect).file == file


@pytest.mark.parametrize(("effect", "file", "variables"), CASES)
def test_the_same_effect_is_the_same_bytes(effect: AnyEffect, file: str, variables: dict[str, Any]) -> None:
    assert writes.prepare(effect, KEY).body == writes.prepare(effect, KEY).body


def test_bytes_of_a_booking() -> None:
    body = writes.prepare(BOOKING, KEY).body
    head = b'{"query":"mutation BookRefund($input: RefundInput!, $key: String!) { refundCreate(input: $input) '
    assert head in body or body.startswith(b'{"operationName":"BookRefund"')
    assert b'"amount":"7.09"' in body
    assert body.count(KEY.encode()) == 1
    assert b"RETURN" not in body
    assert b'"restockType":"CANCEL"' not in body


@pytest.mark.parametrize("gateway", ["shopify_payments", "Shopify Payments", "paypal", "stripe", "gift_card"])
def test_never_on_a_gateway_that_moves_money(gateway: str) -> None:
    with pytest.raises(Refused) as caught:
        writes.prepare(changed(BOOKING, gateway=gateway), KEY)
    assert caught.value.code == "moves_money"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"parent_payment": ""}, "no_payment"),
        ({"gateway": ""}, "no_payment"),
        ({"amount": Money(0, "USD")}, "no_amount"),
        ({"amount": Money(-1, "USD")}, "no_amount"),
    ],
)
def test_booking_guards(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused) as caught:
        writes.prepare(changed(BOOKING, **changes), KEY)
    assert caught.value.code == code


def test_unfulfilled_units_are_not_restocked_either() -> None:
    sent = json.loads(writes.prepare(changed(BOOKING, unfulfilled=True), KEY).body)
    assert [line["restockType"] for line in sent["variables"]["input"]["refundLineItems"]] == ["NO_RESTOCK"]


def test_units_that_were_never_shipped_are_released_where_they_stand_and_no_others() -> None:
    wanted = changed(BOOKING, lines=((LINE, 3),), release=((LINE, 2),), location="gid://shopify/Location/1")
    sent = json.loads(writes.prepare(wanted, KEY).body)["variables"]["input"]["refundLineItems"]
    assert sent == [
        {"lineItemId": LINE, "quantity": 2, "restockType": "CANCEL", "locationId": "gid://shopify/Location/1"},
        {"lineItemId": LINE, "quantity": 1, "restockType": "NO_RESTOCK"},
    ]
    with pytest.raises(Refused) as caught:
        writes.prepare(changed(wanted, location=""), KEY)
    assert caught.value.code == "no_location"


def test_yen_have_no_decimals() -> None:
    sent = json.loads(writes.prepare(changed(BOOKING, amount=Money(1200, "JPY")), KEY).body)
    assert sent["variables"]["input"]["transactions"][0]["amount"] == "1200"


def test_restocking_needs_a_place() -> None:
    with pytest.raises(Refused) as caught:
        writes.prepare(Dispose(ORDER, RETURN, REVERSE_LINE, 1, Disposition.RESTOCK, ("u1",), before=0), KEY)
    assert (caught.value.code, caught.value.field) == ("no_location", "location")


def test_a_long_reason_keeps_its_mark() -> None:
    effect = CreateReturn(CASE, ORDER, (ReturnLine(SHIPPED, 1, REASON, "x" * 300),), 0)
    note = json.loads(writes.prepare(effect, KEY).body)["variables"]["input"]["returnLineItems"][0]["returnReasonNote"]
    assert len(note) == 255
    assert mapping.traced(note) == CASE


def test_no_reason_text_is_the_mark_alone() -> None:
    effect = CreateReturn(CASE, ORDER, (ReturnLine(SHIPPED, 1, REASON, ""),), 0)
    note = json.loads(writes.prepare(effect, KEY).body)["variables"]["input"]["returnLineItems"][0]["returnReasonNote"]
    assert note == f"[backhaul:{CASE}]"


def test_a_channel_s_effect_has_no_call() -> None:
    with pytest.raises(Refused) as caught:
        writes.prepare(Decide(CASE, Action.ANSWER_REFUND, 1, Decision.APPROVE_REFUND), KEY)
    assert caught.value.code == "no_such_call"


def test_the_manifest_declares_what_is_written() -> None:
    tags: set[object] = {_tag(effect) for effect, _, _ in CASES}
    assert tags | {"stage_label"} == set(MANIFEST.effects)  # a file is no document: the role suite sends one
    assert {_tag_of(kind) for kind in writes._WRITES} == tags


def _tag(effect: Wanted) -> object:
    return _tag_of(type(effect))


def _tag_of(kind: type) -> object:
    return kind.__struct_config__.tag  # type: ignore[attr-defined]
