"""Answers into data or errors; refusals in the operator's words."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from backhaul.connectors.loop import errors
from backhaul.connectors.loop.errors import NotLetIn, Reply
from backhaul.ports.errors import NeedsReauth, OutcomeUnknown, Refused, Unavailable, WireDrift

SHAPES = [
    {"error": {"code": "401", "http_code": "GEN-X", "message": "Said so."}},
    {"errors": "Said so."},
    {"errors": {"message": "Said so.", "code": "UNPROCESSABLE_RETURN"}},
    {"errors": [{"message": "Said so."}]},
    {"errors": ["Said so."]},
    {"message": "Said so.", "errors": {"content": ["Said so."]}},
    {"message": "Said so."},
    {"content": "Said so."},
]


@pytest.mark.parametrize("body", SHAPES)
def test_every_shape_of_no_is_a_no(body: dict[str, Any]) -> None:
    assert errors.words(body)[1] == "Said so."
    assert errors.is_refusal(body)
    with pytest.raises(Refused, match="Said so"):
        errors.done(Reply(200, body))


def test_fields_of_a_refusal_are_told() -> None:
    given = {"message": "The given data was invalid.", "errors": {"from": ["no date"], "to": ["no date", "too far"]}}
    assert errors.words(given) == ("", "The given data was invalid.; no date; no date; too far")


@pytest.mark.parametrize("value", [False, {}, {"id": 5}, [], "false", 1])
def test_only_true_is_done(value: Any) -> None:
    errors.done(Reply(200, True))
    errors.done(Reply(200, "true"))
    with pytest.raises(Refused):
        errors.done(Reply(200, value))


def test_an_empty_answer_to_an_action_is_no_answer() -> None:
    with pytest.raises(OutcomeUnknown):
        errors.done(Reply(200, None))


@pytest.mark.parametrize(
    ("text", "state", "already"),
    [
        ("Return is closed and therefore cannot be processed.", "closed", True),
        ("Return is cancelled and therefore cannot be processed.", "closed", False),
        ("Return is already cancelled.", "cancelled", True),
        ("Return is review and therefore cannot be processed.", "closed", False),
    ],
)
def test_already_in_that_state(text: str, state: str, already: bool) -> None:
    with pytest.raises(Refused) as caught:
        errors.done(Reply(200, {"message": text}), state)
    assert caught.value.already is already
    assert text in str(caught.value)


def test_a_code_that_the_text_begins_with_is_not_said_twice() -> None:
    refused = errors.refused({"code": "final-sale", "message": "final-sale (MUG-BLUE)"}, 422)
    assert refused.text.endswith("Loop said: final-sale (MUG-BLUE)")


@pytest.mark.parametrize(
    ("said", "code", "setting"),
    [
        ({"errors": [{"code": "draft-returns-not-enabled"}]}, "no_draft_returns", "support"),
        ({"errors": [{"code": "order-not-found", "message": "?"}]}, "order_not_found", "within minutes"),
        ({"errors": [{"code": "secondary-input-mismatch"}]}, "secondary_mismatch", "postal code"),
        ({"errors": [{"code": "returns-unavailable-for-order"}]}, "no_policy", "country to a policy"),
        ({"errors": [{"code": "returns-unavailable-from-order-address"}]}, "no_policy", "country to a policy"),
        ({"code": "final-sale"}, "final_sale", "except the channel's orders"),
        ({"code": "outside-return-window"}, "window", "30 days"),
        ({"code": "below-minimum-order-value"}, "minimum_value", "minimum order value"),
        ({"errors": [{"code": "image-upload-required"}]}, "photo", "photos"),
        ({"errors": [{"code": "user-input-required", "message": "A question is open"}]}, "question", "question"),
        ({"errors": [{"code": "outcome-not-available"}]}, "refund_not_offered", "original method"),
        ({"message": "A percentage handling fee cannot be applied."}, "percentage_fee", "fixed amount"),
        ({"errors": {"code": "UNPROCESSABLE_FLAGGED_RETURN"}}, "flagged", "Release it"),
        ({"content": "Return is flagged and cannot be processed."}, "flagged", "Release it"),
        ({"message": "Return is review and therefore cannot be processed."}, "flagged", "Release it"),
        ({"content": "Return is expired and cannot be processed."}, "expired", "expired"),
        ({"code": "not-fulfilled"}, "not_fulfilled", "fulfilment"),
        ({"code": "return_cannot_receive_label"}, "no_label", "label generation"),
    ],
)
def test_a_refusal_names_the_setting_and_what_was_said(said: dict[str, Any], code: str, setting: str) -> None:
    refused = errors.refused(said, 422)
    assert (refused.code, refused.already) == (code, False)
    assert setting in refused.text
    vendor_code, text = errors.words(said)
    assert vendor_code in refused.text
    assert text in refused.text


@pytest.mark.parametrize(
    ("said", "code"), [("already-returned", "already_returned"), ("label_already_exists", "label_exists")]
)
def test_what_is_there_already(said: str, code: str) -> None:
    refused = errors.refused({"code": said}, 409)
    assert (refused.code, refused.already) == (code, True)


@pytest.mark.parametrize(
    ("status", "code", "already"),
    [(404, "return_not_found", False), (409, "label_exists", True), (422, "no_label", False), (400, "http_400", False)],
)
def test_a_label_may_be_refused_without_a_word(status: int, code: str, already: bool) -> None:
    refused = errors.label_refused(Reply(status, None))
    assert (refused.code, refused.already) == (code, already)
    told = errors.label_refused(Reply(status, {"message": "Return is expired."}))
    assert told.code == "expired"


def test_what_the_table_does_not_know_is_told_as_it_was_said() -> None:
    refused = errors.refused({"errors": {"code": "SPARKLES", "message": "Too few sparkles."}})
    assert (refused.code, refused.text, refused.already) == ("SPARKLES", "Too few sparkles.", False)
    assert errors.refused({"errors": [{"message": "Too few sparkles."}]}, 422).code == "http_422"
    assert "gave no reason" in errors.refused(None, 409).text


def test_a_long_text_is_cut() -> None:
    assert len(errors.refused({"message": "x" * 9000}).text) <= 400


@pytest.mark.parametrize("write", [True, False])
def test_statuses(write: bool) -> None:
    def read(status: int, body: bytes = b"{}", **headers: str) -> Reply:
        return errors.read(status, headers, body, write=write)

    assert read(200, b"true") == Reply(200, True)
    assert read(204, b"") == Reply(204, None)
    assert read(422, b'{"message":"no"}').value == {"message": "no"}
    assert read(404, b"<html>").status == 404
    for status in (401, 403):
        with pytest.raises(NotLetIn):
            read(status, b'{"errors":"Unauthorized."}')
    with pytest.raises(Unavailable) as busy:
        read(429)
    assert busy.value.retry_after is None
    with pytest.raises(Unavailable) as told:
        read(429, b"{}", **{"Retry-After": "7"})
    assert told.value.retry_after == 7
    fault = OutcomeUnknown if write else Unavailable
    for status in (500, 502, 503, 408):
        with pytest.raises(fault):
            read(status, b"<html>bad gateway</html>")
    with pytest.raises(OutcomeUnknown if write else WireDrift):
        read(200, b"<html>")
    with pytest.raises(WireDrift):
        read(302, b"", Location="https://elsewhere.example.com")


@pytest.mark.parametrize("wait", ["", "soon", "nan", "inf", "-3", "0"])
def test_a_wait_that_is_none(wait: str) -> None:
    assert errors.retry_after({"Retry-After": wait}) is None


def test_a_closed_door() -> None:
    ended = errors.not_let_in("returns", False, "Unauthorized.")
    assert isinstance(ended, NeedsReauth)
    assert "Developer tools" in str(ended)
    lacks = errors.not_let_in("draft_returns:write", True, "Unauthorized.")
    assert isinstance(lacks, Refused)
    assert (lacks.code, lacks.field) == ("missing_right", "draft_returns:write")
    assert "Draft Returns (write)" in lacks.text
    assert "support has to enable draft returns" in lacks.text
    hooks = errors.not_let_in("developer_tools", True, "")
    assert "support" not in str(hooks)


@pytest.mark.parametrize("body", [b"\xff\xfe", b"[" * 100_000, b"nope"])
def test_bodies_that_cannot_be_read(body: bytes) -> None:
    with pytest.raises(WireDrift) as caught:
        errors.read(200, {}, body, write=False)
    assert caught.value.raw == body


def test_words_survive_anything() -> None:
    for value in (None, 5, True, [None, 3], {"errors": None}, {"errors": {"a": {"b": 3}}}, {"error": [[["x"]]]}):
        code, text = errors.words(msgspec.json.decode(msgspec.json.encode(value)))
        assert isinstance(code, str)
        assert isinstance(text, str)
