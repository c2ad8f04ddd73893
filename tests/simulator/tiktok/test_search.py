"""Searching and paging: bounds, order, moving data, lag, and what a page costs."""

from __future__ import annotations

from backhaul.simulator.faults import NEW_WORD
from backhaul.simulator.moods import Mood
from backhaul.simulator.tiktok import model as m
from backhaul.simulator.tiktok.index import Index
from tests.simulator.wire import Wire

ORDERS = "/order/202309/orders/search"
CANCELLATIONS = "/return_refund/202602/cancellations/search"


async def _walk(wire: Wire, **query: str) -> list[tuple[str, int]]:
    rows: list[tuple[str, int]] = []
    token = ""
    while True:
        asked = {"sort_field": "update_time", "page_size": "10", **query}
        data = (await wire.search(None, **asked, **({"page_token": token} if token else {}))).data
        rows += [(row["return_id"], row["update_time"]) for row in data["return_orders"]]
        token = data["next_page_token"]
        if not token:
            return rows


async def test_page_sizes(wire: Wire) -> None:
    for size, code in (("9", 25001001), ("10", 0), ("50", 0), ("51", 25001001), ("ten", 25001001)):
        assert (await wire.search(page_size=size)).code == code, size
    for size, code in (("0", 25001001), ("1", 0), ("51", 25001001)):
        assert (await wire.call("POST", CANCELLATIONS, {"locale": "en"}, {"page_size": size})).code == code, size
    for size, code in (("0", 25001001), ("100", 0), ("101", 25001001)):
        assert (await wire.call("POST", ORDERS, {}, {"page_size": size})).code == code, size
    assert (await wire.call("POST", ORDERS, {})).code == 25001001


async def test_pages_come_in_order_and_complete(wire: Wire) -> None:
    made = []
    for _ in range(25):
        made.append(wire.ask().id)
        wire.sim.clock.step(1)
    rows = await _walk(wire)
    assert [return_id for return_id, _ in rows] == made
    assert (await _walk(wire, sort_order="DESC")) == rows[::-1]
    start = rows[5][1]
    bounded = (await wire.search({"update_time_ge": start, "update_time_lt": start + 3}, page_size="10")).data
    assert [row["return_id"] for row in bounded["return_orders"]] == made[5:8]
    assert bounded["total_count"] == 3


async def test_rows_that_change_during_a_scan_come_again_at_the_end(wire: Wire) -> None:
    cases = [wire.ask() for _ in range(25)]
    first = (await wire.search(sort_field="update_time", page_size="10")).data
    wire.sim.clock.step(5)
    moved = wire.sim.channel.world.returns[first["return_orders"][0]["return_id"]]
    late = next(case for case in cases if case.id not in {row["return_id"] for row in first["return_orders"]})
    for case in (moved, late):
        wire.sim.channel.aftersales.withdraw(case)
    rest = []
    token = first["next_page_token"]
    while token:
        page = (await wire.search(sort_field="update_time", page_size="10", page_token=token)).data
        rest += [(row["return_id"], row["return_status"]) for row in page["return_orders"]]
        token = page["next_page_token"]
    assert len(rest) == 16
    assert set(rest[-2:]) == {(moved.id, m.CANCELLED), (late.id, m.CANCELLED)}


async def test_paging_by_offset_loses_rows_when_data_moves(wire: Wire) -> None:
    wire.shop.switches.paging = "offset"
    cases = [wire.ask() for _ in range(25)]
    first = (await wire.search(sort_field="update_time", page_size="10")).data
    seen = {row["return_id"] for row in first["return_orders"]}
    wire.sim.clock.step(5)
    wire.sim.channel.aftersales.withdraw(wire.sim.channel.world.returns[next(iter(seen))])
    token = first["next_page_token"]
    while token:
        page = (await wire.search(sort_field="update_time", page_size="10", page_token=token)).data
        seen |= {row["return_id"] for row in page["return_orders"]}
        token = page["next_page_token"]
    assert len(seen) == len(cases) - 1


async def test_tokens_are_bound_to_filters_and_time(wire: Wire) -> None:
    for _ in range(12):
        wire.ask()
    token = (await wire.search(page_size="10")).data["next_page_token"]
    other_filter = await wire.search({"return_types": ["REFUND"]}, page_size="10", page_token=token)
    assert other_filter.code == 25001001
    assert (await wire.search(page_size="10", page_token="nonsense")).code == 25001001
    assert (await wire.search(page_size="10", page_token=token)).code == 0
    wire.sim.moods.add(Mood("page_token_expired", times=1))
    assert "expired" in (await wire.search(page_size="10", page_token=token)).message
    wire.shop.switches.page_token_seconds = -1
    stale = (await wire.search(page_size="10")).data["next_page_token"]
    assert "expired" in (await wire.search(page_size="10", page_token=stale)).message


