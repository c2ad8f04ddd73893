"""The life of a return, and every recorded refusal on the way."""

from __future__ import annotations

from typing import Any

import pytest

from backhaul.simulator.shopify import LineSeed
from backhaul.simulator.shopify.model import Order

from . import calls
from .conftest import Hand, Maker, StillClock

MISSING = "gid://shopify/{}/1"


def opened(hand: Hand, order: Order, *quantities: int) -> dict[str, Any]:
    made: dict[str, Any] = hand.one(calls.CREATE, **{"in": calls.returning(order, *(quantities or (1,)))})["return"]
    return made


def requested(hand: Hand, order: Order, quantity: int = 1) -> str:
    data = calls.returning(order, quantity)
    return str(hand.one(calls.REQUEST, **{"in": data})["return"]["id"])


def reverse_line(made: dict[str, Any]) -> str:
    return str(made["reverseFulfillmentOrders"]["nodes"][0]["lineItems"]["nodes"][0]["id"])


def only(errors: list[dict[str, Any]]) -> tuple[Any, str, Any]:
    assert len(errors) == 1, errors
    return errors[0]["field"], errors[0]["message"], errors[0].get("code")


def test_create_takes_the_units_out_of_what_is_returnable(hand: Hand, order: Order) -> None:
    made = opened(hand, order, 1, 1)
    assert made["status"] == "OPEN"
    assert made["name"] == "#1001-R1"
    assert made["totalQuantity"] == 2
    (left,) = hand.one(calls.RETURNABLE, id=order.id)["nodes"]
    rows = left["returnableFulfillmentLineItems"]["nodes"]
    assert [row["quantity"] for row in rows] == [1]
    assert hand.one(calls.ORDER, id=order.id)["returnStatus"] == "IN_PROGRESS"


def test_only_what_was_sent_is_returnable(hand: Hand, make: Maker) -> None:
    order = make(lines=[LineSeed("A", "A", 1, 100), LineSeed("B", "B", 1, 100, fulfilled=False)])
    (node,) = hand.one(calls.RETURNABLE, id=order.id)["nodes"]
    assert len(node["returnableFulfillmentLineItems"]["nodes"]) == 1
    assert hand.one(calls.ORDER, id=order.id)["displayFulfillmentStatus"] == "PARTIALLY_FULFILLED"


def test_one_bad_line_refuses_all(hand: Hand, order: Order) -> None:
    field, message, code = only(hand.refused(calls.CREATE, **{"in": calls.returning(order, 1, 2)}))
    assert field == ["returnInput", "returnLineItems", "1", "quantity"]
    assert (message, code) == ("Return line item has an invalid quantity.", "INVALID")
    assert order.return_list == []


@pytest.mark.parametrize("root", ["returnInput", "input"])
def test_too_many_or_again(hand: Hand, order: Order, root: str) -> None:
    call = calls.CREATE if root == "returnInput" else calls.REQUEST
    data = calls.returning(order, 3)
    where = [root, "returnLineItems", "0", "quantity"]
    said = "Return line item has an invalid quantity."
    assert only(hand.refused(call, **{"in": data})) == (where, said, "INVALID")
    hand.one(call, **{"in": calls.returning(order, 2)})
    assert only(hand.refused(call, **{"in": calls.returning(order, 1)})) == (where, said, "INVALID")


def test_lines_that_are_not_there(hand: Hand, order: Order, make: Maker) -> None:
    other = make()
    for text in (MISSING.format("FulfillmentLineItem"), calls.line_ids(other)[0], order.lines[0].id):
        data = calls.returning(order, 1)
        data["returnLineItems"][0]["fulfillmentLineItemId"] = text
        field, message, code = only(hand.refused(calls.CREATE, **{"in": data}))
        assert field == ["returnInput", "returnLineItems", "0", "fulfillmentLineItemId"]
        assert (message, code) == ("Fulfillment Line Item was not found.", "NOT_FOUND")


