"""What came of a story under a merchant's own settings: what was decided and by whom, the money, the end, and what
stands in the way, with the setting that puts it there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from backhaul.domain.money import Money
from backhaul.rehearsal.house import BY, House
from backhaul.simulator.scenario.judging import Shown, judge, never_twice, order_books
from backhaul.simulator.scenario.model import Expected
from backhaul.simulator.scenario.world import Cast, Mishap, Play

STARTED = "SELLER_STARTED"  # what the channel's books say of a case that the seller has begun: it asks nobody then
PEOPLE, NOBODY = "people", "nobody"
# The beginning of an exception's key -> the setting that causes it.
SETTINGS: Mapping[str, str] = {
    "gateway": "payment methods confirmed to move no money (backhaul shop SHOP --gateway NAME)",
    "moves_money": "the payment method that the order connector writes",
    "order": "the order connector: it has to write the channel's order id",
    "lines": "SKU aliases (backhaul shop SHOP --alias CHANNEL=COMMERCE)",
    "reason": "the reason map of the policy",
    "location": "where restocked units go (backhaul shop SHOP --location NAME)",
    "booker": "who books refunds (backhaul shop SHOP --booker WHO)",
    "second": "another program that writes returns or refunds, and who books (backhaul shop SHOP --booker WHO)",
    "desk": "the desk's own rules and switches",
    "console": "nothing: the channel takes this answer in Seller Center alone",
    "invalid": "the answers and reasons of the policy",
}


class Decided(msgspec.Struct, frozen=True):
    """An answer that the channel took, and whose it was."""

    decision: str
    by: str


class Trouble(msgspec.Struct, frozen=True):
    """What stands in the way."""

    key: str
    text: str
    todo: str
    setting: str


class Outcome(msgspec.Struct, frozen=True):
    """What came of one story. ``differs`` is what is not as the file has it, ``fails`` what must not be; ``broken`` is
    why it could not be played to its end, which says nothing about the settings."""

    scenario: str
    title: str
    seller: str  # people: as written; nobody: only the merchant's rules
    decided: tuple[Decided, ...]
    paid: str
    booked: str
    end: str
    ended: bool
    begun: bool  # whether the hub has a case of it
    fails: tuple[Trouble, ...]
    differs: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    broken: str = ""


async def outcome(house: House, play: Play, books: Mapping[str, Any]) -> Outcome:
    """What came of a story that has been played."""
    details, shown = await _seen(house, play)
    channel = books["shops"][play.shop["id"]]
    cases = list(play.cases.values())
    ends = {each.case: each for each in play.scenario.end}
    paid = sum(row["amount"] for row in channel["refunds"] if _about(row, cases))
    booked = sum(each["amount_minor"] for each in order_books(play, books).get("refunds", ()))
    fails = [Trouble("twice", text, "Tell the makers of Backhaul.", "") for text in never_twice(play, books)]
    for case in () if play.broken else cases:
        fails += _in_the_way(details[case.name], ends[case.name], idle=play.idle)
    last = [detail for detail in details.values() if detail is not None]
    currency = play.shop["currency"]
    nowhere = "unknown to the hub" if cases else "never begun"
    return Outcome(
        scenario=play.scenario.name,
        title=play.scenario.title,
        seller=NOBODY if play.idle else PEOPLE,
        decided=tuple(_decided(channel["decisions"], cases, last)),
        paid=str(Money(paid, currency)),
        booked=str(Money(booked, currency)),
        end=", ".join(detail["case"]["status"] for detail in last) or nowhere,
        begun=bool(last),
        ended=bool(last) and all(detail["case"]["ended"] for detail in last),
        fails=tuple(fails),
        differs=() if play.idle or play.broken else tuple(judge(play, play.scenario.end, books, shown, calm=True)),
        left_out=tuple(play.left_out),
        broken=play.broken,
    )


async def _seen(house: House, play: Play) -> tuple[dict[str, dict[str, Any] | None], dict[str, Shown | None]]:
    """What the hub shows of each case, whole and in short. Where it cannot, the story is broken, if it was not."""
    details: dict[str, dict[str, Any] | None] = {}
    shown: dict[str, Shown | None] = {}
    for name, case in play.cases.items():
        try:
            shown[name] = await house.seller.shown(play, name)
            details[name] = await house.seller.detail(case)
        except Mishap as error:
            play.broken = play.broken or str(error)
    return details, shown


def _about(row: Mapping[str, Any], cases: Iterable[Cast]) -> bool:
    return any(case.id in (row.get("return_id"), row.get("cancel_id")) for case in cases)


def _decided(rows: Iterable[dict[str, Any]], cases: list[Cast], details: list[dict[str, Any]]) -> Iterable[Decided]:
    """The channel's own list of what was decided; the hub knows whose the answers of its app were, and who began what
    the channel then took without a question."""
    sent = [each for detail in details for each in detail["effects"] if each["sent_at"]]
    answers = iter([each["by"] for each in sent if each["kind"] in ("decide", "decide_units")])
    begun = iter([each["by"] for each in sent if each["kind"] == "start_return"])
    for row in rows:
        if _about(row, cases):
            ours = begun if row["decision"] == STARTED else answers if row["actor"] == "SELLER" else None
            by = next(ours, "hub") if ours is not None else row["actor"].lower().replace("_", " ")
            yield Decided(row["decision"], "a person" if by == BY else by)


def _in_the_way(detail: dict[str, Any] | None, expected: Expected, *, idle: bool) -> Iterable[Trouble]:
    """Exceptions that the story does not speak of, and a case that has not come to its end."""
    if detail is None:
        yield Trouble("unknown", "The hub does not know the case.", "", "")
        return
    known = expected.exceptions or ()
    found = [each for each in detail["exceptions"] if not each["key"].startswith(known or ("\0",))]
    for each in found:
        setting = next((text for key, text in SETTINGS.items() if each["key"].startswith(key)), "")
        yield Trouble(each["key"], each["text"], each["todo"], setting)
    if not found and not idle and expected.ended and not detail["case"]["ended"]:
        lanes = detail["view"]["lanes"]
        waits = ", ".join(f"{name} ({lane['state']})" for name, lane in lanes.items() if not lane["terminal"])
        yield Trouble("open", f"The case has not come to its end; open: {waits}.", "", "")
