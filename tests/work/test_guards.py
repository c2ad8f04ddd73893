"""Guards of the plan that stand between a lost answer and a second decision, and between a rest and its cause."""

from __future__ import annotations

import msgspec

from backhaul.domain.effects import EffectState
from backhaul.domain.folding import fold_case
from backhaul.domain.words import Party, Stage
from tests.domain.build import (
    BOTH_SOLD,
    DAY,
    HOUR,
    NOW,
    alone,
    booking,
    case,
    commerce,
    decide,
    due,
    effect,
    facts,
    paid,
    planned,
    terms,
    usd,
)


def test_a_lost_answer_is_not_repeated_to_a_review_that_began_after_it() -> None:
    """Days later the channel asks again, with another deadline: what we sent may have ended the review before."""
    asked = case(due=(due(),))
    sent = effect(decide())
    again = msgspec.structs.replace(asked, due=(due(deadline=NOW + 60 * HOUR),), updated_at=NOW)
    before = alone(asked, ledger=[sent])
    seen = fold_case(before.seen, again, 0, NOW, [sent])
    made = planned(msgspec.structs.replace(before, seen=seen))
    assert seen.round == {due().action: 2}
    assert not [step for step in made.steps if type(step).__name__ == "Send"]
    assert [question.round for question in made.questions] == [2]


def test_an_answer_is_sent_on_a_fresh_read_only() -> None:
    waiting = effect(decide(), EffectState.INTENT, attempts=3)
    made = planned(alone(case(due=(due(),)), ledger=[waiting], channel_at=NOW - HOUR))
    assert [type(step).__name__ for step in made.steps][:1] == ["Look"]
    assert not [step for step in made.steps if type(step).__name__ == "Send"]


def test_in_the_last_minutes_it_is_sent_whatever_can_be_read() -> None:
    waiting = effect(decide(), EffectState.INTENT, attempts=3)
    made = planned(alone(case(due=(due(deadline=NOW + 120),)), ledger=[waiting], channel_at=NOW - HOUR))
    assert type(made.steps[0]).__name__ == "Send"


def test_a_rest_is_capped_only_when_nothing_is_left() -> None:
    ended = case(Stage.COMPLETED, refunds=(paid(2000),))
    nothing = commerce(refunds=(booking(amount=1500),), lines=BOTH_SOLD, refundable=usd(0))
    something = msgspec.structs.replace(nothing, refundable=usd(500))
    assert planned(facts(ended, nothing)).lanes["money"].terminal
    made = planned(facts(ended, something))  # the channel has paid more since: nobody booked that
    assert not made.lanes["money"].terminal
    assert [trouble.key for trouble in made.troubles if trouble.lane == "money"] == [f"differs:{ended.id}"]
    assert not [entry for entry in made.entries if entry.kind == "residual"]


def test_a_paused_case_is_not_woken_every_second() -> None:
    shop = terms(paused={Party.CHANNEL: "Log in again."}, commerce_connected=False)
    made = planned(alone(case(), shop=shop, channel_at=NOW - 2 * DAY))
    assert made.steps == ()
    assert made.wake_at == NOW + HOUR
