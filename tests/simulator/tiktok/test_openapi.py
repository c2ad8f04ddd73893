"""Answers and webhooks of the simulated channel against the independent description of the API."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from backhaul.simulator.delivery import Message
from tests.simulator.wire import Wire
from tests.skips import needs_spec

SPEC = Path(__file__).resolve().parents[4] / "shared" / "specs" / "tiktok-shop.openapi.yaml"
pytestmark = needs_spec("tiktok-shop.openapi.yaml")
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@lru_cache(maxsize=1)
def spec() -> dict[str, Any]:
    return dict(yaml.load(SPEC.read_text(encoding="utf-8"), Loader=LOADER))


def problems(schema: dict[str, Any], value: Any) -> list[str]:
    rooted = {**schema, "components": spec()["components"]}
    return [f"{error.json_path}: {error.message[:200]}" for error in Draft202012Validator(rooted).iter_errors(value)]


def unknown_fields(schema: dict[str, Any], value: Any, path: str = "$") -> list[str]:
    """Fields the description does not have: a misspelt field would pass every other check."""
    while "$ref" in schema:
        schema = spec()["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    if isinstance(value, list):
        return [found for item in value for found in unknown_fields(schema.get("items", {}), item, path + "[]")]
    if not isinstance(value, dict) or "properties" not in schema:
        return []
    missing = [f"{path}.{name}" for name in value if name not in schema["properties"]]
    return missing + [
        found
        for name, item in value.items()
        if name in schema["properties"]
        for found in unknown_fields(schema["properties"][name], item, f"{path}.{name}")
    ]


def answer_schema(path: str, method: str) -> dict[str, Any]:
    content = spec()["paths"][path][method]["responses"]["200"]["content"]["application/json"]
    return dict(content["schema"])


async def test_every_answer_is_as_described(wire: Wire) -> None:
    wire.shop.seller_type = "CROSS_BORDER"
    aftersales, shop = wire.sim.channel.aftersales, wire.shop
    order = wire.order("JKT-BLU-M", "SET-MUG-LIP")
    done = aftersales.request(order, "RETURN_AND_REFUND", order.lines, shipment="PLATFORM", auto_approve=True)
    aftersales.ship(done)
    aftersales.deliver(done)
    offered = wire.ask("REFUND")
    await wire.approve(offered, "OFFER_PARTIAL_REFUND", partial_refund={"currency": "USD", "amount": "3"})
    refused = wire.ask()
    aftersales.move(refused, "reject", "SELLER")
    aftersales.arbitrate(refused, "IN_PROGRESS")
    edited = wire.ask(shipment="SELLER")
    aftersales.edit(edited, edited.order.lines)
    cancelled = wire.sim.channel.cancellations.request(wire.order("SET-MUG-LIP", status="AWAITING_SHIPMENT"))
    wire.sim.channel.orders.link(order, "99", "SHOPIFY", [{"id": "1", "origin_id": order.lines[0].id}])
    await wire.call(
        "PUT", "/event/202309/webhooks", {"event_type": "RETURN_STATUS_CHANGE", "address": "http://127.0.0.1:9/"}
    )
    option = shop.warehouse_id[:-1] + "1"
    calls: list[tuple[str, str, dict[str, str], Any, dict[str, str], bool]] = [
        ("get", "/authorization/202309/shops", {}, None, {}, False),
        ("get", "/event/202309/webhooks", {}, None, {}, True),
        ("post", "/return_refund/202602/returns/search", {}, {}, {}, True),
        ("post", "/return_refund/202309/returns/search", {}, {}, {}, True),
        ("get", "/return_refund/202309/returns/{return_id}/records", {"return_id": done.id}, None, {}, True),
        ("get", "/return_refund/202309/reject_reasons", {}, None, {"return_or_cancel_id": done.id}, True),
        ("get", "/return_refund/202601/decision_eligibility", {}, None, {"return_or_cancel_id": done.id}, True),
        ("get", "/return_refund/202601/decision_eligibility", {}, None, {"return_or_cancel_id": cancelled.id}, True),
        (
            "get",
            "/return_refund/202602/orders/{order_id}/aftersale_eligibility",
            {"order_id": order.id},
            None,
            {},
            True,
        ),
        (
            "post",
            "/return_refund/202602/refunds/calculate",
            {},
            {"order_id": order.id, "request_type": "REFUND", "reason_name": "x"},
            {},
            True,
        ),
        ("post", "/return_refund/202602/cancellations/search", {}, {}, {}, True),
        ("post", "/return_refund/202309/cancellations/search", {}, {}, {}, True),
        ("post", "/order/202309/orders/search", {}, {}, {"page_size": "10"}, True),
        ("get", "/order/202507/orders", {}, None, {"ids": order.id}, True),
        ("get", "/order/202309/orders", {}, None, {"ids": order.id}, True),
        ("get", "/order/202407/orders/{order_id}/price_detail", {"order_id": order.id}, None, {}, True),
        (
            "get",
            "/order/202406/orders/{order_id}/external_orders",
            {"order_id": order.id},
            None,
            {"platform": "SHOPIFY"},
            True,
        ),
        (
            "post",
            "/order/202406/orders/external_order_search",
            {},
            None,
            {"platform": "SHOPIFY", "external_order_id": "99"},
            True,
        ),
        ("get", "/logistics/202309/warehouses", {}, None, {}, True),
        (
            "get",
            "/logistics/202309/warehouses/{warehouse_id}/delivery_options",
            {"warehouse_id": shop.warehouse_id},
            None,
            {},
            True,
        ),
        (
            "get",
            "/logistics/202309/delivery_options/{delivery_option_id}/shipping_providers",
            {"delivery_option_id": option},
            None,
            {},
            True,
        ),
        ("get", "/fulfillment/202309/orders/{order_id}/tracking", {"order_id": order.id}, None, {}, True),
        ("get", "/fulfillment/202309/packages/{package_id}", {"package_id": order.package_id}, None, {}, True),
        ("post", "/fulfillment/202309/packages/search", {}, {}, {"page_size": "10"}, True),
        ("get", "/seller/202309/shops", {}, None, {}, False),
        ("get", "/seller/202309/permissions", {}, None, {}, False),
    ]
    wrong: dict[str, list[str]] = {}
    for method, template, args, body, query, cipher in calls:
        reply = await wire.call(method.upper(), template.format(**args), body, query, cipher=cipher)
        assert reply.code == 0, (template, reply.message)
        assert any(reply.data.values()), template  # an empty answer would prove nothing
        schema = answer_schema(template, method)
        data_schema = schema["allOf"][1]["properties"]["data"]
        found = problems(schema, reply.body) + unknown_fields(data_schema, reply.data)
        wrong |= {template: found} if found else {}
    # The mark of the simulator on a shop is meant.
    assert wrong == {"/authorization/202309/shops": ["$.shops[].simulated"]}


async def test_failures_are_as_described(wire: Wire) -> None:
    schema = {"$ref": "#/components/schemas/ErrorEnvelope"}
    for number in range(3):
        reply = await wire.call(
            "POST", f"/return_refund/202309/returns/{number}/approve", {"decision": "APPROVE_RETURN"}
        )
        assert reply.code == 25007006
        assert problems(schema, reply.body) == []


async def test_the_token_answer_is_as_described(wire: Wire) -> None:
    app = wire.sim.app
    code = wire.sim.channel.world.auth.issue_code(app, wire.grant.seller)
    query = {"app_key": app.app_key, "app_secret": app.app_secret, "auth_code": code, "grant_type": "authorized_code"}
    async with wire.session.get(wire.base + "/api/v2/token/get", params=query) as answer:
        body = await answer.json()
    assert problems(answer_schema("/api/v2/token/get", "get"), body) == []
    assert unknown_fields({"$ref": "#/components/schemas/TokenData"}, body["data"]) == []


async def test_webhooks_are_as_described(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Message] = []
    monkeypatch.setattr(wire.sim.delivery, "send", sent.append)
    wire.sim.app.webhook_address = "http://127.0.0.1:9/hook"
    wire.shop.switches.batch_model = True
    aftersales = wire.sim.channel.aftersales
    case = wire.ask(auto_approve=True)
    aftersales.ship(case)
    aftersales.deliver(case)
    aftersales.move(case, "goods_accepted", "SELLER")
    wire.sim.clock.step(wire.shop.clocks.refund_lag)
    wire.sim.channel.cancellations.request(wire.order(status="AWAITING_SHIPMENT"))
    events = wire.sim.channel.world.events
    events.authorisation_ending(wire.grant)
    events.authorisation_ended(wire.grant, "bye")
    described = {
        operation["post"]["x-event-type"]: operation["post"]["requestBody"]["content"]["application/json"]["schema"]
        for operation in spec()["webhooks"].values()
    }
    seen = set()
    for message in sent:
        event = json.loads(message.body)
        seen.add(event["type"])
        schema = described[event["type"]]
        assert problems(schema, event) == [], event
        assert unknown_fields(schema, event) == [], event
    assert seen == {1, 6, 7, 11, 12, 64, 65, 67}
