"""Cases that begin with us: what a person asked to start on an order, and goods that came without a return on file.

Such a case has no id on the channel until the channel gives it one.
"""

from __future__ import annotations

import msgspec

from backhaul.domain.money import Money
from backhaul.domain.words import Kind


class Start(msgspec.Struct, frozen=True, omit_defaults=True):
    """A refund, return or cancellation that a person (or a buyer) wants to begin. Without ``lines`` it is the whole
    order's; with an ``amount`` it is a part of what the channel would refund for them."""

    kind: Kind
    order_id: str  # the channel's
    by: str
    at: int
    lines: tuple[str, ...] = ()  # ids of the channel order's lines, one a unit
    reason_key: str = ""
    amount: Money | None = None
    expect: Money | None = None  # confirmed beforehand, if this is the sum
    buyer: bool = False  # a buyer asked for it, in the shop's portal
    changed: bool = False  # and a person has asked for something else since
    note: bytes = b""  # what the buyer wrote beside it, sealed


class Confirmed(msgspec.Struct, frozen=True, omit_defaults=True):
    """A person has seen the sum and wants it."""

    total: Money
    by: str
    at: int


class Blind(msgspec.Struct, frozen=True, omit_defaults=True):
    """Goods that arrived with no return on file. ``code`` is what was scanned or typed."""

    code: str
    by: str
    at: int
    order_id: str = ""  # the channel's, when somebody knows it
    note: str = ""


class Startable(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the channel says of starting a case on some lines; reasons are (key, text)."""

    kind: Kind
    lines: tuple[str, ...]
    eligible: bool
    code: str = ""
    text: str = ""
    reasons: tuple[tuple[str, str], ...] = ()


class Quote(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the channel would refund, or in ``text`` why it would not."""

    total: Money | None
    text: str = ""
