"""Samples in the vendor's form (made up here) and the values they become."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from backhaul.connectors.shopify import mapping, wire
from backhaul.domain.commerce import (
    CommerceDelivery,
    CommerceLine,
    CommerceRefund,
    CommerceReturn,
    Payment,
    ReturnedLine,
    ShippedLine,
)
from backhaul.domain.money import Money
from backhaul.domain.words import Disposition
from backhaul.ports.errors import WireDrift


def gid(kind: str, number: int) -> str:
    return f"gid://shopify/{kind}/{number}"


def bag(amount: str, currency: str = "USD") -> dict[str, Any]:
    return {"presentmentMoney": {"amount": amount, "currencyCode": currency}}


def page(*nodes: Any) -> dict[str, Any]:
    return {"nodes": list(nodes), "pageInfo": {"hasNextPage": False, "endCursor": None}}


LINE: dict[str, Any] = {
    "id": gid("LineItem", 1),
    "sku": "MUG-RED",
    "title": "Mug",
    "quantity": 3,
    "refundableQuantity": 2,
    "unfulfilledQuantity": 1,
    "customAttributes": [
        {"key": "TikTok Line", "value": "576462300000000001,576462300000000002"},
        {"key": "Gift", "value": None},
    ],
    "variant": {"barcode": "4006381333931"},
    "discountedUnitPriceAfterAllDiscountsSet": bag("6.666666"),
    "taxLines": [{"priceSet": bag("1.0")}, {"priceSet": bag("0.25")}],
}
SHIPPED: dict[str, Any] = {"id": gid("FulfillmentLineItem", 5), "lineItem": {"id": gid("LineItem", 1)}}
LABEL = {"createdAt": "2026-11-20T10:00:00Z"}
RETURN: dict[str, Any] = {
    "id": gid("Return", 7),
    "name": "#1001-R1",
    "status": "OPEN",
    "returnLineItems": page(
        {
            "id": gid("ReturnLineItem", 8),
            "quantity": 1,
            "returnReasonNote": "Too small [backhaul:4035318504086604100]",
            "fulfillmentLineItem": SHIPPED,
        }
    ),
    "reverseFulfillmentOrders": page(
        {
            "id": gid("ReverseFulfillmentOrder", 9),
            "lineItems": page(
                {
                    "id": gid("ReverseFulfillmentOrderLineItem", 10),
                    "totalQuantity": 1,
                    "fulfillmentLineItem": {"id": SHIPPED["id"]},
                    "dispositions": [
                        {"type": "RESTOCKED", "quantity": 1},
                        {"type": "PROCESSING_REQUIRED", "quantity": 4},
                    ],
                }
            ),
            "reverseDeliveries": page(
                {"id": gid("ReverseDelivery", 11), "deliverable": {"tracking": {"number": "1Z999"}, "label": LABEL}},
                {"id": gid("ReverseDelivery", 12), "deliverable": None},
                {"id": gid("ReverseDelivery", 13), "deliverable": {"tracking": None}},
            ),
        }
    ),
}
REFUND: dict[str, Any] = {
    "id": gid("Refund", 14),
    "createdAt": "2026-11-20T10:00:00Z",
    "processedAt": "2026-11-19T10:00:00Z",
    "note": "made up [backhaul:refund-77]",
    "totalRefundedSet": bag("7.09"),
    "return": {"id": gid("Return", 7)},
    "refundLineItems": page({"quantity": 1, "lineItem": {"id": gid("LineItem", 1)}}),
}
ORDER: dict[str, Any] = {
    "id": gid("Order", 1001),
    "name": "#1001",
    "updatedAt": "2026-11-20T11:00:00+01:00",
    "presentmentCurrencyCode": "USD",
    "taxesIncluded": False,
    "netPaymentSet": bag("14.16"),
    "metafield": {"value": "576461413038785752"},
    "lineItems": page(LINE),
    "transactions": [
        {"id": gid("OrderTransaction", 2), "kind": "SALE", "status": "SUCCESS", "gateway": "TikTok",
         "amountSet": bag("21.25"), "parentTransaction": None},
        {"id": gid("OrderTransaction", 3), "kind": "REFUND", "status": "PENDING", "gateway": "shopify_payments",
         "amountSet": bag("7.09"), "parentTransaction": {"id": gid("OrderTransaction", 2)}},
    ],
    "refunds": [REFUND],
    "returns": page(RETURN),
}  # fmt: skip
RETURNABLE = {
    "id": gid("ReturnableFulfillment", 4),
    "returnableFulfillmentLineItems": page({"quantity": 1, "fulfillmentLineItem": SHIPPED}),
}


def mapped(changes: dict[str, Any] | None = None, returnable: list[Any] | None = None) -> Any:
    order = msgspec.convert({**ORDER, **(changes or {})}, wire.Order)
    return mapping.order(order, msgspec.convert(returnable or [], list[wire.Returnable]), "https://made.up")


def test_order() -> None:
    order = mapped()
    assert (order.id, order.name, order.currency) == (gid("Order", 1001), "#1001", "USD")
    assert order.updated_at == 1_795_168_800
    assert order.refundable == Money(1416, "USD")
    assert order.stamped == "576461413038785752"
    assert order.admin_url == "https://made.up"


def test_line() -> None:
    assert mapped().lines == (
        CommerceLine(
            id=gid("LineItem", 1),
            sku="MUG-RED",
            barcode="4006381333931",
            title="Mug",
            quantity=3,
            refundable=2,
            unfulfilled=1,
            channel_line_ids=("576462300000000001", "576462300000000002"),
            unit_price=Money(667, "USD"),
            unit_tax=Money(42, "USD"),
        ),
    )


def test_a_price_with_tax_in_it_has_no_tax_beside_it() -> None:
    assert mapped({"taxesIncluded": True}).lines[0].unit_tax == Money(0, "USD")


def test_line_without_anything_optional() -> None:
    bare = {key: LINE[key] for key in ("id", "title", "quantity", "refundableQuantity", "unfulfilledQuantity")}
    line = mapped({"lineItems": page({**bare, "sku": None, "variant": None})}).lines[0]
    assert (line.sku, line.barcode, line.unit_price, line.channel_line_ids) == ("", "", None, ())


def test_payments() -> None:
    assert mapped().payments == (
        Payment(gid("OrderTransaction", 2), "sale", "TikTok", Money(2125, "USD"), True),
        Payment(
            gid("OrderTransaction", 3),
            "refund",
            "shopify_payments",
            Money(709, "USD"),
            False,
            parent_id=gid("OrderTransaction", 2),
            moves_money=True,
        ),
    )


def test_refund() -> None:
    assert mapped().refunds == (
        CommerceRefund(
            id=gid("Refund", 14),
            created_at=1_795_168_800,
            amount=Money(709, "USD"),
            trace="refund-77",
            note="made up [backhaul:refund-77]",
            return_id=gid("Return", 7),
            lines=((gid("LineItem", 1), 1),),
        ),
    )


def test_return() -> None:
    assert mapped().returns == (
        CommerceReturn(
            id=gid("Return", 7),
            name="#1001-R1",
            status="open",
            trace="4035318504086604100",
            lines=(
                ReturnedLine(
                    id=gid("ReturnLineItem", 8),
                    line_id=gid("LineItem", 1),
                    quantity=1,
                    shipped_line_id=gid("FulfillmentLineItem", 5),
                    reverse_order_id=gid("ReverseFulfillmentOrder", 9),
                    reverse_line_id=gid("ReverseFulfillmentOrderLineItem", 10),
                    disposed=((Disposition.RESTOCK, 1),),
                ),
            ),
            tracking=("1Z999",),
            deliveries=(
                CommerceDelivery(gid("ReverseDelivery", 11), "1Z999", labelled=True),
                CommerceDelivery(gid("ReverseDelivery", 12)),
                CommerceDelivery(gid("ReverseDelivery", 13)),
            ),
        ),
    )


@pytest.mark.parametrize(
    ("given", "word"),
    [("REQUESTED", "requested"), ("OPEN", "open"), ("CLOSED", "closed"), ("CANCELED", "cancelled"),
     ("DECLINED", "declined"), ("SOMETHING_NEW", "SOMETHING_NEW")],
)  # fmt: skip
def test_return_status(given: str, word: str) -> None:
    assert mapped({"returns": page({**RETURN, "status": given})}).returns[0].status == word


def test_unverified_line_has_no_shipped_line() -> None:
    line = {"id": gid("UnverifiedReturnLineItem", 1), "quantity": 2}
    found = mapped({"returns": page({**RETURN, "returnLineItems": page(line)})}).returns[0].lines
    assert found == (ReturnedLine(gid("UnverifiedReturnLineItem", 1), "", 2),)


def test_one_shipped_line_twice_on_a_return() -> None:
    def reverse(number: int, units: int) -> dict[str, Any]:
        return {
            "id": gid("ReverseFulfillmentOrderLineItem", number),
            "totalQuantity": units,
            "fulfillmentLineItem": {"id": SHIPPED["id"]},
        }

    lines = page(
        {"id": gid("ReturnLineItem", 1), "quantity": 1, "fulfillmentLineItem": SHIPPED},
        {"id": gid("ReturnLineItem", 2), "quantity": 2, "fulfillmentLineItem": SHIPPED},
        {"id": gid("ReturnLineItem", 3), "quantity": 1, "fulfillmentLineItem": SHIPPED},
    )
    orders = page({"id": gid("ReverseFulfillmentOrder", 9), "lineItems": page(reverse(22, 2), reverse(21, 1))})
    changed = {**RETURN, "returnLineItems": lines, "reverseFulfillmentOrders": orders}
    found = mapped({"returns": page(changed)}).returns[0].lines
    assert [each.reverse_line_id.rpartition("/")[2] for each in found] == ["21", "22", ""]


def test_shipped_lines() -> None:
    assert mapped(returnable=[RETURNABLE]).shipped == (ShippedLine(SHIPPED["id"], gid("LineItem", 1), 1),)


def test_a_line_wholly_on_a_return_is_shipped_with_nothing_left() -> None:
    assert mapped().shipped == (ShippedLine(SHIPPED["id"], gid("LineItem", 1), 0),)


def test_yen_come_with_a_decimal() -> None:
    assert mapping.money(msgspec.convert(bag("1200.0", "JPY"), wire.MoneyBag)) == Money(1200, "JPY")


@pytest.mark.parametrize("amount", ["", "a lot", "NaN", "Infinity", "1.001"])
def test_no_amount_is_drift(amount: str) -> None:
    with pytest.raises(WireDrift):
        mapping.money(msgspec.convert(bag(amount), wire.MoneyBag))


@pytest.mark.parametrize("amount", ["", "a lot", "NaN", "Infinity", "1e9"])
def test_no_unit_price_is_drift(amount: str) -> None:
    with pytest.raises(WireDrift):
        mapping.unit_share([msgspec.convert(bag(amount), wire.MoneyBag)], 1, "USD")


@pytest.mark.parametrize("time", ["", "yesterday", "2026-13-01T00:00:00Z"])
def test_no_time_is_drift(time: str) -> None:
    with pytest.raises(WireDrift):
        mapping.unix(time)


@pytest.mark.parametrize(
    ("gateway", "moves"),
    [("shopify_payments", True), ("Shopify Payments", True), ("PayPal", True), ("paypal_express", True),
     ("Stripe Connect", True), ("gift_card", True), ("manual", False), ("TikTok", False), ("tiktok_shop", False),
     ("", False), ("zippy", False), ("stripes", False)],
)  # fmt: skip
def test_known_movers(gateway: str, moves: bool) -> None:
    assert mapping.moves_money(gateway) is moves


@pytest.mark.parametrize(
    ("text", "identity"),
    [("a [backhaul:12] b", "12"), ("[backhaul:a-b_c]", "a-b_c"), ("backhaul:12", ""), ("[backhaul:]", ""),
     ("[backhaul:1 2]", ""), ("", ""), (None, "")],
)  # fmt: skip
def test_traced(text: str | None, identity: str) -> None:
    assert mapping.traced(text) == identity


def test_trace_and_back() -> None:
    assert mapping.traced(f"anything {mapping.trace('4035')} more") == "4035"
