"""The table of answers and the error each one means."""

from __future__ import annotations

import json
from typing import Any

import pytest

from backhaul.connectors.shopify import errors
from backhaul.connectors.shopify.wire import UserError
from backhaul.connectors.shopify.writes import receipt
from backhaul.ports.errors import NeedsReauth, OutcomeUnknown, Refused, Unavailable, VendorError, WireDrift

NOW = 1_790_000_000.0


def meaning(
    status: int, body: bytes | dict[str, Any], *, write: bool, headers: dict[str, str] | None = None
) -> VendorError | None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        answer = errors.envelope(status, headers or {}, raw, write=write, now=NOW)
    except VendorError as error:
        return error
    return errors.top_error(answer, write=write)


@pytest.mark.parametrize(
    ("status", "read", "written"),
    [
        (301, NeedsReauth, NeedsReauth),
        (400, Refused, Refused),
        (401, NeedsReauth, NeedsReauth),
        (402, NeedsReauth, NeedsReauth),
        (403, NeedsReauth, NeedsReauth),
        (404, NeedsReauth, NeedsReauth),
        (418, WireDrift, OutcomeUnknown),
        (423, NeedsReauth, NeedsReauth),
        (429, Unavailable, Unavailable),
        (500, Unavailable, OutcomeUnknown),
        (502, Unavailable, OutcomeUnknown),
        (503, Unavailable, OutcomeUnknown),
        (504, Unavailable, OutcomeUnknown),
    ],
)
def test_http_status(status: int, read: type[VendorError], written: type[VendorError]) -> None:
    assert type(meaning(status, b"{}", write=False)) is read
    assert type(meaning(status, b"{}", write=True)) is written


def top(code: str, **more: Any) -> dict[str, Any]:
    return {"errors": [{"message": "made up", "extensions": {"code": code}, **more}]}


@pytest.mark.parametrize(
    ("code", "read", "written"),
    [
        ("THROTTLED", Unavailable, Unavailable),
        ("ACCESS_DENIED", NeedsReauth, NeedsReauth),
        ("SHOP_INACTIVE", NeedsReauth, NeedsReauth),
        ("INTERNAL_SERVER_ERROR", Unavailable, OutcomeUnknown),
        ("TIMEOUT", Unavailable, OutcomeUnknown),
        ("undefinedField", WireDrift, WireDrift),
        ("argumentNotAccepted", WireDrift, WireDrift),
        ("BAD_REQUEST", Refused, Refused),
        ("INVALID_VARIABLE", Refused, Refused),
        ("RESOURCE_NOT_FOUND", Refused, Refused),
        ("MAX_INPUT_SIZE_EXCEEDED", Refused, Refused),
        ("SOMETHING_NEW", Refused, Refused),
        ("", Unavailable, OutcomeUnknown),
    ],
)
def test_top_level_code(code: str, read: type[VendorError], written: type[VendorError]) -> None:
    assert type(meaning(200, top(code), write=False)) is read
    assert type(meaning(200, top(code), write=True)) is written


def test_a_new_word_after_the_mutation_was_reached_is_unknown() -> None:
    body = top("SOMETHING_NEW") | {"data": {"returnCreate": None}}
    assert type(meaning(200, body, write=True)) is OutcomeUnknown


def test_whatever_follows_a_mutation_that_ran_is_unknown() -> None:
    for code in ("THROTTLED", "ACCESS_DENIED", "BAD_REQUEST"):
        body = top(code) | {"data": {"returnCreate": {"return": None, "userErrors": []}}}
        assert type(meaning(200, body, write=True)) is OutcomeUnknown


NO_ANSWERS = [
    *(b"", b"<html>busy</html>", b"[]", b"{}", b'{"data":'),
    *(b'{"data":{"shop":"\xff"}}', b'{"errors":[{"message":"\xff"}]}', b'{"data":' + b"[" * 100_000),
]


@pytest.mark.parametrize("body", NO_ANSWERS, ids=lambda body: repr(body[:20]))
def test_no_graphql_answer(body: bytes) -> None:
    assert type(meaning(200, body, write=False)) is WireDrift
    assert type(meaning(200, body, write=True)) is OutcomeUnknown


def test_throttled_waits_until_the_points_are_there() -> None:
    cost = {
        "requestedQueryCost": 250,
        "throttleStatus": {"maximumAvailable": 2000, "currentlyAvailable": 50, "restoreRate": 100},
    }
    error = meaning(200, top("THROTTLED") | {"extensions": {"cost": cost}}, write=False)
    assert isinstance(error, Unavailable)
    assert error.retry_after == 2.0