def test_reasons(hand: Hand, order: Order) -> None:
    none = calls.returning(order, 1, returnReasonDefinitionId=None)
    _, message, code = only(hand.refused(calls.CREATE, **{"in": none}))
    assert message == "Return line items Either return reason or return reason definition must be provided"
    assert code == "NOT_FOUND"
    assert only(hand.refused(calls.REQUEST, **{"in": none}))[1:] == ("Return reason can't be blank", "BLANK")
    other = calls.returning(order, 1, returnReasonDefinitionId=None, returnReason="OTHER")
    said = 'The note is required when the return reason is "Other"'
    assert only(hand.refused(calls.CREATE, **{"in": other}))[1:] == (said, "BLANK")
    assert hand.one(calls.REQUEST, **{"in": other})["return"]["status"] == "REQUESTED"
    long = calls.returning(order, 1, returnReasonNote="x" * 256)
    assert only(hand.refused(calls.CREATE, **{"in": long}))[2] == "TOO_LONG"


def test_requests_are_approved_or_declined_once(hand: Hand, order: Order) -> None:
    first, second = requested(hand, order), requested(hand, order)
    assert hand.one(calls.ORDER, id=order.id)["returnStatus"] == "RETURN_REQUESTED"
    approved = hand.one(calls.APPROVE, **{"in": {"id": first}})["return"]
    assert approved["status"] == "OPEN"
    assert len(approved["reverseFulfillmentOrders"]["nodes"]) == 1
    said = "Return is not approvable. Only returns with status REQUESTED can be approved."
    assert only(hand.refused(calls.APPROVE, **{"in": {"id": first}}))[1:] == (said, "INVALID_STATE")
    declined = {"id": second, "declineReason": "OTHER"}
    hand.one(calls.DECLINE, **{"in": declined})
    said = "The return is already declined."
    assert only(hand.refused(calls.DECLINE, **{"in": declined}))[1:] == (said, "INVALID_STATE")
    said = "Return is not declinable. Only returns with status REQUESTED can be declined."
    again = {"id": first, "declineReason": "OTHER"}
    assert only(hand.refused(calls.DECLINE, **{"in": again}))[1:] == (said, "INVALID_STATE")


def test_close_and_reopen_again_and_again(hand: Hand, order: Order, clock: StillClock) -> None:
    made = opened(hand, order)
    closed = hand.one(calls.CLOSE, id=made["id"])["return"]["closedAt"]
    clock.at += 100
    assert hand.one(calls.CLOSE, id=made["id"])["return"]["closedAt"] == closed
    assert hand.one(calls.ORDER, id=order.id)["returnStatus"] == "RETURNED"
    assert hand.one(calls.REOPEN, id=made["id"])["return"]["status"] == "OPEN"
    assert hand.one(calls.REOPEN, id=made["id"])["return"]["closedAt"] is None


@pytest.mark.parametrize("call", [calls.CLOSE, calls.REOPEN])
def test_wrong_states(hand: Hand, order: Order, call: str) -> None:
    wanted = requested(hand, order)
    assert only(hand.refused(call, id=wanted)) == (["id"], "Return status is invalid.", "INVALID_STATE")
    missing = MISSING.format("Return")
    assert only(hand.refused(call, id=missing)) == (["id"], "Return not found.", "NOT_FOUND")


def test_cancel(hand: Hand, order: Order) -> None:
    made = opened(hand, order)
    cancelled = hand.one(calls.CANCEL, id=made["id"])["return"]
    assert cancelled["status"] == "CANCELED"
    assert cancelled["reverseFulfillmentOrders"]["nodes"][0]["status"] == "CANCELED"
    assert hand.one(calls.CANCEL, id=made["id"])["userErrors"] == []
    assert hand.one(calls.ORDER, id=order.id)["returnStatus"] == "NO_RETURN"
    wanted = requested(hand, order)
    said = (["id"], "Return is not cancelable.", "INVALID_STATE")
    assert only(hand.refused(calls.CANCEL, id=wanted)) == said


@pytest.mark.parametrize("work", ["process", "dispose", "refund"])
def test_what_was_worked_on_can_not_be_cancelled(hand: Hand, order: Order, work: str) -> None:
    made = opened(hand, order, 2)
    if work == "process":
        line = {"id": made["returnLineItems"]["nodes"][0]["id"], "quantity": 1}
        hand.one(calls.PROCESS, **{"in": {"returnId": made["id"], "returnLineItems": [line]}})
    elif work == "dispose":
        row = {"reverseFulfillmentOrderLineItemId": reverse_line(made), "quantity": 1, "dispositionType": "MISSING"}
        hand.one(calls.DISPOSE, **{"in": [row]})
    else:
        hand.one(calls.REFUND, key="k", **{"in": calls.refunding(order, "11.34", 1)})
    assert only(hand.refused(calls.CANCEL, id=made["id"]))[1:] == ("Return is not cancelable.", "INVALID_STATE")


