"""What a plan consists of: steps, questions to a person, troubles, ledger entries, and where each lane stands."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from backhaul.domain.effects import AnyEffect, EffectState
from backhaul.domain.facts import Adopted, Place
from backhaul.domain.money import Money
from backhaul.domain.words import Action, Decision, Party


class Source(StrEnum):
    """What can be read again."""

    CASE = "case"
    ANSWERABLE = "answerable"
    ORDER = "order"
    MATCH = "match"
    COMMERCE = "commerce"
    DESK = "desk"
    START = "start"  # whether a case may be started, and for how much
    BESIDE = "beside"  # the cases of an order: is ours among them?
    DESK_LABEL = "desk_label"
    CARRIERS = "carriers"
    INSTEAD = "instead"  # what the buyer gets instead of money

    @property
    def party(self) -> Party:
        """Whom the read asks first."""
        if self in (Source.DESK, Source.DESK_LABEL):
            return Party.DESK
        return Party.COMMERCE if self in (Source.MATCH, Source.COMMERCE) else Party.CHANNEL


class Look(msgspec.Struct, frozen=True):
    """Read this again, because the next guard needs it."""

    source: Source
    because: str
    rank: int = 50


class Write(msgspec.Struct, frozen=True):
    """Write the intent of a new effect; it is sent in the next step."""

    wanted: AnyEffect
    because: str
    by: str
    rank: int = 50


class Send(msgspec.Struct, frozen=True):
    """Send an effect whose intent stands: the first time, or the same bytes again."""

    effect_id: str
    party: Party
    because: str
    rank: int = 40


class Settle(msgspec.Struct, frozen=True):
    """What a read has shown of an effect."""

    effect_id: str
    state: EffectState
    text: str
    rank: int = 10
    code: str = ""
    result: str = ""  # the vendor's id of what was made, where only this read shows it


class Warn(msgspec.Struct, frozen=True):
    """A deadline comes near and nothing has answered it. ``keys`` are all marks this warning covers."""

    keys: tuple[str, ...]
    action: Action
    deadline: int
    hours: int
    rank: int = 5


Step = Look | Write | Send | Settle | Warn


class UnitQuestion(msgspec.Struct, frozen=True, omit_defaults=True):
    """One unit and the answers that are open for it, with what its verdict amounts to."""

    unit: str
    name: str
    refund: Money | None
    options: tuple[Decision, ...]
    reasons: tuple[tuple[str, str], ...] = ()
    band: tuple[Money, Money] | None = None
    suggested: Decision | None = None
    suggested_reason: str = ""


class Question(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something only a person can answer, with what happens if nobody does."""

    kind: str  # "decision", "label", "inspection", "start"
    text: str
    action: Action | None = None
    round: int = 1
    options: tuple[Decision, ...] = ()
    reasons: tuple[tuple[str, str], ...] = ()
    deadline: int | None = None
    otherwise: str = ""
    pays: tuple[tuple[Decision, Money], ...] = ()  # what the buyer gets by each answer, where the answers differ
    suggested: Decision | None = None  # what the verdicts amount to
    suggested_reason: str = ""
    units: tuple[UnitQuestion, ...] = ()  # where each unit may get its own answer


class Trouble(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a lane cannot go on: a row in Exceptions. ``key`` names it within the case, so that it is opened once and
    closed when the cause has gone. ``waits_on`` is (what, id) whose arrival wakes the case."""

    key: str
    lane: str
    text: str
    todo: str
    waits_on: tuple[str, str] | None = None
    deadline: int | None = None
    retry: str = ""  # what a person's "try again" asks for
    console: bool = False  # to be done in the channel's own console


class Entry(msgspec.Struct, frozen=True):
    """A line of the refund ledger; written once per key, never changed. One that holds no longer is lifted by a line
    of the kind "released"."""

    key: str
    kind: str  # "paid", "booked", "adopted", "residual"
    amount: Money
    at: int
    source: str
    text: str = ""


class Lane(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where one lane stands. ``terminal``: nothing is left to do or to wait for."""

    state: str
    text: str = ""
    terminal: bool = False


class MoneyView(msgspec.Struct, frozen=True, omit_defaults=True):
    """Both sides of the money and what explains their difference."""

    expected: Money | None = None
    paid: Money | None = None
    booked: Money | None = None
    residuals: tuple[tuple[str, Money], ...] = ()
    difference: Money | None = None


class Draft:
    """Collects what the lanes have to say; :func:`backhaul.domain.plan.plan` freezes it."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.questions: list[Question] = []
        self.troubles: list[Trouble] = []
        self.entries: list[Entry] = []
        self.wake_at: int | None = None
        self.money = MoneyView()
        self.places: tuple[Place, ...] = ()
        self.adopted: tuple[Adopted, ...] = ()

    def wake(self, at: int | None) -> None:
        """Look again at this time, or earlier."""
        if at is not None and (self.wake_at is None or at < self.wake_at):
            self.wake_at = at


class Plan(msgspec.Struct, frozen=True):
    """What is to be done now, what a person is asked, what stands in the way, and when to look again."""

    lanes: dict[str, Lane]
    steps: tuple[Step, ...]
    questions: tuple[Question, ...]
    troubles: tuple[Trouble, ...]
    entries: tuple[Entry, ...]
    wake_at: int | None
    ended: bool
    status: str
    next_action: Action | None
    deadline: int | None
    money: MoneyView
    places: tuple[Place, ...] = ()  # the units that the case holds on somebody else's return in commerce
    adopted: tuple[Adopted, ...] = ()  # the refunds of others in commerce that stand for its payments


class View(msgspec.Struct, frozen=True, omit_defaults=True):
    """A plan as pages show it and as the next run compares it with its own. Stored beside the case."""

    lanes: dict[str, Lane] = {}
    questions: tuple[Question, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    entries: tuple[str, ...] = ()  # keys of the refund ledger that are written
    money: MoneyView = MoneyView()
    status: str = "new"
    next_action: Action | None = None
    deadline: int | None = None
    wake_at: int | None = None
    ended: bool = False
    observing: bool = True
    proposed: tuple[str, ...] = ()  # what would be sent if the shop were live
