"""Credentials and options of one connection, checked once when the connector is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from backhaul.ports.errors import NeedsReauth
from backhaul.ports.factory import Login

LIVE_API = "https://open-api.tiktokglobalshop.com"
LIVE_AUTH = "https://auth.tiktok-shops.com"
LIVE_CONSENT = "https://services.tiktokshop.com"
SIMULATED = "sim_"  # what every credential of a simulated app begins with, and no real one


class Secret:
    """A text that shows in no log, error or repr; :meth:`reveal` is the one way to it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return "Secret(***)"


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
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        parts, host = None, ""
    if parts is None or parts.scheme not in ("http", "https") or parts.username or not _is_loopback(host):
        raise NeedsReauth(f"{what} of a simulated connection must be on this machine (127.0.0.1)")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
