"""Who may act for whom: apps, consent, codes, tokens. Token times run on the virtual clock.

Every credential made here starts with `sim_`, and nothing else is accepted: a real app key or token pointed at the
simulator by accident is refused with a message that says so.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from backhaul.simulator.clock import SimulatedClock
from backhaul.simulator.ids import Ids
from backhaul.simulator.tiktok.errors import ApiError
from backhaul.simulator.tiktok.model import Shop

SIM = "sim_"
CODE_SECONDS = 30 * 60
ALL_SCOPES = (
    "seller.authorization.info",
    "seller.return_refund.basic",
    "seller.fulfillment.basic",
    "seller.order.info",
    "seller.order.ext_ref.read",
    "seller.order.ext_ref.write",
    "seller.logistics",
    "seller.product.basic",
    "seller.finance.info",
    "seller.shop.info",
)


class RealCredentialRefused(ValueError):
    """A credential without the simulator's mark."""


def require_simulated(**credentials: str) -> None:
    """Raises RealCredentialRefused for the first credential that does not carry the simulator's mark."""
    for name, value in credentials.items():
        if not value.startswith(SIM):
            raise RealCredentialRefused(
                f"{name} does not start with {SIM!r}: this is a simulator and takes no credentials of a real account"
            )


@dataclass(slots=True)
class App:
    """A partner's app."""

    app_key: str
    app_secret: str
    service_id: str
    redirect_url: str = ""
    scopes: tuple[str, ...] = ALL_SCOPES
    webhook_address: str = ""


@dataclass(slots=True)
class Seller:
    """The owner of one or more shops."""

    id: str
    open_id: str
    name: str
    region: str
    shop_ids: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Grant:
    """What a seller allowed an app."""

    app: App
    seller: Seller
    scopes: tuple[str, ...]
    shop_ids: list[str]
    refresh_token: str
    ends_at: float
    access_tokens: dict[str, float] = field(default_factory=dict)
    revoked: bool = False


@dataclass(slots=True)
class Code:
    """An authorisation code: once, for half an hour."""

    app: App
    seller: Seller
    expires_at: float
    scopes: tuple[str, ...]
    used: bool = False


