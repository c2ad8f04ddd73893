"""Pure: what an answer means, as data or as one of the five errors.

The vendor says no in at least six shapes, some of them with HTTP 200; an action succeeded only if the body is the JSON
value ``true``. A refusal is told in the operator's words, with the setting in Loop that causes it; what the table does
not know is told as Loop said it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from backhaul.kit.text import truncate
from backhaul.ports.errors import NeedsReauth, OutcomeUnknown, Refused, Unavailable, VendorError, WireDrift

_TEXT = 400
SUPPORT = (
    "If Loop does not offer this right, its support has to enable draft returns (Return Create API) for the account."
)


class Cause(NamedTuple):
    """A refusal as it is known: ``code`` is ours, ``told`` finds it in the vendor's code and text, lower case."""

    code: str
    told: re.Pattern[str]
    words: str


def _cause(code: str, told: str, words: str) -> Cause:
    return Cause(code, re.compile(told), words)


# First hit wins. The vendor publishes few of these codes and no texts of its workflows: words are matched loosely.
CAUSES = (
    _cause(
        "no_draft_returns",
        r"draft-returns-not-enabled|draft returns? (is|are) not enabled|unsupported-feature",
        "This Loop account takes no returns from other systems. Ask Loop's support to enable draft returns (Return "
        "Create API) for it.",
    ),
    _cause(
        "order_not_found",
        r"order[-_ ](not[-_ ]found|lookup[-_ ]failed)|error-retrieving-order|order .*could not be found",
        "Loop finds no order of this name and postal code. It takes orders over from the store within minutes, and "
        "none from before it was installed. If it has the order, let orders be looked up by postal code in the "
        "settings of Loop's portal: the channel gives no real e-mail address.",
    ),
    _cause(
        "secondary_mismatch",
        r"secondary[-_ ]input",
        "Loop did not find the order by its postal code. In Loop's settings of the portal, let orders be looked up by "
        "order number and postal code: the channel gives no real e-mail address.",
    ),
    _cause(
        "no_policy",
        r"returns?-unavailable|no (return )?policy|policy .*(cover|address)",
        "No return policy in Loop covers the order's address. Add the buyer's country to a policy.",
    ),
    _cause(
        "final_sale",
        r"final[-_ ]sale|non-returnable|excluded[-_ ]item",
        "Loop holds the item as final sale or not returnable, while the channel takes it back. Take it out of that "
        "exclusion in the return policy, or except the channel's orders from it.",
    ),
    _cause(
        "minimum_value",
        r"minimum|min[-_ ]order|below[-_ ].*value",
        "A workflow in Loop wants a minimum order value, which this order does not reach. Except the channel's orders "
        "from that workflow.",
    ),
    _cause(
        "window",
        r"window|too[-_ ]old|return[-_ ]period",
        "The order is older than the return window of Loop's policy. Make the window at least as long as the channel's "
        "(30 days or more), or give the channel's orders a window of their own.",
    ),
    _cause(
        "photo",
        r"photo|image|picture|upload",
        "A workflow in Loop wants photos, which a return from another system cannot bring. Except the channel's orders "
        "from that workflow.",
    ),
    _cause(
        "question",
        r"question|user[-_ ]input|prompt|answer",
        "A workflow in Loop asks the shopper a question, which a return from another system cannot answer. Except the "
        "channel's orders from that workflow.",
    ),
    _cause(
        "refund_not_offered",
        r"exchange[-_ ]only|credit[-_ ]only|refund.*not (available|offered|allowed)|outcome.*(not|invalid|unavailable)",
        "Loop does not offer a refund for this item, only exchange or store credit. Let the policy, or the workflow "
        "that steers to them, offer a refund to the original method of payment for the channel's orders.",
    ),
    _cause(
        "percentage_fee",
        r"percent|handling[-_ ]fee|restocking[-_ ]fee",
        "A workflow in Loop takes a fee in percent, which would make the refund wrong. Make it a fixed amount or "
        "except the channel's orders from it.",
    ),
    _cause(
        "flagged",
        r"flagged|\b(is|in|needs|held for) (in )?review",
        "The return is held for review in Loop. Release it there, or switch on that flagged returns may be processed.",
    ),
    _cause(
        "label_exists",
        r"label[-_ ]already[-_ ]exists",
        "The return has a label in Loop.",
    ),
    _cause(
        "already_returned",
        r"already[-_ ](been[-_ ])?returned|already[-_ ]exists|(return|item)s? .*already|no[-_ ]returnable",
        "Loop holds these items as returned already.",
    ),
    _cause(
        "not_fulfilled",
        r"not[-_ ](been[-_ ])?(fulfilled|shipped)|unfulfilled",
        "For Loop the item has not been shipped: the order has no fulfilment in the store.",
    ),
    _cause(
        "expired",
        r"expired",
        "The return has expired in Loop: its label was never used.",
    ),
    _cause(
        "no_label",
        r"cannot[-_ ]receive[-_ ]label|label generation",
        "Loop makes no label for this return. Switch label generation on in the return policy that covers it, and look "
        "whether the carrier account in Loop is in order.",
    ),
    _cause("return_not_found", r"return[-_ ]not[-_ ]found", "Loop does not know this return."),
)


_ALREADY = frozenset({"already_returned", "label_exists"})
_LABEL = {404: "return_not_found", 409: "label_exists", 422: "no_label"}


class Reply(NamedTuple):
    """An answer that is neither a fault nor a closed door: its status and its JSON value."""

    status: int
    value: Any


