"""Pure: an effect -> the exact request that is stored and sent. App key, time, signature, shop and token come later."""

from __future__ import annotations

import hashlib
import re

import msgspec

from backhaul.connectors.tiktok_shop import starting
from backhaul.connectors.tiktok_shop.words import SENT_AS, SENT_FOR_LINES
from backhaul.domain.effects import (
    AnyEffect,
    Decide,
    DecideUnits,
    StartCancellation,
    StartReturn,
    UploadEvidence,
    UploadLabel,
)
from backhaul.domain.words import REJECTIONS, WITH_AMOUNT, Action, Decision
from backhaul.ports.connector import Prepared
from backhaul.ports.errors import Refused

_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_PDF = b"%PDF-"
_LONGEST_KEY = 255
_CANCELLATIONS = frozenset({Decision.APPROVE_CANCELLATION, Decision.REJECT_CANCELLATION})


def prepare(wanted: AnyEffect, key: str, attachment: bytes | None = None) -> Prepared:
    """The request of an effect; Refused for one the channel has no call for, or when something is missing."""
    if isinstance(wanted, Decide):
        return _decide(wanted, key)
    if isinstance(wanted, DecideUnits):
        return _review(wanted, wanted.units, checked_key(key))
    if isinstance(wanted, (StartReturn, StartCancellation)):
        return starting.prepare(wanted, checked_key(key))
    if isinstance(wanted, UploadEvidence):
        return _picture(wanted, key, attachment)
    if isinstance(wanted, UploadLabel):
        return _upload(wanted, key, attachment)
    raise Refused("unsupported", f"TikTok Shop has no call for {type(wanted).__name__}")


def word(wanted: Decide | DecideUnits) -> str:
    """The decision as the channel calls it."""
    if isinstance(wanted, DecideUnits):
        return f"{SENT_FOR_LINES[wanted.decision]} for {len(wanted.units)} lines"
    return SENT_AS[wanted.decision] + (" with the item kept" if wanted.decision is Decision.KEEP_ITEM else "")


def checked_key(key: str) -> str:
    """Our idempotency key, if the channel can take it."""
    if not 0 < len(key) <= _LONGEST_KEY:
        raise Refused("idempotency_key", f"the key must have 1 to {_LONGEST_KEY} characters")
    return key


def _decide(wanted: Decide, key: str) -> Prepared:
    decision = wanted.decision
    if decision is Decision.REFUND_PART:
        return _review(wanted, wanted.lines, key)
    verb = "reject" if decision in REJECTIONS else "approve"
    what = "cancellations" if decision in _CANCELLATIONS else "returns"
    body = _decision_body(wanted)
    return Prepared(
        method="POST",
        path=f"/return_refund/202309/{what}/{_path_id(wanted.case_id)}/{verb}",
        query={"idempotency_key": checked_key(key)},
        body=msgspec.json.encode(body) if body else b"",
    )


def _decision_body(wanted: Decide) -> dict[str, object]:
    decision = wanted.decision
    body: dict[str, object] = {} if decision in _CANCELLATIONS else {"decision": SENT_AS[decision]}
    if decision is Decision.KEEP_ITEM:
        body["buyer_keep_item"] = True
    elif decision is Decision.OFFER_PARTIAL:
        if wanted.offer is None:
            raise Refused("offer", "an offer needs an amount")
        body["partial_refund"] = {"currency": wanted.offer.currency, "amount": wanted.offer.text()}
    elif decision in REJECTIONS:
        body |= _rejection(wanted)
    return body


def _rejection(wanted: Decide | DecideUnits) -> dict[str, object]:
    if not wanted.reason_key:
        raise Refused("reject_reason", "a rejection needs a reason out of the list for this very case")
    body: dict[str, object] = {"reject_reason": wanted.reason_key}
    if wanted.comment:
        body["comment"] = wanted.comment
    if wanted.images:
        body["images"] = [
            {"image_id": each.id, "mime_type": each.mime, "width": each.width, "height": each.height}
            for each in wanted.images
        ]
    return body


