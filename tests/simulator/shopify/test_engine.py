"""The GraphQL layer: errors as the vendor words them, cost and throttling, scopes, identifiers."""

from __future__ import annotations

from typing import Any

import pytest

from backhaul.simulator.shopify import DEFAULT_SCOPES, ShopifyWorld
from backhaul.simulator.shopify.cost import Bucket, weight
from backhaul.simulator.shopify.model import Order

from . import calls
from .conftest import DOMAIN, Hand, Maker, StillClock


def error(hand: Hand, query: str, /, **variables: Any) -> dict[str, Any]:
    answer = hand.raw(query, **variables)
    (found,) = answer["errors"]
    return dict(found)


def test_unknown_fields_and_arguments(hand: Hand) -> None:
    found = error(hand, "query Q { shop { name colour } }")
    assert found["message"] == "Field 'colour' doesn't exist on type 'Shop'"
    assert found["extensions"] == {"code": "undefinedField", "typeName": "Shop", "fieldName": "colour"}
    assert found["path"] == ["query Q", "shop", "colour"]
    assert found["locations"] == [{"line": 1, "column": 23}]
    assert error(hand, "{ shop(x: 1) { name } }")["extensions"]["code"] == "argumentNotAccepted"
    assert error(hand, "{ order { id } }")["extensions"]["code"] == "missingRequiredArguments"
    assert error(hand, "{ shop }")["extensions"]["code"] == "selectionMismatch"
    assert error(hand, "{ shop {")["extensions"]["code"] == "parseError"


def test_a_refund_error_has_no_code(hand: Hand, order: Order) -> None:
    query = calls.REFUND.replace("userErrors { field message }", "userErrors { field message code }")
    found = error(hand, query, key="k", **{"in": calls.refunding(order, "1.00")})
    assert found["extensions"] == {"code": "undefinedField", "typeName": "UserError", "fieldName": "code"}
    assert order.refund_list == []


def test_bad_variables(hand: Hand, order: Order) -> None:
    data = calls.returning(order, 1)
    del data["returnLineItems"][0]["quantity"]
    found = error(hand, calls.CREATE, **{"in": data})
    assert found["extensions"]["code"] == "INVALID_VARIABLE"
    where = ["returnLineItems", 0, "quantity"]
    assert found["extensions"]["problems"] == [{"path": where, "explanation": "Expected value to not be null"}]
    assert found["extensions"]["value"] == data
    assert error(hand, calls.ORDER)["extensions"]["code"] == "INVALID_VARIABLE"
    many = {**data, "returnLineItems": data["returnLineItems"] * 251}
    assert error(hand, calls.CREATE, **{"in": many})["extensions"]["code"] == "MAX_INPUT_SIZE_EXCEEDED"


def test_ids_of_another_kind(hand: Hand, order: Order) -> None:
    found = error(hand, calls.ORDER, id=order.lines[0].id)
    assert (found["message"], found["extensions"]["code"]) == ("Invalid id", "RESOURCE_NOT_FOUND")
    assert error(hand, calls.ORDER, id="17")["message"] == "Invalid global id '17'"
    assert hand.one(calls.ORDER, id="gid://shopify/Order/1") is None


def test_nodes_of_every_kind_are_found(hand: Hand, order: Order) -> None:
    hand.one(calls.CREATE, **{"in": calls.returning(order, 1)})
    made = order.return_list[0]
    things: list[Any] = [order, order.lines[0], order.fulfillment_list[0], order.transactions[0], made, made.lines[0]]
    texts = [each.id for each in (*things, made.reverse_orders[0], hand.shop)]
    found = hand.one("query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }", ids=texts)
    assert [node["id"] for node in found] == texts
    assert [node["__typename"] for node in found] == [text.split("/")[3] for text in texts]


@pytest.mark.parametrize(
    ("scope", "query", "field"),
    [
        ("read_orders", calls.ORDER, "order"),
        ("read_returns", calls.RETURNABLE, "returnableFulfillments"),
        ("read_returns", "query($id: ID!) { order(id: $id) { returns(first: 1) { nodes { id } } } }", "returns"),
        ("write_returns", "mutation($id: ID!) { returnClose(id: $id) { return { id } } }", "returnClose"),
        ("read_locations", "{ locations(first: 1) { nodes { id } } }", "locations"),
    ],
)
def test_scopes(hand: Hand, order: Order, scope: str, query: str, field: str) -> None:
    without = {scope, scope.replace("read_", "write_"), "read_inventory"}
    narrow = Hand(hand.world, hand.shop, [each for each in DEFAULT_SCOPES if each not in without])
    found = error(narrow, query, **({"id": order.id} if "$id" in query else {}))
    assert found["extensions"]["code"] == "ACCESS_DENIED"
    assert f"Access denied for {field} field" in found["message"]
    assert hand.world.books(DOMAIN)["counts"]["access_denied"] == 1


