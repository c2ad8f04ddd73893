"""What a returns desk says of one return: a mirror of the case, and a vote. It never decides anything by itself."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from backhaul.domain.money import Money
from backhaul.domain.reasons import DeskReason
from backhaul.domain.words import Condition, Disposition

__all__ = ["DeskLabel", "DeskLine", "DeskOffer", "DeskReason", "DeskReturn", "DeskState", "number"]


class DeskState(StrEnum):
    """Where a desk says its return stands. ``CLOSED`` alone does not say whether money went: see ``processed``."""

    OPEN = "open"
    REVIEW = "review"  # held back in the desk: flagged, out of stock, no funds
    CLOSED = "closed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"  # its label was never used
    UNKNOWN = "unknown"  # a word we do not know: shown, never final


def number(ident: str) -> str:
    """The number that a global id ends in: desks and people know orders and lines by it."""
    return ident.rpartition("/")[2]


class DeskLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """One unit on a desk's return. ``line_id`` is the commerce order's line, by its whole id or by the number that ends
    it. ``condition`` and ``disposition`` are what the desk's inspector wrote; ``found`` and ``fate`` what that means,
    None for words that mean nothing to us."""

    id: str
    line_id: str = ""
    sku: str = ""
    title: str = ""
    outcome: str = ""  # the desk's word: "refund", "exchange", "credit", ...
    reason: str = ""
    parent_reason: str = ""
    condition: str = ""  # in the desk's word; empty before an inspection
    disposition: str = ""
    found: Condition | None = None
    fate: Disposition | None = None
    refund: Money | None = None
    returned: bool = False  # the desk has taken it in


class DeskLabel(msgspec.Struct, frozen=True, omit_defaults=True):
    """A label the desk made. ``url`` is where the file can be fetched for a while."""

    tracking_number: str
    carrier: str = ""
    url: str = ""
    status: str = ""  # the desk's word


class DeskReturn(msgspec.Struct, frozen=True, omit_defaults=True):
    """One return in the desk, as last read by its id. Times are Unix seconds."""

    id: str
    state: DeskState
    created_at: int
    updated_at: int
    raw_state: str = ""
    processed: bool = False  # its outcomes were carried out: the desk has refunded
    processed_at: int | None = None
    order_id: str = ""  # the commerce order's id, as the commerce connector writes it
    order_name: str = ""
    total: Money | None = None
    lines: tuple[DeskLine, ...] = ()
    labels: tuple[DeskLabel, ...] = ()
    notes: tuple[str, ...] = ()
    page: str = ""  # where a person sees it
    unread: dict[str, str] = {}  # words we do not know, kept and shown


class DeskOffer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the desk would take back of an order: per commerce line the units, and the reasons it knows."""

    order_name: str
    lines: tuple[tuple[str, int], ...] = ()  # (commerce line id, units that can be returned)
    refused: dict[str, str] = {}  # commerce line id -> why not, in the desk's words
    reasons: tuple[DeskReason, ...] = ()
