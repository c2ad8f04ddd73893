"""What buyers do in a shop's portal: name an order and its postal code, see what may be asked for, ask, and see what
became of it. The channel's own order is looked at; no commerce system is needed.

Whoever guesses learns nothing: an order that is not there, a wrong code and a code that the channel hides are one
answer after the same work, and tries are counted before anything is asked of the channel.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import structlog

from backhaul.domain import portal as rules
from backhaul.domain.channel import ChannelOrder
from backhaul.domain.facts import Seen
from backhaul.domain.portal import Mistake, Offer, Portal, Shown
from backhaul.domain.said import Said
from backhaul.domain.starting import reasons_of
from backhaul.domain.starts import Start, Startable
from backhaul.domain.steps import View
from backhaul.domain.words import Kind
from backhaul.kit.crypto import same
from backhaul.ports.errors import Refused, Unavailable
from backhaul.store import commands, portal, shops
from backhaul.store.portal import Visit
from backhaul.work import beginnings, notes
from backhaul.work import files as sealed_files
from backhaul.work.budget import OUTSIDE
from backhaul.work.case_command import CommandRefused
from backhaul.work.vendors import Vendors, shop_time

log = structlog.get_logger(__name__)

BUYER = "buyer"  # who asked, on the time-line
VISIT = timedelta(minutes=30)
WINDOW = timedelta(hours=1)
TRIES_OF_ORDER, TRIES_OF_CLIENT = 5, 20  # wrong ones within the window
LOOKS_AT_ORDER = 120  # right ones too: each costs calls of the channel
MOST_ASKED = 10  # forms that one visit may send
MOST_WORDS = 300  # characters of a buyer's note
LOOK_S = 15.0
TAKEN = "One of these items cannot be asked for any more. Look at the list again."
_offer = msgspec.json.Decoder(Offer)


class Found(msgspec.Struct, frozen=True):
    """The order is known: the secret word of the visit's cookie."""

    token: str


class NotFound(msgspec.Struct, frozen=True):
    """No such order with such a postal code; nothing says which of the two."""


class Locked(msgspec.Struct, frozen=True):
    """Too many wrong tries; seconds until the next may be made."""

    left_s: int


class Case(msgspec.Struct, frozen=True):
    """A case of the order, for its buyer."""

    id: UUID
    at: int
    shown: Shown


class Closed(Exception):
    """The shop has no portal, or it is closed."""


class Buyers:
    """Serves buyers for one process."""

    def __init__(self, vendors: Vendors) -> None:
        self.vendors = vendors
        self.pool = vendors.pool

    async def settings(self, shop_id: UUID) -> Portal:
        """How the shop's portal is set."""
        return await portal.settings(self.pool, shop_id)

    async def look_up(self, shop_id: UUID, order: str, code: str, client: str) -> Found | NotFound | Locked | Mistake:
        """Find an order by its number and postal code. ``client`` is the address of who asks. Raises the channel's
        errors, and then it was no try."""
        if not (await self.settings(shop_id)).open:
            raise Closed
        mistake = rules.mistake(order, code)
        if mistake is not None:
            return mistake
        order = rules.order_number(order)
        wrong = (self._mark(f"order/{shop_id}/{order}"), self._mark(f"client/{network(client)}"))
        limits = dict(zip(wrong, (TRIES_OF_ORDER, TRIES_OF_CLIENT), strict=True))
        limits[self._mark(f"look/{shop_id}/{order}")] = LOOKS_AT_ORDER
        async with self.pool.acquire() as connection, connection.transaction():
            left_s = await portal.take_tries(connection, limits, WINDOW)
        if left_s:
            return Locked(left_s)
        try:
            read = await self._read(shop_id, order)
        except BaseException:
            await asyncio.shield(portal.give_back(self.pool, sorted(limits)))
            raise
        known = rules.postal_code(read.postal_code) if read is not None else ""
        # One order is one number: a channel that took other ways of writing it would have each tried as often.
        if read is None or read.id != order or not same(rules.postal_code(code), known):
            return NotFound()
        async with self.pool.acquire() as connection, connection.transaction():
            await portal.give_back(connection, sorted(wrong))
            await portal.forget_tries(connection, wrong[0])
            offer = msgspec.json.encode(Offer(read.lines))
            return Found(await portal.open_visit(connection, shop_id, read.id, offer, VISIT))

    async def visit(self, shop_id: UUID, token: str) -> Visit | None:
        """The visit of this cookie, while it lasts and the portal is open."""
        if not token or not (await self.settings(shop_id)).open:
            return None
        return await portal.visit(self.pool, shop_id, token)

    async def offer(self, visit: Visit, kinds: Sequence[Kind]) -> Offer:
        """What the channel says may be asked for; it is asked once in a visit. Raises the channel's errors."""
        known = _offer.decode(visit.offer) if visit.offer else Offer(())
        missing = [kind for kind in kinds if kind not in known.startable]
        if not missing:
            return known
        channel = await self._channel(visit.shop_id)
        said = dict(known.startable)
        async with _in_time():
            for kind in missing:
                try:
                    said[kind] = await channel.startable(visit.order_id, kind)
                except Refused as error:
                    said[kind] = (Startable(kind, (), False, error.code, error.text),)
        known = msgspec.structs.replace(known, startable=said)
        await portal.keep_offer(self.pool, visit.id, msgspec.json.encode(known))
        return known

    async def cases(self, visit: Visit) -> tuple[tuple[Case, ...], frozenset[str]]:
        """The order's cases for its buyer, newest first, and the units that one of them is about."""
        found = await portal.cases_of(self.pool, visit.shop_id, visit.order_id)
        return _shown(found, visit)

    async def ask(
        self, shop_id: UUID, token: str, *, once: str, kind: Kind, lines: Sequence[str], reason: str, note: str
    ) -> UUID:
        """Ask for a return or a refund; the case. ``once`` names the form: sent twice it is one case."""
        settings = await self.settings(shop_id)
        if not settings.open:
            raise Closed
        async with self.pool.acquire() as connection, connection.transaction():
            visit = await portal.visit(connection, shop_id, token, lock=True)
            if visit is None:
                raise CommandRefused("Your visit has ended. Look your order up again.", 409)
            if once in visit.asked:
                return visit.asked[once]
            if len(visit.asked) >= MOST_ASKED:
                raise CommandRefused("That is a lot of requests. Look your order up again to go on.", 409)
            found = await portal.cases_of(connection, shop_id, visit.order_id)
            _, taken = _shown(found, visit)
            _check(settings, visit, taken, kind, lines, reason, note)
            now = shop_time(await commands.shop_clock(connection, shop_id))
            sealed = notes.seal(self.vendors.vault, shop_id, visit.order_id, note)
            chosen = tuple(dict.fromkeys(lines))
            start = Start(kind, visit.order_id, BUYER, now, chosen, reason, buyer=True, note=sealed)
            try:
                case_id = await beginnings.begin(connection, shop_id, start)
            except CommandRefused:  # it names people and cases of the shop
                raise CommandRefused(TAKEN, 409) from None
            await portal.keep_asked(connection, visit.id, once, case_id)
            return case_id

    async def label(self, visit: Visit, case_id: UUID) -> tuple[str, bytes] | None:
        """Name and content of the label of one of the order's cases, while the goods are still to be sent."""
        found, _ = await self.cases(visit)
        case = next((each for each in found if each.id == case_id and each.shown.label), None)
        if case is None:
            return None
        return await sealed_files.read(self.pool, self.vendors.vault, UUID(case.shown.label), case_id)

    # -- within

    def _mark(self, text: str) -> bytes:
        return self.vendors.vault.mark(text, b"portal")

    async def _channel(self, shop_id: UUID) -> Any:
        links = {link.role: link.connection_id for link in await shops.links(self.pool) if link.shop_id == shop_id}
        return await self.vendors.channel(links, shop_id)

    async def _read(self, shop_id: UUID, order: str) -> ChannelOrder | None:
        """The channel's order; what the channel calls no order number is none."""
        async with _in_time():
            channel = await self._channel(shop_id)
            try:
                found: ChannelOrder | None = await channel.order(order)
            except Refused as error:
                log.info("the channel refused a look-up of the portal", shop=str(shop_id), code=error.code)
                return None
            return found


