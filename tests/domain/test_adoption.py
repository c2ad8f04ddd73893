"""Two cases of one order, with goods that look the same, beside returns that somebody else opened."""

from __future__ import annotations

from typing import Any

from backhaul.domain.adoption import REREAD
from backhaul.domain.channel import ChannelUnit
from backhaul.domain.commerce import CommerceLine, CommerceOrder, CommerceReturn, ReturnedLine, ShippedLine
from backhaul.domain.effects import (
    CancelReturn,
    CloseReturn,
    CreateReturn,
    DecideUnits,
    Dispose,
    EffectState,
    ReturnLine,
)
from backhaul.domain.facts import Creating, Facts, Link, LinkState, Place
from backhaul.domain.said import Said, Verdict
from backhaul.domain.steps import Look, Plan, Source
from backhaul.domain.words import Action, Condition, Decision, Disposition, Stage
from tests.domain.build import (
    CASE,
    GID,
    NOW,
    OPENED,
    case,
    change,
    commerce,
    effect,
    facts,
    planned,
    troubles,
    usd,
    writes,
    written,
)

OTHER = "4035227007615"
ELSEWHERE = Link(LinkState.MATCHED, "gid://shop/Order/2", "linked by ann", tried_at=NOW)


def unit(name: str) -> ChannelUnit:
    return ChannelUnit(name, "l1", "sku-1", "SHIRT-1", "Shirt", usd(1000))


def theirs(ident: str, quantity: int = 1, status: str = "open", trace: str = "") -> CommerceReturn:
    line = ReturnedLine(f"{ident}-L", "L1", quantity, "F1", f"{ident}-O", f"{ident}-R")
    return CommerceReturn(ident, ident, status, trace, (line,))


def books(*returns: CommerceReturn, returnable: int = 0, sold: int = 2) -> CommerceOrder:
    line = CommerceLine("L1", "SHIRT-1", quantity=sold, refundable=sold, unit_price=usd(1000))
    return commerce(lines=(line,), shipped=(ShippedLine("F1", "L1", returnable),), returns=returns)


def known(order: CommerceOrder, *units: str, places: tuple[Place, ...] = (), **changes: Any) -> Facts:
    stage = changes.pop("stage", Stage.AWAITING_SHIPMENT)
    found = case(stage, units=tuple(unit(each) for each in units))
    seen = {name: changes.pop(name) for name in ("origin", "commerce_at", "commerce_id") if name in changes}
    said = {name: changes.pop(name) for name in ("said", "ledger") if name in changes}
    known: Facts = change(facts(found, order, **said, **seen), places=places, **changes)
    return known


def lane(made: Plan) -> tuple[str, str]:
    return made.lanes["records"].state, made.lanes["records"].text


HELD = Place("u9", "R1", "L1", 0)  # by another case


def test_each_of_two_cases_adopts_a_return_of_its_own() -> None:
    order = books(theirs("R1"), theirs("R2"))
    first = planned(known(order, "u1"))
    assert first.places == (Place("u1", "R1", "L1", 0, mine=True),)
    second = planned(known(order, "u2", places=(change(first.places[0], mine=False),)))
    assert second.places == (Place("u2", "R2", "L1", 0, mine=True),)
    assert [lane(made)[0] for made in (first, second)] == ["adopted", "adopted"]


def test_the_one_without_a_return_creates_its_own_if_a_unit_is_left_and_asks_if_none_is() -> None:
    made = planned(known(books(theirs("R1"), returnable=1), "u2", places=(HELD,)))
    assert written(made, CreateReturn).lines == (ReturnLine("F1", 1, "R2", "no_need"),)
    assert made.places == ()
    made = planned(known(books(theirs("R1")), "u2", places=(HELD,)))
    assert (writes(made), troubles(made)) == ([], {"returnable"})


def test_two_cases_share_a_return_that_holds_the_units_of_both() -> None:
    made = planned(known(books(theirs("R1", 2)), "u2", places=(HELD,)))
    assert made.places == (Place("u2", "R1", "L1", 1, mine=True),)
    third = planned(
        known(books(theirs("R1", 2), returnable=1), "u3", places=(HELD, change(made.places[0], mine=False)))
    )
    assert written(third, CreateReturn)


def test_what_is_adopted_stays_so_when_others_come() -> None:
    mine = Place("u1", "R2", "L1", 0, mine=True)
    made = planned(known(books(theirs("R1"), theirs("R2")), "u1", places=(mine,)))
    assert made.places == (mine,)
    fine = Said(verdicts={"u1": Verdict(Condition.SELLABLE, Disposition.RESTOCK, "ann", NOW)}, received={"u1": NOW})
    made = planned(known(books(theirs("R1"), theirs("R2")), "u1", places=(mine,), said=fine))
    assert written(made, Dispose).return_id == "R2"


