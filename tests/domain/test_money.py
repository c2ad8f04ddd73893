from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backhaul.domain.money import EXPONENTS, Money, total


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("20.47", "USD", 2047),
        ("1", "USD", 100),
        ("0.2", "USD", 20),
        (".5", "USD", 50),
        ("5.", "USD", 500),
        ("-3.10", "GBP", -310),
        ("1200", "JPY", 1200),
        ("1200.00", "JPY", 1200),
        ("1.234", "KWD", 1234),
        ("28.460000", "USD", 2846),
    ],
)
def test_decimal_text_becomes_minor_units(text: str, currency: str, minor: int) -> None:
    assert Money.parse(text, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    "text", ["", ".", "1,50", "1e3", "NaN", "Infinity", " 1", "1 ", "٢٠", "1.2.3", "0x1", "1" * 19]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an amount of"):
        Money.parse(text, "USD")


@pytest.mark.parametrize(("text", "currency"), [("1.005", "USD"), ("1.5", "JPY"), ("1.0001", "KWD")])
def test_more_decimals_than_the_currency_has_are_refused_not_rounded(text: str, currency: str) -> None:
    with pytest.raises(ValueError, match="more decimals"):
        Money.parse(text, currency)


def test_currencies_never_mix() -> None:
    assert Money(1, "USD") + Money(2, "USD") == Money(3, "USD")
    assert Money(1, "USD") - Money(2, "USD") == Money(-1, "USD")
    with pytest.raises(ValueError, match="cannot mix"):
        Money(1, "USD") + Money(1, "EUR")
    with pytest.raises(ValueError, match="cannot mix"):
        Money(1, "USD") - Money(1, "EUR")


@given(st.integers(-(10**15), 10**15), st.sampled_from(["USD", "GBP", *EXPONENTS]))
def test_text_and_back(minor: int, currency: str) -> None:
    money = Money(minor, currency)
    assert Money.parse(money.text(), currency) == money
    assert str(money) == f"{money.text()} {currency}"


def test_amounts_together() -> None:
    assert total([Money(1, "USD"), Money(-3, "USD")]) == Money(-2, "USD")
    assert total([]) is None
    assert total([Money(1, "USD"), None]) is None
    with pytest.raises(ValueError, match="cannot mix"):
        total([Money(1, "USD"), Money(1, "EUR")])
