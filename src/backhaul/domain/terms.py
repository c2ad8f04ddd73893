"""On which terms a shop works: whether its effects are sent, who pays, who books, its desk, what its channel can do."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from backhaul.domain.words import Party


class Mode(StrEnum):
    """Whether a shop's effects are sent."""

    OBSERVE = "observe"
    LIVE = "live"


class Booker(StrEnum):
    """Who writes refunds into commerce for a shop."""

    HUB = "hub"
    DESK = "desk"
    CONNECTOR = "connector"
    NOBODY = "nobody"


class Payer(StrEnum):
    """Who gives the buyer the money back."""

    CHANNEL = "channel"
    COMMERCE = "commerce"
    DESK = "desk"


class DeskOpens(StrEnum):
    """When a return is opened in the desk."""

    REQUESTED = "requested"  # at once; it waits there for the channel's or the merchant's answer
    APPROVED = "approved"


class DeskTerms(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a shop works with its returns desk."""

    vendor: str  # "loop"; also the name of its votes
    opens: DeskOpens = DeskOpens.APPROVED
    labels: bool = True  # the desk makes the labels that the seller owes
    carriers: dict[str, str] = {}  # the desk's name of a carrier -> the channel's id or name of it
    writes_records: bool = True  # the desk writes the return into commerce itself: we adopt it
    moves_stock: bool = False  # the desk puts goods back on the shelf itself: we move none
    reject_reasons: tuple[str, ...] = ()  # channel reason keys, in order of preference, for what the desk rejects


class Capability(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether a shop has something that not every shop of the channel has, and how that is known. ``at``: when it was
    last found so, by the shop's clock."""

    has: bool
    evidence: str
    at: int = 0


LINE_LEVEL = "line_level"  # the channel takes an answer for each unit of a return


class ShopTerms(msgspec.Struct, frozen=True, omit_defaults=True):
    """What holds for all cases of a shop today."""

    mode: Mode = Mode.OBSERVE
    live_since: int | None = None
    payer: Payer = Payer.CHANNEL
    booker: Booker = Booker.HUB
    commerce_connected: bool = True
    safe_gateways: frozenset[str] = frozenset()  # gateways a person confirmed to move no money
    location: str = ""  # where restocked units go
    paused: dict[Party, str] = {}  # connections that wait for their owner, and why
    desk: DeskTerms | None = None  # None: the hub's own desk alone
    second_writer: bool = False  # another program writes returns or refunds, and no person has answered for it yet
    market: str = ""  # as the channel names it
    line_level: bool = False  # the channel takes an answer for each unit
