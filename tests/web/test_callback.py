"""The way back from consent: only who began a login, or says that it was meant, has a code exchanged."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from html import unescape
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx
import pytest
from aiohttp import web as server
from aiohttp.test_utils import TestServer

from backhaul.kit.crypto import Vault
from backhaul.kit.http import HttpClient
from backhaul.kit.ids import uuid7
from backhaul.ports.connector import ShopInfo, Tokens
from backhaul.ports.factory import Login, Spend
from backhaul.ports.manifest import Manifest
from backhaul.work.logins import LoginRefused, Logins
from backhaul.work.vendors import Vendors
from tests.applications import application
from tests.web.conftest import BASE, MANIFEST, Web, running

CALLBACK = "/callback/tiktok_shop"


@dataclass
class Shoplet:
    """A vendor whose every code opens a shop named after it; keeps the codes it was given."""

    manifest: Manifest = MANIFEST
    codes: list[str] = field(default_factory=list)
    account: str = ""

    def connect(self, login: Login, http: Any, spend: Spend, clock: Callable[[], float]) -> Shoplet:
        return self

    def consent_url(self, state: str) -> str:
        return f"https://vendor.test/consent?state={state}"

    async def exchange(self, code: str) -> Tokens:
        self.codes.append(code)
        self.account = code
        return Tokens(access="a", account=code)

    async def shops(self) -> tuple[ShopInfo, ...]:
        return (ShopInfo(self.account, self.account, self.account, "US", "USD", "UTC"),)


@dataclass
class Place:
    """The application with real logins at that vendor."""

    web: Web
    vendor: Shoplet
    logins: Logins

    async def add(self, title: str = "Kiln") -> UUID:
        return await self.logins.add("tiktok_shop", title, {"app_key": "k", "app_secret": "s"}, "live", "Dana")

    async def state(self, connection_id: UUID, by: str) -> str:
        return parse_qs(urlsplit(await self.logins.consent_url(connection_id, by)).query)["state"][0]

    async def connected(self) -> dict[str, str]:
        """Title and account of what is connected."""
        rows = await self.web.pool.fetch("select title, account from connection where state = 'connected'")
        return {row["title"]: row["account"] for row in rows}


@pytest.fixture
async def place(web: Web) -> AsyncIterator[Place]:
    vendor = Shoplet()
    async with HttpClient() as http:
        vendors = Vendors(web.pool, Vault({b"\0\0\0\1": bytes(32)}), http, {"tiktok_shop": vendor})
        logins = Logins(vendors, BASE)
        with application(replace(web.services, logins=logins)) as app:
            transport = httpx.ASGITransport(cast("Any", app))
            async with running(app), httpx.AsyncClient(transport=transport, base_url=BASE) as client:
                yield Place(replace(web, app=app, client=client), vendor, logins)


async def test_a_simulated_login_without_an_address_is_not_the_real_vendors(place: Place) -> None:
    with pytest.raises(LoginRefused, match="simulator's address"):
        await place.logins.add("tiktok_shop", "Kiln", {"app_key": "k", "app_secret": "s"}, "simulated", "Dana")
    assert await place.web.pool.fetchval("select count(*) from connection") == 0


def fields(html: str) -> list[dict[str, str]]:
    """The hidden fields of each form that leads to the callback."""
    forms = re.findall(rf'<form method="post" action="{CALLBACK}">(.*?)</form>', html, re.S)
    pair = r'<input type="hidden" name="([^"]*)" value="([^"]*)">'
    return [{name: unescape(value) for name, value in re.findall(pair, form)} for form in forms]


async def test_a_code_without_a_state_is_exchanged_only_after_a_word_of_the_person(place: Place) -> None:
    csrf = await place.web.sign_in()
    key = await place.add()
    page = await place.web.get(f"{CALLBACK}?code=stranger&csrf=forged&connection={uuid7()}")
    assert page.status_code == 200
    assert "Attach this login to Kiln?" in page.text
    assert "its shops are added here" in page.text
    assert fields(page.text) == [{"csrf": csrf, "code": "stranger", "connection": str(key)}]
    assert place.vendor.codes == []
    without = {"code": "stranger", "connection": str(key)}
    assert (await place.web.post(CALLBACK, without)).status_code == 403
    assert (await place.web.post(CALLBACK, without | {"csrf": "forged"})).status_code == 403
    assert (place.vendor.codes, await place.connected()) == ([], {})
    done = await place.web.post(CALLBACK, fields(page.text)[0])
    assert done.headers["location"] == f"/connections#c-{key}"
    assert (place.vendor.codes, await place.connected()) == (["stranger"], {"Kiln": "stranger"})


async def test_of_several_that_wait_the_chosen_one_is_logged_in(place: Place) -> None:
    await place.web.sign_in()
    keys = [await place.add("Kiln"), await place.add("Loom")]
    page = await place.web.get(f"{CALLBACK}?code=c")
    assert [each["connection"] for each in fields(page.text)] == [str(key) for key in keys]
    assert place.vendor.codes == []
    await place.web.post(CALLBACK, fields(page.text)[1])
    assert await place.connected() == {"Loom": "c"}


async def test_who_began_a_login_comes_back_without_a_question(place: Place) -> None:
    await place.web.sign_in(name="Dana")
    keys = [await place.add("Kiln"), await place.add("Loom")]
    back = await place.web.get(f"{CALLBACK}?code=c&state={await place.state(keys[1], 'Dana')}")
    assert back.headers["location"] == f"/connections#c-{keys[1]}"
    assert await place.connected() == {"Loom": "c"}


@pytest.mark.parametrize("by", ["Eve", "", "cli", "dana", "Dana "])
async def test_a_state_that_somebody_else_began_asks_first(place: Place, by: str) -> None:
    csrf = await place.web.sign_in(name="Dana")
    keys = [await place.add("Kiln"), await place.add("Loom")]
    state = await place.state(keys[1], by)
    page = await place.web.get(f"{CALLBACK}?code=c&state={state}")
    assert fields(page.text) == [{"csrf": csrf, "code": "c", "state": state, "connection": str(keys[1])}]
    assert (place.vendor.codes, await place.connected()) == ([], {})
    await place.web.post(CALLBACK, fields(page.text)[0])
    assert await place.connected() == {"Loom": "c"}


async def test_a_state_that_is_not_ours_changes_nothing_even_when_confirmed(place: Place) -> None:
    csrf = await place.web.sign_in()
    key = await place.add()
    other = base64.urlsafe_b64encode(Vault({b"\0\0\0\1": bytes(31) + b"x"}).encrypt(key.bytes, b"oauth-state")).decode()
    for state in ("nonsense", other):
        assert (await place.web.get(f"{CALLBACK}?code=c&state={state}")).status_code == 303
        await place.web.post(CALLBACK, {"csrf": csrf, "code": "c", "state": state, "connection": str(key)})
    assert (place.vendor.codes, await place.connected()) == ([], {})


async def test_a_program_that_hands_a_code_in_has_said_so(place: Place) -> None:
    headers = await place.web.token()
    key = await place.add()
    answer = await place.web.client.post("/api/v1" + CALLBACK, json={"params": {"code": "c"}}, headers=headers)
    assert answer.json()["id"] == str(key)
    assert await place.connected() == {"Kiln": "c"}


@pytest.mark.parametrize("through", ["form", "api"])
async def test_a_simulated_connection_keeps_its_simulators_clock(place: Place, through: str) -> None:
    said: dict[str, Any] = {"epoch_real": 1.0, "epoch_virtual": 500.0, "rate": 60.0}

    async def clock(_: server.Request) -> server.Response:
        return server.json_response({**said, "now": 7})

    app = server.Application()
    app.router.add_get("/clock", clock)
    csrf, headers = await place.web.sign_in(), await place.web.token()
    settings = {"app_key": "k", "app_secret": "s"}

    async def add(control: str) -> httpx.Response:
        order = {"environment": "simulated", "api_base": "http://127.0.0.1:9", "control": control}
        if through == "form":
            return await place.web.post("/connections/new/tiktok_shop", {**order, **settings, "csrf": csrf})
        order_ = {**order, "vendor": "tiktok_shop", "settings": settings}
        return await place.web.client.post("/api/v1/connections", json=order_, headers=headers)

    async with TestServer(app) as simulator:
        control = str(simulator.make_url("/")).rstrip("/")
        assert (await add(control + "/")).status_code in (201, 303)
        stored = await place.web.pool.fetchval("select clock from connection")
        assert stored == {"url": f"{control}/clock", **said}
        said["rate"] = -1.0
        refused = await add(control)
    gone = await add(control)
    for answer in (refused, gone):
        assert answer.status_code == 422
        assert "No simulator's clock answers" in unescape(answer.text)
    assert await place.web.pool.fetchval("select count(*) from connection") == 1
