from __future__ import annotations

from itertools import combinations

import pytest

from backhaul.domain.channel import ChannelOrder, ChannelOrderLine, ChannelUnit, ExternalReference
from backhaul.domain.commerce import Candidate, CommerceLine, CommerceOrder
from backhaul.domain.facts import LinkState
from backhaul.domain.matching import choose_order, found_by, match_lines, normal, place


def order(*lines: CommerceLine) -> CommerceOrder:
    return CommerceOrder("G", "#1", "USD", 0, lines)


def line(ident: str, sku: str = "", quantity: int = 1, barcode: str = "", ids: tuple[str, ...] = ()) -> CommerceLine:
    return CommerceLine(ident, sku, barcode, quantity=quantity, channel_line_ids=ids)


def unit(number: int = 1, sku: str = "", sku_id: str = "") -> ChannelUnit:
    return ChannelUnit(f"u{number}", f"l{number}", sku_id, sku)


# -- the order


def test_one_order_that_holds_the_id_is_it_however_often_and_where_it_was_found() -> None:
    link = choose_order([Candidate("A", "#1", ("note",)), Candidate("B", "#2"), Candidate("A", "#1", ("tag",))], 10, 2)
    assert (link.state, link.order_id, link.how, link.tried_at, link.tries) == (LinkState.MATCHED, "A", "note", 10, 2)


def test_two_orders_that_hold_it_are_for_a_person_to_choose_from() -> None:
    link = choose_order([Candidate("A", "#1", ("note",)), Candidate("B", "#2", ("tag",)), Candidate("C", "#3")], 10, 1)
    assert (link.state, link.order_id) == (LinkState.AMBIGUOUS, "")
    assert [each.order_id for each in link.candidates] == ["A", "B"]


def test_a_look_alike_is_only_proposed() -> None:
    link = choose_order([Candidate("C", "#3"), Candidate("C", "#3"), Candidate("D", "#4")], 10, 1)
    assert (link.state, link.order_id) == (LinkState.MISSING, "")
    assert [each.order_id for each in link.candidates] == ["C", "D"]
    assert choose_order([], 10, 1).state is LinkState.MISSING
    assert len(choose_order([Candidate(str(n), "") for n in range(30)], 10, 1).candidates) == 10


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("metafield", "Backhaul's own mark on it"),
        ("source_identifier", "its source identifier"),
        ("name:TTOK{id}", "its name"),
        ("tag:TikTokOrderID:{id}", "a tag"),
        ("note", "its note"),
        ("attribute:TikTok: Order", "its attribute “TikTok: Order”"),
        ("the channel's external reference", "the channel's external reference"),
    ],
)
def test_a_place_is_said_in_plain_words(where: str, words: str) -> None:
    assert place(where) == words
    assert found_by(where) == f"found by {words}"


def test_a_persons_link_says_so_itself() -> None:
    assert found_by("linked by Dana") == "linked by Dana"


# -- the lines, each way alone and the surer one before the other


def everything() -> tuple[ChannelUnit, dict[str, str], dict[str, str], ExternalReference, list[CommerceLine]]:
    lines = [
        line("person"),
        line("map"),
        line("ids", ids=("l1",)),
        line("sku", "AB-1"),
        line("normalised", "ab 1"),
        line("alias", "OTHER"),
        line("barcode", barcode="AB-1"),
    ]
    reference = ExternalReference("SHOPIFY", "G", {"l1": "map"})
    return unit(1, "AB-1"), {"u1": "person"}, {"AB-1": "OTHER"}, reference, lines


HOW = {
    "person": "linked by a person",
    "map": "the connector's line map",
    "ids": "channel line id on the order line",
    "sku": "SKU",
    "normalised": "SKU, normalised",
    "alias": "alias AB-1 = OTHER",
    "barcode": "barcode",
}


@pytest.mark.parametrize("pair", list(combinations(HOW, 2)), ids=lambda pair: f"{pair[0]} before {pair[1]}")
def test_the_surer_way_wins_whatever_the_order_of_the_lines(pair: tuple[str, str]) -> None:
    wanted, linked, aliases, reference, lines = everything()
    there = [each for each in lines if each.id in pair]
    for commerce in (order(*there), order(*reversed(there))):
        found = match_lines([wanted], None, commerce, reference, aliases, linked if "person" in pair else {})
        assert [(each.line_id, each.how) for each in found.matched] == [(pair[0], HOW[pair[0]])]


