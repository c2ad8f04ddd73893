"""How moments, amounts and lengths of time are written."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from backhaul.domain.money import Money
from backhaul.kit.clock import Affine
from backhaul.store.pages import Shop
from backhaul.web import rendering, words


def shop(zone: str = "America/Los_Angeles", clock: Affine | None = None) -> Shop:
    return Shop(uuid4(), "1", "Kiln", "US", "USD", zone, "live", 0, "channel", "hub", [], "", clock=clock)


def test_a_moment_is_in_the_shops_zone_with_utc_on_hover() -> None:
    text = rendering.when(1_700_000_000, shop())
    assert ">14 Nov, 14:13<" in text
    assert "2023-11-14 22:13:20 UTC" in text
    assert 'datetime="2023-11-14T22:13:20+00:00"' in text
    assert ">14 Nov, 22:13<" in rendering.when(1_700_000_000, shop("No/Such_Zone"))


def test_a_moment_of_another_year_says_which_and_its_zone_where_that_matters() -> None:
    later = 1_700_000_000 + 60 * 86400
    assert ">14 Nov 2023, 14:13<" in rendering.when(1_700_000_000, shop(), real=later)
    assert ">14 Nov, 14:13 PST<" in rendering.when(1_700_000_000, shop(), real=1_700_000_000, named=True)
    assert ">15 Nov, 05:13 UTC+07<" in rendering.when(1_700_000_000, shop("Asia/Ho_Chi_Minh"), named=True)
    clock = Affine(0.0, 1_700_000_000.0, 1.0)  # a simulated shop's year is its own
    assert ">14 Nov, 22:13<" in rendering.when(1_700_000_000, shop("UTC", clock), real=60)


def test_the_databases_own_time_is_told_in_the_shops_time() -> None:
    clock = Affine(1_700_000_000.0, 1_700_000_000.0, 60.0)
    real = datetime.fromtimestamp(1_700_000_060, UTC)
    assert ">14 Nov, 23:13<" in rendering.when(real, shop("UTC", clock))
    assert ">14 Nov, 22:14<" in rendering.when(real, shop("UTC"))


def test_money_lines_say_what_they_are() -> None:
    assert words.happened("money.paid", "5.00 USD (event)") == "Paid by the channel: 5.00 USD (event)"
    assert words.happened("order.matched", "Found.") == "Found."


@pytest.mark.parametrize(
    ("left", "text", "tone"),
    [
        (90_000, "1 d 1 h", "far"),
        (7_260, "2 h 1 min", "near"),
        (4 * 3600, "4 h 0 min", "soon"),
        (59, "59 s", "near"),
        (-61, "1 min over", "over"),
    ],
)
def test_a_countdown(left: int, text: str, tone: str) -> None:
    html = rendering.countdown(1_000_000 + left, shop(), 1_000_000.0)
    assert f">{text}<" in html
    assert f'class="countdown {tone}"' in html


def test_a_countdown_follows_the_shops_own_clock() -> None:
    clock = Affine(1000.0, 500_000.0, 60.0)
    html = rendering.countdown(500_000 + 3600, shop(clock=clock), 1030.0)
    assert ">30 min<" in html
    assert 'data-clock="1000.0 500000.0 60.0"' in html


def test_amounts() -> None:
    assert rendering.money(5498, "USD") == "54.98 USD"
    assert rendering.money(5498, "JPY") == "5498 JPY"
    assert rendering.money(Money(5, "USD")) == "0.05 USD"
    assert rendering.money(None, "USD") == "–"


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", "//x", "", "http://[bad"])
def test_only_web_addresses_become_links(address: str) -> None:
    assert rendering.safe_link(address) == ""


def test_unknown_words_are_shown() -> None:
    assert words.pair(words.STATUS, "brand_new") == ("Brand new", "neutral")
    assert words.plain("NEW_WORD_2027") == "NEW_WORD_2027"


def test_addresses_leave_out_what_is_empty() -> None:
    assert rendering.address("/", {"a": "1", "b": ""}, c="x&y") == "/?a=1&c=x%26y"
