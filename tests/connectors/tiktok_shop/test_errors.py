"""The table of codes: who must act."""

from __future__ import annotations

import json
from typing import Any

import pytest

from backhaul.connectors.tiktok_shop import errors
from backhaul.connectors.tiktok_shop.wire import Envelope
from backhaul.ports.errors import NeedsReauth, OutcomeUnknown, Refused, Unavailable, VendorError, WireDrift

# Codes by who must act. A fault is Unavailable for a read and OutcomeUnknown for a write.
FAULTS = [36009003, 36009007, 25001042, 25001044, 25001058, 25007002, 25020008]
UNAVAILABLE = [36009002, 25001028]
REAUTH = [36009004, 36009033, 101000, 105001, 105002, 105004, 105005, 106001, 106013, 36004001]
DRIFT = [36009009, 36009010, 36009014, 36009022, 36009023]
ALREADY = [25020009, 25020010, 25020011, 25021022]
REFUSED = [
    *(36009021, 36004004, 98001004, 11050001, 25001001, 25001003, 25001010, 25001011, 25001014, 25001015, 25001016),
    *(25001020, 25001021, 25001057, 25001045, 25001046, 25001051, 25005005, 25005010, 25005011, 25005020, 25005021),
    *(25007006, 25007007, 25011010, 25011011, 25011012, 25011013, 25011014, 25011023, 25011025, 25011026, 25011032),
    *(25011035, 25020003, 25020004, 25020005, 25020012, 25021023, 25023001, 25023002, 12345),
]


def judged(code: int, *, write: bool, status: int = 200, message: str = "told") -> VendorError | None:
    return errors.judge(status, Envelope(code, message), write=write)


@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize("write", [True, False])
@pytest.mark.parametrize(
    ("code", "kind"),
    [(code, Unavailable) for code in UNAVAILABLE]
    + [(code, NeedsReauth) for code in REAUTH]
    + [(code, WireDrift) for code in DRIFT]
    + [(code, Refused) for code in ALREADY],
)
def test_the_body_decides_whatever_the_status(code: int, kind: type[VendorError], write: bool, status: int) -> None:
    found = judged(code, write=write, status=status)
    assert type(found) is kind
    assert "told" in str(found)


@pytest.mark.parametrize("code", REFUSED)
def test_refusals_go_on_the_case_with_their_code(code: int) -> None:
    found = judged(code, write=True)
    assert isinstance(found, Refused)
    assert (found.code, found.already) == (str(code), False)


@pytest.mark.parametrize("code", ALREADY)
def test_already_done_is_marked(code: int) -> None:
    found = judged(code, write=True)
    assert isinstance(found, Refused)
    assert found.already


@pytest.mark.parametrize("code", FAULTS)
def test_a_fault_leaves_a_read_without_effect_and_a_write_without_a_known_one(code: int) -> None:
    assert type(judged(code, write=False)) is Unavailable
    assert type(judged(code, write=True)) is OutcomeUnknown


def test_an_unknown_code_with_a_server_status_is_a_fault() -> None:
    assert type(judged(777, write=True, status=503)) is OutcomeUnknown
    assert type(judged(777, write=False, status=503)) is Unavailable
    assert type(judged(777, write=True, status=429)) is Unavailable


def test_a_missing_right_is_named() -> None:
    found = errors.judge(403, Envelope(105005, "no"), write=False, scope="seller.order.info")
    assert isinstance(found, NeedsReauth)
    assert found.missing == ("seller.order.info",)


def test_what_the_channel_says_in_our_words_is_not_said_twice() -> None:
    said = "No permission: the shop does not have the model"
    assert str(judged(25020005, write=False, message=said)) == f"{said} (25020005)"
    assert (
        str(judged(25020005, write=False, message="not yours")) == "no permission on this order: not yours (25020005)"
    )


def test_a_refused_time_is_nobodys_login() -> None:
    found = judged(36009004, write=True, message="Timestamp is expired")
    assert isinstance(found, Unavailable)
    assert found.retry_after == 1.0


def test_success_is_code_zero() -> None:
    assert judged(0, write=True, status=500) is None


@pytest.mark.parametrize("data", [None, {}, {"errors": None}, {"errors": []}, {"other": 1}])
def test_success_without_part_failures(data: Any) -> None:
    assert errors.judge(200, Envelope(0, "Success", data=data), write=True) is None


def test_code_zero_with_part_failures_is_a_refusal() -> None:
    data = {"errors": [{"code": "25020004", "message": "wrong type"}, {"code": "25020005", "message": "no right"}]}
    found = errors.judge(200, Envelope(0, "Success", data=data), write=True)
    assert isinstance(found, Refused)
    assert (found.code, found.already) == ("25020004", False)
    assert "wrong type (25020004)" in found.text
    assert "no right (25020005)" in found.text
    done = errors.judge(200, Envelope(0, data={"errors": [{"code": "25020010"}]}), write=True)
    assert isinstance(done, Refused)
    assert done.already


def test_part_failures_of_another_shape_are_drift() -> None:
    assert type(errors.judge(200, Envelope(0, data={"errors": "many"}), write=True)) is WireDrift


BODIES = [b"", b"<html>no</html>", b"[1]", b'{"message":"no code"}', b'{"code":0', b"\xff", b"[" * 5000]


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize(
    ("status", "read"), [(200, WireDrift), (404, WireDrift), (408, Unavailable), (500, Unavailable), (502, Unavailable)]
)
def test_a_body_that_is_no_envelope(body: bytes, status: int, read: type[VendorError]) -> None:
    assert type(errors.read(status, body, write=False)) is read
    assert type(errors.read(status, body, write=True)) is OutcomeUnknown
    assert type(errors.read(429, body, write=True)) is Unavailable


def test_an_envelope_with_numbers_as_text_and_nulls_is_read() -> None:
    found = errors.read(200, json.dumps({"code": "0", "message": None, "data": None}).encode(), write=True)
    assert isinstance(found, Envelope)
    assert (found.code, found.message) == (0, "")


@pytest.mark.parametrize(
    ("code", "renewing", "kind"),
    [
        (36004004, False, Refused),
        (36004004, True, NeedsReauth),
        (36004001, True, NeedsReauth),
        (36004003, False, NeedsReauth),
        (98001004, True, NeedsReauth),
        (36009003, True, Unavailable),
        (36009002, True, Unavailable),
    ],
)
def test_token_answers(code: int, renewing: bool, kind: type[VendorError]) -> None:
    assert type(errors.token_error(Envelope(code, "told"), renewing=renewing)) is kind


def test_a_token_answer_that_succeeded() -> None:
    assert errors.token_error(Envelope(0), renewing=True) is None
