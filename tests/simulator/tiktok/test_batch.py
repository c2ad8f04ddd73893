"""The batch return model: whitelisted fields, line-level review, part failures, the band after receipt."""

from __future__ import annotations

from typing import Any

import pytest

from backhaul.simulator.moods import Mood
from backhaul.simulator.tiktok import model as m
from backhaul.simulator.tiktok.model import Return
from tests.simulator.tiktok.descriptions import answer_schema, problems, unknown_fields
from tests.simulator.wire import Reply, Wire
from tests.skips import needs_spec

REQUESTS = "/return_refund/202603/aftersales/search"
PARCELS = "/return_refund/202604/rma/search"
REVIEW = "/return_refund/202606/aftersales/review"
DECISION = "/return_refund/202606/review_decision"
EVERYTHING = ["LINE_ITEMS", "SKU_RETURN_REQUESTS", "RETURN_MERCHANDISE_AUTHORIZATIONS"]


@pytest.fixture
async def batch(wire: Wire) -> Wire:
    wire.shop.switches.batch_model = True
    return wire


def _two(wire: Wire) -> list[Return]:
    order = wire.order("MUG-GRN", "MUG-GRN", "LIP-MNT")
    made = wire.sim.channel.aftersales.request_batch(order, "RETURN_AND_REFUND", order.lines, shipment="PLATFORM")
    assert [len(case.lines) for case in made] == [2, 1]
    return made


def _decision(case: Return, action: str, **more: Any) -> dict[str, Any]:
    return {"line_items": [{"return_line_item_id": line.id} for line in case.lines], "action": action, **more}


async def _review(wire: Wire, case: Return, *decisions: dict[str, Any], parcel: bool = False, key: str = "") -> Reply:
    item: dict[str, Any] = {
        "request_id": case.rma_id if parcel else case.request_id,
        "request_id_type": "RMA" if parcel else "AFTERSALES",
        "line_item_decisions": list(decisions),
    }
    if key:
        item["idempotency_key"] = key
    return await wire.call("POST", REVIEW, {"aftersales_request_decisions": [item]})


async def test_shops_without_the_model_say_so(wire: Wire) -> None:
    for path in (REQUESTS, PARCELS, REVIEW):
        assert (await wire.call("POST", path, {"locale": "en"})).code == 25020005


async def test_only_what_is_whitelisted_comes_back(batch: Wire) -> None:
    first, second = _two(batch)
    bare = (await batch.call("POST", REQUESTS, {})).data["aftersales_requests"]
    assert bare == [{"id": first.request_id, "status": "PENDING_REQUEST_REVIEW"}]
    body = {"whitelisted_data_fields": EVERYTHING, "filters": {"aftersales_request_ids": [first.request_id]}}
    full = (await batch.call("POST", REQUESTS, body)).data["aftersales_requests"][0]
    assert [row["return_id"] for row in full["sku_return_requests"]] == [first.id, second.id]
    assert len(full["line_items"]) == 3
    missing = {"filters": {"aftersales_request_statuses": ["REQUEST_REVIEW_COMPLETED"]}}
    assert (await batch.call("POST", REQUESTS, missing)).data["total_count"] == 0
    assert (await batch.call("POST", PARCELS, {"whitelisted_data_fields": EVERYTHING})).code == 25001001


async def test_one_sku_accepted_and_one_refused(batch: Wire) -> None:
    first, second = _two(batch)
    split = {"line_items": [{"return_line_item_id": first.lines[0].id}], "action": "APPROVE_REQUEST"}
    assert (await _review(batch, first, split)).code == 25020003
    accept, refuse = _decision(first, "APPROVE_REQUEST"), _decision(second, "REJECT_REQUEST")
    reply = await _review(batch, first, accept, refuse)
    assert reply.code == 0
    assert [error["code"] for error in reply.data["errors"]] == ["25001001"]  # a refusal needs a reason
    assert (first.status, second.status) == (m.AWAITING_SHIP, m.PENDING)
    refuse["reject_reason"] = "seller_reject_apply_item_is_correct"
    assert (await _review(batch, first, refuse)).data == {"errors": []}
    assert second.status == m.REJECTED
    assert (await _review(batch, first, accept)).code == 25011012


