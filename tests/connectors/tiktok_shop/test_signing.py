"""Request and webhook signatures: the collected vectors when they are there, and vectors of our own always."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest

from backhaul.connectors.tiktok_shop.client import sign
from backhaul.connectors.tiktok_shop.webhooks import verify
from tests.skips import needs_spec

VECTORS = Path(__file__).resolve().parents[3].parent / "shared" / "specs" / "tiktok-signing-vectors.json"
_FILE: dict[str, Any] = json.loads(VECTORS.read_text()) if VECTORS.exists() else {}
REQUESTS: list[dict[str, Any]] = _FILE.get("request_signing", {}).get("vectors", [])
WEBHOOKS: list[dict[str, Any]] = _FILE.get("webhook_signature", {}).get("vectors", [])

needs_vectors = needs_spec("tiktok-signing-vectors.json")


@needs_vectors
def test_the_collected_vectors_are_read() -> None:
    assert len(REQUESTS) >= 15
    assert len(WEBHOOKS) >= 11


@needs_vectors
@pytest.mark.parametrize("vector", REQUESTS, ids=[vector["id"] for vector in REQUESTS])
def test_collected_request_vectors(vector: dict[str, Any]) -> None:
    query = dict(vector["query_parameters_decoded_in_wire_order"])
    body = base64.b64decode(vector["body_bytes_base64"])
    made = sign(vector["request_path"], query, body, vector["content_type_header"], vector["app_secret"])
    assert made == vector["expected_sign"]


@needs_vectors
@pytest.mark.parametrize("vector", WEBHOOKS, ids=[vector["id"] for vector in WEBHOOKS])
def test_collected_webhook_vectors(vector: dict[str, Any]) -> None:
    raw = base64.b64decode(vector["body_bytes_base64"])
    headers = {"authorization": vector["authorization_header_received"]}
    assert verify(raw, headers, vector["app_key"], [vector["app_secret"]]) is vector["receiver_must_accept"]


# ---- our own --------------------------------------------------------------------------------------------------------


def test_a_signature_written_out() -> None:
    text = b"shh/return_refund/202602/x" + b'app_keykids1,2timestamp17{"a":"\xc3\xa9"}' + b"shh"
    expected = hmac.new(b"shh", text, hashlib.sha256).hexdigest()
    query = {"timestamp": "17", "ids": "1,2", "app_key": "k", "sign": "old", "access_token": "not signed"}
    assert sign("/return_refund/202602/x", query, '{"a":"é"}'.encode(), "application/json", "shh") == expected


def test_keys_sort_by_code_unit() -> None:
    text = b"s/p" + b"Zz1_a2b3" + b"s"
    assert sign("/p", {"b": "3", "_a": "2", "Zz": "1"}, b"", "application/json", "s") == (
        hmac.new(b"s", text, hashlib.sha256).hexdigest()
    )


@pytest.mark.parametrize("content_type", ["multipart/form-data", "Multipart/Form-Data; boundary=x"])
def test_a_multipart_body_takes_no_part(content_type: str) -> None:
    query = {"app_key": "k", "timestamp": "1"}
    assert sign("/p", query, b"one", content_type, "s") == sign("/p", query, b"two", content_type, "s")
    assert sign("/p", query, b"one", "application/json", "s") != sign("/p", query, b"two", "application/json", "s")


RAW = b'{"type":12,  "data":{}}'
GOOD = hmac.new(b"secret", b"key" + RAW, hashlib.sha256).hexdigest()


def test_a_right_signature_by_the_new_or_the_previous_secret() -> None:
    assert verify(RAW, {"authorization": GOOD}, "key", ["secret"])
    assert verify(RAW, {"authorization": GOOD}, "key", ["newer", "secret"])


@pytest.mark.parametrize(
    ("raw", "header", "key", "secrets"),
    [
        (RAW, GOOD.upper(), "key", ["secret"]),
        (RAW, "Bearer " + GOOD, "key", ["secret"]),
        (RAW, GOOD + " ", "key", ["secret"]),
        (RAW, GOOD[:-1], "key", ["secret"]),
        (RAW, "", "key", ["secret"]),
        (RAW, "é\udcff" * 32, "key", ["secret"]),
        (RAW + b" ", GOOD, "key", ["secret"]),
        (RAW, GOOD, "other", ["secret"]),
        (RAW, GOOD, "key", ["another app's"]),
        (RAW, GOOD, "key", []),
        (RAW, hmac.new(b"", b"key" + RAW, hashlib.sha256).hexdigest(), "key", [""]),
        (RAW, hmac.new(b"secret", RAW, hashlib.sha256).hexdigest(), "", ["secret"]),
    ],
)
def test_anything_else_is_wrong(raw: bytes, header: str, key: str, secrets: list[str]) -> None:
    assert not verify(raw, {"authorization": header}, key, secrets)


def test_a_missing_header_is_wrong() -> None:
    assert not verify(RAW, {}, "key", ["secret"])
