"""One call of every operation, each in a situation in which it has something to answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from backhaul.simulator.tiktok.finance import statement_id
from backhaul.simulator.tiktok.model import Cancellation, Order, Return
from tests.simulator.wire import Reply, Wire

PDF = b"%PDF-1.4 label"
PICTURE = b"\xff\xd8\xff\xe0 picture"
Form = dict[str, bytes | str]
SELLER_REASON = "ecom_order_delivered_refund_reason_damaged_seller"
REFUSAL = "seller_reject_apply_item_is_correct"


@dataclass(frozen=True)
class Operation:
    """A call; `empty` says that the answer has no content of its own."""

    method: str
    template: str
    args: dict[str, str] = field(default_factory=dict)
    body: Any = None
    query: dict[str, str] = field(default_factory=dict)
    cipher: bool = True
    form: Form | None = None
    empty: bool = False

    async def play(self, wire: Wire) -> Reply:
        """Sends it."""
        path = self.template.format(**self.args)
        if self.form is None:
            return await wire.call(self.method, path, self.body, self.query, cipher=self.cipher)
        form = aiohttp.FormData()
        for name, value in self.form.items():
            if isinstance(value, bytes):
                form.add_field(name, value, filename=f"{name}.bin")
            else:
                form.add_field(name, value)
        return await wire.upload(path, form, self.query, cipher=self.cipher)


@dataclass
class Situation:
    """A shop in which everything has happened once."""

    order: Order
    done: Return
    cancelled: Cancellation


def arrange(wire: Wire) -> Situation:
    """Makes the shop so."""
    wire.shop.seller_type = "CROSS_BORDER"
    wire.shop.switches.batch_model = True
    aftersales = wire.sim.channel.aftersales
    for _ in range(2):
        paid = wire.ask("REFUND", "MUG-GRN", "LIP-MNT")
        aftersales.move(paid, "approve", "SELLER")
        aftersales.pay(paid)
        wire.sim.clock.step(2 * 86400)
    order = wire.order("JKT-BLU-M", "SET-MUG-LIP")
    done = aftersales.request(order, "RETURN_AND_REFUND", order.lines, shipment="PLATFORM", auto_approve=True)
    aftersales.ship(done)
    aftersales.deliver(done)
    offered = wire.ask("REFUND")
    offered.partial = 300
    aftersales.move(offered, "offer", "SELLER")
    refused = wire.ask()
    aftersales.move(refused, "reject", "SELLER")
    aftersales.arbitrate(refused, "IN_PROGRESS")
    edited = wire.ask(shipment="SELLER")
    aftersales.edit(edited, edited.order.lines)
    wire.ask("EXCHANGE")
    exchanged = wire.ask("EXCHANGE")
    aftersales.move(exchanged, "approve", "SELLER")
    aftersales.ship(exchanged)
    aftersales.deliver(exchanged)
    replaced = wire.ask("REPLACEMENT")
    aftersales.move(replaced, "approve", "SELLER")
    wire.order("YGM-PLM")
    cancelled = wire.sim.channel.cancellations.request(wire.order("SET-MUG-LIP", status="AWAITING_SHIPMENT"))
    wire.sim.channel.orders.link(order, "99", "SHOPIFY", [{"id": "1", "origin_id": order.lines[0].id}])
    return Situation(order, done, cancelled)


def operations(wire: Wire, at: Situation) -> Iterator[Operation]:
    """Every operation of the description, the ones that change something included."""
    yield from _seller()
    yield from _returns(wire, at)
    yield from _batch(wire, at)
    yield from _cancellations(wire, at)
    yield from _orders(at)
    yield from _places(wire, at)
    yield from _money(wire)
    yield Operation("DELETE", "/authorization/202403/shops", empty=True)


def _seller() -> Iterator[Operation]:
    for path in (
        "/authorization/202309/shops",
        "/authorization/202401/widget_token",
        "/authorization/202405/category_assets",
        "/seller/202309/shops",
        "/seller/202309/permissions",
        "/seller/202601/shop_groups",
        "/logistics/202309/global_warehouses",
    ):
        yield Operation("GET", path, cipher=False)
    hooks = "/event/202309/webhooks"
    topic = {"event_type": "RETURN_STATUS_CHANGE"}
    yield Operation("PUT", hooks, body={**topic, "address": "http://127.0.0.1:9/"}, empty=True)
    yield Operation("GET", hooks)
    yield Operation("DELETE", hooks, body=topic, empty=True)


def _returns(wire: Wire, at: Situation) -> Iterator[Operation]:
    area, one = "/return_refund", {"return_or_cancel_id": at.done.id}
    picture: Form = {"data": PICTURE, "use_case": "DESCRIPTION_IMAGE"}
    yield Operation("POST", "/product/202309/images/upload", form=picture, cipher=False)
    for version in ("202309", "202602"):
        yield Operation("POST", f"{area}/{version}/returns/search", body={}, query={"page_size": "50"})
        sum_of = {"order_id": at.order.id, "request_type": "REFUND", "reason_name": SELLER_REASON}
        yield Operation("POST", f"{area}/{version}/refunds/calculate", body=sum_of)
        start = {"order_id": wire.order("MUG-GRN").id, "return_type": "REFUND", "return_reason": SELLER_REASON}
        yield Operation("POST", f"{area}/{version}/returns", body=start)
    for version in ("202309", "202512", "202602"):
        template = f"{area}/{version}/orders/{{order_id}}/aftersale_eligibility"
        yield Operation("GET", template, {"order_id": at.order.id})
    yield Operation("GET", f"{area}/202309/returns/{{return_id}}/records", {"return_id": at.done.id})
    yield Operation("GET", f"{area}/202309/reject_reasons", query=one)
    yield Operation("GET", f"{area}/202601/decision_eligibility", query=one)
    yield Operation("GET", f"{area}/202601/decision_eligibility", query={"return_or_cancel_id": at.cancelled.id})
    decide = f"{area}/202309/returns/{{return_id}}"
    approved = {"decision": "APPROVE_RECEIVED_PACKAGE"}
    yield Operation("POST", f"{decide}/approve", {"return_id": at.done.id}, body=approved, empty=True)
    refused = {"decision": "REJECT_RETURN", "reject_reason": REFUSAL}
    yield Operation("POST", f"{decide}/reject", {"return_id": wire.ask().id}, body=refused, empty=True)
    offered = wire.ask(shipment="SELLER", auto_approve=True)
    label: Form = {
        "return_shipping_label": PDF,
        "tracking_number": "1Z9",
        "return_provider_id": next(iter(wire.shop.carriers)),
    }
    upload = f"{area}/202405/returns/shipping_documents"
    yield Operation("POST", upload, query={"return_ids": offered.id}, form=label, empty=True)


def _batch(wire: Wire, at: Situation) -> Iterator[Operation]:
    area, parts = "/return_refund", ["LINE_ITEMS", "SKU_RETURN_REQUESTS"]
    whole = {"whitelisted_data_fields": [*parts, "RETURN_MERCHANDISE_AUTHORIZATIONS"]}
    yield Operation("POST", f"{area}/202603/aftersales/search", body=whole)
    yield Operation("POST", f"{area}/202604/rma/search", body={"whitelisted_data_fields": parts})
    query = {"seller_id": wire.shop.seller_id, "return_or_cancel_id": at.done.id}
    yield Operation("GET", f"{area}/202606/review_decision", query=query)
    for version in ("202603", "202606"):
        case = wire.ask()
        lines = [{"return_line_item_id": line.id} for line in case.lines]
        decision = {
            "request_id": case.request_id,
            "request_id_type": "AFTERSALES",
            "line_item_decisions": [{"line_items": lines, "action": "APPROVE_REQUEST"}],
        }
        body = {"aftersales_request_decisions": [decision]}
        yield Operation("POST", f"{area}/{version}/aftersales/review", body=body, empty=True)


def _cancellations(wire: Wire, at: Situation) -> Iterator[Operation]:
    area = "/return_refund"
    for version in ("202309", "202602"):
        yield Operation("POST", f"{area}/{version}/cancellations/search", body={})
        order = wire.order("MUG-GRN", status="AWAITING_SHIPMENT")
        body = {"order_id": order.id, "cancel_reason": "seller_cancel_reason_out_of_stock"}
        yield Operation("POST", f"{area}/{version}/cancellations", body=body)
    one = f"{area}/202309/cancellations/{{cancel_id}}"
    yield Operation("POST", f"{one}/approve", {"cancel_id": at.cancelled.id}, empty=True)
    other = wire.sim.channel.cancellations.request(wire.order(status="AWAITING_SHIPMENT"))
    reason = {"reject_reason": "seller_reject_apply_product_has_been_packed"}
    yield Operation("POST", f"{one}/reject", {"cancel_id": other.id}, body=reason, empty=True)


def _orders(at: Situation) -> Iterator[Operation]:
    one, platform = {"order_id": at.order.id}, {"platform": "SHOPIFY"}
    yield Operation("POST", "/order/202309/orders/search", body={}, query={"page_size": "10"})
    for version in ("202309", "202507"):
        yield Operation("GET", f"/order/{version}/orders", query={"ids": at.order.id})
    yield Operation("GET", "/order/202407/orders/{order_id}/price_detail", one)
    links = "/order/202406/orders"
    external = {"id": "7", "platform": "MAGENTO", "line_items": [{"id": "1", "origin_id": at.order.lines[0].id}]}
    both = [{"id": at.order.id, "external_order": external}, {"id": "1", "external_order": external}]
    yield Operation("POST", f"{links}/external_orders", body={"orders": both})
    yield Operation("GET", f"{links}/{{order_id}}/external_orders", one, query=platform)
    yield Operation("POST", f"{links}/external_order_search", query={**platform, "external_order_id": "99"})


def _places(wire: Wire, at: Situation) -> Iterator[Operation]:
    shop, parcel, one = wire.shop, "/fulfillment/202309/packages", {"package_id": at.order.package_id}
    yield Operation("GET", "/logistics/202309/warehouses")
    house, option = {"warehouse_id": shop.warehouse_id}, {"delivery_option_id": shop.warehouse_id[:-1] + "1"}
    yield Operation("GET", "/logistics/202309/warehouses/{warehouse_id}/delivery_options", house)
    yield Operation("GET", "/logistics/202309/delivery_options/{delivery_option_id}/shipping_providers", option)
    yield Operation("GET", "/fulfillment/202309/orders/{order_id}/tracking", {"order_id": at.order.id})
    yield Operation("GET", f"{parcel}/{{package_id}}", one)
    yield Operation(
        "GET", f"{parcel}/{{package_id}}/shipping_documents", one, query={"document_type": "SHIPPING_LABEL"}
    )
    yield Operation("POST", f"{parcel}/search", body={}, query={"page_size": "10"})
    yield Operation("POST", "/fulfillment/202309/images/upload", form={"data": PICTURE})
    yield Operation("POST", "/product/202502/products/search", body={}, query={"page_size": "5"})
    skus = [product.sku_id for product in shop.catalogue[:2]]
    yield Operation("POST", "/product/202309/inventory/search", body={"sku_ids": skus})


def _money(wire: Wire) -> Iterator[Operation]:
    journal, now = wire.sim.channel.world.journal(wire.shop), wire.sim.clock.now()
    day = next(day for day in journal.made(now) if any(entry.case_id for entry in journal.entries(day)))
    entry = next(entry for entry in journal.entries(day) if entry.case_id)
    sort = {"sort_field": "order_create_time"}
    yield Operation("GET", "/finance/202309/statements", query={"sort_field": "statement_time"})
    lines = "/finance/202501/statements/{statement_id}/statement_transactions"
    yield Operation("GET", lines, {"statement_id": statement_id(wire.shop, day)}, query=sort)
    yield Operation("GET", "/finance/202501/orders/{order_id}/statement_transactions", {"order_id": entry.order_id})
    yield Operation("GET", "/finance/202507/orders/unsettled", query=sort)
    for version in ("202309", "202605"):
        yield Operation("GET", f"/finance/{version}/payments", query={"sort_field": "create_time"})
    yield Operation("GET", "/finance/202309/withdrawals", query={"types": "WITHDRAW"})
