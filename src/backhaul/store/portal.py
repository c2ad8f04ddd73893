"""Buyers' portals as rows: how each shop's is set, the visits, and the tries that found nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from backhaul.domain.facts import Seen
from backhaul.domain.folding import Command, fold_said
from backhaul.domain.portal import Portal
from backhaul.domain.said import Said
from backhaul.domain.steps import View
from backhaul.kit.ids import secret_token, uuid7
from backhaul.store.db import Connection, Pool

_SEEN = msgspec.json.Decoder(Seen)
_VIEW = msgspec.json.Decoder(View)


async def settings(pool: Pool | Connection, shop_id: UUID) -> Portal:
    """How a shop's portal is set; closed where nobody has set it."""
    row = await pool.fetchrow("select open, kinds, texts, redirect from portal where shop_id = $1", shop_id)
    return msgspec.convert(dict(row), Portal) if row else Portal()


async def write(connection: Connection, shop_id: UUID, wanted: Portal) -> None:
    """Set a shop's portal."""
    await connection.execute(
        """
        insert into portal (shop_id, open, kinds, texts, redirect) values ($1, $2, $3, $4, $5)
        on conflict (shop_id) do update set open = excluded.open, kinds = excluded.kinds, texts = excluded.texts,
            redirect = excluded.redirect
        """,
        shop_id,
        wanted.open,
        [kind.value for kind in wanted.kinds],
        msgspec.to_builtins(wanted.texts),
        msgspec.to_builtins(wanted.redirect),
    )


async def looked_at(pool: Pool, shop_id: UUID, filled: bool) -> None:
    """Somebody has opened the portal; ``filled``: by an address that named order and postal code. Kept to the minute,
    so that reading a page writes next to nothing."""
    await pool.execute(
        """
        update portal set opened_at = now(), filled_at = case when $2 then now() else filled_at end
        where shop_id = $1 and (opened_at is null or opened_at < now() - interval '1 minute'
            or ($2 and (filled_at is null or filled_at < now() - interval '1 minute')))
        """,
        shop_id,
        filled,
    )


class Progress(msgspec.Struct, frozen=True):
    """How far buyers have come in a portal, each the last time; None: nobody yet. Real time."""

    opened_at: datetime | None = None
    filled_at: datetime | None = None  # opened by an address that named order and postal code
    found_at: datetime | None = None
    asked_at: datetime | None = None
    case_id: UUID | None = None  # what was asked for last
    channel_id: str = ""  # and the channel's id of it, once it is known there


async def progress(pool: Pool, shop_id: UUID) -> Progress:
    """How far buyers have come in a shop's portal."""
    row = await pool.fetchrow(
        """
        select p.opened_at, p.filled_at,
            (select max(v.found_at) from portal_visit v where v.shop_id = p.shop_id) as found_at,
            a.asked_at, a.case_id, coalesce(a.channel_id, '') as channel_id
        from portal p left join lateral (
            select v.asked_at, o.id as case_id, o.channel_id from portal_visit v
            join return_case c on c.id = v.case_id join return_case o on o.id = coalesce(c.merged_into, c.id)
            where v.shop_id = p.shop_id order by v.asked_at desc limit 1) a on true
        where p.shop_id = $1
        """,
        shop_id,
    )
    return Progress(**row) if row else Progress()


# -- tries


async def take_tries(connection: Connection, limits: Mapping[bytes, int], window: timedelta) -> int:
    """Count a try under each of these marks. Seconds until one may be made again, when a limit is reached: then none
    is counted. A try is counted before it is made, so that many at once are no more than many one by one."""
    marks = sorted(limits)
    rows = await connection.fetch(
        """
        insert into portal_try as t (mark, count) select mark, 1 from unnest($1::bytea[]) as mark order by mark
        on conflict (mark) do update set
            count = case when t.since < now() - $2::interval then 1 else t.count + 1 end,
            since = case when t.since < now() - $2::interval then now() else t.since end
        returning mark, count,
            greatest(1, ceil(extract(epoch from since + $2::interval - clock_timestamp())))::int as left_s
        """,
        marks,
        window,
    )
    reached = [row["left_s"] for row in rows if row["count"] > limits[row["mark"]]]
    if reached:
        await give_back(connection, marks)
    return max(reached, default=0)