def network(client: str) -> str:
    """Whose tries are counted together: an address, and of IPv6 the network that one household or host has."""
    try:
        address = ipaddress.ip_address(client.partition("%")[0])
    except ValueError:
        return client
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


@asynccontextmanager
async def _in_time() -> AsyncIterator[None]:
    """A buyer does not wait longer than this for the channel's answers, and has them from what the shop's own work
    leaves of the channel's budget."""
    limit = asyncio.timeout(LOOK_S)
    outside = OUTSIDE.set(True)
    try:
        async with limit:
            yield
    except TimeoutError:
        if not limit.expired():
            raise
        raise Unavailable(f"the answers take longer than {LOOK_S:.0f} s in all") from None
    finally:
        OUTSIDE.reset(outside)


def _shown(
    found: Sequence[tuple[UUID, int, Seen, Said, View]], visit: Visit
) -> tuple[tuple[Case, ...], frozenset[str]]:
    every = _offer.decode(visit.offer).lines if visit.offer else ()
    cases: list[Case] = []
    taken: set[str] = set()
    for case_id, at, seen, said, view in found:
        shown = rules.shown(seen, said, view)
        if shown is None:
            continue
        if not shown.free:
            taken.update(shown.lines or (line.id for line in every))
        if not shown.hidden:
            cases.append(Case(case_id, at, shown))
    return tuple(reversed(cases)), frozenset(taken)


def _check(
    settings: Portal,
    visit: Visit,
    taken: frozenset[str],
    kind: Kind,
    lines: Sequence[str],
    reason: str,
    note: str,
) -> None:
    """Refuse what cannot be asked for, in words for the buyer."""
    offer = _offer.decode(visit.offer) if visit.offer else Offer(())
    if kind not in settings.kinds or kind not in offer.startable:
        raise CommandRefused("That is not offered here.", 409)
    if not lines:
        raise CommandRefused("Choose at least one item.")
    free = {unit.id for unit in rules.units_of(offer, kind, taken) if unit.why is None}
    if not set(lines) <= free:
        raise CommandRefused(TAKEN, 409)
    fitting = dict(reasons_of(Start(kind, "", "", 0, tuple(lines)), offer.startable[kind]))
    if reason not in fitting:
        if reason or fitting:
            raise CommandRefused(
                "This reason does not fit all the items you chose. Ask for them one after the other."
                if reason
                else "Choose a reason."
            )
        if rules.reasons_for(offer, kind, lines):
            raise CommandRefused("These items need different reasons. Ask for them one after the other.")
    if len(note) > MOST_WORDS:
        raise CommandRefused(f"Your message is longer than {MOST_WORDS} characters.")
    if rules.unshowable(note):
        raise CommandRefused("Your message holds a character that cannot be kept.")
