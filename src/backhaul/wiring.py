"""Who implements what: the only module that knows the connectors by name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from backhaul.connectors import loop, shopify, tiktok_shop
from backhaul.kit.crypto import Vault
from backhaul.kit.http import HttpClient
from backhaul.ports.factory import Vendor
from backhaul.settings import Settings
from backhaul.store.db import Pool, open_pool
from backhaul.work.commands import Commands
from backhaul.work.intake import Intake
from backhaul.work.logins import Logins
from backhaul.work.vendors import Vendors

_vendors: tuple[Vendor, ...] = (tiktok_shop.vendor, shopify.vendor, loop.vendor)
REGISTRY: dict[str, Vendor] = {vendor.manifest.vendor: vendor for vendor in _vendors}


@dataclass(frozen=True)
class Hub:
    """What one process of an installation works with."""

    settings: Settings
    dsn: str
    pool: Pool
    vendors: Vendors
    commands: Commands
    intake: Intake
    logins: Logins


@asynccontextmanager
async def open_hub(settings: Settings, dsn: str, pool_size: int | None = None) -> AsyncIterator[Hub]:
    """Everything of one process, closed at the end. ``dsn`` names a migrated database."""
    vault = Vault.open(settings.key_file)
    pool = await open_pool(dsn, pool_size or settings.pool_size)
    try:
        async with HttpClient(timeout=10.0, connect_timeout=3.0, per_host=200) as http:
            vendors = Vendors(pool, vault, http, REGISTRY)
            intake = Intake(vendors)
            yield Hub(settings, dsn, pool, vendors, Commands(pool, vault), intake, Logins(vendors, settings.base_url))
            await intake.close()
    finally:
        await pool.close()
