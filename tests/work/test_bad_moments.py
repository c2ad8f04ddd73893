"""Moments between two commits: what is written, kept, brought back or held when something else happens just then."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from backhaul.domain.channel import ActionDue, WayBack
from backhaul.domain.effects import EffectState
from backhaul.domain.facts import Adopted, Seen
from backhaul.domain.policy import Policy
from backhaul.domain.terms import Mode
from backhaul.domain.words import Action, Decision, Kind, Party, ShippedBy, Stage
from backhaul.kit.ids import uuid7
from backhaul.ports.connector import Changed, Tokens
from backhaul.ports.errors import NeedsReauth, OutcomeUnknown, Refused, Unavailable, VendorError, WireDrift
from backhaul.store import case_page, cases, inbox, pages, recording, turns
from backhaul.store.jobs import Rank
from backhaul.store.moves import HistoryLine, Lost, MoneyEntry, Move, Twin
from backhaul.work import attend, sweep, tokens
from backhaul.work.attend import Attendant
from backhaul.work.vendors import seal_tokens, shop_time
from tests.work.conftest import Bench

HOUR = 3600


async def _asked(bench: Bench, name: str = "1", **terms: Any) -> UUID:
    bench.channel.ask(name, Kind.REFUND, **terms)
    case = await bench.hear(name)
    await bench.attend(case)
    return case


async def _approve(bench: Bench, case: UUID) -> None:
    await bench.commands.decide(case, action=Action.ANSWER_REFUND, round=1, decision=Decision.APPROVE_REFUND, by="ann")


async def _held(bench: Bench, name: str) -> turns.Turn:
    case = await bench.hear(name)
    async with bench.pool.acquire() as connection:
        return (await turns.take(connection, [(case, 1)]))[case]


async def _seen(bench: Bench, case: UUID, change: Callable[[Seen], Seen]) -> None:
    body = await bench.pool.fetchval("select body from return_case where id = $1", case)
    changed = change(msgspec.json.decode(body, type=Seen))
    await bench.pool.execute("update return_case set body = $2 where id = $1", case, msgspec.json.encode(changed))


# -- the ledger


async def test_an_intent_is_marked_as_sent_even_when_its_batch_is_repeated(bench: Bench) -> None:
    """A neighbour's bad row sends the batch round again: what leaves must stand in the ledger as sent."""
    neighbour = await _held(bench, "2")
    case = await _asked(bench)
    await _approve(bench, case)
    bad = Move(neighbour, history=[HistoryLine(uuid7(), 1, "hub", "x", "half a character: \ud800")])
    record = bench.attendant._record_all

    states: list[tuple[str, Any]] = []

    async def look() -> None:
        row = await bench.pool.fetchrow("select state, dead_at from effect where kind = 'decide'")
        states.append((row["state"], row["dead_at"]))

    async def once_bad(batch: list[Move]) -> Any:
        bench.attendant._moves._flush = record
        with pytest.raises(asyncpg.PostgresError):
            await record([*batch, bad])
        return await record(batch)  # as the gatherer does

    bench.attendant._moves._flush = once_bad
    bench.channel.on_send = look
    await bench.attend(case)
    assert [state for state, _ in states] == ["sent"]
    assert states[0][1] > time.time()


async def test_what_was_lost_before_stays_lost_when_the_next_attempt_does_not_happen(bench: Bench) -> None:
    case = await _asked(bench)
    await _approve(bench, case)
    bench.channel.trouble = [OutcomeUnknown("cut")]
    await bench.attend(case)
    await bench.pool.execute("update effect set dead_at = extract(epoch from now())::bigint - 60 where kind = 'decide'")
    before = await bench.pool.fetchrow("select sent_at, dead_at from effect where kind = 'decide'")
    bench.channel.on_send = lambda: _fail_next(bench)
    await bench.attend(case)
    assert ("decide", "sent") in await bench.effects(case)  # not "intent": the first may have arrived
    assert await bench.pool.fetchrow("select sent_at, dead_at from effect where kind = 'decide'") == before


async def _fail_next(bench: Bench) -> None:
    bench.channel.trouble = [Unavailable("busy", retry_after=1)]


