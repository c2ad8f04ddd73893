"""What a run does with vendors that are silent, refuse, change their shape, or answer twice."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from backhaul.domain.channel import ChannelCase, Goods, Instead
from backhaul.domain.effects import Repeat, Safety
from backhaul.domain.facts import Seen
from backhaul.domain.terms import LINE_LEVEL, Capability, Mode
from backhaul.domain.words import Action, Decision, Kind, Party
from backhaul.kit.ids import uuid7
from backhaul.ports.errors import NeedsReauth, OutcomeUnknown, Refused, Unavailable, VendorError, WireDrift
from backhaul.store import cases, naming, recording, shops, turns
from backhaul.store.jobs import Rank
from backhaul.store.moves import HistoryLine, Lost, Move
from backhaul.work import tokens
from backhaul.work.beginnings import Beginnings
from tests.work.conftest import Bench


async def _decided(bench: Bench, name: str = "1") -> UUID:
    bench.channel.ask(name, Kind.REFUND)
    case = await bench.hear(name)
    await bench.attend(case)
    await bench.commands.decide(case, action=Action.ANSWER_REFUND, round=1, decision=Decision.APPROVE_REFUND, by="ann")
    return case


async def test_a_decision_is_sent_once_and_read_back(bench: Bench) -> None:
    case = await _decided(bench)
    await bench.attend(case)
    await bench.attend(case)
    assert [type(each).__name__ for each in bench.channel.sent] == ["Decide"]
    assert ("decide", "confirmed") in await bench.effects(case)


async def test_observe_proposes_and_sends_nothing(bench: Bench) -> None:
    await bench.pool.execute("update shop set mode = 'observe', live_since = null")
    case = await _decided(bench)
    await bench.attend(case)
    assert bench.channel.sent == []
    assert bench.commerce.sent == []
    assert ("decide", "proposed") in await bench.effects(case)


async def test_a_silent_channel_does_not_hold_commerce(bench: Bench) -> None:
    bench.channel.ask("1")
    case = await bench.hear("1")
    await bench.attend(case)
    bench.channel.trouble = [Unavailable("down")]
    order = bench.commerce.orders["c-order-1"]  # it loses its stamp: something to do in commerce
    bench.commerce.orders[order.id] = msgspec.structs.replace(order, stamped="", updated_at=order.updated_at + 1)
    await bench.pool.execute("delete from effect")
    await bench.pool.execute("update turn set heard_channel = heard_channel + 1, heard_commerce = heard_commerce + 1")
    sent = len(bench.commerce.sent)
    await bench.attend(case)
    assert len(bench.commerce.sent) > sent
    turn = await bench.turn(case)
    assert turn["attend_at"] <= time.time() + 10


async def test_what_is_sent_instead_is_asked_for_again_where_the_channel_was_silent(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[Instead | VendorError] = [Unavailable("HTTP 429"), Instead((Goods(sku="SHIRT-9"),))]
    asked = 0

    async def instead(case: ChannelCase) -> Instead:
        nonlocal asked
        answer, asked = found[asked], asked + 1
        if isinstance(answer, VendorError):
            raise answer
        return answer

    monkeypatch.setattr(bench.channel, "instead", instead, raising=False)
    await shops.keep_capability(bench.pool, bench.shop_id, LINE_LEVEL, Capability(True, "seen", 1))
    bench.channel.ask("1", Kind.EXCHANGE)
    case = await bench.hear("1")
    await bench.attend(case)
    turn = await bench.turn(case)
    assert (asked, turn["attend_at"] < time.time() + 3600) == (1, True)
    body = await bench.pool.fetchval("select body from return_case where id = $1", case)
    seen = msgspec.json.decode(body, type=Seen)
    assert "channel" not in seen.backoff, "its silence here keeps nothing else waiting"
    earlier = msgspec.structs.replace(seen, instead_at=seen.instead_at - 3600)
    await bench.pool.execute("update return_case set body = $2 where id = $1", case, msgspec.json.encode(earlier))
    await bench.attend(case)
    body = await bench.pool.fetchval("select body from return_case where id = $1", case)
    assert (asked, msgspec.json.decode(body, type=Seen).instead) == (2, found[1])


async def test_what_is_sent_instead_in_a_shape_that_is_not_known_is_told_and_keeps_nothing_waiting(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def instead(case: ChannelCase) -> Instead:
        raise WireDrift("request: no list")

    monkeypatch.setattr(bench.channel, "instead", instead, raising=False)
    await shops.keep_capability(bench.pool, bench.shop_id, LINE_LEVEL, Capability(True, "seen", 1))
    bench.channel.ask("1", Kind.EXCHANGE)
    case = await bench.hear("1")
    await bench.attend(case)
    told = await bench.pool.fetch(
        "select text from history where case_id = $1 and what = 'channel.unknown_shape'", case
    )
    assert [row["text"] for row in told] == ["what the buyer gets instead of money: request: no list"]
    body = await bench.pool.fetchval("select body from return_case where id = $1", case)
    assert msgspec.json.decode(body, type=Seen).backoff == {}


async def test_a_silent_commerce_does_not_hold_the_channels_answer(bench: Bench) -> None:
    bench.commerce.trouble = [Unavailable("down")] * 50
    case = await _decided(bench)
    await bench.attend(case)
    assert [type(each).__name__ for each in bench.channel.sent] == ["Decide"]


async def test_a_lost_answer_is_looked_for_before_it_is_repeated(bench: Bench) -> None:
    case = await _decided(bench)
    bench.channel.trouble = [OutcomeUnknown("cut")]
    await bench.attend(case)
    assert ("decide", "sent") in await bench.effects(case)
    assert bench.channel.sent == []
    await bench.attend(case)
    assert bench.channel.sent == []  # too early: the bytes may still arrive
    await bench.pool.execute("update effect set dead_at = extract(epoch from now())::bigint - 60 where kind = 'decide'")
    await bench.attend(case)
    assert len(bench.channel.sent) == 1
    assert ("decide", "confirmed") in await bench.effects(case)


async def test_another_try_that_a_person_asked_for_is_made_though_the_vendor_could_not_be_reached_first(
    bench: Bench,
) -> None:
    case = await _decided(bench)
    bench.channel.trouble = [OutcomeUnknown("cut")]
    await bench.attend(case)
    unsafe = msgspec.json.encode(Safety(Repeat.UNSAFE, settle_s=0))
    await bench.pool.execute("update effect set safety = $1, dead_at = sent_at - 60 where kind = 'decide'", unsafe)
    await bench.attend(case)
    assert bench.channel.sent == []
    unknown = await bench.pool.fetchval("select id from exception where key like 'unknown:%' and closed_at is null")
    await bench.commands.retry(unknown, "ann")

    async def busy() -> None:
        bench.channel.on_send = None
        bench.channel.trouble = [Unavailable("busy", retry_after=1)]

    bench.channel.on_send = busy  # no call but that of the try itself
    await bench.attend(case)
    assert bench.channel.sent == []
    assert ("decide", "sent") in await bench.effects(case)
    await bench.pool.execute(
        "update return_case set body = replace(convert_from(body, 'utf8'), '\"backoff\"', '\"was\"')::bytea"
    )
    await bench.attend(case)
    assert len(bench.channel.sent) == 1


async def test_nothing_happened_means_the_same_request_again(bench: Bench) -> None:
    case = await _decided(bench)
    bench.channel.trouble = [Unavailable("busy", retry_after=1)]
    await bench.attend(case)
    assert ("decide", "intent") in await bench.effects(case)
    before = await bench.pool.fetchrow("select key, request from effect where kind = 'decide'")
    await bench.pool.execute(
        "update return_case set body = replace(convert_from(body, 'utf8'), '\"backoff\"', '\"was\"')::bytea"
    )
    await bench.attend(case)
    assert len(bench.channel.sent) == 1
    assert await bench.pool.fetchrow("select key, request from effect where kind = 'decide'") == before


async def test_an_answer_that_never_left_gives_way_to_another(bench: Bench) -> None:
    case = await _decided(bench)
    bench.channel.trouble = [Unavailable("busy", retry_after=1)]
    await bench.attend(case)
    await bench.commands.decide(
        case, action=Action.ANSWER_REFUND, round=1, decision=Decision.REJECT_REFUND, by="bo", reason_key="no"
    )
    await bench.pool.execute(
        "update return_case set body = replace(convert_from(body, 'utf8'), '\"backoff\"', '\"was\"')::bytea"
    )
    await bench.attend(case)
    assert [getattr(each, "decision", None) for each in bench.channel.sent] == [Decision.REJECT_REFUND]
    assert [state for kind, state in await bench.effects(case) if kind == "decide"] == ["dropped", "superseded"]


async def test_a_request_of_before_requests_were_sealed_is_sent_as_it_was(bench: Bench) -> None:
    case = await _decided(bench)
    bench.channel.trouble = [Unavailable("busy", retry_after=1)]
    await bench.attend(case)
    row = await bench.pool.fetchrow("select id, request from effect where kind = 'decide'")
    assert row is not None
    plain = bench.vendors.vault.decrypt(row["request"], f"effect/{row['id']}/request".encode())
    await bench.pool.execute("update effect set request = $2 where id = $1", row["id"], plain)
    await bench.pool.execute(
        "update return_case set body = replace(convert_from(body, 'utf8'), '\"backoff\"', '\"was\"')::bytea"
    )
    await bench.attend(case)
    assert len(bench.channel.sent) == 1


async def test_a_refusal_lands_on_the_case_and_a_new_answer_is_taken(bench: Bench) -> None:
    case = await _decided(bench)
    bench.channel.trouble = [Refused("25011012", "the status forbids it")]
    await bench.attend(case)
    assert ("decide", "refused") in await bench.effects(case)
    assert any(key.startswith("refused:decide") for key in await bench.exceptions(case))
    await bench.attend(case)
    assert bench.channel.sent == []
    exception = await bench.pool.fetchval("select id from exception where key like 'refused:%'")
    await bench.commands.retry(exception, "ann")
    await bench.attend(case)
    assert len(bench.channel.sent) == 1
    assert await bench.exceptions(case) == []


async def test_an_answer_that_is_given_while_another_is_on_its_way_to_be_refused_is_heard(bench: Bench) -> None:
    case = await _decided(bench)

    async def again() -> None:
        bench.channel.on_send = None
        bench.channel.trouble = [Refused("25011012", "not by ann")]
        await bench.commands.decide(
            case, action=Action.ANSWER_REFUND, round=1, decision=Decision.APPROVE_REFUND, by="bo"
        )

    bench.channel.on_send = again
    await bench.attend(case)
    await bench.attend(case)
    assert next(state for kind, state in await bench.effects(case) if kind == "decide") == "refused"
    assert len(bench.channel.sent) == 1
    assert await bench.exceptions(case) == []


async def test_an_answer_that_was_refused_is_not_given_again_because_another_case_becomes_one_with_this(
    bench: Bench,
) -> None:
    began = await Beginnings(bench.pool).start(
        bench.shop_id, kind=Kind.REFUND, order_id="order-2", reason_key="mine", by="ann"
    )
    case = await _decided(bench)
    bench.channel.trouble = [Refused("25011012", "the status forbids it")]
    await bench.attend(case)
    async with bench.pool.acquire() as connection, connection.transaction():
        await naming.merge(connection, {began: case})
    await bench.attend(case)
    assert (await cases.said(bench.pool, case)).start is not None, "what was said of the one was said of the other"
    assert [each for each in await bench.effects(case) if each[0] == "decide"] == [("decide", "refused")]
    assert bench.channel.sent == []


async def test_an_ended_login_pauses_the_connection_and_names_it(bench: Bench) -> None:
    bench.channel.ask("1")
    case = await bench.hear("1")
    bench.channel.trouble = [NeedsReauth("the login was withdrawn", ("scope",))]
    await bench.attend(case)
    assert await bench.pool.fetchval("select state from connection where role = 'channel'") == "expired"
    assert await bench.pool.fetchval("select count(*) from exception where key = 'login' and closed_at is null") == 1
    reads = bench.channel.reads
    await bench.hear("1")
    await bench.attend(case)
    assert bench.channel.reads == reads  # nothing is called until the owner logs in again
    connection = await bench.pool.fetchval("select id from connection where role = 'channel'")
    async with bench.pool.acquire() as db, db.transaction():
        await db.execute("update connection set state = 'connected' where id = $1", connection)
        await tokens.resume(db, connection)
    await bench.attend(case)
    assert bench.channel.reads == reads + 1
    assert await bench.pool.fetchval("select count(*) from exception where closed_at is null and key = 'login'") == 0


async def test_an_unknown_shape_is_parked_with_an_exception(bench: Bench) -> None:
    bench.channel.ask("1")
    case = await bench.hear("1")
    await bench.attend(case)
    bench.channel.trouble = [WireDrift("no status in it", b"{}")]
    await bench.hear("1")
    await bench.attend(case)
    assert f"backoff:{Party.CHANNEL}" in await bench.exceptions(case)


async def test_a_missing_order_waits_and_is_woken(bench: Bench) -> None:
    bench.commerce.missing.add("order-1")
    bench.channel.ask("1")
    case = await bench.hear("1")
    await bench.attend(case)
    assert await bench.exceptions(case) == ["order"]
    bench.commerce.missing.clear()
    async with bench.pool.acquire() as connection, connection.transaction():
        await turns.hear(connection, {case: (0, 1)}, Rank.HINT)
    await bench.attend(case)
    assert await bench.exceptions(case) == []


async def test_a_move_without_its_claim_writes_nothing(bench: Bench) -> None:
    bench.channel.ask("1")
    case = await bench.hear("1")
    async with bench.pool.acquire() as connection:
        mine = (await turns.take(connection, [(case, 1)]))[case]
        await connection.execute("update turn set claim = claim + 1")
    line = HistoryLine(uuid7(), 1, "hub", "x", "x")
    answers = await recording.record(bench.pool, [Move(mine, history=[line])])
    assert isinstance(answers[0], Lost)
    assert await bench.pool.fetchval("select count(*) from history where case_id = $1", case) == 0


async def test_one_bad_row_never_fails_its_neighbours(bench: Bench) -> None:
    taken = []
    for name in ("1", "2", "3"):
        bench.channel.ask(name)
        case = await bench.hear(name)
        async with bench.pool.acquire() as connection:
            taken.append((await turns.take(connection, [(case, 1)]))[case])
    good = [Move(turn, history=[HistoryLine(uuid7(), 1, "hub", "x", "fine")]) for turn in taken]
    good[1].history.append(HistoryLine(uuid7(), 1, "hub", "x", "half a character: \ud800"))
    answers = await asyncio.gather(*(bench.attendant._moves.put(move) for move in good), return_exceptions=True)
    assert [isinstance(answer, Exception) for answer in answers] == [False, True, False]
    assert await bench.pool.fetchval("select count(*) from history where text = 'fine'") == 2


async def test_history_and_the_refund_ledger_are_append_only(bench: Bench) -> None:
    case = await _decided(bench)
    with pytest.raises(asyncpg.RaiseError, match="append-only"):
        await bench.pool.execute("update history set text = 'x' where case_id = $1", case)
    with pytest.raises(asyncpg.RaiseError, match="append-only"):
        await bench.pool.execute("delete from history where case_id = $1", case)


async def test_loading_knows_what_another_process_had_sent(bench: Bench) -> None:
    case = await _decided(bench)
    bench.channel.trouble = [OutcomeUnknown("cut")]
    await bench.attend(case)
    await bench.pool.execute("update effect set reported = false")
    async with bench.pool.acquire() as connection:
        turn = (await turns.take(connection, [(case, 99)]))[case]
        known = (await cases.load(connection, {case: turn}))[case]
    assert any(effect.taken_over for effect in known.ledger)


async def test_a_new_case_shows_before_a_slow_commerce_has_answered(bench: Bench) -> None:
    bench.channel.ask("1")
    case = await bench.hear("1")
    seen: list[str] = []

    async def slow() -> None:
        seen.append(await bench.pool.fetchval("select status from return_case where id = $1", case))

    bench.commerce.on_read = slow
    await bench.attend(case)
    assert seen[0] == "requested"
    assert await bench.pool.fetchval("select sum(delta) from case_count") == 1


async def test_a_pause_loses_nothing_and_what_was_live_goes_on(bench: Bench) -> None:
    case = await _decided(bench)
    await bench.commands.shops.set_mode(bench.shop_id, Mode.OBSERVE, "ann")
    await bench.attend(case)
    assert bench.channel.sent == []
    await bench.commands.shops.set_mode(bench.shop_id, Mode.LIVE, "ann")
    assert await bench.pool.fetchval("select live_since from shop") == 1
    await bench.attend(case)
    assert [type(each).__name__ for each in bench.channel.sent] == ["Decide"]


async def test_a_zero_byte_in_a_vendors_text_does_not_keep_a_case_from_being_written(bench: Bench) -> None:
    bench.channel.ask("1")
    bench.channel.cases["1"] = msgspec.structs.replace(bench.channel.cases["1"], reason_text="torn\x00 seam")
    case = await bench.hear("1")
    await bench.attend(case)
    assert await bench.pool.fetchval("select reason_text from return_case where id = $1", case) == "torn seam"
    assert await bench.exceptions(case) == []


async def test_a_search_that_a_person_asks_for_in_the_second_of_the_last_is_made_once(bench: Bench) -> None:
    bench.commerce.missing = {"order-1"}
    case = await _decided(bench)
    await bench.attend(case)
    searches: list[str] = []
    found = bench.commerce.find_order

    def find_order(order_id: str, *rest: Any) -> Any:
        searches.append(order_id)
        return found(order_id, *rest)

    bench.commerce.find_order = find_order  # type: ignore[method-assign, assignment]
    missing = await bench.pool.fetchrow("select id, retry from exception where key = 'order' and closed_at is null")
    assert missing["retry"] == "look:match"
    # By the clock the last search lies ahead of the person's word.
    known = "convert_from(body, 'utf8')::jsonb"
    later = f"jsonb_set({known}, '{{link,tried_at}}', to_jsonb(extract(epoch from now())::bigint + 2))"
    await bench.pool.execute(f"update return_case set body = convert_to(({later})::text, 'utf8')")
    await bench.commands.retry(missing["id"], "ann")
    await bench.attend(case)
    await bench.attend(case)
    assert len(searches) == 1
