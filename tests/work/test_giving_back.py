"""What a case had adopted under an order that it is no longer linked to: given back, so that the case whose it is can
take it, while the ledger keeps both words."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

import msgspec
import pytest

from backhaul.domain.channel import ChannelCase, ChannelRefund, ChannelUnit
from backhaul.domain.commerce import CommerceLine, CommerceOrder, CommerceRefund, Payment
from backhaul.domain.desk import DeskLine, DeskReturn, DeskState
from backhaul.domain.desk_effects import OpenDeskReturn
from backhaul.domain.effects import Repeat, Safety
from backhaul.domain.money import Money
from backhaul.domain.words import Kind, Stage
from backhaul.kit.ids import uuid7
from backhaul.ports.errors import Unavailable
from backhaul.store import turns
from backhaul.store.jobs import Rank
from backhaul.work.attend import MOST_TWINS
from tests.work.conftest import Bench

PAID = Money(1000, "USD")


def _refunded(bench: Bench, name: str) -> None:
    now = int(time.time())
    bench.channel.cases[name] = ChannelCase(
        name, f"order-{name}", Kind.REFUND, Stage.COMPLETED, now - 60, now, raw_status="DONE", refund_total=PAID,
        units=(ChannelUnit(f"u-{name}", f"l-{name}", seller_sku="SKU-1"),),
        refunds=(ChannelRefund(f"R{name}", PAID, now, "status"),),
    )  # fmt: skip


def _by_hand(bench: Bench, ident: str, *refunds: str) -> None:
    """An order whose one line somebody has refunded, once for each of ``refunds``."""
    line = CommerceLine("line", "SKU-1", quantity=2, refundable=0, unit_price=PAID)
    theirs = tuple(CommerceRefund(each, int(time.time()), PAID, lines=(("line", 1),)) for each in refunds)
    bench.commerce.orders[ident] = CommerceOrder(
        ident, "#1", "USD", 1, (line,), (), (Payment("pay", "sale", "TikTok Shop", PAID, True),), (), theirs,
        refundable=Money(0, "USD"),
    )  # fmt: skip


async def _ledger(bench: Bench, case: UUID) -> list[tuple[str, str]]:
    rows = await bench.pool.fetch(
        "select kind, source from refund_entry where case_id = $1 and kind <> 'paid' order by id", case
    )
    return [(row["kind"], row["source"]) for row in rows]


async def _stands(bench: Bench) -> dict[str, UUID]:
    rows = await bench.pool.fetch("select source, case_id from adopted_refund")
    return {row["source"]: row["case_id"] for row in rows}


async def _linked(bench: Bench, case: UUID, order: str, trouble: Any = None) -> None:
    await bench.commands.link_order(case, order, "ann")
    bench.commerce.trouble = [trouble] if trouble else []
    await bench.attend(case)
    bench.commerce.trouble = []


async def test_a_refund_is_given_back_by_a_case_that_is_linked_to_another_order(bench: Bench) -> None:
    _by_hand(bench, "c-wrong", "refund/9")
    _refunded(bench, "1")
    first = await bench.hear("1")
    await _linked(bench, first, "c-wrong")
    assert await _ledger(bench, first) == [("adopted", "refund/9")]
    assert await _stands(bench) == {"refund/9": first}
    await _linked(bench, first, "c-gone", Unavailable("down", retry_after=3600))
    assert await _stands(bench) == {}, "though the right order cannot be read now"
    assert await _ledger(bench, first) == [("adopted", "refund/9"), ("released", "refund/9")]
    _refunded(bench, "2")
    second = await bench.hear("2")
    await _linked(bench, second, "c-wrong")
    assert await _stands(bench) == {"refund/9": second}
    assert await _ledger(bench, second) == [("adopted", "refund/9")]
    assert "fault" not in await bench.exceptions(second)


async def test_a_refund_of_the_right_order_is_adopted_after_that_of_the_wrong_one(bench: Bench) -> None:
    _by_hand(bench, "c-wrong", "refund/9")
    _by_hand(bench, "c-right", "refund/7")
    _refunded(bench, "1")
    case = await bench.hear("1")
    for order, stands in (("c-wrong", "refund/9"), ("c-right", "refund/7"), ("c-wrong", "refund/9")):
        await _linked(bench, case, order)
        assert await _stands(bench) == {stands: case}
    changes = [("adopted", "refund/9"), ("released", "refund/9"), ("adopted", "refund/7"), ("released", "refund/7")]
    assert await _ledger(bench, case) == [*changes, ("adopted", "refund/9")]
    held = await bench.pool.fetchval(
        "select sum(case kind when 'adopted' then amount when 'released' then -amount else 0 end) from refund_entry"
    )
    assert held == PAID.minor


async def test_the_case_whose_refund_it_is_hears_when_it_is_given_back(bench: Bench) -> None:
    _by_hand(bench, "c-wrong", "refund/9")
    _refunded(bench, "1")
    _refunded(bench, "2")
    first, rightful = await bench.hear("1"), await bench.hear("2")
    for case in (first, rightful):
        await _linked(bench, case, "c-wrong")
    await bench.attend(rightful)  # it came second, and looks again
    assert await _stands(bench) == {"refund/9": first}
    assert await bench.exceptions(rightful) == ["nothing_refundable:R2"]
    assert not await _woken(bench, rightful)
    await _linked(bench, first, "c-right")
    assert await _woken(bench, rightful)
    await bench.attend(rightful)
    assert await _stands(bench) == {"refund/9": rightful}
    assert await bench.exceptions(rightful) == []
    assert not await _woken(bench, first), "it gave back and took nothing"


async def _woken(bench: Bench, case: UUID) -> bool:
    woken = await bench.pool.fetchval("select dirty from turn where subject_id = $1", case)
    return bool(woken)


async def _heard(bench: Bench, case: UUID) -> None:
    async with bench.pool.acquire() as connection, connection.transaction():
        await turns.hear(connection, {case: (0, 1)}, Rank.HINT)
    await bench.attend(case)


async def test_a_refund_stays_with_its_case_while_the_order_is_not_shown(bench: Bench) -> None:
    _by_hand(bench, "c-order-1", "refund/7")
    _refunded(bench, "1")
    case = await bench.hear("1")
    await bench.attend(case)
    bench.commerce.missing = {"order-1"}
    await _heard(bench, case)
    assert await bench.pool.fetchval("select count(*) from history where what = 'order.gone'")
    assert await _stands(bench) == {"refund/7": case}
    bench.commerce.missing = set()
    await _heard(bench, case)
    assert await _ledger(bench, case) == [("adopted", "refund/7")]
    assert await bench.exceptions(case) == []


async def test_a_case_keeps_the_refund_it_has_adopted_while_another_one_would_do(bench: Bench) -> None:
    _by_hand(bench, "c-order-1", "refund/7")
    _refunded(bench, "1")
    case = await bench.hear("1")
    await bench.attend(case)
    order = bench.commerce.orders["c-order-1"]
    earlier = CommerceRefund("refund/6", int(time.time()), PAID, lines=(("line", 1),))
    bench.commerce.orders["c-order-1"] = msgspec.structs.replace(
        order, refunds=(earlier, *order.refunds), updated_at=order.updated_at + 1
    )
    await _heard(bench, case)
    assert await _stands(bench) == {"refund/7": case}
    assert await _ledger(bench, case) == [("adopted", "refund/7")]
    assert "second:refund/6" in await bench.exceptions(case)


async def test_a_refund_stays_with_its_case_when_the_booking_is_waived(bench: Bench) -> None:
    _by_hand(bench, "c-order-1", "refund/7")
    _refunded(bench, "1")
    case = await bench.hear("1")
    await bench.attend(case)
    await bench.commands.waive(case, "money", "ann")
    await bench.attend(case)
    assert await _stands(bench) == {"refund/7": case}


class FakeDesk:
    """A desk with one return, whoever asks."""

    def __init__(self, there: DeskReturn) -> None:
        self.there = there

    async def desk_return(self, ident: str) -> DeskReturn | None:
        return self.there if ident == self.there.id else None

    async def desk_returns(self, order_name: str) -> tuple[DeskReturn, ...]:
        return (self.there,)


async def _returned(bench: Bench, name: str) -> UUID:
    bench.channel.ask(name, Kind.RETURN)
    bench.channel.cases[name] = msgspec.structs.replace(
        bench.channel.cases[name], stage=Stage.AWAITING_SHIPMENT, due=()
    )
    return await bench.hear(name)


@pytest.mark.parametrize("opener_has_it", [True, False])
async def test_of_two_cases_that_share_no_order_one_has_the_return_that_was_opened_on_the_wrong_one(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, opener_has_it: bool
) -> None:
    """Both want it: the one that opened it, and the one of the order that it was opened on. The other goes on."""
    await bench.link_desk()
    line = DeskLine("DL", "line", "SKU-1")
    later = int(time.time()) + 60  # than the cases were asked for
    desk = FakeDesk(DeskReturn("D1", DeskState.CLOSED, later, 1, order_id="c-order-2", lines=(line,)))

    async def connect(*args: Any) -> FakeDesk:
        return desk

    monkeypatch.setattr(bench.vendors, "desk", connect)
    opener, rightful = await _returned(bench, "1"), await _returned(bench, "2")
    wanted = OpenDeskReturn("1", "c-order-2", "#1", ())
    await bench.pool.execute(
        "insert into effect (id, case_id, shop_id, target, kind, wanted, state, safety, key, because, by, claim, "
        "created_at, result) values ($1, $2, $3, $4, 'open_desk_return', $5, 'confirmed', $6, '', '', '', 1, 1, 'D1')",
        uuid7(),
        opener,
        bench.shop_id,
        wanted.target,
        msgspec.json.encode(wanted),
        msgspec.json.encode(Safety(Repeat.FINDABLE)),
    )
    first, second = (opener, rightful) if opener_has_it else (rightful, opener)
    for case in (first, *[second] * (MOST_TWINS + 1)):
        await bench.attend(case)
    rows = await bench.pool.fetch("select id, desk_return_id, view from return_case")
    assert {row["id"]: row["desk_return_id"] for row in rows} == {first: "D1", second: ""}
    assert "fault" not in await bench.exceptions(second)
    (lane,) = [msgspec.json.decode(row["view"])["lanes"]["desk"]["state"] for row in rows if row["id"] == second]
    assert lane not in ("looking", "finding_order"), "what is known of the desk was written down"
