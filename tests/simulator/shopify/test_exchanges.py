"""Exchange lines: promised in a return, taken out of it again, and lines of the order once it is processed."""

from __future__ import annotations

from typing import Any

import pytest

from backhaul.simulator.shopify import ShopifyWorld
from backhaul.simulator.shopify.model import Order

from .calls import CLOSE, CREATE, line_ids, returning
from .conftest import DOMAIN, Hand, Maker

PROCESS = """
mutation($in: ReturnProcessInput!) { returnProcess(input: $in) {
  return { id exchangeLineItems(first: 5) { nodes {
    id quantity processedQuantity processableQuantity variantSku title lineItems { id sku quantity } } } }
  userErrors { field message code } } }
"""
REMOVE = """
mutation($id: ID!, $x: [ExchangeLineItemRemoveFromReturnInput!]) {
  removeFromReturn(returnId: $id, exchangeLineItems: $x) {
  return { id status exchangeLineItems(first: 5) { nodes { id quantity } } } userErrors { field message code } } }
"""
WAITING = """
query($id: ID!) { order(id: $id) { displayFulfillmentStatus totalPriceSet { presentmentMoney { amount } }
  fulfillmentOrders(first: 5) { nodes { id status orderName fulfillmentHolds { reason }
    lineItems(first: 5) { nodes { sku totalQuantity remainingQuantity lineItem { id } } } } } } }
"""
OUTCOME = """
query($id: ID!, $rl: [SuggestedOutcomeReturnLineItemInput!]!, $xl: [SuggestedOutcomeExchangeLineItemInput!]!) {
  return(id: $id) { suggestedFinancialOutcome(returnLineItems: $rl, exchangeLineItems: $xl) { financialTransfer {
    __typename ... on RefundReturnOutcome { amount { presentmentMoney { amount } } }
    ... on InvoiceReturnOutcome { amount { presentmentMoney { amount } } } } } } }
"""
CALCULATE = """
query($in: CalculateReturnInput!) { returnCalculate(input: $in) {
  id returnShippingFee { amountSet { presentmentMoney { amount } } }
  returnLineItems { quantity subtotalSet { presentmentMoney { amount } } totalTaxSet { presentmentMoney { amount } }
    restockingFee { percentage amountSet { presentmentMoney { amount } } } fulfillmentLineItem { id } }
  exchangeLineItems { quantity variant { sku } subtotalSet { presentmentMoney { amount } }
    originalUnitPriceSet { presentmentMoney { amount } } } } }
"""
TWO_LESS = {"appliedDiscount": {"value": {"amount": {"amount": "2.00", "currencyCode": "USD"}}}}
FREE = {"appliedDiscount": {"value": {"percentage": 100.0}}}


def variant(order: Order, sku: str) -> str:
    return next(line.variant.id for line in order.lines if line.variant is not None and line.sku == sku)


def swapping(order: Order, sku: str = "MUG", quantity: int = 1, **more: Any) -> dict[str, Any]:
    """One mug back, and so many of a variant for it."""
    lines = [{"variantId": variant(order, sku), "quantity": quantity, **more}]
    return {**returning(order, 1), "exchangeLineItems": lines}


def ids(hand: Hand, order: Order, **more: Any) -> tuple[str, str, str]:
    """A return with an exchange: its id, its line and its exchange line."""
    made = hand.one(CREATE, **{"in": swapping(order, **more)})["return"]
    (exchange,) = order.return_list[-1].exchange_lines
    return made["id"], made["returnLineItems"]["nodes"][0]["id"], exchange.id


def test_a_replacement_is_a_line_once_it_is_processed(hand: Hand, order: Order, world: ShopifyWorld) -> None:
    return_id, line, exchange = ids(hand, order, **FREE)
    assert len(order.lines) == 2
    before = hand.one(WAITING, id=order.id)
    assert [each["status"] for each in before["fulfillmentOrders"]["nodes"]] == ["CLOSED"]
    done = hand.one(PROCESS, **{"in": {"returnId": return_id, "exchangeLineItems": [{"id": exchange, "quantity": 1}]}})
    (row,) = done["return"]["exchangeLineItems"]["nodes"]
    assert (row["processedQuantity"], row["processableQuantity"], row["variantSku"]) == (1, 0, "MUG")
    assert row["lineItems"] == [{"id": order.lines[2].id, "sku": "MUG", "quantity": 1}]
    after = hand.one(WAITING, id=order.id)
    assert after["totalPriceSet"] == before["totalPriceSet"]
    assert after["displayFulfillmentStatus"] == "PARTIALLY_FULFILLED"
    new = after["fulfillmentOrders"]["nodes"][1]
    assert (new["status"], new["fulfillmentHolds"], new["orderName"]) == ("OPEN", [], order.name)
    assert [each["remainingQuantity"] for each in new["lineItems"]["nodes"]] == [1]
    world.fulfil(order)
    sent = hand.one(WAITING, id=order.id)
    assert [each["status"] for each in sent["fulfillmentOrders"]["nodes"]] == ["CLOSED", "CLOSED"]
    assert line_ids(order)[-1] not in (line, None)
    assert hand.one(CLOSE, id=return_id)["return"]["status"] == "CLOSED"
    (told,) = world.books(DOMAIN)["orders"][order.id]["returns"]
    assert told["exchange"] == [{"sku": "MUG", "quantity": 1, "processed": 1}]


