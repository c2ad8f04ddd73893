from __future__ import annotations

import msgspec
import pytest

from backhaul.domain.effects import EffectState
from backhaul.domain.facts import Seen
from backhaul.domain.folding import (
    Command,
    back_off,
    fall_behind,
    fold_case,
    fold_commerce,
    fold_said,
    forget_read,
    without,
)
from backhaul.domain.said import Asked, Said
from backhaul.domain.words import Action, Condition, Decision, Disposition, Party, Stage
from tests.domain.build import HOUR, NOW, OPENED, case, change, commerce, decide, due, effect, paid

ASKED = case(due=(due(),), updated_at=100)


def test_an_older_read_changes_nothing_but_answers_the_hints_it_could_have_seen() -> None:
    new = fold_case(Seen(), case(Stage.SHIPPED, updated_at=200), 3, 1000)
    old = fold_case(new, ASKED, 5, 1010)
    assert old.channel == new.channel
    assert (old.channel_at, old.channel_heard, old.round) == (1010, 5, {})


def test_hints_heard_during_a_read_are_not_answered_by_it() -> None:
    assert fold_case(change(Seen(), channel_heard=4), ASKED, 2, 1000).channel_heard == 4


def test_a_read_ends_the_channels_back_off_and_no_other() -> None:
    down = back_off(back_off(Seen(), Party.CHANNEL, "x", 0, 5), Party.COMMERCE, "y", 0, 5)
    assert set(fold_case(down, ASKED, 0, 10).backoff) == {Party.COMMERCE}
    assert set(fold_commerce(down, commerce(), 0, 10).backoff) == {Party.CHANNEL}


def test_a_new_review_begins_when_the_question_comes_back() -> None:
    first = fold_case(Seen(), ASKED, 0, 1)
    assert first.round == {Action.ANSWER_RETURN: 1}
    answered = fold_case(first, case(Stage.OFFERED, updated_at=200), 1, 2)
    assert answered.round == {Action.ANSWER_RETURN: 1}
    again = fold_case(answered, change(ASKED, updated_at=300), 2, 3)
    assert again.round == {Action.ANSWER_RETURN: 2}
    assert fold_case(again, change(ASKED, updated_at=301), 3, 4).round == again.round


def test_a_longer_deadline_is_no_new_review() -> None:
    first = fold_case(Seen(), ASKED, 0, 1)
    longer = change(ASKED, updated_at=200, due=(due(deadline=NOW + 99 * HOUR),))
    assert fold_case(first, longer, 1, 2).round == {Action.ANSWER_RETURN: 1}


def test_a_question_that_one_read_leaves_out_is_the_same_one() -> None:
    first = fold_case(Seen(), ASKED, 0, 1)
    without_it = fold_case(first, change(ASKED, updated_at=200, due=()), 1, 2)
    still = fold_case(without_it, change(ASKED, updated_at=201, due=()), 1, 2)
    again = fold_case(still, change(ASKED, updated_at=300), 2, 3)
    assert (again.round, again.unasked) == ({Action.ANSWER_RETURN: 1}, ())
    moved = fold_case(without_it, case(Stage.OFFERED, updated_at=250), 2, 3)
    back = fold_case(moved, change(ASKED, updated_at=300), 3, 4)
    assert (moved.unasked, back.round) == ((), {Action.ANSWER_RETURN: 2})


@pytest.mark.parametrize("state", [EffectState.SENT, EffectState.SUPERSEDED, EffectState.REFUSED])
def test_but_a_new_one_when_it_comes_back_after_our_answer(state: EffectState) -> None:
    first = fold_case(Seen(), ASKED, 0, 1)
    ours = [effect(decide(), state)]
    without_it = fold_case(first, change(ASKED, updated_at=200, due=()), 1, 2, ours)
    again = fold_case(without_it, change(ASKED, updated_at=300), 2, 3, ours)
    assert again.round == {Action.ANSWER_RETURN: 1 if state is EffectState.REFUSED else 2}


@pytest.mark.parametrize(("answered_at", "rounds"), [(150, 2), (250, 1)])
def test_but_it_is_one_when_our_answer_lies_before_it(answered_at: int, rounds: int) -> None:
    first = fold_case(Seen(), ASKED, 0, 1)
    next_review = change(ASKED, updated_at=200, due=(due(deadline=NOW + 99 * HOUR),))
    ours = effect(decide(), EffectState.ACCEPTED, answered_at=answered_at)
    assert fold_case(first, next_review, 1, 2, [ours]).round == {Action.ANSWER_RETURN: rounds}


def test_the_end_is_dated_once_and_taken_back_when_it_was_none() -> None:
    done = fold_case(Seen(), case(Stage.COMPLETED, updated_at=1), 0, 50)
    assert done.ended_at == 50
    assert fold_case(done, case(Stage.COMPLETED, updated_at=2), 0, 60).ended_at == 50
    assert fold_case(done, case(Stage.SHIPPED, updated_at=2), 0, 60).ended_at is None
    assert fold_case(Seen(), case(Stage.UNKNOWN, updated_at=2), 0, 60).ended_at is None


