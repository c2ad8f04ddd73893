"""Orders, external order references, cancellations."""

from __future__ import annotations

from typing import Any

from backhaul.simulator.tiktok import bodies, paging
from backhaul.simulator.tiktok import model as m
from backhaul.simulator.tiktok.api_returns import NEW, OLD, SCOPE, chosen_lines
from backhaul.simulator.tiktok.cancellations import Cancellations
from backhaul.simulator.tiktok.decisions import Decisions
from backhaul.simulator.tiktok.errors import ApiError
from backhaul.simulator.tiktok.events import VENDOR
from backhaul.simulator.tiktok.gateway import Call, Endpoint
from backhaul.simulator.tiktok.model import Order
from backhaul.simulator.tiktok.shapes import amount, cancellation_shape, order_shape
from backhaul.simulator.tiktok.world import CANCELLED_UNPACKED, World

PLATFORMS = frozenset(
    {
        "SHOPIFY",
        "WOOCOMMERCE",
        "BIGCOMMERCE",
        "MAGENTO",
        "SALESFORCE_COMMERCE_CLOUD",
        "CHANNEL_ADVISOR",
        "AMAZON",
        "ORDER_MANAGEMENT_SYSTEM",
        "WAREHOUSE_MANAGEMENT_SYSTEM",
        "ERP_SYSTEM",
    }
)
_INFO = "seller.order.info"
_READ, _WRITE = "seller.order.ext_ref.read", "seller.order.ext_ref.write"


