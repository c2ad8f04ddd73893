"""Nonsense in any field is refused with a code of the channel; it never breaks the simulator."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.simulator.tiktok.operations import Operation, arrange, operations
from tests.simulator.wire import Wire

NONSENSE: tuple[Any, ...] = (None, 7, "x", True, [], ["x"], [None], {}, {"id": 1}, [{}], [{"id": "x"}])


def twisted(value: Any, put: Any) -> Iterator[Any]:
    """The value with each of its parts replaced, one at a time."""
    if isinstance(value, dict):
        for name in value:
            yield {**value, name: put}
            for part in twisted(value[name], put):
                yield {**value, name: part}
    elif isinstance(value, list):
        for index in range(len(value)):
            changed = copy.copy(value)
            changed[index] = put
            yield changed
            for part in twisted(value[index], put):
                yield [*value[:index], part, *value[index + 1 :]]


FULL: dict[str, dict[str, Any]] = {
    "returns/search": {
        "return_ids": ["1"],
        "order_ids": ["1"],
        "return_types": ["REFUND"],
        "return_status": ["x"],
        "create_time_ge": 1,
    },
    "cancellations/search": {"cancel_ids": ["1"], "cancel_types": ["CANCEL"], "update_time_lt": 5},
    "returns": {"skus": [{"sku_id": "1", "quantity": 1}], "order_line_list": [{"order_line_item_id": "1"}]},
    "refunds/calculate": {"order_line_item_ids": ["1"]},
    "cancellations": {"skus": [{"sku_id": "1", "quantity": 1}]},
    "approve": {"buyer_keep_item": True, "partial_refund": {"currency": "USD", "amount": "1"}},
    "reject": {"images": [{"image_id": "x"}], "comment": "c"},
    "aftersales/search": {"filters": {"buyer_ids": ["1"], "time": {"create_time_ge": 1}}, "sort": {"sort_field": "x"}},
    "rma/search": {"filters": {"package_ids": ["1"]}, "pagination": {"page_size": 5, "page_token": "t"}},
    "orders/search": {"order_status": "DELIVERED", "buyer_user_id": "1", "warehouse_ids": ["1"]},
    "products/search": {"seller_skus": ["1"], "sku_ids": ["1"]},
}


def filled(operation: Operation) -> dict[str, Any]:
    """The body of an operation with its rarer fields."""
    more = next((fields for end, fields in FULL.items() if operation.template.endswith(f"/{end}")), {})
    return {**dict(operation.body or {}), **more}


async def test_nonsense_is_refused_and_breaks_nothing(wire: Wire) -> None:
    wire.shop.switches.rate_per_second = 1_000_000
    at = arrange(wire)
    broken = []
    played = 0
    for operation in list(operations(wire, at)):
        if operation.form is not None or operation.body is None:
            continue
        for put in NONSENSE:
            for body in twisted(filled(operation), put):
                reply = await replace(operation, body=body).play(wire)
                played += 1
                if reply.code == 36009003:
                    broken.append((operation.template, body, wire.sim.books.problems[-1]))
    assert broken == []
    assert played > 1000


async def test_queries_of_nonsense(wire: Wire) -> None:
    wire.shop.switches.rate_per_second = 1_000_000
    at = arrange(wire)
    for operation in list(operations(wire, at)):
        if operation.method != "GET":
            continue
        for name in operation.query:
            for value in ("x", "-1", "1,2,,", "9" * 40):
                reply = await replace(operation, query={**operation.query, name: value}).play(wire)
                assert reply.code != 36009003, (operation.template, name, value, wire.sim.books.problems)
        for name in operation.args:
            reply = await replace(operation, args={**operation.args, name: "nonsense"}).play(wire)
            assert reply.code not in (0, 36009003), (operation.template, name)


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'"x"', b"\xff", b'{"locale":"\xff"}', b"[" * 100_000], ids=lambda body: repr(body[:20])
)
async def test_a_body_that_is_none(wire: Wire, body: bytes) -> None:
    path = "/return_refund/202602/returns/search"
    headers = {"x-tts-access-token": wire.token, "Content-Type": "application/json"}
    reply = await wire.send("POST", path, wire.query(path, {}, body), body, headers)
    assert (reply.code, wire.sim.books.problems) == (36009004, [])
