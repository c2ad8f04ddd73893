"""Which stories share a shop."""

from __future__ import annotations

from backhaul.rehearsal.house import STORIES_A_DESK, STORIES_A_SHOP, seat
from backhaul.simulator.scenario.reading import read_all


def test_stories_share_a_shop_only_where_none_disturbs_another() -> None:
    tables = seat([each for each in read_all() for _ in range(2)])
    assert sorted(each.name for table in tables for each in table) == sorted(
        each.name for each in read_all() for _ in range(2)
    )
    for table in tables:
        assert len({str(each.shop) for each in table}) == 1
        assert len(table) <= (STORIES_A_SHOP if table[0].shop.desk == "own" else STORIES_A_DESK)
        assert len(table) == 1 or all(act.by != "shopify" for each in table for act in each.acts)
    assert any(len(table) == STORIES_A_SHOP for table in tables)
