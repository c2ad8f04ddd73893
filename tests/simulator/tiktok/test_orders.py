"""Orders, their references in other systems, masking, cancellations, parcels, warehouses."""

from __future__ import annotations

from typing import Any

import pytest

from backhaul.simulator.tiktok import model as m
from backhaul.simulator.tiktok.errors import ApiError
from backhaul.simulator.tiktok.market import market
from tests.simulator.wire import Wire

DETAIL = "/order/202507/orders"
EXTERNAL = "/order/202406/orders/external_orders"
CANCELLATIONS = "/return_refund/202602/cancellations/search"
BUYER_REASON = "ecom_order_to_ship_canceled_reason_no_longer_needed"


async def test_one_line_for_each_unit_and_sums_that_fit(wire: Wire) -> None:
    order = wire.order("MUG-GRN", "MUG-GRN", "SET-MUG-LIP")
    shape = (await wire.call("GET", DETAIL, query={"ids": order.id})).data["orders"][0]
    assert len(shape["line_items"]) == 3
    assert not any("quantity" in line for line in shape["line_items"])
    assert len({line["id"] for line in shape["line_items"]}) == 3
    assert [line["seller_sku"] for line in shape["line_items"]] == ["MUG-GRN", "MUG-GRN", "SET-MUG-LIP"]
    assert len(shape["line_items"][2]["sub_item_info"]) == 2
    assert 17 <= len(shape["id"]) <= 19
    payment = {name: round(100 * float(value)) for name, value in shape["payment"].items() if name != "currency"}
    assert payment["total_amount"] == payment["sub_total"] + payment["shipping_fee"] + payment["tax"] == order.total
    assert shape["payment"]["sub_total"] == "48.8"
    wire.shop.switches.uneven_money = False
    shape = (await wire.call("GET", DETAIL, query={"ids": order.id})).data["orders"][0]
    assert shape["payment"]["sub_total"] == "48.80"


async def test_detail_of_many_and_of_others(wire: Wire, other: Wire) -> None:
    ids = [wire.order().id for _ in range(50)]
    found = (await wire.call("GET", DETAIL, query={"ids": ",".join([*ids[:49], "404"])})).data["orders"]
    assert [order["id"] for order in found] == ids[:49]
    assert (await wire.call("GET", DETAIL, query={"ids": ",".join([*ids, "1"])})).code == 25001001
    assert (await wire.call("GET", DETAIL, query={"ids": other.order().id})).code == 21008111


STATUSES = ("UNPAID", "ON_HOLD", "AWAITING_SHIPMENT", "AWAITING_COLLECTION", "IN_TRANSIT", "DELIVERED", "COMPLETED")


async def test_nothing_has_happened_in_the_future_and_a_move_happens_when_it_does(wire: Wire) -> None:
    async def times(order: m.Order) -> list[int]:
        shape = (await wire.call("GET", DETAIL, query={"ids": order.id})).data["orders"][0]
        return [shape[name] for name in ("create_time", "paid_time", "rts_time", "delivery_time") if shape.get(name)]

    for status in (*STATUSES, "CANCELLED"):
        seen = await times(wire.order(status=status))
        assert seen == sorted(seen)
        assert seen[-1] <= wire.sim.clock.seconds(), status
    order, clock = wire.order(status="AWAITING_SHIPMENT"), wire.sim.clock
    begun = clock.seconds()
    clock.step(2 * 86400)
    wire.sim.channel.sales.advance(order, "IN_TRANSIT")
    clock.step(9 * 86400)
    wire.sim.channel.sales.advance(order, "DELIVERED")
    wire.renew()
    assert await times(order) == [begun, begun, begun + 2 * 86400, begun + 11 * 86400]


async def test_search_and_price_detail(wire: Wire) -> None:
    placed, transit = wire.order(), wire.order(status="IN_TRANSIT")
    search = "/order/202309/orders/search"
    data = (await wire.call("POST", search, {"order_status": "IN_TRANSIT"}, {"page_size": "100"})).data
    assert [order["id"] for order in data["orders"]] == [transit.id]
    wanted = {"buyer_user_id": placed.buyer.user_id}
    data = (await wire.call("POST", search, wanted, {"page_size": "1"})).data
    assert [order["id"] for order in data["orders"]] == [placed.id]
    prices = (await wire.call("GET", f"/order/202407/orders/{placed.id}/price_detail")).data
    assert round(100 * float(prices["total"])) == placed.total


