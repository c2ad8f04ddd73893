from __future__ import annotations

import json
from pathlib import Path

import pytest

from backhaul.domain.reasons import FALLBACK, OTHER, WORDS, DeskReason, commerce_reason, coverage, desk_reason
from tests.skips import needs_spec

KEYS = Path(__file__).parents[3] / "shared" / "specs" / "tiktok-reason-keys.json"
# Handles of the public taxonomy of return reasons that we map to.
HANDLES = {
    "other-reason", "received-the-wrong-item", "item-not-as-described", "too-small", "too-big", "size",
    "damaged-or-defective", "arrived-late", "changed-my-mind", "color", "style", "duplicate-order",
}  # fmt: skip


@pytest.mark.parametrize(
    ("key", "handle"),
    [
        ("ecom_order_delivered_refund_and_return_reason_no_need", "changed-my-mind"),
        ("ecom_order_delivered_refund_and_return_reason_not_match_description_uk", "item-not-as-described"),
        ("ecom_order_delivered_refund_and_return_reason_missing_product", "other-reason"),
        ("ecom_order_delivered_refund_and_return_reason_defective", "damaged-or-defective"),
        ("ecom_order_delivered_refund_and_return_reason_wrong_product_JP", "received-the-wrong-item"),
        ("buyer_return_and_refund_item_doesn't_fit", "size"),
        ("buyer_return_and_refund_item_is_too_small/short", "too-small"),
        ("buyer_return_and_refund_item_is_too_big/long", "too-big"),
        ("buyer_return_and_refund_item_arrived_too_late", "arrived-late"),
        ("buyer_return_and_refund_quality_or_style_not_as_expected", "item-not-as-described"),
        ("buyer_return_and_refund_product_is_expired/spoiled", "damaged-or-defective"),
        ("buyer_refund_package_didn't_arrive_on_time", "arrived-late"),
    ],
)
def test_the_words_inside_a_key_decide(key: str, handle: str) -> None:
    assert commerce_reason(key, "", {}) == (handle, "word")


@pytest.mark.parametrize("text", ["Chocolate related", "ambiguous plate", "outfit", "unsuitable by surprise", ""])
def test_a_word_counts_only_where_it_begins_one(text: str) -> None:
    assert commerce_reason("some_new_key", text, {}) == (FALLBACK, "fallback")


def test_the_merchants_own_map_comes_first() -> None:
    assert commerce_reason("defective", "", {"defective": "gid://reason/9"}) == ("gid://reason/9", "policy")


def test_the_text_helps_when_the_key_says_nothing() -> None:
    assert commerce_reason("reason_17", "Too small for me", {})[0] == "too-small"


def test_all_words_lead_to_a_handle_we_know() -> None:
    assert {handle for _, handle in WORDS} | {FALLBACK} == HANDLES


@needs_spec("tiktok-reason-keys.json")
def test_every_published_key_has_an_answer_and_most_buyers_keys_a_telling_one() -> None:
    rows = json.loads(KEYS.read_text())["reasons"]
    found = {row["key"]: commerce_reason(row["key"], "", {}) for row in rows}
    assert {handle for handle, _ in found.values()} <= HANDLES
    returns = {row["key"] for row in rows if row["case"] == "RETURN_AND_REFUND" and row["used_by"] == "BUYER"}
    vague = {key for key in returns if found[key][1] == "fallback"}
    assert len(returns) > 25
    assert len(vague) * 5 < len(returns), sorted(vague)


# The desk's own tree, as a merchant may have named it.
TREE = (
    DeskReason("Fit", "Too Small"),
    DeskReason("Fit", "Too Big"),
    DeskReason("Quality", "Arrived DAMAGED"),
    DeskReason("Changed my mind"),
    DeskReason("Other", "Something else"),
)


@pytest.mark.parametrize(
    ("key", "own", "known", "expected"),
    [
        ("k", {"k": DeskReason("Fit", "Too Big")}, TREE, (TREE[1], "policy", "")),
        ("k", {"k": DeskReason("fit", "too big")}, TREE, (TREE[1], "policy", "")),  # the desk's spelling is sent
        ("k", {"k": DeskReason("fit", "too big")}, (), (DeskReason("fit", "too big"), "policy", "")),
        ("item_too_small", {}, TREE, (TREE[0], "word", "")),
        ("it_is_defective", {}, TREE, (TREE[2], "word", "")),
        ("no_need", {}, TREE, (TREE[3], "word", "")),
        ("item_too_small", {}, (), (OTHER, "fallback", "")),  # nothing is guessed about a list never seen
        ("brand_new_key", {}, (OTHER, *TREE), (OTHER, "fallback", "")),
        ("brand_new_key", {}, TREE, (TREE[4], "fallback", "The desk has no reason “Other”, the fallback.")),
        ("k", {"k": DeskReason("Gone")}, (OTHER,), (OTHER, "fallback", "The desk has no reason “Gone”.")),
        ("too_big", {"too_big": DeskReason("Gone")}, TREE, (TREE[1], "word", "The desk has no reason “Gone”.")),
    ],
)  # fmt: skip
def test_a_desks_reason(
    key: str, own: dict[str, DeskReason], known: tuple[DeskReason, ...], expected: tuple[DeskReason, str, str]
) -> None:
    found = desk_reason(key, "", own, OTHER, known)
    assert (found.reason, found.how, found.problem) == expected


@needs_spec("tiktok-reason-keys.json")
def test_the_desk_is_told_a_reason_of_its_own_whatever_the_channel_says() -> None:
    keys = [row["key"] for row in json.loads(KEYS.read_text())["reasons"]]
    assert all(desk_reason(key, "", {}, OTHER, TREE).reason in TREE for key in [*keys, "never seen", ""])


def test_coverage_counts_what_does_not_end_in_the_fallback_and_never_rounds_up_to_all() -> None:
    found = coverage([("policy", 990), ("word", 9), ("fallback", 1)])
    assert (found.keys, found.mapped, found.cases, found.mapped_cases, found.percent) == (3, 2, 1000, 999, 99)
    assert coverage([]).percent == 100
