"""One run over a case under a claim: what it knows, what it has to write, and how it takes a vendor's silence."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import msgspec

from backhaul.domain.deadlines import nearest
from backhaul.domain.facts import Facts, Seen
from backhaul.domain.folding import back_off, name_units, without
from backhaul.domain.plan import plan
from backhaul.domain.policy import Policy
from backhaul.domain.steps import Plan
from backhaul.domain.words import Party
from backhaul.kit.clock import Affine
from backhaul.kit.ids import uuid7
from backhaul.ports.errors import NeedsReauth, Unavailable, VendorError, WireDrift
from backhaul.store import cases
from backhaul.store.cases import Known
from backhaul.store.moves import HistoryLine, Move, Unit
from backhaul.work.tokens import login_ended
from backhaul.work.vendors import Vendors, affine

Probe = Callable[[str, str], Awaitable[None]]
"""Told (moment, effect target) at each point where a process may die; tests hold or kill it there."""


async def no_probe(moment: str, target: str) -> None:
    """The probe of a process that is not under test."""


class Run:
    """The state of one run. ``facts`` are replaced as they change; ``move`` gathers what has to be written."""

    def __init__(
        self,
        known: Known,
        policy: Policy,
        vendors: Vendors,
        record: Callable[[Move], Awaitable[str]],
        probe: Probe = no_probe,
    ) -> None:
        assert known.turn.shop_id is not None
        self.known = known
        self.shop_id: UUID = known.turn.shop_id
        self.case_id: UUID = known.turn.subject_id
        self.policy = policy
        self.vendors = vendors
        self.probe = probe
        self.clock: Affine = affine(known.clock)
        self.facts = Facts(
            id=str(self.case_id),
            shop_id=str(self.shop_id),
            seen=known.seen,
            said=known.said,
            ledger=known.ledger,
            shop=known.terms,
            heard_channel=known.turn.heard_channel,
            heard_commerce=known.turn.heard_commerce,
            heard_desk=known.turn.heard_desk,
            adopted=known.adopted,
            holders=known.holders,
            adopted_elsewhere=known.adopted_elsewhere,
            moved_elsewhere=known.moved_elsewhere,
            beginning=known.beginning,
            nameless=not known.channel_id,
            rivals=known.rivals,
            places=known.places,
            creating_elsewhere=known.creating_elsewhere,
        )
        self.channel_id = known.channel_id
        self.view = known.view
        self.stored = known.seen
        self.counted = known.policy_version is not None  # the first run counts the case
        self.units: list[Unit] = []
        self.move = Move(known.turn)
        self._record = record
        self.started = time.monotonic()

    def now(self) -> int:
        """Whole seconds by the shop's clock."""
        return int(self.clock.virtual(time.time()))

    def see(self, **changes: Any) -> None:
        """Change what was seen."""
        self.facts = msgspec.structs.replace(self.facts, seen=msgspec.structs.replace(self.facts.seen, **changes))

    def saw(self, seen: Seen) -> None:
        """Replace what was seen."""
        self.facts = msgspec.structs.replace(self.facts, seen=seen)

    def tell(self, who: str, what: str, text: str, detail: dict[str, Any] | None = None) -> None:
        """Add a line to the time-line."""
        self.move.history.append(HistoryLine(uuid7(), self.now(), who, what, text, detail))

    def seal_postal_code(self, text: str) -> bytes:
        """As it may stand in the database; nothing where there is none."""
        return self.vendors.vault.encrypt(text.encode(), self._buyer) if text else b""

    def postal_code(self) -> str:
        """The order's postal code; empty where the channel hides it, or nobody has asked for it."""
        sealed = self.facts.seen.postal_code
        return self.vendors.vault.decrypt(sealed, self._buyer).decode() if sealed else ""

    @property
    def _buyer(self) -> bytes:
        return f"case/{self.case_id}/postal_code".encode()

    def name(self, channel_id: str) -> None:
        """The channel has given the case its id."""
        self.move.named = self.channel_id = channel_id
        self.facts = msgspec.structs.replace(self.facts, nameless=False)
        self.tell("channel", "channel.named", f"The channel calls it {channel_id}.")

    async def reload(self) -> Known:
        """Learn again what people have said, on which terms, and what other cases of the order hold by now."""
        async with self.vendors.pool.acquire() as connection:
            fresh = (await cases.load(connection, {self.case_id: self.known.turn}))[self.case_id]
        self.facts = msgspec.structs.replace(
            self.facts,
            said=name_units(fresh.said, self.facts.channel),
            shop=fresh.terms,
            adopted=fresh.adopted,
            holders=fresh.holders,
            adopted_elsewhere=fresh.adopted_elsewhere,
            moved_elsewhere=fresh.moved_elsewhere,
            places=fresh.places,
            creating_elsewhere=fresh.creating_elsewhere,
            beginning=fresh.beginning,
        )
        return fresh

    async def write(self) -> str:
        """Commit what has gathered; raises Lost or Twin when the claim or the target is somebody else's (Merged when
        the case has become one with another), and Halted when nothing may be sent any more."""
        move, self.move = self.move, Move(self.known.turn)
        return await self._record(move)

    def plan(self) -> Plan:
        """What is to be done now."""
        return plan(self.facts, self.policy, self.now())

    # -- trouble with vendors

    def trouble(self, party: Party, error: VendorError, now: int, doing: str) -> None:
        """A vendor's no to a read, or its silence: the party is left alone for a while; other parties go on."""
        tries = self.facts.seen.backoff[party].tries if party in self.facts.seen.backoff else 0
        wait = wait_after(tries, error)
        _, deadline = nearest(self.facts)
        if deadline is not None and deadline > now:
            wait = min(wait, max(20.0, (deadline - now) / 10))
        self.saw(back_off(self.facts.seen, party, f"{doing}: {error}", now, wait, parked=isinstance(error, WireDrift)))
        if tries == 0:
            self.tell(
                party, f"{party}.silent" if isinstance(error, Unavailable) else f"{party}.trouble", f"{doing}: {error}"
            )

    async def pause(self, party: Party, error: NeedsReauth) -> None:
        """A login ended: everything of that party waits until its owner logs in again."""
        connection_id = self.known.connections.get(party)
        if connection_id is None:
            return
        recovered = await login_ended(self.vendors, connection_id, error)
        if recovered:
            self.saw(back_off(self.facts.seen, party, "the login was renewed", self.now(), 1))
            return
        paused = {**self.facts.shop.paused, party: str(error)}
        self.facts = msgspec.structs.replace(self.facts, shop=msgspec.structs.replace(self.facts.shop, paused=paused))

    def recovered(self, party: Party) -> None:
        """The party answers again."""
        if party in self.facts.seen.backoff:
            self.see(backoff=without(self.facts.seen.backoff, party))


def wait_after(tries: int, error: VendorError) -> float:
    """Seconds to leave a vendor alone after ``tries`` failures in a row: its own word first, else doubling to 15
    minutes; an answer in an unknown shape is asked for again in an hour."""
    if isinstance(error, WireDrift):
        return 3600.0
    if isinstance(error, Unavailable) and error.retry_after is not None:
        return max(1.0, error.retry_after)
    return float(min(900, 2 ** min(tries, 9) * 2))
