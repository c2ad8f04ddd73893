"""Refunds: what is refused, what moves money, what a key remembers."""

from __future__ import annotations

from typing import Any

import pytest

from backhaul.simulator.shopify.model import Order

from . import calls
from .conftest import DOMAIN, Hand, Maker, StillClock


def refused(hand: Hand, data: dict[str, Any], key: str = "key") -> tuple[Any, str]:
    (error,) = hand.refused(calls.REFUND, key=key, **{"in": data})
    return error["field"], error["message"]


def test_a_foreign_gateway_succeeds_and_moves_nothing(hand: Hand, order: Order) -> None:
    data = calls.refunding(order, "11.34", 1, note="TikTok 4035", processedAt="2026-11-01T10:00:00Z")
    payload = hand.one(calls.REFUND, key="a", **{"in": data})
    (payment,) = payload["refund"]["transactions"]["nodes"]
    assert payment["status"] == "SUCCESS"
    assert payment["gateway"] == "TikTok Shop"  # the parent's, whatever the input said
    assert payload["refund"]["processedAt"] == "2026-11-01T10:00:00Z"
    assert payload["order"]["displayFinancialStatus"] == "PARTIALLY_REFUNDED"
    books = hand.world.books(DOMAIN)
    assert (books["money_moved_minor"], books["inventory"]) == (0, [])
    (refund,) = books["orders"][order.id]["refunds"]
    assert (refund["amount_minor"], refund["note"], refund["idempotency_key"]) == (1134, "TikTok 4035", "a")
    assert refund["lines"][0]["restock_type"] == "NO_RESTOCK"


def test_a_moving_gateway_moves_money(hand: Hand, make: Maker) -> None:
    order = make(gateway="shopify_payments")
    hand.one(calls.REFUND, key="a", **{"in": calls.refunding(order, "37.67", 2, 1)})
    books = hand.world.books(DOMAIN)
    assert books["money_moved_minor"] == 3767
    assert books["money_moved"][0]["gateway"] == "shopify_payments"
    assert order.display_financial_status == "REFUNDED"


def test_what_is_refused(hand: Hand, order: Order, make: Maker) -> None:
    unknown = {**calls.refunding(order, None, 1), "orderId": "gid://shopify/Order/1"}
    assert refused(hand, unknown) == (["orderId"], "Order does not exist")
    many = refused(hand, calls.refunding(order, None, 3))
    assert many == (["refundLineItems", "0", "quantity"], "Quantity cannot refund more items than were purchased")
    sums = refused(hand, calls.refunding(order, "37.68", 2))
    assert sums[1] == "Refund amount $37.68 is greater than net payment received $37.67"
    over = calls.refunding(order, "37.68", 2, allowOverRefunding=True)
    assert refused(hand, over)[1] == sums[1]
    orphan = calls.refunding(order, "1.00")
    said = "Transactions require a parent_id associated with the order"
    orphan["transactions"][0]["parentId"] = make().transactions[0].id
    assert refused(hand, orphan)[1] == said
    del orphan["transactions"][0]["parentId"]
    assert refused(hand, orphan)[1] == said
    assert refused(hand, calls.refunding(order, None, 1, kind="CANCEL"))[1].startswith("Quantity cannot cancel")
    assert refused(hand, calls.refunding(order, None))[0] is None
    assert order.refund_list == []


def test_net_payment_shrinks(hand: Hand, order: Order) -> None:
    hand.one(calls.REFUND, key="a", **{"in": calls.refunding(order, "30.00", 1)})
    said = refused(hand, calls.refunding(order, "7.68", 1), "b")[1]
    assert said == "Refund amount $7.68 is greater than net payment received $7.67"