class Authority:
    """Issues and checks codes and tokens."""

    def __init__(self, clock: SimulatedClock, rng: random.Random, ids: Ids) -> None:
        self._clock = clock
        self._rng = rng
        self._ids = ids
        self.apps: dict[str, App] = {}
        self.sellers: dict[str, Seller] = {}
        self.shops: dict[str, Shop] = {}
        self.grants: list[Grant] = []
        self._codes: dict[str, Code] = {}
        self._access: dict[str, Grant] = {}
        self._refresh: dict[str, Grant] = {}

    def add_app(self, *, app_key: str | None = None, app_secret: str | None = None, redirect_url: str = "") -> App:
        """Registers an app; credentials left out are made."""
        app = App(
            app_key or self._ids.word(SIM + "app_", 10),
            app_secret or self._ids.word(SIM + "secret_", 32),
            self._ids.decimal("7", 19),
            redirect_url,
        )
        require_simulated(app_key=app.app_key, app_secret=app.app_secret)
        self.apps[app.app_key] = app
        return app

    def app_of_service(self, service_id: str | None, app_key: str | None) -> App | None:
        """The app of an authorisation link, new form (service id) or old form (app key)."""
        for app in self.apps.values():
            if service_id == app.service_id or (app_key is not None and app_key == app.app_key):
                return app
        return None

    def issue_code(self, app: App, seller: Seller, scopes: tuple[str, ...] | None = None) -> str:
        """A fresh code, as the redirect carries it."""
        code = self._ids.word(SIM + "code_", 40)
        self._codes[code] = Code(app, seller, self._clock.now() + CODE_SECONDS, scopes or app.scopes)
        return code

    def redeem(self, app_key: str, app_secret: str, code_text: str) -> tuple[Grant, str]:
        """Exchanges a code. Returns the grant and its new access token."""
        app = self._app(app_key, app_secret)
        code = self._codes.get(code_text)
        if code is None or code.used or code.app is not app or code.expires_at <= self._clock.now():
            raise ApiError(36004004, "auth code is invalid, used or expired")
        code.used = True
        return self.grant(app, code.seller, code.scopes)

    def grant(self, app: App, seller: Seller, scopes: tuple[str, ...] | None = None) -> tuple[Grant, str]:
        """Authorises an app for all shops of a seller; an older grant between the two ends."""
        for old in self.grants:
            if old.app is app and old.seller is seller:
                old.revoked = True
        switches = self.shops[seller.shop_ids[0]].switches
        new = Grant(
            app,
            seller,
            scopes or app.scopes,
            list(seller.shop_ids),
            self._ids.word(SIM + "refresh_", 40),
            self._clock.now() + switches.refresh_token_seconds,
        )
        self.grants.append(new)
        self._refresh[new.refresh_token] = new
        return new, self._new_access(new)

    def refresh(self, app_key: str, app_secret: str, refresh_token: str) -> tuple[Grant, str]:
        """Renews the access token, and the refresh token too when the shop's switch says so."""
        app = self._app(app_key, app_secret)
        grant = self._refresh.get(refresh_token)
        if grant is None or grant.app is not app:
            raise ApiError(36004004, "refresh token is invalid")
        if grant.revoked or grant.ends_at <= self._clock.now():
            raise ApiError(36004001, "refresh token has expired, the seller has to authorize again")
        if self.shops[grant.shop_ids[0]].switches.rotate_refresh_token:
            del self._refresh[refresh_token]
            grant.refresh_token = self._ids.word(SIM + "refresh_", 40)
            self._refresh[grant.refresh_token] = grant
        return grant, self._new_access(grant)

    def token_data(self, grant: Grant, access_token: str) -> dict[str, object]:
        """The `data` of a token answer. Times are absolute in spite of their names."""
        return {
            "access_token": access_token,
            "access_token_expire_in": int(grant.access_tokens[access_token]),
            "refresh_token": grant.refresh_token,
            "refresh_token_expire_in": int(grant.ends_at),
            "open_id": grant.seller.open_id,
            "seller_name": grant.seller.name,
            "seller_base_region": grant.seller.region,
            "user_type": 0,
            "granted_scopes": list(grant.scopes),
        }

    def check(self, app: App, token: str | None) -> Grant:
        """The live grant behind a token header."""
        if not token or " " in token:
            raise ApiError(36009004, "header x-tts-access-token is missing or malformed")
        grant = self._access.get(token)
        if grant is None or grant.app is not app or grant.revoked:
            raise ApiError(105001, "access token is invalid")
        if min(grant.access_tokens[token], grant.ends_at) <= self._clock.now():
            raise ApiError(105002, "access token has expired")
        return grant

    def behind(self, token: str | None) -> Grant | None:
        """The grant an access token was made for, whether it is still good or not."""
        return self._access.get(token or "")

    def revoke(self, grant: Grant) -> None:
        """Ends an authorisation; calls fail with 105001 from now on."""
        grant.revoked = True

    def live_grants(self, shop_id: str) -> list[Grant]:
        """Grants in force for a shop."""
        now = self._clock.now()
        return [
            grant for grant in self.grants if shop_id in grant.shop_ids and not grant.revoked and grant.ends_at > now
        ]

    def warning_times(self, grant: Grant) -> list[float]:
        """When the end of a grant is announced: daily at midnight (UTC) in its last 30 days."""
        first = datetime.fromtimestamp(max(self._clock.now(), grant.ends_at - 30 * 86400), UTC)
        midnight = first.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        times: list[float] = []
        while midnight.timestamp() < grant.ends_at:
            times.append(midnight.timestamp())
            midnight += timedelta(days=1)
        return times

    def _app(self, app_key: str, app_secret: str) -> App:
        app = self.apps.get(app_key)
        if app is None or app.app_secret != app_secret:
            hint = "" if app_key.startswith(SIM) else "; this is a simulator, real app keys are refused"
            raise ApiError(36004003, f"app_key or app_secret is invalid{hint}")
        return app

    def _new_access(self, grant: Grant) -> str:
        token = self._ids.word(SIM + "access_", 48)
        seconds = self.shops[grant.shop_ids[0]].switches.access_token_seconds
        grant.access_tokens[token] = self._clock.now() + seconds
        self._access[token] = grant
        return token
