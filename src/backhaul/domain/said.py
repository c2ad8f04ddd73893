"""What people, and a returns desk, have said of one case."""

from __future__ import annotations

import msgspec

from backhaul.domain.channel import ChannelRefund, UnitAnswer
from backhaul.domain.money import Money
from backhaul.domain.starts import Blind, Confirmed, Start
from backhaul.domain.words import Action, Condition, Decision, Disposition


class Label(msgspec.Struct, frozen=True, omit_defaults=True):
    """A label that a person, or the desk, gave us."""

    attachment: str
    sha256: str
    tracking_number: str
    carrier_id: str
    by: str
    at: int
    document: str = "label"
    carrier_name: str = ""
    word: int = 0  # its number among all that people say; 0: the desk's


class Vote(msgspec.Struct, frozen=True, omit_defaults=True):
    """A desk's or a person's answer to what the channel waits for."""

    action: Action
    round: int  # the review; 0: one of the case that this one was a part of
    decision: Decision
    by: str
    at: int
    reason_key: str = ""
    comment: str = ""
    offer: Money | None = None
    desk: str = "own"
    evidence: tuple[str, ...] = ()  # pictures that go with a rejection, by their attachments
    units: tuple[UnitAnswer, ...] = ()  # an answer for each unit, with by_unit
    bare: bool = False  # it may go without a picture that the channel does not take
    word: int = 0  # its number among all that people say; 0: the policy's, or the desk's


class Evidence(msgspec.Struct, frozen=True):
    """A picture that a person gave us, with its size in pixels."""

    attachment: str
    sha256: str
    name: str
    mime: str
    width: int
    height: int
    by: str
    at: int


class Verdict(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an inspection found of one unit, and what becomes of it."""

    condition: Condition
    disposition: Disposition
    by: str
    at: int
    note: str = ""


class Asked(msgspec.Struct, frozen=True):
    """A person asked for another try: its number among all that people say, and when."""

    word: int
    at: int


class Said(msgspec.Struct, frozen=True, omit_defaults=True):
    """What people told us of this case, folded from their commands. They are numbered as they are stored, and ``words``
    is the last: what was said after an answer is known by that, as both may fall into one second."""

    words: int = 0
    votes: tuple[Vote, ...] = ()
    received: dict[str, int] = {}  # unit -> when
    verdicts: dict[str, Verdict] = {}
    label: Label | None = None
    linked: str = ""  # commerce order id a person chose
    linked_by: str = ""
    line_links: dict[str, str] = {}  # unit -> commerce line id
    waived: frozenset[str] = frozenset()  # lanes
    retries: dict[str, Asked] = {}  # by effect target, or "look:<source>"
    taken: bool = False  # an old open case taken over into live
    proofs: tuple[ChannelRefund, ...] = ()  # payments that the channel's events told of
    desk_failure: tuple[str, str, int] | None = None  # return in the desk, why it could not be processed, when
    evidence: dict[str, Evidence] = {}  # attachment -> picture
    start: Start | None = None
    confirmed: Confirmed | None = None
    blind: Blind | None = None
    withdrawn: int | None = None  # when a person gave up what was not started yet
    declined: str = ""  # and what the buyer who had asked for it is told
