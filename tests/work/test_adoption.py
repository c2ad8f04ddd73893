"""Two cases of one order and the returns that another program opened for it, at the worst moment."""

from __future__ import annotations

import asyncio
import time
from uuid import UUID

import msgspec

from backhaul.domain.channel import ChannelCase, ChannelUnit
from backhaul.domain.commerce import CommerceLine, CommerceOrder, CommerceReturn, ReturnedLine, ShippedLine
from backhaul.domain.money import Money
from backhaul.domain.words import Condition, Disposition, Kind, Stage
from backhaul.ports.errors import Unavailable
from backhaul.store import turns
from backhaul.store.jobs import Rank
from backhaul.work.attend import MOST_TWINS, Attendant
from tests.work.conftest import Bench


def _approved(bench: Bench, name: str) -> None:
    now = int(time.time())
    bench.channel.cases[name] = ChannelCase(
        name, "order-x", Kind.RETURN, Stage.AWAITING_SHIPMENT, now, now, raw_status="AGREED",
        refund_total=Money(1000, "USD"), units=(ChannelUnit(f"u-{name}", "l-x", seller_sku="SKU-1"),),
    )  # fmt: skip


def _order(*returns: str, returnable: int) -> CommerceOrder:
    line = CommerceLine("line", "SKU-1", quantity=2, refundable=2, unit_price=Money(1000, "USD"))
    theirs = tuple(
        CommerceReturn(name, name, "open", lines=(ReturnedLine(f"{name}-l", "line", 1, "shipped"),)) for name in returns
    )
    return CommerceOrder(
        "c-order-x", "#1", "USD", 1, (line,), (ShippedLine("shipped", "line", returnable),), (), theirs,
        stamped="order-x",
    )  # fmt: skip


async def _together(bench: Bench, *names: str) -> list[UUID]:
    """Attend to the cases at once, so that each has read the order before any has written what it took."""
    cases = []
    for name in names:
        _approved(bench, name)
        cases.append(await bench.hear(name))
    waiting = asyncio.Barrier(len(names))
    left = len(names)

    async def meet() -> None:
        nonlocal left
        if left > 0:
            left -= 1
            await waiting.wait()

    bench.commerce.on_read = meet
    await asyncio.gather(*(bench.attend(case) for case in cases))
    for case in cases:  # whoever came second looks again
        await bench.attend(case)
    return cases


async def _places(bench: Bench) -> list[tuple[str, str]]:
    rows = await bench.pool.fetch("select unit_id, adopted_return_id from return_line order by adopted_return_id")
    return [(row["unit_id"], row["adopted_return_id"]) for row in rows]


async def test_two_cases_never_adopt_one_return(bench: Bench) -> None:
    bench.commerce.orders["c-order-x"] = _order("R1", "R2", returnable=0)
    cases = await _together(bench, "1", "2")
    taken = await _places(bench)
    assert sorted(return_id for _, return_id in taken) == ["R1", "R2"]
    assert [await bench.exceptions(case) for case in cases] == [[], []]
    assert bench.commerce.sent == []


async def test_the_loser_creates_its_own(bench: Bench) -> None:
    bench.commerce.orders["c-order-x"] = _order("R1", returnable=1)
    await _together(bench, "1", "2")
    (free, _), (_, return_id) = await _places(bench)
    assert return_id == "R1"
    assert [(type(wanted).__name__, getattr(wanted, "case_id", "")) for wanted in bench.commerce.sent] == [
        ("CreateReturn", free.removeprefix("u-"))
    ]


async def test_a_case_of_another_order_that_is_linked_to_the_same_one_sees_what_is_taken(bench: Bench) -> None:
    bench.commerce.orders["c-order-x"] = _order("R1", returnable=0)
    _approved(bench, "1")
    await bench.attend(await bench.hear("1"))
    _approved(bench, "2")
    case = bench.channel.cases["2"]
    bench.channel.cases["2"] = msgspec.structs.replace(case, order_id="order-y")
    second = await bench.hear("2")
    await bench.commands.link_order(second, "c-order-x", "ann")
    for _ in range(2):
        await bench.attend(second)
    assert await bench.exceptions(second) == ["returnable"], "a person is told, and nothing is tried for ever"
    assert await _places(bench) == [("u-2", ""), ("u-1", "R1")]


async def test_a_place_is_given_back_when_the_case_is_called_off(bench: Bench) -> None:
    bench.commerce.orders["c-order-x"] = _order("R1", returnable=0)
    _approved(bench, "1")
    first = await bench.hear("1")
    await bench.attend(first)
    assert await _places(bench) == [("u-1", "R1")]
    _approved(bench, "2")
    second = await bench.hear("2")
    for _ in range(2):  # of which order it is, and so what the other has, is known after its first look
        await bench.attend(second)
    assert await bench.exceptions(second) == ["returnable"]
    case = bench.channel.cases["1"]
    bench.channel.cases["1"] = ChannelCase(
        case.id, case.order_id, case.kind, Stage.CANCELLED, case.created_at, case.updated_at + 1, units=case.units
    )
    await bench.hear("1")
    assert not (await bench.turn(second))["dirty"]
    await bench.attend(first)
    assert (await bench.turn(second))["dirty"], "it hears of it, and need not wait for its daily read"
    await bench.attend(second)
    assert await _places(bench) == [("u-1", ""), ("u-2", "R1")]
    assert await bench.exceptions(second) == []


