"""A shop's portal: how it is set, refused and told; and how tries are counted."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from backhaul.domain.portal import Portal, Redirect, Texts
from backhaul.domain.words import Kind
from backhaul.store import inbox, portal
from backhaul.work.commands import CommandRefused
from tests.patience import patient

from .conftest import Bench

HOUR = timedelta(hours=1)


async def told(bench: Bench) -> list[str]:
    """The lines on the shop's time-line, oldest first."""
    rows = await bench.pool.fetch("select text from history where shop_id = $1 order by id", bench.shop_id)
    return [row["text"] for row in rows]


async def test_a_portal_is_closed_until_a_person_opens_it(bench: Bench) -> None:
    assert await portal.settings(bench.pool, bench.shop_id) == Portal()
    await bench.commands.portal.set_open(bench.shop_id, True, "anna")
    await bench.commands.portal.set_open(bench.shop_id, True, "anna")
    assert (await portal.settings(bench.pool, bench.shop_id)).open
    assert await told(bench) == ["anna opened the buyer portal"]
    with pytest.raises(CommandRefused, match="no such shop"):
        await bench.commands.portal.set_open(uuid4(), True, "anna")


async def test_a_case_of_the_shop_that_is_just_being_written_holds_no_setting_up(bench: Bench) -> None:
    async with bench.pool.acquire() as connection, connection.transaction():
        await inbox.open_cases(connection, [(bench.shop_id, "return", "1", "")])
        async with asyncio.timeout(patient(10)):
            await bench.commands.portal.set_open(bench.shop_id, True, "anna")
    assert (await portal.settings(bench.pool, bench.shop_id)).open


async def test_what_buyers_may_ask_for(bench: Bench) -> None:
    await bench.commands.portal.set_kinds(bench.shop_id, [Kind.REFUND, Kind.RETURN], "anna")
    assert (await portal.settings(bench.pool, bench.shop_id)).kinds == (Kind.RETURN, Kind.REFUND)
    for wrong in ([], [Kind.CANCELLATION]):
        with pytest.raises(CommandRefused, match="one or both of return, refund"):
            await bench.commands.portal.set_kinds(bench.shop_id, wrong, "anna")


async def test_the_shops_own_words_by_language(bench: Bench) -> None:
    said = Texts("Retoure", "Nummer und Postleitzahl, bitte.\nDanke!", "")
    await bench.commands.portal.set_texts(bench.shop_id, "de_AT ", said, "anna")
    await bench.commands.portal.set_texts(bench.shop_id, "fr", Texts("Retour"), "anna")
    assert (await portal.settings(bench.pool, bench.shop_id)).texts == {"de-at": said, "fr": Texts("Retour")}
    await bench.commands.portal.set_texts(bench.shop_id, "fr", Texts(" "), "anna")
    assert list((await portal.settings(bench.pool, bench.shop_id)).texts) == ["de-at"]
    assert (await told(bench))[-1] == "anna removed the portal's words in “fr”"
    for language, wrong in (("german", Texts("x")), ("de", Texts("x" * 81)), ("de", Texts("\x00"))):
        with pytest.raises(CommandRefused):
            await bench.commands.portal.set_texts(bench.shop_id, language, wrong, "anna")


async def test_the_redirect_is_tracked_with_who_and_when(bench: Bench) -> None:
    await bench.commands.portal.set_redirect(bench.shop_id, Redirect.ASKED, "anna")
    await bench.commands.portal.set_redirect(bench.shop_id, Redirect.ON, "ben")
    found = (await portal.settings(bench.pool, bench.shop_id)).redirect
    assert (found.state, found.asked_by, found.on_by) == (Redirect.ON, "anna", "ben")
    assert found.asked_at is not None
    assert found.on_at is not None
    await bench.commands.portal.set_redirect(bench.shop_id, Redirect.NOT_ASKED, "ben")
    assert (await portal.settings(bench.pool, bench.shop_id)).redirect.asked_at is None


async def test_two_changes_at_once_are_both_kept(bench: Bench) -> None:
    await asyncio.gather(
        *(bench.commands.portal.set_texts(bench.shop_id, name, Texts(name), "anna") for name in ("de", "fr", "it"))
    )
    assert sorted((await portal.settings(bench.pool, bench.shop_id)).texts) == ["de", "fr", "it"]


async def test_how_far_buyers_came(bench: Bench) -> None:
    await portal.looked_at(bench.pool, bench.shop_id, True)
    assert await portal.progress(bench.pool, bench.shop_id) == portal.Progress()  # nobody has set it up
    await bench.commands.portal.set_open(bench.shop_id, True, "anna")
    await portal.looked_at(bench.pool, bench.shop_id, False)
    found = await portal.progress(bench.pool, bench.shop_id)
    assert found.opened_at is not None
    assert found.filled_at is None
    await portal.looked_at(bench.pool, bench.shop_id, True)
    assert (await portal.progress(bench.pool, bench.shop_id)).filled_at is not None


async def test_tries_are_counted_before_they_are_made(bench: Bench) -> None:
    async def one() -> int:
        async with bench.pool.acquire() as connection, connection.transaction():
            return await portal.take_tries(connection, {b"order": 3, b"who": 10}, HOUR)

    waits = await asyncio.gather(*(one() for _ in range(8)))
    assert sorted(wait > 0 for wait in waits) == [False] * 3 + [True] * 5
    assert all(0 <= wait <= 3600 for wait in waits)
    counts = dict(await bench.pool.fetch("select mark, count from portal_try"))
    assert counts == {b"order": 3, b"who": 3}  # what was not looked up is no try
    await portal.give_back(bench.pool, [b"order", b"who"])
    assert await one() == 0
    await portal.forget_tries(bench.pool, b"order")
    assert await one() == 0
    await bench.pool.execute("update portal_try set since = now() - interval '2 hours', count = 99")
    assert await one() == 0


async def test_what_is_old_is_taken_out(bench: Bench) -> None:
    for order in ("1", "2"):
        await portal.open_visit(bench.pool, bench.shop_id, order, b"{}", HOUR)
    async with bench.pool.acquire() as connection:
        await portal.take_tries(connection, {b"old": 3, b"new": 3}, HOUR)
        await connection.execute("update portal_visit set found_at = now() - interval '31 days' where order_id = '1'")
        await connection.execute("update portal_try set since = now() - interval '2 days' where mark = 'old'::bytea")
        await portal.forget_old(connection)
    assert [row["order_id"] for row in await bench.pool.fetch("select order_id from portal_visit")] == ["2"]
    assert [row["mark"] for row in await bench.pool.fetch("select mark from portal_try")] == [b"new"]
