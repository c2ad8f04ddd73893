"""The line between simulated and real, from both sides and for each vendor.

The simulator takes no credential and no address of a real account; a connector takes no credential of the other world
and no address that does not fit its own.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from backhaul.kit.http import HttpClient
from backhaul.ports.errors import NeedsReauth, Refused, VendorError
from backhaul.ports.factory import Login
from backhaul.simulator.delivery import RealAddressRefused
from backhaul.simulator.server import Simulator
from backhaul.simulator.tiktok.world import ShopSpec
from backhaul.wiring import REGISTRY
from tests.simulator.wire import START, Wire

DOMAIN = "sim-line.myshopify.com"
HEX = "0123456789abcdef" * 2
PUBLIC = "https://hub.merchant.com/webhooks"
LOOPBACK = "http://127.0.0.1:81"
# Credentials as the real vendors make them, and as the simulator does; made up, all of them.
REAL: dict[str, dict[str, str]] = {
    "tiktok_shop": {"app_key": "68xu9ks5p4i8x", "app_secret": HEX, "service_id": "7"},
    "shopify": {"shop_domain": "merchant.myshopify.com", "client_id": HEX, "client_secret": f"shpss_{HEX}"},
    "loop": {"api_key": HEX, "webhook_secret": HEX},
}
SIMULATED: dict[str, dict[str, str]] = {
    "tiktok_shop": {"app_key": "sim_app", "app_secret": "sim_secret", "service_id": "7"},
    "shopify": {"shop_domain": DOMAIN, "client_id": "sim_client", "client_secret": f"sim_shpss_{HEX}"},
    "loop": {"api_key": "sim_loop_key", "webhook_secret": "sim_loop_hook"},
}
SECRET = {"tiktok_shop": "app_secret", "shopify": "client_secret", "loop": "api_key"}
VENDORS = sorted(REGISTRY)


class Unused:
    """A budget nobody may ask: no call is ever made."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"a call was about to be made ({name})")


async def connect(vendor: str, settings: dict[str, str], **bases: str) -> Any:
    async def access() -> str:
        return "sim_token" if bases else "token"

    async with HttpClient(timeout=1) as http:
        return REGISTRY[vendor].connect(Login(settings=settings, access=access, **bases), http, Unused(), time.time)


def test_every_vendor_is_here() -> None:
    assert set(VENDORS) == set(REAL) == set(SIMULATED) == set(SECRET)


@pytest.mark.parametrize("vendor", VENDORS)
async def test_each_world_takes_its_own(vendor: str) -> None:
    assert await connect(vendor, REAL[vendor])
    assert await connect(vendor, SIMULATED[vendor], api_base=LOOPBACK)


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_real_account_refuses_the_simulator(vendor: str) -> None:
    """Nothing real is sent to an address of this machine, and nothing made up to the vendor."""
    secret = SECRET[vendor]
    mixed = [
        (REAL[vendor], {"api_base": LOOPBACK}),
        (SIMULATED[vendor], {}),
        (REAL[vendor] | {secret: SIMULATED[vendor][secret]}, {}),
        (SIMULATED[vendor] | {secret: REAL[vendor][secret]}, {"api_base": LOOPBACK}),
    ]
    for settings, bases in mixed:
        with pytest.raises((NeedsReauth, Refused)) as refused:
            await connect(vendor, settings, **bases)
        assert "simulat" in str(refused.value)
        assert isinstance(refused.value, VendorError)
        assert REAL[vendor][secret] not in str(refused.value)


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize(
    "address",
    [
        "https://open-api.tiktokglobalshop.com",
        "https://merchant.myshopify.com",
        "http://192.168.0.5:81",
        "http://127.0.0.1.evil.example",
        "http://127.0.0.1@evil.example",
        "http://user@127.0.0.1:81",
        "ftp://127.0.0.1",
        "//127.0.0.1",
    ],
)
async def test_a_simulated_account_stays_on_this_machine(vendor: str, address: str) -> None:
    with pytest.raises((NeedsReauth, Refused), match="on this machine"):
        await connect(vendor, SIMULATED[vendor], api_base=address)


# -- the other side: what the simulator refuses ------------------------------------------------------------------------


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    specs = [ShopSpec(name="One", commerce_domain=DOMAIN, desk="loop")]
    async with Simulator(seed=7, shops=specs, rate=0, start=START) as simulator:
        simulator.authorise()
        yield simulator
        assert simulator.books.problems == []


@pytest.fixture
async def wire(sim: Simulator, session: aiohttp.ClientSession) -> Wire:
    return Wire(sim, next(iter(sim.channel.world.shops.values())), session)


