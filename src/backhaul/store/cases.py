"""Cases: everything known of them read in one statement, everything that changed written in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from backhaul.domain.channel import ChannelCase
from backhaul.domain.effects import AnyEffect, CreateReturn, Dispose, Effect, EffectState, Safety
from backhaul.domain.facts import Adopted, Creating, Holder, Place, Seen
from backhaul.domain.folding import Command, fold_said, name_units
from backhaul.domain.said import Said
from backhaul.domain.steps import View
from backhaul.domain.terms import LINE_LEVEL, Booker, Mode, Payer, ShopTerms
from backhaul.domain.words import Party
from backhaul.store.db import Connection, Pool
from backhaul.store.shops import desk_terms
from backhaul.store.turns import Turn


class Known(msgspec.Struct, frozen=True):
    """What the store knows of one case under a claim."""

    turn: Turn
    channel_kind: str
    channel_id: str
    seen: Seen
    said: Said
    ledger: tuple[Effect, ...]
    view: View
    policy_version: int | None  # in force when the case opened; None before its first run
    policy_newest: int  # in force now; 0 are the defaults
    terms: ShopTerms
    connections: dict[str, UUID]  # role -> connection
    clock: dict[str, Any] | None  # of the channel's connection, when it is simulated
    learnt: dict[str, int]
    adopted_elsewhere: frozenset[str]  # commerce refunds that other cases of the order have adopted
    faulted: bool  # the last run failed for a cause of our own
    beginning: bool = False  # a case of ours is being started on the order
    moved_elsewhere: frozenset[str] = frozenset()  # units whose stock other cases of the order move
    rivals: frozenset[str] = frozenset()  # ids of cases that other cases of the order have started
    places: tuple[Place, ...] = ()  # units of the order's cases on returns that somebody else opened
    creating_elsewhere: dict[str, Creating] = {}  # returns that other cases of the order write, by the channel's id
    adopted: tuple[Adopted, ...] = ()  # commerce refunds of somebody else that stand for its payments
    holders: dict[str, Holder] = {}  # other cases of the order by the units that they were read with


_seen = msgspec.json.Decoder(Seen)
_view = msgspec.json.Decoder(View)
_wanted: msgspec.json.Decoder[AnyEffect] = msgspec.json.Decoder(AnyEffect)
_safety = msgspec.json.Decoder(Safety)

# Cases beside are those of the channel order, and those of another that is linked to the same order in commerce.
# With ``offset 0`` they are looked up once a case; without it, once more for each list that asks for them.
# A second writer is one on several orders, as `strangers_of_shop` counts them; here, where every look passes, a second
# order is looked for and thousands are not counted.
# How many cases are asked for is hidden from the planner: told that it is one, it makes a plan for one at every call,
# which costs four times what the reading does.
LOAD = """
select c.id, c.channel_kind, coalesce(c.channel_id, '') as channel_id, c.body, c.view, c.policy_version,
    coalesce((select max(p.version) from policy p where p.shop_id = c.shop_id), 0) as policy_newest,
    s.mode, s.live_since, s.payer, s.booker, s.safe_gateways, s.location, s.market, s.learnt, s.desk, s.capabilities,
    exists (select from (select at, order_id from stranger where shop_id = s.id order by at desc limit 1) newest
        join stranger t on t.shop_id = s.id and t.order_id <> newest.order_id
            and t.at > greatest(s.writers_answered_at, newest.at - 30 * 86400)) as second_writer,
    array(select (l.role, l.connection_id, n.state, n.state_text, n.clock, n.vendor)
          from link l join connection n on n.id = l.connection_id where l.shop_id = c.shop_id) as links,
    array(select (m.refund_id, m.source) from adopted_refund m where m.case_id = c.id order by m.source) as adopted,
    array(select m.source from adopted_refund m where m.case_id = any(beside.ids)) as adopted_elsewhere,
    array(select e.wanted from effect e where e.case_id = any(beside.ids) and e.kind = 'dispose'
          and e.state in ('intent', 'sent', 'accepted', 'confirmed')) as moved,
    array(select (r.unit_id, r.adopted_return_id, r.commerce_line_id, r.adopted_number, r.case_id = c.id)
          from return_line r where r.adopted_return_id <> '' and r.case_id = any(c.id || beside.ids)
          order by r.case_id, r.unit_id) as places,
    array(select (r.unit_id, o.updated_at, o.id > c.id) from return_line r join return_case o on o.id = r.case_id
          where r.case_id = any(beside.ids) and not r.gone and r.unit_id <> r.order_line_id
          and o.status <> 'cancelled' order by o.updated_at, o.id) as holders,
    array(select (o.channel_id, case e.state when 'confirmed' then coalesce(e.answered_at, e.dead_at, e.created_at) end,
          e.wanted)
          from effect e join return_case o on o.id = e.case_id where o.id = any(beside.ids)
          and o.channel_id is not null and e.kind = 'create_return'
          and e.state in ('intent', 'sent', 'accepted', 'confirmed')) as creating,
    case when c.channel_id is null then array(
        select e.result from effect e join return_case o on o.id = e.case_id
        where o.shop_id = c.shop_id and o.order_id = c.order_id and o.id <> c.id and e.result <> ''
            and e.kind in ('start_return', 'start_cancellation')) else '{}' end as rivals,
    c.channel_id is not null and exists (
        select from return_case o join effect e on e.case_id = o.id
        where o.shop_id = c.shop_id and o.order_id = c.order_id and o.channel_id is null and not o.ended
            and e.kind in ('start_return', 'start_cancellation') and e.state in ('intent', 'sent')
            and e.written_at > now() - interval '1 minute') as beginning,
    exists (select from exception x where x.case_id = c.id and x.key = 'fault' and x.closed_at is null) as faulted,
    array(select (e.id, e.wanted, e.state, e.safety, e.created_at, e.because, e.by, e.attempts, e.sent_at, e.dead_at,
                  e.answered_at, e.code, e.text, e.result, e.words, e.reported)
          from effect e where e.case_id = c.id order by e.seq) as ledger,
    array(select (k.kind, k.body, k.by, k.at, k.seq) from command k where k.case_id = c.id order by k.seq) as said