async def test_the_parcel_is_judged_by_itself(batch: Wire) -> None:
    first, second = _two(batch)
    both = [_decision(case, "APPROVE_REQUEST") for case in (first, second)]
    assert (await _review(batch, first, *both, key="k")).data == {"errors": []}
    assert (await _review(batch, first, *both, key="k")).data == {"errors": []}
    assert (await _review(batch, first, both[0], key="k")).code == 25001001
    assert len(batch.sim.books.of(batch.shop.id).decisions) == 2
    assert first.rma_id == second.rma_id
    batch.sim.channel.aftersales.ship(first)
    batch.sim.channel.aftersales.deliver(first)
    parcels = (await batch.call("POST", PARCELS, {"filters": {"statuses": ["PENDING_PACKAGE_REVIEW"]}})).data
    assert [row["id"] for row in parcels["return_merchandise_authorizations"]] == [first.rma_id]
    query = {"seller_id": batch.shop.seller_id, "return_or_cancel_id": second.id}
    rows = (await batch.call("GET", DECISION, query=query)).data["line_items"][0]["decisions"]
    band = next(row for row in rows if row["decision"] == "OFFER_PARTIAL_REFUND_AFTER_RECEIVING_PKG")
    assert band["eligible"]
    amounts = band["partial_refund_amount_range"]
    high = {"partial_refund_total": str(float(amounts["max_amount"]) + 1), "currency": "USD"}
    part = "OFFER_PARTIAL_REFUND_AFTER_RECEIVING_PKG"
    wrong = await _review(batch, second, _decision(second, part, partial_refund_amount=high), parcel=True)
    assert wrong.code == 25005020
    right = {"partial_refund_total": amounts["max_amount"], "currency": "USD"}
    accepted = _decision(first, "APPROVE_RETURN_PACKAGE")
    reply = await _review(batch, first, accepted, _decision(second, part, partial_refund_amount=right), parcel=True)
    assert reply.data == {"errors": []}
    batch.sim.clock.step(batch.shop.clocks.refund_lag)
    paid = {entry["return_id"]: entry["amount"] for entry in batch.sim.books.of(batch.shop.id).refunds}
    assert paid == {first.id: first.amounts.total, second.id: round(100 * float(amounts["max_amount"]))}
    assert (await _review(batch, first, accepted)).code == 25020004  # a parcel decision on a request


async def test_units_of_one_sku_where_the_shop_lets_them_be_decided_apart(batch: Wire) -> None:
    batch.shop.switches.split_units = True
    first, second = _two(batch)
    whole = first.amounts.total
    mine, other = first.lines
    accept = {"line_items": [{"return_line_item_id": mine.id}], "action": "APPROVE_REQUEST"}
    refuse = {
        "line_items": [{"return_line_item_id": other.id}],
        "action": "REJECT_REQUEST",
        "reject_reason": "seller_reject_apply_item_is_correct",
        "comment": "this one is fine",
    }
    reply = await _review(batch, first, accept, refuse, key="split")
    assert reply.data == {"errors": []}
    body = {"whitelisted_data_fields": EVERYTHING, "filters": {"aftersales_request_ids": [first.request_id]}}
    row = (await batch.call("POST", REQUESTS, body)).data["aftersales_requests"][0]
    by_unit = {line["return_line_item_id"]: line["sku_return_request_id"] for line in row["line_items"]}
    states = {part["return_id"]: part for part in row["sku_return_requests"]}
    assert len(states) == 3
    assert states[by_unit[mine.id]]["return_status"] == m.AWAITING_SHIP
    assert states[by_unit[other.id]]["return_status"] == m.REJECTED
    assert states[by_unit[second.lines[0].id]]["return_status"] == m.PENDING
    parts = [batch.sim.channel.world.returns[by_unit[unit.id]] for unit in (mine, other)]
    assert sum(part.amounts.total for part in parts) == whole
    assert batch.sim.books.of(batch.shop.id).decisions[-1]["comment"] == "this one is fine"
    assert (await _review(batch, first, accept, refuse, key="split")).data == {"errors": []}
    assert len(batch.sim.books.of(batch.shop.id).decisions) == 2


