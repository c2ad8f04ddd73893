"""The plan, driven through a world that fails: it always comes to the same end, and no effect happens twice."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from backhaul.domain.effects import EffectState
from backhaul.domain.policy import Policy
from backhaul.domain.words import Decision, Disposition, Stage
from tests.domain.build import ORDER
from tests.domain.model import World


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


def test_each_effect_fails_in_each_way_alone() -> None:
    good = World(lambda what, moods: "ok")
    good.run(Policy())
    for target in {effect.target for effect in good.ledger}:
        for mood in ("lost", "unreached", "crash"):
            failed: list[str] = []

            def once(what: str, moods: tuple[str, ...], target: str = target, mood: str = mood) -> str:
                if what == f"send {target}" and not failed:  # noqa: B023
                    failed.append(what)  # noqa: B023
                    return mood
                return "ok"

            world = World(once)
            world.run(Policy())
            assert failed, target
            the_one_end(world)
