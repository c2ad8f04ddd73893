"""What is said of a portal's address, and the words that ask for the redirect."""

from __future__ import annotations

from uuid import uuid4

import pytest

from backhaul.store.pages import Shop
from backhaul.work.portal_guide import request, unreachable

SHOP = Shop(uuid4(), "749", "Kiln & Co", "US", "USD", "UTC", "live", None, "channel", "hub", [], "")


@pytest.mark.parametrize(
    ("base", "says"),
    [
        ("https://returns.kiln.example", ""),
        ("http://returns.kiln.example", "not secure"),
        ("http://127.0.0.1:8642", "on this machine only"),
        ("http://localhost:8642", "BACKHAUL_PUBLIC_URL"),
        ("https://[::1]", "on this machine only"),
    ],
)
def test_an_address_that_buyers_cannot_open_is_said(base: str, says: str) -> None:
    found = unreachable(base)
    assert says in found
    assert bool(found) is bool(says)


def test_the_words_name_shop_channel_and_address() -> None:
    said = request(SHOP, "https://kiln.example/portal/1?order={order}&zip={zip}", "TikTok Shop")
    for part in (
        "Kiln & Co (shop id 749, market US)",
        "TikTok Shop",
        "\n\nhttps://kiln.example/portal/1?order={order}",
    ):
        assert part in said
