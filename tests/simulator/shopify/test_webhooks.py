"""Webhooks: who is told what, in which form, signed how; and what makes a subscription refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from backhaul.simulator.shopify import ShopifyWorld
from backhaul.simulator.shopify.hooks import wire_topic
from backhaul.simulator.shopify.model import Order
from backhaul.simulator.shopify.scalars import iso

from . import calls
from .conftest import DOMAIN, START, Hand, Maker, Outbox

HOOK = "http://127.0.0.1:8099/hooks/1"


def subscribe(hand: Hand, *topics: str, uri: str = HOOK, **more: Any) -> None:
    for topic in topics:
        payload = hand.one(calls.SUBSCRIBE, topic=topic, **{"in": {"uri": uri, **more}})
        assert payload["userErrors"] == []


def test_signature_and_headers(hand: Hand, outbox: Outbox, make: Maker) -> None:
    subscribe(hand, "ORDERS_CREATE", name="hub")
    order = make(source_identifier="577", tags=["b", "a"])
    (sent,) = outbox.sent
    wanted = base64.b64encode(hmac.new(b"sim_secret", sent.body, hashlib.sha256).digest()).decode()
    assert sent.headers["X-Shopify-Hmac-Sha256"] == wanted
    assert sent.headers["X-Shopify-Topic"] == sent.topic == "orders/create"
    assert sent.headers["X-Shopify-Shop-Domain"] == DOMAIN
    assert sent.headers["X-Shopify-API-Version"] == "2026-10"
    assert sent.headers["X-Shopify-Triggered-At"] == iso(START)
    assert sent.headers["X-Shopify-Name"] == "hub"
    assert sent.headers["X-Shopify-Event-Id"] != sent.headers["X-Shopify-Webhook-Id"]
    body = json.loads(sent.body)
    assert (body["admin_graphql_api_id"], body["tags"]) == (order.id, "a, b")


def test_every_subscription_gets_the_same_event(hand: Hand, outbox: Outbox, make: Maker) -> None:
    subscribe(hand, "ORDERS_CREATE")
    subscribe(hand, "ORDERS_CREATE", uri=HOOK + "/two", includeFields=["id", "name"])
    order = make()
    first, second = outbox.sent
    assert first.headers["X-Shopify-Event-Id"] == second.headers["X-Shopify-Event-Id"]
    assert first.headers["X-Shopify-Webhook-Id"] != second.headers["X-Shopify-Webhook-Id"]
    assert json.loads(second.body) == {"id": order.number_id, "name": order.name}


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        (HOOK, "Address for this topic has already been taken"),
        ("http://hub.example/x", "Address protocol http:// is not supported"),
        ("https://other.myshopify.com/x", "Address cannot be a Shopify or an internal domain"),
        ("https://[x/", "Address is invalid"),
        ("https://8.8.8.8/x", "Address is not simulated: 8.8.8.8 is a public address: the simulator never posts there"),
    ],
)
def test_refused_addresses(hand: Hand, uri: str, message: str) -> None:
    subscribe(hand, "ORDERS_CREATE")
    (error,) = hand.refused(calls.SUBSCRIBE, topic="ORDERS_CREATE", **{"in": {"uri": uri}})
    assert (error["message"], error["field"]) == (message, ["webhookSubscription", "callbackUrl"])


def test_loopback_http_can_be_switched_off(world: ShopifyWorld) -> None:
    world.allow_loopback_http = False
    strict = Hand(world, world.add_shop("strict.myshopify.com", client_id="sim_a", client_secret="sim_b"))
    (error,) = strict.refused(calls.SUBSCRIBE, topic="ORDERS_CREATE", **{"in": {"uri": HOOK}})
    assert error["message"] == "Address protocol http:// is not supported"


def test_listing_changing_deleting(hand: Hand, outbox: Outbox, world: ShopifyWorld, make: Maker) -> None:
    subscribe(hand, "ORDERS_CREATE", "REFUNDS_CREATE")
    rows = (
        "query($t: [WebhookSubscriptionTopic!]) { webhookSubscriptions(first: 9, topics: $t) { nodes { id topic } } }"
    )
    (node,) = hand.one(rows, t=["REFUNDS_CREATE"])["nodes"]
    gone = """mutation($id: ID!) { webhookSubscriptionDelete(id: $id) {
        deletedWebhookSubscriptionId userErrors { message } } }"""
    assert hand.one(gone, id=node["id"])["deletedWebhookSubscriptionId"] == node["id"]
    assert hand.refused(gone, id=node["id"])
    assert [each["topic"] for each in hand.one(rows)["nodes"]] == ["ORDERS_CREATE"]
    change = """mutation($id: ID!) { webhookSubscriptionUpdate(id: $id, webhookSubscription: {includeFields: ["id"]}) {
        webhookSubscription { includeFields } userErrors { message } } }"""
    hand.one(change, id=hand.one(rows)["nodes"][0]["id"])
    make()
    assert list(json.loads(outbox.sent[0].body)) == ["id"]
    assert world.drop_subscription(DOMAIN, HOOK) == 1
    assert hand.one(rows)["nodes"] == []


ALL = [
    "ORDERS_CREATE", "ORDERS_UPDATED", "REFUNDS_CREATE", "ORDER_TRANSACTIONS_CREATE", "RETURNS_REQUEST",
    "RETURNS_APPROVE", "RETURNS_DECLINE", "RETURNS_CANCEL", "RETURNS_CLOSE", "RETURNS_REOPEN", "RETURNS_UPDATE",
    "RETURNS_PROCESS", "REVERSE_DELIVERIES_ATTACH_DELIVERABLE", "REVERSE_FULFILLMENT_ORDERS_DISPOSE",
    "FULFILLMENTS_CREATE", "APP_UNINSTALLED", "APP_SCOPES_UPDATE",
]  # fmt: skip


def test_a_return_tells_its_story(hand: Hand, outbox: Outbox, order: Order) -> None:
    subscribe(hand, *ALL)

    def told(call: str, **variables: Any) -> tuple[Any, list[str]]:
        outbox.sent.clear()
        return hand.one(call, **variables), outbox.topics()

    made, topics = told(calls.CREATE, **{"in": calls.returning(order, 2)})
    assert topics == ["returns/approve", "orders/updated"]
    body = json.loads(outbox.sent[0].body)
    each = made["return"]
    assert (body["admin_graphql_api_id"], body["status"], body["order"]["id"]) == (each["id"], "open", order.number_id)
    reverse = each["reverseFulfillmentOrders"]["nodes"][0]
    topics = told(calls.LABEL, rfo=reverse["id"], lines=[], t={"number": "T"}, notify=False)[1]
    assert topics == ["reverse_deliveries/attach_deliverable", "orders/updated"]
    row = {"reverseFulfillmentOrderLineItemId": reverse["lineItems"]["nodes"][0]["id"], "quantity": 1}
    topics = told(calls.DISPOSE, **{"in": [{**row, "dispositionType": "MISSING"}]})[1]
    assert topics == ["reverse_fulfillment_orders/dispose", "orders/updated"]
    line = each["returnLineItems"]["nodes"][0]["id"]
    topics = told(calls.PROCESS, **{"in": {"returnId": each["id"], "returnLineItems": [{"id": line, "quantity": 1}]}})[
        1
    ]
    assert topics == ["returns/process", "orders/updated"]
    topics = told(calls.REFUND, key="k", **{"in": calls.refunding(order, "1.00")})[1]
    assert topics == ["order_transactions/create", "refunds/create", "orders/updated"]
    assert told(calls.REFUND, key="k", **{"in": calls.refunding(order, "1.00")})[1] == []
    removed = [{"returnLineItemId": line, "quantity": 1}]
    assert told(calls.REMOVE, id=each["id"], lines=removed)[1] == ["returns/update", "orders/updated"]
    assert told(calls.CLOSE, id=each["id"])[1] == ["returns/close", "orders/updated"]
    assert told(calls.CLOSE, id=each["id"])[1] == []
    assert told(calls.REOPEN, id=each["id"])[1] == ["returns/reopen", "orders/updated"]


def test_requests_tell_theirs(hand: Hand, outbox: Outbox, order: Order, world: ShopifyWorld) -> None:
    subscribe(hand, *ALL)
    asked = hand.one(calls.REQUEST, **{"in": calls.returning(order, 1)})["return"]["id"]
    hand.one(calls.APPROVE, **{"in": {"id": asked}})
    again = hand.one(calls.REQUEST, **{"in": calls.returning(order, 1)})["return"]["id"]
    hand.one(calls.DECLINE, **{"in": {"id": again, "declineReason": "OTHER"}})
    hand.one(calls.CANCEL, id=asked)
    world.edit_token(DOMAIN, scopes=["read_orders"])
    world.uninstall(DOMAIN)
    told = [topic for topic in outbox.topics() if topic != "orders/updated"]
    first = ["returns/request", "returns/approve", "returns/request", "returns/decline", "returns/cancel"]
    assert told == [*first, "app/scopes_update", "app/uninstalled"]


def test_an_address_nobody_goes_to_does_not_stop_the_change(
    hand: Hand, world: ShopifyWorld, outbox: Outbox, monkeypatch: pytest.MonkeyPatch, make: Maker
) -> None:
    def send(*args: Any, **more: Any) -> None:
        raise ValueError("a public address")

    subscribe(hand, "ORDERS_CREATE", uri="https://hub.example/x")
    monkeypatch.setattr(outbox, "send", send)
    assert make().name == "#1001"
    assert world.books(DOMAIN)["counts"]["webhooks_undeliverable"] == 1


def test_topics_on_the_wire() -> None:
    assert wire_topic("ORDERS_PARTIALLY_FULFILLED") == "orders/partially_fulfilled"
    assert wire_topic("BULK_OPERATIONS_FINISH") == "bulk_operations/finish"
    with pytest.raises(ValueError, match="unknown topic"):
        wire_topic("CARTS_CREATE")