def test_variants_need_read_products_but_the_rest_is_answered(hand: Hand, order: Order) -> None:
    query = "query($id: ID!) { order(id: $id) { lineItems(first: 5) { nodes { sku variant { barcode } } } } }"
    narrow = Hand(hand.world, hand.shop, [each for each in DEFAULT_SCOPES if each != "read_products"])
    answer = narrow.raw(query, id=order.id)
    assert [each["extensions"]["code"] for each in answer["errors"]] == ["ACCESS_DENIED", "ACCESS_DENIED"]
    assert answer["data"]["order"]["lineItems"]["nodes"][0] == {"sku": "MUG", "variant": None}


def test_costs_meet_the_recorded_ones(hand: Hand, order: Order) -> None:
    def requested(query: str, /, **variables: Any) -> int:
        return int(hand.raw(query, **variables)["extensions"]["cost"]["requestedQueryCost"])

    five = """query($id: ID!) { returnableFulfillments(orderId: $id, first: 5) { nodes { id fulfillment { id }
        returnableFulfillmentLineItems(first: 5) { nodes { quantity fulfillmentLineItem { lineItem { id } } } } } } }"""
    assert requested(five, id=order.id) == 41
    assert requested("{ orders(first: 1) { nodes { id } pageInfo { hasNextPage } } }") == 3
    assert requested("{ ordersCount { count } }") == 10
    made = hand.one(calls.CREATE, **{"in": calls.returning(order, 1)})["return"]
    line = made["reverseFulfillmentOrders"]["nodes"][0]["lineItems"]["nodes"][0]["id"]
    row = {"reverseFulfillmentOrderLineItemId": line, "quantity": 1, "dispositionType": "MISSING"}
    dispose = calls.DISPOSE.replace(" location { id }", "")
    assert requested(dispose, **{"in": [row]}) == 12
    assert [weight(count) for count in (0, 1, 5, 250)] == [0, 1, 3, 19]


def test_the_difference_is_given_back(hand: Hand, make: Maker) -> None:
    make()
    cost = hand.raw("{ orders(first: 100) { nodes { lineItems(first: 50) { nodes { id } } } } }")["extensions"]["cost"]
    assert cost["requestedQueryCost"] > 100
    assert cost["actualQueryCost"] < 10
    assert cost["throttleStatus"]["currentlyAvailable"] >= cost["throttleStatus"]["maximumAvailable"] - 10


def test_too_costly_is_not_run(hand: Hand) -> None:
    query = """{ orders(first: 250) { nodes { lineItems(first: 250) { nodes { id } }
        refunds(first: 250) { transactions(first: 250) { nodes { id } } } } } }"""
    assert error(hand, query)["extensions"]["code"] == "MAX_COST_EXCEEDED"


def test_throttling_is_an_error_with_status_and_the_call_is_not_run(clock: StillClock, world: ShopifyWorld) -> None:
    shop = world.add_shop("slow.myshopify.com", client_id="sim_a", client_secret="sim_b")
    wall = [0.0]
    shop.bucket = Bucket(100.0, 30.0, clock=lambda: wall[0])
    hand = Hand(world, shop)
    add = 'mutation($id: ID!) { tagsAdd(id: $id, tags: ["x"]) { node { id } userErrors { message } } }'
    from backhaul.simulator.shopify import LineSeed, OrderSeed

    order = world.create_order(shop.domain, OrderSeed([LineSeed("A", "A")]))
    for _ in range(2):
        hand.run(add, id=order.id)
    order.tags = []
    answer = hand.raw(add, id=order.id)
    assert answer["errors"][0]["extensions"]["code"] == "THROTTLED"
    cost = answer["extensions"]["cost"]
    assert (cost["requestedQueryCost"], cost["actualQueryCost"]) == (11, None)
    status = {"maximumAvailable": 30.0, "currentlyAvailable": 8, "restoreRate": 100.0}
    assert cost["throttleStatus"] == status
    assert "data" not in answer
    assert order.tags == []
    clock.at += 1_000  # virtual time brings nothing back
    assert "errors" in hand.raw(add, id=order.id)
    wall[0] += 0.03
    hand.run(add, id=order.id)
    assert world.books(shop.domain)["counts"]["throttled"] == 2


