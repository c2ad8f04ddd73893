"""The ledger keeps an effect by its target: under another name what was sent before an upgrade would be sent again."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest

from backhaul.domain.desk_effects import (
    CancelDeskReturn,
    CloseDeskReturn,
    NoteDeskReturn,
    OpenDeskReturn,
    ProcessDeskReturn,
    RequestDeskLabel,
)
from backhaul.domain.effects import (
    AnyEffect,
    AttachTracking,
    BookRefund,
    CancelReturn,
    CloseReturn,
    CreateReturn,
    Decide,
    DecideUnits,
    Dispose,
    StageLabel,
    StampOrder,
    StartCancellation,
    StartReturn,
    UpdateDelivery,
    UploadEvidence,
    UploadLabel,
)
from backhaul.domain.money import Money
from backhaul.domain.words import Action, Decision, Disposition, Kind

# Target, lane, whether it is about money, and an effect that has them.
WRITTEN: list[tuple[str, str, bool, AnyEffect]] = [
    ("decide:c1:judge_parcel:2", "decision", True, Decide("c1", Action.JUDGE_PARCEL, 2, Decision.ACCEPT_PARCEL)),
    (
        "decide:c1:judge_parcel:1:u1+u2",
        "decision",
        True,
        DecideUnits("c1", Action.JUDGE_PARCEL, 1, Decision.REFUSE_PARCEL, ("u1", "u2"), "p1"),
    ),
    ("start_return:o1", "decision", True, StartReturn("o1", Kind.REFUND, ("l1",), "r1")),
    ("start_cancellation:o1", "decision", True, StartCancellation("o1", (), "r1")),
    ("upload_label:c1", "parcel", False, UploadLabel("c1", "a1", "00", "t1", "k1")),
    ("upload_evidence:a1", "decision", False, UploadEvidence("c1", "a1", "00", "n", "image/png")),
    ("stamp_order:s1:o1", "records", False, StampOrder("s1", "o1")),
    ("create_return:c1", "records", False, CreateReturn("c1", "s1", (), 0)),
    ("stage_label:a1", "records", False, StageLabel("s1", "a1", "00")),
    ("attach_tracking:r1:t1", "records", False, AttachTracking("s1", "r1", "v1", "t1")),
    ("update_delivery:p1:t1:a1", "records", False, UpdateDelivery("s1", "r1", "p1", "t1", "a1", "https://files/1")),
    ("dispose:r1:u1+u2", "stock", False, Dispose("s1", "r1", "v1", 2, Disposition.RESTOCK, ("u1", "u2"), 0)),
    ("book_refund:f1", "money", True, BookRefund("c1", "f1", "s1", Money(1, "USD"), (), 0, "p1", "g")),
    ("close_return:r1", "records", False, CloseReturn("s1", "r1")),
    ("cancel_return:r1", "records", False, CancelReturn("s1", "r1")),
    ("open_desk_return:c1", "desk", False, OpenDeskReturn("c1", "s1", "#1", ())),
    ("request_desk_label:d1", "parcel", False, RequestDeskLabel("d1")),
    ("process_desk_return:d1", "desk", True, ProcessDeskReturn("d1")),
    ("close_desk_return:d1", "desk", False, CloseDeskReturn("d1")),
    ("cancel_desk_return:d1", "desk", False, CancelDeskReturn("d1")),
    ("note_desk_return:d1:verdict", "desk", False, NoteDeskReturn("d1", "verdict", "text")),
]


def test_every_effect_is_named_here() -> None:
    assert {type(wanted) for *_, wanted in WRITTEN} == set(get_args(AnyEffect))


@pytest.mark.parametrize(("target", "lane", "money", "wanted"), WRITTEN, ids=[target for target, *_ in WRITTEN])
def test_what_the_ledger_calls_it(target: str, lane: str, money: bool, wanted: AnyEffect) -> None:
    assert (wanted.target, wanted.lane, wanted.money) == (target, lane, money)
    read = msgspec.json.decode(msgspec.json.encode(wanted), type=AnyEffect)
    assert (read, read.target) == (wanted, target)


def test_a_changed_effect_has_its_own_target() -> None:
    first = StampOrder("s1", "o1")
    assert first.target == "stamp_order:s1:o1"
    assert msgspec.structs.replace(first, order_id="s2").target == "stamp_order:s2:o1"
