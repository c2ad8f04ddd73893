"""Consent, codes and tokens."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from backhaul.simulator.server import Simulator
from backhaul.simulator.tiktok.auth import RealCredentialRefused
from tests.simulator.wire import Wire


async def _token(sim: Simulator, session: aiohttp.ClientSession, call: str, **query: str) -> dict[str, Any]:
    kind = {"get": "authorized_code", "refresh": "refresh_token"}[call]
    full = {"app_key": sim.app.app_key, "app_secret": sim.app.app_secret, "grant_type": kind, **query}
    async with session.get(f"{sim.addresses['tiktok']}/api/v2/token/{call}", params=full) as answer:
        assert answer.status == 200
        return dict(await answer.json())


async def _consent(sim: Simulator, session: aiohttp.ClientSession, **query: str) -> dict[str, list[str]]:
    sim.app.redirect_url = "http://127.0.0.1:9/callback"
    full = {"service_id": sim.app.service_id, **query}
    url = sim.addresses["tiktok"] + "/open/authorize"
    async with session.get(url, params=full, allow_redirects=False) as answer:
        assert answer.status == 302
        return parse_qs(urlsplit(answer.headers["Location"]).query)


async def test_consent_in_all_its_forms(sim: Simulator, session: aiohttp.ClientSession) -> None:
    approved = await _consent(sim, session, state="s1", answer="approve")
    assert approved["state"] == ["s1"]
    assert approved["code"][0].startswith("sim_code_")
    refused = await _consent(sim, session, state="s1", answer="refuse")
    assert (refused["code"], refused["error"]) == (["null"], ["auth_denied"])
    from_store = await _consent(sim, session, state="s1", answer="store")
    assert "state" not in from_store
    async with session.get(
        sim.addresses["tiktok"] + "/open/authorize", params={"service_id": sim.app.service_id}
    ) as page:
        assert "Simulated" in await page.text()


async def test_a_code_works_once_and_for_half_an_hour(sim: Simulator, session: aiohttp.ClientSession) -> None:
    code = (await _consent(sim, session, answer="approve"))["code"][0]
    first = await _token(sim, session, "get", auth_code=code)
    now = sim.clock.now()
    assert first["data"]["access_token_expire_in"] == int(now + 7 * 86400)
    assert first["data"]["refresh_token_expire_in"] > now
    assert (await _token(sim, session, "get", auth_code=code))["code"] == 36004004
    late = (await _consent(sim, session, answer="approve"))["code"][0]
    sim.clock.step(1801)
    assert (await _token(sim, session, "get", auth_code=late))["code"] == 36004004
    wrong = await _token(sim, session, "get", auth_code=late, app_secret="real-looking-secret")
    assert wrong["code"] != 0


@pytest.mark.parametrize("rotate", [True, False])
async def test_refresh_with_and_without_rotation(sim: Simulator, session: aiohttp.ClientSession, rotate: bool) -> None:
    shop = next(iter(sim.channel.world.shops.values()))
    shop.switches.rotate_refresh_token = rotate
    code = sim.channel.world.auth.issue_code(sim.app, sim.channel.world.auth.sellers[shop.seller_id])
    old = (await _token(sim, session, "get", auth_code=code))["data"]["refresh_token"]
    new = (await _token(sim, session, "refresh", refresh_token=old))["data"]["refresh_token"]
    assert (new != old) is rotate
    assert (await _token(sim, session, "refresh", refresh_token=old))["code"] == (36004004 if rotate else 0)
    sim.clock.step(366 * 86400)
    assert (await _token(sim, session, "refresh", refresh_token=new))["code"] == 36004001


async def test_shops_of_the_token(wire: Wire, other: Wire) -> None:
    data = (await wire.call("GET", "/authorization/202309/shops", cipher=False)).data
    assert [shop["id"] for shop in data["shops"]] == [wire.shop.id]
    assert data["shops"][0]["cipher"] == wire.shop.cipher
    assert data["shops"][0]["simulated"] is True


async def test_giving_up_an_authorisation(wire: Wire) -> None:
    assert (await wire.call("DELETE", "/authorization/202403/shops")).code == 0
    assert (await wire.search()).code == 105001


def test_real_credentials_are_refused() -> None:
    with pytest.raises(RealCredentialRefused, match="simulator"):
        Simulator().channel.world.auth.add_app(app_key="6h8real", app_secret="e59af819cc")
