"""Outbound parcels: tracking, search, documents, proofs of delivery."""

from __future__ import annotations

from typing import Any

from backhaul.simulator.tiktok import bodies, paging
from backhaul.simulator.tiktok.errors import ApiError
from backhaul.simulator.tiktok.gateway import Call, Endpoint
from backhaul.simulator.tiktok.labels import require_picture
from backhaul.simulator.tiktok.model import Order
from backhaul.simulator.tiktok.shapes import PARCEL_STATUS, package_status, recipient_address
from backhaul.simulator.tiktok.world import World

_SCOPE = "seller.fulfillment.basic"
_DOCUMENTS = (
    "SHIPPING_LABEL",
    "PACKING_SLIP",
    "SHIPPING_LABEL_AND_PACKING_SLIP",
    "SHIPPING_LABEL_PICTURE",
    "HAZMAT_LABEL",
    "INVOICE_LABEL",
)
_PROOF_LIMIT = 5 * 1024 * 1024


class ParcelApi:
    """Handlers of the fulfilment endpoints."""

    def __init__(self, world: World) -> None:
        self._world = world

    def endpoints(self) -> list[Endpoint]:
        """What is served here."""
        area, old, one = "fulfillment", ("202309",), "packages/{package_id}"
        return [
            Endpoint("GET", area, old, "orders/{order_id}/tracking", _SCOPE, self.tracking),
            Endpoint("GET", area, old, one, _SCOPE, self.package),
            Endpoint("GET", area, old, f"{one}/shipping_documents", _SCOPE, self.document),
            Endpoint("POST", area, old, "packages/search", _SCOPE, self.search, body=bodies.SearchPackages),
            Endpoint("POST", area, old, "images/upload", _SCOPE, self.proof, form=True),
        ]

    def tracking(self, call: Call) -> dict[str, Any]:
        """Carrier events of the outbound parcel; return parcels are not in it."""
        order = self._world.any_order_of(call.shop, call.args["order_id"])
        return {
            "tracking": [
                {"description": text, "update_time_millis": at * 1000, "action_code": code}
                for at, code, text in order.tracking_events
            ]
        }

    def package(self, call: Call) -> dict[str, Any]:
        """One outbound parcel."""
        order = self._packed(call)
        shape = _package(order)
        shape["package_id"] = shape.pop("id")
        shape["package_status"] = shape.pop("status")
        address = recipient_address(order, self._world.clock.now()) or {}
        shape["recipient_address"] = {
            name: address[name]
            for name in ("full_address", "phone_number", "name", "postal_code", "region_code", "address_line1")
            if name in address
        }
        shape["shipping_type"], shape["handover_method"] = order.shipping_type, "PICKUP"
        return shape

    def search(self, call: Call) -> dict[str, Any]:
        """Outbound parcels, paged by the orders they belong to."""
        page = paging.asked(call, smallest=1, largest=50, default=None, order="DESC")
        status, world = call.json.get("package_status"), self._world
        packed = [name for name, of_parcel in PARCEL_STATUS.items() if status in (None, of_parcel)]
        index = world.indexes[call.shop.id].orders
        found, token = paging.turn(call, page, index, statuses=packed, only=None, fits=None)
        rows = [_package(world.orders[order_id]) for order_id in found.ids]
        return {"total_count": found.total, "next_page_token": token, "packages": rows}

    def document(self, call: Call) -> dict[str, Any]:
        """Where a label or slip of an outbound parcel can be fetched."""
        order, kind = self._packed(call), call.query.get("document_type")
        if kind not in _DOCUMENTS:
            raise ApiError(98001004, f"invalid parameter document_type: {', '.join(_DOCUMENTS)}")
        return {
            "doc_url": f"https://simulated.invalid/{order.package_id}/{kind}.pdf",
            "tracking_number": order.tracking_number,
        }

    def proof(self, call: Call) -> dict[str, Any]:
        """Upload of a picture that proves a delivery."""
        require_picture(call, _PROOF_LIMIT)
        uri = self._world.ids.word("tos-simulated/", 24)
        return {"url": f"https://simulated.invalid/{uri}", "width": 1200, "height": 900}

    def _packed(self, call: Call) -> Order:
        order = self._world.order_in_package(call.args["package_id"])
        if order is None or order.shop is not call.shop:
            raise ApiError(21008111, "package belongs to another seller or does not exist")
        return order


def _package(order: Order) -> dict[str, Any]:
    skus: dict[str, dict[str, Any]] = {}
    for line in order.lines:
        product = line.product
        row = skus.setdefault(product.sku_id, {"id": product.sku_id, "name": product.variant, "quantity": 0})
        row["quantity"] += 1
    return {
        "id": order.package_id,
        "orders": [{"id": order.id, "skus": list(skus.values())}],
        "create_time": order.paid_at,
        "update_time": order.updated_at,
        "status": package_status(order),
        "tracking_number": order.tracking_number,
        "shipping_provider_id": order.provider_id,
        "shipping_provider_name": order.shop.carriers.get(order.provider_id, ""),
        "order_line_item_ids": [line.id for line in order.lines],
    }
