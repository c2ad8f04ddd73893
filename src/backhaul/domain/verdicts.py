"""Verdicts of single units, folded to the one answer that a channel takes for a whole parcel."""

from __future__ import annotations

from collections import Counter

import msgspec

from backhaul.domain.facts import Facts
from backhaul.domain.money import Money, total
from backhaul.domain.words import Condition, Decision


class Inspected(msgspec.Struct, frozen=True):
    """Every unit of a parcel has a verdict: those that are as they should be, and the others."""

    fine: tuple[str, ...]
    bad: tuple[str, ...]

    @property
    def mixed(self) -> bool:
        """Whether no answer for the whole parcel is right for each unit."""
        return bool(self.fine and self.bad)


def inspected(facts: Facts) -> Inspected | None:
    """The verdicts of a parcel, once each unit has one."""
    case, verdicts = facts.channel, facts.said.verdicts
    if case is None or not case.units or any(unit.id not in verdicts for unit in case.units):
        return None
    fine = tuple(unit.id for unit in case.units if verdicts[unit.id].condition is Condition.SELLABLE)
    return Inspected(fine, tuple(unit.id for unit in case.units if unit.id not in fine))


def fitting_reason(facts: Facts, found: Inspected) -> str:
    """The reason for refusing the parcel that fits what was found of most bad units, out of those that the channel
    offers for this very case; empty when it offers none that fits."""
    offered = next((each for each in facts.seen.answerable if each.decision == Decision.REFUSE_PARCEL), None)
    if offered is None:
        return ""
    counted = Counter(facts.said.verdicts[unit].condition for unit in found.bad)
    keys = dict(offered.reasons)
    for condition, _ in counted.most_common():
        key = offered.fitting.get(condition, "")
        if key in keys:
            return key
    return ""


def worth(facts: Facts, units: tuple[str, ...]) -> Money | None:
    """What the channel would refund for these units alone; None where it does not say so for each."""
    case = facts.channel
    assert case is not None
    return total(unit.refund for unit in case.units if unit.id in units)