async def test_filters(wire: Wire) -> None:
    refund, full = wire.ask("REFUND"), wire.ask()
    wire.sim.channel.aftersales.withdraw(full)
    found = {
        "types": {"return_types": ["REFUND"]},
        "status": {"return_status": [m.PENDING]},
        "id": {"return_ids": [refund.id]},
        "order": {"order_ids": [refund.order.id]},
        "buyer": {"buyer_user_ids": [refund.order.buyer.user_id]},
        "both": {"return_types": ["REFUND"], "return_status": [m.PENDING], "order_ids": [refund.order.id]},
    }
    for name, body in found.items():
        data = (await wire.search(body)).data
        assert [row["return_id"] for row in data["return_orders"]] == [refund.id], name
        assert data["total_count"] == 1
    assert (await wire.search({"return_ids": [refund.id], "order_ids": [full.order.id]})).data["return_orders"] == []
    assert (await wire.search({"return_types": "REFUND"})).code == 25001001


async def test_the_index_can_lag_behind(wire: Wire) -> None:
    wire.sim.moods.add(Mood("index_lag", params={"seconds": 30}))
    case = wire.ask()
    assert (await wire.search()).data["return_orders"] == []
    wire.sim.clock.step(30)
    assert [row["return_id"] for row in (await wire.search()).data["return_orders"]] == [case.id]
    before = (await wire.search()).data["return_orders"][0]
    wire.sim.clock.step(1)
    assert (await wire.approve(case, "APPROVE_RETURN")).code == 0
    assert (await wire.search()).data["return_orders"][0] == before
    wire.sim.moods.clear()
    wire.sim.clock.step(30)
    assert (await wire.search()).data["return_orders"][0]["return_status"] == m.AWAITING_SHIP


async def test_unknown_words_and_fields(wire: Wire) -> None:
    wire.ask()
    wire.sim.moods.add(Mood("unknown_word", times=1))
    wire.sim.moods.add(Mood("unknown_field", times=1))
    data = (await wire.search()).data
    assert data["return_orders"][0]["return_status"] == NEW_WORD
    assert "sim_new_field" in data
    assert (await wire.search()).data["return_orders"][0]["return_status"] == m.PENDING


async def test_the_older_version_lacks_newer_fields(wire: Wire) -> None:
    wire.ask("RETURN_AND_REFUND", "SET-MUG-LIP")
    new = (await wire.search()).data["return_orders"][0]
    parts = new["return_line_items"][0]["return_sub_line_items"]
    assert {part["seller_sku"] for part in parts} == {"MUG-GRN", "LIP-MNT"}
    path = "/return_refund/202309/returns/search"
    old = (await wire.call("POST", path, {"locale": "en"})).data["return_orders"][0]
    assert "is_quick_refund" in new
    assert "is_quick_refund" not in old
    assert "return_sub_line_items" not in old["return_line_items"][0]


def test_a_page_of_a_large_shop_that_moves() -> None:
    index = Index()
    for number in range(100_000):
        status = "OPEN" if number % 10 == 0 else "DONE"
        index.put(f"{number:018d}", number // 10, number // 10, status)
    for number in range(5):
        found = index.search(
            sort="update_time",
            descending=False,
            bounds={"update_time": (5_000, None)},
            statuses=["OPEN", "DONE"],
            only=None,
            fits=None,
            after=(5_000, "000000000000050009"),
            offset=0,
            limit=50,
        )
        index.put("000000000000000001", 0, 10_000 + number, "OPEN")
    assert len(found.ids) == 50
    assert found.total > 50_000 - 20


async def test_bounds_of_a_field_that_is_not_sorted_by(wire: Wire) -> None:
    cases = [wire.ask() for _ in range(4)]
    wire.sim.clock.step(100)
    wire.sim.channel.aftersales.withdraw(cases[3])
    wire.sim.channel.aftersales.withdraw(cases[1])
    since = {"update_time_ge": int(wire.sim.clock.now())}
    for more, expected in (({}, [cases[1].id, cases[3].id]), ({"return_status": [m.PENDING]}, [])):
        data = (await wire.search({**since, **more}, sort_field="create_time")).data
        assert sorted(row["return_id"] for row in data["return_orders"]) == sorted(expected)
        assert data["total_count"] == len(expected)
