"""The portal's rules: what an address carries, how codes are compared, which units may be asked for, what a buyer reads
of a case."""

from __future__ import annotations

from typing import Any

import pytest

from backhaul.domain.channel import ActionDue, ChannelOrderLine, WayBack
from backhaul.domain.facts import Seen
from backhaul.domain.portal import (
    Mistake,
    Offer,
    Standing,
    Texts,
    Why,
    given,
    mistake,
    order_number,
    postal_code,
    problem,
    reasons_for,
    shown,
    units_of,
)
from backhaul.domain.said import Label, Said
from backhaul.domain.starts import Start, Startable
from backhaul.domain.steps import Lane, MoneyView, View
from backhaul.domain.words import Action, Kind, Stage
from tests.domain.build import NOW, case, change, usd


@pytest.mark.parametrize(
    "names",
    [("order", "zip"), ("order_id", "zipcode"), ("orderNumber", "postalCode"), ("ORDER_NUMBER", "post-code"),
     ("orderId", "zip_code"), ("order", "postal_code"), ("order", "postcode")],
)  # fmt: skip
def test_an_address_carries_both_by_any_of_their_names(names: tuple[str, str]) -> None:
    assert given(zip(names, (" 576461413038785752", "SW1A 1AA"), strict=True)) == ("576461413038785752", "SW1A 1AA")


@pytest.mark.parametrize(
    "value",
    ["{order}", "{{ order_number }}", "[ORDER]", "[[order]]", "$ORDER", "${order}", "%ORDER%", "<order>", ":order",
     "%7Border%7D", "(order id)", "", "x" * 65, "a\x00b"],
)  # fmt: skip
def test_a_placeholder_that_nobody_replaced_is_nothing(value: str) -> None:
    assert given([("order", value), ("zip", "90001")]) == ("", "90001")


def test_the_first_of_several_values_counts_and_strange_names_do_not() -> None:
    assert given([("order", "{order}"), ("orderid", "1"), ("order", "2"), ("utm", "9")]) == ("1", "")


@pytest.mark.parametrize(
    ("one", "other"),
    [("90001", "90001-1234"), ("90001", " 90001 "), ("SW1A 1AA", "sw1a1aa"), ("D02 AF30", "D02-AF30"),
     ("\uff11\uff10\uff11", "101"), ("K1A 0B1", "k1a-0b1")],
)  # fmt: skip
def test_one_code_in_two_ways_of_writing(one: str, other: str) -> None:
    assert postal_code(one) == postal_code(other) != ""


@pytest.mark.parametrize(
    ("one", "other"), [("90001", "90002"), ("90001", "9000"), ("SW1A 1AA", "SW1A"), ("1234567A9", "12345")]
)
def test_two_codes_stay_two(one: str, other: str) -> None:
    assert postal_code(one) != postal_code(other)


def test_an_order_number_without_what_is_typed_around_it() -> None:
    assert order_number(" #5764 6141-3038 785752\u200a") == "576461413038785752"


@pytest.mark.parametrize(
    ("order", "code", "expected"),
    [
        ("576461413038785752", "90001", None),
        ("jo@example.com", "90001", Mistake.EMAIL),
        ("576461413038785752", "jo@example.com", Mistake.EMAIL),
        ("#1004", "90001", Mistake.OWN_NUMBER),
        ("", "90001", Mistake.NO_ORDER),
        ("576461413038785752", " - ", Mistake.NO_CODE),
        ("5764614130,38785752", "90001", Mistake.NO_NUMBER),
        ("٥٧٦٤٦١٤١٣٠٣٨٧٨٥٧٥٢", "90001", Mistake.NO_NUMBER),
        ("5" * 65, "90001", Mistake.NO_NUMBER),
    ],
)
def test_what_cannot_be_looked_up_is_told_apart(order: str, code: str, expected: Mistake | None) -> None:
    assert mistake(order, code) is expected