class NotLetIn(Exception):
    """401 or 403: the key has ended, or it lacks the right for this call; the vendor does not tell them apart."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def read(status: int, headers: Mapping[str, str], body: bytes, *, write: bool) -> Reply:
    """The decoded answer, refusals still in it. Raises NotLetIn, or the error of a status or body that tells nothing
    else. ``write`` says whether something may have happened."""
    value, broken = _decode(body)
    if status in (401, 403):
        raise NotLetIn(words(value)[1] or f"HTTP {status}")
    if status == 429:
        raise Unavailable("too many calls: Loop allows 300 a minute", retry_after(headers))
    if status >= 500 or status == 408:
        text = f"Loop answered with HTTP {status}: {truncate(words(value)[1] or 'no text', _TEXT)}"
        raise OutcomeUnknown(text) if write else Unavailable(text, retry_after(headers))
    if 300 <= status < 400:
        raise WireDrift(f"Loop answers from another address ({headers.get('Location', 'not named')})")
    if broken and status not in (404, 410):
        text = f"the answer (HTTP {status}) cannot be read"
        raise OutcomeUnknown(text) if write else WireDrift(text, body)
    return Reply(status, value)


def _decode(body: bytes) -> tuple[Any, bool]:
    if not body.strip():
        return None, False
    try:
        return msgspec.json.decode(body), False
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None, True


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, if the vendor said so; it documents no such header, so mostly None."""
    given = next((value for name, value in headers.items() if name.lower() == "retry-after"), "").strip()
    try:
        wait = float(given)
    except ValueError:
        return None
    return wait if math.isfinite(wait) and wait > 0 else None


def words(value: Any) -> tuple[str, str]:
    """(code, text) of a refusal in any of its shapes; empty texts where there is none."""
    if isinstance(value, str):
        return "", value
    if isinstance(value, list):
        parts = [words(each) for each in value]
        code = next((code for code, _ in parts if code), "")
        return code, "; ".join(dict.fromkeys(text for _, text in parts if text))
    if not isinstance(value, dict):
        return "", ""
    code = str(value.get("code") or value.get("http_code") or "")
    text = next((each for name in ("message", "content", "title") if isinstance(each := value.get(name), str)), "")
    for name in ("error", "errors"):
        inner_code, inner_text = _inner(value.get(name))
        code = code or inner_code
        text = f"{text}; {inner_text}" if text and inner_text and inner_text not in text else text or inner_text
    return code, text


def _inner(value: Any) -> tuple[str, str]:
    """What stands under ``error`` or ``errors``: again a refusal, or field -> texts."""
    if isinstance(value, dict) and not {"message", "code", "http_code", "content"} & value.keys():
        texts = [words(each)[1] for each in value.values()]
        return "", "; ".join(text for text in texts if text)
    return words(value)


def is_refusal(value: Any) -> bool:
    """Whether a body of HTTP 200 says no: an error in it, and not the thing that was asked for."""
    return isinstance(value, dict) and not value.get("id") and any(words({n: value.get(n)}) != ("", "") for n in _SIGNS)


_SIGNS = ("error", "errors", "message", "content")


def refused(value: Any, status: int = 200, already: str = "") -> Refused:
    """The refusal in a body. ``already`` is the state that the call was to bring about (``closed``)."""
    code, text = words(value)
    told = f"{code} {text}".strip()
    if already and re.search(rf"\bis (already )?{already}\b", told.lower()):
        return Refused(f"already_{already}", f"Loop says: {truncate(text, _TEXT)}", already=True)
    cause = next((each for each in CAUSES if each.told.search(told.lower())), None)
    once = text if code in text else told
    said = f"Loop said: {truncate(once, _TEXT)}" if told else f"Loop gave no reason (HTTP {status})."
    if cause is None:
        return Refused(code or f"http_{status}", truncate(text, _TEXT) or said)
    return Refused(cause.code, f"{cause.words} {said}", already=cause.code in _ALREADY)


def because(code: str, detail: str = "") -> Refused:
    """A refusal we know of before the vendor says it."""
    found = next(each for each in CAUSES if each.code == code)
    return Refused(code, f"{found.words} {detail}".rstrip(), already=code in _ALREADY)


def label_refused(reply: Reply) -> Refused:
    """The refusal of a label, whose meaning is its status where the body is empty."""
    told = refused(reply.value, reply.status)
    meant = _LABEL.get(reply.status, "")
    return because(meant) if meant and told.code == f"http_{reply.status}" else told


def not_let_in(scope: str, key_works: bool, text: str) -> VendorError:
    """The error of a closed door: the whole login has ended, or the key lacks one right."""
    if not key_works:
        return NeedsReauth(
            f"Loop does not accept the key any more ({text}). Make a new one under Developer tools in Loop's admin.",
        )
    advice = f" {SUPPORT}" if scope.startswith("draft_returns") else ""
    return Refused(
        "missing_right",
        f"The key lacks the right “{RIGHTS[scope]}”. Add it under Developer tools in Loop's admin.{advice}",
        field=scope,
    )


# Right -> its name in Loop's admin, where a key is made.
RIGHTS = {
    "returns": "Returns",
    "draft_returns:read": "Draft Returns (read)",
    "draft_returns:write": "Draft Returns (write)",
    "developer_tools": "Developer Tools",
}


def done(reply: Reply, already: str = "") -> None:
    """Nothing when an action succeeded. Raises Refused for anything but ``true``."""
    if reply.value is True or reply.value == "true":
        return
    if reply.value is None and reply.status < 300:
        raise OutcomeUnknown("the answer to an action is empty")
    raise refused(reply.value, reply.status, already)