from return_case c join shop s on s.id = c.shop_id
cross join lateral (select array(
    select o.id from return_case o where o.shop_id = c.shop_id and o.order_id = c.order_id and c.order_id <> ''
        and o.id <> c.id
    union
    select o.id from return_case o where o.shop_id = c.shop_id and o.commerce_order_id = c.commerce_order_id
        and o.commerce_order_id <> '' and o.id <> c.id) as ids offset 0) beside
where c.id = any(array(select unnest($1::uuid[])))
"""


MOVED = """
select e.wanted from effect e where e.kind = 'dispose' and e.state in ('intent', 'sent', 'accepted', 'confirmed')
    and e.case_id in (
        select $1 union
        select o.id from return_case c join return_case o on o.shop_id = c.shop_id and o.order_id = c.order_id
        where c.id = $1 and c.order_id <> ''
        union
        select o.id from return_case c join return_case o
            on o.shop_id = c.shop_id and o.commerce_order_id = c.commerce_order_id
        where c.id = $1 and c.commerce_order_id <> '')
"""


async def moved(connection: Connection, case_id: UUID) -> frozenset[str]:
    """Units of a case's order whose stock one of its cases has moved, or moves now."""
    return _units_of([row["wanted"] for row in await connection.fetch(MOVED, case_id)])


def _effect(row: tuple[Any, ...]) -> Effect:
    state = EffectState(row[2])
    created_at, because, by, attempts, sent_at, dead_at, answered_at, code, text, result, words = row[4:15]
    return Effect(
        str(row[0]),
        _wanted.decode(row[1]),
        state,
        _safety.decode(row[3]),
        created_at,
        because,
        by,
        attempts,
        sent_at,
        dead_at,
        answered_at,
        code,
        text,
        result,
        words,
        taken_over=state is EffectState.SENT and not row[15],
    )


def _creating(at: int | None, wanted: bytes) -> Creating:
    made = _wanted.decode(wanted)
    assert isinstance(made, CreateReturn)
    return Creating(at, made.units)


async def load(connection: Connection, claims: dict[UUID, Turn]) -> dict[UUID, Known]:
    """The cases of these claims."""
    known = {}
    for row in await connection.fetch(LOAD, list(claims)):
        seen = _seen.decode(row["body"]) if row["body"] else Seen()
        known[row["id"]] = Known(
            claims[row["id"]],
            row["channel_kind"],
            row["channel_id"],
            seen,
            name_units(fold_said(Command(*each) for each in row["said"]), seen.channel),
            tuple(_effect(each) for each in row["ledger"]),
            _view.decode(row["view"]) if row["view"] else View(),
            row["policy_version"],
            row["policy_newest"],
            _terms(row),
            {link[0]: link[1] for link in row["links"]},
            next((_clock(link[4]) for link in row["links"] if link[0] == Party.CHANNEL), None),
            row["learnt"],
            frozenset(row["adopted_elsewhere"]),
            row["faulted"],
            row["beginning"],
            _units_of(row["moved"]),
            frozenset(row["rivals"]),
            tuple(Place(*each) for each in row["places"]),
            {each[0]: _creating(*each[1:]) for each in row["creating"]},
            tuple(Adopted(*each) for each in row["adopted"]),
            {unit_id: Holder(*holder) for unit_id, *holder in row["holders"]},
        )
    return known


