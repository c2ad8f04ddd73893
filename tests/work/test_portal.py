"""What buyers do: found by number and postal code, counted when they guess, and one case whatever is pressed twice."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from backhaul.domain.channel import ChannelOrder, ChannelOrderLine
from backhaul.domain.policy import FromPortal, Policy
from backhaul.domain.portal import Mistake, Standing
from backhaul.domain.starts import Startable
from backhaul.domain.terms import Mode
from backhaul.domain.words import Kind
from backhaul.kit.crypto import Vault
from backhaul.ports.errors import NeedsReauth, Refused, Unavailable, VendorError, WireDrift
from backhaul.store import cases, portal
from backhaul.store.jobs import Rank
from backhaul.store.portal import Visit
from backhaul.work import notes
from backhaul.work.budget import OUTSIDE
from backhaul.work.case_command import CommandRefused
from backhaul.work.portal import (
    LOOKS_AT_ORDER,
    TRIES_OF_CLIENT,
    TRIES_OF_ORDER,
    Buyers,
    Closed,
    Found,
    Locked,
    NotFound,
    network,
)
from tests.work.conftest import Bench

ORDER = "576461413038785752"
ME = "198.51.100.7"


class Sold:
    """The channel of a shop that has sold two shirts and a cup, wrapped around the bench's."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.code = "90001"
        self.reads: list[str] = []
        self.asked: list[Kind] = []
        self.outside: list[bool] = []  # whether each call was known to be an outsider's
        self.trouble: list[VendorError] = []
        self.refusal: VendorError | None = None
        bench.channel.order = self.order  # type: ignore[method-assign]
        bench.channel.startable = self.startable  # type: ignore[method-assign]

    async def order(self, order_id: str) -> ChannelOrder | None:
        self.reads.append(order_id)
        self.outside.append(OUTSIDE.get())
        if self.trouble:
            raise self.trouble.pop(0)
        if order_id != ORDER:
            return None
        lines = (
            ChannelOrderLine("l1", "s1", "SHIRT-M", "Shirt (M)"),
            ChannelOrderLine("l2", "s1", "SHIRT-M", "Shirt (M)"),
            ChannelOrderLine("l3", "s2", "CUP", "Cup"),
        )
        return ChannelOrder(ORDER, "DELIVERED", 1, 1, "USD", lines=lines, postal_code=self.code)

    async def startable(self, order_id: str, kind: Kind) -> tuple[Startable, ...]:
        self.asked.append(kind)
        self.outside.append(OUTSIDE.get())
        if self.refusal is not None:
            raise self.refusal
        return (
            Startable(kind, ("l1", "l2"), True, reasons=(("mine", "Mine"), ("late", "Late"))),
            Startable(kind, ("l3",), True, reasons=(("chipped", "Chipped"),)),
        )


@pytest.fixture
async def sold(bench: Bench) -> Sold:
    """A shop whose portal is open."""
    await bench.commands.portal.set_open(bench.shop_id, True, "anna")
    return Sold(bench)


async def visiting(sold: Sold) -> tuple[Buyers, str, Visit]:
    """A buyer who has found the order and read what may be asked for."""
    buyers = Buyers(sold.bench.vendors)
    found = await buyers.look_up(sold.bench.shop_id, ORDER, "90001", ME)
    assert isinstance(found, Found)
    visit = await buyers.visit(sold.bench.shop_id, found.token)
    assert visit is not None
    await buyers.offer(visit, (Kind.RETURN,))
    visit = await buyers.visit(sold.bench.shop_id, found.token)
    assert visit is not None
    return buyers, found.token, visit


def wish(once: str = "form-1", **changes: Any) -> dict[str, Any]:
    return {"once": once, "kind": Kind.RETURN, "lines": ["l1"], "reason": "mine", "note": "", **changes}


async def counts(bench: Bench) -> list[int]:
    return [row["count"] for row in await bench.pool.fetch("select count from portal_try order by count")]


