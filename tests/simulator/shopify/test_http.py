"""Over real HTTP: addresses, tokens, versions, files, bad days."""

from __future__ import annotations

import hashlib
import hmac
import random
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from backhaul.simulator.moods import Mood, Moods
from backhaul.simulator.shopify import ShopifyWorld
from backhaul.simulator.shopify.model import Order

from . import calls
from .conftest import DOMAIN, StillClock

SHOP = "{ shop { name } }"
APP = {"client_id": "sim_client", "client_secret": "sim_secret"}
REAL_LOOKING = "shpat_" + "0123456789abcdef" * 2


class Caller:
    """Calls the simulator by its path-prefix address."""

    def __init__(self, session: aiohttp.ClientSession, base: str) -> None:
        self.session, self.base, self.token = session, base, ""

    async def graphql(self, query: str, variables: Any = None, *, version: str = "2026-10") -> aiohttp.ClientResponse:
        return await self.session.post(
            f"{self.base}/{DOMAIN}/admin/api/{version}/graphql.json",
            json={"query": query, "variables": variables or {}},
            headers={"X-Shopify-Access-Token": self.token},
        )

    async def grant(self, **data: Any) -> tuple[int, dict[str, Any]]:
        async with self.session.post(f"{self.base}/{DOMAIN}/admin/oauth/access_token", json={**APP, **data}) as answer:
            return answer.status, await answer.json()

    async def status(self) -> int:
        async with await self.graphql(SHOP) as answer:
            return answer.status


@pytest.fixture
async def caller(world: ShopifyWorld, shop: Any) -> AsyncIterator[Caller]:
    server = TestServer(world.app())
    await server.start_server()
    async with aiohttp.ClientSession() as session:
        made = Caller(session, str(server.make_url("")).rstrip("/"))
        made.token = world.static_token(DOMAIN)
        yield made
    await server.close()


async def test_static_token_and_both_addresses(caller: Caller) -> None:
    assert caller.token.startswith("shpat_sim_")
    async with await caller.graphql(SHOP) as answer:
        assert answer.status == 200
        assert answer.headers["X-Shopify-API-Version"] == "2026-10"
        assert (await answer.json())["data"] == {"shop": {"name": "Acme"}}
    headers = {"X-Shopify-Access-Token": caller.token, "Host": DOMAIN}
    url = f"{caller.base}/admin/api/2026-10/graphql.json"
    async with caller.session.post(url, json={"query": SHOP}, headers=headers) as answer:
        assert answer.status == 200
    async with caller.session.post(url, json={"query": SHOP}) as answer:
        assert answer.status == 404


@pytest.mark.parametrize(
    ("asked", "answered"), [("2026-07", "2026-07"), ("2024-01", "2026-01"), ("unstable", "2026-10"), ("latest", None)]
)
async def test_versions_fall_forward(caller: Caller, asked: str, answered: str | None) -> None:
    async with await caller.graphql(SHOP, version=asked) as answer:
        assert answer.headers.get("X-Shopify-API-Version") == answered
        assert answer.status == (200 if answered else 404)


@pytest.mark.parametrize("token", ["", "shpat_sim_unknown", REAL_LOOKING])
async def test_bad_tokens(caller: Caller, world: ShopifyWorld, token: str) -> None:
    caller.token = token
    async with await caller.graphql(SHOP) as answer:
        assert answer.status == 401
        said = (await answer.json())["errors"]
    assert ("simulator" in said) is (token == REAL_LOOKING)
    assert world.books(DOMAIN)["counts"]["unauthorized"] == 1


NO_BODIES = [b"", b"[]", b'{"query": 1}', b'{"variables": {}}', b"{", b'{"query":"\xff"}', b"[" * 100_000]


@pytest.mark.parametrize("body", NO_BODIES, ids=lambda body: repr(body[:20]))
async def test_bad_bodies(caller: Caller, body: bytes) -> None:
    headers = {"X-Shopify-Access-Token": caller.token, "Content-Type": "application/json"}
    url = f"{caller.base}/{DOMAIN}/admin/api/2026-10/graphql.json"
    async with caller.session.post(url, data=body, headers=headers) as answer:
        assert answer.status == 400


