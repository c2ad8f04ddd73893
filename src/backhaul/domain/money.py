"""Money: integer minor units and a currency, never a float."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal

import msgspec

PLAIN = re.compile(r"[+-]?\d{1,18}(\.\d{0,18})?|[+-]?\.\d{1,18}", re.ASCII)

# Currencies whose smallest amount in use is not 1/100 (IDR has cents by ISO 4217 only, not in trade).
EXPONENTS = {"JPY": 0, "KRW": 0, "VND": 0, "IDR": 0, "CLP": 0, "KWD": 3, "BHD": 3, "TND": 3}


class Money(msgspec.Struct, frozen=True, array_like=True):
    """An amount in minor units (cents, yen) of one currency."""

    minor: int
    currency: str

    @classmethod
    def parse(cls, text: str, currency: str) -> Money:
        """Read a decimal string as vendors send it (``"20.47"``, ``"1"``, ``"0.2"``).

        Raises ValueError when the text is no finite number or has more decimals than the currency.
        """
        try:
            if not PLAIN.fullmatch(text):
                raise ValueError(text)
            scaled = Decimal(text).scaleb(exponent(currency))
            minor = int(scaled)
        except (ArithmeticError, ValueError, TypeError) as error:
            raise ValueError(f"{text!r} is not an amount of {currency}") from error
        if scaled != minor:
            raise ValueError(f"{text!r} has more decimals than {currency} knows")
        return cls(minor, currency)

    def text(self) -> str:
        """The amount as a plain decimal string, without the currency: ``"20.47"``."""
        places = exponent(self.currency)
        return f"{Decimal(self.minor).scaleb(-places):.{places}f}"

    def __str__(self) -> str:
        return f"{self.text()} {self.currency}"

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other), self.currency)

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            raise ValueError(f"cannot mix {self.currency} and {other.currency}")
        return other.minor


def total(amounts: Iterable[Money | None]) -> Money | None:
    """All of them together; None for none at all, and where one is not known. Raises ValueError for two currencies."""
    found: Money | None = None
    for amount in amounts:
        if amount is None:
            return None
        found = amount if found is None else found + amount
    return found


def exponent(currency: str) -> int:
    """How many decimals the currency has."""
    return EXPONENTS.get(currency, 2)
