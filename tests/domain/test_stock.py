from __future__ import annotations

from typing import Any

import pytest

from backhaul.domain.effects import Dispose, EffectState
from backhaul.domain.facts import Facts
from backhaul.domain.policy import Policy
from backhaul.domain.said import Said, Verdict
from backhaul.domain.words import Action, Condition, Disposition, Kind, Stage
from tests.domain.build import (
    DAY,
    GID,
    NOW,
    RETURN,
    case,
    change,
    channel_order,
    commerce,
    desk_return,
    desk_terms,
    due,
    effect,
    facts,
    planned,
    record,
    shipped,
    terms,
    troubles,
    units,
    with_desk,
    writes,
)

PLACE = "gid://shop/Location/1"
RESTOCK, NOT, MISSING = Disposition.RESTOCK, Disposition.NOT_RESTOCKED, Disposition.MISSING


def verdict(disposition: Disposition) -> Verdict:
    return Verdict(Condition.SELLABLE if disposition is RESTOCK else Condition.DAMAGED, disposition, "bo", NOW - 9)


SELLABLE = {"u1": verdict(RESTOCK), "u2": verdict(RESTOCK)}
HERE = case(Stage.ACCEPTED, way_back=shipped())


def judged(found: Any = HERE, books: Any = None, **changes: Any) -> Facts:
    said = Said(verdicts=changes.pop("verdicts", SELLABLE), received=changes.pop("received", {"u1": NOW, "u2": NOW}))
    return facts(found, books or commerce(returns=(record(tracking=("1Z",)),)), said=said, **changes)


def disposals(known: Facts, policy: Policy | None = None, now: int = NOW) -> list[Dispose]:
    return [wanted for wanted in writes(planned(known, policy, now)) if isinstance(wanted, Dispose)]


def test_a_verdict_moves_its_unit_and_nothing_else_does() -> None:
    assert disposals(judged()) == [
        Dispose(GID, RETURN, "RR1", 1, RESTOCK, ("u1",), 0, PLACE),
        Dispose(GID, RETURN, "RR2", 1, RESTOCK, ("u2",), 0, PLACE),
    ]
    assert not disposals(judged(verdicts={}))
    assert [each.units for each in disposals(judged(verdicts={"u2": verdict(NOT)}))] == [("u2",)]


@pytest.mark.parametrize("disposition", Disposition)
def test_only_restocked_units_go_to_a_place(disposition: Disposition) -> None:
    known = judged(verdicts={"u1": verdict(disposition)})
    assert [(each.disposition, each.location) for each in disposals(known)] == [
        (disposition, PLACE if disposition is RESTOCK else "")
    ]
    nowhere = judged(verdicts={"u1": verdict(disposition)}, shop=terms(location=""))
    assert bool(disposals(nowhere)) is (disposition is not RESTOCK)
    assert ("location" in troubles(planned(nowhere))) is (disposition is RESTOCK)


def one_line() -> Any:
    """Both units on one line of commerce."""
    line = change(commerce().lines[0], quantity=2, channel_line_ids=("l1", "l2"))
    returned = change(record().lines[0], quantity=2)
    return commerce(lines=(line,), returns=(change(record(), lines=(returned,), tracking=("1Z",)),))


def test_units_of_one_line_and_fate_move_together_and_different_fates_one_after_the_other() -> None:
    assert [(each.quantity, each.units) for each in disposals(judged(books=one_line()))] == [(2, ("u1", "u2"))]
    mixed = {"u1": verdict(RESTOCK), "u2": verdict(MISSING)}
    first = disposals(judged(books=one_line(), verdicts=mixed))
    assert [(each.disposition, each.units) for each in first] == [(RESTOCK, ("u1",)), (MISSING, ("u2",))]
    sent = effect(first[0], EffectState.SENT)
    assert not disposals(judged(books=one_line(), verdicts=mixed, ledger=[sent])), (
        "the count it starts from is not known"
    )


@pytest.mark.parametrize("state", EffectState)
def test_a_unit_is_moved_once(state: EffectState) -> None:
    sent = effect(Dispose(GID, RETURN, "RR1", 1, RESTOCK, ("u1",), 0, PLACE), state)
    moved = {unit for each in disposals(judged(ledger=[sent])) for unit in each.units}
    assert moved == ({"u1", "u2"} if state is EffectState.PROPOSED else {"u2"})


def test_what_cannot_be_carried_into_commerce_is_said() -> None:
    for books in (
        commerce(returns=(record("cancelled", tracking=("1Z",)),)),
        commerce(returns=(change(record(tracking=("1Z",)), lines=record().lines[:1]),)),
    ):
        made = planned(judged(case(Stage.COMPLETED, way_back=shipped()), books, ledger=[]))
        if not [wanted for wanted in writes(made) if isinstance(wanted, Dispose)]:
            assert "stock" in troubles(made)
        assert not made.ended


