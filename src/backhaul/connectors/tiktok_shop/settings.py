"""Credentials and options of one connection, checked once when the connector is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from backhaul.kit.http import on_this_machine
from backhaul.kit.text import Secret
from backhaul.ports.errors import NeedsReauth
from backhaul.ports.factory import Login

LIVE_API = "https://open-api.tiktokglobalshop.com"
LIVE_AUTH = "https://auth.tiktok-shops.com"
LIVE_CONSENT = "https://services.tiktokshop.com"
SIMULATED = "sim_"  # what every credential of a simulated app begins with, and no real one


@dataclass(frozen=True, slots=True)
class Settings:
    """One connection. Addresses have no slash at the end."""

    app_key: str
    app_secret: Secret
    previous_secret: Secret
    service_id: str
    api: str
    auth: str
    consent: str
    locale: str
    platforms: tuple[str, ...]
    simulated: bool

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        """The secrets a notification may be signed with."""
        return tuple(secret.reveal() for secret in (self.app_secret, self.previous_secret) if secret)


def read(login: Login) -> Settings:
    """The settings of a login. Raises NeedsReauth with what to correct; credentials and addresses of different worlds
    (a real app and the simulator, or the reverse) are never taken together."""
    values = login.settings
    app_key, app_secret = _wanted(values, "app_key"), _wanted(values, "app_secret")
    simulated = bool(login.api_base or login.auth_base)
    if simulated:
        _check_loopback(login.api_base, "the API address")
        _check_loopback(login.auth_base or login.api_base, "the address for log-ins")
    for name, value in (("app key", app_key), ("app secret", app_secret)):
        if value.startswith(SIMULATED) is not simulated:
            raise NeedsReauth(
                f"a simulated connection takes no real credentials, but the {name} is not a simulated one"
                if simulated
                else f"the {name} belongs to a simulated app and cannot be used with the real TikTok Shop"
            )
    auth = (login.auth_base or login.api_base).rstrip("/")
    consent = _text(values, "consent_base") or LIVE_CONSENT
    if not simulated and urlsplit(consent).scheme != "https":
        raise NeedsReauth("the address for consent must begin with https://")
    return Settings(
        app_key=app_key,
        app_secret=Secret(app_secret),
        previous_secret=Secret(_text(values, "previous_secret")),
        service_id=_text(values, "service_id"),
        api=login.api_base.rstrip("/") or LIVE_API,
        auth=auth or LIVE_AUTH,
        consent=(auth if simulated else consent).rstrip("/"),
        locale=_text(values, "locale") or "en-US",
        platforms=tuple(p.strip().upper() for p in (_text(values, "platforms") or "SHOPIFY").split(",") if p.strip()),
        simulated=simulated,
    )


def _text(values: Mapping[str, str], name: str) -> str:
    return (values.get(name) or "").strip()


def _wanted(values: Mapping[str, str], name: str) -> str:
    value = _text(values, name)
    if not value:
        raise NeedsReauth(f"the connection has no {name.replace('_', ' ')}")
    return value


def _check_loopback(address: str, what: str) -> None:
    if not on_this_machine(address):
        raise NeedsReauth(f"{what} of a simulated connection must be on this machine (127.0.0.1)")
