"""Prepared requests, byte for byte."""

from __future__ import annotations

import hashlib
from email import message_from_bytes
from typing import Any

import msgspec
import pytest

from backhaul.connectors.tiktok_shop import requests
from backhaul.domain.effects import CloseReturn, Decide, DecideUnits, UploadLabel
from backhaul.domain.money import Money
from backhaul.domain.words import Action, Decision
from backhaul.ports.connector import Prepared
from backhaul.ports.errors import Refused

CASE = "4035300000000000201"
PDF = b"%PDF-1.4\n1 0 obj\r\n--not a boundary\r\n%%EOF\n"


def decide(decision: Decision, **more: Any) -> Decide:
    return Decide(CASE, Action.ANSWER_RETURN, 1, decision, **more)


def label(**changes: Any) -> UploadLabel:
    values: dict[str, Any] = {
        "case_id": CASE,
        "attachment": "file-1",
        "sha256": hashlib.sha256(PDF).hexdigest(),
        "tracking_number": "9400 1000",
        "carrier_id": "7117",
    }
    return UploadLabel(**{**values, **changes})


WHY = {"reason_key": "it's_wrong", "comment": "Größe falsch"}


@pytest.mark.parametrize(
    ("wanted", "path", "body"),
    [
        (decide(Decision.APPROVE_REFUND), "returns/{}/approve", '{"decision":"APPROVE_REFUND"}'),
        (decide(Decision.APPROVE_RETURN), "returns/{}/approve", '{"decision":"APPROVE_RETURN"}'),
        (
            decide(Decision.KEEP_ITEM),
            "returns/{}/approve",
            '{"decision":"APPROVE_RETURN","buyer_keep_item":true}',
        ),
        (decide(Decision.ACCEPT_PARCEL), "returns/{}/approve", '{"decision":"APPROVE_RECEIVED_PACKAGE"}'),
        (decide(Decision.APPROVE_REPLACEMENT), "returns/{}/approve", '{"decision":"APPROVE_REPLACEMENT"}'),
        (decide(Decision.REFUND_INSTEAD), "returns/{}/approve", '{"decision":"ISSUE_REPLACEMENT_REFUND"}'),
        (
            decide(Decision.OFFER_PARTIAL, offer=Money(1200, "USD")),
            "returns/{}/approve",
            '{"decision":"OFFER_PARTIAL_REFUND","partial_refund":{"currency":"USD","amount":"12.00"}}',
        ),
        (
            decide(Decision.REJECT_REFUND, reason_key="r1"),
            "returns/{}/reject",
            '{"decision":"REJECT_REFUND","reject_reason":"r1"}',
        ),
        (
            decide(Decision.REJECT_RETURN, **WHY),
            "returns/{}/reject",
            '{"decision":"REJECT_RETURN","reject_reason":"it\'s_wrong","comment":"Größe falsch"}',
        ),
        (
            decide(Decision.REFUSE_PARCEL, **WHY),
            "returns/{}/reject",
            '{"decision":"REJECT_RECEIVED_PACKAGE","reject_reason":"it\'s_wrong","comment":"Größe falsch"}',
        ),
        (
            decide(Decision.REJECT_REPLACEMENT, reason_key="r"),
            "returns/{}/reject",
            '{"decision":"REJECT_REPLACEMENT","reject_reason":"r"}',
        ),
        (decide(Decision.APPROVE_EXCHANGE), "returns/{}/approve", '{"decision":"APPROVE_EXCHANGE"}'),
        (decide(Decision.REFUND_EXCHANGE), "returns/{}/approve", '{"decision":"ISSUE_EXCHANGE_REFUND"}'),
        (
            decide(Decision.REJECT_EXCHANGE, reason_key="r"),
            "returns/{}/reject",
            '{"decision":"REJECT_EXCHANGE","reject_reason":"r"}',
        ),
        (decide(Decision.APPROVE_CANCELLATION), "cancellations/{}/approve", ""),
        (decide(Decision.REJECT_CANCELLATION, reason_key="r"), "cancellations/{}/reject", '{"reject_reason":"r"}'),
    ],
)
def test_decisions(wanted: Decide, path: str, body: str) -> None:
    prepared = requests.prepare(wanted, "key-1")
    assert prepared == Prepared(
        "POST", "/return_refund/202309/" + path.format(CASE), {"idempotency_key": "key-1"}, body.encode()
    )


