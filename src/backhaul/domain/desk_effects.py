"""Effects on the returns desk: its return opened, labelled, processed, ended, and told what the channel decided."""

from __future__ import annotations

import msgspec

from backhaul.domain.wanted import Wanted
from backhaul.domain.words import Party


class DeskLineWanted(msgspec.Struct, frozen=True):
    """Units of one commerce line that the desk is to take back, for its own reason."""

    line_id: str
    sku: str
    quantity: int
    parent_reason: str
    reason: str


class OpenDeskReturn(Wanted, frozen=True, tag="open_desk_return"):
    """Open the case's return in the desk, for a refund and nothing else. What the desk asks for beside the order's name
    (a postal code) is not named here: the ledger keeps nothing of a buyer that can be read."""

    party = Party.DESK
    lane = "desk"
    named_by = ("case_id",)

    case_id: str
    order_id: str  # the commerce order
    order_name: str
    lines: tuple[DeskLineWanted, ...]
    note: str = ""


class RequestDeskLabel(Wanted, frozen=True, tag="request_desk_label"):
    """Have the desk make a label for its return."""

    party = Party.DESK
    lane = "parcel"
    named_by = ("return_id",)

    return_id: str


class ProcessDeskReturn(Wanted, frozen=True, tag="process_desk_return"):
    """Have the desk carry out its outcomes: it refunds in commerce. Only after the channel's acceptance was read."""

    party = Party.DESK
    money = True
    lane = "desk"
    named_by = ("return_id",)

    return_id: str


class CloseDeskReturn(Wanted, frozen=True, tag="close_desk_return"):
    """End the desk's return without outcomes: nothing is paid, the units stay used up."""

    party = Party.DESK
    lane = "desk"
    named_by = ("return_id",)

    return_id: str


class CancelDeskReturn(Wanted, frozen=True, tag="cancel_desk_return"):
    """Call the desk's return off: the units may be returned again."""

    party = Party.DESK
    lane = "desk"
    named_by = ("return_id",)

    return_id: str


class NoteDeskReturn(Wanted, frozen=True, tag="note_desk_return"):
    """Write a note on the desk's return. ``about`` names what it tells, so that it is told once."""

    party = Party.DESK
    lane = "desk"
    named_by = ("return_id", "about")

    return_id: str
    about: str
    text: str


DeskEffect = OpenDeskReturn | RequestDeskLabel | ProcessDeskReturn | CloseDeskReturn | CancelDeskReturn | NoteDeskReturn
