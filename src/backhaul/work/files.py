"""Files of a case at rest: what a label or a picture shows of a buyer is read by nobody who has only the database.

A file is sealed under its own id, so that it opens in no other place; erasing one is deleting its row.
"""

from __future__ import annotations

import hashlib
from uuid import UUID

from backhaul.kit.crypto import Vault
from backhaul.store import files
from backhaul.store.db import Connection, Pool


async def keep(
    pool: Pool | Connection,
    vault: Vault,
    ident: UUID,
    shop_id: UUID,
    case_id: UUID,
    *,
    name: str,
    content: bytes,
    by: str,
    mime: str = "application/pdf",
) -> bool:
    """Store a file. With an id made of its content a second one adds nothing. Whether it was new."""
    return await files.add(
        pool,
        ident,
        shop_id,
        case_id,
        name=name[:200],
        mime=mime,
        sha256=hashlib.sha256(content).hexdigest(),
        sealed=vault.encrypt(content, _context(ident)),
        by=by,
    )


async def read(
    pool: Pool | Connection, vault: Vault, ident: UUID, case_id: UUID | None = None
) -> tuple[str, bytes] | None:
    """Name and content of a stored file; with ``case_id`` only when it is of that case. Raises CryptoError when the
    key file is not the one that sealed it."""
    found = await files.get(pool, ident, case_id)
    if found is None:
        return None
    return found.name, vault.decrypt(found.content, _context(ident)) if found.sealed else found.content


def _context(ident: UUID) -> bytes:
    return f"attachment/{ident}".encode()