async def test_an_order_is_found_by_its_number_and_code_in_any_way_of_writing(bench: Bench, sold: Sold) -> None:
    buyers = Buyers(bench.vendors)
    found = await buyers.look_up(bench.shop_id, " 5764 6141-3038785752", "90001-1234", ME)
    assert isinstance(found, Found)
    visit = await buyers.visit(bench.shop_id, found.token)
    assert visit is not None
    assert visit.order_id == ORDER
    assert await counts(bench) == [1]  # no wrong one; and one look at the order
    assert await buyers.visit(bench.shop_id, "another") is None
    assert await buyers.visit(uuid4(), found.token) is None


async def test_neither_code_nor_word_of_the_cookie_stands_in_the_database(bench: Bench, sold: Sold) -> None:
    _, token, _ = await visiting(sold)
    for table in ("portal_visit", "portal_try", "history"):
        rows = await bench.pool.fetch(f"select t::text as row from {table} t")
        stored = " ".join(row["row"] for row in rows)
        assert "90001" not in stored
        assert token not in stored
        assert ME not in stored
    tries = await bench.pool.fetch("select t::text as row from portal_try t")
    assert not any(ORDER in row["row"] for row in tries)


@pytest.mark.parametrize(
    ("order", "code", "hidden"),
    [("576461413038785753", "90001", "90001"), (ORDER, "90002", "90001"), (ORDER, "90001", "")],
)
async def test_no_order_a_wrong_code_and_a_hidden_code_are_one_answer(
    bench: Bench, sold: Sold, order: str, code: str, hidden: str
) -> None:
    sold.code = hidden
    assert await Buyers(bench.vendors).look_up(bench.shop_id, order, code, ME) == NotFound()
    assert sold.reads == [order]  # one call, whatever it is
    assert await counts(bench) == [1, 1, 1]


async def test_wrong_tries_lock_the_order_for_everybody_and_nobody_asks_the_channel_then(
    bench: Bench, sold: Sold
) -> None:
    buyers = Buyers(bench.vendors)
    for number in range(TRIES_OF_ORDER):
        assert await buyers.look_up(bench.shop_id, ORDER, "10000", f"198.51.100.{number}") == NotFound()
    read = len(sold.reads)
    locked = await buyers.look_up(bench.shop_id, ORDER, "90001", "203.0.113.1")
    assert isinstance(locked, Locked)
    assert 0 < locked.left_s <= 3600
    assert len(sold.reads) == read
    await bench.pool.execute("update portal_try set since = since - interval '1 hour'")
    assert isinstance(await buyers.look_up(bench.shop_id, ORDER, "90001", "203.0.113.1"), Found)


async def test_one_client_cannot_try_many_orders(bench: Bench, sold: Sold) -> None:
    buyers = Buyers(bench.vendors)
    for number in range(TRIES_OF_CLIENT):
        order = f"57646141303878{number:04}"
        assert await buyers.look_up(bench.shop_id, order, "90001", f"2001:db8::{number:x}") == NotFound()
    assert isinstance(await buyers.look_up(bench.shop_id, ORDER, "90001", "2001:db8::ffff"), Locked)
    assert isinstance(await buyers.look_up(bench.shop_id, ORDER, "90001", "2001:db8:0:1::1"), Found)


async def test_nobody_looks_at_an_order_without_end(bench: Bench, sold: Sold) -> None:
    buyers = Buyers(bench.vendors)
    for _ in range(LOOKS_AT_ORDER):
        assert isinstance(await buyers.look_up(bench.shop_id, ORDER, "90001", ME), Found)
    assert isinstance(await buyers.look_up(bench.shop_id, ORDER, "90001", ME), Locked)
    assert len(sold.reads) == LOOKS_AT_ORDER


async def test_who_is_locked_out_fills_no_table(bench: Bench, sold: Sold) -> None:
    buyers = Buyers(bench.vendors)
    for number in range(TRIES_OF_CLIENT):
        await buyers.look_up(bench.shop_id, f"57646141303878{number:04}", "90001", ME)
    known = await counts(bench)
    for number in range(50):
        assert isinstance(await buyers.look_up(bench.shop_id, f"57646141303879{number:04}", "90001", ME), Locked)
    assert await counts(bench) == known


