"""Transactions that want the same rows wait for one another in a line and never in a circle."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from backhaul.domain.facts import Adopted
from backhaul.domain.words import Kind
from backhaul.ports.connector import News
from backhaul.store import apart, turns
from backhaul.store.moves import Move, Twin, Unit
from backhaul.store.recording import record
from backhaul.work.beginnings import Beginnings
from backhaul.work.intake import Intake, Item
from tests.patience import patient
from tests.work.conftest import Bench


async def _waiting(bench: Bench, count: int) -> None:
    """Until so many transactions of this database wait for a lock."""
    query = """
    select count(distinct pid) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
    """
    async with asyncio.timeout(patient(10)):
        while await bench.pool.fetchval(query) < count:
            await asyncio.sleep(0.01)


async def _taken(bench: Bench, jobs: list[tuple[UUID, int]]) -> dict[UUID, turns.Turn]:
    """The turns of these cases, as the runs of these jobs hold them."""
    async with bench.pool.acquire() as connection, connection.transaction():
        return await turns.take(connection, jobs)


async def test_a_case_gets_its_name_while_a_webhook_brings_the_same_one(bench: Bench) -> None:
    """The webhook names the channel's case and the order, so that our case of that order is to hear of it, too."""
    ours = await Beginnings(bench.pool).start(bench.shop_id, kind=Kind.REFUND, order_id="order-1", by="ann")
    login = await bench.pool.fetchval("select connection_id from link where role = 'channel'")
    news = News("delivery-1", "return", "", 0, (("return", "theirs-1"), ("order", "order-1")), order_id="order-1")
    intake = Intake(bench.vendors)

    async def hears() -> None:
        async with bench.pool.acquire() as connection, connection.transaction():
            await intake.route(connection, [Item(login, "channel", news, b"{}")])

    held = await _taken(bench, [(ours, 1)])
    async with bench.pool.acquire() as connection, connection.transaction():
        await turns.lock(connection, [ours])
        naming = asyncio.create_task(record(bench.pool, [Move(held[ours], named="theirs-1")]))
        await _waiting(bench, 1)
        hearing = asyncio.create_task(hears())
        await _waiting(bench, 2)
    assert await naming == ["kept"]
    await hearing
    rows = await bench.pool.fetch("select id from return_case where channel_id = 'theirs-1'")
    assert [row["id"] for row in rows] == [ours]
    assert await bench.pool.fetchval("select heard_channel from turn where subject_id = $1", ours) == 2


async def test_who_gives_back_waits_for_the_cases_that_are_to_hear_of_it_before_it_holds_its_own(bench: Bench) -> None:
    for name in ("1", "2"):
        bench.channel.ask(name)
    earlier, giver = sorted([await bench.hear("1"), await bench.hear("2")])
    await bench.pool.execute("update return_case set commerce_order_id = 'c-order'")
    held = await _taken(bench, [(giver, 1)])
    async with bench.pool.acquire() as connection, connection.transaction():
        await turns.lock(connection, [earlier])
        giving = asyncio.create_task(record(bench.pool, [Move(held[giver], gives_back="c-order")]))
        await _waiting(bench, 1)
        await turns.lock(connection, [giver])
    assert await giving == ["kept"]
    heard = await bench.pool.fetchrow("select heard_commerce, heard_desk from turn where subject_id = $1", earlier)
    assert tuple(heard) == (1, 1)


async def test_two_cases_that_change_refunds_with_each_other_do_not_wait_in_a_circle(bench: Bench) -> None:
    """Each gives back what the other takes. One is told that it came second, or both, and nobody is thrown out."""
    cases = []
    for name in ("1", "2"):
        bench.channel.ask(name)
        cases.append(await bench.hear(name))
    rows = [(bench.shop_id, f"refund/{number}", case, f"R{number}") for number, case in enumerate(cases)]
    query = "insert into adopted_refund (shop_id, source, case_id, refund_id) values ($1, $2, $3, $4)"
    await bench.pool.executemany(query, rows)
    held = await _taken(bench, [(case, number) for number, case in enumerate(cases)])
    mine = [Adopted(refund_id, source) for _, source, _, refund_id in rows]
    swaps = [
        Move(held[case], released=[mine[number]], adopted=[Adopted(f"R{number}", mine[1 - number].source)])
        for number, case in enumerate(cases)
    ]
    async with bench.pool.acquire() as connection, connection.transaction():
        await connection.execute("select from adopted_refund for update")
        changing = [asyncio.create_task(record(bench.pool, [swap])) for swap in swaps]
        await _waiting(bench, 2)
    told = await asyncio.gather(*changing, return_exceptions=True)
    assert {type(each) for each in told} <= {list, Twin}
    assert await bench.pool.fetchval("select count(*) from adopted_refund") == 2


async def test_a_run_that_is_thrown_out_of_a_circle_has_come_second_and_nothing_is_wrong_with_it(bench: Bench) -> None:
    """A place, or the desk's return, is held once: of two cases that change them with each other one is let go."""
    bench.channel.ask("1")
    case = await bench.hear("1")
    place = Unit("u-1", "", "", "", 0, "line", None, "", "", "return/1")
    held = await _taken(bench, [(case, 1)])
    async with bench.pool.acquire() as connection, connection.transaction():
        await connection.execute("set local deadlock_timeout = '10min'")  # not ours is the one that is thrown out
        await connection.execute(
            "insert into return_line (case_id, unit_id, shop_id, order_line_id, sku, name) values ($1, 'u-1', $2, '', "
            "'', '')",
            case,
            bench.shop_id,
        )
        writing = asyncio.create_task(record(bench.pool, [Move(held[case], units=[place])]))
        await _waiting(bench, 1)
        await turns.lock(connection, [case])
    with pytest.raises(Twin):
        await writing


async def test_two_batches_tell_of_the_same_webhooks_that_nobody_understands(bench: Bench) -> None:
    """They are told of already, and each batch brings them in an order of its own."""
    login = await bench.pool.fetchval("select connection_id from link where role = 'channel'")
    odd = [Item(login, "channel", News(each, each, "", 0, (), drift="odd"), b"{}") for each in ("a", "b", "c")]
    intake = Intake(bench.vendors)

    async def told(items: list[Item]) -> None:
        async with bench.pool.acquire() as connection, connection.transaction():
            await intake.route(connection, items)

    await told([*odd, *odd])
    async with bench.pool.acquire() as connection, connection.transaction():
        await connection.execute("select from exception where text like '%(b)%' for update")
        batches = [asyncio.create_task(told(items)) for items in (odd, odd[::-1])]
        await _waiting(bench, 2)
    await asyncio.gather(*batches)
    assert await bench.pool.fetchval("select count(*) from exception where key like 'drift:%'") == 3


async def test_units_leave_their_case_while_both_cases_are_written(bench: Bench) -> None:
    """The run that writes them down has lost its turn to one that is written together with the old case."""
    for name in ("1", "2"):
        bench.channel.ask(name)
    source, case = await bench.hear("1"), await bench.hear("2")
    read = bench.channel.cases["2"]
    async with bench.pool.acquire() as connection, connection.transaction():
        await turns.lock(connection, [source, case])
        leaving = asyncio.create_task(apart.leave(bench.pool, bench.shop_id, case, read, source))
        await _waiting(bench, 1)
        await connection.execute(
            "insert into return_line (case_id, unit_id, shop_id, order_line_id, sku, name) "
            "values ($1, $2, $3, '', '', '')",
            case,
            read.units[0].id,
            bench.shop_id,
        )
    await leaving
    assert await bench.pool.fetchval("select heard_channel from turn where subject_id = $1", source) == 2
