"""Whether a story has come to what its file says: a pure comparison with the simulator's books and with what the hub
shows. What the channel did is judged case by case, what stands in commerce for the story as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from backhaul.simulator.scenario.model import UNKNOWN, Expected
from backhaul.simulator.scenario.world import Cast, Play

_TAKEN_BACK = ("CANCELED", "CANCELLED")


@dataclass(frozen=True, slots=True)
class Shown:
    """What the hub shows of a case: its word for where it stands, the keys of open exceptions, what it asks."""

    status: str
    ended: bool
    exceptions: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()


def judge(
    play: Play, expected: Iterable[Expected], books: Mapping[str, Any], shown: Mapping[str, Shown | None], *, calm: bool
) -> list[str]:
    """Everything that is not as it should be, each in a sentence. `calm` is for a run without bad days; on bad days
    the channel's own automation may have been quicker than the seller's app, and then counts as well."""
    wanted = list(expected)
    found: list[str] = []
    for each in wanted:
        if each.case not in play.cases:
            found.append(f"{each.case}: nobody has asked for it")
            continue
        case = play.cases[each.case]
        channel = books["shops"][play.shop["id"]]
        told = [*_channel(case, each, channel, calm=calm), *_hub(each, shown.get(each.case))]
        if each.channel == UNKNOWN:
            told += _strangers(play, channel)
        found += [f"{case.name}: {text}" if len(play.cases) > 1 else text for text in told]
    return found + _commerce(wanted, order_books(play, books)) + _desk(wanted, desk_returns(play, books))


def never_twice(play: Play, books: Mapping[str, Any]) -> list[str]:
    """What must hold whatever happens: nobody is paid twice, nothing is booked, labelled or put back twice."""
    found: list[str] = []
    channel = books["shops"][play.shop["id"]]
    for case in play.cases.values():
        paid, labels = len(_rows(channel["refunds"], case)), len(_rows(channel["labels"], case))
        if paid > 1:
            found.append(f"the channel paid {paid} times for {case.name}")
        if labels > 1:
            found.append(f"{labels} labels were uploaded for {case.name}")
    for each in desk_returns(play, books):
        if len(each["refunds"]) > 1:
            found.append(f"the desk paid {len(each['refunds'])} times for its return {each['id']}")
    order = order_books(play, books)
    notes = Counter(each["note"] for each in order.get("refunds", ()) if each["by"] == "app")
    found += [f"booked {count} times: {note}" for note, count in notes.items() if count > 1]
    for each in order.get("returns", ()):
        came, fates = (
            sum(one["quantity"] for one in each["lines"]),
            sum(one["quantity"] for one in each["dispositions"]),
        )
        if fates > came:
            found.append(f"{fates} units of {each['name']} were disposed of, and {came} came back")
        numbers = [one["number"] for one in each["tracking"] if one["number"]]
        if len(numbers) != len(set(numbers)):
            found.append(f"a parcel stands twice on {each['name']}: {numbers}")
    # Units of a cancelled order never left the shelf: releasing them with the booking moves nothing.
    booked = [line for each in order.get("refunds", ()) if each["by"] == "app" for line in each["lines"]]
    if any(line["restocked"] and line["restock_type"] != "CANCEL" for line in booked):
        found.append("a booking has moved stock")
    if order and order["refunded_minor"] > order["received_minor"]:
        found.append("more was booked than the order brought in")
    return found


def order_books(play: Play, books: Mapping[str, Any]) -> dict[str, Any]:
    """The commerce system's books of the story's order; empty when nobody has touched it."""
    store = play.shop.get("commerce")
    if not store or not play.order.get("commerce_id"):
        return {}
    found: dict[str, Any] = books["commerce"][store["domain"]]["orders"].get(play.order["commerce_id"], {})
    return found


def desk_returns(play: Play, books: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The returns of the story's order in the desk, with what the desk paid for each; none without a desk."""
    store, name = play.shop.get("commerce"), play.order.get("commerce_name")
    if not play.shop.get("desk") or not store or not name:
        return []
    desk = books["loop"][store["domain"]]
    return [
        {**each, "refunds": [row for row in desk["refunds"] if row["return_id"] == each["id"]]}
        for each in desk["returns"].values()
        if each["order"] == name
    ]


def _rows(rows: Iterable[dict[str, Any]], case: Cast) -> list[dict[str, Any]]:
    return [row for row in rows if case.id in (row.get("return_id"), row.get("cancel_id"))]