@pytest.mark.parametrize("way", list(HOW))
def test_each_way_alone(way: str) -> None:
    wanted, linked, aliases, reference, lines = everything()
    commerce = order(line("noise", "NOISE"), next(each for each in lines if each.id == way))
    found = match_lines([wanted], None, commerce, reference, aliases, linked if way == "person" else {})
    assert [(each.unit_id, each.line_id, each.how) for each in found.matched] == [("u1", way, HOW[way])]
    assert not found.unmatched


def test_a_persons_word_is_not_replaced_by_a_guess() -> None:
    found = match_lines([unit(1, "A")], None, order(line("x", "A")), linked={"u1": "gone"})
    assert [each.unit_id for each in found.unmatched] == ["u1"]


def test_the_only_line_serves_a_unit_without_any_sku_and_no_other() -> None:
    assert match_lines([unit()], None, order(line("x"))).quantities() == {"x": 1}
    assert not match_lines([unit()], None, order(line("x", "A"))).matched
    assert not match_lines([unit(1, "A")], None, order(line("x"))).matched
    assert not match_lines([unit()], None, order(line("x"), line("y"))).matched


def test_the_channels_order_knows_the_sku_that_the_return_leaves_out() -> None:
    known = ChannelOrder("O", "", 0, 0, "USD", lines=(ChannelOrderLine("l1", "s1", "A"),))
    assert match_lines([unit()], known, order(line("x", "A"))).matched[0].how == "SKU"


def test_an_alias_is_found_by_the_channels_sku_id_too() -> None:
    found = match_lines([unit(1, "", "1729")], None, order(line("x", "A")), aliases={"1729": "a"})
    assert found.matched[0].how == "alias 1729 = a"


def test_a_line_takes_no_more_units_than_it_has() -> None:
    three = [unit(number, "A") for number in (1, 2, 3)]
    found = match_lines(three, None, order(line("x", "A", quantity=2)))
    assert found.quantities() == {"x": 2}
    assert [(each.unit_id, each.sku) for each in found.unmatched] == [("u3", "A")]
    assert "SKU A" in found.unmatched[0].text
    spread = match_lines(three, None, order(line("x", "A", quantity=2), line("y", "A")))
    assert spread.quantities() == {"x": 2, "y": 1}


def test_the_surest_units_are_placed_first() -> None:
    """Unit 1 fits both lines by its SKU, unit 2 only the first by its exact one."""
    found = match_lines([unit(1, "a-1"), unit(2, "A1")], None, order(line("x", "A1"), line("y", "A-1")))
    assert {each.unit_id: each.line_id for each in found.matched} == {"u1": "y", "u2": "x"}


def test_two_returns_of_one_order_never_claim_the_same_unit() -> None:
    """A connector that writes one line a unit: the second return is not given the first one's line."""
    known = ChannelOrder(
        "O", "", 0, 0, "USD", lines=tuple(ChannelOrderLine(f"l{number}", "s", "A") for number in (1, 2, 3))
    )
    commerce = order(line("x", "A"), line("y", "A"), line("z", "A"))
    apart = [match_lines([unit(number)], known, commerce).matched[0].line_id for number in (1, 2, 3)]
    together = match_lines([unit(number) for number in (3, 1, 2)], known, commerce)
    assert sorted(apart) == ["x", "y", "z"]
    assert [each.line_id for each in together.matched] == apart


def test_nothing_matches_nothing() -> None:
    found = match_lines([unit(1, "A", "s")], None, order())
    assert (found.matched, found.quantities()) == ((), {})
    assert match_lines([], None, order(line("x"))).unmatched == ()


@pytest.mark.parametrize(("one", "other"), [("AB-1", "ab 1"), ("a_b.1", "AB1"), ("É-2", "é2")])
def test_separators_and_case_do_not_count(one: str, other: str) -> None:
    assert normal(one) == normal(other)
    assert normal("A1") != normal("A2")


def test_a_sku_of_separators_alone_matches_nothing() -> None:
    assert not match_lines([unit(1, "--")], None, order(line("x", "..."), line("y", "A"))).matched
