"""A case that is linked to another order in commerce: what it had of the old one there and in the desk is not its own
any more."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from backhaul.domain.channel import ChannelCase
from backhaul.domain.commerce import CommerceOrder
from backhaul.domain.desk import DeskLabel, DeskReturn, DeskState
from backhaul.domain.desk_adoption import looked_for, own_return
from backhaul.domain.desk_effects import CancelDeskReturn, OpenDeskReturn
from backhaul.domain.effects import BookRefund, EffectState
from backhaul.domain.facts import Adopted, Facts, Link, LinkState
from backhaul.domain.folding import fold_link
from backhaul.domain.matching import case_lines
from backhaul.domain.refunds import still_adopted
from backhaul.domain.said import Label
from backhaul.domain.steps import Look, Source
from backhaul.domain.words import Action, Stage
from tests.domain.build import (
    CASE,
    GID,
    NOW,
    booking,
    case,
    change,
    commerce,
    desk_return,
    due,
    effect,
    facts,
    label_wanted,
    paid,
    planned,
    troubles,
    with_desk,
    writes,
    written,
)

DONE = case(Stage.COMPLETED, refunds=(paid(),))
COMING = case(Stage.AWAITING_SHIPMENT)
OTHER = Link(LinkState.MATCHED, "gid://shop/Order/2", "linked by ann", tried_at=NOW)
HELD = (Adopted(CASE, "gid://shop/Refund/9"),)


def holding(order: CommerceOrder | None, **changes: Any) -> Facts:
    return msgspec.structs.replace(facts(DONE, order, commerce_id=GID, **changes), adopted=HELD)


def test_refunds_of_the_old_order_are_given_back_before_the_new_one_is_read() -> None:
    assert still_adopted(holding(None, link=OTHER)) == ()
    assert planned(holding(None, link=OTHER)).adopted == ()


def test_refunds_stay_adopted_while_the_order_is_not_found_or_shows_them() -> None:
    for link in (Link(LinkState.MISSING, GID), Link(LinkState.MISSING), Link(LinkState.MATCHED, GID)):
        assert still_adopted(holding(None, link=link)) == HELD
    assert still_adopted(holding(commerce(refunds=(booking(trace="", ident=HELD[0].source),)))) == HELD
    assert still_adopted(holding(commerce())) == ()


def test_what_stands_for_a_payment_is_the_refund_of_the_order_that_is_linked() -> None:
    made = planned(holding(commerce(refunds=(booking(trace="", ident="gid://shop/Refund/7"),))))
    assert made.adopted == (Adopted(CASE, "gid://shop/Refund/7"),)


def test_of_two_refunds_the_known_one_stays() -> None:
    both = tuple(booking(trace="", ident=ident) for ident in ("gid://shop/Refund/7", HELD[0].source))
    assert planned(holding(commerce(refunds=both))).adopted == HELD
    assert planned(change(holding(commerce(refunds=both)), adopted=())).adopted == (Adopted(CASE, both[0].id),)


def test_a_payment_that_is_proven_later_takes_no_refund_that_stands_for_another() -> None:
    """The channel lists the later one first."""
    twice = case(Stage.COMPLETED, refunds=(paid(500, "late"), paid(1500, CASE)))
    order = commerce(refunds=(booking(trace="", ident=HELD[0].source, amount=1500),))
    made = planned(msgspec.structs.replace(facts(twice, order), adopted=HELD))
    assert made.adopted == HELD
    assert "differs" not in troubles(made)
    left = msgspec.structs.replace(facts(twice, order), adopted=(change(HELD[0], refund_id="gone"),))
    assert [each.refund_id for each in planned(left).adopted] == ["late"], "what is paid no longer keeps nothing"


# -- the desk


def test_another_order_knows_nothing_of_the_old_ones_returns() -> None:
    label = Label("a", "s", "1Z", "c", "Loop", NOW)
    before = with_desk(COMING, desk_return(), desk_label=label, commerce_id=GID).seen
    after = fold_link(before, OTHER, -1)
    assert (after.commerce, after.desk, after.desk_at, after.desk_label) == (None, None, 0, None)
    same = fold_link(before, Link(LinkState.MATCHED, GID.rpartition("/")[2]), -1)
    assert (same.commerce, same.desk, same.desk_label) == (None, desk_return(), label), "named by its number only"
    gone = fold_link(before, Link(LinkState.MISSING), -1)
    back = fold_link(gone, Link(LinkState.MATCHED, GID), -1)
    assert (gone.desk, back.desk) == (desk_return(), desk_return()), "an order that was not found for a while"
    assert fold_link(gone, OTHER, -1).desk is None
    assert before.commerce is not None
    assert fold_link(change(before, commerce_id=""), OTHER, -1).desk is None, "as an earlier version has stored it"


def found_of(*records: DeskReturn, **changes: Any) -> DeskReturn | None:
    known = with_desk(COMING, **changes)
    return own_return(known, records, case_lines(known))


def test_a_return_on_another_order_is_not_adopted_nor_kept() -> None:
    strange = desk_return(order_id="2")
    assert found_of(strange) is None
    assert found_of(strange, desk=strange) is None
    assert found_of(change(strange, order_id="1")) is not None


OPENED_THERE = effect(OpenDeskReturn(CASE, "gid://shop/Order/2", "#1002", ()), EffectState.CONFIRMED, result="D1")


def astray(state: DeskState = DeskState.OPEN, **changes: Any) -> Facts:
    there = desk_return(state, order_id="2", order_name="#1002", **changes)
    return with_desk(COMING, there, ledger=[OPENED_THERE])


def test_one_that_we_opened_on_the_wrong_order_is_called_off_and_a_person_opens_it_anew() -> None:
    made = planned(astray())
    assert written(made, CancelDeskReturn) == CancelDeskReturn("D1")
    made = planned(astray(DeskState.CANCELLED))
    assert (made.lanes["desk"].state, writes(made), troubles(made)) == ("blocked", [], {"desk_astray"})
    gone, fresh = desk_return(DeskState.CANCELLED, order_id="2"), desk_return(id="D2", order_id="1")
    assert found_of(gone, fresh, desk=gone, ledger=[OPENED_THERE]) == fresh


@pytest.mark.parametrize("found", [COMING, change(COMING, can_keep_item=True, stage=Stage.COMPLETED)])
def test_one_that_somebody_else_opened_there_is_not_called_off(found: ChannelCase) -> None:
    """What was read before the case was linked to another order, by an earlier version that kept it."""
    made = planned(with_desk(found, desk_return(order_id="2", order_name="#1002")))
    assert [wanted for wanted in writes(made) if isinstance(wanted, CancelDeskReturn)] == []
    assert Source.DESK in {step.source for step in made.steps if isinstance(step, Look)}
    assert made.lanes["desk"].state == "looking"


def test_no_label_is_made_there_for_goods_of_another_order() -> None:
    waiting = case(Stage.AWAITING_SHIPMENT, way_back=label_wanted())
    for labels in ((), (DeskLabel("1Z9", "ups", "https://labels.test/1"),)):
        there = desk_return(order_id="2", labels=labels)
        made = planned(with_desk(waiting, there, ledger=[OPENED_THERE]))
        assert writes(made) == [CancelDeskReturn("D1")]
        assert [question.kind for question in made.questions] == ["label"]
        assert not [step for step in made.steps if isinstance(step, Look)]


@pytest.mark.parametrize(
    ("state", "order_id", "looked"),
    [
        (DeskState.OPEN, "1", False),
        (DeskState.CLOSED, "1", False),
        (DeskState.CANCELLED, "1", True),
        (DeskState.OPEN, "2", False),
        (DeskState.REVIEW, "2", False),
        (DeskState.CLOSED, "2", True),
    ],
)
def test_another_is_looked_for_once_that_on_the_wrong_order_is_over(
    state: DeskState, order_id: str, looked: bool
) -> None:
    assert looked_for(with_desk(COMING), desk_return(state, order_id=order_id)) is looked
    assert looked_for(with_desk(COMING), None)


def test_a_refund_that_the_desk_made_on_the_wrong_order_is_not_waited_for_on_the_right_one() -> None:
    there = desk_return(DeskState.CLOSED, order_id="2", processed=True, processed_at=NOW - 1)
    made = planned(with_desk(DONE, there, ledger=[OPENED_THERE]))
    assert written(made, BookRefund).order_id == GID
    assert planned(with_desk(DONE, change(there, order_id="1"))).lanes["money"].state == "booking"
    assert not writes(planned(with_desk(DONE, change(there, order_id="1"))))


def test_an_end_on_the_wrong_order_is_no_vote() -> None:
    arrived = case(Stage.SHIPPED, due=(due(Action.JUDGE_PARCEL),))
    there = desk_return(DeskState.CLOSED, order_id="2", processed=True, processed_at=NOW)
    made = planned(with_desk(arrived, there, ledger=[OPENED_THERE]))
    assert writes(made) == []
    (told,) = [each for each in made.troubles if each.key.startswith("desk_astray")]
    assert "refunded there" in told.text
