"""A simulated shop and a live one can never be taken for each other."""

from __future__ import annotations

import pytest

from backhaul.connectors.shopify.settings import read_settings
from backhaul.ports.errors import Refused
from backhaul.ports.factory import Login

LIVE = {"shop_domain": "made-up.myshopify.com", "client_id": "abc", "client_secret": "made-up"}
SIMULATED = {**LIVE, "client_secret": "sim_made-up"}


async def no_token() -> str:
    return ""


def login(values: dict[str, str], api_base: str = "", auth_base: str = "") -> Login:
    return Login(settings=values, access=no_token, api_base=api_base, auth_base=auth_base)


@pytest.mark.parametrize("given", ["made-up", "made-up.myshopify.com", "https://Made-Up.myshopify.com/", " made-up "])
def test_live_address(given: str) -> None:
    settings = read_settings(login({**LIVE, "shop_domain": given}))
    assert settings.api_base == settings.auth_base == "https://made-up.myshopify.com"
    assert (settings.simulated, settings.handle) == (False, "made-up")


@pytest.mark.parametrize(
    "given",
    ["", "shop.example.com", "made-up.myshopify.com.example.com", "http://made-up.myshopify.com", "a b", "-a", "a/../b",
     "x.myshopify.com@127.0.0.1", "127.0.0.1", "made-up.myshopify.com:8443"],
)  # fmt: skip
def test_not_a_shop(given: str) -> None:
    with pytest.raises(Refused) as caught:
        read_settings(login({**LIVE, "shop_domain": given}))
    assert (caught.value.code, caught.value.field) == ("settings", "shop_domain")


@pytest.mark.parametrize(
    "base", ["http://127.0.0.1:4711", "http://localhost:1/x/", "http://[::1]:9", "https://127.9.9.9"]
)
def test_simulated_address(base: str) -> None:
    settings = read_settings(login(SIMULATED, base))
    assert settings.api_base == settings.auth_base == base.rstrip("/")
    assert settings.simulated


@pytest.mark.parametrize(
    "base",
    ["https://made-up.myshopify.com", "http://10.0.0.1", "http://localhost.example.com", "http://u:p@127.0.0.1",
     "ftp://127.0.0.1", "http://127.0.0.1.example.com", "http://[::", "127.0.0.1"],
)  # fmt: skip
def test_simulated_stays_on_this_machine(base: str) -> None:
    with pytest.raises(Refused):
        read_settings(login(SIMULATED, base))
    with pytest.raises(Refused):
        read_settings(login(SIMULATED, "http://127.0.0.1:1", base))


@pytest.mark.parametrize("name", ["client_secret", "access_token", "old_client_secrets"])
def test_worlds_are_kept_apart(name: str) -> None:
    for made_by_simulator in ("sim_made-up", "shpat_sim_made-up"):
        with pytest.raises(Refused) as caught:
            read_settings(login({**LIVE, name: made_by_simulator}))
        assert caught.value.field == name
    with pytest.raises(Refused) as caught:
        read_settings(login({**SIMULATED, name: "shpat_0123"}, "http://127.0.0.1:1"))
    assert caught.value.field == name


def test_live_takes_no_other_login_address() -> None:
    with pytest.raises(Refused):
        read_settings(login(LIVE, "", "http://127.0.0.1:1"))


@pytest.mark.parametrize("missing", [("client_id",), ("client_secret",), ("client_id", "client_secret")])
def test_credentials_are_needed(missing: tuple[str, ...]) -> None:
    with pytest.raises(Refused):
        read_settings(login({name: value for name, value in LIVE.items() if name not in missing}))


def test_an_older_token_is_enough() -> None:
    settings = read_settings(login({"shop_domain": "made-up", "access_token": "shpat_0123"}))
    assert settings.access_token.reveal() == "shpat_0123"
    assert settings.webhook_secrets == ()


def test_rotated_secrets() -> None:
    settings = read_settings(login({**LIVE, "old_client_secrets": "first, second"}))
    assert [each.reveal() for each in settings.webhook_secrets] == ["made-up", "first", "second"]


def test_secrets_do_not_show_themselves() -> None:
    assert "made-up'" not in repr(read_settings(login({**LIVE, "shop_domain": "other"})))
