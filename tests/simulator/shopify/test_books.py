"""The books, and the hands of somebody else in the shop."""

from __future__ import annotations

import pytest

from backhaul.simulator.shopify import LineSeed, ShopifyWorld
from backhaul.simulator.shopify.errors import Refusal
from backhaul.simulator.shopify.model import Order

from . import calls
from .conftest import DOMAIN, START, Hand, Maker


def test_a_whole_return_in_the_books(hand: Hand, world: ShopifyWorld, order: Order) -> None:
    assert world.books(DOMAIN)["orders"] == {}
    assert list(world.books(DOMAIN, all_orders=True)["orders"]) == [order.id]
    data = calls.returning(order, 1, returnReasonNote="too tight at the handle")
    made = hand.one(calls.CREATE, **{"in": data})["return"]
    reverse = made["reverseFulfillmentOrders"]["nodes"][0]
    hand.one(
        calls.LABEL,
        rfo=reverse["id"],
        lines=[],
        t={"number": "TT1"},
        l={"fileUrl": "https://x.example/1"},
        notify=False,
    )
    row = {"reverseFulfillmentOrderLineItemId": reverse["lineItems"]["nodes"][0]["id"], "quantity": 1}
    place = hand.shop.location().id
    hand.one(calls.DISPOSE, **{"in": [{**row, "dispositionType": "RESTOCKED", "locationId": place}]})
    hand.one(calls.REFUND, key="k", **{"in": calls.refunding(order, "11.34", 1, note="return 4035")})
    hand.one(calls.CLOSE, id=made["id"])
    books = world.books(DOMAIN)
    row_ = books["orders"][order.id]
    assert (row_["financial_status"], row_["return_status"]) == ("PARTIALLY_REFUNDED", "RETURNED")
    assert (row_["received_minor"], row_["refunded_minor"]) == (3767, 1134)
    (one,) = row_["returns"]
    assert (one["status"], one["by"], one["closed_at"]) == ("CLOSED", "app", START)
    assert one["lines"][0]["reason"] == "too-small"
    assert one["lines"][0]["note"] == "too tight at the handle"
    assert one["tracking"] == [{"number": "TT1", "url": None, "carrier": None, "label": "https://x.example/1"}]
    assert one["dispositions"] == [{"sku": "MUG", "type": "RESTOCKED", "quantity": 1, "location": place}]
    assert [(each["sku"], each["delta"]) for each in books["inventory"]] == [("MUG", 1)]
    assert (books["emails"], books["money_moved"], books["refusals"]) == ([], [], [])
    assert books["calls"]["refundCreate"] == 1


def test_refusals_are_in_the_books(hand: Hand, world: ShopifyWorld, order: Order) -> None:
    hand.refused(calls.CREATE, **{"in": calls.returning(order, 9)})
    (entry,) = world.books(DOMAIN)["refusals"]
    assert (entry["call"], entry["code"]) == ("returnCreate", "INVALID")
    assert world.books(DOMAIN)["counts"]["refused"] == 1


def test_somebody_else_refunds(world: ShopifyWorld, hand: Hand, order: Order) -> None:
    refund = world.refund_by_other(DOMAIN, order.id, quantities={"MUG": 1}, note="by hand", by="staff")
    assert (refund.amount_minor, refund.by) == (1134, "staff")
    assert hand.one(calls.ORDER, id=order.id)["lineItems"]["nodes"][0]["refundableQuantity"] == 1
    rest = world.refund_by_other(DOMAIN, order.name)
    assert rest.amount_minor == 1134 + 999
    with pytest.raises(Refusal):
        world.refund_by_other(DOMAIN, order.id, amount_minor=501)
    odd = world.refund_by_other(DOMAIN, order.id, amount_minor=500)
    assert (odd.amount_minor, odd.lines) == (500, [])
    assert order.display_financial_status == "REFUNDED"


def test_somebody_else_returns(world: ShopifyWorld, hand: Hand, order: Order) -> None:
    made = world.return_by_other(DOMAIN, order.id, quantities={"MUG": 1}, reason="DEFECTIVE", by="loop")
    assert (made.status, made.by, made.total_quantity) == ("OPEN", "loop", 1)
    world.dispose_by_other(DOMAIN, made.id, "RESTOCKED")
    asked = world.return_by_other(DOMAIN, order.id, requested=True)
    assert (asked.status, asked.total_quantity) == ("REQUESTED", 2)
    assert hand.one(calls.RETURNABLE, id=order.id)["nodes"] == []
    with pytest.raises(Refusal):
        world.return_by_other(DOMAIN, order.id)
    assert len(world.books(DOMAIN)["inventory"]) == 1


def test_a_refunded_unit_is_not_returnable(world: ShopifyWorld, hand: Hand, order: Order) -> None:
    world.refund_by_other(DOMAIN, order.id, quantities={"MUG": 1})
    (node,) = hand.one(calls.RETURNABLE, id=order.id)["nodes"]
    assert [row["quantity"] for row in node["returnableFulfillmentLineItems"]["nodes"]] == [1, 1]


def test_shipping_later(world: ShopifyWorld, hand: Hand, make: Maker) -> None:
    order = make(lines=[LineSeed("A", "A", 3, 100, fulfilled=False)])
    assert hand.one(calls.RETURNABLE, id=order.id)["nodes"] == []
    world.fulfil(order, {"A": 1})
    assert order.display_fulfillment_status == "PARTIALLY_FULFILLED"
    world.fulfil(order)
    assert order.display_fulfillment_status == "FULFILLED"
    assert [each.total_quantity for each in order.fulfillment_list] == [1, 2]
    with pytest.raises(LookupError):
        world.order(DOMAIN, "#9999")


def test_the_same_seed_makes_the_same_ids(world: ShopifyWorld, order: Order) -> None:
    from .conftest import Outbox, StillClock

    again = ShopifyWorld(StillClock(), Outbox(), search_lag=0)
    again.add_shop(DOMAIN, client_id="sim_client", client_secret="sim_secret")
    seed = LineSeed("MUG", "Mug", 2, 1050, 168)
    from backhaul.simulator.shopify import OrderSeed

    assert again.create_order(DOMAIN, OrderSeed([seed])).id == order.id
    assert len(str(order.number_id)) == 13
