"""What a verified notification hints at. Bodies are ours."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backhaul.connectors.tiktok_shop import webhooks
from backhaul.connectors.tiktok_shop.manifest import MANIFEST

SHOP = "7495000000000000601"


def body(kind: int, data: object, **envelope: Any) -> bytes:
    whole = {"type": kind, "tts_notification_id": "73", "shop_id": SHOP, "timestamp": 1785500004, "data": data}
    whole.update(envelope)
    return json.dumps({name: value for name, value in whole.items() if value is not ...}).encode()


REFUND = {
    "aftersales_request_id": "1",
    "rma_id": "2",
    "line_items": [
        {"main_order_id": "5766", "return_line_item_id": "8", "sku_return_request_id": "4035"},
        {"main_order_id": "5766", "return_line_item_id": "9", "sku_return_request_id": "4035"},
    ],
    "refund_currency": "USD",
    "refund_total": "20.5",
    "refund_status": "REFUND_SUCCESS",
    "refund_timestamp": 1785500000,
}


@pytest.mark.parametrize(
    ("kind", "data", "topic", "subjects", "order_id"),
    [
        (1, {"order_id": "5", "order_status": "CANCEL"}, "ORDER_STATUS_CHANGE", (("order", "5"),), "5"),
        (2, {"order_id": "5", "reverse_order_status": 1}, "REVERSE_STATUS_UPDATE", (), ""),
        (3, {"order_id": "5"}, "RECIPIENT_ADDRESS_UPDATE", (("order", "5"),), "5"),
        (
            4,
            {"package_list": [{"package_id": "1", "order_id_list": ["5", "6"]}, {"order_id_list": ["6"]}]},
            "PACKAGE_UPDATE",
            (("order", "5"), ("order", "6")),
            "",
        ),
        (6, {"message": "bye"}, "SELLER_DEAUTHORIZATION", (("connection", SHOP),), ""),
        (7, {"expiration_time": "17"}, "UPCOMING_AUTHORIZATION_EXPIRATION", (("connection", SHOP),), ""),
        (
            11,
            {"order_id": "5", "cancel_id": "4", "cancel_status": "CANCELLATION_REQUEST_CANCEL"},
            "CANCELLATION_STATUS_CHANGE",
            (("cancellation", "4"),),
            "5",
        ),
        (
            12,
            {"order_id": "5", "return_id": "4", "return_status": "RETURN_OR_REFUND__REQUEST_CANCELLED"},
            "RETURN_STATUS_CHANGE",
            (("return", "4"),),
            "5",
        ),
        (64, {"aftersales_request_id": "1"}, "AFTERSALES_REQUEST_STATUS_UPDATE", (), ""),
        (65, {"rma_id": "1", "rma_status": "RMA_CREATED"}, "RMA_STATUS_UPDATE", (), ""),
        (66, {"return_id": "4", "order_id": "5"}, "APPEAL_COMPLETED", (("return", "4"),), "5"),
        (67, REFUND, "REFUND_SUCCESS", (("return", "4035"),), "5766"),
    ],
)
def test_known_topics(kind: int, data: object, topic: str, subjects: object, order_id: str) -> None:
    news = webhooks.news(body(kind, data))
    assert (news.topic, news.subjects, news.order_id, news.drift) == (topic, subjects, order_id, "")
    assert (news.delivery, news.shop, news.at) == ("73", SHOP, 1785500004)


def test_a_refund_event_carries_the_payment_under_the_returns_id() -> None:
    assert webhooks.news(body(67, REFUND)).refund == {
        "id": "4035",
        "amount": "20.5",
        "currency": "USD",
        "at": "1785500000",
        "return_id": "4035",
    }


def test_one_sum_for_several_returns_proves_none_of_them() -> None:
    lines = [{"sku_return_request_id": "1"}, {"sku_return_request_id": "2"}]
    news = webhooks.news(body(67, {**REFUND, "line_items": lines}))
    assert (news.subjects, news.refund, news.drift) == ((("return", "1"), ("return", "2")), {}, "")


@pytest.mark.parametrize(
    "change", [{"refund_total": None}, {"refund_currency": ""}, {"line_items": []}, {"line_items": 3}]
)
def test_a_refund_event_of_another_shape_is_drift(change: dict[str, Any]) -> None:
    news = webhooks.news(body(67, {**REFUND, **change}))
    assert news.drift
    assert news.refund == {}


def test_a_refund_that_did_not_succeed_is_no_payment() -> None:
    assert webhooks.news(body(67, {**REFUND, "refund_status": "REFUND_FAILED"})).refund == {}


def test_a_seller_event_names_the_seller() -> None:
    news = webhooks.news(body(6, {}, shop_id=..., seller_open_id="open"))
    assert (news.shop, news.subjects) == ("", (("connection", "open"),))


def test_unknown_types_are_drift_and_unrelated_ones_are_not() -> None:
    assert webhooks.news(body(999, {})).drift == "unknown notification type 999"
    assert webhooks.news(body(999, {})).topic == "TYPE_999"
    unrelated = webhooks.news(body(15, {"product_id": "1"}))
    assert (unrelated.drift, unrelated.subjects) == ("", ())


@pytest.mark.parametrize("kind", [1, 11, 12])
def test_an_event_without_its_id_is_drift(kind: int) -> None:
    news = webhooks.news(body(kind, {"something": "else"}))
    assert "missing" in news.drift
    assert (news.delivery, news.subjects) == ("73", ())


def test_without_a_notification_id_the_body_names_the_delivery() -> None:
    one, same, other = (webhooks.news(body(12, {"return_id": i}, tts_notification_id=...)) for i in ("4", "4", "5"))
    assert one.delivery == same.delivery
    assert one.delivery.startswith("sha256:")
    assert one.delivery != other.delivery
    assert one.subjects == (("return", "4"),)


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"nonsense", b'{"type":"x"}', b"\xff\xfe", b'{"type":12,"data":7}', b"[" * 5000]
)
def test_what_is_no_notification_is_drift_with_a_delivery_id(raw: bytes) -> None:
    news = webhooks.news(raw)
    assert news.drift
    assert news.delivery.startswith("sha256:")


@given(
    st.integers(0, 80),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["order_id", "return_id", "cancel_id", "line_items", "package_list", "x"]), inner
            )
        ),
        max_leaves=12,
    ),
)
def test_no_shape_raises(kind: int, data: object) -> None:
    news = webhooks.news(body(kind, data))
    assert news.delivery
    assert all(kind and vendor_id for kind, vendor_id in news.subjects) or kind in (6, 7)


def test_every_topic_we_subscribe_to_is_understood() -> None:
    assert set(MANIFEST.webhooks) <= {topic for topic, _ in webhooks.EVENTS.values()}
    assert not webhooks.IGNORED & set(webhooks.EVENTS)
