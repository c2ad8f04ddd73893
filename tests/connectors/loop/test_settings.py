"""A simulated account and a live one can never be taken for each other."""

from __future__ import annotations

import pytest

from backhaul.connectors.loop.settings import read_settings
from backhaul.ports.errors import Refused
from backhaul.ports.factory import Login

LIVE = {"api_key": "made-up-key", "webhook_secret": "made-up-secret"}
SIMULATED = {"api_key": "sim_key", "webhook_secret": "sim_secret"}


async def no_key() -> str:
    return ""


def login(values: dict[str, str], api_base: str = "", auth_base: str = "") -> Login:
    return Login(settings=values, access=no_key, api_base=api_base, auth_base=auth_base)


def test_live() -> None:
    settings = read_settings(login({**LIVE, "previous_webhook_secret": " older "}))
    assert (settings.base, settings.simulated) == ("https://api.loopreturns.com/api/2026-10", False)
    assert settings.origin == "https://api.loopreturns.com"
    assert [each.reveal() for each in settings.webhook_secrets] == ["made-up-secret", "older"]


def test_secrets_do_not_show() -> None:
    settings = read_settings(login(LIVE))
    assert "made-up" not in repr(settings)
    assert "made-up" not in settings.key_name
    assert settings.key_name != read_settings(login({"api_key": "another"})).key_name


@pytest.mark.parametrize("base", ["http://127.0.0.1:4711", "http://localhost:1/x/", "http://[::1]:9"])
def test_simulated_address(base: str) -> None:
    settings = read_settings(login(SIMULATED, base))
    assert settings.base == f"{base.rstrip('/')}/api/2026-10"
    assert settings.simulated


@pytest.mark.parametrize(
    "base",
    ["https://api.loopreturns.com", "http://10.0.0.1", "http://localhost.example.com", "http://u:p@127.0.0.1",
     "ftp://127.0.0.1", "http://127.0.0.1.example.com", "http://[::", "127.0.0.1"],
)  # fmt: skip
def test_simulated_stays_on_this_machine(base: str) -> None:
    with pytest.raises(Refused) as caught:
        read_settings(login(SIMULATED, base))
    assert caught.value.code == "settings"


@pytest.mark.parametrize("field", ["api_key", "webhook_secret", "previous_webhook_secret"])
def test_no_credential_leaves_its_world(field: str) -> None:
    with pytest.raises(Refused) as real:
        read_settings(login({**SIMULATED, field: "real"}, "http://127.0.0.1:1"))
    with pytest.raises(Refused) as made:
        read_settings(login({**LIVE, field: "sim_x"}))
    assert real.value.field == made.value.field == field


@pytest.mark.parametrize("key", ["", "  ", "two words", "tab\tbed", "line\nbreak"])
def test_a_key_is_one_word(key: str) -> None:
    with pytest.raises(Refused) as caught:
        read_settings(login({"api_key": key}))
    assert caught.value.field == "api_key"


def test_a_live_account_logs_in_nowhere_else() -> None:
    with pytest.raises(Refused):
        read_settings(login(LIVE, "", "https://elsewhere.example.com"))
