"""Replacements and exchanges: what is sent instead, and goods that come back after the channel's case is over."""

from __future__ import annotations

from typing import Any

import pytest

from backhaul.domain.channel import Goods, Instead, WayBack
from backhaul.domain.effects import BookRefund, CloseReturn, CreateReturn, Dispose
from backhaul.domain.facts import Facts
from backhaul.domain.instead import SOON, UNSEEN
from backhaul.domain.said import Said, Verdict
from backhaul.domain.steps import Look, Plan, Source
from backhaul.domain.terms import Booker
from backhaul.domain.words import Action, Condition, Decision, Disposition, Kind, ShippedBy, Stage
from tests.domain.build import (
    CASE,
    DAY,
    GID,
    NOW,
    OPENED,
    RETURN,
    answerable,
    booking,
    case,
    channel_order,
    commerce,
    desk_terms,
    due,
    facts,
    paid,
    planned,
    record,
    shipped,
    terms,
    troubles,
    with_desk,
    writes,
)

BACK = WayBack(ShippedBy.CHANNEL)
LINES = terms(line_level=True)
WANTED = Instead((Goods("sku-9", "SHIRT-9", "Shirt 9"),))
MADE = Instead(WANTED.goods, "5769999")
HERE = {"u1": NOW, "u2": NOW}
FINE = {unit: Verdict(Condition.SELLABLE, Disposition.RESTOCK, "bo", NOW) for unit in HERE}
GONE = {unit: Verdict(Condition.MISSING, Disposition.MISSING, "bo", NOW) for unit in HERE}


def exchanged(way: WayBack = BACK, books: Any = None, kind: Kind = Kind.EXCHANGE, **changes: Any) -> Facts:
    """An exchange whose new goods were sent."""
    found = case(Stage.COMPLETED, kind, way_back=way, **changes.pop("channel", {}))
    return facts(found, books or commerce(returns=(record(tracking=(way.tracking_number,)),)), **changes)


def inspections(plan: Plan) -> list[str]:
    return [question.text for question in plan.questions if question.kind == "inspection"]


def looks(plan: Plan) -> list[Source]:
    return [step.source for step in plan.steps if isinstance(step, Look)]


# -- goods that come back


def test_what_is_exchanged_is_waited_for_after_the_channel_has_closed_the_case() -> None:
    plan = planned(exchanged())
    assert not plan.ended
    assert plan.status == "awaiting_parcel"
    assert plan.lanes["parcel"].state == "awaiting_buyer"
    assert plan.lanes["stock"].state == "expected"
    assert plan.lanes["money"].terminal, "nothing is paid"
    assert inspections(plan) == []


def test_goods_of_an_exchange_that_was_over_before_the_shop_went_live_are_waited_for_by_nobody() -> None:
    for live_since in (None, NOW):
        past = exchanged(shop=terms(live_since=live_since))
        plan = planned(past, now=OPENED + UNSEEN)
        assert (plan.ended, plan.status, troubles(plan)) == (True, "closed", set())
    taken = planned(exchanged(shop=terms(live_since=NOW), said=Said(taken=True)))
    assert (taken.ended, taken.lanes["parcel"].state) == (False, "awaiting_buyer")


def test_a_return_of_it_is_opened_in_commerce_and_nothing_is_booked() -> None:
    (wanted,) = writes(planned(exchanged(books=commerce())))
    assert isinstance(wanted, CreateReturn)
    assert (wanted.case_id, sum(line.quantity for line in wanted.lines)) == (CASE, 2)


def test_before_the_answer_no_return_is_opened_and_no_money_is_expected() -> None:
    asked = case(Stage.REQUESTED, Kind.EXCHANGE, way_back=BACK, due=(due(Action.ANSWER_EXCHANGE),))
    plan = planned(facts(asked))
    assert writes(plan) == []
    assert (plan.lanes["money"].state, plan.lanes["money"].terminal, plan.money.expected) == ("none", False, None)


def test_a_number_that_the_buyer_typed_in_is_a_parcel_on_its_way() -> None:
    assert planned(exchanged(WayBack(ShippedBy.BUYER, tracking_number="RR1"))).lanes["parcel"].state == "in_transit"
    assert planned(exchanged(shipped())).lanes["parcel"].state == "awaiting_buyer", "a label that may lie unused"


