"""Samples in, values out. The bodies are ours."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from backhaul.connectors.tiktok_shop import mapping, reading, wire, words
from backhaul.domain import by_unit
from backhaul.domain.channel import ActionDue, ChannelRefund, ChannelUnit, Goods, Instead, WayBack
from backhaul.domain.money import Money
from backhaul.domain.words import ANSWERS, ENDED, Action, Actor, Decision, Document, Kind, ShippedBy, Stage
from backhaul.ports.errors import WireDrift
from tests.connectors.tiktok_shop.bodies import a_cancellation, a_return, an_order

USD = "USD"


def test_a_pending_return_says_all_it_knows() -> None:
    case = mapping.case("return", a_return())
    assert (case.id, case.order_id) == ("4035300000000000201", "576600000000000101")
    assert (case.kind, case.stage, case.started_by) == (Kind.RETURN, Stage.REQUESTED, Actor.BUYER)
    assert (case.created_at, case.updated_at) == (1785500000, 1785500003)
    assert (case.raw_kind, case.raw_status) == ("RETURN_AND_REFUND", "RETURN_OR_REFUND_REQUEST_PENDING")
    assert case.due == (ActionDue(Action.ANSWER_RETURN, 1785672800, "SELLER_RESPOND_RETURN"),)
    assert (case.reason_key, case.reason_text) == ("reason_wrong_item", "Wrong item")
    assert case.refund_total == Money(4320, USD)
    assert case.refund_parts == {
        "subtotal": Money(4000, USD),
        "shipping": Money(0, USD),
        "tax": Money(320, USD),
        "seller_discount": Money(150, USD),
        "platform_discount": Money(250, USD),
    }
    assert case.freight == {"seller": Money(610, USD)}
    assert case.units == (
        ChannelUnit(
            "4035300000000000301",
            "576600000000000111",
            "1729000000000000401",
            "JKT-BLU-M",
            "Rain jacket (Blue, M)",
            Money(4320, USD),
        ),
    )
    assert case.way_back == WayBack(ShippedBy.SELLER, Document.LABEL)
    assert case.refunds == ()
    assert case.unread == {}


@pytest.mark.parametrize(
    ("status", "stage"),
    [
        ("RETURN_OR_REFUND_REQUEST_PENDING", Stage.REQUESTED),
        ("REFUND_OR_RETURN_REQUEST_REJECT", Stage.REQUEST_REJECTED),
        ("AWAITING_BUYER_SHIP", Stage.AWAITING_SHIPMENT),
        ("BUYER_SHIPPED_ITEM", Stage.SHIPPED),
        ("REJECT_RECEIVE_PACKAGE", Stage.PARCEL_REJECTED),
        ("RETURN_OR_REFUND_REQUEST_SUCCESS", Stage.ACCEPTED),
        ("RETURN_OR_REFUND_REQUEST_CANCEL", Stage.CANCELLED),
        ("RETURN_OR_REFUND_REQUEST_CANCELLED", Stage.CANCELLED),
        ("RETURN_OR_REFUND__REQUEST_CANCELLED", Stage.CANCELLED),
        ("RETURN_OR_REFUND_REQUEST_COMPLETE", Stage.COMPLETED),
        ("AWAITING_BUYER_RESPONSE", Stage.OFFERED),
        ("REPLACEMENT_REQUEST_PENDING", Stage.REQUESTED),
        ("REPLACEMENT_REQUEST_REJECT", Stage.REQUEST_REJECTED),
        ("REPLACEMENT_REQUEST_REFUND_SUCCESS", Stage.COMPLETED),
        ("REPLACEMENT_REQUEST_CANCEL", Stage.CANCELLED),
        ("REPLACEMENT_REQUEST_COMPLETE", Stage.COMPLETED),
        ("EXCHANGE_REQUEST_PENDING", Stage.REQUESTED),
        ("EXCHANGE_REQUEST_CANCEL", Stage.CANCELLED),
        ("EXCHANGE_REQUEST_COMPLETE", Stage.COMPLETED),
        ("EXCHANGE_REQUEST_REFUND_SUCCESS", Stage.COMPLETED),
        ("PENDING_REQUEST_REVIEW", Stage.REQUESTED),
        ("REQUEST_REVIEW_COMPLETED", Stage.UNKNOWN),
        ("AWAITING_BUYER_RETURN", Stage.AWAITING_SHIPMENT),
        ("PENDING_PACKAGE_REVIEW", Stage.SHIPPED),
        ("PACKAGE_REVIEW_COMPLETED", Stage.UNKNOWN),
    ],
)
def test_every_status_of_a_return_is_known(status: str, stage: Stage) -> None:
    case = mapping.case("return", a_return(return_status=status))
    assert case.stage is stage
    assert case.raw_status == status
    assert "return_status" not in case.unread


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("REFUND", Kind.REFUND),
        ("RETURN_AND_REFUND", Kind.RETURN),
        ("REPLACEMENT", Kind.REPLACEMENT),
        ("EXCHANGE", Kind.EXCHANGE),
    ],
)
def test_every_type_is_known(word: str, kind: Kind) -> None:
    case = mapping.case("return", a_return(return_type=word))
    assert case.kind is kind
    assert case.unread == {}


@pytest.mark.parametrize(
    ("word", "action"),
    [
        ("SELLER_RESPOND_REFUND", Action.ANSWER_REFUND),
        ("SELLER_RESPOND_RETURN", Action.ANSWER_RETURN),
        ("SELLER_RESPOND_RECEIVE_PACKAGE", Action.JUDGE_PARCEL),
        ("SELLER_RESPOND_REPLACEMENT", Action.ANSWER_REPLACEMENT),
        ("SELLER_RESPOND_EXCHANGE", Action.ANSWER_EXCHANGE),
        ("SELLER_RESPOND_CANCEL", Action.ANSWER_CANCELLATION),
        ("SELLER_RESPOND_SOMETHING", Action.UNKNOWN),
    ],
)
def test_every_action_is_known_and_a_new_one_kept(word: str, action: Action) -> None:
    case = mapping.case("return", a_return(seller_next_action_response=[{"action": word, "deadline": 17}]))
    assert case.due == (ActionDue(action, 17, word),)
    assert bool(case.unread) is (action is Action.UNKNOWN)


@pytest.mark.parametrize(
    ("role", "actor"),
    [
        ("BUYER", Actor.BUYER),
        ("Seller", Actor.SELLER),
        ("OPERATOR", Actor.PLATFORM),
        ("system", Actor.SYSTEM),
        ("ROBOT", Actor.UNKNOWN),
    ],
)
def test_roles_come_in_any_case(role: str, actor: Actor) -> None:
    assert mapping.case("return", a_return(role=role)).started_by is actor


def test_unknown_words_and_fields_are_kept_shown_and_never_final() -> None:
    case = mapping.case(
        "return",
        a_return(return_type="SWAP", return_status="SWAP_DONE", drone={"speed": 3}, return_method="DRONE"),
    )
    assert case.stage not in ENDED
    assert (case.kind, case.stage) == (Kind.UNKNOWN, Stage.UNKNOWN)
    assert case.unread == {
        "drone": '{"speed":3}',
        "return_type": "SWAP",
        "return_status": "SWAP_DONE",
        "return_method": "DRONE",
    }
    assert case.way_back.shipped_by is ShippedBy.BUYER  # the older field still tells


def test_a_new_field_of_a_line_is_shown() -> None:
    row = a_return()
    row["return_line_items"][0]["colour"] = "red"
    assert mapping.case("return", row).unread == {"line.colour": '"red"'}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"return_method": "SELLER_ARRANGE"}, WayBack(ShippedBy.SELLER, Document.LABEL)),
        ({"return_method": "PLATFORM_SHIPPED"}, WayBack(ShippedBy.CHANNEL, Document.LABEL)),
        ({"return_method": ..., "shipment_type": "PLATFORM"}, WayBack(ShippedBy.CHANNEL, Document.LABEL)),
        (
            {"return_method": "BUYER_SHIPPED", "return_shipping_document_type": ...},
            WayBack(ShippedBy.BUYER, Document.NONE),
        ),
        ({"return_shipping_document_type": "QR_CODE"}, WayBack(ShippedBy.SELLER, Document.QR_CODE)),
        ({"return_shipping_document_type": "QR_CODE_NBNL"}, WayBack(ShippedBy.SELLER, Document.QR_CODE_NO_BOX)),
        (
            {"return_tracking_number": "9400", "return_provider_id": "7117", "return_provider_name": "USPS"},
            WayBack(ShippedBy.SELLER, Document.LABEL, "9400", "7117", "USPS"),
        ),
        (
            {"return_method": ..., "shipment_type": ..., "return_shipping_document_type": ...},
            WayBack(ShippedBy.UNKNOWN, Document.UNKNOWN),
        ),
    ],
)
def test_the_way_back(changes: dict[str, Any], expected: WayBack) -> None:
    assert mapping.case("return", a_return(**changes)).way_back == expected


def test_special_traits() -> None:
    case = mapping.case(
        "return",
        a_return(
            is_quick_refund=True,
            can_buyer_keep_item=True,
            arbitration_status="IN_PROGRESS",
            seller_proposed_return_type="PARTIAL_REFUND",
            partial_refund={"currency": USD, "amount": "12"},
            buyer_rejected_partial_refund=True,
            pre_return_id="41",
            next_return_id="0",
            is_combined_return=True,
            combined_return_id="42",
        ),
    )
    assert case.quick_refund
    assert case.can_keep_item
    assert case.dispute == "IN_PROGRESS"
    assert (case.offer, case.offer_refused) == (Money(1200, USD), True)
    assert (case.previous_id, case.next_id, case.combined_id) == ("41", "", "42")
    assert case.unread == {}


def test_what_is_sent_instead() -> None:
    row = {
        "return_id": "4",
        "exchange_order_lines": [
            {"sku_id": "9", "sku_name": "Blue, L", "product_name": "Jacket", "seller_sku_name": "JKT-L", "new": 1},
            {},
        ],
        "reshipment_order_id": "57",
    }
    found = mapping.instead(reading.shape(row, wire.SkuRequest, "request"))
    assert found == Instead((Goods("9", "JKT-L", "Jacket (Blue, L)"), Goods()), "57")
    nothing: list[dict[str, Any]] = [
        {},
        {"exchange_order_lines": None, "reshipment_order_id": "0"},
        {"exchange_order_lines": []},
    ]
    for empty in nothing:
        assert mapping.instead(reading.shape({"return_id": "4", **empty}, wire.SkuRequest, "request")) is None


@pytest.mark.parametrize(
    ("status", "paid"),
    [
        ("RETURN_OR_REFUND_REQUEST_COMPLETE", True),
        ("REPLACEMENT_REQUEST_REFUND_SUCCESS", True),
        ("REPLACEMENT_REQUEST_COMPLETE", False),
        ("EXCHANGE_REQUEST_COMPLETE", False),
        ("RETURN_OR_REFUND_REQUEST_SUCCESS", False),
        ("SOMETHING_COMPLETE", False),
    ],
)
def test_only_a_status_that_says_paid_is_a_proof(status: str, paid: bool) -> None:
    case = mapping.case("return", a_return(return_status=status))
    proof = (ChannelRefund(case.id, Money(4320, USD), case.updated_at, "status"),)
    assert case.refunds == (proof if paid else ())


def test_completed_without_money_proves_nothing() -> None:
    for refund in (..., {"currency": USD, "refund_total": "0"}):
        row = a_return(return_status="RETURN_OR_REFUND_REQUEST_COMPLETE", refund_amount=refund)
        assert mapping.case("return", row).refunds == ()


def test_the_total_is_kept_as_given_when_its_parts_do_not_add_up() -> None:
    refund = {
        "currency": USD,
        "refund_total": "28.46",
        "refund_subtotal": "20.47",
        "refund_shipping_fee": "7.99",
        "refund_tax": "1.62",
    }
    case = mapping.case("return", a_return(refund_amount=refund))
    assert case.refund_total == Money(2846, USD)
    assert sum(case.refund_parts[name].minor for name in ("subtotal", "shipping", "tax")) == 3008


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [("1", "USD", 100), ("0.2", "USD", 20), ("12.500", "USD", 1250), ("250000", "VND", 250000), ("150.00", "JPY", 150)],
)
def test_uneven_money(text: str, currency: str, minor: int) -> None:
    case = mapping.case("return", a_return(refund_amount={"currency": currency, "refund_total": text}))
    assert case.refund_total == Money(minor, currency)


@pytest.mark.parametrize("text", ["12.345", "twelve", "NaN", "1e1000000"])
def test_an_amount_we_cannot_hold_is_drift(text: str) -> None:
    with pytest.raises(WireDrift):
        mapping.case("return", a_return(refund_amount={"currency": USD, "refund_total": text}))


def test_money_without_a_currency_is_drift() -> None:
    with pytest.raises(WireDrift, match="currency"):
        mapping.case("return", a_return(refund_amount={"refund_total": "1"}))


@pytest.mark.parametrize("change", [{"return_id": 5.5}, {"create_time": "soon"}, {"return_line_items": "many"}])
def test_another_shape_is_drift_and_keeps_the_row(change: dict[str, Any]) -> None:
    row = a_return(**change)
    with pytest.raises(WireDrift) as caught:
        mapping.case("return", row)
    assert msgspec.json.decode(caught.value.raw) == row


def test_numbers_as_text_and_nulls_are_read() -> None:
    row = a_return(create_time="1785500000", refund_amount={"currency": None, "refund_total": None}, order_id=None)
    case = mapping.case("return", row)
    assert (case.created_at, case.refund_total, case.order_id) == (1785500000, None, "")


def test_a_bad_row_of_a_page_stays_visible_and_is_never_final() -> None:
    row = a_return(
        return_status="RETURN_OR_REFUND_REQUEST_COMPLETE", refund_amount={"currency": USD, "refund_total": "1.234"}
    )
    case = mapping.case_or_drift("return", row)
    assert case is not None
    assert (case.id, case.stage, case.kind, case.updated_at) == (
        row["return_id"],
        Stage.UNKNOWN,
        Kind.RETURN,
        1785500003,
    )
    assert "decimals" in case.unread["drift"]
    assert case.refunds == ()
    assert mapping.case_or_drift("return", {"return_id": ""}) is None


@pytest.mark.parametrize(
    ("status", "stage"),
    [
        ("CANCELLATION_REQUEST_PENDING", Stage.REQUESTED),
        ("CANCELLATION_REQUEST_SUCCESS", Stage.ACCEPTED),
        ("CANCELLATION_REQUEST_CANCEL", Stage.CANCELLED),
        ("CANCELLATION_REQUEST_CANCELLED", Stage.CANCELLED),
        ("CANCELLATION_REQUEST_COMPLETE", Stage.COMPLETED),
        ("CANCELLATION_REQUEST_LOST", Stage.UNKNOWN),
    ],
)
def test_cancellations(status: str, stage: Stage) -> None:
    case = mapping.case("cancellation", a_cancellation(cancel_status=status))
    assert (case.id, case.kind, case.stage) == ("4035300000000000701", Kind.CANCELLATION, stage)
    assert case.due == (ActionDue(Action.ANSWER_CANCELLATION, 1785586400, "SELLER_RESPOND_CANCEL"),)
    assert case.units[0].order_line_id == "576600000000000111"
    assert case.refund_total == Money(1200, USD)


@pytest.mark.parametrize("word", [True, False, None])
def test_whether_the_goods_of_a_cancellation_go_back_on_the_shelf(word: bool | None) -> None:
    assert mapping.case("cancellation", a_cancellation(should_replenish_stock=word)).replenish is word
    assert mapping.case("cancellation", a_cancellation(should_replenish_stock="true")).replenish is True


@pytest.mark.parametrize(("turned_down", "paid"), [(False, 1200), (True, 4320)])
def test_what_was_offered_and_taken_is_what_is_paid(turned_down: bool, paid: int) -> None:
    row = a_return(
        return_status="RETURN_OR_REFUND_REQUEST_COMPLETE",
        partial_refund={"currency": USD, "amount": "12.00"},
        buyer_rejected_partial_refund=turned_down,
    )
    assert [each.amount for each in mapping.case("return", row).refunds] == [Money(paid, USD)]


@pytest.mark.parametrize(
    ("status", "instead"),
    [
        ("REPLACEMENT_REQUEST_COMPLETE", False),
        ("REPLACEMENT_REQUEST_REFUND_SUCCESS", True),
        ("EXCHANGE_REQUEST_COMPLETE", False),
        ("EXCHANGE_REQUEST_REFUND_SUCCESS", True),
    ],
)
def test_money_in_place_of_goods(status: str, instead: bool) -> None:
    case = mapping.case("return", a_return(return_type="REPLACEMENT", return_status=status))
    assert (case.stage, case.paid_instead, bool(case.refunds)) == (Stage.COMPLETED, instead, instead)


def test_when_an_order_arrived() -> None:
    assert mapping.order(reading.shaped(an_order(delivery_time=1785300000), wire.Order)).delivered_at == 1785300000
    assert mapping.order(reading.shaped(an_order(delivery_time=0), wire.Order)).delivered_at is None


WORDS = st.one_of(st.text(max_size=40), st.sampled_from(sorted(words.STATUSES) + sorted(words.KINDS)))


@given(
    kind=WORDS,
    status=WORDS,
    role=WORDS,
    action=WORDS,
    method=WORDS,
    document=WORDS,
    field=st.text(max_size=20),
    value=st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5),
)
@settings(max_examples=300, deadline=None)
def test_no_word_and_no_new_field_ever_raises(
    kind: str, status: str, role: str, action: str, method: str, document: str, field: str, value: object
) -> None:
    assume(field not in wire.Return.__struct_fields__)  # a known field of another shape is drift, judged elsewhere
    row = a_return(
        return_type=kind,
        return_status=status,
        role=role,
        return_method=method,
        return_shipping_document_type=document,
        seller_next_action_response=[{"action": action}],
    )
    row[field] = value
    case = mapping.case("return", row)
    assert (case.raw_kind, case.raw_status, case.due[0].raw) == (kind, status, action)
    if words.normal(status) not in words.STATUSES:
        assert case.stage is Stage.UNKNOWN
        assert case.unread["return_status"] == words.normal(status)
        assert not case.refunds
    mapping.case("cancellation", a_cancellation(cancel_type=kind, cancel_status=status, role=role))


def test_records_are_oldest_first_and_say_who() -> None:
    rows = [
        wire.Record(event="ORDER_RETURN", role="Seller", description="approved", create_time=20),
        wire.Record(event="ORDER_RETURN", role="BUYER", reason_text="Too small", note="please", create_time=10),
    ]
    first, second = mapping.records(rows)
    assert (first.at, first.event, first.actor, first.note) == (10, "ORDER_RETURN", Actor.BUYER, "Too small · please")
    assert (second.at, second.event, second.actor) == (20, "approved", Actor.SELLER)


def test_every_decision_has_a_word_to_send() -> None:
    assert {*words.SENT_AS, Decision.BY_UNIT} == set(Decision)  # which is sent as the answers for its lines
    units = [by_unit.answers_to(action) for action, known in ANSWERS.items() if Decision.BY_UNIT in known]
    assert set(words.SENT_FOR_LINES) == {each for known in units for each in known}


def test_an_order() -> None:
    order = mapping.order(reading.shaped(an_order(), wire.Order))
    assert (order.id, order.status, order.currency, order.total) == (
        "576600000000000101",
        "DELIVERED",
        USD,
        Money(9139, USD),
    )
    assert [(line.id, line.seller_sku, line.name, line.price) for line in order.lines] == [
        ("111", "JKT-BLU-M", "Rain jacket", Money(4000, USD)),
        ("112", "MUG-GRN", "Green", Money(4000, USD)),
    ]
    assert (order.fulfilled_by_channel, order.special, order.postal_code) == (False, "", "43085")


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        ({"recipient_address": {"postal_code": "43***"}}, "postal_code", ""),
        ({"recipient_address": None}, "postal_code", ""),
        ({"status": "CANCEL"}, "status", "CANCELLED"),
        ({"fulfillment_type": "FULFILLMENT_BY_TIKTOK"}, "fulfilled_by_channel", True),
        ({"fulfillment_type": "FULFILLMENT_BY_DILAYANI_TOKOPEDIA"}, "fulfilled_by_channel", True),
        ({"is_sample_order": True}, "special", "sample"),
        ({"is_replacement_order": True, "replaced_order_id": "9"}, "replaces", "9"),
        ({"is_exchange_order": True, "exchange_source_order_id": "8"}, "replaces", "8"),
    ],
)
def test_special_orders_and_masks(changes: dict[str, Any], field: str, expected: object) -> None:
    assert getattr(mapping.order(reading.shaped(an_order(**changes), wire.Order)), field) == expected


def test_references_pair_channel_lines_with_outside_lines() -> None:
    link = reading.shaped(
        {"id": "55", "platform": "SHOPIFY", "line_items": [{"id": "out", "origin_id": "111"}, {"id": "x"}]},
        wire.ExternalOrder,
    )
    reference = mapping.reference(link)
    assert (reference.platform, reference.order_id, reference.lines) == ("SHOPIFY", "55", {"111": "out"})


def test_a_shop_gets_its_markets_currency_and_zone() -> None:
    shop = mapping.shop(wire.Shop(id="1", cipher="c", name="n", region="GB"))
    assert (shop.key, shop.currency, shop.time_zone) == ("c", "GBP", "Europe/London")
    unknown = mapping.shop(wire.Shop(id="1", cipher="c", region="XX"))
    assert (unknown.name, unknown.currency, unknown.time_zone) == ("1", "", "UTC")
