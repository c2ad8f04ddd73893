"""Signatures over raw bytes, and what a body is news of. Bodies are made up here in the vendor's form."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from backhaul.connectors.loop import webhooks
from backhaul.connectors.loop.manifest import MANIFEST
from tests.connectors.loop import bodies

SECRET, OLD, NOW = "made-up-secret", "made-up-secret-before", 1_790_000_000


def event(**more: Any) -> dict[str, Any]:
    return {"topic": "return", "trigger": "return.updated", "shop_id": 65432, **bodies.listed(**more)}


def raw(body: Any) -> bytes:
    return json.dumps(body, separators=(",", ":")).replace("/", "\\/").encode()


def sign(body: bytes, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def test_the_raw_bytes_are_signed() -> None:
    body = raw(event())
    assert webhooks.verify(body, {"x-loop-signature": sign(body)}, [SECRET])
    again = json.dumps(json.loads(body), separators=(",", ":")).encode()
    assert again != body  # the slashes are no longer escaped
    assert not webhooks.verify(again, {"x-loop-signature": sign(body)}, [SECRET])


def test_while_the_secret_is_changed_both_count() -> None:
    body = raw(event())
    for secret in (SECRET, OLD):
        assert webhooks.verify(body, {"x-loop-signature": sign(body, secret)}, [SECRET, OLD])
    assert not webhooks.verify(body, {"x-loop-signature": sign(body, OLD)}, [SECRET])


@pytest.mark.parametrize("given", ["", "nonsense", sign(b"other"), sign(raw(event()), ""), "\udcff"])
def test_wrong_signatures_and_no_secret(given: str) -> None:
    body = raw(event())
    assert not webhooks.verify(body, {"x-loop-signature": given}, [SECRET])
    assert not webhooks.verify(body, {"x-loop-signature": given}, [])
    assert not webhooks.verify(body, {"x-loop-signature": given}, [""])
    assert not webhooks.verify(body, {}, [SECRET])


def test_news_of_a_return() -> None:
    news = webhooks.news(raw(event()), NOW)
    assert (news.topic, news.shop, news.drift) == ("return.updated", "65432", "")
    assert news.subjects == (("desk_return", str(bodies.RETURN_ID)),)
    assert news.order_id == f"gid://shopify/Order/{bodies.ORDER}"


def test_repeats_are_one_delivery_and_changes_are_two() -> None:
    first, same, other = (webhooks.news(raw(event(**more)), NOW) for more in ({}, {}, {"state": "closed"}))
    assert first.delivery == same.delivery
    assert first.delivery != other.delivery
    created = webhooks.news(raw({**event(), "trigger": "return.created"}), NOW)
    assert created.delivery != first.delivery


def test_news_of_a_label_is_news_of_its_return() -> None:
    body = {"topic": "label", "trigger": "label.updated", "id": 5, "return_id": bodies.RETURN_ID, "status": "delivered"}
    news = webhooks.news(raw(body), NOW)
    assert (news.subjects, news.drift) == ((("desk_return", str(bodies.RETURN_ID)),), "")
    lost = webhooks.news(raw({**body, "return_id": None}), NOW)
    assert (lost.subjects, lost.drift) == ((), "label.updated: names no return")


@pytest.mark.parametrize(
    ("more", "failure"),
    [
        ({"error": {"message": "No funds."}}, "No funds."),
        ({"errors": ["No funds.", "No stock."]}, "No funds.; No stock."),
        ({"reason": "No funds."}, "No funds."),
        ({}, "Loop gave no reason."),
    ],
)
def test_processing_failed(more: dict[str, Any], failure: str) -> None:
    body = {"topic": "return.processing", "trigger": "return.processing.failed", "id": str(bodies.RETURN_ID), **more}
    news = webhooks.news(raw(body), NOW)
    assert (news.subjects, news.failure) == ((("desk_return", str(bodies.RETURN_ID)),), failure)
    assert webhooks.news(raw({**body, "topic": "return", "trigger": "return.closed"}), NOW).failure == ""


def test_what_is_not_ours_is_no_drift() -> None:
    news = webhooks.news(raw({"topic": "giftcard", "trigger": "giftcard.requested", "id": 9}), NOW)
    assert (news.subjects, news.drift) == ((), "")


@pytest.mark.parametrize(
    ("body", "drift"),
    [
        (b"[]", "do not match"),
        (b"{}", "unknown trigger"),
        (b"null", "do not match"),
        (b"[1]", "no object"),
        (b"nope", "not a notification"),
        (b"\xff", "not a notification"),
        (b"[" * 100_000, "not a notification"),
        (b'{"topic":{"a":1},"trigger":"return.updated","id":1}', "not a notification"),
        (b'{"topic":"return","trigger":"return.teleported","id":1}', "unknown trigger 'return.teleported'"),
    ],
)
def test_what_cannot_be_read_is_told_and_never_raises(body: bytes, drift: str) -> None:
    news = webhooks.news(body, NOW)
    assert drift in news.drift
    assert news.delivery
    assert news.delivery == webhooks.news(body, NOW + 5).delivery


def test_every_trigger_we_ask_for_is_understood() -> None:
    for trigger in MANIFEST.webhooks:
        body = {"topic": webhooks.TOPIC_OF[trigger], "trigger": trigger, "id": 1, "return_id": 7}
        assert webhooks.news(raw(body), NOW).drift == ""
