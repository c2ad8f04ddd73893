"""Finding orders: filters, warnings, lag, the 60-day window, pages, and that big shops stay fast."""

from __future__ import annotations

from typing import Any

import pytest

from backhaul.simulator.shopify import DEFAULT_SCOPES, index, search
from backhaul.simulator.shopify.model import Order
from backhaul.simulator.shopify.scalars import iso

from . import calls
from .conftest import START, Hand, Maker, StillClock

TIKTOK = "577087614418520388"
DAY = 86_400.0


def names(hand: Hand, query: str, **more: Any) -> list[str]:
    return [node["name"] for node in hand.one(calls.FIND, q=query, **more)["nodes"]]


@pytest.fixture
def orders(make: Maker) -> list[Order]:
    """Five orders, each with the channel's id in another place."""
    return [
        make(source_identifier=TIKTOK, created_at=START - 5 * DAY),
        make(name=f"#TT-{TIKTOK}", created_at=START - 4 * DAY),
        make(tags=[f"TikTokOrderID:{TIKTOK}", "TikTok Shop"], created_at=START - 3 * DAY),
        make(note=f"TikTok {TIKTOK}", custom_attributes={"TikTok Order Number": TIKTOK}, created_at=START - 2 * DAY),
        make(source_name="web", tags=["VIP"], created_at=START - DAY),
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (f"source_identifier:{TIKTOK}", [0]),
        (f'source_identifier:"{TIKTOK}"', [0]),
        (f"name:TT-{TIKTOK}", [1]),
        (f"name:'#TT-{TIKTOK}'", [1]),
        ("name:1001", [0]),
        ("name:TT-5770*", [1]),
        (f"tag:TikTokOrderID\\:{TIKTOK}", [2]),
        (f'tag:"TikTokOrderID:{TIKTOK}"', [2]),
        ("tag:'tiktok shop'", [2]),
        ("tag_not:VIP source_name:web", []),
        ("source_name:tiktok", [0, 1, 2, 3]),
        ("-source_name:tiktok", [4]),
        ("NOT source_name:tiktok", [4]),
        ("source_name:web OR name:1001", [0, 4]),
        ("(source_name:web OR name:1001) tag:VIP", [4]),
        ("sku:MUG tag:VIP", [4]),
        ("financial_status:paid status:open tag:VIP", [4]),
        ("financial_status:refunded", []),
        (TIKTOK, [0]),  # neither note nor attributes are searched
        ("mug", [0, 1, 2, 3, 4]),
        ("return_status:no_return fulfillment_status:fulfilled tag:vip", [4]),
        ("gateway:'TikTok Shop' tag:VIP", [4]),
        ("cart_token:x", []),
    ],
)
def test_filters(hand: Hand, orders: list[Order], query: str, found: list[int]) -> None:
    wanted = [orders[place].name for place in found]
    assert sorted(names(hand, query)) == sorted(wanted)
    assert "search" not in hand.raw(calls.FIND, q=query)["extensions"]


def test_times(hand: Hand, orders: list[Order]) -> None:
    edge = iso(orders[2].created_at)
    assert names(hand, f"created_at:>='{edge}'", sort="CREATED_AT") == [each.name for each in orders[2:]]
    assert names(hand, f'created_at:<"{edge}"', sort="CREATED_AT") == [each.name for each in orders[:2]]
    assert names(hand, f"created_at:{edge[:10]}", sort="CREATED_AT") == [orders[2].name]
    assert names(hand, f"updated_at:>{iso(START)}") == []


@pytest.mark.parametrize("query", ["note:x", "custom_attribute:x", "sourceIdentifier:1", "zip:10001"])
def test_an_unknown_filter_is_ignored_and_only_warned_of(hand: Hand, orders: list[Order], query: str) -> None:
    answer = hand.raw(calls.FIND, q=query)
    assert "errors" not in answer
    assert len(answer["data"]["orders"]["nodes"]) == len(orders)
    (entry,) = answer["extensions"]["search"]
    assert entry["path"] == ["orders"]
    (warning,) = entry["warnings"]
    assert warning["code"] == "invalid_field"
    assert warning["field"] == query.partition(":")[0]
    assert names(hand, f"{query} tag:VIP") == [orders[4].name]


