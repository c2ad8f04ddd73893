"""A return whose units were answered apart in the channel's own console while it could not be read there."""

from __future__ import annotations

import time
from itertools import product
from uuid import UUID

import msgspec
import pytest

from backhaul.domain.channel import ChannelCase, ChannelRefund, ChannelUnit
from backhaul.domain.commerce import (
    CommerceLine,
    CommerceOrder,
    CommerceReturn,
    Payment,
    ReturnedLine,
    ShippedLine,
)
from backhaul.domain.effects import BookRefund, CreateReturn
from backhaul.domain.facts import Seen
from backhaul.domain.money import Money
from backhaul.domain.words import Condition, Disposition, Kind, Stage
from backhaul.store import case_page, cases, grid, turns
from backhaul.store.jobs import Rank
from tests.work.conftest import Bench


def _case(name: str, *units: str, ago: int = 0) -> ChannelCase:
    now = int(time.time()) - ago
    return ChannelCase(
        name, "order-x", Kind.RETURN, Stage.AWAITING_SHIPMENT, now, now, raw_status="AGREED",
        refund_total=Money(1000 * len(units), "USD"),
        units=tuple(ChannelUnit(each, f"line-{each}", seller_sku="SKU-1") for each in units),
    )  # fmt: skip


async def _commerce_answers(bench: Bench, *cases: UUID) -> None:
    bench.commerce.missing.clear()
    for case in cases:
        async with bench.pool.acquire() as connection, connection.transaction():
            await turns.hear(connection, {case: (0, 1)}, Rank.HINT)
        await bench.attend(case)


async def _channel_answers(bench: Bench, case: UUID) -> None:
    """Some time later, when it is asked again."""
    bench.channel.silent = set()
    body = await bench.pool.fetchval("select body from return_case where id = $1", case)
    later = msgspec.structs.replace(msgspec.json.decode(body, type=Seen), backoff={})
    await bench.pool.execute("update return_case set body = $2 where id = $1", case, msgspec.json.encode(later))
    await bench.attend(case)


def _sold(bench: Bench) -> None:
    """Units of one line, which commerce does not show yet."""
    line = CommerceLine("line", "SKU-1", quantity=4, refundable=4, unit_price=Money(1000, "USD"))
    bench.commerce.orders["c-order-x"] = CommerceOrder(
        "c-order-x", "#1", "USD", 1, (line,), (ShippedLine("shipped", "line", 4),),
        (Payment("pay", "sale", "TikTok Shop", Money(4000, "USD"), True),), stamped="order-x",
        refundable=Money(4000, "USD"),
    )  # fmt: skip
    bench.commerce.missing = {"order-x"}


async def _split(bench: Bench) -> tuple[UUID, UUID]:
    """Two units of one line, approved and not yet in commerce, of which one has become a case of its own; the first
    case cannot be read."""
    _sold(bench)
    bench.channel.cases["1"] = _case("1", "a", "b")
    old = await bench.hear("1")
    await bench.attend(old)
    bench.channel.cases["1"] = _case("1", "a")
    bench.channel.cases["2"] = _case("2", "b")
    bench.channel.silent = {"1"}
    new = await bench.hear("2")
    await bench.attend(new)
    return old, new


def _returned(bench: Bench) -> dict[str, int]:
    return {
        each.case_id: sum(line.quantity for line in each.lines)
        for each in bench.commerce.sent
        if isinstance(each, CreateReturn)
    }


async def test_no_unit_is_put_on_two_returns(bench: Bench) -> None:
    old, new = await _split(bench)
    await _commerce_answers(bench, new, old)
    assert _returned(bench) == {"1": 1, "2": 1}
    await _channel_answers(bench, old)
    rows = await bench.pool.fetch("select case_id, unit_id from return_line where not gone order by unit_id")
    assert [tuple(row) for row in rows] == [(old, "a"), (new, "b")], "pages show it once, and it is inspected once"


async def test_the_return_that_the_old_case_writes_for_the_unit_it_kept_is_not_that_of_the_other(bench: Bench) -> None:
    """Both are of one line in commerce, where one return with one of them looks like the other's."""
    old, new = await _split(bench)
    await _commerce_answers(bench, old, new)
    assert _returned(bench) == {"1": 1, "2": 1}


async def test_an_index_that_still_shows_them_with_the_old_case_counts_them_once(bench: Bench) -> None:
    old, new = await _split(bench)
    behind = _case("1", "a", "b")
    bench.channel.cases["1"] = msgspec.structs.replace(behind, updated_at=1)
    await _channel_answers(bench, old)
    rows = await bench.pool.fetch("select unit_id from return_line where case_id = $1 order by unit_id", old)
    assert [row["unit_id"] for row in rows] == ["a", "b"], "it is what the channel shows"
    await _commerce_answers(bench, new, old)
    assert _returned(bench) == {"1": 1, "2": 1}


