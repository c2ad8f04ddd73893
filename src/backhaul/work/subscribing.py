"""Where vendors send their webhooks: asked for at the login and again every day, for a vendor forgets an address whose
deliveries failed for hours, and other tools of the same app may replace it. Until then the sweep makes up for it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import structlog

from backhaul.ports.errors import NeedsReauth, VendorError
from backhaul.store.shops import ConnectionRow
from backhaul.work.vendors import Vendors, shop_time

log = structlog.get_logger()
EVERY_S = 24 * 3600
AGAIN_S = 3600  # after a vendor that did not answer


async def subscribe(vendors: Vendors, connection_id: UUID, address: str) -> tuple[str, ...]:
    """Ask the vendor to send its webhooks to ``address`` and keep what it refused, each with the reason."""
    row = await vendors.row(connection_id, fresh=True)
    connector = await _connector(vendors, row)
    if not hasattr(connector, "subscribe"):
        return ()
    try:
        refused: tuple[str, ...] = await connector.subscribe(address)
    except VendorError as error:
        refused = (str(error),)
    now = shop_time(row.clock)
    await _keep(vendors, row.id, address, refused, now)
    await vendors.pool.execute(
        "update turn set attend_at = least(attend_at, $2) where subject_id = $1", row.id, now + EVERY_S
    )
    return refused


async def ask_again(vendors: Vendors, row: ConnectionRow, now: int) -> int | None:
    """Ask once more for what was asked for a day ago. When to come back; None for a login that has no webhooks."""
    kept = await vendors.pool.fetchval("select webhooks from connection where id = $1", row.id)
    if not kept or not kept.get("address") or row.state != "connected":
        return None
    due = int(kept.get("at", 0)) + EVERY_S
    if now < due:
        return due
    try:
        refused = await (await _connector(vendors, row)).subscribe(kept["address"])
    except NeedsReauth:
        return now + EVERY_S  # every call finds that out, and pauses the connection
    except VendorError as error:
        log.info("webhooks.not_renewed", connection=str(row.id), error=str(error))
        return now + AGAIN_S
    await _keep(vendors, row.id, kept["address"], refused, now)
    return now + EVERY_S


async def _connector(vendors: Vendors, row: ConnectionRow) -> Any:
    shop_id = await vendors.pool.fetchval("select shop_id from link where connection_id = $1 limit 1", row.id)
    return await vendors.connector(row.id, shop_id, row.role)


async def _keep(vendors: Vendors, connection_id: UUID, address: str, refused: tuple[str, ...], now: int) -> None:
    await vendors.pool.execute(
        "update connection set webhooks = $2 where id = $1",
        connection_id,
        {"address": address, "refused": list(refused), "at": now},
    )
