"""Logins stay alive: tokens are renewed at half life, under one claim, and an ended login pauses its connection."""

from __future__ import annotations

import asyncio
import time
from uuid import UUID

import structlog

from backhaul.kit.crypto import Vault
from backhaul.ports.connector import Tokens
from backhaul.ports.errors import NeedsReauth, Refused, VendorError
from backhaul.store import exceptions, shops, turns
from backhaul.store.db import Connection, Pool
from backhaul.store.jobs import Rank
from backhaul.store.shops import ConnectionRow
from backhaul.work.vendors import Vendors, affine, open_tokens, seal_tokens, shop_time

log = structlog.get_logger()
DAY = 24 * 3600
END_WARNINGS = (30, 7, 1)
_locks: dict[UUID, asyncio.Lock] = {}
_proven: dict[UUID, tuple[float, bytes | None]] = {}  # tokens that a renewal has brought, and when we learnt of them
STALE_S = 5.0  # for so long after a renewal a call may still have been made with the token of before
PROOF_S = 600.0  # refused again within this time, it is not the token's age


async def save_tokens(
    connection: Pool | Connection, vault: Vault, connection_id: UUID, tokens: Tokens, issued_at: int
) -> None:
    """Store a login's new tokens: both of them, in one statement, with the connection connected again."""
    await connection.execute(
        """
        update connection set tokens = $2, access_expires_at = $3, refresh_expires_at = $4, issued_at = $5,
            granted_scopes = $6, account = case when $7 = '' then account else $7 end,
            state = 'connected', state_text = '', refresh_claim = null
        where id = $1
        """,
        connection_id,
        seal_tokens(vault, connection_id, tokens),
        tokens.access_expires_at,
        tokens.refresh_expires_at,
        issued_at,
        list(tokens.scopes),
        tokens.account,
    )


def renew_at(row: ConnectionRow) -> int | None:
    """When a login is to be renewed: at half its life. None: it does not end."""
    if row.access_expires_at is None or row.issued_at is None:
        return None
    return row.issued_at + max(1, (row.access_expires_at - row.issued_at) // 2)


async def renew(vendors: Vendors, connection_id: UUID) -> ConnectionRow:
    """Renew a login and store what came; one process at a time, and never tokens that another has replaced meanwhile.
    After a crash between answer and storing, the stored refresh token is simply tried again; a vendor that refuses it
    ends the login. Raises the vendor's errors."""
    row = await vendors.row(connection_id, fresh=True)
    if not await shops.claim_renewal(vendors.pool, connection_id, row.tokens):
        return await vendors.row(connection_id, fresh=True)  # somebody else is at it, or was quicker
    tokens = open_tokens(vendors.vault, row)
    now = shop_time(row.clock)
    try:
        fresh: Tokens = await vendors.make(row, "").refresh(tokens.refresh if tokens else "")
    except (Refused, NeedsReauth) as error:
        await shops.end_renewal(vendors.pool, connection_id)
        newer = await vendors.row(connection_id, fresh=True)
        if newer.tokens != row.tokens:
            return newer  # the owner has logged in anew while we asked
        if isinstance(error, NeedsReauth):
            raise
        raise NeedsReauth(f"{row.title} refused to renew the login: {error}") from error
    except BaseException:
        await shops.end_renewal(vendors.pool, connection_id)
        raise
    await save_tokens(vendors.pool, vendors.vault, connection_id, fresh, now)
    vendors.forget(connection_id)
    return await vendors.row(connection_id, fresh=True)


async def login_ended(vendors: Vendors, connection_id: UUID, error: NeedsReauth) -> bool:
    """A call was refused for its login. Try to renew it once; where that fails, or has not helped, pause the connection
    and say so. True when the login works again."""
    async with _locks.setdefault(connection_id, asyncio.Lock()):
        row = await vendors.row(connection_id, fresh=True)
        if row.state != "connected":
            return False
        if not error.missing:
            if _renewed_just_now(row):
                return True
            if not _fresh(row):
                try:
                    row = await renew(vendors, connection_id)
                    _proven[connection_id] = (time.monotonic(), row.tokens)
                    return True
                except NeedsReauth as refused:
                    error = refused
                except VendorError as silent:
                    log.info("login.renewal_failed", connection=str(connection_id), error=str(silent))
                    return True  # nobody said that the login has ended: the caller tries again later
        await pause(vendors, row, str(error))
        return False


def _fresh(row: ConnectionRow) -> bool:
    """Whether we have renewed the login and its token has not run out since: renewing it again would help nobody."""
    learnt, proven = _proven.get(row.id, (0.0, None))
    ended = row.access_expires_at is not None and shop_time(row.clock) >= row.access_expires_at
    return proven == row.tokens and time.monotonic() - learnt < PROOF_S and not ended


def _renewed_just_now(row: ConnectionRow) -> bool:
    """Whether the refused call may have been made with the token of before: many runs are told at once."""
    learnt, proven = _proven.get(row.id, (0.0, None))
    if proven is not None and proven == row.tokens:
        return time.monotonic() - learnt < STALE_S
    # Another process may have renewed it.
    return row.issued_at is not None and 0 <= shop_time(row.clock) - row.issued_at < STALE_S * affine(row.clock).rate


async def probe(vendors: Vendors, row: ConnectionRow) -> ConnectionRow:
    """The vendor said something about the login itself: see whether it still works."""
    try:
        await vendors.make(row, "").shops()
    except NeedsReauth as error:
        await pause(vendors, row, str(error))
    except VendorError as error:
        log.info("login.probe_failed", connection=str(row.id), error=str(error))
    return await vendors.row(row.id, fresh=True)


async def warn_of_end(vendors: Vendors, row: ConnectionRow, now: int) -> int | None:
    """Warn 30, 7 and 1 days before the owner's authorisation ends; when to look again."""
    if row.refresh_expires_at is None:
        return None
    left = row.refresh_expires_at - now
    passed = [days for days in END_WARNINGS if left <= days * DAY]
    if passed and left > 0:
        await exceptions.tell(
            vendors.pool,
            row.id,
            "login_ends",
            f"{row.title}: the authorisation ends in {max(1, left // DAY)} days.",
            "Let the owner authorise again on the Connections page.",
            at=now,
        )
    return min((row.refresh_expires_at - days * DAY for days in END_WARNINGS if days not in passed), default=None)


async def pause(vendors: Vendors, row: ConnectionRow, text: str) -> None:
    """The login of a connection has ended: nothing of it is called until its owner logs in again."""
    async with vendors.pool.acquire() as connection, connection.transaction():
        if not await shops.set_state(connection, row.id, "expired", text):
            return
        await exceptions.tell(
            connection,
            row.id,
            "login",
            f"{row.title}: {text}",
            "Log in again on the Connections page; everything that waits resumes by itself.",
            at=shop_time(row.clock),
            waits=True,
        )
    vendors.forget(row.id)
    log.warning("connection.paused", connection=str(row.id), vendor=row.vendor, text=text)


async def resume(connection: Connection, connection_id: UUID) -> None:
    """A login works again: close its exception and wake every open case of its shops."""
    await exceptions.close(connection, connection_id, ("login", "login_ends"), "logged in again")
    rows = await connection.fetch(
        """
        select c.id from return_case c join link l on l.shop_id = c.shop_id
        where l.connection_id = $1 and not c.ended
        """,
        connection_id,
    )
    await turns.nudge(connection, [row["id"] for row in rows], Rank.HINT)