async def test_no_text_for_a_token(caller: Caller) -> None:
    url = f"{caller.base}/{DOMAIN}/admin/oauth/access_token"
    for body in (b'{"grant_type":"\xff"}', b"[" * 100_000, b"[]", b"{"):
        async with caller.session.post(url, data=body, headers={"Content-Type": "application/json"}) as answer:
            assert (answer.status, (await answer.json())["error"]) == (400, "invalid_request")


async def test_client_credentials_live_a_virtual_day(caller: Caller, clock: StillClock) -> None:
    status, token = await caller.grant(grant_type="client_credentials")
    assert (status, token["expires_in"]) == (200, 86_399)
    assert "read_returns" in token["scope"].split(",")
    caller.token = token["access_token"]
    clock.at += 86_398
    assert await caller.status() == 200
    clock.at += 1
    assert await caller.status() == 401
    form = {**APP, "grant_type": "client_credentials"}
    async with caller.session.post(f"{caller.base}/{DOMAIN}/admin/oauth/access_token", data=form) as answer:
        assert answer.status == 200
        caller.token = (await answer.json())["access_token"]
    assert await caller.status() == 200


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ({"client_secret": "sim_wrong"}, "invalid_client"),
        ({"client_id": "sim_other"}, "application_cannot_be_found"),
        ({"client_secret": "shpss_" + "0" * 32}, "invalid_client"),
        ({"client_id": "f" * 32}, "invalid_client"),
        ({"grant_type": "password"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "shprt_sim_x"}, "invalid_grant"),
        ({"grant_type": None, "code": "sim_x"}, "invalid_request"),
    ],
)
async def test_refused_grants(caller: Caller, data: dict[str, Any], error: str) -> None:
    status, body = await caller.grant(**{"grant_type": "client_credentials", **data})
    assert (status, body["error"]) == (400, error)


async def authorize(caller: Caller, **changes: str) -> tuple[int, dict[str, str]]:
    query = {
        "client_id": "sim_client",
        "scope": "read_orders,write_orders,read_themes",
        "redirect_uri": "http://127.0.0.1:9/back",
        "state": "abc",
        **changes,
    }
    url = f"{caller.base}/{DOMAIN}/admin/oauth/authorize?{urlencode(query)}"
    async with caller.session.get(url, allow_redirects=False) as answer:
        return answer.status, dict(parse_qsl(urlsplit(answer.headers.get("Location", "")).query))


async def test_authorization_code_and_rotating_refresh(caller: Caller, clock: StillClock) -> None:
    status, back = await authorize(caller)
    assert status == 302
    signature = back.pop("hmac")
    signed = urlencode(sorted(back.items()))
    assert signature == hmac.new(b"sim_secret", signed.encode(), hashlib.sha256).hexdigest()
    assert (back["state"], back["shop"]) == ("abc", DOMAIN)
    _, first = await caller.grant(code=back["code"], expiring=1)
    assert (first["expires_in"], first["refresh_token_expires_in"]) == (3600, 7_776_000)
    assert first["scope"] == "read_orders,write_orders"
    assert (await caller.grant(code=back["code"]))[0] == 400
    clock.at += 3600
    caller.token = first["access_token"]
    assert await caller.status() == 401
    refresh = {"grant_type": "refresh_token"}
    _, second = await caller.grant(**refresh, refresh_token=first["refresh_token"])
    assert second["refresh_token"] != first["refresh_token"]
    status, third = await caller.grant(**refresh, refresh_token=first["refresh_token"])
    assert status == 200  # still good: the new one was not used yet
    assert (await caller.grant(**refresh, refresh_token=third["refresh_token"]))[0] == 200
    assert await caller.grant(**refresh, refresh_token=first["refresh_token"]) == (
        400,
        {"error": "invalid_grant", "error_description": "The refresh token is not valid."},
    )
    caller.token = second["access_token"]
    assert await caller.status() == 200


