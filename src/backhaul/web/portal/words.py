"""What buyers read. The shop's own words go before these, in the language that the browser asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from backhaul.domain.portal import Mistake, Shown, Standing, Texts, Unit, Why
from backhaul.domain.words import Kind
from backhaul.kit.text import span

DEFAULT = Texts(
    "Return an item",
    "You need two things: the order number from {channel}, and the postal code that the order was sent to. Your e-mail "
    "address does not work here.",
    "The order number is in the app of {channel}: open your orders, choose the order, and copy the number from its "
    "details. It has about 18 digits.\nThe postal code is that of the address the order was sent to.\n"
    "An e-mail address does not work, as {channel} does not pass yours on to shops.",
)
MISTAKE = {
    Mistake.NO_ORDER: "Type your order number.",
    Mistake.NO_CODE: "Type the postal code that the order was sent to.",
    Mistake.EMAIL: "An e-mail address does not work here: {channel} does not pass yours on to us. Use the order number "
    "from the app, and the postal code that the order was sent to.",
    Mistake.OWN_NUMBER: "This looks like a number of our own. The order number from the app of {channel} is needed: it "
    "has about 18 digits.",
    Mistake.NO_NUMBER: "This is no order number: it has digits only, about 18 of them.",
}
NOT_FOUND = (
    "We find no order with this number and postal code. Compare both with the app: the postal code is that of the "
    "address the order was sent to."
)
AWAY = "{channel} does not answer right now. Nothing was lost: try again in a moment."
ENDED = "Your visit has ended, as it lasts half an hour. Look your order up again."
ANOTHER = "You have looked up another order since this page was opened. Look this one up again."
STAYS = "What you typed stays: it is there again when your order is found."
KEPT = "Here is what you typed before. It is not sent yet."
RENEWED = "Your order was looked up again since this page was opened. Check what stands here, then send it once more."
KIND = {
    Kind.RETURN: ("Send it back", "You send the items back and get your money once they have arrived."),
    Kind.REFUND: ("Keep it, ask for a refund", "You keep the items. The shop looks at your request first."),
}
CASE = {
    Kind.RETURN: "Return",
    Kind.REFUND: "Refund",
    Kind.REPLACEMENT: "Replacement",
    Kind.EXCHANGE: "Exchange",
    Kind.CANCELLATION: "Cancellation",
}


class Said(NamedTuple):
    """What is said of a case: a title, a sentence and a tone of the design system."""

    title: str
    text: str
    tone: str


STANDING = {
    Standing.ASKED: Said("We have your request", "Look again in a minute to see how it goes on.", "info"),
    Standing.LOOKING: Said("Being looked at", "The shop looks at your request. The answer is shown here.", "info"),
    Standing.NOT_TAKEN: Said(
        "Not possible like this",
        "{channel} does not take this request as it is. The shop looks at what can be done "
        "instead. The answer is shown here.",
        "warn",
    ),
    Standing.DECLINED: Said("Declined", "The shop does not take this request.", "bad"),
    Standing.OFFERED: Said(
        "The shop has made an offer", "You are offered a part of the money. Answer in the app of {channel}.", "warn"
    ),
    Standing.SEND_BACK: Said("Send it back", "Your return is accepted. Send the items back now.", "warn"),
    Standing.SEND_FIRST_BACK: Said(
        "Send the first one back",
        "The shop sends you another item: look for the new order in the app of {channel}. "
        "The first one is still to be sent back.",
        "warn",
    ),
    Standing.ON_ITS_WAY: Said("On its way", "Your parcel is on its way to the shop.", "info"),
    Standing.ARRIVED: Said("Arrived", "Your parcel has arrived. The shop looks at what is in it.", "info"),
    Standing.REFUSED: Said("Refused", "The shop has refused it. What you can do is in the app of {channel}.", "bad"),
    Standing.ACCEPTED: Said("Accepted", "{channel} pays your money back in the next days.", "good"),
    Standing.RESHIPPED: Said(
        "Accepted", "The shop sends you another item. Look for the new order in the app of {channel}.", "good"
    ),
    Standing.REFUNDED: Said("Refunded", "Your money has been paid back.", "good"),
    Standing.DONE: Said("Done", "Look for the new order in the app of {channel}.", "good"),
    Standing.CANCELLED: Said("Cancelled", "This request was cancelled.", "neutral"),
}
_RAIL = {
    Kind.RETURN: (
        ("Asked", (Standing.ASKED, Standing.LOOKING, Standing.OFFERED)),
        ("Send back", (Standing.SEND_BACK,)),
        ("On its way", (Standing.ON_ITS_WAY,)),
        ("Arrived", (Standing.ARRIVED, Standing.ACCEPTED)),
        ("Refunded", (Standing.REFUNDED,)),
    ),
    Kind.REFUND: (
        ("Asked", (Standing.ASKED, Standing.LOOKING, Standing.OFFERED)),
        ("Accepted", (Standing.ACCEPTED,)),
        ("Refunded", (Standing.REFUNDED,)),
    ),
}


def rail(shown: Shown) -> tuple[tuple[str, str], ...]:
    """The way of a case in steps: (name, "done", "now" or "later"); none where it is off that way."""
    steps = _RAIL.get(shown.kind, ())
    here = next((at for at, (_, standings) in enumerate(steps) if shown.standing in standings), -1)
    if here < 0:
        return ()
    last = shown.standing is Standing.REFUNDED
    return tuple(
        (name, "done" if at < here or last else "now" if at == here else "later") for at, (name, _) in enumerate(steps)
    )


def why(unit: Unit) -> str:
    """Why a unit cannot be asked for."""
    if unit.why is Why.TAKEN:
        return "A return or refund of it is under way or done."
    if unit.why is Why.REFUSED:
        return unit.text[:1].upper() + unit.text[1:] or "{channel} does not allow it for this item now."
    return "{channel} does not offer it for this item."


def locked(left_s: int) -> str:
    """How long nothing is looked up."""
    return f"There were too many tries. To keep orders safe, try again in {span(max(60, left_s))}."


def language(accepted: str, wanted: str, known: Mapping[str, Texts]) -> str:
    """The language of ours that a browser (or an address) asks for first; empty for none."""
    asked: list[tuple[float, int, str]] = []
    for at, part in enumerate([f"{wanted};q=2", *accepted.split(",")[:20]]):
        name, *parameters = (each.strip().lower() for each in part.split(";"))
        try:
            weight = next((float(each[2:]) for each in parameters if each.startswith("q=")), 1.0)
        except ValueError:
            continue
        if name and weight > 0:
            asked.append((-weight, at, name))
    for _, _, name in sorted(asked):
        # "de-at" is served by "de", and by "de-ch" where there is nothing nearer.
        family = name.partition("-")[0]
        near = [each for each in (name, family) if each in known]
        near += sorted(each for each in known if each.partition("-")[0] == family)
        if near or family == "en":
            return near[0] if near else ""
    return ""


def texts(known: Mapping[str, Texts], language: str, channel: str) -> Texts:
    """The words of a page: the shop's own, and the default ones where it has none."""
    own = known.get(language, known.get("en", Texts()) if not language else Texts())
    return Texts(
        own.title or DEFAULT.title,
        own.introduction or DEFAULT.introduction.format(channel=channel),
        own.help or DEFAULT.help.format(channel=channel),
    )
