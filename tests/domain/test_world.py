"""The plan, driven through a world that fails: it always comes to the same end, and no effect happens twice."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backhaul.domain.desk import DeskState
from backhaul.domain.effects import EffectState
from backhaul.domain.policy import Policy
from backhaul.domain.terms import Booker
from backhaul.domain.words import Decision, Disposition, Stage
from tests.domain.build import ORDER
from tests.domain.model import World
from tests.domain.model_desk import DeskWorld

Chance = Callable[[str, tuple[str, ...]], str]


def the_one_end(world: World) -> None:
    assert world.decisions == [Decision.APPROVE_RETURN, Decision.ACCEPT_PARCEL]
    assert world.booked == [2000], "the payment is booked once, to the cent"
    assert sorted(world.restocked) == ["u1", "u2"], "each unit goes back once"
    (ours,) = world.order.returns
    assert (ours.status, ours.tracking, world.order.stamped) == ("closed", ("1Z",), ORDER)
    assert {line.disposed for line in ours.lines} == {((Disposition.RESTOCK, 1),)}
    assert world.channel.stage is Stage.COMPLETED
    assert not any(effect.open for effect in world.ledger)
    sent = [effect.target for effect in world.ledger if effect.state is not EffectState.DROPPED]
    assert len(sent) == len(set(sent))


def test_on_a_good_day() -> None:
    world = World(lambda what, moods: "ok")
    world.run(Policy())
    the_one_end(world)
    assert {effect.state for effect in world.ledger} == {EffectState.CONFIRMED}
    assert len(world.ledger) == 9


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_on_any_day(data: st.DataObject) -> None:
    world = World(lambda what, moods: data.draw(st.sampled_from(moods), label=what))
    world.run(Policy())
    the_one_end(world)


# -- with a returns desk beside ---------------------------------------------------------------------------------------


def the_one_end_with_a_desk(world: DeskWorld) -> None:
    assert world.decisions == [Decision.APPROVE_RETURN, Decision.ACCEPT_PARCEL]
    hub = world.shop.booker is Booker.HUB
    assert (world.booked, world.refunded) == (([2000], []) if hub else ([], [2000])), "refunded once, by one of the two"
    (record,) = world.at_desk
    assert (record.state, record.processed) == (DeskState.CLOSED, not hub)
    (adopted,) = world.order.returns
    assert adopted.trace == "", "the desk wrote the return, and nobody else"
    assert sorted(world.restocked) == ["u1", "u2"], "each unit goes back once"
    assert {line.disposed for line in adopted.lines} == {((Disposition.RESTOCK, 1),)}
    assert world.order.stamped == ORDER
    assert world.channel.stage is Stage.COMPLETED
    assert not any(effect.open for effect in world.ledger)
    assert {(place.unit_id, place.return_id) for place in world.places} == {("u1", adopted.id), ("u2", adopted.id)}


BOOKERS = (Booker.HUB, Booker.DESK)


@pytest.mark.parametrize("booker", BOOKERS)
def test_on_a_good_day_with_a_desk(booker: Booker) -> None:
    world = DeskWorld(lambda what, moods: "ok", booker)
    world.run(Policy())
    the_one_end_with_a_desk(world)
    assert {effect.state for effect in world.ledger} == {EffectState.CONFIRMED}


@settings(max_examples=120, deadline=None)
@given(st.data(), st.sampled_from(BOOKERS))
def test_on_any_day_with_a_desk(data: st.DataObject, booker: Booker) -> None:
    world = DeskWorld(lambda what, moods: data.draw(st.sampled_from(moods), label=what), booker)
    world.run(Policy())
    the_one_end_with_a_desk(world)


def worlds() -> list[tuple[Callable[[Chance], World], Callable[[Any], None]]]:
    """Each kind of world and its one end."""
    desks = [(partial(DeskWorld, booker=booker), the_one_end_with_a_desk) for booker in BOOKERS]
    return [(World, the_one_end), *desks]


@pytest.mark.parametrize(("make", "the_end"), worlds(), ids=["no desk", "hub books", "desk books"])
def test_each_effect_fails_in_each_way_alone(make: Callable[[Chance], World], the_end: Callable[[Any], None]) -> None:
    good = make(lambda what, moods: "ok")
    good.run(Policy())
    for target in {effect.target for effect in good.ledger}:
        for mood in ("lost", "unreached", "crash"):
            failed: list[str] = []

            def once(what: str, moods: tuple[str, ...], target: str = target, mood: str = mood) -> str:
                if what == f"send {target}" and not failed:  # noqa: B023
                    failed.append(what)  # noqa: B023
                    return mood
                return "ok"

            world = make(once)
            world.run(Policy())
            assert failed, target
            the_end(world)
