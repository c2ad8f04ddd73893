"""Lists a form offers that only a vendor knows. Asked when somebody opens the form, never for a page itself."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from backhaul.ports.errors import VendorError
from backhaul.store import shops
from backhaul.web.problems import BadInput
from backhaul.work.commands import CommandRefused
from backhaul.work.vendors import Vendors


class VendorLookups:
    """Asks the vendors of a shop."""

    def __init__(self, vendors: Vendors) -> None:
        self._vendors = vendors

    async def carriers(self, case_id: UUID) -> tuple[tuple[str, str], ...]:
        """Carriers (id, name) that the channel takes on a label of this case."""
        row = await self._vendors.pool.fetchrow("select shop_id, order_id from return_case where id = $1", case_id)
        if row is None:
            raise CommandRefused("There is no such return.", 404)
        channel = await self._connector(row["shop_id"], "channel")
        try:
            found: tuple[tuple[str, str], ...] = await channel.carriers(row["order_id"])
        except VendorError as error:
            raise BadInput(f"The channel does not say which carriers it takes: {error}") from error
        return found

    async def locations(self, shop_id: UUID) -> tuple[tuple[str, str], ...]:
        """Places (id, name) of the commerce system that restocked units may go to."""
        commerce = await self._connector(shop_id, "commerce")
        try:
            found: tuple[tuple[str, str], ...] = await commerce.locations()
        except VendorError as error:
            raise BadInput(f"The commerce system does not say which places it has: {error}") from error
        return found

    async def _connector(self, shop_id: UUID, role: str) -> Any:
        link = next(
            (row for row in await shops.links(self._vendors.pool) if (row.shop_id, row.role) == (shop_id, role)), None
        )
        if link is None:
            raise BadInput(f"No {role} is connected for this shop.")
        return await self._vendors.connector(link.connection_id, shop_id, role)
