"""Bad days at the vendors: failures before and after an effect, silence, limits, stale indexes, lost messages."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from backhaul.domain.words import Decision
from tests.e2e.books import check_books, decisions, live_returns
from tests.e2e.conftest import Opener
from tests.e2e.play import Return
from tests.e2e.stage import Spawned, Stage

APPROVE = "POST return_refund/returns/{return_id}/approve"
REJECT = "POST return_refund/returns/{return_id}/reject"
SEARCH = "POST return_refund/returns/search"
WRITES = ("returnCreate", "refundCreate", "reverseFulfillmentOrderDispose", "metafieldsSet", "returnClose")


@contextlib.asynccontextmanager
async def sweeping(stage: Stage) -> AsyncIterator[None]:
    """The sweep of a shop comes every half second, as if minutes had passed."""

    async def sweep() -> None:
        while True:
            await asyncio.sleep(0.5)
            for shop in stage.shops:
                await stage.sync(shop)

    task = asyncio.create_task(sweep())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _struck(stage: Stage) -> dict[str, int]:
    moods = (await stage.control.call("GET", "/moods"))["moods"]
    return {each["endpoint"]: each["struck"] for each in moods}


BAD = (
    "error_before",
    "error_after",
    "timeout_before",
    "timeout_after",
    "cut_after",
    "rate_limit",
    "unavailable",
    "slow",
)


@pytest.mark.parametrize("kind", BAD)
async def test_each_call_goes_wrong_once(opener: Opener, kind: str) -> None:
    async with opener() as stage:
        for endpoint in (APPROVE, SEARCH):
            values = {"vendor": "tiktok", "endpoint": endpoint, "times": 1, "params": {"seconds": 0.7}}
            await stage.control.add_mood(kind, **values)
        for endpoint in WRITES:
            if kind.startswith("timeout") and endpoint not in ("returnCreate", "refundCreate"):
                continue  # each costs the whole time-out
            await stage.control.add_mood(kind, vendor="shopify", endpoint=endpoint, times=1)
        case = await stage.ask()
        await case.approve()
        await case.until(lambda row: row.lane("records") == "open", "the return in commerce", 40.0)
        await case.send_back()
        await case.inspect()
        await case.until_ended(50.0)
        await check_books(stage)
        assert all((await _struck(stage)).values()), "a mood did not strike"
        assert decisions(await case.books()) == ["APPROVE_RETURN", "APPROVE_RECEIVED_PACKAGE"]
        (record,) = (await case.order())["returns"]
        assert sum(one["quantity"] for one in record["dispositions"]) == 1


async def test_a_search_index_that_lags(stage: Stage) -> None:
    await stage.control.add_mood("index_lag", params={"seconds": 20})
    case = await stage.ask()
    async with sweeping(stage):
        await case.to_end()
    await check_books(stage)
    assert decisions(await case.books()) == ["APPROVE_RETURN", "APPROVE_RECEIVED_PACKAGE"]


async def test_automation_approves_a_moment_before_the_clerk(stage: Stage) -> None:
    await stage.control.add_mood("auto_approve", vendor="tiktok", endpoint="APPROVE_RETURN", times=1)
    case = await stage.ask()
    await case.to_end()
    await check_books(stage)
    assert decisions(await case.books()) == ["APPROVE_RECEIVED_PACKAGE"]
    assert (await case.books())["decisions"][0]["actor"] == "AUTOMATION"


async def test_automation_approves_a_moment_before_the_clerk_rejects(stage: Stage) -> None:
    await stage.control.add_mood("auto_approve", vendor="tiktok", endpoint="REJECT_RETURN", times=1)
    case = await stage.ask()
    await case.reject()
    await case.until_recorded()
    await case.from_parcel_to_end()
    await check_books(stage)
    assert decisions(await case.books()) == ["APPROVE_RECEIVED_PACKAGE"]


async def test_fields_and_words_that_nobody_knows(stage: Stage) -> None:
    await stage.control.add_mood("unknown_field")
    await stage.control.add_mood("unknown_word")
    case = await stage.ask()
    await case.until(lambda row: row.view.troubles, "the exception for the unknown word")
    assert decisions(await case.books()) == []
    await stage.control.call("DELETE", "/moods?kind=unknown_word")
    async with sweeping(stage):
        await stage.control.call("POST", "/webhooks/emit", {"return_id": case.rid})
        await case.to_end()
    await check_books(stage)


@pytest.mark.parametrize("kind", ["webhook_duplicate", "webhook_late", "webhook_reorder", "webhook_lost"])
async def test_messages_that_come_twice_late_in_disorder_or_never(stage: Stage, kind: str) -> None:
    probability = 1.0 if kind in ("webhook_lost", "webhook_duplicate") else 0.5
    await stage.control.add_mood(kind, probability=probability, params={"seconds": 20, "copies": 3})
    async with sweeping(stage):
        cases = [await stage.ask() for _ in range(3)]
        await asyncio.gather(*(case.to_end() for case in cases))
    await check_books(stage)
    for case in cases:
        assert decisions(await case.books()) == ["APPROVE_RETURN", "APPROVE_RECEIVED_PACKAGE"]


async def test_commerce_that_hangs_does_not_hold_the_channels_answer(stage: Stage) -> None:
    await stage.control.add_mood("timeout_before", vendor="shopify")
    case = await stage.ask("REFUND")
    await case.approve()
    await case.until_books(decisions, "the approval", 10.0)
    await stage.control.clear_moods()
    await case.until_ended(30.0)
    await check_books(stage)


async def test_a_search_that_takes_longer_than_a_claim_holds_nothing_up(stage: Stage) -> None:
    """Each call is slow, and an order that is nowhere takes many calls to miss."""
    await stage.control.add_mood("slow", vendor="shopify")
    case = await stage.ask("REFUND", order={"copy": False})
    await case.approve()
    await case.until_books(decisions, "the approval", 10.0)
    await stage.control.clear_moods()
    await case.until_trouble("order", 30.0)
    await stage.control.copy_order(case.order_id, style="source_identifier")
    await case.until_ended(30.0)
    await check_books(stage)


# -- the same acts, whatever comes between them ------------------------------------------------------------------------


async def _returned(case: Return) -> None:
    await case.to_end()


async def _withdrawn(case: Return) -> None:
    await case.approve()
    await case.until_approved()
    await case.act("withdraw")
    await case.until_ended(40.0)


async def _refunded(case: Return) -> None:
    await case.approve()
    await case.until_ended(40.0)


async def _kept(case: Return) -> None:
    await case.decide(Decision.KEEP_ITEM)
    await case.until_ended(40.0)


async def _disputed(case: Return) -> None:
    await case.reject()
    await case.until(lambda row: row.status == "request_rejected", "the rejection", 30.0)
    await case.act("arbitrate", outcome="IN_PROGRESS")
    await case.act("arbitrate", outcome="SUPPORT_BUYER")
    await case.until_ended(40.0)


async def _seller_center(case: Return) -> None:
    await case.asked()
    await case.act("decide", decision="APPROVE_RETURN")
    await case.until_recorded()
    await case.send_back()
    await case.inspect("damaged", "not_restocked")
    await case.act("decide", decision="APPROVE_RECEIVED_PACKAGE")
    await case.until_ended(40.0)


# name -> (kind, acts, what our app decided, share of the total that is booked, the return's end, its dispositions)
ACTS: dict[str, tuple[str, Any, list[str], bool, list[str], list[str]]] = {
    "returned": (
        "RETURN_AND_REFUND", _returned, ["APPROVE_RETURN", "APPROVE_RECEIVED_PACKAGE"], True, ["CLOSED"], ["RESTOCKED"],
    ),
    "withdrawn": ("RETURN_AND_REFUND", _withdrawn, ["APPROVE_RETURN"], False, [], []),
    "refunded": ("REFUND", _refunded, ["APPROVE_REFUND"], True, [], []),
    "kept": ("RETURN_AND_REFUND", _kept, ["APPROVE_RETURN"], True, [], []),
    "disputed": ("REFUND", _disputed, ["REJECT_REFUND"], True, [], []),
    "seller center": ("RETURN_AND_REFUND", _seller_center, [], True, ["CLOSED"], ["NOT_RESTOCKED"]),
}  # fmt: skip


async def _chaos(stage: Stage, rng: random.Random, workers: list[Spawned]) -> None:
    """Workers are killed and started again, for as long as the acts last."""
    while True:
        await asyncio.sleep(rng.uniform(1.0, 3.0))
        victim = rng.choice(workers)
        victim.signal(9)
        await victim.died()
        workers.remove(victim)
        workers.append(await stage.spawn_worker())


async def play_all(stage: Stage, seed: int) -> None:
    """All acts at once, in an order that the seed decides, with hints lost, doubled, late, and with dying workers."""
    rng = random.Random(seed)
    for kind in ("webhook_lost", "webhook_duplicate", "webhook_reorder", "webhook_late"):
        await stage.control.add_mood(kind, probability=0.25, params={"seconds": 30})
    for kind, vendor in (
        ("cut_after", "tiktok"),
        ("error_after", "shopify"),
        ("unavailable", "*"),
        ("index_lag", "tiktok"),
    ):
        await stage.control.add_mood(kind, vendor=vendor, probability=0.05, params={"seconds": 10})
    workers = [await stage.spawn_worker(), await stage.spawn_worker()]
    chaos = asyncio.create_task(_chaos(stage, rng, workers))
    names = [*ACTS]
    rng.shuffle(names)

    async def one(name: str, wait: float) -> tuple[str, Return]:
        await asyncio.sleep(wait)
        case = await stage.ask(ACTS[name][0])
        await ACTS[name][1](case)
        return name, case

    try:
        async with sweeping(stage):
            played = await asyncio.gather(*(one(name, rng.uniform(0, 2.0)) for name in names))
    finally:
        chaos.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await chaos
    await stage.control.clear_moods()
    await check_books(stage)
    for name, case in played:
        await _ended_as_written(name, case)


async def _ended_as_written(name: str, case: Return) -> None:
    _, _, decided, booked, ends, fates = ACTS[name]
    books, order = await case.books(), await case.order()
    assert decisions(books) == decided, name
    assert order.get("refunded_minor", 0) == ((await case.state())["total"] if booked else 0), name
    assert [each["status"] for each in live_returns(order)] == ends, name
    assert [one["type"] for each in live_returns(order) for one in each["dispositions"]] == fates, name


@pytest.mark.parametrize("seed", range(2))
async def test_the_same_acts_give_the_same_end(opener: Opener, seed: int) -> None:
    async with opener(workers=0) as stage:
        await play_all(stage, seed)


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(100, 120))
async def test_the_same_acts_give_the_same_end_many_times(opener: Opener, seed: int) -> None:
    async with opener(workers=0) as stage:
        await play_all(stage, seed)
