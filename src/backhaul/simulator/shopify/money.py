"""Money of the simulator: integer minor units inside, the vendor's decimal strings outside.

Written apart from the hub's own money on purpose: a shared mistake would hide itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

_NO_MINOR_UNIT = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"]
)
_THREE_DIGITS = frozenset(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"])


def digits(currency: str) -> int:
    """How many decimal places the currency has."""
    if currency in _NO_MINOR_UNIT:
        return 0
    return 3 if currency in _THREE_DIGITS else 2


def to_minor(text: str | int | float | Decimal, currency: str) -> int:
    """Minor units of a decimal amount. Raises ValueError for what is no amount or has too many places."""
    try:
        value = Decimal(str(text)).scaleb(digits(currency))
    except InvalidOperation as error:
        raise ValueError(f"{text!r} is not an amount") from error
    if not value.is_finite() or value != value.to_integral_value():
        raise ValueError(f"{text!r} is not an amount in {currency}")
    return int(value)


def plain(minor: int, currency: str) -> str:
    """``1050`` in USD is ``10.50``: the form of the Money scalar and of webhook bodies."""
    places = digits(currency)
    return f"{Decimal(minor).scaleb(-places):.{places}f}"


def short(minor: int, currency: str) -> str:
    """``1050`` in USD is ``10.5`` and ``1000`` is ``10.0``: the form of the Decimal scalar."""
    text = plain(minor, currency)
    if "." not in text:
        return text + ".0"
    text = text.rstrip("0")
    return text + "0" if text.endswith(".") else text


def share(total: int, part: int, whole: int) -> int:
    """The part of a total that falls on ``part`` of ``whole`` units, half up."""
    if whole == 0:
        return 0
    return int((Decimal(total) * part / whole).quantize(Decimal(1), rounding=ROUND_HALF_UP))


@dataclass(slots=True, eq=False)
class Money:
    amount: str
    currency_code: str


@dataclass(slots=True, eq=False)
class MoneyBag:
    presentment_money: Money
    shop_money: Money


def bag(minor: int, presentment: str, shop: str, rate: Decimal) -> MoneyBag:
    """An amount in the buyer's currency and in the shop's; ``rate`` is shop units for one presentment unit."""
    shown = Money(short(minor, presentment), presentment)
    if presentment == shop:
        return MoneyBag(shown, shown)
    moved = (Decimal(minor).scaleb(-digits(presentment)) * rate).scaleb(digits(shop))
    return MoneyBag(shown, Money(short(int(moved.quantize(Decimal(1), rounding=ROUND_HALF_UP)), shop), shop))
