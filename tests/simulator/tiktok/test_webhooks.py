"""Webhooks: signature, retries on the virtual clock, duplicates, loss, order, and the quirks of single topics."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from backhaul.simulator.delivery import RealAddressRefused, require_local_address
from backhaul.simulator.moods import Mood
from backhaul.simulator.tiktok import model as m
from tests.patience import patient
from tests.simulator.wire import Wire

HOOKS = "/event/202309/webhooks"


class Receiver:
    """A receiver whose answers can be told."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.signatures: list[str] = []
        self.status = 200
        self.wait = 0.0
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.read())
        self.signatures.append(request.headers["Authorization"])
        await asyncio.sleep(self.wait)
        return web.Response(status=self.status)

    def events(self, kind: int | None = None) -> list[dict[str, Any]]:
        found = [json.loads(body) for body in self.bodies]
        return [event for event in found if kind in (None, event["type"])]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    application = web.Application()
    application.router.add_post("/hook", made.take)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield made
    await runner.cleanup()


async def _subscribed(wire: Wire, receiver: Receiver, *topics: str) -> None:
    for topic in topics or ("RETURN_STATUS_CHANGE",):
        assert (await wire.call("PUT", HOOKS, {"event_type": topic, "address": receiver.url})).code == 0


async def _quiet(wire: Wire) -> None:
    async with asyncio.timeout(patient(10)):
        await wire.sim.delivery.idle.wait()


async def test_subscriptions_replace_and_vanish(wire: Wire, receiver: Receiver) -> None:
    await _subscribed(wire, receiver)
    await _subscribed(wire, receiver)
    data = (await wire.call("GET", HOOKS)).data
    assert (data["total_count"], data["webhooks"][0]["address"]) == (1, receiver.url)
    for _ in range(2):
        assert (await wire.call("DELETE", HOOKS, {"event_type": "RETURN_STATUS_CHANGE"})).code == 0
    assert (await wire.call("GET", HOOKS)).data["webhooks"] == []
    for body in (
        {"event_type": "NO_SUCH_TOPIC", "address": receiver.url},
        {"event_type": "RETURN_STATUS_CHANGE", "address": "https://shop.merchant.com/hook"},
        {"event_type": "RETURN_STATUS_CHANGE", "address": receiver.url + "x" * 256},
    ):
        assert (await wire.call("PUT", HOOKS, body)).code == 98001004


PUBLIC = (
    *("https://example.com/x", "http://8.8.8.8/x", "http://134744072/x", "http://0x8080808/x", "http://8.8.2056/x"),
    *("http://[::ffff:8.8.8.8]/x", "http://[2606:4700::1]/x", "http://[x/", "nothing"),
    # Full stops and digits of other scripts, which become a plain name on the way out.
    *("http://example\u3002com/x", "http://example\uff0ecom/x", "http://\uff18\u3002\uff18\u3002\uff18\u3002\uff18/x"),
)


@pytest.mark.parametrize("address", PUBLIC)
def test_the_simulator_posts_to_no_public_address(address: str) -> None:
    with pytest.raises(RealAddressRefused):
        require_local_address(address)


async def test_signed_over_app_key_and_bytes(wire: Wire, receiver: Receiver) -> None:
    await _subscribed(wire, receiver)
    wire.sim.moods.add(Mood("webhook_pretty", times=1))
    case = wire.ask()
    wire.sim.channel.aftersales.withdraw(case)
    await _quiet(wire)
    app = wire.sim.app
    for body, signature in zip(receiver.bodies, receiver.signatures, strict=True):
        expected = hmac.new(app.app_secret.encode(), app.app_key.encode() + body, hashlib.sha256).hexdigest()
        assert signature == expected
    assert sum(b"\n" in body for body in receiver.bodies) == 1
    event = next(found for found in receiver.events() if found["data"]["return_status"] == m.PENDING)
    assert event["shop_id"] == wire.shop.id
    assert event["data"] == {
        "order_id": case.order.id,
        "return_role": "BUYER",
        "return_type": "RETURN_AND_REFUND",
        "return_status": m.PENDING,
        "return_id": case.id,
        "create_time": case.created_at,
        "update_time": case.created_at,
    }


async def test_retries_after_2_min_30_min_3_h_12_h_and_then_never(wire: Wire, receiver: Receiver) -> None:
    await _subscribed(wire, receiver)
    receiver.status = 500
    wire.ask(auto_approve=False)
    await _quiet(wire)
    for seconds, attempts in ((119, 1), (1, 2), (1799, 2), (1, 3), (10800, 4), (43200, 5), (500000, 5)):
        wire.sim.clock.step(seconds)
        await asyncio.sleep(0)
        await _quiet(wire)
        pending = [event for event in receiver.events(12) if event["data"]["return_status"] == m.PENDING]
        assert len(pending) == attempts, seconds
    assert len({event["tts_notification_id"] for event in pending}) == 1
    assert "lost" in {delivery.state for delivery in wire.sim.delivery.log}


async def test_an_answer_ends_it_and_401_is_an_answer(wire: Wire, receiver: Receiver) -> None:
    await _subscribed(wire, receiver)
    receiver.status = 401
    wire.ask()
    await _quiet(wire)
    wire.sim.clock.step(120)
    await _quiet(wire)
    assert len(receiver.bodies) == 1
    assert wire.sim.delivery.log[-1].state == "refused"


