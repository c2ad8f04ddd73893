"""What the channel says: one return and its order, as last read. Times are Unix seconds of the shop's clock."""

from __future__ import annotations

import msgspec

from backhaul.domain.money import Money
from backhaul.domain.words import Action, Actor, Condition, Decision, Document, Kind, ShippedBy, Stage


class ActionDue(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something the channel waits for, and until when. ``deadline`` comes from the channel, never from a table."""

    action: Action
    deadline: int | None
    raw: str = ""


class ChannelUnit(msgspec.Struct, frozen=True, omit_defaults=True):
    """One unit of a return: the channel knows no quantities."""

    id: str
    order_line_id: str
    sku_id: str = ""
    seller_sku: str = ""
    name: str = ""
    refund: Money | None = None


class WayBack(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the goods come back."""

    shipped_by: ShippedBy = ShippedBy.UNKNOWN
    document: Document = Document.UNKNOWN
    tracking_number: str = ""
    carrier_id: str = ""
    carrier_name: str = ""


class Goods(msgspec.Struct, frozen=True, omit_defaults=True):
    """One unit that is to go to the buyer: as much of it as the channel names."""

    sku_id: str = ""
    sku: str = ""  # the merchant's code
    name: str = ""

    @property
    def text(self) -> str:
        """It as people call it."""
        called = self.name or self.sku or self.sku_id or "an item without a name"
        return f"{self.name} ({self.sku})" if self.name and self.sku else called


class Instead(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the buyer gets instead of money: the goods that were asked for, and the order that brings them once it was
    made. Of a replacement no goods are named: it is the same once more."""

    goods: tuple[Goods, ...] = ()
    order_id: str = ""


class ChannelRefund(msgspec.Struct, frozen=True, omit_defaults=True):
    """Proof that the channel has paid. ``id`` names the payment, not the message that told of it, so that two
    messages of one payment are one proof."""

    id: str
    amount: Money
    at: int
    proof: str  # "status", "event" or "statement"


class ChannelCase(msgspec.Struct, frozen=True, omit_defaults=True):
    """One return, refund, replacement, exchange or cancellation as the channel shows it."""

    id: str
    order_id: str
    kind: Kind
    stage: Stage
    created_at: int
    updated_at: int
    raw_kind: str = ""
    raw_status: str = ""
    due: tuple[ActionDue, ...] = ()
    started_by: Actor = Actor.UNKNOWN
    reason_key: str = ""
    reason_text: str = ""
    refund_total: Money | None = None  # as given; the parts need not add up to it
    refund_parts: dict[str, Money] = {}
    freight: dict[str, Money] = {}  # who pays the way back: seller, platform, buyer
    units: tuple[ChannelUnit, ...] = ()
    way_back: WayBack = WayBack()
    quick_refund: bool = False  # the channel paid early: the parcel cannot be refused
    can_keep_item: bool = False
    dispute: str = ""  # the channel's arbitration word, empty when there is none
    offer: Money | None = None
    offer_refused: bool = False
    paid_instead: bool = False  # money went out in place of a replacement or an exchange
    replenish: bool | None = None  # whether goods of a cancellation go back on the shelf; None: the channel did not say
    previous_id: str = ""
    next_id: str = ""  # an edited request goes on under this id
    combined_id: str = ""
    refunds: tuple[ChannelRefund, ...] = ()
    unread: dict[str, str] = {}  # words and fields we do not know, kept and shown

    def action_due(self, action: Action) -> ActionDue | None:
        """The entry of this action, if the channel waits for it."""
        return next((due for due in self.due if due.action is action), None)


class ChannelOrderLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """One unit of the channel's order."""

    id: str
    sku_id: str = ""
    seller_sku: str = ""
    name: str = ""
    price: Money | None = None


class ChannelOrder(msgspec.Struct, frozen=True, omit_defaults=True):
    """The order a return belongs to. No buyer data: who needs it reads it and forgets it."""

    id: str
    status: str
    created_at: int
    updated_at: int
    currency: str
    total: Money | None = None
    lines: tuple[ChannelOrderLine, ...] = ()
    fulfilled_by_channel: bool = False
    special: str = ""  # "sample", "replacement", "exchange"
    delivered_at: int | None = None
    replaces: str = ""  # the order it replaces or exchanges
    postal_code: str = ""  # empty when masked; never kept as it is, see ``Seen.postal_code``


class ExternalReference(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where an order connector says the order lives in commerce; ``lines`` maps channel line id -> commerce line id."""

    platform: str
    order_id: str
    lines: dict[str, str] = {}


class UnitAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer for one unit; ``offer`` is the part of its refund that is paid."""

    unit: str
    decision: Decision
    reason_key: str = ""
    offer: Money | None = None


class UnitChoices(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the channel says may be answered for one unit now."""

    unit: str
    decisions: tuple[str, ...]
    reasons: tuple[tuple[str, str], ...] = ()  # for refusing it
    band: tuple[Money, Money] | None = None  # least and most of its refund that may be paid in part


class Answerable(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the channel says may be decided now; reasons are (key, text)."""

    decision: str  # a Decision value, or the vendor's own word when it is none of ours
    eligible: bool
    code: str = ""
    text: str = ""
    reasons: tuple[tuple[str, str], ...] = ()
    band: tuple[Money, Money] | None = None  # least and most that may be refunded in part
    subject: str = ""  # the channel's id of what is judged, where that is not the case
    lines: tuple[str, ...] = ()  # the lines of it that this case is about
    units: tuple[UnitChoices, ...] = ()  # for an answer to each unit
    fitting: dict[Condition, str] = {}  # for refusing a parcel: the reason that says what an inspector found


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the channel's own history of a case."""

    at: int
    event: str
    actor: Actor = Actor.UNKNOWN
    note: str = ""
