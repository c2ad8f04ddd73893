"""Every answer and webhook of the simulated desk against the independent description of the API."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from backhaul.simulator.loop.model import Desk
from backhaul.simulator.server import Simulator
from tests.skips import needs_spec

from .desk import HAL, DeskClient, Reply
from .test_orders import ORDER

SPEC = Path(__file__).resolve().parents[4] / "shared" / "specs" / "loop.openapi.yaml"
pytestmark = needs_spec("loop.openapi.yaml")
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
NOT_SIMULATED = {
    "/cart": "Shop Now carts belong to exchanges in the merchant's own shop, which orders of the channel never get",
    "/cart/{token}": "as above",
}
UNNAMED = {"_embedded"}  # on a page of the vendor's, and not in the description


@lru_cache(maxsize=1)
def spec() -> dict[str, Any]:
    return dict(_open(yaml.load(SPEC.read_text(encoding="utf-8"), Loader=LOADER)))


def _open(value: Any) -> Any:
    """Its alternatives are open objects that do not shut each other out, so "one of" can only mean "any of"."""
    if isinstance(value, list):
        return [_open(each) for each in value]
    if isinstance(value, dict):
        return {"anyOf" if name == "oneOf" else name: _open(each) for name, each in value.items()}
    return value


def problems(schema: dict[str, Any], value: Any) -> list[str]:
    rooted = {**schema, "components": spec()["components"]}
    return [f"{error.json_path}: {error.message[:200]}" for error in Draft202012Validator(rooted).iter_errors(value)]


def misspelt(schema: dict[str, Any], value: Any, path: str = "$") -> list[str]:
    """Fields of a described object that the description does not have: open schemas would let them pass."""
    while "$ref" in schema:
        schema = spec()["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    if isinstance(value, list):
        return [found for item in value for found in misspelt(schema.get("items", {}), item, path + "[]")]
    if not isinstance(value, dict) or not schema.get("properties") or schema.get("additionalProperties"):
        return []
    named = schema["properties"]
    return [f"{path}.{name}" for name in value if name not in named and name not in UNNAMED] + [
        found
        for name, item in value.items()
        if name in named
        for found in misspelt(named[name], item, f"{path}.{name}")
    ]


def described(path: str) -> str:
    """The path of an operation as the description writes it: names of parts differ, so only their places count."""
    wanted = re.sub(r"\{\w+\}", "{}", path)
    return next((each for each in spec()["paths"] if re.sub(r"\{\w+\}", "{}", each) == wanted), "")


class Checker:
    """Calls operations and holds each answer against its description."""

    def __init__(self, client: DeskClient) -> None:
        self.client = client
        self.called: set[tuple[str, str]] = set()

    async def __call__(self, method: str, path: str, body: Any = None, status: int = 200, **query: str) -> Any:
        template = re.sub(r"/\d+", "/{}", path.split("?")[0])
        known = next(each for each in spec()["paths"] if re.sub(r"\{\w+\}", "{}", each) == template)
        reply = await self.client.call(method, path, body, **query)
        assert reply.status == status, (method, path, reply.status, reply.body)
        self.called.add((method, known))
        self.check(method, known, reply)
        return reply.body

    def check(self, method: str, path: str, reply: Reply) -> None:
        answers = spec()["paths"][path][method.lower()]["responses"]
        assert str(reply.status) in answers, (method, path, reply.status)
        described_answer = answers[str(reply.status)]
        if "$ref" in described_answer:
            described_answer = spec()["components"]["responses"][described_answer["$ref"].rsplit("/", 1)[-1]]
        content = described_answer.get("content")
        if content is None:
            return
        assert reply.media in content, (method, path, reply.media)
        schema = content[reply.media]["schema"]
        if path.endswith("/cancel") and reply.body is not True and "content" in reply.body:
            # Described among the schemas, but not listed among the answers of this operation.
            schema = {"$ref": "#/components/schemas/ReturnsFlaggedReturnCannotBeCancelled"}
        assert problems(schema, reply.body) == [], (method, path)
        if "anyOf" not in schema:
            assert misspelt(schema, reply.body) == [], (method, path)


def test_every_described_operation_is_served_or_left_out_for_a_reason(sim: Simulator) -> None:
    served = {(operation.method, described(operation.path)) for operation in sim.loop.gateway.operations}
    wanted = {
        (method.upper(), path)
        for path, methods in spec()["paths"].items()
        for method in methods
        if method in ("get", "post", "put", "delete") and path not in NOT_SIMULATED
    }
    assert wanted - served == set()
    assert not NOT_SIMULATED.keys() - spec()["paths"].keys()


async def test_every_answer_is_as_described(sim: Simulator, client: DeskClient, desk: Desk) -> None:
    call = Checker(client)
    await _webhooks_and_places(call)
    await _orders(call, client)
    await _drafts(call, client)
    each = await client.create(client.order("MUG-GRN", "LIP-MNT"))
    one = f"/warehouse/return/{each.id}"
    await call("GET", f"{one}/notes", status=422)
    await call("POST", f"{one}/note", {"content": "seen"})
    await call("POST", f"{one}/note", {"content": ""}, status=422)
    await call("GET", f"{one}/notes")
    await call("POST", f"/returns/{each.id}/labels", status=202)
    sim.clock.step(5)
    await call("POST", f"/returns/{each.id}/labels/regenerate", status=202)
    sim.clock.step(5)
    await call("POST", f"/returns/{each.id}/fraud-report", {"category": "item-is-worn"}, status=201)
    await call("POST", f"/returns/{each.id}/fraud-report", {"category": "item-is-worn"}, status=409)
    await call("POST", f"/returns/{each.id}/fraud-report", {"category": "x"}, status=422)
    await call("POST", f"{one}/process")
    sim.clock.step(10)
    await call("POST", f"{one}/process")
    flagged = f"/warehouse/return/{(await client.create(client.order())).id}"
    for action in ("flag", "flag", "process", "cancel", "close", "close", "cancel"):
        await call("POST", f"{flagged}/{action}")
    removed = await client.create(client.order())
    await call("POST", f"/warehouse/return/{removed.id}/remove", status=422)
    await call("POST", f"/warehouse/return/{removed.id}/remove", line_item_id=str(removed.lines[0].unit.id))
    await call("GET", "/warehouse/return/list")
    await call("GET", "/warehouse/return/list", paginate="true", pageSize="1")
    await call("GET", "/warehouse/return/list", status=422, state="x")
    await call("GET", "/warehouse/return/details", return_id=str(each.id))
    await call("GET", "/warehouse/return/details", return_id="1")
    await call("GET", "/warehouse/reporting/asn")
    await _third_party(call, client, desk)
    served = {(operation.method, described(operation.path)) for operation in sim.loop.gateway.operations}
    assert {each for each in served if each[1]} - call.called == set()


async def _webhooks_and_places(call: Checker) -> None:
    hook = {"topic": "return", "trigger": "return.created", "url": "http://127.0.0.1:9/", "status": "active"}
    made = await call("POST", "/webhooks", hook, status=201)
    await call("POST", "/webhooks", {"topic": "x"}, status=422)
    await call("PUT", f"/webhooks/{made['id']}", {**hook, "trigger": "return.updated"}, status=204)
    await call("GET", "/webhooks")
    await call("DELETE", f"/webhooks/{made['id']}", status=204)
    await call("DELETE", f"/webhooks/{made['id']}", status=404)
    place = {"name": "Second", "type": "donate", "address": {"address1": "2 Road", "city": "Troy", "country": "US"}}
    second = await call("POST", "/destinations", place)
    await call("POST", "/destinations", {}, status=422)
    path = f"/destinations/{second['id']}"
    await call("PUT", path, {"name": "Renamed"})
    assert (await call("GET", path))["name"] == "Renamed"
    await call("GET", "/destinations")
    await call("DELETE", path)
    await call("GET", path, status=404)


async def _orders(call: Checker, client: DeskClient) -> None:
    made = (await call("PUT", "/orders", ORDER))["order"]
    await call("POST", "/orders", {**ORDER, "external_id": "2", "name": "TT-2"})
    await call("POST", "/orders", ORDER, status=400)
    await call("GET", "/orders", limit="1")
    await call("GET", f"/orders/{made['id']}")
    await call("PUT", f"/orders/{made['id']}", {"status": "active"})
    await call("DELETE", f"/orders/{made['id']}", status=204)
    order = client.order()
    assert order.shipping_address is not None
    await call("POST", "/orders/return-eligibility", {"order_name": order.name})
    lookup = {"name": order.name, "zip": order.shipping_address.zip}
    await call("POST", "/order/link", lookup)
    await call("POST", "/order/qr", {**lookup, "type": "png", "size": 250})
    await call("POST", "/order/link", {"name": order.name}, status=400)


async def _drafts(call: Checker, client: DeskClient) -> None:
    order = client.order()
    assert order.shipping_address is not None
    lookup = {"order_name": order.name, "secondary_input": order.shipping_address.zip}
    await call("GET", "/draft-returns")
    await call("POST", "/draft-returns", {**lookup, "secondary_input": "x"}, status=422)
    document = await call("POST", "/draft-returns", lookup)
    path = f"/draft-returns/{document['draft_return']['id']}"
    await call("GET", path)
    await call("GET", f"{path}/order/items")
    await call("POST", f"{path}/returning-items", {}, status=422)
    added = await client.fill_item(document, "MUG-GRN")
    call.check("POST", "/draft-returns/{draft_return_id}/returning-items", added)
    call.called.add(("POST", "/draft-returns/{draft_return_id}/returning-items"))
    await call("POST", f"{path}/address", {}, status=422)
    await call("POST", f"{path}/address", {"address1": "1", "city": "2", "zip": "3", "country_code": "US"})
    await call("POST", f"{path}/submit", status=422)
    await call("POST", f"{path}/finalize-items")
    await call("POST", f"{path}/submit")
    assert added.media == HAL


async def _third_party(call: Checker, client: DeskClient, desk: Desk) -> None:
    desk.settings.change({"third_party_labels": True})
    each = await client.create(client.order())
    await client.call("POST", f"/returns/{each.id}/labels")
    (request,) = (await call("GET", "/label-requests"))["data"]
    path = f"/label-requests/{request['id']}"
    await call("GET", path)
    await call("GET", "/label-requests/1", status=404)
    await call("POST", f"{path}/errors", {"reason": "Other"})
    await call("POST", f"{path}/errors", {}, status=400)
    rate = {"amount": 655, "currency_code": "USD"}
    label = {"label_request_id": int(request["id"]), "tracking_number": "1Z", "carrier": "UPS", "rate": rate}
    await call("POST", "/labels", label, status=400)
    made = await call("POST", "/labels", {**label, "label_url": "http://127.0.0.1/l.pdf"}, status=201)
    await call("PUT", f"/labels/{made['id']}", {"status": "in_transit"})
    await call("PUT", f"/labels/{made['id']}", {}, status=400)


@pytest.mark.parametrize("path", ["/webhooks", "/orders", "/destinations", "/draft-returns", "/label-requests"])
async def test_refused_keys_are_as_described(client: DeskClient, path: str) -> None:
    client.key = "sim_loop_wrong"
    reply = await client.call("GET", path)
    if "401" in spec()["paths"][path]["get"]["responses"]:
        Checker(client).check("GET", path, reply)
    assert reply.status == 401


async def test_webhooks_are_as_described(sim: Simulator, client: DeskClient) -> None:
    for trigger in ("return.created", "return.updated", "return.closed"):
        hook = {"topic": "return", "trigger": trigger, "url": "http://127.0.0.1:9/", "status": "active"}
        await client.call("POST", "/webhooks", hook)
    each = await client.create(client.order())
    await client.call("POST", f"/returns/{each.id}/labels")
    sim.clock.step(5)
    await client.call("POST", f"/warehouse/return/{each.id}/flag")
    sim.loop.returns.unflag(client.desk, each, "staff")
    await client.call("POST", f"/warehouse/return/{each.id}/process")
    sim.clock.step(10)
    schema = {"$ref": "#/components/schemas/ReturnWebhook"}
    bodies = [json.loads(delivery.message.body) for delivery in sim.delivery.log if delivery.message.vendor == "loop"]
    assert [body["trigger"] for body in bodies] == ["return.created", *["return.updated"] * 3, "return.closed"]
    assert [problems(schema, body) for body in bodies] == [[]] * 5