def test_texts_that_cannot_be_kept() -> None:
    assert problem("pt-br", Texts("a", "b\nc", "d")) == ""
    assert "no language" in problem("PT", Texts("a"))
    assert "longer than 1000" in problem("pt", Texts(introduction="x" * 1001))
    assert "cannot be shown" in problem("pt", Texts(help="\x07"))


LINES = (
    ChannelOrderLine("l1", "s1", "SHIRT-M", "Shirt (M)", usd(2000)),
    ChannelOrderLine("l2", "s1", "SHIRT-M", "Shirt (M)", usd(2000)),
    ChannelOrderLine("l3", "s2", "CUP", "Cup", usd(900)),
)
OFFER = Offer(
    LINES,
    {
        Kind.RETURN: (
            Startable(Kind.RETURN, ("l1", "l2"), True, reasons=(("late", "Too late"), ("worn", ""))),
            Startable(Kind.RETURN, ("l3",), False, "1", "It was opened."),
        ),
        Kind.REFUND: (Startable(Kind.REFUND, ("l1",), True, reasons=(("late", "Too late"),)),),
    },
)


def test_units_that_may_be_asked_for_and_why_the_others_not() -> None:
    found = units_of(OFFER, Kind.RETURN, frozenset({"l2"}))
    assert [(each.id, each.why, each.text) for each in found] == [
        ("l1", None, ""),
        ("l2", Why.TAKEN, ""),
        ("l3", Why.REFUSED, "It was opened."),
    ]
    assert [(each.number, each.count) for each in found] == [(1, 2), (2, 2), (1, 1)]
    assert [each.why for each in units_of(OFFER, Kind.REFUND, frozenset())] == [None, Why.UNNAMED, Why.UNNAMED]


def test_reasons_are_those_of_the_units() -> None:
    assert reasons_for(OFFER, Kind.RETURN, ["l1", "l2"]) == (("late", "Too late"), ("worn", ""))
    assert reasons_for(OFFER, Kind.REFUND, ["l1"]) == (("late", "Too late"),)


@pytest.mark.parametrize(
    ("stage", "changes", "expected"),
    [
        (Stage.REQUESTED, {}, Standing.LOOKING),
        (Stage.OFFERED, {}, Standing.OFFERED),
        (Stage.AWAITING_SHIPMENT, {}, Standing.SEND_BACK),
        (Stage.SHIPPED, {}, Standing.ON_ITS_WAY),
        (Stage.SHIPPED, {"due": (ActionDue(Action.JUDGE_PARCEL, None),)}, Standing.ARRIVED),
        (Stage.PARCEL_REJECTED, {}, Standing.REFUSED),
        (Stage.ACCEPTED, {}, Standing.ACCEPTED),
        (Stage.COMPLETED, {}, Standing.REFUNDED),
        (Stage.COMPLETED, {"kind": Kind.EXCHANGE}, Standing.DONE),
        (Stage.ACCEPTED, {"kind": Kind.REPLACEMENT}, Standing.RESHIPPED),
        (Stage.ACCEPTED, {"kind": Kind.REPLACEMENT, "paid_instead": True}, Standing.ACCEPTED),
        (Stage.CANCELLED, {}, Standing.CANCELLED),
        (Stage.UNKNOWN, {}, Standing.LOOKING),
    ],
)
def test_a_case_of_the_channel_in_a_buyers_words(stage: Stage, changes: dict[str, Any], expected: Standing) -> None:
    known = change(case(stage, Kind.RETURN), due=(), **changes) if "due" not in changes else None
    known = known or change(case(stage, Kind.RETURN), **changes)
    found = shown(Seen(channel=known), Said(), View())
    assert found is not None
    assert found.standing is expected
    assert found.free == (stage in (Stage.CANCELLED, Stage.PARCEL_REJECTED))


