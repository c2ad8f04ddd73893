"""The channel's signatures, written from the published steps; the hub's connector has its own version."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

_UNSIGNED = frozenset({"sign", "access_token"})


def request_signature(
    secret: str, path: str, query: Iterable[tuple[str, str]], body: bytes, content_type: str | None
) -> str:
    """Signature of one request: lower-case hex. `query` holds decoded pairs, `body` the bytes as received."""
    message = secret.encode() + signed_text(path, query, body, content_type) + secret.encode()
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def signed_text(path: str, query: Iterable[tuple[str, str]], body: bytes, content_type: str | None) -> bytes:
    """What is signed, without the secret that stands before and behind it."""
    pairs = sorted((key, value) for key, value in query if key not in _UNSIGNED)
    text = (path + "".join(key + value for key, value in pairs)).encode()
    is_form = (content_type or "").strip().lower().startswith("multipart/form-data")
    return text if is_form else text + body


def may_be_unsigned(method: str, body: bytes) -> bool:
    """Whether a body is taken signed as well as unsigned.

    Clients in use differ over the empty object and over the body of a GET, and all of them are said to work, so both
    readings are accepted [inferred: what the real gateway does is not known].
    """
    return body == b"{}" or method == "GET"


def webhook_signature(app_key: str, secret: str, body: bytes) -> str:
    """Value of a webhook's Authorization header: bare lower-case hex."""
    return hmac.new(secret.encode(), app_key.encode() + body, hashlib.sha256).hexdigest()


def same(left: str, right: str) -> bool:
    """Constant-time comparison."""
    return hmac.compare_digest(left.encode(), right.encode())
