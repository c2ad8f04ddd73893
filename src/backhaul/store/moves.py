"""What a run changed of its case; :mod:`backhaul.store.recording` writes it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from backhaul.domain.effects import Effect, StartCancellation, StartReturn
from backhaul.domain.facts import Adopted
from backhaul.domain.strangers import Stranger
from backhaul.store.turns import Turn


class NewEffect(msgspec.Struct, frozen=True):
    """An intent (or a proposal) to be written."""

    effect: Effect
    key: str
    request: bytes | None


class HistoryLine(msgspec.Struct, frozen=True):
    """One line of the time-line. ``detail`` holds no personal data."""

    id: UUID
    at: int
    who: str
    what: str
    text: str
    detail: dict[str, Any] | None = None


class OpenException(msgspec.Struct, frozen=True):
    """A trouble that came up."""

    id: UUID
    key: str
    lane: str
    text: str
    todo: str
    waits_kind: str | None
    waits_id: str | None
    deadline: int | None
    retry: str
    console: bool
    at: int  # by the shop's clock


class MoneyEntry(msgspec.Struct, frozen=True):
    """A line of the refund ledger."""

    id: UUID
    key: str
    kind: str
    amount: int
    currency: str
    at: int
    source: str
    text: str


class Lifted(msgspec.Struct, frozen=True):
    """An entry of the refund ledger that holds no longer, and when that was found."""

    id: UUID  # of the line that lifts it
    key: str
    at: int


class Columns(msgspec.Struct, frozen=True):
    """What the grid shows and filters, and the two documents behind a case."""

    order_id: str
    kind: str
    status: str
    raw_status: str
    raw_kind: str
    reason_key: str
    reason_text: str
    requested_at: int
    updated_at: int
    next_action: str | None
    deadline: int | None
    total: int | None
    currency: str | None
    ended: bool
    attention: bool
    mode: str
    group_key: str
    commerce_order_id: str
    commerce_order_name: str
    desk_return_id: str
    view: bytes
    body: bytes
    policy_version: int


class Unit(msgspec.Struct, frozen=True):
    """One unit of a case as the search and the warehouse need it."""

    unit_id: str
    order_line_id: str
    sku: str
    name: str
    refund: int | None
    commerce_line_id: str
    received_at: int | None
    condition: str | None
    disposition: str | None
    adopted_return_id: str = ""  # the return of somebody else in commerce on which it stands
    adopted_number: int = 0


class Move(msgspec.Struct):
    """Everything one run has to write of its case, in one go."""

    turn: Turn
    new_effects: list[NewEffect] = []
    effects: dict[str, Effect] = {}  # by id: the state they are in now
    reported: dict[str, bool] = {}
    history: list[HistoryLine] = []
    opened: list[OpenException] = []
    closed: list[str] = []
    entries: list[MoneyEntry] = []
    lifted: list[Lifted] = []
    adopted: list[Adopted] = []  # refunds of somebody else in commerce that the case stands for from now on
    released: list[Adopted] = []  # and no longer
    gives_back: str = ""  # the order in commerce of which the case lets go something that another may be waiting for
    columns: Columns | None = None
    counted: tuple[str, bool] | None = None  # status and attention as they were counted before
    units: list[Unit] = []
    left: list[str] = []  # units that the channel shows with the case no more
    parcel: tuple[str, str] | None = None
    named: str | None = None  # the id that the channel has given the case
    link: tuple[str, str, str, str] | None = None  # channel order, commerce order, how, by
    release: tuple[int | None, int] | None = None  # when to look again, rank
    strangers: list[Stranger] = []  # what another program made in commerce
    sends: bool = False  # bytes leave as soon as this is written

    @property
    def starts(self) -> bool:
        """Whether a case is begun that its person can take back until it has left."""
        return any(isinstance(effect.wanted, (StartReturn, StartCancellation)) for effect in self.effects.values())

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (
            self.new_effects or self.effects or self.history or self.opened or self.closed or self.entries
            or self.lifted or self.adopted or self.released
            or self.columns or self.units or self.parcel or self.named or self.link or self.strangers or self.release
        )  # fmt: skip


class Lost(Exception):
    """The claim is somebody else's by now: drop everything."""


class Merged(Lost):
    """The case has become one with the case that goes by the same id of the channel."""


class Twin(Exception):
    """An open effect of the same target stands already, another case has adopted the same refund, or two runs waited
    for each other: drop everything and look again."""


class Halted(Exception):
    """The shop was switched to observe while the run was under way, or a case that is about to be started has heard
    something, maybe that nobody wants it any more: nothing is sent; drop everything and look again."""