async def give_back(connection: Pool | Connection, marks: list[bytes]) -> None:
    """A try under these marks was none. What counts nothing goes: whoever is locked out fills no table."""
    await connection.execute(
        """
        with held as (select mark, count from portal_try where mark = any($1) order by mark for update),
        gone as (delete from portal_try t using held where t.mark = held.mark and held.count <= 1)
        update portal_try t set count = t.count - 1 from held where t.mark = held.mark and held.count > 1
        """,
        marks,
    )


async def forget_tries(connection: Pool | Connection, mark: bytes) -> None:
    """Somebody knew: what was tried under this mark before does not count any more."""
    await connection.execute("delete from portal_try where mark = $1", mark)


async def forget_old(connection: Connection) -> None:
    """Take out visits of a month ago and tries that count no more; those that are in use just now next time."""
    for table, key, old in (("portal_visit", "id", "found_at < now() - interval '30 days'"),
                            ("portal_try", "mark", "since < now() - interval '1 day'")):  # fmt: skip
        await connection.execute(
            f"delete from {table} where {key} in (select {key} from {table} where {old} for update skip locked)"
        )


# -- visits


class Visit(msgspec.Struct, frozen=True):
    """A buyer who has found an order."""

    id: UUID
    shop_id: UUID
    order_id: str
    csrf: str
    offer: bytes | None
    asked: dict[str, UUID]  # what a form was sent as -> the case it became


async def open_visit(
    connection: Pool | Connection, shop_id: UUID, order_id: str, offer: bytes, lasts: timedelta
) -> str:
    """A visit to an order; the secret word of its cookie."""
    token = secret_token()
    await connection.execute(
        """
        insert into portal_visit (id, token, csrf, shop_id, order_id, offer, ends_at)
        values ($1, $2, $4, $3, $5, $6, now() + $7::interval)
        """,
        uuid7(),
        _hash(token),
        shop_id,
        secret_token(),
        order_id,
        offer,
        lasts,
    )
    return token


async def visit(pool: Pool | Connection, shop_id: UUID, token: str, *, lock: bool = False) -> Visit | None:
    """The visit of this cookie, while it lasts; with ``lock`` another's form waits until this transaction is over."""
    row = await pool.fetchrow(
        "select id, shop_id, order_id, csrf, offer, asked from portal_visit "
        "where token = $1 and shop_id = $2 and ends_at > now()" + (" for update" if lock else ""),
        _hash(token),
        shop_id,
    )
    return msgspec.convert(dict(row), Visit) if row else None


async def keep_offer(pool: Pool, visit_id: UUID, offer: bytes) -> None:
    """What the channel said may be asked for."""
    await pool.execute("update portal_visit set offer = $2 where id = $1", visit_id, offer)


async def keep_asked(connection: Connection, visit_id: UUID, once: str, case_id: UUID) -> None:
    """This form has become this case."""
    await connection.execute(
        """
        update portal_visit set asked = asked || jsonb_build_object($2::text, $3::text), asked_at = now(), case_id = $4
        where id = $1
        """,
        visit_id,
        once,
        str(case_id),
        case_id,
    )


async def cases_of(pool: Pool | Connection, shop_id: UUID, order_id: str) -> list[tuple[UUID, int, Seen, Said, View]]:
    """The cases of an order, oldest first: id, when it was asked for, and what is known."""
    rows = await pool.fetch(
        """
        select c.id, c.requested_at, c.body, c.view,
            array(select (k.kind, k.body, k.by, k.at, k.seq)
                  from command k where k.case_id = c.id order by k.seq) as said
        from return_case c where c.shop_id = $1 and c.order_id = $2 and c.merged_into is null
        order by c.requested_at, c.id
        """,
        shop_id,
        order_id,
    )
    return [
        (
            row["id"],
            row["requested_at"] or 0,
            _SEEN.decode(row["body"]) if row["body"] else Seen(),
            fold_said(Command(*each) for each in row["said"]),
            _VIEW.decode(row["view"]) if row["view"] else View(),
        )
        for row in rows
    ]


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