def test_taking_the_last_piece_out_closes(hand: Hand, order: Order) -> None:
    made = opened(hand, order, 2)
    line = made["returnLineItems"]["nodes"][0]["id"]

    def remove(quantity: int, text: str = line) -> dict[str, Any]:
        return {"id": made["id"], "lines": [{"returnLineItemId": text, "quantity": quantity}]}

    assert only(hand.refused(calls.REMOVE, **remove(0)))[1:] == ("Quantity must be greater than 0", "GREATER_THAN")
    assert only(hand.refused(calls.REMOVE, **remove(1, MISSING.format("ReturnLineItem"))))[2] == "NOT_FOUND"
    assert only(hand.refused(calls.REMOVE, **remove(3)))[2] == "INVALID"
    assert hand.one(calls.REMOVE, **remove(1))["return"]["status"] == "OPEN"
    gone = hand.one(calls.REMOVE, **remove(1))["return"]
    assert (gone["status"], gone["totalQuantity"]) == ("CLOSED", 0)
    assert hand.one(calls.ORDER, id=order.id)["returnStatus"] == "RETURNED"
    assert only(hand.refused(calls.REMOVE, **remove(1)))[2] == "INVALID_STATE"


def test_process_stays_open_and_guards_by_quantity(hand: Hand, order: Order) -> None:
    made = opened(hand, order, 2)
    line = made["returnLineItems"]["nodes"][0]["id"]
    data = {"returnId": made["id"], "returnLineItems": [{"id": line, "quantity": 2}]}
    done = hand.one(calls.PROCESS, **{"in": data})["return"]
    assert done["status"] == "OPEN"
    assert done["reverseFulfillmentOrders"]["nodes"][0]["status"] == "OPEN"
    assert done["returnLineItems"]["nodes"][0]["processedQuantity"] == 2
    assert only(hand.refused(calls.PROCESS, **{"in": data}))[1] == "Return line item has an invalid quantity."
    data["returnLineItems"] = [{"id": MISSING.format("ReturnLineItem"), "quantity": 1}]
    assert only(hand.refused(calls.PROCESS, **{"in": data}))[1:] == ("Return line item was not found.", "NOT_FOUND")


def test_process_with_disposition_and_refund(hand: Hand, order: Order) -> None:
    made = opened(hand, order, 1)
    place = hand.shop.location().id
    row = {"reverseFulfillmentOrderLineItemId": reverse_line(made), "quantity": 1, "dispositionType": "RESTOCKED"}
    line = {
        "id": made["returnLineItems"]["nodes"][0]["id"],
        "quantity": 1,
        "dispositions": [{**row, "locationId": place}],
    }
    money = {"amount": "99.00", "currencyCode": "USD"}
    payment = {"parentId": order.transactions[0].id, "transactionAmount": money}
    data: dict[str, Any] = {
        "returnId": made["id"],
        "returnLineItems": [line],
        "financialTransfer": {"issueRefund": {"orderTransactions": [payment]}},
    }
    assert "greater than net payment" in only(hand.refused(calls.PROCESS, **{"in": data}))[1]
    assert (hand.shop.movements, order.return_list[0].lines[0].processed_quantity) == ([], 0)
    money["amount"] = "10.00"
    done = hand.one(calls.PROCESS, **{"in": data})["return"]
    assert done["refunds"]["nodes"][0]["return"]["id"] == made["id"]
    assert done["reverseFulfillmentOrders"]["nodes"][0]["status"] == "CLOSED"
    assert [(each["sku"], each["delta"]) for each in hand.shop.movements] == [("MUG", 1)]
    assert order.refunded_minor == 1000
    assert order.lines[0].refundable_quantity == 1