@pytest.mark.parametrize("stage", [Stage.ACCEPTED, Stage.COMPLETED])
def test_stock_that_nobody_inspects_ends_as_not_restocked(stage: Stage) -> None:
    policy = Policy()
    arrived = NOW - policy.inspect_within_s + 60
    known = judged(change(HERE, stage=stage), verdicts={}, received={"u1": arrived, "u2": arrived + 30})
    before = planned(known, policy)
    assert [question.kind for question in before.questions] == ["inspection"]
    assert before.wake_at is not None
    assert before.wake_at <= arrived + policy.inspect_within_s
    assert not disposals(known, policy)
    late = change(known, seen=change(known.seen, channel_at=NOW + 60, commerce_at=NOW + 60))
    assert [(each.units, each.disposition) for each in disposals(late, policy, NOW + 60)] == [(("u1",), NOT)]


def test_before_the_goods_are_here_nothing_ends() -> None:
    way = case(Stage.SHIPPED, way_back=shipped(), updated_at=NOW - 90 * DAY)
    assert not disposals(judged(way, verdicts={}, received={}))
    assert planned(judged(way, verdicts={}, received={})).lanes["stock"].state == "expected"


@pytest.mark.parametrize(
    ("found", "verdicts", "received", "state", "terminal"),
    [
        (case(kind=Kind.REFUND), {}, {}, "none", True),
        (case(Stage.COMPLETED, can_keep_item=True), {}, {}, "none", True),
        (case(Stage.CANCELLED), {}, {}, "none", True),
        (case(Stage.CANCELLED), {}, {"u1": NOW}, "to_inspect", False),
        (case(Stage.SHIPPED, due=(due(Action.JUDGE_PARCEL),)), {}, {}, "to_inspect", False),
        (case(Stage.SHIPPED), {}, {"u1": NOW}, "to_inspect", False),
        (case(Stage.SHIPPED), {}, {}, "expected", False),
        (HERE, {"u1": verdict(NOT)}, {}, "to_inspect", False),
        (HERE, SELLABLE, {}, "moving", False),
    ],
)
def test_where_the_stock_stands(found: Any, verdicts: Any, received: Any, state: str, terminal: bool) -> None:
    lane = planned(judged(found, verdicts=verdicts, received=received)).lanes["stock"]
    assert (lane.state, lane.terminal) == (state, terminal)


def test_settled_when_commerce_shows_all_of_it() -> None:
    done = record(disposed=dict.fromkeys(("L1", "L2"), ((RESTOCK, 1),)), tracking=("1Z",))
    moved = [
        effect(Dispose(GID, RETURN, f"RR{n}", 1, RESTOCK, (f"u{n}",), 0, PLACE), EffectState.CONFIRMED) for n in (1, 2)
    ]
    made = planned(judged(books=commerce(returns=(done,)), ledger=moved))
    assert (made.lanes["stock"].state, made.lanes["stock"].terminal) == ("settled", True)
    assert made.lanes["stock"].text == "2 restock"


def test_goods_of_the_channels_own_warehouse_are_not_ours_to_judge() -> None:
    made = planned(judged(order=channel_order(by_channel=True)))
    assert not [wanted for wanted in writes(made) if isinstance(wanted, Dispose)]
    assert (made.lanes["stock"].state, made.lanes["stock"].terminal) == ("by_channel", True)


def test_waived_stock_moves_nothing() -> None:
    known = facts(
        HERE, commerce(returns=(record(tracking=("1Z",)),)), said=Said(verdicts=SELLABLE, waived=frozenset({"stock"}))
    )
    assert (disposals(known), planned(known).lanes["stock"].state) == ([], "waived")


def test_a_verdict_on_a_unit_of_another_case_counts_for_nothing() -> None:
    assert not disposals(judged(verdicts={"u9": verdict(RESTOCK)}))
    assert len(units()) == 2


def test_where_the_desk_moves_the_stock_the_hub_moves_none() -> None:
    books = commerce(returns=(record(),))
    for moves, state in ((False, "moving"), (True, "by_desk")):
        made = planned(
            with_desk(
                HERE,
                desk_return(),
                desk=desk_terms(moves_stock=moves),
                said=Said(verdicts=SELLABLE, received={"u1": NOW, "u2": NOW}),
                books=books,
            )
        )
        disposed = any(isinstance(each, Dispose) for each in writes(made))
        assert (made.lanes["stock"].state, disposed) == (state, not moves)
