"""Effects: what changes the outside world at the channel and in commerce, and where each stands in the ledger."""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property

import msgspec

from backhaul.domain.desk_effects import (
    CancelDeskReturn,
    CloseDeskReturn,
    NoteDeskReturn,
    OpenDeskReturn,
    ProcessDeskReturn,
    RequestDeskLabel,
)
from backhaul.domain.money import Money
from backhaul.domain.wanted import Wanted
from backhaul.domain.words import Action, Decision, Disposition, Kind, Party


class Image(msgspec.Struct, frozen=True):
    """A picture as the channel knows it after its upload, with its size in pixels."""

    id: str
    mime: str
    width: int
    height: int


class Decide(Wanted, frozen=True, tag="decide"):
    """Answer what the channel waits for."""

    party = Party.CHANNEL
    money = True
    lane = "decision"
    named_by = ("case_id", "action", "round")

    case_id: str  # the channel's id
    action: Action
    round: int  # the how-many-eth review of this action
    decision: Decision
    reason_key: str = ""
    comment: str = ""
    offer: Money | None = None
    images: tuple[Image, ...] = ()
    subject: str = ""  # the channel's id of what is judged, where the channel named one
    lines: tuple[str, ...] = ()


class DecideUnits(Wanted, frozen=True, tag="decide_units"):
    """Answer for some units of what the channel judges; they may become a case of their own by it."""

    party = Party.CHANNEL
    money = True
    lane = "decision"
    named_by = ("case_id", "action", "round", "units")

    case_id: str
    action: Action
    round: int
    decision: Decision  # of the whole parcel's answers, the one that these units get
    units: tuple[str, ...]
    subject: str  # the channel's id of the parcel
    reason_key: str = ""
    comment: str = ""
    offer: Money | None = None
    images: tuple[Image, ...] = ()

    @cached_property
    def target(self) -> str:
        return self.identity("decide")


class StartReturn(Wanted, frozen=True, tag="start_return"):
    """Begin a refund or a return as the seller. The channel does not review it again."""

    party = Party.CHANNEL
    money = True
    lane = "decision"
    named_by = ("order_id",)

    order_id: str
    kind: Kind
    lines: tuple[str, ...]  # empty: the whole order
    reason_key: str
    amount: Money | None = None  # a part of what the channel would refund


class StartCancellation(Wanted, frozen=True, tag="start_cancellation"):
    """Cancel an order, or lines of it, as the seller."""

    party = Party.CHANNEL
    money = True
    lane = "decision"
    named_by = ("order_id",)

    order_id: str
    lines: tuple[str, ...]
    reason_key: str

    @property
    def kind(self) -> Kind:
        """What it begins."""
        return Kind.CANCELLATION


class UploadLabel(Wanted, frozen=True, tag="upload_label"):
    """Give the channel the document the buyer prints or shows. Once per return; it cannot be corrected."""

    party = Party.CHANNEL
    lane = "parcel"
    named_by = ("case_id",)

    case_id: str
    attachment: str  # id of the stored file
    sha256: str
    tracking_number: str
    carrier_id: str
    document: str = "label"


class UploadEvidence(Wanted, frozen=True, tag="upload_evidence"):
    """Give the channel a picture that a rejection is to name. Harmless to repeat."""

    party = Party.CHANNEL
    lane = "decision"
    named_by = ("attachment",)

    case_id: str
    attachment: str  # id of the stored file
    sha256: str
    name: str
    mime: str


class StampOrder(Wanted, frozen=True, tag="stamp_order"):
    """Write the channel's order id on the commerce order where an exact look-up finds it."""

    party = Party.COMMERCE
    lane = "records"
    named_by = ("order_id", "channel_order_id")

    order_id: str
    channel_order_id: str


class ReturnLine(msgspec.Struct, frozen=True):
    """Units of one shipped line that come back."""

    shipped_line_id: str
    quantity: int
    reason: str  # the commerce system's reason id
    note: str


class CreateReturn(Wanted, frozen=True, tag="create_return"):
    """Write the return into commerce. The trace in the note finds it again."""

    party = Party.COMMERCE
    lane = "records"
    named_by = ("case_id",)

    case_id: str
    order_id: str
    lines: tuple[ReturnLine, ...]
    requested_at: int
    units: tuple[str, ...] = ()  # the channel's ids of what is on it, as units may leave the case later


class StageLabel(Wanted, frozen=True, tag="stage_label"):
    """Put the label's file where commerce can show it. Harmless to repeat; its result is the file's address."""

    party = Party.COMMERCE
    lane = "records"
    named_by = ("attachment",)

    order_id: str
    attachment: str  # id of the stored file
    sha256: str


class AttachTracking(Wanted, frozen=True, tag="attach_tracking"):
    """Put the parcel's tracking number on the return in commerce, without a message to the buyer."""

    party = Party.COMMERCE
    lane = "records"
    named_by = ("return_id", "tracking_number")

    order_id: str
    return_id: str
    reverse_order_id: str
    tracking_number: str
    lines: tuple[tuple[str, int], ...] = ()  # (reverse line id, units); empty means all
    label_url: str = ""  # where the label's file was put


