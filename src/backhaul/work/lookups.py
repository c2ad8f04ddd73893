"""Lists that only a vendor knows, for the forms that ask a person to choose from them."""

from __future__ import annotations

from uuid import UUID

from backhaul.domain.words import Party
from backhaul.store import shops
from backhaul.work.commands import CommandRefused
from backhaul.work.vendors import Vendors


class Lookups:
    """Asks a shop's vendors. Raises the vendor's errors; CommandRefused when the thing asked about is not there."""

    def __init__(self, vendors: Vendors) -> None:
        self.vendors = vendors

    async def carriers(self, case_id: UUID) -> tuple[tuple[str, str], ...]:
        """Carriers (id, name) that the channel takes on a label of this case."""
        row = await self.vendors.pool.fetchrow("select shop_id, order_id from return_case where id = $1", case_id)
        if row is None:
            raise CommandRefused("There is no such return.", 404)
        channel = await self.vendors.channel(await self._connections(row["shop_id"]), row["shop_id"])
        found: tuple[tuple[str, str], ...] = await channel.carriers(row["order_id"])
        return found

    async def locations(self, shop_id: UUID) -> tuple[tuple[str, str], ...]:
        """Places (id, name) of the commerce system that restocked units may go to; none without such a system."""
        connections = await self._connections(shop_id)
        if Party.COMMERCE not in connections:
            return ()
        found: tuple[tuple[str, str], ...] = await (await self.vendors.commerce(connections, shop_id)).locations()
        return found

    async def location(self, shop_id: UUID, wanted: str) -> tuple[str, str]:
        """The place (id, name) that somebody names by either. Raises CommandRefused when commerce has none of them."""
        places = await self.locations(shop_id)
        said = wanted.strip().casefold()
        found = next((each for each in places if said in (each[0].casefold(), each[1].casefold())), None)
        if found is None:
            known = ", ".join(name for _, name in places) or "none; connect the commerce system first"
            raise CommandRefused(f"There is no place “{wanted.strip()[:100]}”. Those there are: {known}.")
        return found

    async def _connections(self, shop_id: UUID) -> dict[str, UUID]:
        return {
            link.role: link.connection_id for link in await shops.links(self.vendors.pool) if link.shop_id == shop_id
        }
