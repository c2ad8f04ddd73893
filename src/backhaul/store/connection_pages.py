"""What the pages of connections and shops show. Reads only; no secret is among it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from backhaul.domain.steps import View
from backhaul.kit.clock import Affine
from backhaul.store.db import Pool
from backhaul.store.pages import clock_of

_VIEW = msgspec.json.Decoder(View)


class Card(msgspec.Struct, frozen=True):
    """One connection. The expiry times are Unix seconds by its own clock."""

    id: UUID
    vendor: str
    role: str
    title: str
    environment: str
    state: str
    state_text: str
    account: str
    api_base: str
    clock: Affine | None
    access_expires_at: int | None
    refresh_expires_at: int | None
    granted_scopes: list[str]
    webhook_key: str
    webhooks: Any
    last_heard_at: datetime | None
    last_read_at: datetime | None
    refused_today: int
    shops: list[UUID]

    def now(self, real: float) -> float:
        """The connection's own time at a real moment."""
        return self.clock.virtual(real) if self.clock else real


async def cards(pool: Pool, connection_id: UUID | None = None) -> tuple[Card, ...]:
    """All connections, or one."""
    rows = await pool.fetch(
        """
        select c.id, c.vendor, c.role, c.title, c.environment, c.state, c.state_text, c.account, c.api_base, c.clock,
               c.access_expires_at, c.refresh_expires_at, c.granted_scopes, c.webhook_key, c.webhooks, c.last_heard_at,
               c.last_read_at, coalesce(r.n, 0)::bigint as refused_today,
               array(select shop_id from link l where l.connection_id = c.id order by shop_id) as shops
        from connection c left join lateral (
            select sum(count) as n from refused_webhook w where w.connection_id = c.id and w.day = current_date
        ) r on true
        where $1::uuid is null or c.id = $1 order by c.role, c.created_at, c.id
        """,
        connection_id,
    )
    return tuple(Card(**{**dict(row), "clock": clock_of(row["clock"])}) for row in rows)


async def waiting_gateways(pool: Pool, shop_id: UUID) -> tuple[str, ...]:
    """Payment methods that open exceptions wait for."""
    rows = await pool.fetch(
        "select distinct waits_id from exception where shop_id = $1 and waits_kind = 'gateway' and closed_at is null "
        "and waits_id is not null order by 1",
        shop_id,
    )
    return tuple(row["waits_id"] for row in rows)


class Proposal(msgspec.Struct, frozen=True):
    """An open case and what would be sent for it: (kind of effect, why)."""

    id: UUID
    channel_id: str
    kind: str
    status: str
    requested_at: int
    next_action: str | None
    deadline: int | None
    taken: bool
    proposed: tuple[tuple[str, str], ...]


class Preview(msgspec.Struct, frozen=True):
    """What going live would mean: the open cases that would need taking over, the most urgent ``limit`` in full."""

    open: int
    proposals: tuple[Proposal, ...]


async def preview(pool: Pool, shop_id: UUID, limit: int = 200) -> Preview:
    """The open cases of a shop that are observed, with what the hub would do."""
    open_count = await pool.fetchval(
        "select coalesce(sum(delta), 0)::bigint from case_count where shop_id = $1 and status <> all($2)",
        shop_id,
        ["closed", "cancelled", "withdrawn"],
    )
    rows = await pool.fetch(
        """
        select c.id, coalesce(c.channel_id, '') as channel_id,
            c.kind, c.status, c.requested_at, c.next_action, c.deadline, c.view, array(
                   select array[e.kind, e.because] from effect e where e.case_id = c.id and e.state = 'proposed'
                   order by e.id) as proposed
        from return_case c where c.shop_id = $1 and not c.ended and c.status <> all($2)
        order by c.deadline nulls last, c.id limit $3
        """,
        shop_id,
        ["closed", "cancelled", "withdrawn"],
        limit,
    )
    found = []
    for row in rows:
        view = _VIEW.decode(row["view"]) if row["view"] else View()
        found.append(
            Proposal(
                row["id"],
                row["channel_id"],
                row["kind"],
                row["status"],
                row["requested_at"],
                row["next_action"],
                row["deadline"],
                not view.observing,
                tuple((kind, because) for kind, because in row["proposed"]) if view.observing else (),
            )
        )
    return Preview(open_count, tuple(found))


async def policy_versions(pool: Pool, shop_id: UUID) -> tuple[tuple[int, str, datetime], ...]:
    """Versions of a shop's policy, newest first: (number, by whom, since when)."""
    rows = await pool.fetch(
        "select version, by, effective_at from policy where shop_id = $1 order by version desc limit 20", shop_id
    )
    return tuple((row["version"], row["by"], row["effective_at"]) for row in rows)