def test_plans_have_their_rates(world: ShopifyWorld) -> None:
    for plan, rate in (("standard", 100), ("advanced", 200), ("plus", 1000), ("enterprise", 2000)):
        shop = world.add_shop(f"{plan}.myshopify.com", client_id="sim_a", client_secret="sim_b", plan=plan)
        assert (shop.bucket.rate, shop.bucket.size) == (rate, 20 * rate)


DEFINE = """mutation($d: MetafieldDefinitionInput!) { metafieldDefinitionCreate(definition: $d) {
    createdDefinition { id namespace capabilities { uniqueValues { enabled } } }
    userErrors { field message code } } }"""
SET = """mutation($m: [MetafieldsSetInput!]!) { metafieldsSet(metafields: $m) {
    metafields { namespace key value } userErrors { field message code } } }"""
BY = """query($value: String!) { orderByIdentifier(identifier: {customId: {namespace: "$app:hub", key: "tiktok",
    value: $value}}) { id metafield(namespace: "$app:hub", key: "tiktok") { value } } }"""


def test_the_own_stamp_is_exact_strong_and_unique(hand: Hand, order: Order, make: Maker) -> None:
    hand.world.search_lag = 10.0
    assert error(hand, BY, value="577")["extensions"]["code"] == "NOT_FOUND"
    data = {"name": "TikTok", "namespace": "$app:hub", "key": "tiktok", "ownerType": "ORDER"}
    unique = {"type": "single_line_text_field", "capabilities": {"uniqueValues": {"enabled": True}}}
    made = hand.one(DEFINE, d={**data, **unique})["createdDefinition"]
    assert made["capabilities"] == {"uniqueValues": {"enabled": True}}
    assert hand.refused(DEFINE, d={**data, **unique})[0]["code"] == "TAKEN"
    stamp = {"ownerId": order.id, "namespace": "$app:hub", "key": "tiktok", "value": "577"}
    assert hand.one(SET, m=[stamp])["metafields"][0]["namespace"] == made["namespace"]
    assert hand.one(BY, value="577") == {"id": order.id, "metafield": {"value": "577"}}
    assert hand.one(BY, value="57") is None
    other = {**stamp, "ownerId": make().id}
    assert hand.refused(SET, m=[other])[0]["code"] == "TAKEN"
    hand.one(SET, m=[{**stamp, "value": "578"}])
    assert hand.one(BY, value="577") is None
    assert hand.one(SET, m=[other])["userErrors"] == []
    assert hand.refused(SET, m=[stamp] * 26)[0]["code"] == "LESS_THAN_OR_EQUAL_TO"


def test_bulk_query(hand: Hand, order: Order, clock: StillClock) -> None:
    run = """mutation($q: String!) { bulkOperationRunQuery(query: $q) { bulkOperation { id status }
        userErrors { message code } } }"""
    query = "{ orders { edges { node { id name lineItems { edges { node { id sku } } } } } } }"
    made = hand.one(run, q=query)["bulkOperation"]
    assert made["status"] == "RUNNING"
    for _ in range(4):
        hand.one(run, q=query)
    assert hand.refused(run, q=query)[0]["code"] == "OPERATION_IN_PROGRESS"
    assert hand.refused(run, q="{ nonsense }")
    clock.at += 2
    hand.world.settle()
    done = hand.one(
        "query($id: ID!) { bulkOperation(id: $id) { status objectCount rootObjectCount url } }", id=made["id"]
    )
    assert (done["status"], done["objectCount"], done["rootObjectCount"]) == ("COMPLETED", "3", "1")
    lines = hand.shop.files[done["url"].split("/")[-2]]["content"].splitlines()
    assert len(lines) == 3
    assert f'"__parentId":"{order.id}"'.encode() in lines[1]


def test_introspection_names_the_schema(hand: Hand) -> None:
    assert hand.run("{ __schema { queryType { name } } }") == {"__schema": {"queryType": {"name": "QueryRoot"}}}