def test_a_place_is_kept_while_the_order_is_not_read_and_given_up_with_the_case() -> None:
    mine = Place("u1", "R1", "L1", 0, mine=True)
    assert planned(change(known(books(theirs("R1")), "u1", places=(mine,)), heard_commerce=1)).places == (mine,)
    for stage in (Stage.CANCELLED, Stage.REQUESTED):
        made = planned(known(books(theirs("R1")), "u1", places=(mine,), stage=stage))
        assert made.places == ()
    there = known(books(theirs("R1")), "u1", places=(mine,), commerce_id=GID)
    unread = change(there.seen, commerce=None)
    for link, places in ((unread.link, (mine,)), (Link(LinkState.MISSING), (mine,)), (ELSEWHERE, ())):
        assert planned(change(there, seen=change(unread, link=link))).places == places
    came_back = known(books(theirs("R1")), "u1", places=(mine,), stage=Stage.CANCELLED, said=Said(received={"u1": NOW}))
    assert planned(came_back).places == (mine,)
    made = planned(known(books(theirs("R1"), theirs("R2", trace=CASE)), "u1", places=(mine,)))
    assert made.places == (), "a return of ours is the case's own"


def test_units_that_were_answered_apart_stay_on_the_return_they_are_on() -> None:
    moved = Place("u2", "R1", "L1", 1)
    made = planned(known(books(theirs("R1", 2)), "u2", places=(HELD, moved), origin=OTHER))
    assert (lane(made)[0], made.places) == ("adopted", ())
    places = (Place("u1", "R1", "L1", 0, mine=True), Place("u2", "R1", "L1", 1, mine=True))
    left = planned(known(books(theirs("R1", 2)), "u1", places=places))
    assert left.places == places, "the place of the unit that has gone is nobody else's"


def test_a_return_that_the_old_case_is_having_written_is_waited_for() -> None:
    order = books(returnable=2)
    split = known(order, "u2", origin=OTHER, creating_elsewhere={OTHER: Creating()})
    made = planned(split)
    assert (writes(made), lane(made)[0]) == ([], "creating")
    assert made.wake_at == NOW + REREAD
    later = planned(split, now=NOW + REREAD)
    assert any(isinstance(step, Look) and step.source is Source.COMMERCE for step in later.steps)
    there = known(books(theirs("R1", 2, trace=OTHER)), "u2", origin=OTHER, creating_elsewhere={OTHER: Creating()})
    assert lane(planned(there)) == ("adopted", "R1")
    assert written(planned(change(split, creating_elsewhere={})), CreateReturn)
    assert written(planned(change(split, creating_elsewhere={"another": Creating()})), CreateReturn)


def test_a_return_that_holds_other_units_of_the_old_case_is_not_waited_for() -> None:
    order = books(returnable=1)
    hat = ReturnedLine("R1-L", "L9", 1, "F9", "R1-O", "R1-R")
    beside = change(order, returns=(CommerceReturn("R1", "R1", "open", OTHER, (hat,)),))
    for read in (order, beside):
        split = known(read, "u2", origin=OTHER, creating_elsewhere={OTHER: Creating(NOW - REREAD)})
        assert (writes(planned(split)), lane(planned(split))[0]) == ([], "creating"), "it may have been read too early"
        later = known(read, "u2", origin=OTHER, creating_elsewhere={OTHER: Creating(NOW - REREAD - 1)})
        assert written(planned(later), CreateReturn).lines == (ReturnLine("F1", 1, "R2", "no_need"),)


def test_a_return_of_the_old_case_is_shared_by_the_units_that_it_was_written_for() -> None:
    """Both units are of one line: what the return holds does not say whose it is."""
    order = books(theirs("R1", trace=OTHER), returnable=1)
    for at in (None, NOW):
        kept = known(order, "u2", origin=OTHER, creating_elsewhere={OTHER: Creating(at, ("u1",))})
        assert written(planned(kept), CreateReturn) == CreateReturn(
            CASE, order.id, (ReturnLine("F1", 1, "R2", "no_need"),), OPENED, ("u2",)
        )
        both = known(order, "u2", origin=OTHER, creating_elsewhere={OTHER: Creating(at, ("u1", "u2"))})
        assert lane(planned(both)) == ("adopted", "R1")


def test_a_return_with_units_that_were_answered_apart_is_not_taken_back_with_the_case() -> None:
    for quantity, end in ((2, CloseReturn), (1, CancelReturn)):
        made = planned(known(books(theirs("R1", quantity, trace=CASE)), "u1", stage=Stage.CANCELLED))
        assert [type(wanted) for wanted in writes(made)] == [end]


def test_no_return_is_written_while_it_is_not_known_which_units_have_gone() -> None:
    answer = DecideUnits(CASE, Action.JUDGE_PARCEL, 1, Decision.ACCEPT_PARCEL, ("u2",), "rma")
    for state in (EffectState.SENT, EffectState.ACCEPTED, EffectState.CONFIRMED):
        apart = effect(answer, state)
        made = planned(known(books(returnable=2), "u1", "u2", ledger=(apart,)))
        kinds = [type(wanted) for wanted in writes(made)]
        assert kinds == ([CreateReturn] if state is EffectState.CONFIRMED else [])
