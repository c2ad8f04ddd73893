"""The refund ledger, and which refund of somebody else in commerce stands for which case.

The ledger only grows: an entry that holds no longer is lifted by one of the kind "released", of the same amount. What
stands now is kept beside it, one row for each refund, so that whoever of two cases comes second is told.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from backhaul.store.db import Connection
from backhaul.store.moves import Move
from backhaul.store.rows import columns_of, insert

LIFT = """
insert into refund_entry (id, shop_id, case_id, key, kind, amount, currency, at, source, text)
select u.id, r.shop_id, u.case_id, 'released:' || r.key, 'released', r.amount, r.currency, u.at, r.source,
    r.kind
from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::bigint[]) as u(shop_id, case_id, id, key, at)
join refund_entry r on r.shop_id = u.shop_id and r.key = u.key
on conflict (shop_id, key) do nothing
"""


async def write(connection: Connection, moves: Sequence[Move]) -> None:
    """What these moves say of refunds. A refund that stands for another case violates the table's key."""
    lifted = [
        (move.turn.shop_id, move.turn.subject_id, *msgspec.structs.astuple(each))
        for move in moves
        for each in move.lifted
    ]
    if lifted:
        await connection.execute(LIFT, *columns_of(lifted))
    await insert(
        connection,
        "refund_entry",
        {
            "shop_id": "uuid", "case_id": "uuid", "id": "uuid", "key": "text", "kind": "text", "amount": "bigint",
            "currency": "text", "at": "bigint", "source": "text", "text": "text",
        },
        [
            (move.turn.shop_id, move.turn.subject_id, *msgspec.structs.astuple(entry))
            for move in moves
            for entry in move.entries
        ],
        "on conflict (shop_id, key) do nothing",
    )  # fmt: skip
    await _lock(connection, moves)
    released = [(move.turn.shop_id, move.turn.subject_id, each.source) for move in moves for each in move.released]
    if released:
        await connection.execute(
            "delete from adopted_refund a using unnest($1::uuid[], $2::uuid[], $3::text[]) as u(shop_id, case_id, "
            "source) where a.shop_id = u.shop_id and a.case_id = u.case_id and a.source = u.source",
            *columns_of(released),
        )
    adopted = [
        (move.turn.shop_id, each.source, move.turn.subject_id, each.refund_id)
        for move in moves
        for each in move.adopted
    ]
    await insert(
        connection,
        "adopted_refund",
        {"shop_id": "uuid", "source": "text", "case_id": "uuid", "refund_id": "text"},
        sorted(adopted, key=lambda row: (str(row[0]), row[1])),
    )


async def _lock(connection: Connection, moves: Sequence[Move]) -> None:
    """Take the rows that are to go, and those in the way of what is to come, at once: two processes may want the same
    ones, and one gives back what the other takes. In one order, as the new ones are written, so that none waits
    crosswise."""
    wanted = [(move.turn.shop_id, each.source) for move in moves for each in (*move.released, *move.adopted)]
    if wanted:
        await connection.execute(
            "select from adopted_refund join unnest($1::uuid[], $2::text[]) as w(shop_id, source) "
            "using (shop_id, source) order by shop_id, source for update of adopted_refund",
            *columns_of(wanted),
        )
