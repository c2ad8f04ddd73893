"""Two worlds that never mix, secrets that never show, and the declaration."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from backhaul.connectors.tiktok_shop import missing_scopes, vendor
from backhaul.connectors.tiktok_shop.manifest import MANIFEST
from backhaul.connectors.tiktok_shop.settings import LIVE_API, LIVE_AUTH, read
from backhaul.ports.connector import (
    Authorises,
    ChannelOrders,
    Connector,
    Detects,
    Performs,
    Returns,
    Starts,
    Subscribes,
)
from backhaul.ports.errors import NeedsReauth
from backhaul.ports.factory import Login
from backhaul.ports.manifest import Proof

REAL = {"app_key": "68xu9ks5p4i8x", "app_secret": "b7f1", "service_id": "7"}
SIMULATED = {"app_key": "sim_app", "app_secret": "sim_secret", "service_id": "7"}


async def token() -> str:
    return "t"


def login(settings: dict[str, str], **bases: str) -> Login:
    return Login(settings, token, **bases)


def test_a_live_connection_goes_to_the_vendor() -> None:
    settings = read(login(REAL))
    assert (settings.api, settings.auth, settings.consent) == (LIVE_API, LIVE_AUTH, "https://services.tiktokshop.com")
    assert not settings.simulated


def test_a_simulated_connection_goes_to_loopback_for_everything() -> None:
    settings = read(login(SIMULATED, api_base="http://127.0.0.1:81/", auth_base="http://localhost:82"))
    assert (settings.api, settings.auth, settings.consent) == (
        "http://127.0.0.1:81",
        "http://localhost:82",
        "http://localhost:82",
    )
    only_api = read(login(SIMULATED, api_base="http://[::1]:81"))
    assert (only_api.auth, only_api.consent) == ("http://[::1]:81", "http://[::1]:81")


@pytest.mark.parametrize(
    ("settings", "bases"),
    [
        (SIMULATED, {}),
        ({**REAL, "app_secret": "sim_x"}, {}),
        ({**REAL, "app_key": "sim_x"}, {}),
        (REAL, {"api_base": "http://127.0.0.1:81"}),
        ({**SIMULATED, "app_secret": "real"}, {"api_base": "http://127.0.0.1:81"}),
        (SIMULATED, {"api_base": "http://192.168.0.5:81"}),
        (SIMULATED, {"api_base": "https://open-api.tiktokglobalshop.com"}),
        (SIMULATED, {"api_base": "http://127.0.0.1.evil.example"}),
        (SIMULATED, {"api_base": "http://127.0.0.1@evil.example"}),
        (SIMULATED, {"api_base": "ftp://127.0.0.1"}),
        (SIMULATED, {"api_base": "http://["}),
        (SIMULATED, {"api_base": "http://127.0.0.1", "auth_base": "https://auth.tiktok-shops.com"}),
        (SIMULATED, {"auth_base": "http://127.0.0.1"}),
        ({**REAL, "consent_base": "http://services.example"}, {}),
        ({"app_key": "", "app_secret": "x"}, {}),
        ({"app_key": "x"}, {}),
    ],
)
def test_worlds_do_not_mix_and_gaps_are_said(settings: dict[str, str], bases: dict[str, str]) -> None:
    with pytest.raises(NeedsReauth):
        read(login(settings, **bases))


def test_secrets_do_not_show() -> None:
    settings = read(login({**REAL, "app_secret": "hush", "previous_secret": "older"}))
    assert settings.webhook_secrets == ("hush", "older")
    assert "hush" not in repr(settings)
    assert "older" not in repr(settings)


def test_the_manifest_says_what_the_connector_is() -> None:
    made: Any = vendor.connect(login(REAL), None, None, time.time)  # type: ignore[arg-type]
    roles = (Returns, Starts, Detects, ChannelOrders, Performs, Authorises, Subscribes)
    assert isinstance(made, Connector)
    assert MANIFEST.abilities == {role.__name__ for role in roles if isinstance(made, role)}
    assert vendor.manifest is made.manifest is MANIFEST
    assert MANIFEST.proof is Proof.SIMULATED
    assert {field.name for field in MANIFEST.fields if field.secret} == {"app_secret", "previous_secret"}


def test_missing_rights_are_listed_in_the_manifests_order() -> None:
    assert missing_scopes(MANIFEST.scopes) == ()
    assert missing_scopes(["seller.order.info", "seller.finance.info"]) == tuple(
        scope for scope in MANIFEST.scopes if scope != "seller.order.info"
    )
    assert missing_scopes([]) == ()  # the answer named none: unknown, not missing


def test_the_guide_names_every_right_and_why() -> None:
    guide = (Path(__file__).resolve().parents[3] / "docs" / "connectors" / "tiktok_shop.md").read_text()
    for scope, why in MANIFEST.scopes.items():
        assert f"`{scope}` | {why} |" in guide
    assert MANIFEST.proof.name in guide
    assert MANIFEST.api_version in guide
