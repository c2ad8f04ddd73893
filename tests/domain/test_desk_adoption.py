"""Which return in the desk is the case's: ours, or one on the same lines that stands for no other case."""

from __future__ import annotations

from typing import Any

import pytest

from backhaul.domain.desk import DeskReturn, DeskState
from backhaul.domain.desk_adoption import own_return
from backhaul.domain.desk_effects import OpenDeskReturn
from backhaul.domain.effects import EffectState
from backhaul.domain.matching import case_lines
from backhaul.domain.words import Stage
from tests.domain.build import CASE, GID, HOUR, OPENED, case, change, desk_return, effect, with_desk

COMING = case(Stage.AWAITING_SHIPMENT)
OPEN = OpenDeskReturn(CASE, GID, "#1001", ())


def found_of(*records: DeskReturn, **changes: Any) -> DeskReturn | None:
    known = with_desk(COMING, **changes)
    return own_return(known, records, case_lines(known))


def test_one_on_the_same_lines_is_adopted_and_one_on_others_is_not() -> None:
    other = desk_return(id="D2", lines=desk_return().lines[:1])
    assert found_of(other) is None
    assert found_of(other, desk_return()) == desk_return()


def test_one_that_stands_for_another_case_is_left_alone() -> None:
    known = with_desk(COMING)
    assert own_return(known, (desk_return(),), case_lines(known), {"D1"}) is None


def test_a_new_one_stands_in_for_one_that_was_cancelled() -> None:
    gone, fresh = desk_return(DeskState.CANCELLED), desk_return(id="D2", created_at=OPENED + 1)
    assert found_of(gone, fresh, desk=None) == fresh
    assert found_of(gone, fresh) == fresh
    known = with_desk(COMING, gone)
    assert own_return(known, (gone,), case_lines(known)) == gone
    assert found_of(gone) is None, "a cancelled one of somebody else is no reason not to open ours"


@pytest.mark.parametrize(
    "over", [{"processed": True}, {"state": DeskState.CLOSED}, {"state": DeskState.EXPIRED}], ids=str
)
def test_one_that_was_over_before_the_case_began_is_of_other_goods(over: dict[str, Any]) -> None:
    """Two units of one line come back months apart: the first unit's refund is no vote to pay for the second."""
    earlier = desk_return(created_at=OPENED - 60 * HOUR, **over)
    assert found_of(earlier, desk=None) is None
    assert found_of(change(earlier, created_at=OPENED), desk=None) is not None
    still_open = desk_return(created_at=OPENED - 60 * HOUR)
    assert found_of(still_open, desk=None) == still_open, "somebody opened it before the buyer told the channel"


def test_the_one_we_opened_is_ours_whatever_its_lines() -> None:
    edited = desk_return(lines=desk_return().lines[:1])
    accepted = effect(OPEN, EffectState.ACCEPTED, result="D1")
    assert found_of(edited, ledger=[accepted]) == edited