def test_what_the_buyer_owes_holds_the_goods(hand: Hand, make: Maker) -> None:
    order = make()
    return_id, _, exchange = ids(hand, order, quantity=3)
    hand.one(PROCESS, **{"in": {"returnId": return_id, "exchangeLineItems": [{"id": exchange, "quantity": 2}]}})
    rows = hand.one(WAITING, id=order.id)["fulfillmentOrders"]["nodes"]
    assert (rows[1]["status"], rows[1]["fulfillmentHolds"]) == ("ON_HOLD", [{"reason": "AWAITING_PAYMENT"}])
    refused = hand.refused(
        PROCESS, **{"in": {"returnId": return_id, "exchangeLineItems": [{"id": exchange, "quantity": 2}]}}
    )
    assert (refused[0]["field"][-1], refused[0]["code"]) == ("quantity", "INVALID")
    unknown = [{"id": "gid://shopify/ExchangeLineItem/1", "quantity": 1}]
    refused = hand.refused(PROCESS, **{"in": {"returnId": return_id, "exchangeLineItems": unknown}})
    assert refused[0]["code"] == "NOT_FOUND"


@pytest.mark.parametrize(("discount", "kind", "amount"), [
    ({}, "RefundReturnOutcome", "0.84"),
    (FREE, "RefundReturnOutcome", "11.34"),
    (TWO_LESS, "RefundReturnOutcome", "2.84"),
    ({"quantity": 2}, "InvoiceReturnOutcome", "9.66"),
])  # fmt: skip
def test_the_outcome_counts_exchange_lines(
    hand: Hand, order: Order, discount: dict[str, Any], kind: str, amount: str
) -> None:
    return_id, line, exchange = ids(hand, order, **discount)
    chosen = [{"id": exchange, "quantity": discount.get("quantity", 1)}]
    outcome = hand.one(OUTCOME, id=return_id, rl=[{"id": line, "quantity": 1}], xl=chosen)
    transfer = outcome["suggestedFinancialOutcome"]["financialTransfer"]
    assert (transfer["__typename"], transfer["amount"]["presentmentMoney"]["amount"]) == (kind, amount)


def test_exchange_lines_can_be_taken_out(hand: Hand, order: Order) -> None:
    return_id, _, exchange = ids(hand, order, quantity=2)
    left = hand.one(REMOVE, id=return_id, x=[{"exchangeLineItemId": exchange, "quantity": 1}])["return"]
    assert left["exchangeLineItems"]["nodes"] == [{"id": exchange, "quantity": 1}]
    gone = hand.one(REMOVE, id=return_id, x=[{"exchangeLineItemId": exchange, "quantity": 1}])["return"]
    assert (gone["status"], gone["exchangeLineItems"]["nodes"]) == ("OPEN", [])
    assert (
        hand.refused(REMOVE, id=return_id, x=[{"exchangeLineItemId": exchange, "quantity": 1}])[0]["code"]
        == "NOT_FOUND"
    )


@pytest.mark.parametrize(
    ("wrong", "field", "code"),
    [
        ({"variantId": "gid://shopify/ProductVariant/1"}, "variantId", "NOT_FOUND"),
        ({"quantity": 0}, "quantity", "GREATER_THAN"),
        ({"appliedDiscount": {"value": {"percentage": 101.0}}}, "appliedDiscount", "INVALID"),
        ({"appliedDiscount": {"value": {}}}, "value", "INVALID"),
    ],
)
def test_senseless_exchange_lines_refuse_the_whole_return(
    hand: Hand, order: Order, wrong: dict[str, Any], field: str, code: str
) -> None:
    data = swapping(order)
    data["exchangeLineItems"][0] |= wrong
    refused = hand.refused(CREATE, **{"in": data})
    assert (refused[0]["field"][:3], refused[0]["field"][-1]) == (["returnInput", "exchangeLineItems", "0"], field)
    assert refused[0]["code"] == code
    assert order.return_list == []


def test_a_calculated_return_changes_nothing(hand: Hand, order: Order) -> None:
    line = {"fulfillmentLineItemId": line_ids(order)[0], "quantity": 2, "restockingFee": {"percentage": 10.0}}
    data = {
        "orderId": order.id,
        "returnLineItems": [line],
        "exchangeLineItems": [{"variantId": variant(order, "CAP"), "quantity": 1}],
        "returnShippingFee": {"amount": {"amount": "3.00", "currencyCode": "USD"}},
    }
    found = hand.one(CALCULATE, **{"in": data})
    (row,), (exchange,) = found["returnLineItems"], found["exchangeLineItems"]
    assert row["subtotalSet"]["presentmentMoney"]["amount"] == "-21.0"
    assert row["totalTaxSet"]["presentmentMoney"]["amount"] == "-1.68"
    assert row["restockingFee"]["amountSet"]["presentmentMoney"]["amount"] == "2.1"
    assert exchange["subtotalSet"]["presentmentMoney"]["amount"] == "9.99"
    assert found["returnShippingFee"]["amountSet"]["presentmentMoney"]["amount"] == "3.0"
    assert order.return_list == []
    for wrong in ({"quantity": 9}, {"fulfillmentLineItemId": "gid://shopify/FulfillmentLineItem/1"}):
        answer = hand.raw(CALCULATE, **{"in": {**data, "returnLineItems": [{**line, **wrong}]}})
        assert answer["data"] == {"returnCalculate": None}
        assert answer["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
