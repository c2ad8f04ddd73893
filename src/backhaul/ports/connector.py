"""The abilities of a connector. A connector has a method or has not; there is no base class of stubs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Protocol, runtime_checkable

import msgspec

from backhaul.domain.channel import Answerable, ChannelCase, ChannelOrder, ExternalReference, Instead, Record
from backhaul.domain.commerce import Candidate, CommerceOrder
from backhaul.domain.desk import DeskOffer, DeskReturn
from backhaul.domain.effects import AnyEffect
from backhaul.domain.money import Money
from backhaul.domain.starts import Start, Startable
from backhaul.domain.terms import Capability
from backhaul.domain.words import Kind
from backhaul.ports.manifest import Manifest


class Prepared(msgspec.Struct, frozen=True, array_like=True):
    """The exact request of an effect, as it is committed before it is sent; a retry sends these bytes.

    Time stamps and signatures are no part of it: they are made new when it is sent.
    """

    method: str
    path: str
    query: dict[str, str]
    body: bytes
    content_type: str = "application/json"


class Receipt(msgspec.Struct, frozen=True):
    """The vendor accepted. ``result`` is the id of what it made, ``text`` what a person should read of it."""

    result: str = ""
    text: str = ""


class Tokens(msgspec.Struct, frozen=True):
    """A login. Times are Unix seconds by the shop's clock; None means it does not end."""

    access: str
    refresh: str = ""
    access_expires_at: int | None = None
    refresh_expires_at: int | None = None
    scopes: tuple[str, ...] = ()
    account: str = ""


class ShopInfo(msgspec.Struct, frozen=True):
    """A shop that a login opens. ``key`` is what calls need to name it (a cipher, a domain)."""

    id: str
    key: str
    name: str
    market: str
    currency: str
    time_zone: str


class News(msgspec.Struct, frozen=True):
    """What a verified webhook says: a hint, never a fact, except ``paid``, which is the vendor's word on a payment.

    ``subjects`` are (kind, vendor id) with kind one of "return", "cancellation", "order", "connection",
    "desk_return" (then ``order_id`` is the commerce order's, by its number at least);
    ``delivery`` is the vendor's id of the event, equal on repeats."""

    delivery: str
    topic: str
    shop: str  # the vendor's shop id or domain, empty when the event is about the login
    at: int
    subjects: tuple[tuple[str, str], ...]
    drift: str = ""  # why it is not understood, else empty
    order_id: str = ""
    refund: dict[str, str] = {}  # for a refund event: id, amount, currency, at, return_id
    failure: str = ""  # why a desk could not process the return it names, in the desk's words
    shows: str = ""  # a capability that only shops send such events of which have it


class Changed(msgspec.Struct, frozen=True):
    """A page of cases that changed. ``cursor`` continues the scan; empty at the end."""

    cases: tuple[ChannelCase, ...]
    cursor: str
    total: int | None = None


@runtime_checkable
class Connector(Protocol):
    """What every connector has."""

    manifest: Manifest

    async def aclose(self) -> None:
        """Give back what it holds."""


@runtime_checkable
class Performs(Protocol):
    """Carries effects out."""

    def prepare(self, wanted: AnyEffect, key: str, attachment: bytes | None = None) -> Prepared:
        """The exact request for an effect. Pure. ``key`` is our idempotency key, for vendors that take one;
        ``attachment`` is what the effect names and the ledger does not hold: the file of a label or a picture, the
        postal code by which a desk opens a return. Raises Refused when the vendor has no such call."""
        ...

    async def perform(self, wanted: AnyEffect, prepared: Prepared, *, dead_at: float) -> Receipt:
        """Send it, unless ``dead_at`` (wall clock, Unix seconds) has passed: then Unavailable. Raises any of the five
        errors; OutcomeUnknown whenever bytes may have left without an answer."""
        ...


@runtime_checkable
class Returns(Protocol):
    """A channel's returns."""

    async def case(self, kind: str, case_id: str) -> ChannelCase | None:
        """One return ("return") or cancellation ("cancellation") as the channel shows it now; None when unknown."""
        ...

    async def changed(self, kind: str, since: int, until: int, cursor: str = "") -> Changed:
        """A page of cases whose update time lies in [since, until), oldest first. An expired cursor raises
        Refused(code "cursor_expired"): the scan starts again from the newest update time it has stored."""
        ...

    async def records(self, case_id: str) -> tuple[Record, ...]:
        """The channel's own history of a return, oldest first."""
        ...

    async def answerable(self, case_id: str) -> tuple[Answerable, ...]:
        """What may be decided now, with the valid reject reasons."""
        ...

    async def instead(self, case: ChannelCase) -> Instead | None:
        """What the buyer of a replacement or an exchange gets instead of money; None where the shop's channel does not
        say."""
        ...


