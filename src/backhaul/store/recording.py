"""The moves of many runs, written in one transaction: one statement a kind of row, rows in one order everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from backhaul.domain.strangers import SEVERAL
from backhaul.store import naming, refunds, turns
from backhaul.store.db import Connection, Pool
from backhaul.store.jobs import Rank
from backhaul.store.moves import Halted, Lost, Merged, Move, Twin
from backhaul.store.rows import columns_of, insert


async def record(pool: Pool, moves: Sequence[Move]) -> list[str | Exception]:
    """Write the moves of many runs in one transaction. One answer each: "kept", "released" or "dirty" (it heard
    something and stays held), or :class:`Lost`, :class:`Halted` or :class:`Twin`. Rows are taken in one order
    everywhere."""
    try:
        return await _record(pool, moves)
    except Twin:
        if not any(move.named for move in moves):
            raise
        # A webhook made the case that one of ours has become, while ours was being named: now it can be seen.
        return await _record(pool, moves)


async def _record(pool: Pool, moves: Sequence[Move]) -> list[str | Exception]:
    async with pool.acquire() as connection, connection.transaction():
        twins = await naming.twins(connection, moves)
        waiting = await _waiting(connection, moves)
        rows = await connection.fetch(
            "select subject_id, claim, dirty from turn where subject_id = any($1) order by subject_id for update",
            [*(move.turn.subject_id for move in moves), *twins.values(), *(case for _, case in waiting)],
        )
        held = {row["subject_id"]: row["claim"] for row in rows}
        mine = [move for move in moves if held.get(move.turn.subject_id) == move.turn.claim]
        halted = await _halted(connection, mine)
        heard = {row["subject_id"] for row in rows if row["dirty"]}
        halted |= {move.turn.subject_id for move in mine if move.sends and move.starts} & heard
        mine = [move for move in mine if move.turn.subject_id not in halted]
        mine.sort(key=lambda move: move.turn.subject_id)
        try:
            merged = await naming.name(connection, mine, twins)
            await _write(connection, mine)
            await naming.merge(connection, merged)
            freed = {move.turn.subject_id for move in mine}
            await turns.hear(connection, {case: (0, 1, 1) for giver, case in waiting if giver in freed}, Rank.HINT)
        except (asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError) as error:
            # Batches are repeated one by one by their caller; alone, the twin is this move's own. Two that change with
            # each other what each may hold once (a place, the desk's return) wait in a circle, and one is let go.
            raise Twin(str(error)) from error
        released = await _turn(connection, [move for move in mine if move.turn.subject_id not in merged])
    answers: list[str | Exception] = []
    for move in moves:
        if held.get(move.turn.subject_id) != move.turn.claim:
            answers.append(Lost(str(move.turn.subject_id)))
        elif move.turn.subject_id in halted:
            answers.append(Halted(str(move.turn.subject_id)))
        elif move.turn.subject_id in merged:
            answers.append(Merged(str(move.turn.subject_id)))
        elif move.release is None:
            answers.append("kept")
        else:
            answers.append("released" if move.turn.subject_id in released else "dirty")
    return answers


async def _waiting(connection: Connection, moves: Sequence[Move]) -> list[tuple[UUID, UUID]]:
    """Cases (who gives back, who may want it) of an order of which something is given back: one may have been waiting
    for that very thing."""
    givers = [(move.turn.subject_id, move.turn.shop_id, move.gives_back) for move in moves if move.gives_back]
    if not givers:
        return []
    rows = await connection.fetch(
        """
        select g.id as giver, o.id from unnest($1::uuid[], $2::uuid[], $3::text[]) as g(id, shop_id, commerce_order_id)
        join return_case o using (shop_id, commerce_order_id) where o.id <> g.id and not o.ended
        """,
        *columns_of(givers),
    )
    return [(row["giver"], row["id"]) for row in rows]


async def _halted(connection: Connection, moves: list[Move]) -> set[UUID]:
    """Subjects about to send for a shop that is not live any more. Asked under the subjects' locks, which the switch
    takes too: what it did not see, it did not stop."""
    shops = {move.turn.shop_id for move in moves if move.sends}
    if not shops:
        return set()
    rows = await connection.fetch("select id from shop where id = any($1) and mode <> 'live'", list(shops))
    stopped = {row["id"] for row in rows}
    return {move.turn.subject_id for move in moves if move.sends and move.turn.shop_id in stopped}


async def _write(connection: Connection, moves: list[Move]) -> None:
    await _effects(connection, moves)  # one that is dropped makes room for the next of its target
    await _new_effects(connection, moves)
    await _columns(connection, moves)
    await _units(connection, moves)
    await _lines(connection, moves)
    await refunds.write(connection, moves)
    await _exceptions(connection, moves)
    await _strangers(connection, moves)


async def _turn(connection: Connection, moves: list[Move]) -> set[UUID]:
    rows = [(move.turn.subject_id, move.turn.claim, *move.release) for move in moves if move.release is not None]
    released = await turns.release(connection, rows) if rows else set()
    kept = [move.turn.subject_id for move in moves if move.release is None]
    if kept:
        await connection.execute(
            "update turn set until = clock_timestamp() + $2 where subject_id = any($1)", kept, turns.HOLD
        )
    shops = {move.turn.shop_id for move in moves if move.columns or move.history or move.opened or move.closed}
    if shops:
        await connection.execute(
            "select pg_notify('backhaul_changed', s) from unnest($1::text[]) s", [str(shop) for shop in shops]
        )
    return released


async def _new_effects(connection: Connection, moves: list[Move]) -> None:
    rows = []
    for move in moves:
        for new in move.new_effects:
            effect = move.effects.get(new.effect.id, new.effect)  # as it stands now, if it was sent in the same move
            rows.append(
                (
                    UUID(effect.id),
                    move.turn.subject_id,
                    move.turn.shop_id,
                    effect.target,
                    str(type(effect.wanted).__struct_config__.tag),
                    msgspec.json.encode(effect.wanted),
                    effect.state.value,
                    msgspec.json.encode(effect.safety),
                    new.key,
                    new.request,
                    effect.because,
                    effect.by,
                    move.turn.claim,
                    effect.attempts,
                    move.reported.get(effect.id, True),
                    effect.created_at,
                    effect.sent_at,
                    effect.dead_at,
                    effect.answered_at,
                    effect.code,
                    effect.text,
                    effect.result,
                    effect.words,
                )
            )
    await insert(
        connection,
        "effect",
        {
            "id": "uuid", "case_id": "uuid", "shop_id": "uuid", "target": "text", "kind": "text", "wanted": "bytea",
            "state": "text", "safety": "bytea", "key": "text", "request": "bytea", "because": "text", "by": "text",
            "claim": "bigint", "attempts": "int", "reported": "bool", "created_at": "bigint", "sent_at": "bigint",
            "dead_at": "bigint", "answered_at": "bigint", "code": "text", "text": "text", "result": "text",
            "words": "bigint",
        },
        rows,
        "on conflict (id) do nothing",
    )  # fmt: skip


async def _effects(connection: Connection, moves: list[Move]) -> None:
    rows = [
        (
            UUID(effect.id), effect.state.value, effect.attempts, effect.sent_at, effect.dead_at, effect.answered_at,
            effect.code, effect.text, effect.result, move.turn.claim, move.reported.get(effect.id, True),
            effect.words,
        )
        for move in moves
        for effect in move.effects.values()
        if all(new.effect.id != effect.id for new in move.new_effects)
    ]  # fmt: skip
    if rows:
        await connection.execute(
            """
            update effect e set state = u.state, attempts = u.attempts, sent_at = u.sent_at, dead_at = u.dead_at,
                answered_at = u.answered_at, code = u.code, text = u.text, result = u.result, claim = u.claim,
                reported = u.reported, words = u.words, written_at = now()
            from unnest($1::uuid[], $2::text[], $3::int[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[],
                        $8::text[], $9::text[], $10::bigint[], $11::bool[], $12::bigint[])
                as u(id, state, attempts, sent_at, dead_at, answered_at, code, text, result, claim, reported, words)
            where e.id = u.id
            """,
            *columns_of(rows),
        )


COLUMN_TYPES = {
    "order_id": "text", "kind": "text", "status": "text", "raw_status": "text", "raw_kind": "text",
    "reason_key": "text", "reason_text": "text", "requested_at": "bigint", "updated_at": "bigint",
    "next_action": "text", "deadline": "bigint", "total": "bigint", "currency": "text", "ended": "bool",
    "attention": "bool", "mode": "text", "group_key": "text", "commerce_order_id": "text",
    "commerce_order_name": "text", "desk_return_id": "text", "view": "bytea", "body": "bytea", "policy_version": "int",
}  # fmt: skip
_UPDATE = (
    "update return_case c set "
    + ", ".join(f"{name} = u.{name}" for name in COLUMN_TYPES)
    + " from unnest($1::uuid[], "
    + ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(COLUMN_TYPES.values(), 2))
    + ") as u(id, "
    + ", ".join(COLUMN_TYPES)
    + ") where c.id = u.id"
)


async def _columns(connection: Connection, moves: list[Move]) -> None:
    rows = [
        (move.turn.subject_id, *msgspec.structs.astuple(move.columns)) for move in moves if move.columns is not None
    ]
    if rows:
        await connection.execute(_UPDATE, *columns_of(rows))
    deltas: list[tuple[Any, ...]] = []
    for move in moves:
        if move.columns is None:
            continue
        now = (move.columns.status, move.columns.attention)
        if now != move.counted:
            deltas.append((move.turn.shop_id, *now, 1))
            if move.counted is not None:
                deltas.append((move.turn.shop_id, *move.counted, -1))
    await insert(
        connection, "case_count", {"shop_id": "uuid", "status": "text", "attention": "bool", "delta": "int"}, deltas
    )


async def _units(connection: Connection, moves: list[Move]) -> None:
    rows = [
        (move.turn.subject_id, move.turn.shop_id, *msgspec.structs.astuple(unit))
        for move in moves
        for unit in move.units
    ]
    await insert(
        connection,
        "return_line",
        {
            "case_id": "uuid", "shop_id": "uuid", "unit_id": "text", "order_line_id": "text", "sku": "text",
            "name": "text", "refund": "bigint", "commerce_line_id": "text", "received_at": "bigint",
            "condition": "text", "disposition": "text", "adopted_return_id": "text", "adopted_number": "int",
        },
        rows,
        """on conflict (case_id, unit_id) do update set order_line_id = excluded.order_line_id, sku = excluded.sku,
        name = excluded.name, refund = excluded.refund, commerce_line_id = excluded.commerce_line_id,
        received_at = excluded.received_at, condition = excluded.condition, disposition = excluded.disposition,
        adopted_return_id = excluded.adopted_return_id, adopted_number = excluded.adopted_number, gone = false""",
    )  # fmt: skip
    left = [(move.turn.subject_id, unit_id) for move in moves for unit_id in move.left]
    if left:
        await connection.execute(
            "update return_line r set gone = true from unnest($1::uuid[], $2::text[]) as g(case_id, unit_id) "
            "where r.case_id = g.case_id and r.unit_id = g.unit_id and not r.gone",
            *columns_of(left),
        )
    parcels = [
        (move.turn.shop_id, *move.parcel, move.turn.subject_id) for move in moves if move.parcel and move.parcel[0]
    ]
    if parcels:
        await connection.execute(PARCELS, *columns_of(parcels))


PARCELS = """
with seen as (
    select * from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[])
        as s(shop_id, tracking_number, carrier, case_id)
), kept as (
    insert into parcel (id, shop_id, tracking_number, carrier)
    select gen_random_uuid(), shop_id, tracking_number, max(carrier) from seen group by 2, 3 order by 2, 3
    on conflict (shop_id, tracking_number) do update set carrier = excluded.carrier
    returning id, shop_id, tracking_number
)
insert into parcel_case (parcel_id, case_id)
select kept.id, seen.case_id from seen join kept using (shop_id, tracking_number) on conflict do nothing
"""


async def _lines(connection: Connection, moves: list[Move]) -> None:
    await insert(
        connection,
        "history",
        {
            "shop_id": "uuid", "case_id": "uuid", "id": "uuid", "at": "bigint", "who": "text", "what": "text",
            "text": "text", "detail": "jsonb",
        },
        [
            (move.turn.shop_id, move.turn.subject_id, *msgspec.structs.astuple(line))
            for move in moves
            for line in move.history
        ],
    )  # fmt: skip
    # Cases of one order write the same row, perhaps from two processes: in one order, so that none waits crosswise.
    links = {(str(move.turn.shop_id), move.link[0]): (move.turn.shop_id, *move.link) for move in moves if move.link}
    await insert(
        connection,
        "order_link",
        {"shop_id": "uuid", "channel_order_id": "text", "commerce_order_id": "text", "how": "text", "by": "text"},
        [links[key] for key in sorted(links)],
        """on conflict (shop_id, channel_order_id) do update set commerce_order_id = excluded.commerce_order_id,
        how = excluded.how, by = excluded.by""",
    )


async def _exceptions(connection: Connection, moves: list[Move]) -> None:
    closed = [(move.turn.subject_id, key) for move in moves for key in move.closed]
    if closed:
        await connection.execute(
            """
            update exception e set closed_at = now(), closed_by = 'the cause has gone'
            from unnest($1::uuid[], $2::text[]) as u(case_id, key)
            where e.case_id = u.case_id and e.key = u.key and e.closed_at is null
            """,
            *columns_of(closed),
        )
    await insert(
        connection,
        "exception",
        {
            "shop_id": "uuid", "case_id": "uuid", "id": "uuid", "key": "text", "lane": "text", "text": "text",
            "todo": "text", "waits_kind": "text", "waits_id": "text", "deadline": "bigint", "retry": "text",
            "console": "bool", "at": "bigint",
        },
        [
            (move.turn.shop_id, move.turn.subject_id, *msgspec.structs.astuple(each))
            for move in moves
            for each in move.opened
        ],
        """on conflict (coalesce(case_id, connection_id), key) where closed_at is null do update set
        text = excluded.text, todo = excluded.todo, deadline = excluded.deadline, waits_kind = excluded.waits_kind,
        waits_id = excluded.waits_id""",
    )  # fmt: skip


async def _strangers(connection: Connection, moves: list[Move]) -> None:
    rows = {
        (str(move.turn.shop_id), each.ident): (move.turn.shop_id, each.ident, each.kind, each.order_id, each.at)
        for move in moves
        for each in move.strangers
    }
    await insert(
        connection,
        "stranger",
        {"shop_id": "uuid", "ident": "text", "kind": "text", "order_id": "text", "at": "bigint"},
        [rows[key] for key in sorted(rows)],
        "on conflict do nothing",
    )
    if rows:
        shops = list({move.turn.shop_id for move in moves if move.strangers})
        await connection.execute(SECOND_WRITER, shops, SEVERAL)


SECOND_WRITER = """
insert into exception (id, shop_id, connection_id, key, lane, text, todo)
select gen_random_uuid(), s.id, l.connection_id, 'second_writer:' || s.id, 'records',
    'Another program writes returns or refunds of ' || s.name || ' into the commerce system: on ' || n.orders
        || ' orders within 30 days. The hub adopts them and writes no returns and refunds itself any more.',
    'Switch its return and refund sync off and say so on the Audit page; or choose there that it books the refunds.'
from shop s join link l on l.shop_id = s.id and l.role = 'commerce' join strangers_of_shop n on n.shop_id = s.id
where s.id = any($1) and n.orders >= $2
on conflict (coalesce(case_id, connection_id), key) where closed_at is null do update set text = excluded.text
"""
