"""Shops, their connections, and the terms on which the hub works for them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from backhaul.domain.policy import Policy
from backhaul.domain.terms import Capability, DeskTerms
from backhaul.store.db import Connection, Pool


class ConnectionRow(msgspec.Struct, frozen=True):
    """One login at a vendor. ``secrets`` and ``tokens`` are sealed; only the vault opens them."""

    id: UUID
    vendor: str
    role: str
    title: str
    environment: str
    settings: dict[str, str]
    secrets: bytes | None
    tokens: bytes | None
    api_base: str
    auth_base: str
    clock: dict[str, Any] | None
    state: str
    state_text: str
    account: str
    access_expires_at: int | None
    refresh_expires_at: int | None
    issued_at: int | None
    granted_scopes: list[str]
    webhook_key: str


COLUMNS = ", ".join(ConnectionRow.__struct_fields__)


class ShopRow(msgspec.Struct, frozen=True):
    """One shop of the channel."""

    id: UUID
    channel_id: str
    channel_key: str
    name: str
    market: str
    currency: str
    time_zone: str
    mode: str
    live_since: int | None
    payer: str
    booker: str
    safe_gateways: list[str]
    location: str
    learnt: dict[str, int]
    desk: dict[str, Any]


SHOP_COLUMNS = ", ".join(ShopRow.__struct_fields__)


class LinkRow(msgspec.Struct, frozen=True):
    """Which connection plays a role for a shop."""

    shop_id: UUID
    role: str
    connection_id: UUID
    shop_key: str


def desk_terms(vendor: str, kept: dict[str, Any]) -> DeskTerms:
    """How a shop works with the desk that is linked to it; the defaults where nobody chose."""
    return msgspec.convert({**kept, "vendor": vendor}, DeskTerms)


async def connections(pool: Pool | Connection) -> list[ConnectionRow]:
    """All connections."""
    return [ConnectionRow(*row) for row in await pool.fetch(f"select {COLUMNS} from connection order by created_at")]


async def connection(pool: Pool | Connection, connection_id: UUID) -> ConnectionRow | None:
    """One connection."""
    row = await pool.fetchrow(f"select {COLUMNS} from connection where id = $1", connection_id)
    return ConnectionRow(*row) if row else None


async def connection_of_key(pool: Pool | Connection, webhook_key: str) -> ConnectionRow | None:
    """The connection whose webhook address ends in this key."""
    row = await pool.fetchrow(f"select {COLUMNS} from connection where webhook_key = $1", webhook_key)
    return ConnectionRow(*row) if row else None


async def shops(pool: Pool | Connection) -> list[ShopRow]:
    """All shops."""
    return [ShopRow(*row) for row in await pool.fetch(f"select {SHOP_COLUMNS} from shop order by created_at")]


async def shop(pool: Pool | Connection, shop_id: UUID) -> ShopRow | None:
    """One shop."""
    row = await pool.fetchrow(f"select {SHOP_COLUMNS} from shop where id = $1", shop_id)
    return ShopRow(*row) if row else None


async def links(pool: Pool | Connection) -> list[LinkRow]:
    """Which connection plays which role, for all shops."""
    rows = await pool.fetch("select shop_id, role, connection_id, shop_key from link")
    return [LinkRow(*row) for row in rows]


async def policy(pool: Pool | Connection, shop_id: UUID, version: int | None = None) -> Policy:
    """A shop's policy: of a version, or the one in force; the defaults as version 0 where none was written."""
    row = await pool.fetchrow(
        "select version, body from policy where shop_id = $1 and ($2::int is null or version = $2)"
        " order by version desc limit 1",
        shop_id,
        version,
    )
    if row is None:
        return Policy(version=0)
    return msgspec.structs.replace(msgspec.json.decode(row["body"], type=Policy), version=row["version"])


async def write_policy(connection: Connection, shop_id: UUID, body: Policy, by: str) -> int:
    """Put a new version in force; the number it got."""
    version: int = await connection.fetchval(
        """
        insert into policy (shop_id, version, body, by)
        select $1, coalesce(max(version), 0) + 1, $2, $3 from policy where shop_id = $1 returning version
        """,
        shop_id,
        msgspec.json.encode(body),
        by,
    )
    return version


async def learn(pool: Pool | Connection, shop_id: UUID, where: str) -> None:
    """Count that an order was found by this field, so that the next search tries it first."""
    await pool.execute(
        """
        update shop set learnt = learnt || jsonb_build_object($2::text, coalesce((learnt ->> $2)::int, 0) + 1)
        where id = $1
        """,
        shop_id,
        where,
    )


async def capabilities(pool: Pool | Connection, shop_id: UUID) -> dict[str, Capability]:
    """What was found of what the shop can do."""
    found = await pool.fetchval("select capabilities from shop where id = $1", shop_id)
    return msgspec.convert(found or {}, dict[str, Capability])


async def keep_capability(
    pool: Pool | Connection, shop_id: UUID, name: str, found: Capability, *, news_only: bool = False
) -> None:
    """Keep what was found of one capability; ``news_only``: unless it is known to be there already."""
    await pool.execute(
        """
        update shop set capabilities = capabilities || jsonb_build_object($2::text, $3::jsonb)
        where id = $1 and not ($4 and coalesce((capabilities #>> array[$2, 'has'])::bool, false))
        """,
        shop_id,
        name,
        msgspec.to_builtins(found),
        news_only,
    )


async def doubt_capability(pool: Pool | Connection, shop_id: UUID, name: str) -> None:
    """The channel has refused what it needs: it is found out anew with the next sweep."""
    await pool.execute(
        "update shop set capabilities = jsonb_set(capabilities, array[$2, 'at'], '0', false) where id = $1",
        shop_id,
        name,
    )


async def set_state(pool: Pool | Connection, connection_id: UUID, state: str, text: str) -> bool:
    """Say that a connection ended or works again. True if that was news."""
    done = await pool.fetchval(
        """
        update connection set state = $2, state_text = $3
        where id = $1 and (state, state_text) is distinct from ($2, $3) returning id
        """,
        connection_id,
        state,
        text,
    )
    return done is not None


async def claim_renewal(pool: Pool | Connection, connection_id: UUID, tokens: bytes | None) -> bool:
    """Take the right to renew these very tokens, for a minute. False: they are not the newest, or another has it."""
    claimed = await pool.fetchval(
        """
        update connection set refresh_claim = clock_timestamp() + interval '1 minute'
        where id = $1 and tokens is not distinct from $2
            and (refresh_claim is null or refresh_claim < clock_timestamp())
        returning id
        """,
        connection_id,
        tokens,
    )
    return claimed is not None


async def end_renewal(pool: Pool | Connection, connection_id: UUID) -> None:
    """The renewal came to nothing: the next may try."""
    await pool.execute("update connection set refresh_claim = null where id = $1", connection_id)