@runtime_checkable
class Starts(Protocol):
    """Lets the seller begin a case."""

    async def startable(self, order_id: str, kind: Kind) -> tuple[Startable, ...]:
        """What the channel says of starting a case of this kind on the order's lines, with the seller's reasons."""
        ...

    async def quote(self, start: Start) -> Money:
        """What the channel would refund. Changes nothing; Refused says why it would not."""
        ...

    async def cases_of(self, kind: str, order_id: str) -> tuple[ChannelCase, ...]:
        """The returns ("return") or cancellations ("cancellation") of an order, newest first."""
        ...


@runtime_checkable
class Detects(Protocol):
    """Finds out what this very shop can do, where shops of one vendor differ."""

    async def capabilities(self) -> dict[str, Capability]:
        """What was found of each, by reads that change nothing."""
        ...


@runtime_checkable
class ChannelOrders(Protocol):
    """A channel's orders."""

    async def order(self, order_id: str) -> ChannelOrder | None:
        """One order; None when unknown."""
        ...

    async def external_references(self, order_id: str) -> tuple[ExternalReference, ...]:
        """Where order connectors say the order lives."""
        ...

    async def carriers(self, order_id: str) -> tuple[tuple[str, str], ...]:
        """Carriers (id, name) that the shop may name on a label of this order's return."""
        ...


@runtime_checkable
class CommerceOrders(Protocol):
    """A commerce system's orders."""

    async def order(self, order_id: str) -> CommerceOrder | None:
        """One order by a strong read, with returns and refunds of anybody; None when it is not there."""
        ...

    def find_order(
        self, channel_order_id: str, created_at: int, learnt: tuple[str, ...] = ()
    ) -> AsyncIterator[tuple[Candidate, ...]]:
        """Orders that may be the channel's order, one rung at a time, surest way first; the caller stops when it is
        content. What one look-up found comes together, so that two orders with the id are seen as two. Every hit was
        checked locally: ``where`` names the fields that really hold the id (empty when none does). ``learnt`` are the
        fields that held it for this shop's earlier orders, most frequent first: tried first."""
        ...

    async def reasons(self) -> tuple[tuple[str, str], ...]:
        """The commerce system's return reasons (id, handle)."""
        ...

    async def locations(self) -> tuple[tuple[str, str], ...]:
        """Places stock can go back to (id, name)."""
        ...

    async def changed_orders(self, since: int, cursor: str = "") -> tuple[tuple[str, ...], str]:
        """Ids of orders changed since, oldest first, and the cursor of the next page (empty at the end)."""
        ...


@runtime_checkable
class DeskReturns(Protocol):
    """A desk's returns."""

    async def desk_return(self, return_id: str) -> DeskReturn | None:
        """One return with its notes, by a strong read; None when it is not there."""
        ...

    async def desk_returns(self, order_name: str) -> tuple[DeskReturn, ...]:
        """All returns of a commerce order, whoever opened them, by a strong read; without notes."""
        ...

    async def changed_desk_returns(
        self, since: int, until: int, cursor: str = ""
    ) -> tuple[tuple[tuple[str, str], ...], str]:
        """(return id, commerce order id) of returns changed in [since, until), in whatever state they are, and the
        cursor of the next page (empty at the end)."""
        ...

    async def desk_offer(self, order_name: str, secondary: str) -> DeskOffer:
        """What the desk would take back of an order, and its reasons. Changes nothing a person would see. Raises
        Refused with the desk's reason when it takes nothing of this order."""
        ...

    async def label_file(self, url: str) -> bytes:
        """The file of a label the desk made. Raises Refused when the link has run out."""
        ...


@runtime_checkable
class Authorises(Protocol):
    """Logs in and stays logged in."""

    def consent_url(self, state: str) -> str:
        """Where the owner gives consent; empty when this vendor needs none."""
        ...

    async def exchange(self, code: str) -> Tokens:
        """Tokens for the code of the callback (or, where there is no consent, for the credentials alone)."""
        ...

    async def refresh(self, refresh: str) -> Tokens:
        """New tokens. Raises NeedsReauth when the login has ended."""
        ...

    async def shops(self) -> tuple[ShopInfo, ...]:
        """The shops this login opens."""
        ...


@runtime_checkable
class Subscribes(Protocol):
    """Has webhooks, and can be told where to send them."""

    def verify(self, raw: bytes, headers: Mapping[str, str]) -> bool:
        """Whether the signature on the raw bytes is right; an empty secret never is. Header names are lower case."""
        ...

    def news(self, raw: bytes, headers: Mapping[str, str]) -> News:
        """What a verified body says. Never raises: what it cannot read it returns with ``drift`` set and
        a delivery id made from the body's hash."""
        ...

    async def subscribe(self, address: str) -> tuple[str, ...]:
        """Ask for all topics of the manifest at this address; returns topics that were refused, with the reason."""
        ...
