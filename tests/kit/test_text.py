from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backhaul.kit.text import MASK, Secret, digits, is_secret_name, mask_headers, mask_url, span, truncate


@given(st.text(), st.integers(min_value=1, max_value=20))
def test_truncate_never_exceeds_and_never_touches_what_fits(text: str, limit: int) -> None:
    short = truncate(text, limit)
    assert len(short) <= limit
    assert (short == text) == (len(text) <= limit) or text.endswith("…")


def test_truncate_refuses_nothing() -> None:
    with pytest.raises(ValueError):
        truncate("a", 0)


def test_digits() -> None:
    assert digits("TT-00 12/٣x9") == "00129"


@pytest.mark.parametrize(
    "name", ["access_token", "X-Shop-Access-Token", "sign", "app_secret", "Authorization", "hmac", "key", "api-key"]
)
def test_secret_names(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["order_id", "monkey", "page_size", "timestamp", "Content-Type"])
def test_harmless_names(name: str) -> None:
    assert not is_secret_name(name)


def test_mask_url() -> None:
    url = "https://me:pw@host/p?order_id=7&access_token=abc&sign=f%20f&empty_token=#frag"
    assert mask_url(url) == "https://***@host/p?order_id=7&access_token=***&sign=***&empty_token=#frag"
    assert mask_url("https://host/p") == "https://host/p"
    assert "abc" not in mask_url("https://h/?access%5Ftoken=abc")


def test_mask_headers() -> None:
    assert mask_headers({"Accept": "a", "X-Access-Token": "t"}) == {"Accept": "a", "X-Access-Token": MASK}


def test_a_secret_shows_only_when_it_is_asked_to() -> None:
    secret = Secret("hush")
    assert "hush" not in f"{secret} {secret!r} {[secret]}"
    assert (secret.reveal(), bool(secret), bool(Secret(""))) == ("hush", True, False)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (-59.9, "59 s"), (60, "1 min"), (3600, "1 h 0 min"), (-7199, "1 h 59 min"), (90000, "1 d 1 h")],
)
def test_a_span_is_told_in_its_two_largest_units(seconds: float, text: str) -> None:
    assert span(seconds) == text
