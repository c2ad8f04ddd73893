"""Pure: what an answer means, as data or as one of the five errors.

A mutation is judged more carefully than a query: once it may have run, anything that is not a plain yes or no is
OutcomeUnknown, and the loop looks before it repeats.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

import msgspec

from backhaul.connectors.shopify.wire import Envelope, GraphQLError, UserError
from backhaul.kit.text import truncate
from backhaul.ports.errors import NeedsReauth, OutcomeUnknown, Refused, Unavailable, VendorError, WireDrift

# The document does not fit the vendor's schema: ours to mend, nothing ran.
_DOCUMENT = frozenset(
    {
        "argumentNotAccepted",
        "argumentLiteralsIncompatible",
        "missingRequiredArguments",
        "missingRequiredInputObjectAttribute",
        "parseError",
        "undefinedField",
        "undefinedType",
        "variableMismatch",
        "variableRequiresValidType",
    }
)
_NO = frozenset(
    {"BAD_REQUEST", "INVALID_VARIABLE", "MAX_COST_EXCEEDED", "MAX_INPUT_SIZE_EXCEEDED", "RESOURCE_NOT_FOUND"}
)
_SCOPE = re.compile(r"`((?:read|write)_[a-z_]+)`")
_TEXT = 500
_decoder = msgspec.json.Decoder(Envelope)

SHORTEST_WAIT = 0.5  # seconds; a wait of nothing would only ask again too early


def envelope(status: int, headers: Mapping[str, str], body: bytes, *, write: bool, now: float) -> Envelope:
    """The decoded answer, top-level errors still in it. Raises for every HTTP status but 200 and for what is no
    GraphQL answer. ``headers`` in any case; ``now`` in Unix seconds, for a Retry-After that is a date."""
    if status != 200:
        raise http_error(status, headers, body, write=write, now=now)
    try:
        decoded = _decoder.decode(str(body, "utf-8"))  # also what is not looked at yet is text
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if write:
            raise OutcomeUnknown(f"the answer to a write cannot be read: {error}") from error
        raise WireDrift(f"not a GraphQL answer: {error}", body) from error
    if decoded.empty and decoded.errors is None:
        if write:
            raise OutcomeUnknown("the answer to a write has neither data nor errors")
        raise WireDrift("an answer without data and without errors", body)
    return decoded


def http_error(status: int, headers: Mapping[str, str], body: bytes, *, write: bool, now: float) -> VendorError:
    """The error of an HTTP status that is not 200."""
    text = f"HTTP {status}: {truncate(body.decode('utf-8', 'replace').strip() or 'no text', _TEXT)}"
    if status == 429:
        return Unavailable("too many calls (HTTP 429)", retry_after(headers, now))
    if status >= 500:
        if write:
            return OutcomeUnknown(text)
        return Unavailable(text, retry_after(headers, now, default=None))
    if status == 401:
        return NeedsReauth("the access token is not accepted")
    if status in (402, 403, 404, 423):
        # The shop is frozen, closed, locked or gone, or the app was taken off it: only its owner can help.
        return NeedsReauth(f"the shop does not let us in: {text}")
    if 300 <= status < 400:
        return NeedsReauth(f"the shop answers from another address ({headers.get('location', 'not named')})")
    if status == 400 or status == 422:
        return Refused(f"http_{status}", text)
    return OutcomeUnknown(text) if write else WireDrift(text, body)


def retry_after(headers: Mapping[str, str], now: float, default: float | None = 2.0) -> float | None:
    """Seconds to wait from a Retry-After header (seconds or a date)."""
    given = next((value for name, value in headers.items() if name.lower() == "retry-after"), "").strip()
    if not given:
        return default
    try:
        wait = float(given)
    except ValueError:
        try:
            wait = parsedate_to_datetime(given).timestamp() - now
        except (ValueError, TypeError):
            return default
    return max(SHORTEST_WAIT, wait) if math.isfinite(wait) else default


def top_error(answer: Envelope, *, write: bool, tolerate: tuple[str, ...] = ()) -> VendorError | None:
    """The error that an answer's top-level ``errors`` stand for, None when there is none to mind.

    ``tolerate`` names fields that may come back null for want of a right (protected customer data)."""
    if answer.errors is None:
        return None
    if isinstance(answer.errors, str):  # outside the GraphQL layer errors are a plain text
        return NeedsReauth(answer.errors) if "token" in answer.errors else WireDrift(answer.errors)
    minded = [each for each in answer.errors if not _tolerated(each, tolerate)]
    if not minded:
        return None
    worst = min(minded, key=lambda each: _rank(each.code))
    return _of_code(worst, answer, write=write)


def _rank(code: str) -> int:
    for rank, codes in enumerate(({"THROTTLED"}, {"ACCESS_DENIED"}, {"INTERNAL_SERVER_ERROR", "TIMEOUT"}, _DOCUMENT)):
        if code in codes:
            return rank
    return 9


def _of_code(error: GraphQLError, answer: Envelope, *, write: bool) -> VendorError:
    code, text = error.code, truncate(error.message or "no text", _TEXT)
    if write and _has_data(answer):
        return OutcomeUnknown(f"{text} ({code})")  # it ran, and then something went wrong
    if code == "THROTTLED":
        return Unavailable("the shop's points are spent", throttled_for(answer))
    if code == "ACCESS_DENIED":
        return NeedsReauth(text, missing_scopes(error))
    if code == "SHOP_INACTIVE":
        return NeedsReauth(text)
    if code in ("", "INTERNAL_SERVER_ERROR", "TIMEOUT"):
        return OutcomeUnknown(text) if write else Unavailable(text)
    if code in _DOCUMENT:
        return WireDrift(f"{text} ({code})")
    field = ".".join(str(part) for part in error.path or ())
    if code in _NO or answer.empty:
        return Refused(code, text, field=field)
    return OutcomeUnknown(f"{text} ({code})") if write else Refused(code, text, field=field)


def throttled_for(answer: Envelope) -> float:
    """Seconds until the bucket holds what was asked for."""
    cost = answer.extensions.cost if answer.extensions else None
    if cost is None or cost.throttle_status is None or cost.throttle_status.restore_rate <= 0:
        return 2.0
    missing = cost.requested_query_cost - cost.throttle_status.currently_available
    return max(SHORTEST_WAIT, missing / cost.throttle_status.restore_rate)


def missing_scopes(error: GraphQLError) -> tuple[str, ...]:
    """Scopes that an ACCESS_DENIED names, in its text or in ``requiredAccess``."""
    required = str((error.extensions or {}).get("requiredAccess") or "")
    return tuple(dict.fromkeys(_SCOPE.findall(f"{required} {error.message}")))


def user_errors(errors: list[UserError]) -> VendorError | None:
    """The refusal in a mutation's payload; several are told in one text, the first gives code and field."""
    if not errors:
        return None
    first = errors[0]
    text = "; ".join(dict.fromkeys(each.message for each in errors))
    code = first.code or ""
    lower = text.lower()
    if code == "IDEMPOTENCY_CONCURRENT_REQUEST" or ("idempoten" in lower and "concurrent" in lower):
        return OutcomeUnknown(text)  # our first try of the same key is still at work
    if code == "INTERNAL_ERROR":
        return OutcomeUnknown(text)
    return Refused(code, truncate(text, _TEXT), field=".".join(first.field or ()))


def token_error(status: int, headers: Mapping[str, str], body: bytes, now: float) -> VendorError:
    """The error of the token endpoint. Asking for a token twice does no harm, so nothing here is unknown."""
    if status == 429 or status >= 500:
        return Unavailable(f"no token: HTTP {status}", retry_after(headers, now))
    try:
        told = msgspec.json.decode(body)
        text = str(told.get("error_description") or told.get("error") or "") if isinstance(told, dict) else ""
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text = ""
    return NeedsReauth(f"the shop gives no token: {truncate(text, _TEXT) or f'HTTP {status}'}")


def _tolerated(error: GraphQLError, tolerate: tuple[str, ...]) -> bool:
    return error.code == "ACCESS_DENIED" and any(part in tolerate for part in error.path or ())


def _has_data(answer: Envelope) -> bool:
    if answer.empty:
        return False
    data = msgspec.json.decode(answer.data)
    return isinstance(data, dict) and any(value is not None for value in data.values())