@pytest.mark.parametrize(
    ("parcel", "expected"),
    [
        (Lane("awaiting_buyer"), Standing.SEND_FIRST_BACK),
        (Lane("in_transit", "1Z"), Standing.ON_ITS_WAY),
        (Lane("partly_received"), Standing.SEND_FIRST_BACK),
        (Lane("received", terminal=True), Standing.DONE),
        (Lane("none", terminal=True), Standing.DONE),
    ],
)
def test_an_exchange_is_not_done_while_the_first_goods_are_to_come(parcel: Lane, expected: Standing) -> None:
    known = change(case(Stage.COMPLETED, Kind.RETURN), due=(), kind=Kind.EXCHANGE)
    said = Said(received={known.units[0].id: NOW}) if parcel.state == "partly_received" else Said()
    found = shown(Seen(channel=known), said, View(lanes={"parcel": parcel}))
    assert found is not None
    assert found.standing is expected


@pytest.mark.parametrize("kind", [Kind.EXCHANGE, Kind.REPLACEMENT])
def test_who_gets_goods_instead_is_promised_no_money(kind: Kind) -> None:
    known = change(case(Stage.SHIPPED, Kind.RETURN), due=(), kind=kind, refund_total=usd(2000))
    for paid, total in ((False, None), (True, usd(2000))):
        found = shown(Seen(channel=change(known, paid_instead=paid)), Said(), View())
        assert found is not None
        assert found.total == total


def test_the_way_back_is_shown_with_the_label_while_it_is_needed() -> None:
    label = Label("a1", "hash", "1Z", "7", "ann", NOW, carrier_name="UPS")
    open_ = change(case(Stage.AWAITING_SHIPMENT, Kind.RETURN), due=(), way_back=WayBack())
    found = shown(Seen(channel=open_), Said(label=label), View(money=MoneyView(paid=usd(5))))
    assert found is not None
    assert (found.label, found.carrier, found.tracking, found.total) == ("a1", "UPS", "1Z", usd(5))
    sent = change(case(Stage.SHIPPED, Kind.RETURN), due=(), way_back=WayBack(tracking_number="2Z", carrier_name="DHL"))
    later = shown(Seen(channel=sent), Said(label=label), View())
    assert later is not None
    assert (later.label, later.carrier, later.tracking) == ("", "DHL", "2Z")
    exchange = change(case(Stage.COMPLETED, Kind.RETURN), due=(), kind=Kind.EXCHANGE)
    first = shown(Seen(channel=exchange), Said(label=label), View(lanes={"parcel": Lane("awaiting_buyer")}))
    assert first is not None
    assert (first.standing, first.label) == (Standing.SEND_FIRST_BACK, "a1")


@pytest.mark.parametrize(
    ("said", "view", "expected"),
    [
        ({}, View(), Standing.ASKED),  # nobody has looked at it yet
        ({}, View(status="starting", observing=False), Standing.ASKED),
        ({}, View(status="starting"), Standing.LOOKING),  # an observing shop sends nothing
        ({}, View(status="to_confirm", observing=False), Standing.LOOKING),
        ({}, View(status="not_started", observing=False), Standing.NOT_TAKEN),
        ({"withdrawn": NOW, "declined": "Final sale."}, View(status="withdrawn"), Standing.DECLINED),
    ],
)
def test_a_request_that_the_channel_does_not_know_yet(said: dict[str, Any], view: View, expected: Standing) -> None:
    start = Start(Kind.RETURN, "o1", "buyer", NOW, ("l1",), buyer=True)
    found = shown(Seen(), Said(start=start, **said), view)
    assert found is not None
    assert (found.standing, found.words) == (expected, said.get("declined", ""))
    assert not found.hidden
    assert found.free == bool(said)


def test_what_the_seller_is_about_to_begin_is_not_shown_and_goods_without_a_return_are_nothing() -> None:
    begun = shown(Seen(), Said(start=Start(Kind.REFUND, "o1", "ann", NOW)), View())
    assert begun is not None
    assert begun.hidden
    assert shown(Seen(), Said(), View()) is None
