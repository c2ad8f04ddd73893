"""Calls to a desk that go wrong, and workers that die at each moment of what the hub does there: one effect each."""

from __future__ import annotations

import asyncio
import signal

import pytest

from backhaul.domain.terms import Booker
from backhaul.domain.words import Decision
from tests.e2e import desk
from tests.e2e.conftest import Opener
from tests.e2e.play import Return
from tests.e2e.stage import Stage

RATE = 60.0  # what may have been processed is looked at five virtual minutes later
SUBMIT, LABEL, PROCESS, NOTE = "*submit", "*labels", "*process", "*note"


async def _to_the_end(case: Return) -> None:
    await case.until_books(lambda books: books["labels"], "the desk's label at the channel", 40.0)
    await case.send_back()
    await case.decide(Decision.ACCEPT_PARCEL)
    await case.until(lambda row: row.lane("desk") == "processed" and row.lane("money") == "settled", "the refund", 40.0)


async def _once(stage: Stage, case: Return) -> None:
    there = await desk.desk_books(stage)
    assert len(desk.acts(there, "open")) == 1, "opened once"
    assert len(there["refunds"]) == 1, "refunded once"
    assert len(there["labels"]) == 1, "one label"
    await desk.settled_but_for_shipping(case)


@pytest.mark.parametrize("kind", ["error_before", "error_after", "cut_after", "rate_limit", "unavailable"])
async def test_each_call_to_the_desk_goes_wrong_once(opener: Opener, kind: str) -> None:
    async with opener(spec=desk.SPEC, rate=RATE) as stage:
        await desk.set_up(stage)
        for endpoint in (SUBMIT, LABEL, PROCESS, NOTE):
            await stage.control.add_mood(kind, vendor="loop", endpoint=endpoint, times=1)
        case = await stage.ask(shipment="SELLER")
        await case.approve()
        await desk.opened(case)
        await _to_the_end(case)
        moods = (await stage.control.call("GET", "/moods"))["moods"]
        struck = {each["endpoint"] for each in moods if each["struck"]}
        assert {SUBMIT, LABEL, PROCESS} <= struck
        await _once(stage, case)


@pytest.mark.parametrize("moment", ["before_intent", "after_intent", "after_answer", "before_record"])
async def test_a_worker_that_dies_while_it_opens_and_one_while_it_processes(opener: Opener, moment: str) -> None:
    async with opener(spec=desk.SPEC, rate=RATE, workers=0) as stage:
        await desk.set_up(stage)
        case = await stage.ask(shipment="SELLER")
        first = await stage.spawn_worker(moment, "open_desk_return:")
        await case.approve()
        assert await first.died(30.0) == -signal.SIGKILL
        second = await stage.spawn_worker(moment, "process_desk_return:")
        await _to_process(case)
        assert await second.died(60.0) == -signal.SIGKILL
        stage.start_worker()
        await case.until(lambda row: row.lane("money") == "settled", "the refund", 60.0)
        await _once(stage, case)


async def _to_process(case: Return) -> None:
    await case.until_books(lambda books: books["labels"], "the desk's label at the channel", 60.0)
    await case.send_back()
    await case.decide(Decision.ACCEPT_PARCEL)


async def test_nothing_is_opened_before_the_desk_has_shown_its_reasons(opener: Opener) -> None:
    """A return opened without the list would carry the fallback as the policy spells it, and be refused for good."""
    async with opener(spec=desk.SPEC, rate=RATE) as stage:
        await desk.set_up(stage)
        await stage.control.add_mood("unavailable", vendor="loop", endpoint="POST *draft-returns", times=1)
        case = await stage.ask()
        await case.approve()
        await desk.opened(case)
        (mood,) = (await stage.control.call("GET", "/moods"))["moods"]
        assert mood["struck"] == 1
        attempts = await stage.hub.pool.fetch("select attempts from effect where kind = 'open_desk_return'")
        assert [each["attempts"] for each in attempts] == [1]


async def test_a_silent_desk_holds_neither_channel_nor_commerce(opener: Opener) -> None:
    async with opener(spec=desk.SPEC) as stage:
        await desk.set_up(stage, Booker.HUB)
        await stage.control.add_mood("unavailable", vendor="loop")
        case = await stage.ask()
        await case.approve()
        await case.until_approved()
        row = await case.row()
        assert row is not None
        await stage.post(f"/cases/{row.id}/waive", {"lane": "desk"})
        await case.until_recorded()
        await case.from_parcel_to_end()


async def test_a_second_writer_stops_the_hub_until_a_person_answers(opener: Opener) -> None:
    """Another program returns two orders; the third is nobody's, and the hub leaves it alone until it may write."""
    async with opener() as stage:
        theirs = await asyncio.gather(*(stage.ask() for _ in range(2)))
        for case in theirs:
            body = {"domain": stage.shop.domain, "order": await case.copied()}
            await stage.control.call("POST", "/commerce/return", body)
            await case.approve()
            await case.until(lambda row: row.lane("records") == "adopted", "the other's return")
        mine = await stage.ask()
        await mine.approve()
        await mine.until(lambda row: row.lane("records") == "second_writer", "the hub's restraint")
        open_ = await stage.hub.pool.fetchval(
            "select count(*) from exception where key like 'second_writer:%' and closed_at is null"
        )
        assert open_ == 1, "said once for the shop"
        assert (await mine.order()).get("returns", []) == []
        await stage.post(f"/shops/{stage.shop.id}/writers-off")
        await mine.until_recorded()
