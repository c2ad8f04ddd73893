"""Pictures that go with a rejection."""

from __future__ import annotations

from collections.abc import Iterable

from backhaul.domain.channel import ActionDue
from backhaul.domain.effects import Decide, Effect, EffectState, Image, UploadEvidence
from backhaul.domain.facts import Facts
from backhaul.domain.policy import Policy
from backhaul.domain.said import Evidence, Said, Vote
from backhaul.domain.steps import Write
from backhaul.domain.words import Action, Decision, Kind
from tests.domain.build import (
    CASE,
    HOUR,
    NOW,
    alone,
    answerable,
    case,
    due,
    effect,
    planned,
    troubles,
    writes,
    written,
)

FILES = {each: Evidence(each, f"sha-{each}", f"{each}.jpg", "image/jpeg", 640, 480, "ann", NOW - 60) for each in "ab"}
UPLOADS = {each: UploadEvidence(CASE, each, f"sha-{each}", f"{each}.jpg", "image/jpeg") for each in "ab"}


def rejected(ledger: Iterable[Effect] = (), deadline: int = NOW + 30 * HOUR, bare: bool = False) -> Facts:
    vote = Vote(
        Action.ANSWER_REFUND, 1, Decision.REJECT_REFUND, "ann", NOW - 30, "used", evidence=("a", "b"), bare=bare
    )
    waits: ActionDue = due(Action.ANSWER_REFUND, deadline)
    return alone(
        case(kind=Kind.REFUND, due=(waits,)),
        said=Said(votes=(vote,), evidence=FILES),
        ledger=ledger,
        answerable=(answerable(Decision.REJECT_REFUND, "used"),),
        answerable_at=NOW - 10,
        answerable_for="answer_refund:1",
    )


def kept(name: str, state: EffectState = EffectState.CONFIRMED) -> Effect:
    return effect(UPLOADS[name], state, result=f"uri-{name}")


def test_pictures_are_uploaded_before_the_rejection_is_written() -> None:
    assert [each for each in writes(planned(rejected())) if not isinstance(each, UploadEvidence)] == []
    assert set(writes(planned(rejected()))) == set(UPLOADS.values())
    assert writes(planned(rejected([kept("a")]))) == [UPLOADS["b"]]


def test_the_rejection_names_what_was_uploaded() -> None:
    wanted = written(planned(rejected([kept("a"), kept("b", EffectState.ACCEPTED)])), Decide)
    assert wanted.images == (Image("uri-a", "image/jpeg", 640, 480), Image("uri-b", "image/jpeg", 640, 480))


def test_a_picture_that_the_channel_does_not_take_is_a_persons_question() -> None:
    refused = effect(
        UPLOADS["b"], EffectState.REFUSED, code="seller.product.basic", text="the right is missing", answered_at=NOW
    )
    made = planned(rejected([kept("a"), refused]))
    assert not [each for each in writes(made) if isinstance(each, Decide)]
    assert "evidence" in troubles(made)
    assert made.questions, "it can be answered otherwise"


def test_it_goes_without_that_picture_when_the_person_has_said_so() -> None:
    refused = effect(UPLOADS["b"], EffectState.REFUSED, text="too dark", answered_at=NOW)
    made = planned(rejected([kept("a"), refused], bare=True))
    assert [each.id for each in written(made, Decide).images] == ["uri-a"]
    assert [step.because for step in made.steps if isinstance(step, Write)] == [
        "decided by ann, without 1 of 2 pictures, as ann said"
    ]


def test_no_deadline_is_missed_for_a_picture() -> None:
    near = NOW + Policy().last_attempt_s - 1
    lost = effect(UPLOADS["b"], EffectState.SENT)
    made = planned(rejected([kept("a"), lost], deadline=near))
    assert [each.id for each in written(made, Decide).images] == ["uri-a"]
    assert any("deadline" in step.because for step in made.steps if isinstance(step, Write))