async def test_masking_by_status_market_and_age(wire: Wire, other: Wire) -> None:
    async def address(client: Wire, order_id: str) -> dict[str, str] | None:
        shape = (await client.call("GET", DETAIL, query={"ids": order_id})).data["orders"][0]
        found = shape.get("recipient_address")
        assert found is None or isinstance(found, dict)
        return found

    held = wire.order(status="ON_HOLD")
    assert await address(wire, held.id) is None
    open_order = wire.order()
    shown = await address(wire, open_order.id)
    assert shown is not None
    assert shown["postal_code"] == open_order.buyer.postal_code
    cancelled = await address(wire, wire.order(status="CANCELLED").id)
    assert cancelled is not None
    assert cancelled["postal_code"] == "****"
    wire.sim.channel.sales.advance(open_order, "COMPLETED")
    wire.sim.clock.step(31 * 86400)
    wire.renew()
    old = await address(wire, open_order.id)
    assert old is not None
    assert old["postal_code"] == "****"
    other.renew()
    british = await address(other, other.order().id)
    assert british is not None
    assert british["postal_code"] != "****"
    assert "*" in british["phone_number"]


async def test_what_stays_open_of_a_masked_address(wire: Wire) -> None:
    async def address(order_id: str) -> dict[str, Any]:
        return dict((await wire.call("GET", DETAIL, query={"ids": order_id})).data["orders"][0]["recipient_address"])

    def levels(found: dict[str, Any]) -> dict[str, str]:
        return {row["address_level"]: row["address_name"] for row in found["district_info"]}

    by_channel = wire.order(fulfillment_type="FULFILLMENT_BY_TIKTOK")
    hidden = await address(by_channel.id)
    assert (hidden["postal_code"], hidden["name"][1:]) == ("****", "***")
    assert levels(hidden) == {"L0": "US", "L1": by_channel.buyer.state, "L2": by_channel.buyer.city, "L3": "****"}
    order = wire.order()
    assert (await address(order.id))["address_line1"] == order.buyer.street
    wire.shop.switches.mask_platform_shipped = True
    shown = await address(order.id)
    assert (shown["address_line1"], shown["full_address"], shown["phone_number"][:5]) == ("****", "****", "(+**)")
    assert (shown["postal_code"], shown["first_name"]) == (order.buyer.postal_code, order.buyer.first_name)
    own = wire.order(shipping_type="SELLER")
    assert (await address(own.id))["address_line1"] == own.buyer.street


async def test_references_both_ways(wire: Wire, other: Wire) -> None:
    order = wire.order("MUG-GRN", "LIP-MNT")
    query = {"platform": "SHOPIFY"}
    assert (await wire.call("GET", f"/order/202406/orders/{order.id}/external_orders", query=query)).data == {
        "external_orders": []
    }
    line = {"id": "99", "origin_id": order.lines[0].id}
    good = {"id": order.id, "external_order": {"id": "555", "platform": "SHOPIFY", "line_items": [line]}}
    foreign = {"id": other.order().id, "external_order": good["external_order"]}
    reply = await wire.call("POST", EXTERNAL, {"orders": [good, foreign]})
    assert reply.code == 0
    assert [error["code"] for error in reply.data["errors"]] == ["21008111"]
    found = (await wire.call("GET", f"/order/202406/orders/{order.id}/external_orders", query=query)).data
    assert found["external_orders"] == [good["external_order"]]
    path = "/order/202406/orders/external_order_search"
    back = (await wire.call("POST", path, query={**query, "external_order_id": "555"})).data
    assert [row["id"] for row in back["orders"]] == [order.id]
    assert (await wire.call("POST", path, query={"platform": "EBAY", "external_order_id": "1"})).code == 98001004


async def test_a_cancellation_and_its_spellings(wire: Wire) -> None:
    cancellations = wire.sim.channel.cancellations
    order = wire.order(status="AWAITING_SHIPMENT")
    case = cancellations.request(order, BUYER_REASON)
    row = (await wire.call("POST", CANCELLATIONS, {"order_ids": [order.id]})).data["cancellations"][0]
    assert row["cancel_status"] == "CANCELLATION_REQUEST_PENDING"
    deadline = int(wire.sim.clock.now()) + 86400  # the US clock
    assert row["seller_next_action_response"] == [{"action": "SELLER_RESPOND_CANCEL", "deadline": deadline}]
    cancellations.withdraw(case)
    rows = (await wire.call("POST", CANCELLATIONS, {"cancel_status": ["CANCELLATION_REQUEST_CANCEL"]})).data
    assert rows["cancellations"][0]["cancel_status"] == "CANCELLATION_REQUEST_CANCELLED"
    by_answer = {"cancel_status": ["CANCELLATION_REQUEST_CANCELLED"]}
    assert (await wire.call("POST", CANCELLATIONS, by_answer)).data["total_count"] == 0
    assert (await wire.call("POST", f"/return_refund/202309/cancellations/{case.id}/approve")).code == 25020009
    again = cancellations.request(order, BUYER_REASON)
    path = f"/return_refund/202309/cancellations/{again.id}/approve"
    for _ in range(2):
        assert (await wire.call("POST", path, query={"idempotency_key": "c"})).code == 0
    assert (again.status, order.status) == (m.CANCEL_SUCCESS, "CANCELLED")
    wire.sim.clock.step(wire.shop.clocks.refund_lag)
    assert again.status == m.CANCEL_COMPLETE
    refunds = wire.sim.books.of(wire.shop.id).refunds
    assert [(entry["cancel_id"], entry["amount"]) for entry in refunds] == [(again.id, order.total)]


