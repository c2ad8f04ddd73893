"""The shop's own page on which a buyer asks for a return: how it is set, how order numbers and postal codes are
compared, what an order's units may become, and where its cases stand in a buyer's words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from enum import StrEnum
from urllib.parse import unquote

import msgspec

from backhaul.domain.channel import ChannelCase, ChannelOrderLine
from backhaul.domain.facts import Seen
from backhaul.domain.money import Money
from backhaul.domain.said import Said
from backhaul.domain.starting import reasons_of
from backhaul.domain.starts import Start, Startable
from backhaul.domain.steps import View
from backhaul.domain.words import RESHIPPED, Action, Kind, Stage

KINDS = (Kind.RETURN, Kind.REFUND)


class Redirect(StrEnum):
    """Whether the channel sends buyers from its own return button to the portal. It does so for shops it has
    allow-listed, which somebody has to ask for."""

    NOT_ASKED = "not_asked"
    ASKED = "asked"
    ON = "on"


class Redirected(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far the redirect is, since when (by the shop's clock) and who said so."""

    state: Redirect = Redirect.NOT_ASKED
    asked_at: int | None = None
    asked_by: str = ""
    on_at: int | None = None
    on_by: str = ""


class Texts(msgspec.Struct, frozen=True, omit_defaults=True):
    """A shop's own words in one language; what is empty is said in the default words."""

    title: str = ""
    introduction: str = ""
    help: str = ""


class Portal(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a shop's portal is set. ``texts`` go by language: "de", "pt-br"."""

    open: bool = False
    kinds: tuple[Kind, ...] = (Kind.RETURN,)
    texts: dict[str, Texts] = {}
    redirect: Redirected = Redirected()


LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})?")
LIMITS = {"title": 80, "introduction": 1000, "help": 2000}  # characters


# What controls a terminal, or turns letters round. All else that phones write is kept: joined emoji, those that are
# newer than this program, and blanks that do not break.
_UNSHOWABLE = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def unshowable(text: str) -> bool:
    """Whether words hold a character that cannot be shown."""
    return _UNSHOWABLE.search(text) is not None


def problem(language: str, texts: Texts) -> str:
    """What is wrong with words for a language; empty when nothing is."""
    if not LANGUAGE.fullmatch(language):
        return f"“{language[:20]}” is no language: write it as “de” or “pt-br”."
    for name, limit in LIMITS.items():
        said = getattr(texts, name)
        if len(said) > limit:
            return f"The {name} is longer than {limit} characters."
        if unshowable(said):
            return f"The {name} holds a character that cannot be shown."
    return ""


# -- what a buyer types, or an address carries

LONGEST = 64  # characters of an order number or a postal code
OWN_DIGITS = 9  # a number of at most so many digits is the shop's own: a channel's are far longer
_PLACEHOLDER = re.compile(r"[{\[<(%]+ *[\w. -]+ *[}\]>)%]+|\$+[{(]? *[\w.-]+ *[})]?|:[a-z_]+", re.I)
_ORDER_NAMES = frozenset({"order", "orderid", "ordernumber"})
_CODE_NAMES = frozenset({"zip", "zipcode", "postcode", "postalcode"})


class Mistake(StrEnum):
    """Why nothing was looked up."""

    NO_ORDER = "no_order"
    NO_CODE = "no_code"
    EMAIL = "email"
    OWN_NUMBER = "own_number"  # the shop's number of the order, not the channel's
    NO_NUMBER = "no_number"


def given(parameters: Iterable[tuple[str, str]]) -> tuple[str, str]:
    """Order number and postal code that an address carries, by any of their names; empty for none, and for a
    placeholder that nobody has replaced."""
    found = {"order": "", "code": ""}
    for name, value in parameters:
        plain = name.lower().replace("_", "").replace("-", "")
        which = "order" if plain in _ORDER_NAMES else "code" if plain in _CODE_NAMES else ""
        value = value.strip()
        if which and not found[which] and len(value) <= LONGEST and value.isprintable() and not placeholder(value):
            found[which] = value
    return found["order"], found["code"]


