"""Where a live connection speaks to, without speaking to it."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import parse_qs

import pytest

from backhaul.connectors.shopify import vendor
from backhaul.kit.http import Answer
from backhaul.ports.errors import NeedsReauth, Refused
from backhaul.ports.factory import Login, Vendor
from tests.connectors.shopify.conftest import Budget

SHOP = (
    b'{"data":{"shop":{"id":"gid://shopify/Shop/1","name":"Made up","myshopifyDomain":"%s","currencyCode":"EUR",'
    b'"ianaTimezone":"Europe/Berlin"},"currentAppInstallation":{"accessScopes":[{"handle":"write_orders"},'
    b'{"handle":"write_returns"}]}}}'
)
TOKEN = b'{"access_token":"%s","scope":"write_orders,write_returns","expires_in":86399}'


class Recorder:
    """Answers what it is given and keeps what it was asked."""

    def __init__(self, *bodies: bytes) -> None:
        self.bodies = list(bodies)
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []

    async def request(self, method: str, url: str, *, headers: dict[str, str], body: bytes, **more: Any) -> Answer:
        self.asked.append((method, url, headers, body))
        return Answer(200, {}, self.bodies.pop(0), 0.0)


def connect(recorder: Recorder, token: str = "shpat_0123") -> Any:
    async def access() -> str:
        return token

    made_by: Vendor = vendor
    settings = {"shop_domain": "made-up", "client_id": "an-id", "client_secret": "a&secret"}
    return made_by.connect(Login(settings=settings, access=access), recorder, Budget(), time.time)


async def test_calls_go_to_the_shop_s_own_address() -> None:
    recorder = Recorder(SHOP % b"made-up.myshopify.com")
    (shop,) = await connect(recorder).shops()
    ((method, url, headers, _),) = recorder.asked
    assert (method, url) == ("POST", "https://made-up.myshopify.com/admin/api/2026-10/graphql.json")
    assert headers["X-Shopify-Access-Token"] == "shpat_0123"
    assert (shop.key, shop.currency) == ("made-up.myshopify.com", "EUR")


async def test_the_token_is_asked_for_there_too() -> None:
    recorder = Recorder(TOKEN % b"shpat_4567")
    assert (await connect(recorder).exchange("")).access == "shpat_4567"
    ((method, url, _, body),) = recorder.asked
    assert (method, url) == ("POST", "https://made-up.myshopify.com/admin/oauth/access_token")
    assert parse_qs(body.decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": ["an-id"],
        "client_secret": ["a&secret"],
    }


async def test_a_simulator_s_token_is_not_taken_and_not_sent() -> None:
    with pytest.raises(Refused):
        await connect(Recorder(TOKEN % b"shpat_sim_4567")).exchange("")
    recorder = Recorder()
    with pytest.raises(Refused):
        await connect(recorder, "shpat_sim_4567").shops()
    assert recorder.asked == []


async def test_a_login_of_another_shop_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        await connect(Recorder(SHOP % b"other.myshopify.com")).shops()
    assert caught.value.field == "shop_domain"


async def test_rights_that_are_missing() -> None:
    answer = (SHOP % b"made-up.myshopify.com").replace(b"write_returns", b"read_returns")
    with pytest.raises(NeedsReauth) as caught:
        await connect(Recorder(answer)).shops()
    assert caught.value.missing == ("write_returns",)
