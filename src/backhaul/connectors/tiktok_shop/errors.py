"""Pure: an answer of the channel -> one of the five errors, or none.

The body is read first, whatever the HTTP status: failures come with 200, successes only with ``code`` 0. What matters
is whether something may have happened: a fault of the channel leaves a read without effect and a write without a known
one.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from backhaul.connectors.tiktok_shop.reading import shaped
from backhaul.connectors.tiktok_shop.wire import Envelope
from backhaul.ports.errors import NeedsReauth, OutcomeUnknown, Refused, Unavailable, VendorError, WireDrift

RATE_LIMITED = 36009002
TOKEN_INVALID, TOKEN_EXPIRED = 105001, 105002
TOKEN_REFUSED = frozenset({TOKEN_INVALID, TOKEN_EXPIRED})  # may only mean that it was renewed a moment ago
GATEWAY = 36009004  # one code for a wrong signature, key, time, header or parameter; the message tells which

# The channel could not do it or did not finish: nothing is known of a write.
FAULTS = {
    36009003: "internal fault",
    36009007: "timed out at the gateway",
    25001042: "the parcel could not be made",
    25001044: "the receipt could not be passed on",
    25001058: "needed data could not be loaded",
    25007002: "storage fault",
    25020008: "internal fault",
    10002014: "orders could not be read",
    10002015: "orders could not be read",
    10006402: "internal fault",
    10037002: "orders could not be read",
    10037003: "orders could not be read",
    10037004: "orders could not be read",
}

# The owner has to act before anything else can work.
LOGIN = {
    101000: "the login does not fit this shop; connect the shop again",
    TOKEN_INVALID: "the authorisation was withdrawn or the access token is not valid",
    TOKEN_EXPIRED: "the access token has expired",
    105004: "the authorisation is not valid",
    105005: "the authorisation lacks a right",
    106001: "the signature was refused: check the app secret",
    106013: "the shop's cipher is missing; connect the shop again",
    36004001: "the authorisation has ended; the owner has to consent again",
    36004003: "app key or app secret is wrong",
    36009033: "this server's address is not on the app's allow-list in Partner Center",
}

# Our request is wrong or its version has gone: for a developer.
OURS = {
    36009009: "the path is unknown",
    36009010: "the method is unknown",
    36009014: "the API version is unknown or retired",
    36009022: "the content type is wrong",
    36009023: "the content type is wrong",
}

# "Already in that state": only a read may turn it into success.
ALREADY = {
    25020009: "the case is already cancelled",
    25020010: "the request is already approved",
    25020011: "the parcel is already received",
    25021022: "a document is already uploaded; it cannot be replaced",
}

# The channel said no. Our reading goes before the channel's own text.
NO = {
    11050001: "a parameter is wrong",
    25001001: "a parameter is wrong",
    98001004: "a parameter is wrong",
    36009021: "the file is too large",
    25001003: "the order's status does not allow it",
    25001010: "a case of this order is already finished",
    25001011: "another case of this order is open or finished",
    25001014: "the reason is unknown: fetch the reasons again",
    25001015: "the reason is not for sellers: fetch the reasons again",
    25001016: "the reason does not fit this action: fetch the reasons again",
    25001020: "the reason was retired: fetch the reasons again",
    25001021: "the reason does not fit the order's status: fetch the reasons again",
    25001057: "the reason is of another class: fetch the reasons again",
    25001045: "it is shipped and the courier cannot be stopped",
    25001046: "stopped by the channel's risk control",
    25001051: "the order is completed or cancelled",
    25005005: "more than can be refunded",
    25005010: "single lines of this order cannot be cancelled",
    25005011: "more units than can be refunded",
    25005020: "a partial refund is not possible here",
    25005021: "a partial refund is for cases of one SKU only",
    25007006: "order or case not found",
    25007007: "an offer is open: wait for the buyer",
    25011010: "the case is with the channel's arbitration: wait",
    25011011: "the status does not allow rejecting",
    25011012: "the status does not allow approving",
    25011013: "the status does not allow confirming receipt",
    25011014: "the status does not allow refusing the parcel",
    25011023: "an authenticity-guarantee order: Seller Center only",
    25011025: "refunded early by the channel: the parcel cannot be refused",
    25011026: "fulfilled by the channel: receipt is its business",
    25011032: "the status does not allow an offer",
    25011035: "the parcel cannot be refused now",
    25020003: "the decision does not fit the case's status",
    25020004: "the decision does not fit the case's type",
    25020005: "no permission on this order",
    25020012: "the status does not allow refusing the parcel",
    25021023: "the document must be a PDF",
    25023001: "the return id is wrong",
    25023002: "the return belongs to another seller",
    21008111: "the order belongs to another seller",
    21008116: "the delivery option is not subscribed",
    21008117: "the delivery option is fulfilled by the channel",
}

PARAMETER_WRONG = frozenset({"11050001", "25001001", "98001004"})
NOT_FOUND = frozenset({"25007006", "25023001"})
NO_LINE_LEVEL = frozenset({"25020005"})  # what a shop without the line-level model answers
NO_CARRIERS = frozenset({"21008116", "21008117"})
_LOCKED, _LOCKED_S = 25001028, 3.0


def read(status: int, body: bytes, *, write: bool) -> Envelope | VendorError:
    """The envelope of an answer, or the error of a body that is none."""
    try:
        return shaped(msgspec.json.decode(body), Envelope)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    if status == 429:
        return Unavailable("too many requests")
    if write:
        # A page of some proxy, or a cut body: whether the call went through is not known.
        return OutcomeUnknown(f"the answer (status {status}) cannot be read")
    if status >= 500 or status == 408:
        return Unavailable(f"the channel answered with status {status}")
    return WireDrift(f"the answer (status {status}) is not the channel's envelope", body)


def judge(status: int, envelope: Envelope, *, write: bool, scope: str = "", raw: bytes = b"") -> VendorError | None:
    """The error an envelope stands for; None when all of the call succeeded. ``scope`` is the right the call needs."""
    code, text = envelope.code, envelope.message
    if code == 0:
        return _part_failures(envelope.data)
    if code == RATE_LIMITED or status == 429:
        return Unavailable(_text("too many requests", text))
    if code == _LOCKED:
        return Unavailable(_text("the case is locked by a parallel step", text), retry_after=_LOCKED_S)
    if code in FAULTS:
        return _fault(_text(FAULTS[code], text, code), write)
    if code in LOGIN:
        missing = (scope,) if code == 105005 and scope else ()
        return NeedsReauth(_text(LOGIN[code], text, code), missing)
    if code == GATEWAY:
        return _gateway(envelope)
    if code in OURS:
        return WireDrift(_text(OURS[code], text, code), raw)
    if code in ALREADY:
        return Refused(str(code), _text(ALREADY[code], text), already=True)
    if code in NO:
        return Refused(str(code), _text(NO[code], text))
    if status >= 500:
        return _fault(_text("fault of the channel", text, code), write)
    return Refused(str(code), text or "refused without a word")


def token_error(envelope: Envelope, *, renewing: bool) -> VendorError | None:
    """The error of a token answer. A refused renewal ends the login; a refused code ends only the attempt."""
    if envelope.code == 0:
        return None
    if envelope.code == 36004004 and not renewing:
        text = _text("the code is used, expired or wrong: start the consent again", envelope.message)
        return Refused("36004004", text)
    found = judge(200, envelope, write=False)
    if renewing and isinstance(found, Refused):
        return NeedsReauth(_text("the login cannot be renewed", found.text, envelope.code))
    return found


def refuses_time(envelope: Envelope) -> bool:
    """Whether the gateway refused the request for its time."""
    return envelope.code == GATEWAY and "timestamp" in (envelope.message or "").lower()


def _part_failures(data: Any) -> VendorError | None:
    failures = data.get("errors") if isinstance(data, dict) else None
    if not failures:
        return None
    if not isinstance(failures, list) or not all(isinstance(one, dict) for one in failures):
        return WireDrift("data.errors is not a list of failures", msgspec.json.encode(failures))
    codes = [str(one.get("code", "")) for one in failures]
    texts = [f"{one.get('message') or 'no text'} ({one.get('code', '')})" for one in failures]
    already = all(code.isdigit() and int(code) in ALREADY for code in codes)
    return Refused(codes[0], "; ".join(texts), already=already)


def _fault(text: str, write: bool) -> VendorError:
    return OutcomeUnknown(text) if write else Unavailable(text)


def _gateway(envelope: Envelope) -> VendorError:
    if refuses_time(envelope):
        # Nothing happened, and the next try uses the skew this answer's Date taught.
        text = "the time of the request was refused: is this machine's clock right?"
        return Unavailable(_text(text, envelope.message), retry_after=1.0)
    return NeedsReauth(
        _text("the gateway refused key, signature, token or shop: check the connection", envelope.message, GATEWAY)
    )


def _text(ours: str, theirs: str, code: int | None = None) -> str:
    """Our word and the channel's; its alone where it says the same, as it begins with the same words."""
    if theirs and _opening(ours) == _opening(theirs):
        ours, theirs = theirs, ""
    number = f" ({code})" if code is not None else ""
    return f"{ours}{number}: {theirs}" if theirs else f"{ours}{number}"


def _opening(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())[:2]