def test_the_index_lags_and_strong_reads_do_not(hand: Hand, make: Maker, clock: StillClock) -> None:
    hand.world.search_lag = 2.0
    order = make(source_identifier="1")
    assert hand.one(calls.ORDER, id=order.id)["name"] == order.name
    assert names(hand, "source_identifier:1") == []
    clock.at += 1.5
    hand.run('mutation($id: ID!) { tagsAdd(id: $id, tags: ["new"]) { userErrors { field } } }', id=order.id)
    clock.at += 1.0
    assert names(hand, "source_identifier:1") == [order.name]
    assert names(hand, "tag:new") == []
    clock.at += 1.0
    assert names(hand, "tag:new") == [order.name]


def test_what_changed_since_is_found_by_update_time(hand: Hand, orders: list[Order], clock: StillClock) -> None:
    clock.at += 60
    hand.one(calls.CREATE, **{"in": calls.returning(orders[1], 1)})
    assert names(hand, f"updated_at:>={iso(clock.at)}", sort="UPDATED_AT") == [orders[1].name]
    assert names(hand, "", sort="UPDATED_AT", reverse=True)[0] == orders[1].name
    assert names(hand, "return_status:in_progress") == [orders[1].name]


def test_old_orders_are_hidden_without_the_scope(hand: Hand, make: Maker) -> None:
    old, new = make(source_identifier="1", created_at=START - 61 * DAY), make(created_at=START - 59 * DAY)
    narrow = Hand(hand.world, hand.shop, [each for each in DEFAULT_SCOPES if each != "read_all_orders"])
    assert names(narrow, "") == [new.name]
    assert names(narrow, "source_identifier:1") == []
    assert narrow.one(calls.ORDER, id=old.id) is None
    assert hand.one(calls.ORDER, id=old.id)["name"] == old.name
    assert names(hand, "source_identifier:1") == [old.name]
    (error,) = narrow.refused(calls.REFUND, key="k", **{"in": calls.refunding(old, "1.00")})
    assert error["message"] == "Order does not exist"


@pytest.mark.parametrize("sort", ["CREATED_AT", "UPDATED_AT", "PROCESSED_AT", "ID"])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("query", ["", "source_name:tiktok", "tag:x"])
def test_pages_hold_every_order_once(hand: Hand, make: Maker, sort: str, reverse: bool, query: str) -> None:
    made = [make(created_at=START + place // 3, tags=["x"]).name for place in range(11)]
    seen: list[str] = []
    after: str | None = None
    while True:
        page = hand.one(calls.FIND, q=query, first=4, after=after, sort=sort, reverse=reverse)
        seen += [node["name"] for node in page["nodes"]]
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        assert [edge["cursor"] for edge in page["edges"]][-1] == page["pageInfo"]["endCursor"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == (made[::-1] if reverse else made)


def test_pages_need_a_size_and_a_good_cursor(hand: Hand, orders: list[Order]) -> None:
    bare = "{ orders { nodes { id } } }"
    assert hand.raw(bare)["errors"][0]["message"] == "you must provide one of first or last"
    assert "cannot exceed" in hand.raw("{ orders(first: 251) { nodes { id } } }")["errors"][0]["message"]
    assert "cursor" in hand.raw('{ orders(first: 1, after: "x") { nodes { id } } }')["errors"][0]["message"]
    last = hand.one("{ orders(last: 2, sortKey: CREATED_AT) { nodes { name } pageInfo { hasPreviousPage } } }")
    assert [node["name"] for node in last["nodes"]] == [each.name for each in orders[-2:]]
    assert last["pageInfo"]["hasPreviousPage"] is True


def test_counting(hand: Hand, orders: list[Order]) -> None:
    count = "query($q: String, $limit: Int) { ordersCount(query: $q, limit: $limit) { count precision } }"
    assert hand.one(count, q="source_name:tiktok", limit=100) == {"count": 4, "precision": "EXACT"}
    assert hand.one(count, q="source_name:tiktok", limit=2) == {"count": 2, "precision": "AT_LEAST"}


def test_look_ups_touch_few_orders_of_many(monkeypatch: pytest.MonkeyPatch, hand: Hand, make: Maker) -> None:
    for place in range(3_000):
        make(source_identifier=f"57{place}", tags=[f"t{place}"], created_at=START + place)
    looked = 0
    real = search.matches

    def counted(node: Any, document: search.Document) -> bool:
        nonlocal looked
        looked += 1
        return real(node, document)

    monkeypatch.setattr(index, "matches", counted)
    for query in (
        "source_identifier:572999",
        "tag:t1500",
        "name:1500",
        "571234",
        f"created_at:>={iso(START + 2_990)}",
        f"source_name:tiktok created_at:>={iso(START + 2_990)}",
        "source_name:tiktok",
    ):
        looked = 0
        assert names(hand, query, sort="UPDATED_AT", reverse=True)
        assert looked <= 12, (query, looked)
