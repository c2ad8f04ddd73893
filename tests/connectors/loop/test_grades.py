"""An inspector's words."""

from __future__ import annotations

import pytest

from backhaul.connectors.loop import grades
from backhaul.domain.words import Condition, Disposition


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("Sellable", Condition.SELLABLE),
        ("wrong_item", Condition.WRONG_ITEM),
        ("  Missing ", Condition.MISSING),
        ("smells of smoke", None),
        ("", None),
    ],
)
def test_a_condition_is_read_whatever_its_case_and_an_odd_one_means_nothing(word: str, found: Condition | None) -> None:
    assert grades.condition(word) is found


def test_only_words_for_stock_restock() -> None:
    restocking = {word for word, fate in grades.DISPOSITIONS.items() if fate is Disposition.RESTOCK}
    assert all("stock" in word for word in restocking)
    assert grades.disposition("Return to buyer") is Disposition.NOT_RESTOCKED
    assert grades.disposition("quarantine") is None