def _review(wanted: Decide | DecideUnits, lines: tuple[str, ...], key: str) -> Prepared:
    """An answer for lines of a request, or of a parcel that arrived: the line-level model's call.

    The vendor publishes no names for amounts, reasons and pictures in this body; amounts are called what the search's
    answer calls them, the others what the older calls call them."""
    if not wanted.subject or not lines:
        raise Refused("line_items", "an answer for lines needs the id of their request or parcel, and the lines")
    decision: dict[str, object] = {
        "line_items": [{"return_line_item_id": line} for line in lines],
        "action": SENT_FOR_LINES[wanted.decision],
    }
    if wanted.decision in WITH_AMOUNT:
        if wanted.offer is None:
            raise Refused("offer", "a part of the refund needs its amount")
        amount = {"partial_refund_total": wanted.offer.text(), "currency": wanted.offer.currency}
        decision["partial_refund_amount"] = amount
    elif wanted.decision in REJECTIONS:
        decision |= _rejection(wanted)
    item = {
        "request_id": wanted.subject,
        "request_id_type": "RMA" if wanted.action is Action.JUDGE_PARCEL else "AFTERSALES",
        "line_item_decisions": [decision],
        "idempotency_key": key,
    }
    body = msgspec.json.encode({"aftersales_request_decisions": [item]})
    return Prepared("POST", "/return_refund/202606/aftersales/review", {}, body)


def _upload(wanted: UploadLabel, key: str, attachment: bytes | None) -> Prepared:
    if not attachment:
        raise Refused("attachment", "there is no file to upload")
    if not attachment.startswith(_PDF):
        raise Refused("attachment", "the document must be a PDF")
    if hashlib.sha256(attachment).hexdigest() != wanted.sha256:
        raise Refused("attachment", "the file is not the one that was chosen")
    # Once per return and never corrected: so all three together, or nothing.
    if not wanted.tracking_number or not wanted.carrier_id:
        raise Refused("attachment", "a document needs its tracking number and its carrier")
    file_part = "return_qr_code" if wanted.document.startswith("qr_code") else "return_shipping_label"
    texts = {"tracking_number": wanted.tracking_number, "return_provider_id": wanted.carrier_id}
    if any(not value.isprintable() for value in texts.values()):
        raise Refused("tracking_number", "tracking number and carrier must be plain text")
    boundary = _boundary(key, attachment)
    return Prepared(
        method="POST",
        path="/return_refund/202405/returns/shipping_documents",
        query={"return_ids": _path_id(wanted.case_id)},
        body=_multipart(boundary, texts, file_part, "label.pdf", "application/pdf", attachment),
        content_type=f"multipart/form-data; boundary={boundary}",
    )


def _picture(wanted: UploadEvidence, key: str, attachment: bytes | None) -> Prepared:
    if not attachment or hashlib.sha256(attachment).hexdigest() != wanted.sha256:
        raise Refused("attachment", "the picture is not the one that was chosen")
    boundary = _boundary(key, attachment)
    kind = wanted.mime.partition("/")[2]
    return Prepared(
        method="POST",
        path="/product/202309/images/upload",
        query={},
        body=_multipart(boundary, {}, "data", f"picture.{kind}", wanted.mime, attachment),
        content_type=f"multipart/form-data; boundary={boundary}",
    )


def _boundary(key: str, content: bytes) -> str:
    # From the key, so that the same effect has the same bytes; varied in the unlikely case that the file contains it.
    for turn in range(1000):
        boundary = "backhaul-" + hashlib.sha256(f"{key}/{turn}".encode()).hexdigest()[:32]
        if boundary.encode() not in content:
            return boundary
    raise Refused("attachment", "the file cannot be wrapped")


def _multipart(boundary: str, texts: dict[str, str], file_part: str, name: str, mime: str, content: bytes) -> bytes:
    lines = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in texts.items()
    ]
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{file_part}"; filename="{name}"\r\n'
        f"Content-Type: {mime}\r\n\r\n"
    )
    return b"".join([*lines, head.encode(), content, f"\r\n--{boundary}--\r\n".encode()])


def _path_id(case_id: str) -> str:
    if not _ID.fullmatch(case_id):
        raise Refused("id", f"{case_id[:64]!r} is no id of TikTok Shop")
    return case_id
