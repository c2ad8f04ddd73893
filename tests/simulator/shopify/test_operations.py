"""The specs' sample operations, every one of them, played through one return from order to closed."""

from __future__ import annotations

from typing import Any

from graphql import OperationDefinitionNode, parse, print_ast

from backhaul.simulator.shopify.model import Order
from tests.skips import needs_spec

from .calls import line_ids, refunding
from .conftest import SPECS, Hand, Maker, StillClock

FILE = SPECS / "shopify-admin.sample-operations.graphql"
pytestmark = needs_spec("shopify-admin.sample-operations.graphql")


class Player:
    """Runs operations by name, fails on any error, and remembers which ones ran."""

    def __init__(self, hand: Hand) -> None:
        self.hand = hand
        self.texts = {
            each.name.value: print_ast(each)
            for each in parse(FILE.read_text(encoding="utf-8")).definitions
            if isinstance(each, OperationDefinitionNode) and each.name is not None
        }
        self.left = set(self.texts)

    def play(self, name: str, **variables: Any) -> Any:
        value = self.hand.run(self.texts[name], **variables)
        self.left.discard(name)
        for payload in value.values():
            if isinstance(payload, dict) and "userErrors" in payload:
                assert payload["userErrors"] == [], (name, payload)
        return next(iter(value.values()))


def test_every_sample_operation_runs(hand: Hand, order: Order, make: Maker, clock: StillClock) -> None:
    player = Player(hand)
    play = player.play
    found = play("FindOrders", q="source_identifier:577087614418520388")
    assert [node["id"] for node in found["nodes"]] == [order.id]
    assert found["nodes"][0]["name"] == "#1001"
    _stamp(hand, play, order)
    first = line_ids(order)[0]
    opened = play("ReturnCreate", **{"in": _input(order, first, "returnReasonNote")})["return"]
    assert opened["status"] == "OPEN"
    reverse = opened["reverseFulfillmentOrders"]["nodes"][0]
    delivery = play("Label", rfo=reverse["id"], lines=[], t={"number": "TT1"})["reverseDelivery"]
    target = play("Staged", **{"in": [_staged()]})["stagedTargets"][0]
    play("LabelUpdate", id=delivery["id"], t={"number": "TT2"}, l={"fileUrl": target["resourceUrl"]})
    line = reverse["lineItems"]["nodes"][0]["id"]
    place = hand.shop.location().id
    disposition = {"dispositionType": "RESTOCKED", "locationId": place}
    play("Dispose", **{"in": [{"reverseFulfillmentOrderLineItemId": line, "quantity": 1, **disposition}]})
    wanted = play("SuggestedRefund", id=order.id, lines=[{"lineItemId": order.lines[0].id, "quantity": 1}])
    assert wanted["suggestedRefund"]["amountSet"]["presentmentMoney"]["amount"] == "11.34"
    outcome = play("SuggestedReturnOutcome", id=opened["id"], xl=[], rl=[_first_line(opened)])
    assert outcome["suggestedFinancialOutcome"]["financialTransfer"]["__typename"] == "RefundReturnOutcome"
    play("ReturnProcess", **{"in": {"returnId": opened["id"], "returnLineItems": [_first_line(opened)]}})
    refund = play("RefundCreate", key="one", **{"in": refunding(order, "11.34", 1)})
    assert refund["order"]["displayFinancialStatus"] == "PARTIALLY_REFUNDED"
    assert play("ReturnClose", id=opened["id"])["return"]["status"] == "CLOSED"
    assert play("ReturnReopen", id=opened["id"])["return"]["status"] == "OPEN"
    _requests(play, make(), clock)
    play("Scopes")
    play("BulkRun", q="{ orders { edges { node { id name lineItems { edges { node { id sku } } } } } } }")
    assert player.left == set()


def _stamp(hand: Hand, play: Any, order: Order) -> None:
    hand.run(
        """mutation { metafieldDefinitionCreate(definition: {name: "TikTok", namespace: "hub", key: "tiktok_order",
        type: "id", ownerType: ORDER}) { createdDefinition { id } userErrors { message } } }"""
    )
    stamp = {"ownerId": order.id, "namespace": "hub", "key": "tiktok_order", "value": "577087614418520388"}
    play("MetaSet", m=[stamp])
    assert play("OrderByCustomId", ns="hub", key="tiktok_order", value="577087614418520388")["id"] == order.id
    play("TagsAdd", id=order.id, tags=["seen"])
    assert "seen" in order.tags
    play("HookCreate", topic="RETURNS_APPROVE", **{"in": {"uri": "https://hub.example/hooks"}})
    assert len(play("Reasons", handles=["too-small", "too-big"])["nodes"]) == 2
    rows = play("Returnable", orderId=order.id)["nodes"][0]["returnableFulfillmentLineItems"]["nodes"]
    assert [row["quantity"] for row in rows] == [2, 1]


def _requests(play: Any, order: Order, clock: StillClock) -> None:
    first, second = line_ids(order)
    asked = play("ReturnRequest", **{"in": _input(order, first, "customerNote")})["return"]
    assert asked["status"] == "REQUESTED"
    assert play("ReturnApprove", **{"in": {"id": asked["id"]}})["return"]["status"] == "OPEN"
    clock.at += 60
    line = next(each for one in order.return_list for each in one.lines)
    play("RemoveFromReturn", id=asked["id"], lines=[{"returnLineItemId": line.id, "quantity": 1}])
    again = play("ReturnRequest", **{"in": _input(order, second, "customerNote")})["return"]
    reason = {"declineReason": "FINAL_SALE", "declineNote": "sold as seen"}
    assert play("ReturnDecline", **{"in": {"id": again["id"], **reason}})["return"]["decline"]["reason"] == "FINAL_SALE"
    third = play("ReturnCreate", **{"in": _input(order, second, "returnReasonNote")})["return"]
    assert play("ReturnCancel", id=third["id"])["return"]["status"] == "CANCELED"


def _input(order: Order, line: str, note: str) -> dict[str, Any]:
    reason = {"returnReasonDefinitionId": "gid://shopify/ReturnReasonDefinition/7", note: "too tight"}
    return {"orderId": order.id, "returnLineItems": [{"fulfillmentLineItemId": line, "quantity": 1, **reason}]}


def _first_line(opened: dict[str, Any]) -> dict[str, Any]:
    return {"id": opened["returnLineItems"]["nodes"][0]["id"], "quantity": 1}


def _staged() -> dict[str, Any]:
    return {"resource": "RETURN_LABEL", "filename": "label.pdf", "mimeType": "application/pdf", "httpMethod": "PUT"}
