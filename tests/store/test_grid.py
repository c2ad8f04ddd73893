"""The grid's pages by key, and counts from deltas."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from backhaul.domain.channel import WayBack
from backhaul.domain.said import Said, Verdict
from backhaul.domain.words import Condition, Disposition, Kind, ShippedBy, Stage
from backhaul.store import grid
from backhaul.store.db import Pool, open_pool
from backhaul.store.grid import Cursor, Filter
from tests.web import seeding


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    found = await open_pool(database, 3)
    yield found
    await found.close()


async def walk(pool: Pool, sort: str = "updated", limit: int = 3) -> list[list[str]]:
    """All pages from the first to the last."""
    found: list[list[str]] = []
    after: Cursor | None = None
    while True:
        page = await grid.page(pool, Filter(sort=sort, after=after), limit)
        found.append([row.channel_id for row in page.rows])
        after = page.older
        if after is None:
            return found


@pytest.mark.parametrize("sort", ["updated", "due"])
async def test_every_row_stands_on_one_page(pool: Pool, sort: str) -> None:
    us = await seeding.shop(pool)
    for _ in range(8):
        await seeding.put(pool, us, seeding.channel_case(updated_at=seeding.NOW))  # equal: the id decides
    found = await walk(pool, sort)
    assert [len(page) for page in found] == [3, 3, 2]
    assert len({row for page in found for row in page}) == 8


async def test_pages_stand_still_while_rows_arrive_and_move(pool: Pool) -> None:
    us = await seeding.shop(pool)
    keys = [await seeding.put(pool, us, seeding.channel_case(updated_at=seeding.NOW - n)) for n in range(6)]
    first = await grid.page(pool, Filter(), 3)
    assert [row.id for row in first.rows] == keys[:3]
    await seeding.put(pool, us, seeding.channel_case(updated_at=seeding.NOW + 5))
    await pool.execute("update return_case set updated_at = $2 where id = $1", keys[0], seeding.NOW + 9)
    second = await grid.page(pool, Filter(after=first.older), 3)
    assert [row.id for row in second.rows] == keys[3:]
    assert second.older is None
    back = await grid.page(pool, Filter(before=second.newer), 3)
    assert [row.id for row in back.rows][1:] == keys[1:3], "the page before ends where this one begins"
    assert back.older is not None


async def test_the_way_back_leads_to_the_first_page(pool: Pool) -> None:
    us = await seeding.shop(pool)
    for n in range(7):
        await seeding.put(pool, us, seeding.channel_case(updated_at=seeding.NOW - n))
    one = await grid.page(pool, Filter(), 3)
    two = await grid.page(pool, Filter(after=one.older), 3)
    three = await grid.page(pool, Filter(after=two.older), 3)
    assert (one.newer, three.older) == (None, None)
    back_two = await grid.page(pool, Filter(before=three.newer), 3)
    assert back_two.rows == two.rows
    back_one = await grid.page(pool, Filter(before=back_two.newer), 3)
    assert back_one.rows == one.rows
    assert back_one.newer is None
    assert back_one.older is not None


async def test_search_finds_by_each_id_and_only_in_the_chosen_shops(pool: Pool) -> None:
    named = await seeding.lively(pool, rows=0)
    row = (await grid.page(pool, Filter(search="9400111899223344556677"))).rows[0]
    assert row.id == named["transit"]
    for text in (row.channel_id, row.order_id):
        assert [each.id for each in (await grid.page(pool, Filter(search=text))).rows] == [row.id]
        assert (await grid.page(pool, Filter(search=text, shops=(named["uk"],)))).rows == ()
    commerce = await grid.page(pool, Filter(search="gid://shopify/Order/1"))
    assert len(commerce.rows) == 9
    assert (await grid.page(pool, Filter(search="%"))).rows == ()


@pytest.mark.parametrize("sort", grid.SORTS)
async def test_tabs_count_what_they_show(pool: Pool, sort: str) -> None:
    named = await seeding.lively(pool, rows=12)
    for shops in ((), (named["us"],), (named["uk"],)):
        counted = await grid.counts(pool, shops)
        for tab in grid.TABS:
            shown = await grid.page(pool, Filter(shops=shops, tab=tab, sort=sort), 200)
            assert len(shown.rows) == counted.tabs[tab], (tab, shops)


async def test_what_has_no_deadline_follows_what_has_one_forwards_and_backwards(pool: Pool) -> None:
    us = await seeding.shop(pool)
    due = [await seeding.put(pool, us, seeding.channel_case(updated_at=seeding.NOW - n)) for n in range(4)]
    none = [await seeding.put(pool, us, seeding.channel_case(updated_at=seeding.NOW - n, due=())) for n in range(4)]
    for n, key in enumerate(due):
        await pool.execute("update return_case set deadline = $2 where id = $1", key, seeding.NOW + n)
    late = await seeding.put(pool, us, seeding.channel_case(updated_at=seeding.NOW + 9))
    await pool.execute("update return_case set ended = true where id = $1", late)  # whatever its deadline was
    wanted, shown = [*due, *none, late], list[UUID]()
    cursor: Cursor | None = None
    for size in (3, 3, 3):
        page = await grid.page(pool, Filter(sort="due", after=cursor), 3)
        assert len(page.rows) == size
        shown += [row.id for row in page.rows]
        cursor = Cursor.parse(page.older.text()) if page.older is not None else None
    assert (shown, cursor) == (wanted, None)
    back = await grid.page(pool, Filter(sort="due", before=page.newer), 3)
    assert [row.id for row in back.rows] == wanted[3:6]
    first = await grid.page(pool, Filter(sort="due", before=back.newer), 3)
    assert ([row.id for row in first.rows], first.newer) == (wanted[:3], None)
    # The place of another order is read as well as it goes.
    assert (await grid.page(pool, Filter(sort="updated", after=page.newer), 3)).rows


async def test_of_an_exchange_only_what_somebody_took_in_is_to_be_inspected(pool: Pool) -> None:
    us = await seeding.shop(pool)
    back = WayBack(ShippedBy.BUYER)
    fine = Verdict(Condition.SELLABLE, Disposition.RESTOCK, "bo", seeding.NOW)
    one, both = {"u1": seeding.NOW}, {"u1": seeding.NOW, "u2": seeding.NOW}
    said = (
        Said(),
        Said(received=one),
        Said(received=both, verdicts={"u1": fine}),
        Said(received=one, verdicts={"u1": fine}),
        Said(received=both, verdicts={"u1": fine, "u2": fine}),
    )
    shown = set()
    for paid_instead in (False, True):
        for number, each in enumerate(said):
            case = seeding.channel_case(Stage.COMPLETED, Kind.EXCHANGE, way_back=back, paid_instead=paid_instead)
            key = await seeding.put(pool, us, case, said=each)
            shown |= {key} if number in (1, 2) else set()
    page = await grid.page(pool, Filter(tab="inspect"))
    assert {row.id for row in page.rows} == shown


async def test_due_is_judged_by_each_shops_own_time(pool: Pool) -> None:
    us, uk = await seeding.shop(pool), await seeding.shop(pool, "UK")
    mine = await seeding.put(pool, us, seeding.channel_case())
    await seeding.put(pool, uk, seeding.channel_case())
    limit = seeding.NOW + 31 * 3600
    found = await grid.page(pool, Filter(due=((us, limit), (uk, seeding.NOW))))
    assert [row.id for row in found.rows] == [mine]


def test_a_cursor_survives_its_way_through_an_address() -> None:
    cursor = Cursor(123, uuid4())
    assert Cursor.parse(cursor.text()) == cursor
    for broken in ("", "x", "1", "1.x", "99999999999999999999999.0"):
        with pytest.raises(ValueError):
            Cursor.parse(broken)


async def test_what_needs_an_answer_is_an_index_of_its_own(pool: Pool) -> None:
    """Few and old among all the others, it would be looked for through all that changed since."""
    index = await pool.fetchval("select indexdef from pg_indexes where indexname = 'return_case_answer'")
    assert set(re.findall(r"'(\w+)'", index)) == set(grid.ANSWER)
    async with pool.acquire() as connection, connection.transaction():
        for other in ("seqscan", "bitmapscan", "sort"):
            await connection.execute(f"set local enable_{other} = off")
        where = " and ".join(grid._where(Filter(tab="answer"), grid.Arguments()))
        found = await connection.fetch(
            f"explain select c.id from return_case c where {where} order by c.updated_at desc, c.id desc limit 51"
        )
    assert any("return_case_answer" in row[0] for row in found)
