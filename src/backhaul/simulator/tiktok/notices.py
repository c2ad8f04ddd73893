"""What a return leaves behind and tells: its records, and the events of the batch model."""

from __future__ import annotations

from backhaul.simulator import money
from backhaul.simulator.tiktok import reasons
from backhaul.simulator.tiktok.model import Return
from backhaul.simulator.tiktok.world import World


class Notices:
    """Writes the history of returns and tells about requests, parcels and money where the shop's switches say so."""

    def __init__(self, world: World) -> None:
        self._world = world

    def record(self, case: Return, role: str, description: str, note: str = "") -> None:
        """Adds a row to the history of a return."""
        case.records.append(
            {
                "event": "ORDER_RETURN",
                # The vendor mixes the case of roles in this answer.
                "role": role if len(case.records) % 2 == 0 else role.capitalize(),
                "description": description,
                "reason_text": reasons.text(case.reason),
                "note": note,
                "images": [],
                "videos": [],
                "create_time": self._world.clock.seconds(),
            }
        )

    def request(self, case: Return, status: str) -> None:
        """Type 64, for shops with the batch model."""
        if not case.shop.switches.batch_model or self._world.quiet:
            return
        data = {
            "aftersales_request_id": case.request_id,
            "return_role": case.role,
            "aftersales_request_status": status,
            "aftersales_request_create_time": case.created_at,
            "aftersales_request_update_time": case.updated_at,
        }
        self._world.events.emit(case.shop, "AFTERSALES_REQUEST_STATUS_UPDATE", data, case.id)

    def parcel(self, case: Return, status: str) -> None:
        """Type 65, for shops with the batch model."""
        if not case.shop.switches.batch_model or self._world.quiet or not case.rma_id:
            return
        data = {
            "rma_id": case.rma_id,
            "aftersales_request_id": case.request_id,
            "return_role": case.role,
            "rma_status": status,
            "rma_create_time": case.created_at,
            "rma_update_time": case.updated_at,
        }
        self._world.events.emit(case.shop, "RMA_STATUS_UPDATE", data, case.id)

    def paid(self, case: Return) -> None:
        """Type 67, for shops with the batch model or with this event switched on."""
        shop, world = case.shop, self._world
        if world.quiet or not (shop.switches.refund_success_event or shop.switches.batch_model):
            return
        data = {
            "aftersales_request_id": case.request_id,
            "rma_id": case.rma_id,
            "line_items": [
                {
                    "main_order_id": case.order.id,
                    "return_line_item_id": item.id,
                    "sub_return_line_item_id": "",
                    "sku_id": item.line.product.sku_id,
                    "sku_return_request_id": case.id,
                }
                for item in case.lines
            ],
            "refund_currency": shop.currency,
            "refund_total": money.text(case.amounts.total, shop.currency, uneven=shop.switches.uneven_money),
            "refund_status": "REFUND_SUCCESS",
            "refund_timestamp": case.refunded_at,
        }
        world.events.emit(shop, "REFUND_SUCCESS", data, case.id)
