"""Says why a call is refused, for the console: the channel itself only gives a code and half a sentence.

A person who writes a client finds here what was signed and in which known way their signature differs, and what the
code wants of them. Nothing of it reaches the client.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterable
from urllib.parse import quote

from backhaul.simulator import seen
from backhaul.simulator.tiktok.signing import request_signature, same, signed_text

_SHOWN = 600
_Pairs = list[tuple[str, str]]
_WANTED: dict[int, str] = {
    36004001: "the owner's consent again: this authorisation has ended",
    36004002: "grant_type authorized_code at /api/v2/token/get, refresh_token at /api/v2/token/refresh",
    36004003: "the app key and secret of the simulated app, as the ready line and this console show them",
    36004004: "a code that is fresh (30 minutes) and unused, or the newest refresh token",
    36009002: "fewer calls: each endpoint has its own budget a second for each shop and app",
    36009009: "/{domain}/{version}/{path}, as in return_refund/202602/returns/search",
    36009010: "another HTTP method for this path",
    36009014: "a version in which this path is alive",
    105001: "an access token of this app whose authorisation is in force, in the header x-tts-access-token",
    105002: "a renewed access token: this one has expired by the simulator's clock",
    106013: "the query parameter shop_cipher, as /authorization/202309/shops gives it",
    25001028: "another try in a few seconds: the case is locked by a step that runs",
    25007006: "an id that exists in this shop",
    25011010: "nothing from the seller: the case is in arbitration",
    25011011: "a return whose state allows a rejection; see decision_eligibility",
    25011012: "a return whose state allows an approval; see decision_eligibility",
    25011013: "a return whose parcel is on its way or has arrived",
    25020003: "a decision that fits the case's state; see decision_eligibility",
    25020004: "a decision that fits the case's type; see decision_eligibility",
    25020005: "an order of the shop whose cipher and token the call carries",
    25021022: "one document for each return: it cannot be replaced",
    25001014: "a reason key of /return_refund/202309/reject_reasons for this very case",
    25001016: "a reason for this action: those for requests and those for parcels differ",
    25001020: "a reason that is still in use: ask for the reasons again",
    25005005: "an amount below what can still be refunded",
}


def signature(secret: str, path: str, query: _Pairs, body: bytes, content_type: str | None, got: str) -> None:
    """Notes what had to be signed, and the known mistake that gives the signature that came."""
    text = signed_text(path, query, body, content_type)
    shown = text.decode(errors="replace")
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}… ({len(text)} bytes)"
    seen.expected(
        "sign, HMAC-SHA256 in lower-case hex", request_signature(secret, path, query, body, content_type), got
    )
    seen.expected("text to sign", "{app_secret}" + shown + "{app_secret}")
    mistake = _mistake(secret, path, query, body, got)
    if mistake:
        seen.expected("what gives the signature that came", "", mistake)


def code(number: int) -> None:
    """Notes what a code wants of the client, when there is something to say."""
    if number in _WANTED:
        seen.expected(f"code {number}", _WANTED[number])


def _mistake(secret: str, path: str, query: _Pairs, body: bytes, got: str) -> str:
    """Which of the usual mistakes the client made; empty when it is none of them."""
    for text, made in _mistakes(secret, path, query, body):
        if same(got, made):
            return text
    return ""


def _mistakes(secret: str, path: str, query: _Pairs, body: bytes) -> Iterable[tuple[str, str]]:
    right = signed_text(path, query, body, None)

    def mac(message: bytes, key: str = secret) -> bytes:
        return hmac.new(key.encode(), message, hashlib.sha256).digest()

    def wrapped(text: bytes) -> str:
        return mac(secret.encode() + text + secret.encode()).hex()

    yield "that signature is right, but in upper case", wrapped(right).upper()
    yield "that signature is right, but in base64", base64.b64encode(bytes.fromhex(wrapped(right))).decode()
    yield "the body was left out", wrapped(signed_text(path, query, b"", None))
    yield (
        "a JSON body was signed in another form than it was sent in",
        wrapped(signed_text(path, query, _again(body, (",", ":")), None)),
    )
    yield (
        "a JSON body was signed in another form than it was sent in",
        wrapped(signed_text(path, query, _again(body, (", ", ": ")), None)),
    )
    yield "the secret does not stand before and behind the text", mac(right).hex()
    yield "the secret is missing behind the text", mac(secret.encode() + right).hex()
    yield "the parameters were not sorted by name", wrapped(_joined(path, query, lambda pairs: pairs) + body)
    yield "the path was left out", wrapped(right.removeprefix(path.encode()))
    coded = [(name, quote(value, safe="")) for name, value in query]
    yield "the values were URL-encoded before they were signed", wrapped(signed_text(path, coded, body, None))
    plain = [pair for pair in query if pair[0] != "shop_cipher"]
    yield "shop_cipher was left out", wrapped(signed_text(path, plain, body, None))
    yield "a plain SHA-256 was made, not an HMAC", hashlib.sha256(secret.encode() + right + secret.encode()).hexdigest()


def _joined(path: str, query: _Pairs, order: Callable[[_Pairs], _Pairs]) -> bytes:
    kept = [pair for pair in query if pair[0] not in ("sign", "access_token")]
    return (path + "".join(key + value for key, value in order(kept))).encode()


def _again(body: bytes, separators: tuple[str, str]) -> bytes:
    try:
        return json.dumps(json.loads(body), separators=separators).encode()
    except ValueError:
        return body