class UpdateDelivery(Wanted, frozen=True, tag="update_delivery"):
    """Put on a parcel that the return in commerce shows already what it lacks: its number, the label's file. Without a
    message to the buyer."""

    party = Party.COMMERCE
    lane = "records"
    named_by = ("delivery_id", "tracking_number", "attachment")

    order_id: str
    return_id: str
    delivery_id: str
    tracking_number: str
    attachment: str = ""  # id of the label's stored file; empty: its number alone
    label_url: str = ""  # where that file was put


class Dispose(Wanted, frozen=True, tag="dispose"):
    """Say what became of units that came back. The only effect that moves stock."""

    party = Party.COMMERCE
    lane = "stock"
    named_by = ("return_id", "units")

    order_id: str
    return_id: str
    reverse_line_id: str
    quantity: int
    disposition: Disposition
    units: tuple[str, ...]  # the channel's unit ids, which name this very verdict
    before: int  # units of this reverse line and disposition already on the books when this was planned
    location: str = ""


class BookRefund(Wanted, frozen=True, tag="book_refund"):
    """Write into commerce that the channel has paid. Moves no money; of stock only what ``release`` names."""

    party = Party.COMMERCE
    money = True
    lane = "money"
    named_by = ("refund_id",)

    case_id: str
    refund_id: str  # the channel's refund record
    order_id: str
    amount: Money
    lines: tuple[tuple[str, int], ...]  # (line id, units)
    paid_at: int  # the channel's date
    parent_payment: str
    gateway: str
    differs: bool = False  # the amount is not the lines' own price
    unfulfilled: bool = False
    release: tuple[tuple[str, int], ...] = ()  # (line id, units) never shipped, no longer kept for the order
    location: str = ""  # where the released units stand


class CloseReturn(Wanted, frozen=True, tag="close_return"):
    """Nothing is left to do on the return in commerce."""

    party = Party.COMMERCE
    lane = "records"
    named_by = ("return_id",)

    order_id: str
    return_id: str


class CancelReturn(Wanted, frozen=True, tag="cancel_return"):
    """The channel's case ended without goods: take the return in commerce back."""

    party = Party.COMMERCE
    lane = "records"
    named_by = ("return_id",)

    order_id: str
    return_id: str


AnyEffect = (
    Decide
    | DecideUnits
    | StartReturn
    | StartCancellation
    | UploadLabel
    | UploadEvidence
    | StampOrder
    | CreateReturn
    | StageLabel
    | AttachTracking
    | UpdateDelivery
    | Dispose
    | BookRefund
    | CloseReturn
    | CancelReturn
    | OpenDeskReturn
    | RequestDeskLabel
    | ProcessDeskReturn
    | CloseDeskReturn
    | CancelDeskReturn
    | NoteDeskReturn
)


class Repeat(StrEnum):
    """How an effect may be tried again when its answer was lost."""

    KEYED = "keyed"  # the vendor knows our key: send the same bytes
    REFUSED_IF_DONE = "refused_if_done"  # the vendor refuses or ignores a second one: send the same bytes
    FINDABLE = "findable"  # look for it by a strong read, then send or adopt
    UNSAFE = "unsafe"  # a person has to look


class Safety(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a vendor's effect may be repeated. ``memory_s`` is how long KEYED holds; afterwards ``then``.
    ``settle_s`` is how long after a request may have left its effect may still come to light."""

    repeat: Repeat
    memory_s: int = 0
    then: Repeat = Repeat.UNSAFE
    settle_s: int = 5


class EffectState(StrEnum):
    """Where an effect stands. ``SENT`` without an answer is a state, not an error."""

    PROPOSED = "proposed"  # observe: written down, never sent
    INTENT = "intent"  # committed with its exact request, not sent
    SENT = "sent"  # bytes may have left; the answer is not in
    ACCEPTED = "accepted"  # the vendor said yes; not read back
    CONFIRMED = "confirmed"  # a read shows our state on our terms
    REFUSED = "refused"  # the vendor said no
    SUPERSEDED = "superseded"  # a read shows somebody else's state
    DROPPED = "dropped"  # a person took it back, or it was never sent and is no longer wanted


OPEN = frozenset({EffectState.INTENT, EffectState.SENT, EffectState.ACCEPTED})
DONE = frozenset({EffectState.ACCEPTED, EffectState.CONFIRMED, EffectState.SUPERSEDED})


class Effect(msgspec.Struct, frozen=True, omit_defaults=True):
    """One row of the ledger, as far as the plan needs it. The exact request stays in the store."""

    id: str
    wanted: AnyEffect
    state: EffectState
    safety: Safety
    created_at: int
    because: str = ""
    by: str = ""  # who asked: a person, "policy", "deadline"
    attempts: int = 0
    sent_at: int | None = None  # first time bytes may have left
    dead_at: int | None = None  # after this the last attempt cannot reach the vendor any more
    answered_at: int | None = None
    code: str = ""
    text: str = ""
    result: str = ""  # the vendor's id of what was made
    words: int = 0  # the last word that people had said of the case when it last changed; see Said
    taken_over: bool = False  # another process had sent it and never reported

    @property
    def target(self) -> str:
        """The identity of the effect within its case."""
        return self.wanted.target

    @property
    def open(self) -> bool:
        """Whether it may still change the outside world or waits to be read back."""
        return self.state in OPEN