def test_only_what_somebody_took_in_is_inspected() -> None:
    plan = planned(exchanged(said=Said(received={"u1": NOW})))
    assert inspections(plan) == ["One unit waits for a verdict."]
    assert (plan.lanes["parcel"].state, plan.lanes["parcel"].terminal) == ("partly_received", False)
    assert plan.status == "accepted", "the grid shows it among those to be inspected"
    judged = planned(exchanged(said=Said(received={"u1": NOW}, verdicts={"u1": FINE["u1"]})))
    assert (inspections(judged), judged.status) == ([], "awaiting_parcel")
    whole = planned(exchanged(said=Said(received=HERE)))
    assert inspections(whole) == ["2 units wait for a verdict."]
    assert (whole.lanes["parcel"].state, whole.lanes["parcel"].terminal) == ("received", True)
    assert whole.status == "accepted"


def test_a_verdict_moves_the_stock_and_the_return_is_closed() -> None:
    judged = Said(received=HERE, verdicts=FINE)
    disposals = [wanted for wanted in writes(planned(exchanged(said=judged))) if isinstance(wanted, Dispose)]
    assert [(wanted.disposition, wanted.units) for wanted in disposals] == [
        (Disposition.RESTOCK, ("u1",)),
        (Disposition.RESTOCK, ("u2",)),
    ]
    done = {f"L{n}": ((Disposition.RESTOCK, 1),) for n in (1, 2)}
    moved = exchanged(books=commerce(returns=(record(disposed=done),)), said=judged)
    assert writes(planned(moved)) == [CloseReturn(GID, RETURN)]
    closed = planned(exchanged(books=commerce(returns=(record("closed", disposed=done),)), said=judged))
    assert (closed.ended, closed.status) == (True, "closed")


def test_uninspected_goods_end_as_not_restocked_and_unseen_ones_do_not() -> None:
    known = exchanged(said=Said(received={"u1": NOW}))
    disposals = [wanted for wanted in writes(planned(known, now=NOW + 20 * DAY)) if isinstance(wanted, Dispose)]
    assert [(wanted.disposition, wanted.units) for wanted in disposals] == [(Disposition.NOT_RESTOCKED, ("u1",))]


def test_goods_that_stay_away_are_told_of_and_may_be_judged_as_missing() -> None:
    late = OPENED + UNSEEN
    assert planned(exchanged()).wake_at is not None
    assert "gone" not in troubles(planned(exchanged(), now=late - 1))
    plan = planned(exchanged(), now=late)
    assert "gone" in troubles(plan)
    assert inspections(plan) == ["2 units wait for a verdict."]
    judged = Said(received=HERE, verdicts=GONE)
    plan = planned(exchanged(said=judged), now=late)
    assert plan.lanes["parcel"].state == "missing"
    assert [wanted.disposition for wanted in writes(plan) if isinstance(wanted, Dispose)] == [Disposition.MISSING] * 2
    assert "gone" not in troubles(plan)
    waived = planned(exchanged(said=Said(waived=frozenset({"stock", "records"}))), now=late)
    assert (waived.ended, waived.lanes["parcel"].state) == (True, "waived"), "nobody has judged them as missing"


def test_a_returns_desk_has_no_part_in_it() -> None:
    """Whatever the desk does for returns, the hub does it here: the desk knows nothing of these goods."""
    desk = desk_terms(writes_records=True, moves_stock=True)
    plan = planned(with_desk(case(Stage.COMPLETED, Kind.EXCHANGE, way_back=BACK), booker=Booker.DESK, desk=desk))
    assert [type(wanted) for wanted in writes(plan)] == [CreateReturn]
    assert (plan.lanes["desk"].state, plan.lanes["stock"].state) == ("not_needed", "expected")


def test_the_channels_own_warehouse_takes_what_it_has_sent() -> None:
    plan = planned(exchanged(order=channel_order(by_channel=True)), now=OPENED + UNSEEN)
    assert (plan.lanes["parcel"].state, plan.lanes["stock"].state) == ("by_channel", "by_channel")
    assert plan.troubles == ()


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (Kind.REPLACEMENT, {"way_back": BACK}),  # the buyer keeps the first item
        (Kind.EXCHANGE, {"way_back": WayBack()}),  # the channel shows no way back
        (Kind.EXCHANGE, {"way_back": BACK, "can_keep_item": True}),
        (Kind.EXCHANGE, {"way_back": BACK, "paid_instead": True, "refunds": (paid(),)}),
    ],
)
def test_where_nothing_comes_back_nothing_is_waited_for(kind: Kind, changes: dict[str, Any]) -> None:
    plan = planned(facts(case(Stage.COMPLETED, kind, **changes), commerce(refunds=(booking(),))))
    assert plan.lanes["parcel"].state == "none"
    assert plan.ended