def test_the_directive_is_mandatory(hand: Hand, order: Order) -> None:
    bare = calls.REFUND.replace("@idempotent(key: $key)", "").replace(", $key: String!", "")
    answer = hand.raw(bare, **{"in": calls.refunding(order, "1.00")})
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "BAD_REQUEST"
    assert error["message"] == "The @idempotent directive is required for this mutation but was not provided."
    assert answer["data"] == {"refundCreate": None}
    blank = hand.raw(calls.REFUND, key=" ", **{"in": calls.refunding(order, "1.00")})
    assert blank["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    assert order.refund_list == []


def test_a_key_is_remembered_for_a_day(hand: Hand, order: Order, clock: StillClock) -> None:
    data = calls.refunding(order, "1.00")
    first = hand.one(calls.REFUND, key="k", **{"in": data})
    clock.at += 86_399
    hand.one(calls.CREATE, **{"in": calls.returning(order, 1)})
    again = hand.one(calls.REFUND, key="k", **{"in": data})
    assert again["refund"]["id"] == first["refund"]["id"]
    assert len(order.refund_list) == 1
    assert again["order"]["returnStatus"] == "IN_PROGRESS"  # a replay shows the present
    assert "different parameters" in refused(hand, calls.refunding(order, "2.00"), "k")[1]
    clock.at += 1
    other = hand.one(calls.REFUND, key="k", **{"in": data})
    assert other["refund"]["id"] != first["refund"]["id"]
    assert hand.world.books(DOMAIN)["counts"]["idempotency_replays"] == 1


def test_a_refused_attempt_does_not_use_up_its_key(hand: Hand, order: Order) -> None:
    refused(hand, calls.refunding(order, "99.00"), "k")
    assert hand.one(calls.REFUND, key="k", **{"in": calls.refunding(order, "1.00")})["refund"] is not None


def test_restocking_moves_stock(hand: Hand, order: Order) -> None:
    hand.one(calls.REFUND, key="k", **{"in": calls.refunding(order, None, 1, kind="RETURN")})
    (moved,) = hand.world.books(DOMAIN)["inventory"]
    assert (moved["sku"], moved["delta"], moved["cause"]) == ("MUG", 1, "refund RETURN")


def test_lines_without_payment_stay_out_of_the_books(hand: Hand, make: Maker) -> None:
    order = make(gateway=None)
    payload = hand.one(calls.REFUND, key="k", **{"in": calls.refunding(order, None, 1)})
    assert payload["refund"]["totalRefundedSet"]["presentmentMoney"]["amount"] == "0.0"
    assert order.display_financial_status == "PENDING"
    assert order.lines[0].refundable_quantity == 1


def test_a_difference_becomes_an_adjustment(hand: Hand, order: Order) -> None:
    data = calls.refunding(order, "9.00", 1, discrepancyReason="OTHER")
    (row,) = hand.one(calls.REFUND, key="k", **{"in": data})["refund"]["orderAdjustments"]["nodes"]
    assert row == {"reason": "REFUND_DISCREPANCY", "amountSet": {"presentmentMoney": {"amount": "2.34"}}}


def test_notify_writes_to_the_buyer(hand: Hand, order: Order) -> None:
    hand.one(calls.REFUND, key="a", **{"in": calls.refunding(order, "1.00", notify=False)})
    assert hand.shop.emails == []
    hand.one(calls.REFUND, key="b", **{"in": calls.refunding(order, "1.00", notify=True)})
    assert [each["kind"] for each in hand.shop.emails] == ["refund"]


def test_another_currency_has_to_be_named(hand: Hand, make: Maker) -> None:
    order = make(currency="GBP", exchange_rate="1.25")
    assert refused(hand, calls.refunding(order, "1.00"))[0] == ["currency"]
    assert hand.one(calls.REFUND, key="k", **{"in": calls.refunding(order, "1.00", currency="GBP")})["refund"]
    both = hand.one(
        """query($id: ID!) { order(id: $id) { currencyCode presentmentCurrencyCode totalRefundedSet {
        shopMoney { amount currencyCode } presentmentMoney { amount currencyCode } } } }""",
        id=order.id,
    )
    assert both["totalRefundedSet"]["shopMoney"] == {"amount": "1.25", "currencyCode": "USD"}
    assert both["totalRefundedSet"]["presentmentMoney"] == {"amount": "1.0", "currencyCode": "GBP"}


@pytest.mark.parametrize("quantities", [(1,), (2,), (1, 1), (2, 1)])
def test_suggestions_add_up(hand: Hand, order: Order, quantities: tuple[int, ...]) -> None:
    lines = [{"lineItemId": i.id, "quantity": q} for i, q in zip(order.lines, quantities, strict=False)]
    asked = hand.one(
        """query($id: ID!, $lines: [RefundLineItemInput!]) { order(id: $id) { suggestedRefund(refundLineItems: $lines) {
        amountSet { presentmentMoney { amount } } suggestedTransactions { parentTransaction { id kind } } } } }""",
        id=order.id,
        lines=lines,
    )["suggestedRefund"]
    worth = sum(price * q for price, q in zip((1134, 999), quantities, strict=False))
    assert float(asked["amountSet"]["presentmentMoney"]["amount"]) == pytest.approx(worth / 100)
    assert asked["suggestedTransactions"][0]["parentTransaction"]["id"] == order.transactions[0].id


def test_cancelling_an_order_gives_all_back(hand: Hand, make: Maker) -> None:
    from backhaul.simulator.shopify import LineSeed

    order = make(lines=[LineSeed("MUG", "Mug", 2, 1000, fulfilled=False)])
    cancel = """mutation($id: ID!) { orderCancel(orderId: $id, reason: CUSTOMER, restock: true,
        refundMethod: {originalPaymentMethodsRefund: true}) { job { done } orderCancelUserErrors { message code } } }"""
    assert hand.one(cancel, id=order.id)["orderCancelUserErrors"] == []
    assert order.display_financial_status == "REFUNDED"
    assert order.lines[0].unfulfilled_quantity == 0
    assert [each["delta"] for each in hand.shop.movements] == [2]
    assert hand.one(cancel, id=order.id)["orderCancelUserErrors"][0]["code"] == "INVALID"


RETURN_REFUND = """
mutation($in: ReturnRefundInput!) { returnRefund(returnRefundInput: $in) {
  refund { id totalRefundedSet { presentmentMoney { amount } } return { id } } userErrors { field message code } } }
"""


def left(hand: Hand, order: Order) -> tuple[int, int]:
    """Current and refundable quantity of the first line."""
    line = hand.one(calls.ORDER, id=order.id)["lineItems"]["nodes"][0]
    return line["currentQuantity"], line["refundableQuantity"]


def test_pieces_leave_the_order_once_whether_processed_or_refunded_first(hand: Hand, make: Maker) -> None:
    order = make()
    each = hand.one(calls.CREATE, **{"in": calls.returning(order, 2)})["return"]
    line = each["returnLineItems"]["nodes"][0]["id"]
    process = {"returnId": each["id"], "returnLineItems": [{"id": line, "quantity": 1}]}
    hand.one(calls.PROCESS, **{"in": process})
    assert left(hand, order) == (1, 2)
    hand.one(calls.REFUND, key="a", **{"in": calls.refunding(order, "11.34", 1)})
    assert left(hand, order) == (1, 1)
    money = {"amount": "11.34", "currencyCode": "USD"}
    payment = {"parentId": order.transactions[0].id, "transactionAmount": money}
    transfer = {"financialTransfer": {"issueRefund": {"orderTransactions": [payment]}}}
    hand.one(calls.PROCESS, **{"in": {**process, **transfer}})
    assert left(hand, order) == (0, 0)


def test_the_older_refund_of_a_return(hand: Hand, make: Maker) -> None:
    order = make()
    each = hand.one(calls.CREATE, **{"in": calls.returning(order, 1)})["return"]
    row = {"returnLineItemId": each["returnLineItems"]["nodes"][0]["id"], "quantity": 1}
    money = {"amount": "11.34", "currencyCode": "USD"}
    payment = {"parentId": order.transactions[0].id, "transactionAmount": money}
    data = {"returnId": each["id"], "returnRefundLineItems": [row], "orderTransactions": [payment]}
    for wrong, code in (
        ({"returnRefundLineItems": []}, "BLANK"),
        ({"returnRefundLineItems": [{**row, "quantity": 2}]}, "INVALID"),
        ({"returnRefundLineItems": [{**row, "returnLineItemId": "gid://shopify/ReturnLineItem/1"}]}, "NOT_FOUND"),
        ({"returnId": "gid://shopify/Return/1"}, "NOT_FOUND"),
    ):
        assert hand.refused(RETURN_REFUND, **{"in": {**data, **wrong}})[0]["code"] == code
    made = hand.one(RETURN_REFUND, **{"in": data})["refund"]
    assert (made["return"]["id"], made["totalRefundedSet"]["presentmentMoney"]["amount"]) == (each["id"], "11.34")
    assert hand.refused(RETURN_REFUND, **{"in": data})[0]["code"] == "INVALID"
    assert order.return_list[0].lines[0].processed_quantity == 0