def check_review(prepared: Prepared, answer: dict[str, Any]) -> None:
    """One answer for lines 41 and 42 of parcel 4040, which carries its own key."""
    assert (prepared.path, prepared.query) == ("/return_refund/202606/aftersales/review", {})
    lines = [{"return_line_item_id": "41"}, {"return_line_item_id": "42"}]
    decided = {"request_id": "4040", "request_id_type": "RMA", "line_item_decisions": [{"line_items": lines, **answer}]}
    assert msgspec.json.decode(prepared.body) == {
        "aftersales_request_decisions": [{**decided, "idempotency_key": "key-1"}]
    }


def test_a_part_of_the_refund_is_decided_on_the_parcel() -> None:
    part: dict[str, Any] = {"offer": Money(1200, "USD"), "subject": "4040", "lines": ("41", "42")}
    wanted = Decide(CASE, Action.JUDGE_PARCEL, 1, Decision.REFUND_PART, **part)
    prepared = requests.prepare(wanted, "key-1")
    check_review(
        prepared,
        {
            "action": "OFFER_PARTIAL_REFUND_AFTER_RECEIVING_PKG",
            "partial_refund_amount": {"partial_refund_total": "12.00", "currency": "USD"},
        },
    )
    for lacks in ({"offer": None}, {"subject": ""}, {"lines": ()}):
        with pytest.raises(Refused):
            requests.prepare(msgspec.structs.replace(wanted, **lacks), "key-1")


def test_an_answer_for_lines_names_them_and_carries_its_own_key() -> None:
    wanted = DecideUnits("40", Action.JUDGE_PARCEL, 1, Decision.REFUSE_PARCEL, ("41", "42"), "4040", "torn", "look")
    prepared = requests.prepare(wanted, "key-1")
    check_review(
        prepared,
        {
            "action": "REJECT_RETURN_PACKAGE",
            "reject_reason": "torn",
            "comment": "look",
        },
    )
    for lacks in ({"reason_key": ""}, {"subject": ""}, {"units": ()}, {"decision": Decision.REFUND_PART}):
        with pytest.raises(Refused):
            requests.prepare(msgspec.structs.replace(wanted, **lacks), "key-1")
    with pytest.raises(Refused):
        requests.prepare(wanted, "")


def test_an_answer_for_lines_of_a_request_names_the_request() -> None:
    wanted = DecideUnits("40", Action.ANSWER_RETURN, 1, Decision.REJECT_RETURN, ("41",), "4038", "no_fault")
    for decision, word, more in (
        (Decision.APPROVE_RETURN, "APPROVE_REQUEST", {}),
        (Decision.REJECT_RETURN, "REJECT_REQUEST", {"reject_reason": "no_fault"}),
        (Decision.REFUND_INSTEAD, "REFUND_INSTEAD", {}),
        (
            Decision.OFFER_PARTIAL,
            "OFFER_PARTIAL_REFUND",
            {"partial_refund_amount": {"partial_refund_total": "3.00", "currency": "USD"}},
        ),
    ):
        asked = msgspec.structs.replace(wanted, decision=decision, offer=Money(300, "USD"))
        (item,) = msgspec.json.decode(requests.prepare(asked, "key-1").body)["aftersales_request_decisions"]
        assert (item["request_id"], item["request_id_type"]) == ("4038", "AFTERSALES")
        lines = [{"return_line_item_id": "41"}]
        assert item["line_item_decisions"] == [{"line_items": lines, "action": word, **more}]
    for lacks in ({"reason_key": ""}, {"subject": ""}, {"decision": Decision.OFFER_PARTIAL}):
        with pytest.raises(Refused):
            requests.prepare(msgspec.structs.replace(wanted, **lacks), "key-1")