def test_a_lagging_read_of_commerce_changes_nothing_but_another_order_does() -> None:
    new = fold_commerce(Seen(), commerce(updated_at=200, name="new"), 1, 10)
    old = fold_commerce(new, commerce(updated_at=100, name="old"), 2, 20)
    assert old.commerce is not None
    assert (old.commerce.name, old.commerce_at, old.commerce_heard) == ("new", 20, 2)
    other = fold_commerce(new, commerce(id="other", updated_at=100, name="other"), 2, 20)
    assert other.commerce is not None
    assert other.commerce.name == "other"


def test_after_an_effect_the_read_is_old_news() -> None:
    both = Seen(channel_heard=3, commerce_heard=3)
    assert forget_read(both, Party.CHANNEL).channel_heard == -1
    assert forget_read(both, Party.COMMERCE).commerce_heard == -1
    assert fall_behind(both, Party.CHANNEL).channel_heard == -1
    behind = fall_behind(both, Party.COMMERCE)
    assert (behind.commerce_behind, behind.commerce_heard) == (True, 3)
    assert not fold_commerce(behind, commerce(), 3, 5).commerce_behind


def test_a_back_off_remembers_its_beginning_and_its_last_failure() -> None:
    first = back_off(Seen(), Party.CHANNEL, "down", 100, 0.2)
    second = back_off(first, Party.CHANNEL, "x" * 900, 105, 7.6, parked=True)
    one, two = first.backoff[Party.CHANNEL], second.backoff[Party.CHANNEL]
    assert (one.since, one.at, one.until, one.tries, one.parked) == (100, 100, 101, 1, False)
    assert (two.since, two.at, two.until, two.tries, two.parked) == (100, 105, 113, 2, True)
    assert len(two.text) == 500
    assert without(second.backoff, Party.CHANNEL) == {}


# -- what people said


def command(kind: str, body: object, at: int = OPENED, by: str = "ann") -> Command:
    return Command(kind, msgspec.json.encode(body), by, at, 0)


def said_of(commands: list[Command]) -> Said:
    """What is known of these words, said one after the other."""
    return fold_said(msgspec.structs.replace(each, word=word) for word, each in enumerate(commands, 1))


def vote(decision: Decision, at: int, desk: str = "own", round: int = 1) -> Command:
    body = {"action": "answer_return", "round": round, "decision": decision, "by": "ann", "at": at, "desk": desk}
    return command("vote", body, at)


def test_a_desks_last_word_on_one_review_counts() -> None:
    said = said_of(
        [
            vote(Decision.APPROVE_RETURN, 1),
            vote(Decision.KEEP_ITEM, 2, desk="loop"),
            vote(Decision.REJECT_RETURN, 3),
            vote(Decision.APPROVE_RETURN, 4, round=2),
        ]
    )
    assert [(each.desk, each.round, each.decision) for each in said.votes] == [
        ("loop", 1, Decision.KEEP_ITEM),
        ("own", 1, Decision.REJECT_RETURN),
        ("own", 2, Decision.APPROVE_RETURN),
    ]


def test_inspecting_is_receiving_and_the_first_arrival_is_kept() -> None:
    verdict = {"condition": "sellable", "disposition": "restock", "by": "bo", "at": 9}
    worse = {**verdict, "condition": "damaged", "disposition": "not_restocked"}
    said = said_of(
        [
            command("receive", ["u1"], 5),
            command("inspect", {"u1": verdict, "u2": verdict}, 9),
            command("inspect", {"u2": worse}, 11),
            command("receive", ["u1", "u2"], 12),
        ]
    )
    assert said.received == {"u1": 5, "u2": 9}
    assert said.verdicts["u1"].disposition is Disposition.RESTOCK
    assert said.verdicts["u2"].condition is Condition.DAMAGED


def test_everything_else_a_person_may_say() -> None:
    label = {"attachment": "a", "sha256": "f", "tracking_number": "1Z", "carrier_id": "c", "by": "ann", "at": 3}
    proof = paid()
    said = said_of(
        [
            command("label", label),
            command("label", {**label, "tracking_number": "2Z"}),
            command("link_order", "G1"),
            command("link_order", "G2", by="bo"),
            command("link_line", ["u1", "L1"]),
            command("waive", "stock"),
            command("waive", "money"),
            command("retry", "look:case", 7),
            command("retry", "look:case", 9),
            command("take_over", True),
            command("proof", proof),
            command("a word of tomorrow", {"x": 1}),
        ]
    )
    assert said.label is not None
    assert said.label.tracking_number == "2Z"
    assert (said.linked, said.linked_by, said.line_links) == ("G2", "bo", {"u1": "L1"})
    assert said.waived == {"stock", "money"}
    assert (said.retries, said.taken, said.proofs) == ({"look:case": Asked(9, 9)}, True, (proof,))
    assert (said.words, said.label.word) == (12, 2)