def placeholder(value: str) -> bool:
    """Whether this is the name of a value and not the value: "{order}", "[ZIP]", "$ORDER", "%7Bzip%7D"."""
    return _PLACEHOLDER.fullmatch(unquote(value).strip()) is not None


def order_number(text: str) -> str:
    """An order number without what people type around it."""
    return re.sub(r"[\s#‐-―-]", "", unicodedata.normalize("NFKC", text))


def postal_code(text: str) -> str:
    """A postal code in the one form in which codes are compared: without spaces, hyphens and case, and of a US code
    with its four more digits the first five. Empty for none."""
    plain = "".join(each for each in unicodedata.normalize("NFKC", text).upper() if each.isalnum())
    return plain[:5] if len(plain) == 9 and plain.isdecimal() else plain


def mistake(order: str, code: str) -> Mistake | None:
    """What is wrong with what a buyer has typed, before anything is looked up."""
    if "@" in order or "@" in code:
        return Mistake.EMAIL
    number = order_number(order)
    if not number:
        return Mistake.NO_ORDER
    if not postal_code(code):
        return Mistake.NO_CODE
    if len(number) > LONGEST or not (number.isascii() and number.isalnum()):
        return Mistake.NO_NUMBER
    return Mistake.OWN_NUMBER if len(number) <= OWN_DIGITS else None


# -- what an order's units may become


class Offer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a buyer may ask for, as the channel said it once in a visit."""

    lines: tuple[ChannelOrderLine, ...]
    startable: dict[Kind, tuple[Startable, ...]] = {}


class Why(StrEnum):
    """Why a unit cannot be asked for."""

    TAKEN = "taken"  # a case that there is already is about it
    REFUSED = "refused"  # the channel says no, maybe with a text
    UNNAMED = "unnamed"  # the channel says nothing of it


class Unit(msgspec.Struct, frozen=True):
    """One unit of the order, the ``number``-th of ``count`` alike; ``why`` is None when it may be asked for."""

    id: str
    name: str
    sku: str
    price: Money | None
    number: int
    count: int
    why: Why | None = None
    text: str = ""  # the channel's own words for it


def units_of(offer: Offer, kind: Kind, taken: frozenset[str]) -> tuple[Unit, ...]:
    """The order's units, and whether a case of this kind may be asked for on each; ``taken`` are those that one there
    is already about."""
    found = []
    for line in offer.lines:
        alike = [each.id for each in offer.lines if _like(each) == _like(line)]
        why, text = (Why.TAKEN, "") if line.id in taken else _refusal(offer, kind, line.id)
        sku = line.seller_sku or line.sku_id
        number = alike.index(line.id) + 1
        found.append(Unit(line.id, line.name or sku, sku, line.price, number, len(alike), why, text))
    return tuple(found)


def _refusal(offer: Offer, kind: Kind, line: str) -> tuple[Why | None, str]:
    said = [each for each in offer.startable.get(kind, ()) if not each.lines or line in each.lines]
    refused = next((each for each in said if not each.eligible), None)
    if refused is not None:
        return Why.REFUSED, refused.text
    return (None, "") if said else (Why.UNNAMED, "")


def _like(line: ChannelOrderLine) -> tuple[str, str, str]:
    return line.name, line.sku_id, line.seller_sku


def reasons_for(offer: Offer, kind: Kind, lines: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Reasons (key, text) that fit at least one of these lines, each once."""
    found: dict[str, str] = {}
    for line in lines:
        for key, text in reasons_of(Start(kind, "", "", 0, (line,)), offer.startable.get(kind, ())):
            found.setdefault(key, text)
    return tuple(found.items())


# -- where a case stands, for the buyer


class Standing(StrEnum):
    """A case in a buyer's words."""

    ASKED = "asked"
    LOOKING = "looking"
    NOT_TAKEN = "not_taken"  # the channel refuses it as it was asked for; the shop may find another way
    DECLINED = "declined"
    OFFERED = "offered"
    SEND_BACK = "send_back"
    SEND_FIRST_BACK = "send_first_back"  # of an exchange, whose new goods are on their way
    ON_ITS_WAY = "on_its_way"
    ARRIVED = "arrived"
    REFUSED = "refused"
    ACCEPTED = "accepted"
    RESHIPPED = "reshipped"  # accepted, and goods go out instead of money
    REFUNDED = "refunded"
    DONE = "done"  # a replacement or an exchange
    CANCELLED = "cancelled"