async def test_how_cancellations_end_by_themselves(wire: Wire, other: Wire) -> None:
    cancellations = wire.sim.channel.cancellations
    shipped, silent, refused = (wire.order(status="AWAITING_SHIPMENT") for _ in range(3))
    cases = [cancellations.request(order) for order in (shipped, silent, refused)]
    wire.sim.channel.sales.advance(shipped, "AWAITING_COLLECTION")
    assert cases[0].status == m.CANCEL_CANCELLED
    path = f"/return_refund/202309/cancellations/{cases[2].id}/reject"
    assert (await wire.call("POST", path, {"reject_reason": "nonsense"})).code == 25001014
    reason = "seller_reject_apply_product_has_been_packed"
    assert (await wire.call("POST", path, {"reject_reason": reason})).code == 0
    assert (cases[2].status, refused.status) == (m.CANCEL_CANCELLED, "AWAITING_SHIPMENT")
    wire.sim.clock.step(86400)
    assert (cases[1].status, silent.status) == (m.CANCEL_SUCCESS, "CANCELLED")
    on_hold = other.order(status="ON_HOLD")
    assert cancellations.request(on_hold).status == m.CANCEL_SUCCESS


@pytest.mark.parametrize(
    ("status", "reason", "code"),
    [
        ("AWAITING_SHIPMENT", "seller_cancel_reason_out_of_stock", 0),
        ("AWAITING_SHIPMENT", "seller_cancel_unpaid_reason_wrong_price", 25001021),
        ("AWAITING_SHIPMENT", BUYER_REASON, 25001015),
        ("AWAITING_SHIPMENT", "nonsense", 25001014),
        ("IN_TRANSIT", "seller_cancel_reason_out_of_stock", 25001045),
        ("COMPLETED", "seller_cancel_reason_out_of_stock", 25001051),
    ],
)
async def test_the_seller_cancels(wire: Wire, status: str, reason: str, code: int) -> None:
    body = {"order_id": wire.order(status=status).id, "cancel_reason": reason}
    assert (await wire.call("POST", "/return_refund/202602/cancellations", body)).code == code


async def test_an_order_shipped_too_late_is_let_go_and_in_asia_until_the_carrier_has_it(wire: Wire) -> None:
    cancellations = wire.sim.channel.cancellations
    late = wire.order(status="AWAITING_SHIPMENT")
    shape = (await wire.call("GET", DETAIL, query={"ids": late.id})).data["orders"][0]
    assert shape["rts_sla_time"] == late.ship_by
    wire.sim.clock.advance_to(late.ship_by + 1)
    assert cancellations.request(late).status == m.CANCEL_SUCCESS
    packed = wire.order(status="AWAITING_COLLECTION")
    with pytest.raises(ApiError):
        cancellations.request(packed)
    wire.shop.market = market("MY")
    assert cancellations.request(packed).status == m.CANCEL_PENDING


async def test_parcels_warehouses_and_carriers(wire: Wire) -> None:
    order = wire.order()
    events = (await wire.call("GET", f"/fulfillment/202309/orders/{order.id}/tracking")).data["tracking"]
    assert [event["update_time_millis"] % 1000 for event in events] == [0, 0]
    package = (await wire.call("GET", f"/fulfillment/202309/packages/{order.package_id}")).data
    assert package["orders"][0]["id"] == order.id
    found = (await wire.call("POST", "/fulfillment/202309/packages/search", {}, {"page_size": "50"})).data
    assert [row["id"] for row in found["packages"]] == [order.package_id]
    places = (await wire.call("GET", "/logistics/202309/warehouses")).data["warehouses"]
    assert {place["type"] for place in places} == {"SALES_WAREHOUSE", "RETURN_WAREHOUSE"}
    assert len({place["id"] for place in places}) == 2
    assert len({place["entity_id"] for place in places}) == 1
    assert "distict" in places[0]["address"]
    options = f"/logistics/202309/warehouses/{places[0]['id']}/delivery_options"
    option = (await wire.call("GET", options)).data["delivery_options"][0]
    carriers = f"/logistics/202309/delivery_options/{option['id']}/shipping_providers"
    rows = (await wire.call("GET", carriers)).data["shipping_providers"]
    assert {row["id"]: row["name"] for row in rows} == wire.shop.carriers