class OrderApi:
    """Handlers of order and cancellation endpoints."""

    def __init__(self, world: World, cancellations: Cancellations, decisions: Decisions) -> None:
        self._world = world
        self._cancellations = cancellations
        self._decisions = decisions

    def endpoints(self) -> list[Endpoint]:
        """What is served here."""
        cancel = "cancellations/{cancel_id}"
        return [
            Endpoint("POST", "order", (OLD,), "orders/search", _INFO, self.search, body=bodies.SearchOrders),
            Endpoint("GET", "order", (OLD, "202507"), "orders", _INFO, self.detail),
            Endpoint("GET", "order", ("202407",), "orders/{order_id}/price_detail", _INFO, self.prices),
            Endpoint(
                "POST",
                "order",
                ("202406",),
                "orders/external_orders",
                _WRITE,
                self.add_external,
                body=bodies.AddExternal,
            ),
            Endpoint("GET", "order", ("202406",), "orders/{order_id}/external_orders", _READ, self.external_of),
            Endpoint("POST", "order", ("202406",), "orders/external_order_search", _READ, self.find_external),
            Endpoint(
                "POST",
                "return_refund",
                (OLD, NEW),
                "cancellations/search",
                SCOPE,
                self.search_cancellations,
                body=bodies.SearchCancellations,
            ),
            Endpoint("POST", "return_refund", (OLD, NEW), "cancellations", SCOPE, self.cancel, body=bodies.CancelOrder),
            Endpoint("POST", "return_refund", (OLD,), f"{cancel}/approve", SCOPE, self.approve, keyed=True),
            Endpoint(
                "POST", "return_refund", (OLD,), f"{cancel}/reject", SCOPE, self.reject, keyed=True, body=bodies.Decide
            ),
        ]

    # -- orders -------------------------------------------------------------------------------------------------------

    def search(self, call: Call) -> dict[str, Any]:
        """Search orders."""
        page = paging.asked(call, smallest=1, largest=100, default=None, order="DESC")
        status, buyer = call.json.get("order_status"), call.json.get("buyer_user_id")
        wanted = {name: call.json[name] for name in ("shipping_type", "is_buyer_request_cancel") if name in call.json}
        warehouses = paging.words(call, "warehouse_ids")
        world = self._world

        def fits(order_id: str) -> bool:
            order = world.orders[order_id]
            actual = {
                "shipping_type": order.shipping_type,
                "is_buyer_request_cancel": order.request_cancel_at > 0,
            }
            return all(actual[name] == value for name, value in wanted.items()) and (
                warehouses is None or order.shop.warehouse_id in warehouses
            )

        found, token = paging.turn(
            call,
            page,
            world.indexes[call.shop.id].orders,
            statuses={None: None, "CANCELLED": ["CANCELLED", CANCELLED_UNPACKED]}.get(status, [str(status)]),
            only=None if buyer is None else world.orders_of_buyer(str(buyer)),
            fits=fits if wanted or warehouses is not None else None,
        )
        now = world.clock.now()
        rows = [order_shape(world.orders[order_id], now, detail=False) for order_id in found.ids]
        return {"total_count": found.total, "next_page_token": token, "orders": rows}

    def detail(self, call: Call) -> dict[str, Any]:
        """Orders by id; ids of other shops are refused, unknown ones left out."""
        orders: list[Order] = []
        for order_id in call.ids("ids", 50):
            order = self._world.orders.get(order_id)
            if order is not None and order.shop is not call.shop:
                raise ApiError(21008111, "order belongs to another seller")
            if order is not None:
                orders.append(order)
        now = self._world.clock.now()
        return {"orders": [order_shape(order, now, detail=True) for order in orders]}

    def prices(self, call: Call) -> dict[str, Any]:
        """Price build-up of an order."""
        order = self._world.any_order_of(call.shop, call.args["order_id"])
        shop = call.shop
        lines = [
            {
                "id": line.id,
                "currency": shop.currency,
                "total": amount(shop, line.sale_price + line.tax),
                "payment": amount(shop, line.sale_price + line.tax),
                "sku_list_price": amount(shop, line.original_price),
                "sku_sale_price": amount(shop, line.sale_price),
                "subtotal": amount(shop, line.sale_price),
                "subtotal_deduction_seller": amount(shop, line.seller_discount),
                "subtotal_deduction_platform": amount(shop, line.platform_discount),
                "subtotal_tax_amount": amount(shop, line.tax),
                "tax_amount": amount(shop, line.tax),
            }
            for line in order.lines
        ]
        return {
            "currency": shop.currency,
            "total": amount(shop, order.total),
            "payment": amount(shop, order.total),
            "sku_list_price": amount(shop, sum(line.original_price for line in order.lines)),
            "sku_sale_price": amount(shop, sum(line.sale_price for line in order.lines)),
            "subtotal": amount(shop, sum(line.sale_price for line in order.lines)),
            "subtotal_deduction_seller": amount(shop, sum(line.seller_discount for line in order.lines)),
            "subtotal_deduction_platform": amount(shop, sum(line.platform_discount for line in order.lines)),
            "subtotal_tax_amount": amount(shop, sum(line.tax for line in order.lines)),
            "shipping_list_price": amount(shop, order.shipping_fee),
            "shipping_sale_price": amount(shop, order.shipping_fee),
            "tax_amount": amount(shop, order.tax),
            "line_items": lines,
        }

    # -- external references ------------------------------------------------------------------------------------------

    def add_external(self, call: Call) -> dict[str, Any]:
        """Links orders to an external system. Single failures stand in `errors` while the code is 0."""
        orders = call.json.get("orders")
        if not isinstance(orders, list) or not 1 <= len(orders) <= 100:
            raise ApiError(98001004, "invalid parameter orders: 1 to 100")
        errors: list[dict[str, Any]] = []
        for item in orders:
            order = self._world.orders.get(str(item.get("id")))
            external = item.get("external_order") or {}
            lines = external.get("line_items") or []
            problem = None
            if self._world.moods.strike(VENDOR, "external_orders", ("nested_error",)) is not None:
                problem = ("36009003", "internal error")
            elif order is None or order.shop is not call.shop:
                problem = ("21008111", "order does not exist in this shop")
            elif external.get("platform") not in PLATFORMS or not external.get("id"):
                problem = ("98001004", "invalid external order")
            elif len(lines) > 100 or not _fit(order, lines):
                problem = ("98001004", "invalid line_items")
            if problem is not None or order is None:
                detail = {"order_id": str(item.get("id")), "external_order": {"id": str(external.get("id"))}}
                code, message = problem or ("", "")
                errors.append({"code": code, "message": message, "detail": detail})
                continue
            self.link(order, str(external["id"]), str(external["platform"]), lines)
        return {"errors": errors}

    def link(self, order: Order, external_id: str, platform: str, lines: list[dict[str, str]]) -> None:
        """Stores one reference; the one before of the same platform is replaced."""
        order.external = [known for known in order.external if known["platform"] != platform]
        order.external.append(
            {
                "id": external_id,
                "platform": platform,
                "line_items": [{"id": str(line["id"]), "origin_id": str(line["origin_id"])} for line in lines],
            }
        )
        references = self._world.orders_of_reference.setdefault((order.shop.id, platform, external_id), [])
        if order.id not in references:
            references.append(order.id)
        self._world.books.of(order.shop.id).external_orders.append(
            {"order_id": order.id, "external_id": external_id, "platform": platform, "at": self._world.clock.now()}
        )

    def external_of(self, call: Call) -> dict[str, Any]:
        """References of an order."""
        order = self._world.any_order_of(call.shop, call.args["order_id"])
        platform = _platform(call)
        return {"external_orders": [known for known in order.external if known["platform"] == platform]}

    def find_external(self, call: Call) -> dict[str, Any]:
        """Orders of a reference."""
        platform, external_id = _platform(call), call.query.get("external_order_id", "")
        rows: list[dict[str, Any]] = []
        for order_id in self._world.orders_of_reference.get((call.shop.id, platform, external_id), ()):
            rows += [
                {"id": order_id, "external_order": known}
                for known in self._world.orders[order_id].external
                if known["platform"] == platform and known["id"] == external_id
            ]
        return {"orders": rows}

    # -- cancellations ------------------------------------------------------------------------------------------------

    def search_cancellations(self, call: Call) -> dict[str, Any]:
        """Search cancellations. The withdrawn status is asked for by a name other than the one answered, and by that
        one alone."""
        page = paging.asked(call, smallest=1, largest=50, default=10, order="ASC")
        statuses = paging.words(call, "cancel_status")
        if statuses is not None:
            asked_as = {"CANCELLATION_REQUEST_CANCEL": m.CANCEL_CANCELLED, m.CANCEL_CANCELLED: ""}
            statuses = [asked_as.get(name, name) for name in statuses]
        ids, orders = paging.words(call, "cancel_ids"), paging.words(call, "order_ids")
        types, buyers = paging.words(call, "cancel_types"), paging.words(call, "buyer_user_ids")
        world = self._world
        only = None if ids is None else set(ids)
        if orders is not None:
            of_orders = {key for order_id in orders for key in world.cancellations_of_order.get(order_id, ())}
            only = of_orders if only is None else only & of_orders

        def fits(cancel_id: str) -> bool:
            case = world.cancellations[cancel_id]
            return (types is None or case.type in types) and (buyers is None or case.order.buyer.user_id in buyers)

        found, token = paging.turn(
            call,
            page,
            world.indexes[call.shop.id].cancellations,
            statuses=statuses,
            only=only,
            fits=fits if types is not None or buyers is not None else None,
        )
        older = call.version == OLD
        rows = [cancellation_shape(world.cancellations[cancel_id], older=older) for cancel_id in found.ids]
        return {"total_count": found.total, "next_page_token": token, "cancellations": rows}

    def cancel(self, call: Call) -> dict[str, Any]:
        """Cancel as seller. Not protected against repeats."""
        order = self._world.order_of(call.shop, str(call.json.get("order_id", "")))
        reason = call.json.get("cancel_reason")
        if not isinstance(reason, str) or not reason:
            raise ApiError(25001001, "parameter cancel_reason is required")
        lines = chosen_lines(order, call.json)
        case = self._cancellations.by_seller(order, lines, reason, whole=len(lines) == len(order.lines))
        return {"cancel_id": case.id, "cancel_status": case.status}

    def approve(self, call: Call) -> dict[str, Any]:
        """Accept a buyer's cancellation."""
        case = self._world.cancellation_of(call.shop, call.args["cancel_id"])
        self._cancellations.approve(case, self._entry(call))
        return {}

    def reject(self, call: Call) -> dict[str, Any]:
        """Refuse a buyer's cancellation."""
        case = self._world.cancellation_of(call.shop, call.args["cancel_id"])
        refusal = self._cancellations.refusal(case, False)
        if refusal is not None:
            raise refusal
        reason = str(call.json.get("reject_reason", ""))
        self._decisions.check_reason(case, "CANCEL", reason, parcel=False)
        images = self._decisions.image_ids(case, call.json)
        entry = {**self._entry(call), "reject_reason": reason, "image_ids": list(images)}
        self._cancellations.reject(case, {**entry, "comment": str(call.json.get("comment", ""))})
        return {}

    @staticmethod
    def _entry(call: Call) -> dict[str, Any]:
        return {"idempotency_key": call.query.get("idempotency_key", ""), "request_id": call.request_id}


def _fit(order: Order, lines: list[dict[str, str]]) -> bool:
    """Whether every line names an outside id and a unit of the order."""
    units = {line.id for line in order.lines}
    return all(line.get("id") and line.get("origin_id") in units for line in lines)


def _platform(call: Call) -> str:
    platform = call.query.get("platform", "")
    if platform not in PLATFORMS:
        raise ApiError(98001004, "invalid parameter platform")
    return platform