@pytest.mark.parametrize(
    ("given", "wait"),
    [("4", 4.0), ("0", errors.SHORTEST_WAIT), ("2.5", 2.5), ("soon", 2.0), ("", 2.0), ("inf", 2.0)],
)
def test_retry_after(given: str, wait: float) -> None:
    error = meaning(429, b"", write=True, headers={"Retry-After": given})
    assert isinstance(error, Unavailable)
    assert error.retry_after == wait


def test_retry_after_as_a_date() -> None:
    assert errors.retry_after({"retry-after": "Sat, 21 Nov 2026 07:28:00 GMT"}, 1_795_246_070.0) == 10.0


def test_missing_scopes_are_named() -> None:
    denied = top("ACCESS_DENIED")
    denied["errors"][0]["extensions"]["requiredAccess"] = "`read_returns` access scope or `read_marketplace_returns`."
    error = meaning(200, denied, write=False)
    assert isinstance(error, NeedsReauth)
    assert error.missing == ("read_returns", "read_marketplace_returns")


def test_protected_data_may_be_missing() -> None:
    body = top("ACCESS_DENIED", path=["order", "shippingAddress"]) | {"data": {"order": {"id": "x"}}}
    answer = errors.envelope(200, {}, json.dumps(body).encode(), write=False, now=NOW)
    assert errors.top_error(answer, write=False, tolerate=("shippingAddress",)) is None
    assert isinstance(errors.top_error(answer, write=False), NeedsReauth)


@pytest.mark.parametrize(
    ("message", "code", "expected"),
    [
        ("Return line item has an invalid quantity.", "INVALID", Refused),
        ("Return is not cancelable.", "INVALID_STATE", Refused),
        ("Refund amount $9.00 is greater than net payment received $8.00", None, Refused),
        ("went wrong", "INTERNAL_ERROR", OutcomeUnknown),
        ("busy", "IDEMPOTENCY_CONCURRENT_REQUEST", OutcomeUnknown),
        ("A concurrent request with the same idempotency key is at work", None, OutcomeUnknown),
        ("other input", "IDEMPOTENCY_KEY_PARAMETER_MISMATCH", Refused),
    ],
)
def test_user_errors(message: str, code: str | None, expected: type[VendorError]) -> None:
    error = errors.user_errors([UserError(message, ["input", "returnLineItems", "0"], code)])
    assert type(error) is expected
    if isinstance(error, Refused):
        assert (error.code, error.text, error.field) == (code or "", message, "input.returnLineItems.0")


def test_no_user_errors() -> None:
    assert errors.user_errors([]) is None


def payload(body: dict[str, Any]) -> Any:
    return receipt(errors.envelope(200, {}, json.dumps(body).encode(), write=True, now=NOW))


def test_receipt_names_what_was_made() -> None:
    made = {"data": {"returnCreate": {"return": {"id": "gid://shopify/Return/1", "name": "#1-R1"}, "userErrors": []}}}
    assert payload(made).result == "gid://shopify/Return/1"
    assert payload(made).text == "#1-R1"


def test_made_in_spite_of_an_error_beside_it_is_made() -> None:
    body = {"data": {"returnClose": {"return": {"id": "gid://shopify/Return/1"}, "userErrors": []}}}
    assert payload(body | top("INTERNAL_SERVER_ERROR")).result == "gid://shopify/Return/1"


def test_a_refusal_wins_over_an_error_beside_it() -> None:
    body = {"data": {"returnClose": {"return": None, "userErrors": [{"field": ["id"], "message": "no", "code": "X"}]}}}
    with pytest.raises(Refused) as caught:
        payload(body | top("INTERNAL_SERVER_ERROR"))
    assert (caught.value.code, caught.value.field) == ("X", "id")


@pytest.mark.parametrize(
    "data", [{"returnClose": None}, {"returnClose": {"return": None, "userErrors": []}}, {}, {"returnClose": []}]
)
def test_neither_made_nor_refused_is_unknown(data: dict[str, Any]) -> None:
    with pytest.raises(OutcomeUnknown):
        payload({"data": data})


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_token_refused(status: int) -> None:
    error = errors.token_error(status, {}, b'{"error":"invalid_client","error_description":"made up"}', NOW)
    assert isinstance(error, NeedsReauth)
    assert "made up" in str(error)


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"error":"\xff"}', b"[" * 100_000], ids=lambda body: repr(body[:9]))
def test_token_refused_without_words(body: bytes) -> None:
    assert isinstance(errors.token_error(400, {}, body, NOW), NeedsReauth)


def test_token_endpoint_busy() -> None:
    assert isinstance(errors.token_error(503, {}, b"", NOW), Unavailable)
