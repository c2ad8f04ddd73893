"""The table of a desk beside the channel is what was reviewed, and some things hold for all of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from backhaul.domain.desk import DeskState
from backhaul.domain.desk_effects import OpenDeskReturn, ProcessDeskReturn
from backhaul.domain.effects import BookRefund, Decide
from backhaul.domain.facts import Facts
from backhaul.domain.policy import Policy
from backhaul.domain.terms import Booker
from backhaul.domain.words import Stage
from tests.domain.build import NOW, planned, writes
from tests.domain.desk_situations import lines, situations

FROZEN = Path(__file__).with_name("desk_situations.txt")


def test_every_situation_has_its_reviewed_plan() -> None:
    """Renewed by ``python -m tests.domain.desk_situations > tests/domain/desk_situations.txt``, then read."""
    assert list(lines()) == FROZEN.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("facts", [facts for _, facts in situations()], ids=[name for name, _ in situations()])
def test_money_goes_one_way_only_and_never_early(facts: Facts) -> None:
    made = writes(planned(facts, Policy(), NOW))
    kinds = {type(wanted) for wanted in made}
    assert not {BookRefund, ProcessDeskReturn} <= kinds, "two would book"
    assert facts.channel is not None
    if ProcessDeskReturn in kinds:
        assert facts.channel.stage in (Stage.ACCEPTED, Stage.COMPLETED)
        assert facts.booker is Booker.DESK
    if OpenDeskReturn in kinds:
        assert facts.seen.desk is None
    there = facts.seen.desk
    if there is not None and there.state in (DeskState.CANCELLED, DeskState.REVIEW, DeskState.EXPIRED):
        assert Decide not in kinds, "what is no verdict in the desk answers nothing on the channel"