async def test_an_answer_that_never_left_is_not_given_to_another_review(bench: Bench) -> None:
    case = await _asked(bench)
    await _approve(bench, case)
    bench.channel.trouble = [Unavailable("busy", retry_after=1)]
    await bench.attend(case)
    known = bench.channel.cases["1"]
    bench.channel.cases["1"] = msgspec.structs.replace(known, due=(), updated_at=known.updated_at + 1)
    await _seen(bench, case, lambda seen: msgspec.structs.replace(seen, backoff={}, channel_at=seen.channel_at - HOUR))
    await bench.attend(case)  # an hour later it is read before anything is sent
    assert bench.channel.sent == []
    assert ("decide", EffectState.DROPPED.value) in await bench.effects(case)


async def test_attempts_whose_answers_are_all_lost_become_an_exception(bench: Bench) -> None:
    case = await _asked(bench)
    await _approve(bench, case)
    for _ in range(5):
        bench.channel.on_send = lambda: _lose_next(bench)
        await bench.attend(case)
        await bench.pool.execute("update effect set dead_at = extract(epoch from now())::bigint - 60")
    await bench.hear("1")
    await bench.pool.execute("update effect set dead_at = extract(epoch from now())::bigint + 60")
    await bench.attend(case)  # it stands while the next attempt is waited for
    assert [key for key in await bench.exceptions(case) if key.startswith("unanswered:decide")]


async def _lose_next(bench: Bench) -> None:
    bench.channel.trouble = [OutcomeUnknown("cut")]


async def test_a_switch_to_observe_stops_what_has_not_left_yet(bench: Bench) -> None:
    case = await _asked(bench)
    await _approve(bench, case)

    async def switch(moment: str, target: str) -> None:
        if moment == "before_intent":
            await bench.commands.shops.set_mode(bench.shop_id, Mode.OBSERVE, "ann")

    await bench.attend(case, Attendant(bench.vendors, switch))
    assert bench.channel.sent == []
    assert [state for kind, state in await bench.effects(case) if kind == "decide"] == []
    turn = await bench.turn(case)
    assert (turn["owner"], turn["attend_at"]) == (None, 0)
    await bench.attend(case)
    assert bench.channel.sent == []
    assert ("decide", "proposed") in await bench.effects(case)


async def test_a_refund_by_another_hand_is_adopted_once_whoever_is_first(bench: Bench) -> None:
    first, second = await _held(bench, "1"), await _held(bench, "2")

    def adopt(turn: turns.Turn, key: str) -> Move:
        entry = MoneyEntry(uuid7(), f"adopted:{key}", "adopted", 1000, "USD", 1, "refund/9", "")
        return Move(turn, entries=[entry], adopted=[Adopted(key, "refund/9")])

    answers = await asyncio.gather(
        bench.attendant._moves.put(adopt(first, "1")),
        bench.attendant._moves.put(adopt(second, "2")),
        return_exceptions=True,
    )
    assert answers[0] == "kept"
    assert isinstance(answers[1], Twin)
    assert await bench.pool.fetchval("select count(*) from refund_entry") == 1


async def test_since_when_an_exception_is_open_does_not_move_with_the_rate_of_the_clock(bench: Bench) -> None:
    bench.commerce.missing = {"order-1"}
    bench.channel.ask("1", Kind.RETURN)
    case = await bench.hear("1")
    clock = {"epoch_real": time.time(), "epoch_virtual": 1_000_000_000.0, "rate": 100.0}
    await bench.pool.execute("update connection set clock = $1 where vendor = 'fake_channel'", clock)
    await bench.attend(case)
    (row,) = [row for row in await pages.exceptions(bench.pool, [bench.shop_id]) if row.key == "order"]
    assert row.at is not None
    assert 1_000_000_000 <= row.at < 1_000_000_000 + 100 * (time.time() - clock["epoch_real"]) + 1
    page = await case_page.case(bench.pool, case)
    assert page is not None
    assert [each.at for each in page.exceptions] == [row.at]