async def test_a_slow_receiver_counts_as_failed(wire: Wire, receiver: Receiver) -> None:
    await _subscribed(wire, receiver)
    receiver.wait = 3.2
    wire.ask()
    await _quiet(wire)
    assert wire.sim.delivery.log[-1].state == "waiting"


async def test_duplicates_loss_delay_and_order(wire: Wire, receiver: Receiver) -> None:
    await _subscribed(wire, receiver)
    moods = wire.sim.moods
    moods.add(Mood("webhook_duplicate", times=1, params={"copies": 3}))
    wire.ask()
    await _quiet(wire)
    assert len(receiver.bodies) == 4
    assert len({event["tts_notification_id"] for event in receiver.events()}) == 1
    receiver.bodies.clear()
    moods.add(Mood("webhook_lost", times=1))
    wire.ask()
    await _quiet(wire)
    assert receiver.bodies == []
    moods.add(Mood("webhook_late", times=1, params={"seconds": 600}))
    late = wire.ask()
    await _quiet(wire)
    assert receiver.bodies == []
    wire.sim.clock.step(600)
    await _quiet(wire)
    assert [event["data"]["return_id"] for event in receiver.events()] == [late.id]
    receiver.bodies.clear()
    moods.add(Mood("webhook_reorder", times=1))
    first, second = wire.ask(), wire.ask()
    await _quiet(wire)
    assert {event["data"]["return_id"] for event in receiver.events()} == {first.id, second.id}


async def test_quirks_of_topics(wire: Wire, receiver: Receiver) -> None:
    topics = ("RETURN_STATUS_CHANGE", "ORDER_STATUS_CHANGE", "CANCELLATION_STATUS_CHANGE", "SELLER_DEAUTHORIZATION")
    await _subscribed(wire, receiver, *topics)
    wire.sim.moods.add(Mood("webhook_double_underscore"))
    wire.sim.moods.add(Mood("webhook_seller_level"))
    wire.sim.moods.add(Mood("webhook_no_id", endpoint="ORDER_STATUS_CHANGE"))
    order = wire.order(status="AWAITING_SHIPMENT")
    case = wire.sim.channel.cancellations.request(order)
    wire.sim.channel.cancellations.approve(case, {})
    wire.sim.channel.aftersales.withdraw(wire.ask())
    wire.sim.channel.world.events.authorisation_ended(wire.grant, "bye")
    await _quiet(wire)
    orders = receiver.events(1)
    assert "CANCEL" in {event["data"]["order_status"] for event in orders}
    assert not any("tts_notification_id" in event for event in orders)
    cancelled = receiver.events(11)
    assert {event["data"]["cancel_status"] for event in cancelled} == {m.CANCEL_PENDING, m.CANCEL_SUCCESS}
    assert not any("update_time" in event["data"] for event in cancelled)
    spelled = {event["data"]["return_status"] for event in receiver.events(12)}
    assert spelled == {m.PENDING, "RETURN_OR_REFUND__REQUEST_CANCELLED"}
    seller = receiver.events(6)[0]
    assert "shop_id" not in seller
    assert seller["seller_open_id"] == wire.grant.seller.open_id


async def test_events_of_the_batch_model_come_in_addition(wire: Wire, receiver: Receiver) -> None:
    names = ("RETURN_STATUS_CHANGE", "AFTERSALES_REQUEST_STATUS_UPDATE", "RMA_STATUS_UPDATE", "REFUND_SUCCESS")
    await _subscribed(wire, receiver, *names)
    wire.shop.switches.batch_model = True
    aftersales = wire.sim.channel.aftersales
    case = wire.ask()
    aftersales.move(case, "approve", "SELLER")
    aftersales.ship(case)
    aftersales.deliver(case)
    aftersales.move(case, "goods_accepted", "SELLER")
    wire.sim.clock.step(wire.shop.clocks.refund_lag)
    await _quiet(wire)
    requests = {event["data"]["aftersales_request_status"] for event in receiver.events(64)}
    assert requests == {"PENDING_REQUEST_REVIEW", "REQUEST_REVIEW_COMPLETED"}
    parcels = {event["data"]["rma_status"] for event in receiver.events(65)}
    assert parcels == {"RMA_CREATED", "PENDING_PACKAGE_REVIEW", "PACKAGE_REVIEW_COMPLETED"}
    paid = receiver.events(67)[0]["data"]
    assert (paid["refund_status"], paid["refund_currency"]) == ("REFUND_SUCCESS", "USD")
    assert round(100 * float(paid["refund_total"])) == case.amounts.total
    assert receiver.events(12)


async def test_the_end_of_an_authorisation_is_announced_daily(wire: Wire, receiver: Receiver) -> None:
    wire.shop.switches.refresh_token_seconds = 33 * 86400
    wire.renew()
    await _subscribed(wire, receiver, "UPCOMING_AUTHORIZATION_EXPIRATION")
    wire.sim.channel.world.events.watch_expiry(wire.grant)
    wire.sim.clock.step(34 * 86400)
    await _quiet(wire)
    events = receiver.events(7)
    assert 29 <= len(events) <= 30
    assert {event["data"]["expiration_time"] for event in events} == {str(int(wire.grant.ends_at))}
    assert all(event["timestamp"] % 86400 == 0 for event in events)
    assert (await wire.call("GET", HOOKS)).code == 105002