def _clock(raw: Any) -> dict[str, Any] | None:
    # Inside a composite the codec of jsonb does not apply to every server version: take either form.
    return (
        msgspec.json.decode(raw, type=dict[str, Any] | None)
        if isinstance(raw, (str, bytes))
        else dict(raw)
        if raw
        else None
    )


def _terms(row: asyncpg.Record) -> ShopTerms:
    paused = {
        Party(role): text or f"The {role} connection is {state.replace('_', ' ')}."
        for role, _, state, text, _, _ in row["links"]
        if state != "connected"
    }
    return ShopTerms(
        Mode(row["mode"]),
        row["live_since"],
        Payer(row["payer"]),
        Booker(row["booker"]),
        any(link[0] == Party.COMMERCE for link in row["links"]),
        frozenset(row["safe_gateways"]),
        row["location"],
        paused,
        next((desk_terms(link[5], row["desk"]) for link in row["links"] if link[0] == Party.DESK), None),
        row["second_writer"],
        market=row["market"],
        line_level=bool(row["capabilities"].get(LINE_LEVEL, {}).get("has")),
    )


async def name_order(pool: Pool, case_id: UUID, case: ChannelCase | None, commerce_order_id: str = "") -> None:
    """Keep which order a case is of, though its run has written nothing else: other cases of that order are found by
    it."""
    if case is not None:
        await pool.execute(
            "update return_case set order_id = $2, commerce_order_id = coalesce(nullif($3, ''), commerce_order_id) "
            "where id = $1",
            case_id,
            case.order_id,
            commerce_order_id,
        )


def _units_of(disposals: Sequence[bytes]) -> frozenset[str]:
    wanted = (_wanted.decode(each) for each in disposals)
    return frozenset(unit for each in wanted if isinstance(each, Dispose) for unit in each.units)


async def taken_at_desk(pool: Pool, shop_id: UUID, case_id: UUID, returns: Sequence[str]) -> frozenset[str]:
    """Which of these returns in the desk stand for other cases of the shop: of the same order, or of another that one
    of them was linked to before."""
    rows = await pool.fetch(
        "select desk_return_id from return_case "
        "where shop_id = $1 and desk_return_id <> '' and desk_return_id = any($3) and id <> $2",
        shop_id,
        case_id,
        list(returns),
    )
    return frozenset(row["desk_return_id"] for row in rows)


async def latest(pool: Pool, shop_id: UUID, limit: int) -> list[Seen]:
    """What was seen of a shop's returns, the last to change first."""
    rows = await pool.fetch(
        "select body from return_case where shop_id = $1 and channel_kind = 'return' and body is not null "
        "order by updated_at desc, id desc limit $2",
        shop_id,
        limit,
    )
    return [_seen.decode(row["body"]) for row in rows]


async def said(pool: Pool | Connection, case_id: UUID) -> Said:
    """What people have said of a case by now."""
    rows = await pool.fetch("select kind, body, by, at, seq from command where case_id = $1 order by seq", case_id)
    return fold_said(Command(*row) for row in rows)


async def request_of(pool: Pool, effect_id: str) -> tuple[bytes | None, str]:
    """The exact request of an effect, and its key."""
    row = await pool.fetchrow("select request, key from effect where id = $1", UUID(effect_id))
    return (row["request"], row["key"]) if row else (None, "")


async def order_link(pool: Pool, shop_id: UUID, channel_order_id: str) -> tuple[str, str] | None:
    """The commerce order we know for a channel order, and how we found it."""
    row = await pool.fetchrow(
        "select commerce_order_id, how from order_link where shop_id = $1 and channel_order_id = $2",
        shop_id,
        channel_order_id,
    )
    return (row["commerce_order_id"], row["how"]) if row else None


async def aliases(pool: Pool, shop_id: UUID, skus: Sequence[str]) -> dict[str, str]:
    """The aliases a merchant keeps for these channel SKUs."""
    rows = await pool.fetch(
        "select channel_sku, commerce_sku from sku_alias where shop_id = $1 and channel_sku = any($2)",
        shop_id,
        list(skus),
    )
    return {row["channel_sku"]: row["commerce_sku"] for row in rows}