async def test_a_unit_that_has_left_is_not_shown_with_the_old_case_though_its_place_stays_written_there(
    bench: Bench,
) -> None:
    _sold(bench)
    bench.commerce.missing.clear()
    order = bench.commerce.orders["c-order-x"]
    there = CommerceReturn("R9", "#1-R1", "open", lines=(ReturnedLine("RL", "line", 2),))
    bench.commerce.orders[order.id] = msgspec.structs.replace(order, returns=(there,))
    bench.channel.cases["1"] = _case("1", "a", "b", ago=60)
    old = await bench.hear("1")
    await bench.attend(old)
    bench.channel.cases |= {"1": _case("1", "a"), "2": _case("2", "b")}
    new = await bench.hear("2")
    for each in (new, old):
        await bench.attend(each)
    for each, unit in ((old, "a"), (new, "b")):
        shown = await case_page.case(bench.pool, each)
        assert shown is not None
        assert ([one.unit_id for one in shown.units], shown.view.lanes["records"].state) == ([unit], "adopted")
    held = await bench.pool.fetch("select unit_id, case_id from return_line where adopted_return_id = 'R9'")
    assert {tuple(row) for row in held} == {("a", old), ("b", old)}
    await bench.commands.inspect(old, [("a", Condition.SELLABLE, Disposition.NOT_RESTOCKED, "")], "ann")
    await bench.attend(old)
    await bench.pool.execute("update return_case set status = 'delivered'")
    inspect = await grid.page(bench.pool, grid.Filter(tab="inspect"))
    assert [row.id for row in inspect.rows] == [new], "nobody is asked for the unit twice"


async def test_what_was_said_of_the_unit_goes_with_it_though_something_was_said_of_the_new_case_before(
    bench: Bench,
) -> None:
    _sold(bench)
    bench.channel.cases["1"] = _case("1", "a", "b", ago=60)
    old = await bench.hear("1")
    await bench.attend(old)
    await bench.commands.inspect(old, [("b", Condition.DAMAGED, Disposition.NOT_RESTOCKED, "")], "ann")
    bench.channel.cases |= {"1": _case("1", "a"), "2": _case("2", "b")}
    new = await bench.hear("2")
    await bench.commands.waive(new, "desk", "bo")
    for _ in range(2):
        await bench.pool.execute("update return_case set body = null where id = $1", new)  # as if it had died there
        await bench.hear("2")
        await bench.attend(new)
    said = await cases.said(bench.pool, new)
    assert {unit: each.by for unit, each in said.verdicts.items()} == {"b": "ann"}
    assert said.waived == {"desk"}
    assert await bench.pool.fetchval("select count(*) from command where case_id = $1", new) == 2, "once"


FIRSTS = list(product(("1", "2"), (("1", "2"), ("2", "1")), (True, False)))


@pytest.mark.parametrize(("known", "read", "behind"), FIRSTS)
async def test_whichever_of_the_two_is_known_or_read_first(
    bench: Bench, known: str, read: tuple[str, str], behind: bool
) -> None:
    """After an installation, say, when both have been there for long; the index may still show what was."""
    _sold(bench)
    split = {"1": _case("1", "a", ago=60), "2": _case("2", "b", ago=60)}
    bench.channel.cases |= split
    if behind:
        bench.channel.cases["1"] = _case("1", "a", "b", ago=120)
    ids = {name: await bench.hear(name) for name in sorted(split, key=lambda each: each != known)}
    for name in read:
        await bench.attend(ids[name])
    bench.channel.cases |= split
    if read == ("2", "1"):  # all has to be right at once: what is newer is known
        await _commerce_answers(bench, ids["2"], ids["1"])
        assert _returned(bench) == {"1": 1, "2": 1}
    for name in ("1", "2"):
        await bench.hear(name)
        await bench.attend(ids[name])
    await _commerce_answers(bench, ids["1"], ids["2"])
    assert _returned(bench) == {"1": 1, "2": 1}
    for name, unit in (("1", "a"), ("2", "b")):
        shown = await case_page.case(bench.pool, ids[name])
        assert shown is not None
        assert [each.unit_id for each in shown.units] == [unit], "each is shown once"


async def test_no_unit_is_booked_with_two_cases(bench: Bench) -> None:
    """The channel's events prove a payment, whether or not the case can be read."""
    old, new = await _split(bench)
    proof = ChannelRefund("R1", Money(1000, "USD"), int(time.time()), "event")
    await bench.pool.execute(
        "insert into command (id, case_id, shop_id, kind, body, by, at) values (gen_random_uuid(), $1, $2, 'proof', "
        "$3, 'channel', 1)",
        old,
        bench.shop_id,
        msgspec.json.encode(proof),
    )
    await _commerce_answers(bench, new, old)
    (booked,) = [each for each in bench.commerce.sent if isinstance(each, BookRefund)]
    assert (booked.case_id, booked.lines) == ("R1", (("line", 1),))


async def test_a_unit_that_leaves_a_second_time_comes_from_the_case_that_it_was_a_part_of_then(bench: Bench) -> None:
    """And not from the first one of all: what was said of it since was said of the second."""
    _sold(bench)
    bench.channel.cases["1"] = _case("1", "a", "b", "c", ago=120)
    await bench.attend(await bench.hear("1"))
    bench.channel.cases |= {"1": _case("1", "a", ago=60), "2": _case("2", "b", "c", ago=60)}
    second = await bench.hear("2")
    for each in (second, await bench.hear("1")):
        await bench.attend(each)
    await bench.commands.inspect(second, [("c", Condition.DAMAGED, Disposition.NOT_RESTOCKED, "")], "ann")
    bench.channel.cases |= {"2": _case("2", "b"), "3": _case("3", "c")}
    third = await bench.hear("3")
    await bench.attend(third)
    body = await bench.pool.fetchval("select body from return_case where id = $1", third)
    assert msgspec.json.decode(body, type=Seen).origin == "2"
    assert set((await cases.said(bench.pool, third)).verdicts) == {"c"}