@pytest.mark.parametrize("error", [Unavailable("down"), NeedsReauth("withdrawn"), Refused("1", "no right")], ids=str)
async def test_a_channel_that_names_no_references_holds_up_no_search_in_commerce(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, error: VendorError
) -> None:
    async def references(order_id: str) -> tuple[()]:
        raise error

    monkeypatch.setattr(bench.channel, "external_references", references)
    case = await _asked(bench)
    page = await case_page.case(bench.pool, case)
    assert page is not None
    assert page.row.commerce_order_name == "#1"
    states = await bench.pool.fetch("select state from connection")
    assert {row["state"] for row in states} == {"connected"}, "whose login it is, is found by a read of its own"


async def test_links_are_written_in_one_order(bench: Bench) -> None:
    """Two processes that write the same two orders for other cases must not wait for each other."""
    held = sorted([await _held(bench, name) for name in ("1", "2", "3", "4")], key=lambda turn: turn.subject_id)

    def link(turn: turns.Turn, order: str) -> Move:
        return Move(turn, link=(order, f"c-{order}", "name", "search"))

    for _ in range(20):
        answers = await asyncio.gather(
            recording.record(bench.pool, [link(held[0], "a"), link(held[1], "b")]),
            recording.record(bench.pool, [link(held[2], "b"), link(held[3], "a")]),
        )
        assert list(answers) == [["kept", "kept"], ["kept", "kept"]]


# -- turns and jobs


async def test_a_job_that_ended_before_it_took_its_turn_is_brought_back(bench: Bench) -> None:
    bench.channel.ask("1")
    await bench.hear("1")
    assert await turns.bring_back(bench.pool) == 0  # its job is there
    await bench.pool.execute("delete from pgqueuer")
    assert await turns.bring_back(bench.pool) == 1
    assert len(await bench.queued()) == 1
    assert await turns.bring_back(bench.pool) == 0


async def test_the_look_an_hour_ahead_of_a_deadline_is_urgent(bench: Bench) -> None:
    soon = int(time.time()) + HOUR + HOUR // 2
    case = await _asked(bench, deadline=soon)
    turn = await bench.turn(case)
    assert turn["attend_at"] == soon - HOUR
    assert turn["rank"] == Rank.PERSON


