"""After a login: which shops it serves, and which rights it lacks."""

from __future__ import annotations

from uuid import UUID

from backhaul.domain.words import Party
from backhaul.kit.ids import uuid7
from backhaul.ports.connector import ShopInfo, Tokens
from backhaul.ports.manifest import Manifest
from backhaul.store import exceptions, turns
from backhaul.store.db import Connection
from backhaul.store.jobs import Rank
from backhaul.store.shops import ConnectionRow


async def serve(
    connection: Connection, row: ConnectionRow, found: tuple[ShopInfo, ...], shop_id: UUID | None
) -> UUID | None:
    """Link a login to the shops it opens: a channel's to each of them, new ones included; any other to ``shop_id``,
    else to the one shop that has nobody in its role. The first shop that was linked."""
    if row.role == Party.CHANNEL:
        return await _serve_channel(connection, row, found)
    if shop_id is None:
        free = await connection.fetch(
            "select id from shop where not exists (select from link where shop_id = id and role = $1)", row.role
        )
        shop_id = free[0]["id"] if len(free) == 1 else None
    if shop_id is not None:
        await _link(connection, shop_id, row.id, row.role, found[0].key)
    return shop_id


async def _serve_channel(connection: Connection, row: ConnectionRow, found: tuple[ShopInfo, ...]) -> UUID | None:
    first: UUID | None = None
    for info in found:
        shop_id: UUID | None = await connection.fetchval(
            """
            select s.id from shop s left join link l on l.shop_id = s.id and l.role = 'channel'
            left join connection n on n.id = l.connection_id
            where s.channel_id = $1 and (n.id is null or (n.vendor, n.environment) = ($2, $3))
            """,
            info.id,
            row.vendor,
            row.environment,
        )
        if shop_id is None:
            shop_id = uuid7()
            await connection.execute(
                """
                insert into shop (id, channel_id, channel_key, name, market, currency, time_zone)
                values ($1, $2, $3, $4, $5, $6, $7)
                """,
                shop_id, info.id, info.key, info.name, info.market, info.currency, info.time_zone,
            )  # fmt: skip
        await connection.execute(
            "update shop set channel_key = $2, name = $3 where id = $1", shop_id, info.key, info.name
        )
        await _link(connection, shop_id, row.id, row.role, info.key)
        await turns.open_turns(connection, [(shop_id, "sweep", shop_id)], 0)
        first = first or shop_id
    return first


async def _link(connection: Connection, shop_id: UUID, connection_id: UUID, role: str, shop_key: str) -> None:
    """Let a connection play a role for a shop."""
    await connection.execute(
        """
        insert into link (shop_id, role, connection_id, shop_key) values ($1, $2, $3, $4)
        on conflict (shop_id, role) do update
        set connection_id = excluded.connection_id, shop_key = excluded.shop_key
        """,
        shop_id,
        role,
        connection_id,
        shop_key,
    )
    await turns.nudge(connection, [shop_id], Rank.PERSON)


async def tell_rights(connection: Connection, row: ConnectionRow, manifest: Manifest, tokens: Tokens) -> None:
    """Rights that the owner did not grant are said at once, each with what it is needed for."""
    missing = manifest.missing(tokens.scopes)
    await exceptions.close(connection, row.id, ("scopes",), "logged in again")
    if not missing:
        return
    await exceptions.tell(
        connection,
        row.id,
        "scopes",
        f"{row.title} lacks rights: " + "; ".join(f"{scope} ({manifest.scopes[scope]})" for scope in missing),
        "Add them to the app or key, then log in again on the Connections page.",
    )
