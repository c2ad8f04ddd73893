"""The plan as a whole: what comes first, who waits for whom, and what a shop that observes makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from backhaul.domain.effects import Decide, EffectState, StampOrder
from backhaul.domain.facts import Backoff, Facts
from backhaul.domain.policy import Policy
from backhaul.domain.said import Said, Vote
from backhaul.domain.steps import Look, Send, Source, Write
from backhaul.domain.terms import Mode
from backhaul.domain.words import Action, Decision, Kind, Party, Stage
from tests.domain.build import (
    CASE,
    DAY,
    GID,
    LIVE,
    NOW,
    ORDER,
    case,
    change,
    commerce,
    decide,
    due,
    effect,
    facts,
    paid,
    planned,
    record,
    shipped,
    terms,
    troubles,
    writes,
)
from tests.domain.test_stock import SELLABLE

APPROVE = Vote(Action.JUDGE_PARCEL, 1, Decision.ACCEPT_PARCEL, "ann", NOW - 5)


def busy(**changes: Any) -> Facts:
    """Everything wants something: an answer, a booking, a verdict on each unit, a tracking number, a stamp."""
    found = case(Stage.SHIPPED, due=(due(Action.JUDGE_PARCEL),), way_back=shipped(), refunds=(paid(),))
    said = Said(votes=(APPROVE,), verdicts=SELLABLE)
    books = commerce(stamped="", returns=(record(),))
    return facts(found, books, said=said, **changes)


def tags(known: Facts) -> list[str]:
    return [wanted.__struct_config__.tag for wanted in writes(planned(known))]


def test_the_channel_first_then_money_then_the_rest() -> None:
    assert tags(busy()) == ["decide", "book_refund", "attach_tracking", "dispose", "dispose", "stamp_order"]


def test_a_case_never_read_is_read_and_nothing_else() -> None:
    made = planned(facts(None, None))
    assert made.steps == (Look(Source.CASE, "the case has not been read", 2),)
    assert (made.ended, made.status, made.lanes) == (False, "new", {})
    down = facts(None, None, backoff={Party.CHANNEL: Backoff(NOW - 9, NOW + 9, 1, "down", at=NOW - 1)})
    assert (planned(down).steps, planned(down).wake_at) == ((), NOW + 9)


def test_news_of_the_channel_come_before_everything_but_hold_nothing() -> None:
    first = planned(busy(heard_channel=1)).steps
    assert isinstance(first[0], Look)
    assert first[0].source is Source.CASE
    assert "book_refund" in tags(busy(heard_channel=1))


@pytest.mark.parametrize("how", ["paused", "backing off"])
@pytest.mark.parametrize("party", [Party.CHANNEL, Party.COMMERCE])
def test_a_party_that_waits_never_holds_another(party: Party, how: str) -> None:
    if how == "paused":
        known = busy(shop=terms(paused={party: "log in"}))
    else:
        known = busy(backoff={party: Backoff(NOW - 9, NOW + 60, 2, "down", at=NOW - 1)})
    assert tags(known) == (["decide"] if party is Party.COMMERCE else tags(busy())[1:])
    made = planned(known)
    if how == "paused":
        assert f"paused:{party}" in {each.key for each in made.troubles}
    else:
        assert made.wake_at is not None
        assert made.wake_at <= NOW + 60


def test_a_lane_that_is_stuck_never_holds_another() -> None:
    found = busy(shop=terms(safe_gateways=frozenset(), location=""))
    assert tags(found) == ["decide", "attach_tracking", "stamp_order"]
    assert troubles(planned(found)) == {"gateway", "location"}
    said = Said(votes=(Vote(Action.ANSWER_RETURN, 1, Decision.APPROVE_RETURN, "ann", NOW),))
    lost = facts(case(due=(due(),)), None, said=said, order=None)
    assert tags(lost) == ["decide"], "the channel's clock does not wait for the order to be found"


@pytest.mark.parametrize(
    ("tries", "parked", "told"), [(1, False, False), (4, False, False), (5, False, True), (1, True, True)]
)
def test_a_vendor_that_stays_away_becomes_an_exception(tries: int, parked: bool, told: bool) -> None:
    down = {Party.COMMERCE: Backoff(NOW - 900, NOW + 60, tries, "HTTP 502", parked, NOW - 1)}
    assert ("backoff" in troubles(planned(busy(backoff=down)))) is told


def test_a_paused_channel_shows_the_deadline_that_is_at_stake() -> None:
    made = planned(busy(shop=terms(paused={Party.CHANNEL: "log in"})))
    (trouble,) = [each for each in made.troubles if each.key == "paused:channel"]
    assert (trouble.deadline, trouble.waits_on) == (NOW + 30 * 3600, ("connection", Party.CHANNEL))


# -- observe and live


def test_in_observe_the_same_is_proposed_and_stands_in_nobodys_way() -> None:
    observing = terms(mode=Mode.OBSERVE, live_since=None)
    assert tags(busy(shop=observing)) == tags(busy())
    proposed = [effect(wanted, EffectState.PROPOSED) for wanted in writes(planned(busy()))]
    assert not tags(busy(shop=observing, ledger=proposed))
    assert tags(busy(ledger=proposed)) == tags(busy()), "live begins afresh"


def test_in_observe_a_login_that_ended_hides_no_proposal() -> None:
    paused = terms(mode=Mode.OBSERVE, live_since=None, paused={Party.COMMERCE: "log in"})
    assert "book_refund" in tags(busy(shop=paused))


@pytest.mark.parametrize("taken", [False, True])
def test_an_old_open_case_is_only_proposed_for_until_it_is_taken_over(taken: bool) -> None:
    old = case(created_at=LIVE - DAY, due=(due(),))
    said = Said(votes=(Vote(Action.ANSWER_RETURN, 1, Decision.APPROVE_RETURN, "ann", NOW),), taken=taken)
    known = facts(old, said=said)
    assert known.observing is not taken
    assert [type(wanted) for wanted in writes(planned(known))] == [Decide]


def test_back_to_observe_nothing_leaves_any_more() -> None:
    open_ = [effect(decide(), EffectState.INTENT), effect(StampOrder(GID, ORDER), EffectState.SENT)]
    known = facts(
        case(due=(due(),)), commerce(stamped=""), ledger=open_, shop=terms(mode=Mode.OBSERVE, live_since=None)
    )
    assert not [step for step in planned(known).steps if isinstance(step, Send)]


# -- the end


def test_a_rejection_is_not_an_end() -> None:
    for stage in (Stage.REQUEST_REJECTED, Stage.PARCEL_REJECTED):
        assert not planned(facts(case(stage))).ended
        assert planned(facts(case(stage))).wake_at == NOW + DAY


def test_a_case_with_an_open_effect_has_not_ended() -> None:
    done = case(Stage.CANCELLED)
    assert planned(facts(done)).ended
    assert not planned(facts(done, ledger=[effect(StampOrder(GID, ORDER), EffectState.SENT)])).ended


def test_an_end_that_still_has_something_to_write_is_none_yet() -> None:
    made = planned(facts(case(Stage.CANCELLED), commerce(stamped="")))
    assert ([type(wanted) for wanted in writes(made)], made.ended) == ([StampOrder], False)


def test_news_that_cannot_be_read_now_may_open_what_had_ended() -> None:
    down = {Party.CHANNEL: Backoff(NOW - 9, NOW + 60, 2, "HTTP 502", at=NOW - 9)}
    made = planned(facts(case(Stage.CANCELLED), heard_channel=1, backoff=down))
    assert (made.ended, made.steps, made.wake_at) == (False, (), NOW + 60)


def test_unknown_words_are_shown_and_never_final() -> None:
    for found in (case(Stage.UNKNOWN), case(kind=Kind.UNKNOWN), case(Stage.COMPLETED, Kind.UNKNOWN, refunds=(paid(),))):
        made = planned(facts(found))
        assert (made.ended, troubles(made)) == (False, {"beyond"})
    waived = facts(case(Stage.COMPLETED, Kind.UNKNOWN), said=Said(waived=frozenset({"money"})))
    assert planned(waived).ended


@pytest.mark.parametrize(
    ("found", "status"),
    [
        (case(), "requested"),
        (case(Stage.SHIPPED), "in_transit"),
        (case(Stage.SHIPPED, due=(due(Action.JUDGE_PARCEL),)), "delivered"),
        (case(Stage.COMPLETED), "refunded"),
        (case(Stage.COMPLETED, created_at=LIVE - 9, updated_at=LIVE - 9), "closed"),
        (case(Stage.CANCELLED), "cancelled"),
        (case(Stage.UNKNOWN), "unknown"),
    ],
)
def test_the_word_on_the_grid(found: Any, status: str) -> None:
    assert planned(facts(found)).status == status


def test_the_steps_of_a_plan_are_each_others_only_once() -> None:
    """A hint, a missing read-back and a decision all want the case: it is read once, at the most urgent rank."""
    ours = effect(decide(round=2), EffectState.ACCEPTED)
    found = change(case(due=(due(),)), id=CASE)
    made = planned(facts(found, heard_channel=1, ledger=[ours]), Policy())
    reads = [step for step in made.steps if isinstance(step, Look) and step.source is Source.CASE]
    assert [step.rank for step in reads] == [2]
    assert not [step for step in made.steps if isinstance(step, Write)]