def test_every_decision_can_be_prepared() -> None:
    for decision in set(Decision) - {Decision.REFUND_PART, Decision.BY_UNIT}:
        prepared = requests.prepare(decide(decision, reason_key="r", offer=Money(1, "USD")), "k")
        assert prepared.path.endswith(("/approve", "/reject"))
        assert requests.word(decide(decision))


@pytest.mark.parametrize(
    ("wanted", "key"),
    [
        (decide(Decision.REJECT_RETURN), "k"),
        (decide(Decision.OFFER_PARTIAL), "k"),
        (decide(Decision.APPROVE_RETURN), ""),
        (decide(Decision.APPROVE_RETURN), "k" * 256),
        (msgspec.structs.replace(decide(Decision.APPROVE_RETURN), case_id="1/../2"), "k"),
        (CloseReturn("1", "2"), "k"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_it_is_sent(wanted: Any, key: str) -> None:
    with pytest.raises(Refused):
        requests.prepare(wanted, key)


def test_a_label_in_one_form_with_its_tracking_number_and_carrier() -> None:
    prepared = requests.prepare(label(), "key-1", PDF)
    assert (prepared.method, prepared.path) == ("POST", "/return_refund/202405/returns/shipping_documents")
    assert prepared.query == {"return_ids": CASE}
    boundary = "backhaul-" + hashlib.sha256(b"key-1/0").hexdigest()[:32]
    assert prepared.content_type == f"multipart/form-data; boundary={boundary}"
    assert (
        prepared.body
        == (
            f'--{boundary}\r\nContent-Disposition: form-data; name="tracking_number"\r\n\r\n9400 1000\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="return_provider_id"\r\n\r\n7117\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="return_shipping_label"; filename="label.pdf"\r\n'
            "Content-Type: application/pdf\r\n\r\n"
        ).encode()
        + PDF
        + f"\r\n--{boundary}--\r\n".encode()
    )


def test_another_reader_finds_the_same_parts() -> None:
    prepared = requests.prepare(label(document="qr_code_no_box"), "key-1", PDF)
    whole = message_from_bytes(f"Content-Type: {prepared.content_type}\r\n\r\n".encode() + prepared.body)
    parts = {
        part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
        for part in whole.walk()
        if not part.is_multipart()
    }
    assert parts == {"tracking_number": b"9400 1000", "return_provider_id": b"7117", "return_qr_code": PDF}


def test_the_same_effect_has_the_same_bytes_and_the_boundary_is_never_in_the_file() -> None:
    first = requests.prepare(label(), "key-1", PDF)
    assert first == requests.prepare(label(), "key-1", PDF)
    boundary = first.content_type.partition("boundary=")[2]
    nasty = PDF + boundary.encode()
    other = requests.prepare(label(sha256=hashlib.sha256(nasty).hexdigest()), "key-1", nasty)
    assert other.content_type.partition("boundary=")[2].encode() not in nasty


@pytest.mark.parametrize(
    ("wanted", "file"),
    [
        (label(), None),
        (label(), b""),
        (label(sha256=hashlib.sha256(b"GIF89a").hexdigest()), b"GIF89a"),
        (label(sha256="0" * 64), PDF),
        (label(tracking_number=""), PDF),
        (label(carrier_id=""), PDF),
        (label(tracking_number="1\r\n--x"), PDF),
        (label(case_id=""), PDF),
    ],
)
def test_a_label_that_could_not_be_corrected_is_not_sent(wanted: UploadLabel, file: bytes | None) -> None:
    with pytest.raises(Refused):
        requests.prepare(wanted, "k", file)


def test_a_prepared_request_survives_storage() -> None:
    prepared = requests.prepare(label(), "key-1", PDF)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(prepared), type=Prepared) == prepared
