"""Every state of the channel's case beside every state of the desk's return, by who books, and the plan of each."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from backhaul.domain.channel import ActionDue, WayBack
from backhaul.domain.desk import DeskReturn, DeskState
from backhaul.domain.facts import Facts
from backhaul.domain.policy import Policy
from backhaul.domain.said import Said
from backhaul.domain.steps import Look
from backhaul.domain.terms import Booker
from backhaul.domain.words import Action, Stage
from tests.domain.build import NOW, case, desk_return, due, paid, shipped, with_desk, writes
from tests.domain.invariants import check

STAGES: dict[Stage, tuple[ActionDue, ...]] = {
    Stage.REQUESTED: (due(),),
    Stage.AWAITING_SHIPMENT: (),
    Stage.SHIPPED: (due(Action.JUDGE_PARCEL),),
    Stage.PARCEL_REJECTED: (),
    Stage.ACCEPTED: (),
    Stage.COMPLETED: (),
    Stage.CANCELLED: (),
    Stage.UNKNOWN: (),
}
THERE: dict[str, DeskReturn | None] = {
    "-": None,
    **{state.value: desk_return(state) for state in DeskState},
    "processed": desk_return(DeskState.CLOSED, processed=True, processed_at=NOW),
}


def situations() -> Iterator[tuple[str, Facts]]:
    """(name, facts) of each."""
    for stage, dues in STAGES.items():
        back = stage in (Stage.SHIPPED, Stage.PARCEL_REJECTED, Stage.ACCEPTED, Stage.COMPLETED)
        proof = (paid(),) if stage is Stage.COMPLETED else ()
        found = case(stage, due=dues, refunds=proof, way_back=shipped() if back else WayBack())
        for word, there in THERE.items():
            for booker in Booker:
                for waived in (False, True):
                    said = Said(waived=frozenset({"desk"})) if waived else Said()
                    name = " | ".join((stage, word, booker, "waived" if waived else "-"))
                    yield name, with_desk(found, there, booker, said=said)


def lines() -> Iterator[str]:
    """The table, one line each: name => the desk's lane; what is written, looked at, told."""
    for name, facts in situations():
        made = check(facts, Policy(), NOW)
        wanted = sorted(type(each).__name__ for each in writes(made))
        looks = sorted({step.source.value for step in made.steps if isinstance(step, Look)})
        told = sorted({trouble.key.split(":")[0] for trouble in made.troubles})
        lane = made.lanes["desk"]
        parts = [lane.state + (" (terminal)" if lane.terminal else ""), *wanted, *(f"look {each}" for each in looks)]
        yield f"{name} => {', '.join([*parts, *(f'tell {each}' for each in told)])}"


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in lines())