async def test_an_order_has_one_number(bench: Bench, sold: Sold) -> None:
    async def lenient(order_id: str) -> ChannelOrder | None:
        return await sold.order(order_id.lstrip("0"))

    bench.channel.order = lenient  # type: ignore[method-assign]
    assert await Buyers(bench.vendors).look_up(bench.shop_id, f"0{ORDER}", "90001", ME) == NotFound()


async def test_many_guesses_at_once_are_no_more_than_one_by_one(bench: Bench, sold: Sold) -> None:
    buyers = Buyers(bench.vendors)
    answers = await asyncio.gather(
        *(buyers.look_up(bench.shop_id, ORDER, f"1000{number}", f"198.51.100.{number}") for number in range(9))
    )
    assert len(sold.reads) == TRIES_OF_ORDER == answers.count(NotFound())


@pytest.mark.parametrize("error", [Unavailable("busy"), NeedsReauth("over"), WireDrift("odd")])
async def test_a_channel_that_does_not_answer_costs_no_try(bench: Bench, sold: Sold, error: VendorError) -> None:
    buyers = Buyers(bench.vendors)
    sold.trouble = [error]
    with pytest.raises(type(error)):
        await buyers.look_up(bench.shop_id, ORDER, "90001", ME)
    assert sum(await counts(bench)) == 0
    assert isinstance(await buyers.look_up(bench.shop_id, ORDER, "90001", ME), Found)


async def test_a_number_that_the_channel_refuses_is_not_found(bench: Bench, sold: Sold) -> None:
    sold.trouble = [Refused("36009004", "not an order id")]
    assert await Buyers(bench.vendors).look_up(bench.shop_id, ORDER, "90001", ME) == NotFound()


async def test_what_cannot_be_an_order_number_is_told_without_a_try(bench: Bench, sold: Sold) -> None:
    buyers = Buyers(bench.vendors)
    assert await buyers.look_up(bench.shop_id, "jo@example.com", "90001", ME) is Mistake.EMAIL
    assert await buyers.look_up(bench.shop_id, "#1004", "90001", ME) is Mistake.OWN_NUMBER
    assert (sold.reads, await counts(bench)) == ([], [])


async def test_a_closed_portal_answers_nothing(bench: Bench, sold: Sold) -> None:
    buyers, token, _ = await visiting(sold)
    await bench.commands.portal.set_open(bench.shop_id, False, "anna")
    with pytest.raises(Closed):
        await buyers.look_up(bench.shop_id, ORDER, "90001", ME)
    with pytest.raises(Closed):
        await buyers.ask(bench.shop_id, token, **wish())
    assert await buyers.visit(bench.shop_id, token) is None


async def test_a_visit_ends(bench: Bench, sold: Sold) -> None:
    buyers, token, _ = await visiting(sold)
    await bench.pool.execute("update portal_visit set ends_at = now()")
    assert await buyers.visit(bench.shop_id, token) is None
    with pytest.raises(CommandRefused, match="visit has ended"):
        await buyers.ask(bench.shop_id, token, **wish())


async def test_the_channel_is_asked_once_in_a_visit_what_may_be_asked_for(bench: Bench, sold: Sold) -> None:
    buyers, _, visit = await visiting(sold)
    await buyers.offer(visit, (Kind.RETURN,))
    assert sold.asked == [Kind.RETURN]
    await buyers.offer(visit, (Kind.RETURN, Kind.REFUND))
    assert sold.asked == [Kind.RETURN, Kind.REFUND]


async def test_a_refusal_of_the_channel_is_said_of_every_item(bench: Bench, sold: Sold) -> None:
    sold.refusal = Refused("25001011", "The window has passed.")
    buyers, token, _ = await visiting(sold)
    with pytest.raises(CommandRefused, match="cannot be asked for"):
        await buyers.ask(bench.shop_id, token, **wish())