_STANDING = {
    Stage.REQUESTED: Standing.LOOKING,
    Stage.OFFERED: Standing.OFFERED,
    Stage.AWAITING_SHIPMENT: Standing.SEND_BACK,
    Stage.SHIPPED: Standing.ON_ITS_WAY,
    Stage.REQUEST_REJECTED: Standing.REFUSED,
    Stage.PARCEL_REJECTED: Standing.REFUSED,
    Stage.ACCEPTED: Standing.ACCEPTED,
    Stage.CANCELLED: Standing.CANCELLED,
    Stage.UNKNOWN: Standing.LOOKING,
}
_FREE = frozenset({Stage.CANCELLED, Stage.REQUEST_REJECTED, Stage.PARCEL_REJECTED})


class Shown(msgspec.Struct, frozen=True):
    """One case of the order as its buyer sees it."""

    kind: Kind
    standing: Standing
    lines: tuple[str, ...]  # of the order; empty: all
    words: str = ""  # the shop's, when it declined
    carrier: str = ""
    tracking: str = ""
    total: Money | None = None
    label: str = ""  # the attachment that holds it, while it is needed
    free: bool = False  # its units may be asked for again
    hidden: bool = False  # the seller is about to begin it: nothing for the buyer to read yet


def shown(seen: Seen, said: Said, view: View) -> Shown | None:
    """A case for its buyer; None for goods that came without a return."""
    case, start = seen.channel, said.start
    if case is not None:
        return _of_channel(case, seen, said, view)
    if start is None:
        return None
    if said.withdrawn is not None:
        standing = Standing.DECLINED
    elif view.status == "not_started":
        standing = Standing.NOT_TAKEN
    elif view.status == "new" or (view.status == "starting" and not view.observing):
        standing = Standing.ASKED
    else:
        standing = Standing.LOOKING
    free, hidden = said.withdrawn is not None, not start.buyer
    return Shown(start.kind, standing, start.lines, said.declined, total=view.money.expected, free=free, hidden=hidden)


_FIRST_GOODS = {
    "awaiting_buyer": Standing.SEND_FIRST_BACK,
    "partly_received": Standing.SEND_FIRST_BACK,
    "in_transit": Standing.ON_ITS_WAY,
}


_TO_SEND = (Standing.SEND_BACK, Standing.SEND_FIRST_BACK)


def _first_goods(view: View) -> Standing:
    """Where the first goods are when the new ones were sent: no status of the channel tells of them."""
    parcel = view.lanes.get("parcel")
    return _FIRST_GOODS.get(parcel.state, Standing.DONE) if parcel is not None else Standing.DONE


def _of_channel(case: ChannelCase, seen: Seen, said: Said, view: View) -> Shown:
    goods = case.kind in RESHIPPED and not case.paid_instead  # they go out, and no money
    if case.stage is Stage.COMPLETED:
        standing = _first_goods(view) if goods else Standing.REFUNDED
    elif case.stage is Stage.ACCEPTED and goods:
        standing = Standing.RESHIPPED
    else:
        standing = _STANDING[case.stage]
    arrived = said.received or case.action_due(Action.JUDGE_PARCEL)
    if standing in (Standing.SEND_BACK, Standing.ON_ITS_WAY) and arrived:
        standing = Standing.ARRIVED
    label = said.label or seen.desk_label
    way = case.way_back
    return Shown(
        case.kind,
        standing,
        tuple(unit.order_line_id for unit in case.units),
        carrier=way.carrier_name or (label.carrier_name if label else ""),
        tracking=way.tracking_number or (label.tracking_number if label else ""),
        total=view.money.paid or (None if goods else case.refund_total),
        label=label.attachment if label is not None and standing in _TO_SEND else "",
        free=case.stage in _FREE,
    )
