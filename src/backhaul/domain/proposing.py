"""How effects on commerce and the desk are asked for: once per target; where one came to nothing, of a person."""

from __future__ import annotations

from backhaul.domain.effects import Effect, EffectState, StampOrder
from backhaul.domain.facts import Facts
from backhaul.domain.steps import Draft, Trouble, Write
from backhaul.domain.wanted import Wanted
from backhaul.domain.words import Party


def propose(facts: Facts, wanted: Wanted, because: str, rank: int, draft: Draft) -> bool:
    """Ask for an effect on commerce if none of its target stands; a refused one asks a person."""
    last = facts.effect(wanted.target)
    if facts.may_write(wanted.target):
        draft.steps.append(Write(wanted, because, "policy", rank))  # type: ignore[arg-type]
        return True
    if last is not None and last.state is EffectState.REFUSED:
        draft.troubles.append(refusal(last))
    elif last is not None and last.state in _UNDONE and not isinstance(wanted, StampOrder):
        draft.troubles.append(_undone(last))
    return False


_UNDONE = (EffectState.CONFIRMED, EffectState.SUPERSEDED, EffectState.DROPPED)


def _undone(last: Effect) -> Trouble:
    """The exception for an effect that is over and yet not on the books."""
    return Trouble(
        f"undone:{last.target}",
        last.wanted.lane,
        f"“{last.because}” is {last.state} in the hub's ledger, but {_system(last)} does not show it (any more).",
        f"Somebody may have undone it. Mend it in {_system(last)}, or waive the lane. The hub does not repeat it.",
        retry=last.target if last.state is EffectState.DROPPED else f"look:{last.wanted.party}",
    )


def _system(effect: Effect) -> str:
    return "the desk" if effect.wanted.party is Party.DESK else "the commerce system"


def no_location(lane: str) -> Trouble:
    """The exception for stock that would go back to nowhere."""
    return Trouble(
        "location",
        lane,
        "No place is chosen to which restocked units go.",
        "Choose it for the shop on the Connections page.",
        waits_on=("setting", "location"),
    )


def refusal(last: Effect) -> Trouble:
    """The exception for an effect that commerce or the desk refused."""
    return Trouble(
        f"refused:{last.target}",
        last.wanted.lane,
        f"{_system(last).capitalize()} refused: {last.text.removesuffix('.')}"
        + (f" ({last.code})." if last.code else ".")
        + f" It was asked because {last.because}.",
        f"Mend the cause in {_system(last)}, then press “try again”, or waive the lane.",
        retry=last.target,
    )