async def test_after_receipt_one_unit_in_part_and_one_refused_with_a_picture(batch: Wire) -> None:
    batch.shop.switches.split_units = True
    first, second = _two(batch)
    await _review(batch, first, *(_decision(case, "APPROVE_REQUEST") for case in (first, second)))
    aftersales = batch.sim.channel.aftersales
    aftersales.ship(first)
    aftersales.deliver(first)
    uri = next(iter(batch.sim.channel.world.images.setdefault(batch.shop.seller_id, {"tos-simulated/one"})))
    part = {
        "line_items": [{"return_line_item_id": first.lines[0].id}],
        "action": "OFFER_PARTIAL_REFUND_AFTER_RECEIVING_PKG",
        "partial_refund_amount": {"partial_refund_total": "5", "currency": "USD"},
    }
    refuse = {
        "line_items": [{"return_line_item_id": first.lines[1].id}],
        "action": "REJECT_RETURN_PACKAGE",
        "reject_reason": "reverse_reject_return_parcel_reason_5",
        "images": [{"image_id": uri}],
    }
    unknown = {**refuse, "images": [{"image_id": "tos-simulated/two"}]}
    reply = await _review(batch, first, part, unknown, parcel=True)
    assert [error["code"] for error in reply.data["errors"]] == ["25001001"]
    accept = _decision(second, "APPROVE_RETURN_PACKAGE")
    assert (await _review(batch, first, refuse, accept, parcel=True)).data == {"errors": []}
    books = batch.sim.books.of(batch.shop.id)
    assert [entry["image_ids"] for entry in books.decisions if entry["decision"] == "REJECT_RECEIVED_PACKAGE"] == [
        [uri]
    ]
    batch.sim.clock.step(batch.shop.clocks.refund_lag)
    assert sorted(entry["amount"] for entry in books.refunds) == sorted([500, second.amounts.total])
    parcel = {"filters": {"rma_ids": [first.rma_id]}, "whitelisted_data_fields": EVERYTHING[:2]}
    row = (await batch.call("POST", PARCELS, parcel)).data["return_merchandise_authorizations"][0]
    assert (row["status"], len(row["sku_return_requests"])) == ("PACKAGE_REVIEW_COMPLETED", 3)


async def test_pages_filters_and_order_of_requests(batch: Wire) -> None:
    made = []
    for _ in range(5):
        made.append(batch.ask("REFUND"))
        batch.sim.clock.step(60)
    body: dict[str, Any] = {"pagination": {"page_size": 2}, "sort": {"sort_field": "create_time", "sort_order": "DESC"}}
    seen: list[str] = []
    while True:
        data = (await batch.call("POST", REQUESTS, body)).data
        seen += [row["id"] for row in data["aftersales_requests"]]
        if not data["next_page_token"]:
            break
        body["pagination"] = {"page_size": 2, "page_token": data["next_page_token"]}
    assert seen == [case.request_id for case in reversed(made)]
    other = {**body, "sort": {"sort_field": "create_time", "sort_order": "ASC"}}
    assert (await batch.call("POST", REQUESTS, other)).code == 25001001  # a token of another search
    since = {"filters": {"time": {"create_time_ge": made[3].created_at}, "main_order_ids": [made[4].order.id]}}
    found = (await batch.call("POST", REQUESTS, since)).data["aftersales_requests"]
    assert [row["id"] for row in found] == [made[4].request_id]
    by_type = {"filters": {"return_types": ["REPLACEMENT"]}}
    assert (await batch.call("POST", REQUESTS, by_type)).data["total_count"] == 0
    for wrong in ({"pagination": {"page_size": 51}}, {"filters": {"buyer_ids": "x"}}, {"sort": {"sort_field": "id"}}):
        assert (await batch.call("POST", REQUESTS, wrong)).code == 25001001


