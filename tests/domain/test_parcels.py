from __future__ import annotations

from typing import Any

import pytest

from backhaul.domain.channel import WayBack
from backhaul.domain.effects import EffectState, UploadLabel
from backhaul.domain.facts import Facts
from backhaul.domain.said import Asked, Label, Said
from backhaul.domain.words import Action, Decision, Document, Kind, ShippedBy, Stage
from tests.domain.build import (
    CASE,
    NOW,
    alone,
    case,
    channel_order,
    decide,
    due,
    effect,
    label_wanted,
    planned,
    shipped,
    troubles,
    usd,
    writes,
    written,
)

LABEL = Label("att", "f00", "1Z", "c1", "ann", NOW - 30)


def waits(document: Document = Document.LABEL, label: Label | None = LABEL, **changes: Any) -> Facts:
    found = case(Stage.AWAITING_SHIPMENT, way_back=label_wanted(document))
    return alone(found, said=Said(label=label), **changes)


def labels(known: Facts) -> list[Any]:
    return [wanted for wanted in writes(planned(known)) if isinstance(wanted, UploadLabel)]


def test_a_label_is_asked_for_and_then_uploaded_once() -> None:
    asked = planned(waits(label=None))
    assert [question.kind for question in asked.questions] == ["label"]
    assert written(planned(waits()), UploadLabel) == UploadLabel(CASE, "att", "f00", "1Z", "c1")
    for state in (EffectState.SENT, EffectState.ACCEPTED, EffectState.CONFIRMED, EffectState.SUPERSEDED):
        assert not labels(waits(ledger=[effect(UploadLabel(CASE, "att", "f00", "1Z", "c1"), state)])), state


@pytest.mark.parametrize("shipped_by", ShippedBy)
@pytest.mark.parametrize("stage", Stage)
def test_only_the_merchants_own_label_in_the_one_stage_that_takes_it(stage: Stage, shipped_by: ShippedBy) -> None:
    known = alone(case(stage, way_back=WayBack(shipped_by, Document.LABEL)), said=Said(label=LABEL))
    assert bool(labels(known)) is (stage is Stage.AWAITING_SHIPMENT and shipped_by is ShippedBy.SELLER)


def test_never_for_goods_the_channel_fulfils_nor_before_that_is_known_nor_on_old_news() -> None:
    assert not labels(waits(order=channel_order(by_channel=True)))
    assert not labels(waits(order=None))
    assert not labels(waits(heard_channel=1))


@pytest.mark.parametrize(
    ("wanted", "given", "sent"),
    [
        (Document.LABEL, "label", True),
        (Document.LABEL, "qr_code", False),
        (Document.QR_CODE, "qr_code", True),
        (Document.QR_CODE_NO_BOX, "qr_code", True),
        (Document.QR_CODE, "label", False),
        (Document.NONE, "label", True),
        (Document.UNKNOWN, "qr_code", True),
    ],
)
def test_the_document_is_the_one_the_channel_wants(wanted: Document, given: str, sent: bool) -> None:
    known = waits(wanted, Label("att", "f00", "1Z", "c1", "ann", NOW, given))
    assert bool(labels(known)) is sent
    assert troubles(planned(known)) == (set() if sent else {"document"})


def test_a_refused_label_waits_for_a_newer_one_or_another_try() -> None:
    refused = effect(UploadLabel(CASE, "old", "e00", "0Z", "c1"), EffectState.REFUSED, answered_at=NOW - 20, words=1)
    assert not labels(waits(ledger=[refused]))
    assert troubles(planned(waits(ledger=[refused]))) == {"refused"}
    for word, at, sent in ((1, NOW, False), (2, NOW - 20, True), (0, NOW - 20, False), (0, NOW - 19, True)):
        newer = Label("new", "f01", "1Z", "c1", "ann", at, word=word)  # without a word it is the desk's
        assert bool(labels(waits(label=newer, ledger=[refused]))) is sent, (word, at)
    again = alone(
        case(Stage.AWAITING_SHIPMENT, way_back=label_wanted()),
        said=Said(label=LABEL, retries={refused.target: Asked(2, NOW - 20)}),
        ledger=[refused],
    )
    assert labels(again)


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (case(), "not_yet"),
        (case(Stage.AWAITING_SHIPMENT, way_back=label_wanted()), "awaiting_label"),
        (case(Stage.AWAITING_SHIPMENT, way_back=WayBack(ShippedBy.BUYER)), "awaiting_buyer"),
        (case(Stage.AWAITING_SHIPMENT, way_back=shipped()), "label_ready"),
        (case(Stage.SHIPPED, way_back=shipped()), "in_transit"),
        (case(Stage.SHIPPED, way_back=shipped(), due=(due(Action.JUDGE_PARCEL),)), "delivered"),
        (case(Stage.PARCEL_REJECTED, way_back=shipped()), "refused"),
        (case(Stage.ACCEPTED, way_back=shipped()), "accepted"),
        (case(Stage.COMPLETED, way_back=shipped()), "accepted"),
        (case(Stage.CANCELLED), "cancelled"),
        (case(kind=Kind.REFUND), "none"),
        (case(Stage.COMPLETED, can_keep_item=True), "none"),
    ],
)
def test_where_the_parcel_is(found: Any, state: str) -> None:
    lane = planned(alone(found)).lanes["parcel"]
    assert lane.state == state
    assert lane.terminal is (found.stage in (Stage.COMPLETED, Stage.CANCELLED) or state == "none")


@pytest.mark.parametrize(
    ("stage", "received", "state", "terminal"),
    [
        (Stage.SHIPPED, ["u1"], "partly_received", False),
        (Stage.COMPLETED, ["u1"], "partly_received", True),
        (Stage.SHIPPED, ["u1", "u2"], "received", True),
        (Stage.SHIPPED, ["another case's"], "in_transit", False),
    ],
)
def test_what_arrived_is_what_a_person_says(stage: Stage, received: list[str], state: str, terminal: bool) -> None:
    lane = planned(alone(case(stage, way_back=shipped()), said=Said(received=dict.fromkeys(received, NOW)))).lanes[
        "parcel"
    ]
    assert (lane.state, lane.terminal) == (state, terminal)


# -- whether goods come back at all


def test_kept_goods_are_not_waited_for() -> None:
    ours = effect(decide(Decision.KEEP_ITEM), EffectState.CONFIRMED)
    assert not alone(case(Stage.ACCEPTED), ledger=[ours]).goods_expected
    assert alone(case(Stage.ACCEPTED), ledger=[effect(decide(Decision.KEEP_ITEM), EffectState.REFUSED)]).goods_expected
    assert not alone(case(Stage.ACCEPTED, can_keep_item=True)).goods_expected
    assert not alone(case(Stage.COMPLETED, offer=usd(500))).goods_expected
    assert not alone(case(Stage.COMPLETED, kind=Kind.REFUND)).goods_expected


def test_goods_that_may_still_be_asked_back_or_are_on_their_way_are_waited_for() -> None:
    assert alone(case(Stage.REQUESTED, can_keep_item=True)).goods_expected
    assert alone(case(Stage.COMPLETED, offer=usd(500), offer_refused=True)).goods_expected
    assert alone(case(Stage.COMPLETED, can_keep_item=True, way_back=shipped())).goods_expected
    assert alone(case(Stage.COMPLETED, can_keep_item=True), said=Said(received={"u1": NOW})).goods_expected
