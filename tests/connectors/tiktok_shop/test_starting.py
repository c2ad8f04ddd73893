"""What the channel says of starting a case: reasons come as names, and are read by people."""

from __future__ import annotations

import pytest

from backhaul.connectors.tiktok_shop.starting import reason_words, startable


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ecom_order_delivered_refund_reason_damaged_seller", "Damaged"),
        ("ecom_order_delivered_refund_and_return_reason_wrong_product_seller", "Wrong product"),
        ("ecom_seller_order_delivered_refund_reason_return_proxy_app", "Return proxy app"),
        ("seller_return_late_delivery", "Late delivery"),
        ("seller_shipped_refund_package_lost", "Package lost"),
        ("seller_package_lost", "Package lost"),
        ("buyer_return_and_refund_item_arrived_too_late_uk", "Item arrived too late"),
        ("seller_ecom_delivered_return_refund_reason1", "Not needed any more"),
        ("seller_ecom_delivered_return_refund_reason1_uk", "Not needed any more"),
        ("seller_ecom_delivered_return_refund_reason2", ""),
        ("", ""),
    ],
)
def test_the_words_in_a_reasons_name(name: str, words: str) -> None:
    assert reason_words(name) == words


def test_reasons_come_with_their_words() -> None:
    row = {
        "line_item_eligibility": [
            {
                "request_type": "REFUND",
                "eligible": True,
                "order_line_items_ids": ["l1"],
                "available_reason_names": ["seller_package_lost"],
            }
        ]
    }
    assert startable([row])[0].reasons == (("seller_package_lost", "Package lost"),)
