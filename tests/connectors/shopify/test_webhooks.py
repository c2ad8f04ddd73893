"""Signatures over raw bytes, and what a body is news of. Bodies are made up here in the vendor's form."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from backhaul.connectors.shopify import webhooks

SECRET, OLD = "made-up-secret", "made-up-secret-before"
RAW = b'{"id":450789469,"admin_graphql_api_id":"gid:\\/\\/shopify\\/Order\\/450789469"}'
NOW = 1_790_000_000


def sign(raw: bytes, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.new(secret.encode(), raw, hashlib.sha256).digest()).decode()


@pytest.mark.parametrize("prefix", ["x-shopify-", "shopify-"])
def test_both_header_families(prefix: str) -> None:
    assert webhooks.verify(RAW, {f"{prefix}hmac-sha256": sign(RAW)}, [SECRET])


def test_after_a_rotation_both_secrets_count() -> None:
    for secret in (SECRET, OLD):
        assert webhooks.verify(RAW, {"x-shopify-hmac-sha256": sign(RAW, secret)}, [SECRET, OLD])
    assert not webhooks.verify(RAW, {"x-shopify-hmac-sha256": sign(RAW, OLD)}, [SECRET])


def test_one_changed_byte() -> None:
    headers = {"x-shopify-hmac-sha256": sign(RAW)}
    for at in range(len(RAW)):
        changed = RAW[:at] + bytes([RAW[at] ^ 1]) + RAW[at + 1 :]
        assert not webhooks.verify(changed, headers, [SECRET])


@pytest.mark.parametrize(
    "signature",
    [
        sign(RAW).upper(),
        sign(RAW).lower(),
        sign(RAW, "another app's"),
        sign(RAW).rstrip("="),
        " " + sign(RAW),
        hmac.new(SECRET.encode(), RAW, hashlib.sha256).hexdigest(),
        "\udcff",
        "",
    ],
)
def test_wrong_signatures(signature: str) -> None:
    assert not webhooks.verify(RAW, {"x-shopify-hmac-sha256": signature}, [SECRET])


def test_no_signature_and_no_secret() -> None:
    assert not webhooks.verify(RAW, {}, [SECRET])
    assert not webhooks.verify(RAW, {"x-shopify-hmac-sha256": sign(RAW, "")}, [""])
    assert not webhooks.verify(RAW, {"x-shopify-hmac-sha256": sign(RAW, "")}, [])


def headers(topic: str, **more: str) -> dict[str, str]:
    return {
        "x-shopify-topic": topic,
        "x-shopify-shop-domain": "made-up.myshopify.com",
        "x-shopify-event-id": "e-1",
        "x-shopify-triggered-at": "2026-11-22T07:00:00.123Z",
        **more,
    }


ORDER = ("order", "gid://shopify/Order/450789469")
RETURN = ("return", "gid://shopify/Return/7")


@pytest.mark.parametrize(
    ("topic", "body", "subject"),
    [
        ("orders/updated", {"id": 450789469, "admin_graphql_api_id": "gid://shopify/Order/450789469"}, ORDER),
        ("orders/create", {"id": 450789469}, ORDER),
        ("orders/edited", {"order_edit": {"id": 78, "order_id": 450789469}}, ORDER),
        ("refunds/create", {"id": 5, "order_id": 450789469, "admin_graphql_api_id": "gid://shopify/Refund/5"}, ORDER),
        ("order_transactions/create", {"id": 5, "order_id": 450789469}, ORDER),
        (
            "returns/approve",
            {"id": 7, "order": {"id": 450789469, "admin_graphql_api_id": "gid://shopify/Order/450789469"}},
            ORDER,
        ),
        ("returns/close", {"id": 7, "order": {"id": 450789469}}, ORDER),
        ("reverse_deliveries/attach_deliverable", {"id": 9, "return": {"admin_graphql_api_id": RETURN[1]}}, RETURN),
        ("reverse_fulfillment_orders/dispose", [{"disposition_type": "RESTOCKED", "return": {"x": RETURN[1]}}], RETURN),
        ("app/uninstalled", {"id": 1}, ("connection", "made-up.myshopify.com")),
        ("app/scopes_update", {"id": 1}, ("connection", "made-up.myshopify.com")),
    ],
)
def test_subjects(topic: str, body: Any, subject: tuple[str, str]) -> None:
    news = webhooks.news(json.dumps(body).encode(), headers(topic), NOW)
    assert news.subjects == (subject,)
    assert (news.drift, news.topic, news.shop) == ("", topic, "made-up.myshopify.com")
    assert news.delivery == f"made-up.myshopify.com:{topic}:e-1"
    assert news.at == 1_795_330_800
    assert news.order_id == (subject[1] if subject[0] == "order" else "")


@pytest.mark.parametrize(
    ("topic", "raw"),
    [
        ("orders/updated", b"not json"),
        ("orders/updated", b"\xff\xfe"),
        ("orders/updated", b"{}"),
        ("orders/updated", b"null"),
        ("orders/updated", b'{"id":"450789469"}'),
        ("orders/updated", b'{"id":-1}'),
        ("returns/approve", b'{"id":7}'),
        ("returns/approve", b"[" * 5_000 + b"]" * 5_000),
        ("products/update", b'{"id":1}'),
        ("", b'{"id":1}'),
    ],
)
def test_what_is_not_understood_is_drift(topic: str, raw: bytes) -> None:
    news = webhooks.news(raw, headers(topic), NOW)
    assert news.subjects == ()
    assert news.drift


def test_new_header_family() -> None:
    given = {"shopify-topic": "orders/updated", "shopify-shop-domain": "a.myshopify.com", "shopify-webhook-id": "w-1"}
    news = webhooks.news(RAW, given, NOW)
    assert (news.delivery, news.at, news.subjects) == ("a.myshopify.com:orders/updated:w-1", NOW, (ORDER,))


def test_without_an_event_id_the_body_names_the_delivery() -> None:
    given = headers("orders/updated")
    del given["x-shopify-event-id"]
    one, again, other = (webhooks.news(raw, given, NOW).delivery for raw in (RAW, RAW, RAW + b" "))
    assert one == again != other
    assert one.startswith("made-up.myshopify.com:orders/updated:sha256-")
