"""Files that people and desks gave for a case: labels and pictures, sealed."""

from __future__ import annotations

from uuid import UUID

import msgspec

from backhaul.store.db import Connection, Pool


class StoredFile(msgspec.Struct, frozen=True):
    """A file as it lies in the database. Rows of before migration 0004 are not ``sealed``."""

    name: str
    content: bytes
    sealed: bool


async def get(pool: Pool | Connection, ident: UUID, case_id: UUID | None = None) -> StoredFile | None:
    """A stored file; with ``case_id`` only when it is of that case."""
    row = await pool.fetchrow(
        "select name, bytes, sealed from attachment where id = $1 and ($2::uuid is null or case_id = $2)",
        ident,
        case_id,
    )
    return StoredFile(row["name"], row["bytes"], row["sealed"]) if row else None


async def add(
    pool: Pool | Connection,
    ident: UUID,
    shop_id: UUID,
    case_id: UUID,
    *,
    name: str,
    mime: str,
    sha256: str,
    sealed: bytes,
    by: str,
) -> bool:
    """Store a sealed file, unless one lies under its id already. Whether it was new."""
    kept = await pool.fetchval(
        """
        insert into attachment (id, shop_id, case_id, name, mime, sha256, bytes, by, sealed)
        values ($1, $2, $3, $4, $5, $6, $7, $8, true) on conflict (id) do nothing returning id
        """,
        ident,
        shop_id,
        case_id,
        name,
        mime,
        sha256,
        sealed,
        by,
    )
    return kept is not None
