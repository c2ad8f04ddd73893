"""Tokens: client credentials, authorization code with refresh, and static ones. All are recognisable as simulated."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from .shop import ShopState, Token

MARK = "sim_"
DAY = 86_399
HOUR = 3_600
NINETY_DAYS = 7_776_000
CODE_LIFE = 60.0
_REAL_TOKEN = re.compile(r"shp(at|ca|pa|ss|ua|tka)_[0-9a-fA-F]{32,}")
_REAL_KEY = re.compile(r"[0-9a-f]{32}")


class TokenRefused(Exception):
    """An answer of the token endpoint that is no token: HTTP status, error word, explanation."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(description)
        self.status, self.error, self.description = status, error, description


def looks_real(text: str) -> bool:
    """Whether a credential looks like one of the real vendor: then it has no business here."""
    return MARK not in text and bool(_REAL_TOKEN.fullmatch(text) or _REAL_KEY.fullmatch(text))


def _secret(shop: ShopState, prefix: str) -> str:
    return f"{prefix}_{MARK}{shop.rng.getrandbits(128):032x}"


def issue(
    shop: ShopState, kind: str, *, lives: float | None, refresh: bool = False, scopes: tuple[str, ...] | None = None
) -> Token:
    """Makes an access token, with a refresh token if wanted."""
    now = shop.now()
    made = Token(
        _secret(shop, "shpat"),
        shop.app.scopes if scopes is None else scopes,
        kind,
        None if lives is None else now + lives,
    )
    if refresh:
        made.refresh, made.refresh_expires_at = _secret(shop, "shprt"), now + NINETY_DAYS
        shop.refresh_tokens[made.refresh] = made.access
    shop.tokens[made.access] = made
    return made


def grant(shop: ShopState, data: Mapping[str, Any]) -> dict[str, Any]:
    """Answers a POST to the token endpoint. Raises TokenRefused."""
    given_id, given_secret = str(data.get("client_id") or ""), str(data.get("client_secret") or "")
    for text in (given_id, given_secret):
        if looks_real(text):
            raise TokenRefused(400, "invalid_client", "This is a simulator: it takes no credentials that look real.")
    if given_id != shop.app.client_id or not shop.installed:
        raise TokenRefused(400, "application_cannot_be_found", "The app is not known or not installed in this shop.")
    if not any(hmac.compare_digest(given_secret, each) for each in (shop.app.client_secret, *shop.app.old_secrets)):
        raise TokenRefused(400, "invalid_client", "Client authentication failed.")
    kind = str(data.get("grant_type") or "")
    if kind == "client_credentials":
        return _answer(shop, issue(shop, kind, lives=DAY), DAY)
    if kind == "refresh_token":
        return _refresh(shop, str(data.get("refresh_token") or ""))
    if data.get("code"):
        return _code(shop, str(data["code"]), expiring=str(data.get("expiring") or "") in ("1", "true", "True"))
    raise TokenRefused(400, "invalid_request", "The grant is missing or not simulated.")


def _answer(shop: ShopState, token: Token, lives: int | None) -> dict[str, Any]:
    found: dict[str, Any] = {"access_token": token.access, "scope": ",".join(token.scopes)}
    if lives is not None:
        found["expires_in"] = lives
    if token.refresh is not None:
        found["refresh_token"] = token.refresh
        found["refresh_token_expires_in"] = NINETY_DAYS
    return found


def _code(shop: ShopState, code: str, *, expiring: bool) -> dict[str, Any]:
    known = shop.codes.pop(code, None)
    if known is None or known[0] < shop.now():
        raise TokenRefused(400, "invalid_request", "The authorization code was not found or was already used.")
    if not expiring:
        return _answer(shop, issue(shop, "offline", lives=None, scopes=known[1]), None)
    return _answer(shop, issue(shop, "expiring", lives=HOUR, refresh=True, scopes=known[1]), HOUR)


def _refresh(shop: ShopState, given: str) -> dict[str, Any]:
    """A new pair. The previous refresh token stays good until the new one is first used, as since August 2026."""
    access = shop.refresh_tokens.get(given)
    old = shop.tokens.get(access or "")
    if old is None or (old.refresh_expires_at or 0.0) < shop.now():
        raise TokenRefused(400, "invalid_grant", "The refresh token is not valid.")
    for earlier, later in list(shop.superseded.items()):
        if later == given:
            del shop.superseded[earlier]
            shop.refresh_tokens.pop(earlier, None)
    made = issue(shop, "expiring", lives=HOUR, refresh=True, scopes=old.scopes)
    assert made.refresh is not None
    shop.superseded[given] = made.refresh
    return _answer(shop, made, HOUR)


def authorize(shop: ShopState, query: Mapping[str, str]) -> str:
    """The merchant says yes: the address to go back to, with code and signed query. Raises TokenRefused."""
    redirect = query.get("redirect_uri", "")
    if query.get("client_id") != shop.app.client_id:
        raise TokenRefused(400, "application_cannot_be_found", "The app is not known.")
    asked = tuple(each.strip() for each in query.get("scope", "").split(",") if each.strip())
    scopes = tuple(each for each in asked if each in shop.app.scopes) if asked else shop.app.scopes
    code = f"{MARK}{shop.rng.getrandbits(128):032x}"
    shop.codes[code] = (shop.now() + CODE_LIFE, scopes, redirect)
    back = {
        "code": code,
        "host": shop.domain.encode().hex(),
        "shop": shop.domain,
        "state": query.get("state", ""),
        "timestamp": str(int(shop.now())),
    }
    signed = urlencode(sorted(back.items()))
    back["hmac"] = hmac.new(shop.app.client_secret.encode(), signed.encode(), hashlib.sha256).hexdigest()
    return f"{redirect}{'&' if '?' in redirect else '?'}{urlencode(back)}"


def withdraw(shop: ShopState, access: str) -> None:
    """Ends an access token for good; the app itself stays installed and may ask for another."""
    shop.tokens.pop(access, None)


def check(shop: ShopState, access: str) -> Token | None:
    """The token if it is good now."""
    token = shop.tokens.get(access)
    if token is None or not shop.installed or (token.expires_at is not None and token.expires_at <= shop.now()):
        return None
    return token
