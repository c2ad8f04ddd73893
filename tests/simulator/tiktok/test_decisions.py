"""Idempotency, reasons, eligibility, labels, pictures and seller-started cases, over the wire."""

from __future__ import annotations

import hashlib
from typing import Any

import aiohttp

from backhaul.simulator.moods import Mood
from backhaul.simulator.tiktok import model as m
from backhaul.simulator.tiktok.model import Return
from tests.simulator.wire import Reply, Wire

PDF = b"%PDF-1.7\n1 0 obj\r\n\r\n<<>>\r\n%%EOF\n"
UPLOAD = "/return_refund/202405/returns/shipping_documents"
ELIGIBILITY = "/return_refund/202601/decision_eligibility"


async def test_a_key_repeats_the_first_answer(wire: Wire) -> None:
    case, books = wire.ask(), wire.sim.books.of(wire.shop.id)
    for _ in range(3):
        assert (await wire.approve(case, "APPROVE_RETURN", "key")).code == 0
    assert (len(books.decisions), books.repeats) == (1, 2)
    assert (await wire.approve(case, "APPROVE_RETURN", "key", buyer_keep_item=True)).code == 25001001
    assert (await wire.approve(case, "APPROVE_RETURN", "another")).code == 25011012
    assert (await wire.approve(case, "APPROVE_RETURN", "k" * 256)).code == 25001001


async def test_keys_are_forgotten_after_a_while_and_refusals_are_not_remembered(wire: Wire) -> None:
    wire.shop.switches.key_memory_seconds = 60
    case = wire.ask()
    assert (await wire.approve(case, "APPROVE_RETURN", "key")).code == 0
    wire.sim.clock.step(59)
    assert (await wire.approve(case, "APPROVE_RETURN", "key")).code == 0
    wire.sim.clock.step(1)
    assert (await wire.approve(case, "APPROVE_RETURN", "key")).code == 25011012
    early = wire.ask(auto_approve=True)
    assert (await wire.approve(early, "APPROVE_RECEIVED_PACKAGE", "later")).code == 25011013
    wire.sim.channel.aftersales.ship(early)
    wire.sim.channel.aftersales.deliver(early)
    assert (await wire.approve(early, "APPROVE_RECEIVED_PACKAGE", "later")).code == 0


async def test_automation_can_decide_between_read_and_write(wire: Wire) -> None:
    case = wire.ask()
    wire.sim.moods.add(Mood("auto_approve", "tiktok", "REJECT_RETURN", times=1))
    assert (await wire.reject(case, "REJECT_RETURN", "seller_reject_apply_item_is_correct")).code == 25020010
    assert case.status == m.AWAITING_SHIP
    assert wire.sim.books.of(wire.shop.id).decisions[-1]["actor"] == "AUTOMATION"


async def test_reject_reasons_by_market_status_and_age(wire: Wire, other: Wire) -> None:
    case = wire.ask()
    path = "/return_refund/202309/reject_reasons"
    listed = {
        row["name"] for row in (await wire.call("GET", path, query={"return_or_cancel_id": case.id})).data["reasons"]
    }
    assert "seller_reject_apply_item_is_correct" in listed
    assert "reverse_reject_request_reason_1" not in listed
    expected = {
        "": 25001001,
        "no_such_key": 25001014,
        "reverse_reject_request_reason_1": 25001020,
        "reverse_reject_return_parcel_reason_1": 25001016,
        "ecom_order_delivered_refund_and_return_reason_defective": 25001057,
    }
    for key, code in expected.items():
        assert (await wire.reject(case, "REJECT_RETURN", key)).code == code, key
    assert case.status == m.PENDING
    foreign = other.ask()
    assert (await wire.approve(foreign, "APPROVE_RETURN")).code == 25020005
    british = (await other.call("GET", path, query={"return_or_cancel_id": foreign.id})).data["reasons"]
    assert "reverse_reject_request_reason_1_uk" in {row["name"] for row in british}


