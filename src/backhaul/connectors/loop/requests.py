"""Pure: effects into requests."""

from __future__ import annotations

from typing import NamedTuple

from backhaul.connectors.loop import drafting
from backhaul.connectors.loop.client import body
from backhaul.domain.desk_effects import (
    CancelDeskReturn,
    CloseDeskReturn,
    NoteDeskReturn,
    OpenDeskReturn,
    ProcessDeskReturn,
    RequestDeskLabel,
)
from backhaul.domain.effects import AnyEffect
from backhaul.ports.connector import Prepared
from backhaul.ports.errors import Refused

NOTE_LIMIT = 254  # the vendor: fewer than 255 characters


class Act(NamedTuple):
    """A call on one return. ``state`` is what it brings about, ``told`` what a person reads when it was accepted."""

    path: str
    state: str
    told: str


ACTS: dict[type, Act] = {
    ProcessDeskReturn: Act("/warehouse/return/{}/process", "closed", "queued in Loop"),
    CloseDeskReturn: Act("/warehouse/return/{}/close", "closed", "closed in Loop without outcomes"),
    CancelDeskReturn: Act("/warehouse/return/{}/cancel", "cancelled", "cancelled in Loop"),
    NoteDeskReturn: Act("/warehouse/return/{}/note", "", "noted in Loop"),
    RequestDeskLabel: Act("/returns/{}/labels", "", "label queued in Loop"),
}


def prepare(wanted: AnyEffect, attachment: bytes | None = None) -> Prepared:
    """The exact request of an effect; of a return to be opened, what is to be submitted. Raises Refused when the vendor
    has no such call."""
    if isinstance(wanted, OpenDeskReturn):
        if not attachment:
            raise Refused("postal_code", "Loop opens no return without the order's postal code")
        return Prepared("POST", "/draft-returns", {}, drafting.wish(wanted, attachment.decode()))
    act = ACTS.get(type(wanted))
    if act is None:
        raise Refused("no_such_call", f"Loop has no call for {type(wanted).__name__}")
    return_id = getattr(wanted, "return_id", "")
    if not (return_id.isascii() and return_id.isdigit()):
        raise Refused("id", f"{return_id[:64]!r} is no id of a return in Loop")
    content = b""
    if isinstance(wanted, NoteDeskReturn):
        if not 0 < len(wanted.text) <= NOTE_LIMIT:
            raise Refused("note", f"a note in Loop has 1 to {NOTE_LIMIT} characters, this one {len(wanted.text)}")
        content = body({"content": wanted.text})
    return Prepared("POST", act.path.format(return_id), {}, content)
