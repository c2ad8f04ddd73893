"""Lists that only a vendor knows, for the forms that ask a person to choose from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from backhaul.domain.channel import Answerable
from backhaul.domain.desk_votes import JUDGED
from backhaul.domain.policy import REJECTS
from backhaul.domain.words import Action, Party
from backhaul.ports.errors import VendorError
from backhaul.store import cases, shops
from backhaul.work.commands import CommandRefused
from backhaul.work.vendors import Vendors

LATEST = 100  # returns that are looked through for the reasons that the channel has named
MOST_ASKED = 2  # returns that the channel is asked about where none has shown any
MOST_NAMED = 40
OF = {Action.ANSWER_RETURN: "requests", Action.JUDGE_PARCEL: "parcels"}


def _collect(named: dict[Action, dict[str, str]], answers: Iterable[Answerable]) -> None:
    for answer in answers:
        for action, reasons in named.items():
            if answer.decision == REJECTS[action]:
                reasons.update(answer.reasons)


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

    async def check_reasons(self, shop_id: UUID, keys: Sequence[str]) -> str:
        """What of these reasons for what the desk rejects could not be checked, in words. The channel names its reasons
        for one return at a time, so that some may not have come up yet: only one that stands there in other letters is
        refused (CommandRefused), unless it stands already."""
        shop = await shops.shop(self.vendors.pool, shop_id)
        standing = shops.desk_terms("", shop.desk).reject_reasons if shop is not None else keys
        keys = [key for key in keys if key not in standing]
        if not keys:
            return ""
        named = await self._reject_reasons(shop_id)
        known = {key: text for reasons in named.values() for key, text in reasons.items()}
        alike = {key.casefold(): key for key in known}
        strange = [key for key in keys if key not in known]
        for key in strange:
            if key.casefold() in alike:
                raise CommandRefused(f"The channel's reason is “{alike[key.casefold()]}”, not “{key[:100]}”.")
        if not strange:
            return ""
        takes = "; ".join(f"{key} ({text})" if text else key for key, text in sorted(known.items())[:MOST_NAMED])
        lacking = " and ".join(OF[action] for action, reasons in named.items() if not reasons)
        because = f"named no reasons yet for {lacking}" if lacking else "not named it for the latest returns"
        return f"Not checked: {', '.join(strange)}. The channel has {because}." + (
            f" It takes: {takes}." if takes else ""
        )

    async def _reject_reasons(self, shop_id: UUID) -> dict[Action, dict[str, str]]:
        """By what is answered: the reasons (key, text) that the latest returns have shown, else those of some that wait
        for that answer now."""
        latest = await cases.latest(self.vendors.pool, shop_id, LATEST)
        named: dict[Action, dict[str, str]] = {action: {} for action in JUDGED}
        for seen in latest:
            _collect(named, seen.answerable)
        for action, reasons in named.items():
            waiting = [seen.channel.id for seen in latest if seen.channel and seen.channel.action_due(action)]
            for case_id in waiting[:MOST_ASKED] if not reasons else ():
                try:
                    channel = await self.vendors.channel(await self._connections(shop_id), shop_id)
                    _collect(named, await channel.answerable(case_id))
                except VendorError:
                    break  # it cannot be read now
        return named

    async def _connections(self, shop_id: UUID) -> dict[str, UUID]:
        return {
            link.role: link.connection_id for link in await shops.links(self.vendors.pool) if link.shop_id == shop_id
        }