async def test_eligibility_says_what_the_decision_would_say(wire: Wire) -> None:
    case = wire.ask()
    rows = (await wire.call("GET", ELIGIBILITY, query={"return_or_cancel_id": case.id})).data["decisions"]
    assert {row["decision"] for row in rows if row["eligible"]} == {"APPROVE_RETURN", "DIRECT_REFUND", "REJECT_RETURN"}
    # The vendor fills code and reason of allowed decisions too.
    assert any(row["eligible"] and row.get("ineligible_code") for row in rows)
    wire.sim.channel.aftersales.move(case, "approve", "SELLER")
    wire.sim.channel.aftersales.ship(case)
    query = {"return_or_cancel_id": case.id, "check_decisions": "APPROVE_RECEIVED_PACKAGE,REJECT_RECEIVED_PACKAGE"}
    before = (await wire.call("GET", ELIGIBILITY, query=query)).data["decisions"]
    assert [(row["eligible"], row["ineligible_code"]) for row in before] == [(False, 25011013), (False, 25011014)]
    wire.sim.channel.aftersales.deliver(case)
    after = (await wire.call("GET", ELIGIBILITY, query=query)).data["decisions"]
    assert [row["eligible"] for row in after] == [True, True]
    assert "reverse_reject_return_parcel_reason_5" in {row["name"] for row in after[1]["available_reject_reasons"]}


def _form(content: bytes | None = PDF, tracking: str = "1Z999", provider: str = "", **more: bytes) -> aiohttp.FormData:
    form = aiohttp.FormData()
    if content is not None:
        form.add_field("return_shipping_label", content, filename="label.pdf", content_type="application/pdf")
    for name, value in more.items():
        form.add_field(name, value, filename=name, content_type="application/pdf")
    form.add_field("tracking_number", tracking)
    form.add_field("return_provider_id", provider)
    return form


def _offered(wire: Wire) -> Return:
    return wire.ask(shipment="SELLER", auto_approve=True)


async def _upload(wire: Wire, *cases: Return, **options: Any) -> Reply:
    options.setdefault("provider", next(iter(wire.shop.carriers)))
    return await wire.upload(UPLOAD, _form(**options), {"return_ids": ",".join(case.id for case in cases)})


async def test_a_label_is_uploaded_once_and_byte_by_byte(wire: Wire) -> None:
    case, books = _offered(wire), wire.sim.books.of(wire.shop.id)
    assert (await _upload(wire, case)).code == 0
    assert (await _upload(wire, case)).code == 25021022
    assert len(books.labels) == 1
    assert books.labels[0]["sha256"] == hashlib.sha256(PDF).hexdigest()
    assert books.labels[0]["tracking_number"] == "1Z999"
    row = (await wire.search({"return_ids": [case.id]})).data["return_orders"][0]
    assert (row["return_method"], row["return_tracking_number"]) == ("SELLER_SHIPPED", "1Z999")
    wire.shop.switches.seller_arrange_word = True
    row = (await wire.search({"return_ids": [case.id]})).data["return_orders"][0]
    assert row["return_method"] == "SELLER_ARRANGE"


async def test_labels_that_are_refused(wire: Wire, other: Wire) -> None:
    case = _offered(wire)
    assert (await _upload(wire, case, content=b"\x89PNG\r\n")).code == 25021023
    assert (await _upload(wire, case, tracking="")).code == 25001001
    assert (await _upload(wire, case, provider="123")).code == 98001004
    assert (await _upload(wire, _offered(other))).code == 25023002
    wrong = await wire.upload(UPLOAD, _form(provider=next(iter(wire.shop.carriers))), {"return_ids": "404"})
    assert wrong.code == 25023001
    assert (await _upload(wire, wire.ask(auto_approve=True))).code == 25020003
    assert wire.sim.books.of(wire.shop.id).labels == []
    several = [case, _offered(wire)]
    assert (await _upload(wire, *several, return_qr_code=PDF)).code == 0
    assert [entry["return_id"] for entry in wire.sim.books.of(wire.shop.id).labels] == [part.id for part in several]
    assert case.document_type == "QR_CODE"


