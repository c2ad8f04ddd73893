"""Credentials and options of one connection, checked so that a simulated and a live account can never be mixed up."""

from __future__ import annotations

from urllib.parse import urlsplit

import msgspec

from backhaul.kit.crypto import sha256_hex
from backhaul.kit.http import on_this_machine
from backhaul.kit.text import Secret
from backhaul.ports.errors import Refused
from backhaul.ports.factory import Login

API_VERSION = "2026-10"
LIVE = "https://api.loopreturns.com"
SIMULATED = "sim_"  # what every credential of a simulated account begins with, and no real one


class LoopSettings(msgspec.Struct, frozen=True):
    """One connection. ``base`` is the address of the API in the version we speak, without a slash at the end."""

    base: str
    simulated: bool
    api_key: Secret
    webhook_secrets: tuple[Secret, ...]

    @property
    def origin(self) -> str:
        """Scheme, host and port of the API."""
        parts = urlsplit(self.base)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def key_name(self) -> str:
        """What tells one key from another without showing it."""
        return f"key {sha256_hex(self.api_key.reveal())[:10]}"


def read_settings(login: Login) -> LoopSettings:
    """The settings of a login. Raises Refused (code ``settings``, field = the manifest field) when they do not fit."""
    values = {name: value.strip() for name, value in login.settings.items()}
    secrets = {name: values.get(name, "") for name in ("api_key", "webhook_secret", "previous_webhook_secret")}
    if not secrets["api_key"]:
        raise _bad("api_key", "is missing")
    if any(each.isspace() or not each.isprintable() for each in secrets["api_key"]):
        raise _bad("api_key", "is one word of letters and digits, as Loop shows it")
    simulated = bool(login.api_base)
    for name, value in secrets.items():
        _check_world(name, value, simulated=simulated)
    if simulated:
        _check_loopback(login.api_base)
    elif login.auth_base:
        raise _bad("api_key", "a live account takes no other address to log in at")
    root = login.api_base.rstrip("/") or LIVE
    return LoopSettings(
        base=f"{root}/api/{API_VERSION}",
        simulated=simulated,
        api_key=Secret(secrets["api_key"]),
        webhook_secrets=tuple(
            Secret(each) for each in (secrets["webhook_secret"], secrets["previous_webhook_secret"]) if each
        ),
    )


def of_simulator(credential: str) -> bool:
    """Whether a key or secret was made by a simulator."""
    return credential.startswith(SIMULATED)


def _check_world(field: str, value: str, *, simulated: bool) -> None:
    if value and simulated and not of_simulator(value):
        raise _bad(field, "is not a simulator's: a real credential is never sent to a simulated account")
    if value and not simulated and of_simulator(value):
        raise _bad(field, "is a simulator's: it is never sent to the real Loop")


def _check_loopback(base: str) -> None:
    if not on_this_machine(base):
        raise _bad("api_key", f"a simulated account answers on this machine only, not at {base!r}")


def _bad(field: str, text: str) -> Refused:
    return Refused("settings", f"{field}: {text}", field=field)
