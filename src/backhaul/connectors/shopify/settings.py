"""Credentials and options of one connection, checked so that a simulated and a live shop can never be mixed up."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import msgspec

from backhaul.kit.http import on_this_machine
from backhaul.kit.text import Secret
from backhaul.ports.errors import Refused
from backhaul.ports.factory import Login

API_VERSION = "2026-10"
GRAPHQL_PATH = f"/admin/api/{API_VERSION}/graphql.json"
TOKEN_PATH = "/admin/oauth/access_token"

_DOMAIN = re.compile(r"[a-z0-9][a-z0-9-]*\.myshopify\.com")
_SIMULATED = ("sim_", "shpat_sim_")


class ShopifySettings(msgspec.Struct, frozen=True):
    """One connection. ``webhook_secrets`` are the client secrets that may have signed a webhook, newest first."""

    domain: str
    api_base: str
    auth_base: str
    simulated: bool
    client_id: str
    client_secret: Secret
    access_token: Secret
    webhook_secrets: tuple[Secret, ...]

    @property
    def handle(self) -> str:
        """The shop's name in the admin's address."""
        return self.domain.removesuffix(".myshopify.com")


def read_settings(login: Login) -> ShopifySettings:
    """The settings of a login. Raises Refused (code ``settings``, field = the manifest field) when they do not fit."""
    values = {name: value.strip() for name, value in login.settings.items()}
    domain = _domain(values.get("shop_domain") or login.shop_key)
    simulated = bool(login.api_base)
    secrets = {
        "client_secret": values.get("client_secret", ""),
        "access_token": values.get("access_token", ""),
    }
    old = [part for part in re.split(r"[\s,]+", values.get("old_client_secrets", "")) if part]
    if not any(secrets.values()):
        raise _bad("client_secret", "needs a client id and secret, or the access token of an older custom app")
    if secrets["client_secret"] and not secrets["access_token"] and not values.get("client_id"):
        raise _bad("client_id", "belongs to the client secret and is missing")
    for name, value in [*secrets.items(), *(("old_client_secrets", each) for each in old)]:
        _check_world(name, value, simulated=simulated)
    if simulated:
        for base in (login.api_base, login.auth_base or login.api_base):
            _check_loopback(base)
        api, auth = login.api_base.rstrip("/"), (login.auth_base or login.api_base).rstrip("/")
    else:
        if login.auth_base:
            raise _bad("shop_domain", "a live shop takes no other address to log in at")
        api = auth = f"https://{domain}"
    return ShopifySettings(
        domain=domain,
        api_base=api,
        auth_base=auth,
        simulated=simulated,
        client_id=values.get("client_id", ""),
        client_secret=Secret(secrets["client_secret"]),
        access_token=Secret(secrets["access_token"]),
        webhook_secrets=tuple(Secret(each) for each in [secrets["client_secret"], *old] if each),
    )


def of_simulator(credential: str) -> bool:
    """Whether a secret or token was made by a simulator."""
    return credential.startswith(_SIMULATED)


def _check_world(field: str, value: str, *, simulated: bool) -> None:
    if not value:
        return
    if simulated and not of_simulator(value):
        raise _bad(field, "is not a simulator's: a real credential is never sent to a simulated shop")
    if not simulated and of_simulator(value):
        raise _bad(field, "is a simulator's: it is never sent to a real shop")


def _check_loopback(base: str) -> None:
    if not on_this_machine(base):
        raise _bad("shop_domain", f"a simulated shop answers on this machine only, not at {base!r}")


def _domain(text: str) -> str:
    domain = text.lower().removeprefix("https://").rstrip("/")
    if domain and "." not in domain:
        domain += ".myshopify.com"
    if not _DOMAIN.fullmatch(domain):
        raise _bad("shop_domain", f"{text!r} is not a shop's own address; it looks like my-shop.myshopify.com")
    return domain


def _bad(field: str, text: str) -> Refused:
    return Refused("settings", f"{field}: {text}", field=field)


def check_place(settings: ShopifySettings, url: str) -> None:
    """Refuse a place for files that is not of this world: a simulated shop's lies on this machine, a real one's is
    reached encrypted only."""
    if settings.simulated:
        _check_loopback(url)
    elif urlsplit(url).scheme != "https":
        raise Refused("address", f"the vendor names {url[:80]!r} for a file, which is no safe place")