async def test_a_form_that_is_sent_twice_is_one_case(bench: Bench, sold: Sold) -> None:
    buyers, token, visit = await visiting(sold)
    cases = await asyncio.gather(*(buyers.ask(bench.shop_id, token, **wish()) for _ in range(3)))
    assert len(set(cases)) == 1
    assert await bench.pool.fetchval("select count(*) from return_case") == 1
    with pytest.raises(CommandRefused, match="cannot be asked for"):
        await buyers.ask(bench.shop_id, token, **wish("form-2"))
    _, taken = await buyers.cases(visit)
    assert taken == {"l1"}
    other = await buyers.ask(bench.shop_id, token, **wish("form-3", lines=["l2"]))
    assert other != cases[0]
    found = await portal.progress(bench.pool, bench.shop_id)
    assert (found.case_id, found.channel_id) == (other, "")
    assert found.found_at is not None
    assert found.asked_at is not None


UNFIT: tuple[tuple[dict[str, Any], str], ...] = (
    ({"lines": []}, "Choose at least one item"),
    ({"lines": ["l1", "l9"]}, "cannot be asked for"),
    ({"kind": Kind.REFUND}, "not offered"),
    ({"reason": ""}, "Choose a reason"),
    ({"reason": "chipped"}, "does not fit"),
    ({"lines": ["l1", "l3"]}, "does not fit"),
    ({"lines": ["l1", "l3"], "reason": ""}, "need different reasons"),
    ({"note": "x" * 301}, "longer than 300"),
    ({"note": "\x07"}, "cannot be kept"),
    ({"note": "\u202eabc"}, "cannot be kept"),
    ({"note": "\ud800"}, "cannot be kept"),
)


async def test_what_cannot_be_asked_for_is_told_and_makes_no_case(bench: Bench, sold: Sold) -> None:
    buyers, token, _ = await visiting(sold)
    for changes, told in UNFIT:
        with pytest.raises(CommandRefused, match=told):
            await buyers.ask(bench.shop_id, token, **wish(**changes))
    assert await bench.pool.fetchval("select count(*) from return_case") == 0


async def test_goods_that_a_person_is_about_to_refund_are_not_asked_for_again(bench: Bench, sold: Sold) -> None:
    await bench.commands.beginnings.start(bench.shop_id, kind=Kind.REFUND, order_id=ORDER, by="ann")
    buyers, token, visit = await visiting(sold)
    shown, taken = await buyers.cases(visit)
    assert shown == ()
    assert taken == {"l1", "l2", "l3"}
    with pytest.raises(CommandRefused, match="cannot be asked for") as told:
        await buyers.ask(bench.shop_id, token, **wish())
    assert "by ann" not in str(told.value)


async def test_a_visit_does_not_ask_for_ever(bench: Bench, sold: Sold) -> None:
    buyers, token, _ = await visiting(sold)
    for number in range(10):
        case = await buyers.ask(bench.shop_id, token, **wish(f"form-{number}"))
        await bench.commands.beginnings.decline(case, "No.", "ann")
    with pytest.raises(CommandRefused, match="a lot of requests"):
        await buyers.ask(bench.shop_id, token, **wish("form-10"))


async def _standing(buyers: Buyers, visit: Visit, case: UUID) -> Standing:
    found, _ = await buyers.cases(visit)
    return next(each.shown.standing for each in found if each.id == case)


async def test_asked_confirmed_by_a_person_and_known_to_the_channel(bench: Bench, sold: Sold) -> None:
    buyers, token, visit = await visiting(sold)
    case = await buyers.ask(bench.shop_id, token, **wish(note="It broke."))
    await bench.attend(case)
    assert await _standing(buyers, visit, case) is Standing.LOOKING
    assert bench.channel.sent == []
    await bench.commands.beginnings.confirm(case, "10.00", "ann")
    await bench.attend(case)
    assert [type(wanted).__name__ for wanted in bench.channel.sent] == ["StartReturn"]
    found = await portal.progress(bench.pool, bench.shop_id)
    assert found.channel_id == "own-1"
    assert await _standing(buyers, visit, case) in (Standing.ACCEPTED, Standing.SEND_BACK)


async def test_phones_write_what_is_no_letter(bench: Bench, sold: Sold) -> None:
    buyers, token, _ = await visiting(sold)
    words = "C’est cassé\u00a0!\n\U0001f937\u200d\u2640\ufe0f \U0001fae8"
    case = await buyers.ask(bench.shop_id, token, **wish(note=words))
    start = (await cases.said(bench.pool, case)).start
    assert notes.read(bench.vendors.vault, bench.shop_id, start) == words