async def test_a_request_names_what_is_exchanged_the_new_order_and_where_the_old_goods_are(batch: Wire) -> None:
    case = batch.ask("EXCHANGE", "JKT-BLU-M")
    body = {"filters": {"main_order_ids": [case.order.id]}, "whitelisted_data_fields": EVERYTHING}

    async def shown() -> tuple[dict[str, Any], list[dict[str, Any]]]:
        row = (await batch.call("POST", REQUESTS, body)).data["aftersales_requests"][0]
        return row["sku_return_requests"][0], row["return_merchandise_authorizations"]

    row, parcels = await shown()
    assert [line["seller_sku_name"] for line in row["exchange_order_lines"]] == ["JKT-BLU-L"]
    assert "reshipment_order_id" not in row
    assert parcels == []
    aftersales = batch.sim.channel.aftersales
    aftersales.move(case, "approve", "SELLER")
    row, (parcel,) = await shown()
    assert row["reshipment_order_id"] == case.replacement_order_id
    assert parcel["status"] == "AWAITING_BUYER_RETURN"
    aftersales.ship(case)
    aftersales.deliver(case)
    assert (await shown())[1][0]["status"] == "PACKAGE_REVIEW_COMPLETED", "the seller judges nothing"


async def test_only_the_decisions_asked_about(batch: Wire) -> None:
    case = batch.ask("EXCHANGE")
    query = {
        "seller_id": batch.shop.seller_id,
        "return_or_cancel_id": case.id,
        "check_decisions": "ISSUE_EXCHANGE_REFUND",
    }
    rows = (await batch.call("GET", DECISION, query=query)).data["line_items"][0]["decisions"]
    assert [(row["decision"], row["eligible"]) for row in rows] == [("REFUND_INSTEAD", True)]
    assert (await batch.call("GET", DECISION, query={**query, "check_decisions": "SOMETHING"})).code == 25001001
    assert (await _review(batch, case, _decision(case, "REFUND_INSTEAD"))).data == {"errors": []}
    assert case.status == m.EXCHANGE_REFUNDED


async def test_code_0_with_failures_inside(batch: Wire) -> None:
    first, second = _two(batch)
    batch.sim.moods.add(Mood("nested_error", times=1))
    decisions = [_decision(case, "APPROVE_REQUEST") for case in (first, second)]
    reply = await _review(batch, first, *decisions)
    assert (reply.code, [error["code"] for error in reply.data["errors"]]) == (0, ["25001028"])
    assert (first.status, second.status) == (m.PENDING, m.AWAITING_SHIP)


@needs_spec("tiktok-shop.openapi.yaml")
async def test_answers_are_as_described(batch: Wire) -> None:
    first, second = _two(batch)
    await _review(batch, first, _decision(first, "APPROVE_REQUEST"))
    query = {"seller_id": batch.shop.seller_id, "return_or_cancel_id": second.id}
    replies = {
        REQUESTS: await batch.call("POST", REQUESTS, {"whitelisted_data_fields": EVERYTHING}),
        PARCELS: await batch.call("POST", PARCELS, {"whitelisted_data_fields": EVERYTHING[:2]}),
    }
    for path, reply in replies.items():
        schema = answer_schema(path, "post")
        assert problems(schema, reply.body) == []
        assert unknown_fields(schema["allOf"][1]["properties"]["data"], reply.data) == []
        assert reply.data["total_count"] == 1
    asked = await batch.call("GET", DECISION, query=query)
    schema = answer_schema(DECISION, "get")
    assert problems(schema, asked.body) == []
    assert unknown_fields(schema["allOf"][1]["properties"]["data"], asked.data) == []
