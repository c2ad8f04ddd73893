"""One time-line of a case: what the channel showed, what people said, what the hub did. Newest last."""

from __future__ import annotations

import msgspec

from backhaul.domain.words import Actor
from backhaul.store.case_page import Case
from backhaul.web.words import happened


class Event(msgspec.Struct, frozen=True):
    """One line. ``at`` is Unix seconds by the shop's clock."""

    at: float
    who: str
    title: str
    text: str = ""
    tone: str = "neutral"


BEGINNER = {Actor.SELLER: "seller", Actor.PLATFORM: "channel", Actor.SYSTEM: "channel"}
TONES = {
    "deadline.warning": "warn",
    "exception.opened": "bad",
    "effect.refused": "bad",
    "effect.unknown": "warn",
    "effect.accepted": "info",
    "effect.confirmed": "good",
    "money.paid": "good",
    "money.booked": "good",
    "money.adopted": "good",
    "money.residual": "warn",
    "money.released": "warn",
    "order.matched": "info",
    "order.missing": "warn",
    "order.ambiguous": "warn",
}


def timeline(case: Case) -> list[Event]:
    """All events of a case in the order in which they happened. The history tells of every effect in its own words."""
    events = [
        Event(row.at, row.who, happened(row.what, row.text), tone=TONES.get(row.what, "neutral"))
        for row in case.history
    ]
    begun = case.said.start or case.said.blind  # with us: the history tells of it
    if case.row.requested_at and not begun:
        by = case.seen.channel.started_by if case.seen.channel else Actor.UNKNOWN
        asked = by in (Actor.BUYER, Actor.UNKNOWN)
        who, title = ("buyer", "Asked for it on the channel") if asked else (BEGINNER[by], "Begun on the channel")
        events.append(Event(case.row.requested_at, who, title, case.row.reason_text))
    return sorted(events, key=lambda event: event.at)