async def test_a_buyer_comes_after_people_of_the_shop_and_deadlines(bench: Bench, sold: Sold) -> None:
    buyers, token, _ = await visiting(sold)
    await buyers.ask(bench.shop_id, token, **wish())
    assert sold.outside == [True, True]
    assert not OUTSIDE.get()
    assert await bench.pool.fetch("select priority from pgqueuer") == [(Rank.HINT,)]


async def test_what_a_buyer_writes_is_read_with_the_key_alone(bench: Bench, sold: Sold) -> None:
    buyers, token, _ = await visiting(sold)
    words = "My address is Elm St 5."
    case = await buyers.ask(bench.shop_id, token, **wish(note=words))
    await bench.attend(case)
    await bench.commands.beginnings.confirm(case, "10.00", "ann")
    await bench.attend(case)
    assert len(bench.channel.sent) == 1
    tables = await bench.pool.fetch("select tablename from pg_tables where schemaname = current_schema()")
    for table in (row["tablename"] for row in tables):
        for row in await bench.pool.fetch(f'select t::text as text from "{table}" t'):
            assert not any(each in row["text"] for each in (words, words.encode().hex())), table
    start = (await cases.said(bench.pool, case)).start
    assert start is not None
    assert notes.read(bench.vendors.vault, bench.shop_id, start) == words
    elsewhere = msgspec.structs.replace(start, order_id="57")
    assert notes.read(bench.vendors.vault, bench.shop_id, elsewhere) == notes.UNREADABLE
    assert notes.read(Vault({b"\0\0\0\2": bytes(32)}), bench.shop_id, start) == notes.UNREADABLE


async def test_a_shop_that_observes_sends_nothing_and_the_buyer_reads_that_somebody_looks(
    bench: Bench, sold: Sold
) -> None:
    await bench.commands.shops.set_mode(bench.shop_id, Mode.OBSERVE, "ann")
    await bench.commands.shops.set_policy(bench.shop_id, Policy(portal=FromPortal.START), "ann")
    buyers, token, visit = await visiting(sold)
    case = await buyers.ask(bench.shop_id, token, **wish())
    await bench.attend(case)
    assert await bench.effects(case) == [("start_return", "proposed")]
    assert bench.channel.sent == []
    assert await _standing(buyers, visit, case) is Standing.LOOKING
    assert await bench.pool.fetchval("select status from return_case where id = $1", case) == "to_confirm"
    await bench.commands.beginnings.decline(case, "We write to you.", "ann")
    await bench.attend(case)
    assert await _standing(buyers, visit, case) is Standing.DECLINED


async def test_the_label_is_the_buyers_own_and_only_while_it_is_needed(bench: Bench, sold: Sold) -> None:
    await bench.commands.shops.set_policy(bench.shop_id, Policy(portal=FromPortal.START), "ann")
    buyers, token, visit = await visiting(sold)
    case = await buyers.ask(bench.shop_id, token, **wish())
    await bench.attend(case)
    assert await buyers.label(visit, case) is None
    await bench.commands.upload_label(
        case, name="label.pdf", content=b"%PDF-1.4 mine", tracking_number="1Z", carrier_id="7", carrier_name="UPS",
        document="label", by="ann",
    )  # fmt: skip
    known = bench.channel.cases["own-1"]
    seen = await bench.pool.fetchval("select body from return_case where id = $1", case)
    body = msgspec.json.decode(seen)
    body["channel"]["stage"] = "awaiting_shipment"
    await bench.pool.execute("update return_case set body = $2 where id = $1", case, msgspec.json.encode(body))
    assert known.order_id == ORDER
    assert await buyers.label(visit, case) == ("label.pdf", b"%PDF-1.4 mine")
    assert await buyers.label(msgspec.structs.replace(visit, order_id="57"), case) is None


@pytest.mark.parametrize(
    ("client", "whose"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
    ],
)
def test_whose_tries_are_counted_together(client: str, whose: str) -> None:
    assert network(client) == whose