async def test_evidence_needs_an_uploaded_picture(wire: Wire) -> None:
    case = wire.ask(auto_approve=True)
    wire.sim.channel.aftersales.ship(case)
    wire.sim.channel.aftersales.deliver(case)
    reason = "reverse_reject_return_parcel_reason_5"
    decision = "REJECT_RECEIVED_PACKAGE"
    unknown = await wire.reject(case, decision, reason, images=[{"image_id": "tos-simulated/unknown"}])
    assert unknown.code == 25001001
    form = aiohttp.FormData()
    form.add_field("data", b"\xff\xd8\xff\xe0 picture", filename="a.jpg", content_type="image/jpeg")
    uploaded = await wire.upload("/product/202309/images/upload", form, {}, cipher=False)
    assert uploaded.code == 0
    images = [{"image_id": uploaded.data["uri"]}]
    assert (await wire.reject(case, decision, reason, images=images, comment="torn")).code == 0
    entry = wire.sim.books.of(wire.shop.id).decisions[-1]
    assert (entry["image_ids"], entry["comment"]) == ([uploaded.data["uri"]], "torn")
    assert case.status == m.PARCEL_REJECTED


async def test_seller_started_returns_obey_the_market(wire: Wire, other: Wire) -> None:
    path = "/return_refund/202602/returns"
    reason = "ecom_order_delivered_refund_reason_damaged_seller"
    order = wire.order("MUG-GRN", "MUG-GRN")
    body: dict[str, Any] = {"order_id": order.id, "return_type": "REFUND", "return_reason": reason}
    assert (await wire.call("POST", path, {**body, "return_reason": "x"})).code == 25001014
    assert (await wire.call("POST", path, {**body, "refund_total": "99999"})).code == 25005005
    too_many = {**body, "skus": [{"sku_id": order.lines[0].product.sku_id, "quantity": 3}]}
    assert (await wire.call("POST", path, too_many)).code == 25005011
    one = {**body, "skus": [{"sku_id": order.lines[0].product.sku_id, "quantity": 1}]}
    made = await wire.call("POST", path, one, {"idempotency_key": "mine"})
    assert made.data["return_status"] == m.SUCCESS
    again = await wire.call("POST", path, one, {"idempotency_key": "mine"})
    assert again.data == made.data
    assert len(wire.sim.books.of(wire.shop.id).started) == 1
    undelivered = {**body, "order_id": wire.order(status="AWAITING_SHIPMENT").id}
    assert (await wire.call("POST", path, undelivered)).code == 25001003
    transit = {"order_id": wire.order(status="IN_TRANSIT").id, "return_type": "REFUND"}
    assert (await wire.call("POST", path, {**transit, "return_reason": "seller_shipped_refund_package_lost"})).code == 0
    british = {
        "order_id": other.order(status="IN_TRANSIT").id,
        "return_type": "REFUND",
        "return_reason": "seller_package_lost_uk",
    }
    assert (await other.call("POST", path, british)).code == 25001003


async def test_what_an_order_is_eligible_for(wire: Wire) -> None:
    order = wire.order("MUG-GRN", "LIP-MNT")
    path = f"/return_refund/202602/orders/{order.id}/aftersale_eligibility"
    data = (await wire.call("GET", path, query={"request_types": "CANCEL,REFUND"})).data["sku_eligibility"]
    assert len(data) == 2
    rows = {row["request_type"]: row for row in data[0]["line_item_eligibility"]}
    assert (rows["CANCEL"]["eligible"], rows["CANCEL"]["ineligible_code"]) == (False, 25001003)
    assert rows["REFUND"]["eligible"]
    assert rows["REFUND"]["order_line_items_ids"] == [order.lines[0].id]
    assert rows["REFUND"]["available_reason_names"]
    wire.sim.channel.aftersales.request(order, "REFUND", order.lines)
    data = (await wire.call("GET", path, query={"request_types": "REFUND"})).data["sku_eligibility"]
    assert data[0]["line_item_eligibility"][0]["ineligible_code"] == 25001011
    body = {"order_id": wire.order("MUG-GRN").id, "request_type": "REFUND", "reason_name": "x"}
    amount = (await wire.call("POST", "/return_refund/202602/refunds/calculate", body)).data["order_refund_amount"]
    assert amount["refund_total"] == "21.08"  # 14.90 + 8 % tax + 4.99 shipping
    wire.shop.switches.tax_outside_total = True
    amount = (await wire.call("POST", "/return_refund/202602/refunds/calculate", body)).data["order_refund_amount"]
    assert (amount["refund_total"], amount["refund_tax"]) == ("19.89", "1.19")