async def test_consent_only_goes_back_to_this_machine(caller: Caller, clock: StillClock) -> None:
    assert (await authorize(caller, redirect_uri="https://evil.example/x"))[0] == 400
    assert (await authorize(caller, client_id="sim_other"))[0] == 400
    _, back = await authorize(caller)
    clock.at += 61
    assert (await caller.grant(code=back["code"]))[0] == 400


async def test_tokens_can_be_taken_away(caller: Caller, world: ShopifyWorld) -> None:
    world.edit_token(DOMAIN, scopes=["read_orders"])
    async with await caller.graphql("{ locations(first: 1) { nodes { id } } }") as answer:
        assert (await answer.json())["errors"][0]["extensions"]["code"] == "ACCESS_DENIED"
    _, token = await caller.grant(grant_type="client_credentials")
    assert token["scope"] == "read_orders"
    world.edit_token(DOMAIN, expire=True)
    assert await caller.status() == 200  # a static token has no end
    world.edit_token(DOMAIN, new_secret="sim_fresh")
    for secret in ("sim_secret", "sim_fresh"):  # while a secret is rotated both are good
        assert (await caller.grant(grant_type="client_credentials", client_secret=secret))[0] == 200
    world.edit_token(DOMAIN, revoke=True)
    assert await caller.status() == 401
    world.uninstall(DOMAIN)
    assert (await caller.grant(grant_type="client_credentials"))[0] == 400


async def test_real_looking_credentials_make_no_shop(world: ShopifyWorld) -> None:
    with pytest.raises(ValueError, match="sim_"):
        world.add_shop("b.myshopify.com", client_id="f" * 32, client_secret="sim_x")
    with pytest.raises(ValueError, match=r"myshopify\.com"):
        world.add_shop("b.example.com", client_id="sim_a", client_secret="sim_b")


async def test_a_label_is_uploaded_and_read_back(caller: Caller) -> None:
    query = """mutation { stagedUploadsCreate(input: [{resource: RETURN_LABEL, filename: "label.pdf",
        mimeType: "application/pdf", httpMethod: PUT}]) {
        stagedTargets { url resourceUrl } userErrors { message } } }"""
    async with await caller.graphql(query) as answer:
        (target,) = (await answer.json())["data"]["stagedUploadsCreate"]["stagedTargets"]
    async with caller.session.get(target["resourceUrl"]) as answer:
        assert answer.status == 404
    async with caller.session.post(target["url"], data=b"%PDF-") as answer:
        assert answer.status == 405
    async with caller.session.put(target["url"], data=b"%PDF-1.7") as answer:
        assert answer.status == 200
    async with caller.session.get(target["resourceUrl"]) as answer:
        assert (await answer.read(), answer.content_type) == (b"%PDF-1.7", "application/pdf")


@pytest.mark.parametrize(
    ("mood", "status", "done"),
    [
        ("rate_limit", 200, False),
        ("unavailable", 503, False),
        ("error_before", 500, False),
        ("error_after", 500, True),
        ("cut_after", None, True),
        ("cut_before", None, False),
        ("nested_error", 200, False),
        ("webhook_late", 200, True),
    ],
)
async def test_bad_days(
    caller: Caller, world: ShopifyWorld, order: Order, mood: str, status: int | None, done: bool
) -> None:
    world.moods = Moods(random.Random(1))
    rule = world.moods.add(Mood(mood, "shopify", "refundCreate", times=1))
    variables = {"key": "k", "in": calls.refunding(order, "1.00")}
    if status is None:
        with pytest.raises(aiohttp.ClientError):
            await caller.graphql(calls.REFUND, variables)
    else:
        async with await caller.graphql(calls.REFUND, variables) as answer:
            assert answer.status == status
            if mood == "rate_limit":
                assert (await answer.json())["errors"][0]["extensions"]["code"] == "THROTTLED"
            elif mood == "nested_error":
                assert (await answer.json())["errors"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert rule.struck == int(mood != "webhook_late")
    assert len(order.refund_list) == int(done)
    async with await caller.graphql(calls.REFUND, variables) as answer:  # the same key again: never a second one
        assert (await answer.json())["data"]["refundCreate"]["userErrors"] == []
    assert len(order.refund_list) == 1