def test_reverse_deliveries(hand: Hand, order: Order) -> None:
    made = opened(hand, order, 2, 1)
    reverse = made["reverseFulfillmentOrders"]["nodes"][0]["id"]
    number = {"number": "1Z12345E0205271688", "url": "https://track.example/1"}
    label = {"fileUrl": "https://labels.example/1.pdf"}
    sent = hand.one(calls.LABEL, rfo=reverse, lines=[], t=number, l=label, notify=False)["reverseDelivery"]
    assert sent["deliverable"]["tracking"] == {**number, "carrierName": "UPS"}
    assert sent["deliverable"]["label"]["publicFileUrl"] == "https://labels.example/1.pdf"
    assert [row["quantity"] for row in sent["reverseDeliveryLineItems"]["nodes"]] == [2, 1]
    assert hand.shop.emails == []
    said = (None, "cannot deliver more items than are returned")
    line = {"reverseFulfillmentOrderLineItemId": reverse_line(made), "quantity": 1}
    assert only(hand.refused(calls.LABEL, rfo=reverse, lines=[line]))[1:] == (said[1], said[0])
    line["reverseFulfillmentOrderLineItemId"] = MISSING.format("ReverseFulfillmentOrderLineItem")
    assert only(hand.refused(calls.LABEL, rfo=reverse, lines=[line]))[1:] == ("must exist", None)
    missing = MISSING.format("ReverseFulfillmentOrder")
    errors = hand.refused(calls.LABEL, rfo=missing, lines=[])
    assert only(errors)[1:] == ("Reverse fulfillment order was not found.", "NOT_FOUND")


def test_the_buyer_gets_mail_unless_told_otherwise(hand: Hand, order: Order) -> None:
    reverse = opened(hand, order)["reverseFulfillmentOrders"]["nodes"][0]["id"]
    hand.one(
        calls.LABEL.replace(", notifyCustomer: $notify", "").replace(", $notify: Boolean", ""), rfo=reverse, lines=[]
    )
    assert [each["kind"] for each in hand.shop.emails] == ["return_label"]


def test_dispositions(hand: Hand, order: Order, make: Maker) -> None:
    made, other = opened(hand, order, 2), opened(hand, make(), 1)
    place = hand.shop.location().id

    def row(kind: str, quantity: int = 1, line: str | None = None, where: str | None = None) -> dict[str, Any]:
        found = {"reverseFulfillmentOrderLineItemId": line or reverse_line(made), "quantity": quantity}
        return {**found, "dispositionType": kind, "locationId": where}

    def refused(*rows: dict[str, Any]) -> tuple[Any, str, Any]:
        return only(hand.refused(calls.DISPOSE, **{"in": list(rows)}))

    assert refused()[2] == "BLANK"
    several = "Cannot dispose items from more than one reverse fulfillment order."
    assert refused(row("MISSING"), row("MISSING", line=reverse_line(other)))[1:] == (several, "INVALID")
    assert refused(row("MISSING", line=MISSING.format("ReverseFulfillmentOrderLineItem")))[1:] == (several, "INVALID")
    assert refused(row("RESTOCKED"))[2] == "BLANK"
    assert refused(row("RESTOCKED", where=MISSING.format("Location")))[2] == "NOT_FOUND"
    assert refused(row("MISSING", 3))[2] == "INVALID"
    assert hand.shop.movements == []
    hand.one(calls.DISPOSE, **{"in": [row("PROCESSING_REQUIRED"), row("NOT_RESTOCKED")]})
    assert hand.shop.movements == []
    done = hand.one(calls.DISPOSE, **{"in": [row("RESTOCKED", where=place)]})
    kinds = [each["type"] for each in done["reverseFulfillmentOrderLineItems"][0]["dispositions"]]
    assert kinds == ["PROCESSING_REQUIRED", "NOT_RESTOCKED", "RESTOCKED"]
    assert [(each["sku"], each["delta"], each["cause"]) for each in hand.shop.movements] == [("MUG", 1, "disposition")]
    assert order.return_list[0].reverse_orders[0].status == "CLOSED"


def test_custom_lines_are_not_restocked(hand: Hand, make: Maker) -> None:
    order = make(lines=[LineSeed(None, "Handmade", 1, 500)])
    made = opened(hand, order)
    row = {"reverseFulfillmentOrderLineItemId": reverse_line(made), "quantity": 1, "dispositionType": "RESTOCKED"}
    errors = hand.refused(calls.DISPOSE, **{"in": [{**row, "locationId": hand.shop.location().id}]})
    assert only(errors)[2] == "INVALID"


def test_an_archived_order_is_opened_again(hand: Hand, order: Order) -> None:
    hand.run(
        "mutation($id: ID!) { orderClose(input: {id: $id}) { order { closed } userErrors { field } } }", id=order.id
    )
    assert order.closed
    opened(hand, order)
    assert not order.closed