def _channel(case: Cast, expected: Expected, channel: Mapping[str, Any], *, calm: bool) -> list[str]:
    state = channel["cancellations" if case.is_cancellation else "returns"].get(case.id, {}).get("status", UNKNOWN)
    decisions = _rows(channel["decisions"], case)
    ours = tuple(row["decision"] for row in decisions if row["actor"] == "SELLER")
    others = tuple(row["decision"] for row in decisions if row["actor"] != "SELLER")
    paid = sum(row["amount"] for row in _rows(channel["refunds"], case))
    labels = len(_rows(channel["labels"], case))
    found = _compare("the channel shows", expected.channel, state)
    found += _compare("the channel paid", expected.paid, paid)
    found += _compare("labels uploaded", expected.labels, labels)
    pictures = sum(len(row.get("image_ids", ())) for row in decisions)
    found += _compare("pictures sent as evidence", expected.pictures, pictures)
    if calm:
        found += _compare("the seller's app decided", expected.decided, ours)
        found += _compare("others decided", expected.others, others)
    elif expected.decided is not None and Counter(ours) - Counter(expected.decided):
        found.append(f"the seller's app decided {list(ours)}, expected no more than {list(expected.decided)}")
    return found


def _strangers(play: Play, channel: Mapping[str, Any]) -> list[str]:
    """Cases of the order that the channel has and the story has not."""
    mine = {case.id for case in play.cases.values()}
    rows = [*channel["returns"].items(), *channel["cancellations"].items()]
    found = [case_id for case_id, row in rows if row["order_id"] == play.order["id"] and case_id not in mine]
    return [f"the channel has cases of the order that nobody was to begin: {', '.join(found)}"] if found else []


def _hub(expected: Expected, shown: Shown | None) -> list[str]:
    wants = (expected.hub, expected.ended, expected.exceptions, expected.questions)
    if all(each is None for each in wants):
        return []
    if shown is None:
        return ["the hub has no such case"]
    found = _compare("the hub shows", expected.hub, shown.status)
    if expected.ended is not None and expected.ended != shown.ended:
        found.append("the hub has ended the case" if shown.ended else "for the hub the case has not ended")
    if expected.exceptions is not None:
        strange = [key for key in shown.exceptions if not key.startswith(expected.exceptions or ("\0",))]
        lacking = [key for key in expected.exceptions if not any(one.startswith(key) for one in shown.exceptions)]
        if strange:
            found.append(f"exceptions nobody expected: {', '.join(strange)} ({'; '.join(shown.texts)})")
        if lacking:
            found.append(f"expected the exceptions {', '.join(lacking)}, found {', '.join(shown.exceptions) or 'none'}")
    if expected.questions is not None:
        found += _compare("the hub asks", tuple(sorted(expected.questions)), tuple(sorted(shown.questions)))
    return found


def _commerce(expected: list[Expected], order: dict[str, Any]) -> list[str]:
    live = [each for each in order.get("returns", ()) if each["status"] not in _TAKEN_BACK]
    refunds = order.get("refunds", ())
    fates = [one["type"] for each in live for one in each["dispositions"] for _ in range(one["quantity"])]
    found: list[str] = []
    if any(each.booked is not None for each in expected):
        wanted = sum(each.booked or 0 for each in expected)
        found += _compare("booked in commerce", wanted, sum(each["amount_minor"] for each in refunds))
    found += _compare_lists("bookings by", [each.booked_by for each in expected], [each["by"] for each in refunds])
    found += _compare_lists(
        "returns in commerce", [each.returns for each in expected], [each["status"] for each in live]
    )
    return found + _compare_lists("stock", [each.stock for each in expected], fates)


def _desk(expected: list[Expected], returns: list[dict[str, Any]]) -> list[str]:
    reasons = [
        f"{line['parent_reason']} / {line['reason']}"
        for each in returns
        for line in each["lines"]
        if not line["removed"]
    ]
    found = _compare_lists("returns in the desk", [each.desk for each in expected], [each["state"] for each in returns])
    return found + _compare_lists("reasons in the desk", [each.desk_reasons for each in expected], reasons)


def _compare(what: str, expected: Any, found: Any) -> list[str]:
    if expected is None or expected == found:
        return []
    return [f"{what} {_plain(found)}, expected {_plain(expected)}"]


def _compare_lists(what: str, expected: list[tuple[str, ...] | None], found: list[str]) -> list[str]:
    if all(each is None for each in expected):
        return []
    wanted = sorted(word for each in expected for word in each or ())
    return [] if wanted == sorted(found) else [f"{what}: {_plain(sorted(found))}, expected {_plain(wanted)}"]


def _plain(value: Any) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(value) or "nothing"
    return str(value)