def _two_lines(bench: Bench) -> tuple[ChannelUnit, ...]:
    """A case of two units, each of a line of its own, both on one return that another program opened."""
    lines = [
        CommerceLine(name, f"HAT-{name}", quantity=1, refundable=1, unit_price=Money(1000, "USD")) for name in "12"
    ]
    there = tuple(ReturnedLine(f"R1-{each.id}", each.id, 1, f"shipped-{each.id}") for each in lines)
    bench.commerce.orders["c-order-x"] = msgspec.structs.replace(
        _order(returnable=0), lines=tuple(lines), returns=(CommerceReturn("R1", "R1", "open", lines=there),)
    )
    _approved(bench, "1")
    units = tuple(ChannelUnit(f"u{each.id}", f"l{each.id}", seller_sku=each.sku) for each in lines)
    bench.channel.cases["1"] = msgspec.structs.replace(bench.channel.cases["1"], units=units)
    return units


async def test_a_case_that_is_linked_to_an_order_that_cannot_be_read_gives_its_places_to_another(bench: Bench) -> None:
    units = _two_lines(bench)
    case = await bench.hear("1")
    await bench.attend(case)
    assert await _places(bench) == [("u1", "R1"), ("u2", "R1")]
    await bench.commands.link_order(case, "c-order-y", "ann")
    bench.commerce.trouble = [Unavailable("down", retry_after=3600)]
    await bench.attend(case)
    turn = await bench.turn(case)
    assert turn["attend_at"] > time.time() + 600, "what was learnt is written, and commerce is left alone for a while"
    assert await _places(bench) == [("u1", ""), ("u2", "")]
    bench.commerce.trouble = []
    _approved(bench, "2")
    other = tuple(msgspec.structs.replace(each, id=f"{each.id}-other") for each in units)
    bench.channel.cases["2"] = msgspec.structs.replace(bench.channel.cases["2"], units=other)
    second = await bench.hear("2")
    await bench.commands.link_order(second, "c-order-x", "ann")
    for _ in range(2):
        await bench.attend(second)
    assert [place for place in await _places(bench) if place[1]] == [("u1-other", "R1"), ("u2-other", "R1")]
    assert await bench.exceptions(second) == []


async def test_a_place_is_taken_before_the_first_thing_is_sent_for_it(bench: Bench) -> None:
    line = ReturnedLine("R1-l", "line", 1, "shipped", "R1-o", "R1-r")
    bench.commerce.orders["c-order-x"] = msgspec.structs.replace(
        _order(returnable=0), returns=(CommerceReturn("R1", "R1", "open", lines=(line,)),)
    )
    cases = []
    for name in ("1", "2"):
        _approved(bench, name)
        cases.append(await bench.hear(name))
        for _ in range(2):
            await bench.attend(cases[-1])
    case = bench.channel.cases["1"]
    bench.channel.cases["1"] = msgspec.structs.replace(case, stage=Stage.CANCELLED, updated_at=case.updated_at + 1)
    await bench.attend(await bench.hear("1"))
    assert sorted(await _places(bench)) == [("u-1", ""), ("u-2", "")]
    await bench.commands.inspect(cases[1], [("u-2", Condition.SELLABLE, Disposition.NOT_RESTOCKED, "")], "ann")
    at_sending: list[list[tuple[str, str]]] = []

    async def probe(moment: str, target: str) -> None:
        if moment == "before_intent":
            at_sending.append(await _places(bench))

    await bench.attend(cases[1], Attendant(bench.vendors, probe))
    assert [type(wanted).__name__ for wanted in bench.commerce.sent] == ["Dispose"]
    assert at_sending == [[("u-1", ""), ("u-2", "R1")]]


async def test_places_keep_their_lines_while_the_order_is_not_read_again(bench: Bench) -> None:
    _two_lines(bench)
    case = await bench.hear("1")
    await bench.attend(case)
    for unit, line in (("u1", "2"), ("u2", "1")):
        await bench.commands.link_line(case, unit, line, "ann")
    async with bench.pool.acquire() as connection, connection.transaction():
        await turns.hear(connection, {case: (0, 1)}, Rank.HINT)
    bench.commerce.trouble = [Unavailable("down", retry_after=3600)]
    await bench.attend(case)
    assert (await bench.turn(case))["attend_at"] > time.time() + 600
    rows = await bench.pool.fetch("select commerce_line_id, adopted_return_id from return_line order by unit_id")
    assert [tuple(row) for row in rows] == [("1", "R1"), ("2", "R1")]


async def test_what_a_case_holds_unseen_is_told_and_not_asked_for_without_a_pause(bench: Bench) -> None:
    bench.commerce.orders["c-order-x"] = _order("R1", returnable=0)
    _approved(bench, "1")
    first = await bench.hear("1")
    await bench.attend(first)
    await bench.pool.execute("update return_case set order_id = '', commerce_order_id = '' where id = $1", first)
    _approved(bench, "2")
    second = await bench.hear("2")
    for _ in range(MOST_TWINS):
        await bench.attend(second)
        assert (await bench.turn(second))["attend_at"] == 0
    await bench.attend(second)
    assert (await bench.turn(second))["attend_at"] > time.time() + 30
    assert await bench.exceptions(second) == ["fault"]
    await bench.pool.execute("update return_case set order_id = 'order-x' where id = $1", first)
    await bench.attend(second)
    assert await bench.exceptions(second) == ["returnable"]
