"""Webhooks of the desk: who gets them, what they say, and that the signature is over the very bytes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from backhaul.simulator.delivery import Message
from backhaul.simulator.loop.model import Desk
from backhaul.simulator.server import Simulator

from .desk import DeskClient, signature

URL = "http://127.0.0.1:9/hook"


def messages(sim: Simulator) -> list[Message]:
    return [delivery.message for delivery in sim.delivery.log if delivery.message.vendor == "loop"]


async def listen(client: DeskClient, topic: str, trigger: str, **more: Any) -> Any:
    reply = await client.call("POST", "/webhooks", {"topic": topic, "trigger": trigger, "url": URL, **more})
    assert reply.status == 201, reply.body
    return reply.body


async def test_only_active_subscriptions_hear(sim: Simulator, client: DeskClient) -> None:
    quiet = await listen(client, "return", "return.created")
    assert quiet["status"] == "inactive"
    await client.create(client.order())
    assert messages(sim) == []
    change = {"topic": "return", "trigger": "return.created", "url": URL, "status": "active"}
    assert (await client.call("PUT", f"/webhooks/{quiet['id']}", change)).status == 204
    await client.create(client.order())
    assert [message.topic for message in messages(sim)] == ["return.created"]
    assert (await client.call("DELETE", f"/webhooks/{quiet['id']}")).status == 204
    assert (await client.call("DELETE", f"/webhooks/{quiet['id']}")).status == 404
    assert (await client.call("GET", "/webhooks")).body == {"webhooks": []}


async def test_the_signature_is_over_the_raw_bytes(sim: Simulator, client: DeskClient, desk: Desk) -> None:
    for trigger in ("return.created", "return.updated", "return.closed"):
        await listen(client, "return", trigger, status="active")
    each = await client.create(client.order())
    await client.call("POST", f"/warehouse/return/{each.id}/flag")
    await client.call("POST", f"/warehouse/return/{each.id}/close")
    sent = messages(sim)
    assert [message.topic for message in sent] == ["return.created", "return.updated", "return.closed"]
    for message in sent:
        assert message.headers["X-Loop-Signature"] == signature(desk.secret, message.body)
        assert b"\\/" in message.body
        assert b"://" not in message.body
        again = json.dumps(json.loads(message.body)).encode()
        assert message.headers["X-Loop-Signature"] != signature(desk.secret, again)
    states = [json.loads(message.body)["state"] for message in sent]
    assert states == ["open", "needs review", "closed"]
    body = json.loads(sent[0].body)
    assert (body["id"], body["topic"], body["shop_id"]) == (str(each.id), "return", desk.shop_id)
    assert (body["tracking_number"], body["carrier"]) == ("N/A", "N/A")


async def test_processing_that_failed_has_its_own_topic(sim: Simulator, client: DeskClient) -> None:
    await listen(client, "return.processing", "return.processing.failed", status="active")
    order = client.order()
    each = await client.create(order)
    sim.commerce.refund_by_other(client.desk.domain, order.id)
    await client.call("POST", f"/warehouse/return/{each.id}/process")
    sim.clock.step(10)
    (message,) = messages(sim)
    body = json.loads(message.body)
    assert (body["trigger"], body["topic"], body["id"]) == (
        "return.processing.failed",
        "return.processing",
        str(each.id),
    )
    assert body["error"]["message"] == each.failure


async def test_a_topic_that_does_not_go_with_its_trigger_says_nothing(sim: Simulator, client: DeskClient) -> None:
    await listen(client, "label", "return.created", status="active")
    await client.create(client.order())
    assert [message.body for message in messages(sim)] == [b"[]"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"topic": "refund"},
        {"trigger": "return.cancelled"},
        {"url": ""},
        {"url": "https://merchant.com/hook"},
        {"status": "on"},
    ],
)
async def test_senseless_subscriptions_are_refused(client: DeskClient, wrong: dict[str, str]) -> None:
    body = {"topic": "return", "trigger": "return.created", "url": URL, **wrong}
    reply = await client.call("POST", "/webhooks", body)
    (name,) = wrong
    assert (reply.status, list(reply.body["errors"])) == (422, [name])
