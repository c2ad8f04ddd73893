"""Answers and webhooks of the simulated channel against the independent description of the API."""

from __future__ import annotations

import json

import pytest

from backhaul.simulator.delivery import Message
from tests.simulator.tiktok.descriptions import FILE, answer_problems, answer_schema, problems, spec, unknown_fields
from tests.simulator.tiktok.operations import arrange, operations
from tests.simulator.wire import Wire
from tests.skips import needs_spec

pytestmark = needs_spec(FILE)

# Operations of the description that the simulator does not serve, each with the reason. There is none at present.
NOT_SIMULATED: dict[str, str] = {}
# Not signed and not enveloped like the rest; tested below.
TOKEN_HOST = {"GET /api/v2/token/get", "GET /api/v2/token/refresh"}
# EXCHANGE and its words are in no published list, and the mark of the simulator on a shop is meant.
MEANT = {"/authorization/202309/shops": ["$.shops[].simulated"]}


async def test_every_operation_is_served_and_answers_as_described(wire: Wire) -> None:
    at = arrange(wire)
    played = set(TOKEN_HOST)
    wrong: dict[str, list[str]] = {}
    for operation in operations(wire, at):
        reply = await operation.play(wire)
        assert reply.code == 0, (operation.template, reply.code, reply.message)
        # An answer without content would prove nothing.
        assert operation.empty or any(reply.data.values()), operation.template
        played.add(f"{operation.method} {operation.template}")
        found = answer_problems(operation.template, operation.method.lower(), reply.body)
        wrong |= {operation.template: found} if found else {}
    assert wrong == MEANT
    methods = {"get", "post", "put", "delete"}
    described = {f"{name.upper()} {path}" for path, item in spec()["paths"].items() for name in methods & set(item)}
    served = {f"{method} {path}" for method, path in wire.sim.channel.gateway.operations()} | TOKEN_HOST
    assert served == described - set(NOT_SIMULATED)
    assert played == served


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
    address = {"event_type": "REVERSE_STATUS_UPDATE", "address": "http://127.0.0.1:9/old"}
    assert (await wire.call("PUT", "/event/202309/webhooks", address)).code == 0
    wire.shop.switches.stock_event = True
    aftersales.move(wire.ask("REPLACEMENT"), "approve", "SELLER")
    wire.sim.channel.sales.change_address(wire.order(status="ON_HOLD"), street="1 New Road")
    packed = wire.order("MUG-GRN", "LIP-MNT", status="AWAITING_COLLECTION")
    cancellations = wire.sim.channel.cancellations
    cancellations.by_seller(packed, packed.lines[:1], "stock", role="SYSTEM", whole=False)
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
    assert seen == {1, 2, 3, 4, 6, 7, 11, 12, 64, 65, 67, 68}
