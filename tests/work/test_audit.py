"""The audit of a shop: findings from what happened, each with its cost and where to change it."""

from __future__ import annotations

from uuid import UUID

import msgspec
import pytest

from backhaul.connectors import loop
from backhaul.domain.terms import Booker, DeskTerms, Payer
from backhaul.kit.ids import uuid7
from backhaul.store import cases, turns
from backhaul.work.audit import Finding, Level, audit
from backhaul.work.commands import CommandRefused
from tests.work.conftest import Bench

VENDORS = {"loop": loop.vendor.manifest}


async def with_desk(bench: Bench, scopes: tuple[str, ...] = tuple(loop.vendor.manifest.scopes)) -> UUID:
    """The bench's shop with a desk connected; the shop."""
    shop: UUID = await bench.pool.fetchval("select id from shop limit 1")
    desk = uuid7()
    await bench.pool.execute(
        """
        insert into connection (id, vendor, role, title, environment, state, granted_scopes, webhook_key, last_heard_at)
        values ($1, 'loop', 'desk', 'Loop', 'simulated', 'connected', $2, 'key-of-the-desk', now())
        """,
        desk,
        list(scopes),
    )
    await bench.pool.execute("insert into link (shop_id, role, connection_id) values ($1, 'desk', $2)", shop, desk)
    return shop


async def found(bench: Bench, shop: UUID) -> dict[str, Finding]:
    return {each.key: each for each in await audit(bench.pool, VENDORS, shop)}


async def stranger(bench: Bench, shop: UUID, ident: str, order: str, at: int = 1000) -> None:
    """A refund that another program made."""
    await bench.pool.execute(
        "insert into stranger (shop_id, ident, kind, order_id, at) values ($1, $2, 'refund', $3, $4)",
        shop,
        ident,
        order,
        at,
    )


async def test_a_shop_without_a_desk_has_nothing_to_be_said_of(bench: Bench) -> None:
    shop = await bench.pool.fetchval("select id from shop limit 1")
    assert [each.level for each in await audit(bench.pool, VENDORS, shop)] == [Level.GOOD]
    with pytest.raises(LookupError):
        await audit(bench.pool, VENDORS, uuid7())


async def test_missing_rights_are_named_with_what_they_are_for(bench: Bench) -> None:
    shop = await with_desk(bench, ("returns",))
    finding = (await found(bench, shop))["scopes"]
    assert finding.level is Level.PROBLEM
    assert "draft_returns:write" in finding.what
    assert "open returns" in finding.cost


async def test_a_second_writer_is_a_problem_until_a_person_says_who_writes(bench: Bench) -> None:
    shop = await bench.pool.fetchval("select id from shop limit 1")
    for order in ("one", "two"):
        await stranger(bench, shop, f"of {order}", order)
    assert (await found(bench, shop))["second_writer"].level is Level.PROBLEM
    await bench.commands.shops.answer_writers(shop, "anna")
    assert "second_writer" not in await found(bench, shop)


async def test_one_order_touched_by_another_is_only_to_know(bench: Bench) -> None:
    shop = await bench.pool.fetchval("select id from shop limit 1")
    for ident in ("r1", "r2"):
        await stranger(bench, shop, ident, "one")
    assert (await found(bench, shop))["stranger"].level is Level.INFO


@pytest.mark.parametrize(
    ("rows", "answered", "second"),
    [
        ([], 0, False),
        ([("a", 1000), ("a", 1001)], 0, False),
        ([("a", 1000), ("b", 1001)], 0, True),
        ([("a", 1000), ("b", 1001)], 1000, False),
        ([("a", 1000), ("b", 1001)], 1001, False),
        ([("a", 1000), ("b", 1000 + 31 * 86400)], 0, False),
        ([("a", 1000), ("a", 1000 + 86400), ("b", 1000 + 86400)], 0, True),
    ],
)
async def test_a_look_at_a_case_knows_of_a_second_writer_as_the_audit_does(
    bench: Bench, rows: list[tuple[str, int]], answered: int, second: bool
) -> None:
    bench.channel.ask("1")
    case = await bench.hear("1")
    await bench.pool.execute("update shop set writers_answered_at = $1", answered)
    for n, (order, at) in enumerate(rows):
        await stranger(bench, bench.shop_id, f"r{n}", order, at)
    async with bench.pool.acquire() as connection:
        turn = (await turns.take(connection, [(case, 1)]))[case]
        known = (await cases.load(connection, {case: turn}))[case]
    assert known.terms.second_writer is second
    assert ("second_writer" in await found(bench, bench.shop_id)) is second


async def test_nobody_booking_is_a_problem(bench: Bench) -> None:
    shop = await with_desk(bench)
    await bench.commands.shops.set_booker(shop, Booker.NOBODY, "anna")
    assert (await found(bench, shop))["nobody_books"].level is Level.PROBLEM


async def test_who_pays_and_who_books_is_checked_for_sense(bench: Bench) -> None:
    shop = await bench.pool.fetchval("select id from shop limit 1")
    commands = bench.commands
    for refused in (
        commands.shops.set_booker(shop, Booker.DESK, "anna"),
        commands.shops.set_payer(shop, Payer.DESK, "anna"),
        commands.shops.set_desk(shop, DeskTerms(""), "anna"),
    ):
        with pytest.raises(CommandRefused, match="No returns desk"):
            await refused
    await with_desk(bench)
    await commands.shops.set_booker(shop, Booker.DESK, "anna")
    terms = DeskTerms("", labels=False, reject_reasons=("a", "b"), carriers={"USPS": "c1"})
    await commands.shops.set_desk(shop, terms, "anna")
    kept = await bench.pool.fetchval("select desk from shop where id = $1", shop)
    assert msgspec.convert({**kept, "vendor": "loop"}, DeskTerms) == msgspec.structs.replace(terms, vendor="loop")


@pytest.mark.parametrize("terms", [DeskTerms("", reject_reasons=("a", "a")), DeskTerms("", carriers={"USPS": " "})])
async def test_desk_settings_that_make_no_sense_are_refused(bench: Bench, terms: DeskTerms) -> None:
    shop = await with_desk(bench)
    with pytest.raises(CommandRefused):
        await bench.commands.shops.set_desk(shop, terms, "anna")