async def test_the_channel_takes_no_real_app_and_no_real_token(wire: Wire) -> None:
    real = REAL["tiktok_shop"]
    query = {"app_key": real["app_key"], "timestamp": str(int(time.time())), "sign": "0" * 64}
    reply = await wire.send("GET", "/authorization/202309/shops", query, b"", {"x-tts-access-token": "TTP_1"})
    assert (reply.code, "this is a simulator" in reply.message) == (36009004, True)
    for path, code in (("get", "auth_code"), ("refresh", "refresh_token")):
        grant = {"app_key": real["app_key"], "app_secret": real["app_secret"], code: "TTP_1"}
        grant["grant_type"] = "authorized_code" if path == "get" else "refresh_token"
        async with wire.session.get(f"{wire.base}/api/v2/token/{path}", params=grant) as answer:
            body = await answer.json()
        assert (body["code"], "this is a simulator" in body["message"]) == (36004003, True)
    reply = await wire.call("GET", "/authorization/202309/shops", cipher=False, headers={"x-tts-access-token": "TTP_1"})
    assert reply.code == 105001


async def test_the_store_takes_no_real_app_token_or_domain(sim: Simulator, session: aiohttp.ClientSession) -> None:
    base, real = f"{sim.addresses['shopify']}/{DOMAIN}/admin", REAL["shopify"]
    token = {"X-Shopify-Access-Token": f"shpat_{HEX}"}
    query = {"query": "{ shop { name } }"}
    async with session.post(f"{base}/api/2026-10/graphql.json", json=query, headers=token) as answer:
        assert (answer.status, "simulator" in (await answer.json())["errors"]) == (401, True)
    grant = {"client_id": real["client_id"], "client_secret": real["client_secret"], "grant_type": "client_credentials"}
    async with session.post(f"{base}/oauth/access_token", json=grant) as answer:
        assert (answer.status, "simulator" in (await answer.json())["error_description"]) == (400, True)
    elsewhere = f"{sim.addresses['shopify']}/merchant.myshopify.com/admin/api/2026-10/graphql.json"
    async with session.post(elsewhere, json=query, headers=token) as answer:
        assert answer.status == 404
    assert sim.commerce.shops[DOMAIN].counts["points"] == 0


async def test_loop_takes_no_real_key(sim: Simulator, session: aiohttp.ClientSession) -> None:
    url = f"{sim.addresses['loop']}/api/2026-10/webhooks"
    async with session.get(url, headers={"X-Authorization": REAL["loop"]["api_key"]}) as answer:
        assert answer.status == 401
    (note,) = sim.books.requests[-1]["expected"]
    assert "simulator" in note["expected"]
    async with session.get(url, headers={"X-Authorization": sim.loop.world.desk(DOMAIN).keys[0].value}) as answer:
        assert answer.status == 200


async def test_no_public_address_is_ever_posted_to(sim: Simulator, wire: Wire, session: aiohttp.ClientSession) -> None:
    body = {"event_type": "RETURN_STATUS_CHANGE", "address": PUBLIC}
    reply = await wire.call("PUT", "/event/202309/webhooks", body)
    assert (reply.code, "public" in reply.message or "simulated" in reply.message) == (98001004, True)
    for name in ("webhook_address", "redirect_url"):
        async with session.patch(f"{sim.addresses['control']}/app", json={name: PUBLIC}) as answer:
            assert answer.status == 400
    desk = sim.loop.world.desk(DOMAIN)
    hook = {"topic": "return", "trigger": "return.created", "url": PUBLIC}
    headers = {"X-Authorization": desk.keys[0].value}
    async with session.post(f"{sim.addresses['loop']}/api/2026-10/webhooks", json=hook, headers=headers) as answer:
        assert answer.status == 422
    assert desk.subscriptions == {}
    # The real store takes any address; here it would wait for webhooks that never come, so it is told at once.
    text = (
        "mutation($to: String!) { webhookSubscriptionCreate(topic: ORDERS_CREATE, webhookSubscription: {uri: $to})"
        " { userErrors { message } } }"
    )
    act = sim.commerce.act(DOMAIN, "app")
    made = sim.commerce.engine.run(act, text, {"to": PUBLIC}, None)
    (error,) = made["data"]["webhookSubscriptionCreate"]["userErrors"]
    assert "does not look simulated" in error["message"]
    assert sim.commerce.shops[DOMAIN].subscriptions == {}


def test_a_message_to_a_public_address_is_refused_at_the_last_door(sim: Simulator) -> None:
    from backhaul.simulator.delivery import Message

    with pytest.raises(RealAddressRefused, match="does not look simulated"):
        sim.delivery.send(Message("tiktok", "topic", PUBLIC, "1", b"{}", {}))
    with pytest.raises(RealAddressRefused, match="public address"):
        sim.delivery.send(Message("loop", "topic", "http://8.8.8.8/", "1", b"{}", {}))