def test_an_exchange_that_was_withdrawn_needs_no_order_in_commerce() -> None:
    plan = planned(facts(case(Stage.CANCELLED, Kind.EXCHANGE, way_back=BACK), None, link=facts(None).seen.link))
    assert plan.ended
    assert looks(plan) == []


def test_a_replaced_item_that_comes_back_all_the_same_is_followed() -> None:
    plan = planned(exchanged(WayBack(), kind=Kind.REPLACEMENT, said=Said(received=HERE)))
    assert (plan.lanes["parcel"].state, plan.lanes["stock"].state) == ("received", "to_inspect")


def test_money_in_place_of_new_goods_waits_for_the_return_of_goods_on_their_way() -> None:
    both: dict[str, Any] = {"paid_instead": True, "refunds": (paid(),)}
    plan = planned(exchanged(shipped(), books=commerce(), channel=both))
    assert [type(wanted) for wanted in writes(plan)] == [CreateReturn], "refunded units cannot be returned any more"
    assert plan.status == "refunded"
    plan = planned(exchanged(shipped(), channel=both))
    assert [type(wanted) for wanted in writes(plan)] == [BookRefund]


# -- what is sent instead


def asked(kind: Kind = Kind.EXCHANGE, stage: Stage = Stage.REQUESTED, **changes: Any) -> Facts:
    actions = {Kind.EXCHANGE: Action.ANSWER_EXCHANGE, Kind.REPLACEMENT: Action.ANSWER_REPLACEMENT}
    wait = (due(actions[kind]),) if stage is Stage.REQUESTED else ()
    known = {"answerable": (answerable(Decision.APPROVE_EXCHANGE),), "answerable_for": f"{actions[kind]}:1"}
    shop = changes.pop("shop", LINES)
    return facts(case(stage, kind, due=wait), shop=shop, **{**known, "answerable_at": NOW, **changes})


def test_the_channel_is_asked_what_the_buyer_wants_where_it_says_so() -> None:
    assert Source.INSTEAD in looks(planned(asked()))
    assert Source.INSTEAD not in looks(planned(asked(shop=terms())))
    assert Source.INSTEAD not in looks(planned(asked(Kind.REPLACEMENT))), "the same once more"
    assert Source.INSTEAD in looks(planned(asked(Kind.REPLACEMENT, Stage.COMPLETED)))


def test_it_is_asked_once_for_each_change_and_no_more_once_the_order_has_a_name() -> None:
    told: dict[str, Any] = {"instead": WANTED, "instead_at": NOW, "instead_of": OPENED}
    assert Source.INSTEAD not in looks(planned(asked(**told)))
    assert Source.INSTEAD in looks(planned(asked(**{**told, "instead_of": OPENED - 1})))
    assert Source.INSTEAD not in looks(planned(asked(**{**told, "instead": MADE, "instead_of": OPENED - 1})))


def test_a_channel_that_was_silent_is_asked_again_soon() -> None:
    silent = asked(instead_at=NOW)
    assert (looks(planned(silent)), planned(silent).wake_at) == ([], NOW + SOON)
    assert Source.INSTEAD in looks(planned(silent, now=NOW + SOON))


def test_while_goods_come_back_it_is_asked_daily_for_the_name_of_the_order() -> None:
    told: dict[str, Any] = {"instead": WANTED, "instead_at": NOW, "instead_of": OPENED, "shop": LINES}
    assert Source.INSTEAD not in looks(planned(exchanged(**told), now=NOW + DAY - 1))
    assert Source.INSTEAD in looks(planned(exchanged(**told), now=NOW + DAY))


def test_the_question_names_what_the_buyer_wants() -> None:
    plan = planned(asked(instead=WANTED, instead_at=NOW, instead_of=OPENED))
    assert [question.text for question in plan.questions] == ["The buyer wants instead: Shirt 9 (SHIRT-9)."]
    called = [Goods(name="Mug").text, Goods(sku="MUG").text, Goods(sku_id="9").text, Goods().text]
    assert called == ["Mug", "MUG", "9", "an item without a name"]