async def test_a_run_that_takes_too_long_is_gone_on_with_as_urgently_as_its_deadline_is(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attend, "LONGEST_S", -1.0)
    for name, left, rank in (("1", HOUR // 2, Rank.PERSON), ("2", 2 * HOUR, Rank.SWEEP)):
        monkeypatch.setattr(attend, "LONGEST_S", 40.0)
        case = await _asked(bench, name, deadline=int(time.time()) + left)
        monkeypatch.setattr(attend, "LONGEST_S", -1.0)
        await bench.hear(name)
        await bench.attend(case)
        turn = await bench.turn(case)
        assert turn["attend_at"] <= time.time()
        assert turn["rank"] == rank


async def test_a_read_that_cannot_be_made_is_not_asked_for_every_second(bench: Bench) -> None:
    case = await _asked(bench)
    await _seen(bench, case, lambda seen: msgspec.structs.replace(seen, channel_at=seen.channel_at - 48 * HOUR))
    await bench.pool.execute("update connection set state = 'expired' where role = 'channel'")
    async with bench.pool.acquire() as connection, connection.transaction():
        await turns.nudge(connection, [case], Rank.HINT)
    await bench.attend(case)
    assert (await bench.turn(case))["attend_at"] > time.time() + HOUR / 2


async def test_news_of_a_case_that_had_ended_is_not_lost_while_the_channel_is_silent(bench: Bench) -> None:
    case = await _asked(bench)
    asked = bench.channel.cases["1"]
    bench.channel.cases["1"] = msgspec.structs.replace(
        asked, stage=Stage.CANCELLED, due=(), updated_at=asked.updated_at + 1
    )
    for trouble in (None, Unavailable("down", retry_after=30)):
        await bench.hear("1")
        bench.channel.trouble = [trouble] if trouble else []
        await bench.attend(case)
        assert await bench.pool.fetchval("select ended from return_case where id = $1", case) is (trouble is None)
    assert (await bench.turn(case))["attend_at"] > time.time()


async def test_a_case_that_cannot_be_read_is_shown_and_left_for_a_minute(bench: Bench) -> None:
    case, other = await _asked(bench, "1"), await _asked(bench, "2")
    await bench.pool.execute("update return_case set body = 'no json' where id = $1", case)
    await bench.hear("1")
    await bench.hear("2")
    reads = bench.channel.reads
    await asyncio.gather(bench.attend(case), bench.attend(other))
    assert await bench.exceptions(case) == ["fault"]
    turn = await bench.turn(case)
    assert turn["owner"] is None
    assert time.time() + 30 < turn["attend_at"] <= time.time() + 61
    assert bench.channel.reads == reads + 1  # its neighbour was attended to


async def test_a_sweep_that_fails_is_shown_until_it_works(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async with bench.pool.acquire() as connection, connection.transaction():
        await turns.open_turns(connection, [(bench.shop_id, "sweep", bench.shop_id)], 0)
    changed = bench.channel.changed

    async def broken(*args: Any) -> Any:
        raise ZeroDivisionError("a fault of ours")

    monkeypatch.setattr(bench.channel, "changed", broken)
    await bench.attend(bench.shop_id)
    await bench.attend(bench.shop_id)
    count = "select count(*) from exception where key = 'fault:sweep' and closed_at is null"
    assert await bench.pool.fetchval(count) == 1
    monkeypatch.setattr(bench.channel, "changed", changed)
    await bench.attend(bench.shop_id)
    assert await bench.pool.fetchval(count) == 0


async def test_a_long_sweep_keeps_its_turn_and_stops_when_it_has_lost_it(bench: Bench) -> None:
    async with bench.pool.acquire() as connection, connection.transaction():
        await turns.open_turns(connection, [(bench.shop_id, "sweep", bench.shop_id)], 0)
        turn = (await turns.take(connection, [(bench.shop_id, 1)]))[bench.shop_id]
    await bench.pool.execute("update turn set until = clock_timestamp() + interval '1 second'")
    await sweep.sweep_shop(bench.vendors, turn)
    assert await bench.pool.fetchval("select until > clock_timestamp() + interval '30 seconds' from turn")
    await bench.pool.execute("update turn set claim = claim + 1")
    with pytest.raises(Lost):
        await sweep.sweep_shop(bench.vendors, turn)


@pytest.mark.parametrize(
    "changes",
    [
        {"raw_status": "APPROVED"},
        {"due": (ActionDue(Action.JUDGE_PARCEL, 9),)},
        {"way_back": WayBack(ShippedBy.BUYER, tracking_number="1Z")},
        {"offer_refused": True},
        {"units": ()},
    ],
)
async def test_a_second_change_within_one_second_is_found_by_the_sweep(bench: Bench, changes: dict[str, Any]) -> None:
    case = await _asked(bench)
    async with bench.pool.acquire() as connection, connection.transaction():
        await turns.open_turns(connection, [(bench.shop_id, "sweep", bench.shop_id)], 0)
    await bench.pool.execute("delete from pgqueuer")
    await bench.attend(bench.shop_id)
    assert await bench.queued() == []  # nothing new
    bench.channel.cases["1"] = msgspec.structs.replace(bench.channel.cases["1"], **changes)
    await bench.attend(bench.shop_id)
    assert len(await bench.queued()) == 1
    assert (await bench.turn(case))["dirty"]


@pytest.mark.parametrize("failure", [Unavailable("down"), NeedsReauth("no right to read", missing=("returns",))])
async def test_a_first_sweep_that_is_interrupted_is_where_the_next_one_begins(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, failure: VendorError
) -> None:
    begun: list[int] = []
    away: VendorError | None = failure

    async def changed(kind: str, since: int, until: int, cursor: str = "") -> Changed:
        begun.append(since)
        if away is not None:
            raise away
        return Changed((), "")

    monkeypatch.setattr(bench.channel, "changed", changed)
    async with bench.pool.acquire() as connection, connection.transaction():
        await turns.open_turns(connection, [(bench.shop_id, "sweep", bench.shop_id)], 0)
        turn = (await turns.take(connection, [(bench.shop_id, 1)]))[bench.shop_id]
    await sweep.sweep_shop(bench.vendors, turn)
    monkeypatch.setattr(sweep, "shop_time", lambda known: shop_time(known) + 2 * HOUR)
    away = None
    for login in await bench.pool.fetch("update connection set state = 'connected' returning id"):
        bench.vendors.forget(login["id"])
    await sweep.sweep_shop(bench.vendors, turn)
    assert len(begun) > 2
    assert len(set(begun)) == 1, "two hours without the channel, and nothing of them is left out, whatever its kind"


async def test_what_cannot_be_read_for_long_is_said_and_hides_nothing_else(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_ones = "select text, shop_id from exception where key like 'unread:%' and closed_at is null"
    drift, later = True, 0
    readable, asked = bench.channel.changed, list[str]()

    async def changed(kind: str, since: int, until: int, cursor: str = "") -> Changed:
        asked.append(kind)
        if kind == "return" and drift:
            raise WireDrift("returns changed: a row without an id", b"{}")
        return await readable(kind, since, until, cursor)

    monkeypatch.setattr(bench.channel, "changed", changed)
    monkeypatch.setattr(sweep, "shop_time", lambda known: shop_time(known) + later)
    async with bench.pool.acquire() as connection, connection.transaction():
        await turns.open_turns(connection, [(bench.shop_id, "sweep", bench.shop_id)], 0)
        turn = (await turns.take(connection, [(bench.shop_id, 1)]))[bench.shop_id]
    await sweep.sweep_shop(bench.vendors, turn)
    assert asked == ["return", "cancellation"], "the other kind is read all the same"
    assert await bench.pool.fetch(open_ones) == []
    later = 2 * HOUR
    for _ in range(2):
        await sweep.sweep_shop(bench.vendors, turn)
        (told,) = await bench.pool.fetch(open_ones)
        assert "a row without an id" in told["text"]
        assert told["shop_id"] == bench.shop_id
    states = "update connection set state = $2 where state = $1"
    await bench.pool.execute(states, "connected", "disabled")
    await sweep.sweep_shop(bench.vendors, turn)
    assert await bench.pool.fetch(open_ones) == [], "of a connection that is not used nobody goes on trying to read"
    await bench.pool.execute(states, "disabled", "connected")
    await sweep.sweep_shop(bench.vendors, turn)
    assert len(await bench.pool.fetch(open_ones)) == 1
    drift = False
    await sweep.sweep_shop(bench.vendors, turn)
    assert await bench.pool.fetch(open_ones) == []


async def test_what_was_never_read_is_not_taken_over(bench: Bench) -> None:
    """It may have ended months ago: such a case gets no effect."""
    case = await _asked(bench)
    async with bench.pool.acquire() as connection, connection.transaction():
        await inbox.open_cases(connection, [(bench.shop_id, "return", "unread", "")])
    await bench.pool.execute("update shop set live_since = $1", int(time.time()) + HOUR)
    await bench.pool.execute("update return_case set mode = 'observe'")
    assert await bench.commands.shops.take_over(bench.shop_id, None, "ann") == 1
    assert await bench.pool.fetchval("select case_id from command where kind = 'take_over'") == case


async def test_a_reason_that_is_mapped_helps_the_case_that_asked_for_it(bench: Bench) -> None:
    """A case is decided by the policy it opened under; the mapping of reasons is today's, and wakes it."""
    case = await _asked(bench)
    await bench.pool.execute(
        """
        insert into exception (id, shop_id, case_id, key, lane, text, todo, waits_kind, waits_id)
        values ($1, $2, $3, 'reason', 'records', '', '', 'setting', 'reasons')
        """,
        uuid7(),
        bench.shop_id,
        case,
    )
    await bench.pool.execute("delete from pgqueuer")
    await bench.commands.shops.set_policy(
        bench.shop_id, Policy(reasons={"no_need": "reason/7"}, lead_s=2 * HOUR), "ann"
    )
    assert [row["priority"] for row in await bench.queued()] == [Rank.PERSON]
    async with bench.pool.acquire() as connection:
        known = (await cases.load(connection, await turns.take(connection, [(case, 9)])))[case]
    policy = await bench.attendant._policy(known)
    assert (policy.version, policy.lead_s, policy.reasons) == (0, Policy().lead_s, {"no_need": "reason/7"})


# -- logins


class _Renewals:
    def __init__(self) -> None:
        self.count = 0
        self.trouble: Exception | None = None

    async def refresh(self, refresh: str) -> Tokens:
        self.count += 1
        await asyncio.sleep(0.01)
        if self.trouble is not None:
            raise self.trouble
        return Tokens(f"access-{self.count}", f"refresh-{self.count}", int(time.time()) + HOUR, None, (), "")


@pytest.fixture
async def login(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> tuple[UUID, _Renewals]:
    """The channel's connection with tokens an hour old, and how often they were renewed."""
    renewals = _Renewals()
    monkeypatch.setattr(bench.channel, "refresh", renewals.refresh, raising=False)
    connection: UUID = await bench.pool.fetchval("select id from connection where role = $1", Party.CHANNEL)
    sealed = seal_tokens(bench.vendors.vault, connection, Tokens("access-0", "refresh-0", 1, None, (), ""))
    await bench.pool.execute(
        "update connection set tokens = $2, issued_at = $3 where id = $1", connection, sealed, int(time.time()) - HOUR
    )
    return connection, renewals


async def _state(bench: Bench, connection: UUID) -> str:
    return str(await bench.pool.fetchval("select state from connection where id = $1", connection))


async def test_many_runs_that_are_refused_at_once_renew_a_login_once(
    bench: Bench, login: tuple[UUID, _Renewals]
) -> None:
    connection, renewals = login
    ended = NeedsReauth("the token has expired")
    answers = await asyncio.gather(*(tokens.login_ended(bench.vendors, connection, ended) for _ in range(20)))
    assert answers == [True] * 20
    assert renewals.count == 1


async def test_a_login_that_is_refused_after_its_renewal_is_paused(
    bench: Bench, login: tuple[UUID, _Renewals], monkeypatch: pytest.MonkeyPatch
) -> None:
    connection, renewals = login
    ended = NeedsReauth("this server is not on the list")
    assert await tokens.login_ended(bench.vendors, connection, ended)
    monkeypatch.setattr(tokens, "STALE_S", 0.0)
    assert not await tokens.login_ended(bench.vendors, connection, ended)
    assert renewals.count == 1
    assert await _state(bench, connection) == "expired"


async def test_a_renewal_is_one_processs_at_a_time(bench: Bench, login: tuple[UUID, _Renewals]) -> None:
    connection, renewals = login
    await bench.pool.execute("update connection set refresh_claim = clock_timestamp() + interval '1 minute'")
    await tokens.renew(bench.vendors, connection)
    assert renewals.count == 0
    await bench.pool.execute("update connection set refresh_claim = clock_timestamp() - interval '1 second'")
    await tokens.renew(bench.vendors, connection)  # whoever had it has died
    assert renewals.count == 1
    assert await bench.pool.fetchval("select refresh_claim from connection where id = $1", connection) is None


@pytest.mark.parametrize("refused", [NeedsReauth("used up"), Refused("1", "used up")])
async def test_a_refused_renewal_ends_no_login_that_was_renewed_meanwhile(
    bench: Bench, login: tuple[UUID, _Renewals], refused: Exception
) -> None:
    connection, renewals = login
    renewals.trouble = refused
    asking = asyncio.create_task(tokens.login_ended(bench.vendors, connection, NeedsReauth("expired")))
    while not renewals.count:
        await asyncio.sleep(0)
    newer = Tokens("access-9", "refresh-9", int(time.time()) + HOUR, None, (), "")
    await tokens.save_tokens(bench.pool, bench.vendors.vault, connection, newer, int(time.time()))
    assert await asking
    assert await _state(bench, connection) == "connected"


async def test_a_renewal_that_failed_may_be_tried_again(bench: Bench, login: tuple[UUID, _Renewals]) -> None:
    connection, renewals = login
    renewals.trouble = Unavailable("down")
    assert await tokens.login_ended(bench.vendors, connection, NeedsReauth("expired"))
    renewals.trouble = None
    assert await tokens.login_ended(bench.vendors, connection, NeedsReauth("expired"))
    assert renewals.count == 2
