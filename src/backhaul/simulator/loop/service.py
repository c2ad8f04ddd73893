"""Loop as a whole: its world, its operations, its files, and its books."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from backhaul.simulator.loop.api_drafts import DraftsApi
from backhaul.simulator.loop.api_labels import LabelsApi
from backhaul.simulator.loop.api_orders import OrdersApi
from backhaul.simulator.loop.api_returns import ReturnsApi
from backhaul.simulator.loop.api_setup import SetupApi
from backhaul.simulator.loop.drafts import Drafts
from backhaul.simulator.loop.gateway import Gateway, application
from backhaul.simulator.loop.labels import Labels
from backhaul.simulator.loop.model import Desk, Return
from backhaul.simulator.loop.returns import Returns
from backhaul.simulator.loop.world import LoopWorld


class Loop:
    """The vendor: every desk, behind one listener."""

    def __init__(self, world: LoopWorld) -> None:
        self.world = world
        self.returns = Returns(self.world)
        self.labels = Labels(self.world, self.returns)
        self.drafts = Drafts(self.world, self.returns, self.labels)
        operations = [
            operation
            for api in (
                ReturnsApi(self.returns),
                DraftsApi(self.drafts),
                LabelsApi(self.labels),
                OrdersApi(),
                SetupApi(),
            )
            for operation in api.operations()
        ]
        self.gateway = Gateway(self.world, operations)

    def app(self) -> web.Application:
        """The HTTP application."""
        files = [
            web.get("/labels/{label_id:[0-9]+}/{token}.pdf", self._label_file),
            web.get("/api/v1/qr/i/{token}", self._picture),
        ]
        return application(self.gateway, files)

    async def _label_file(self, request: web.Request) -> web.Response:
        found = self.labels.pdf(int(request.match_info["label_id"]), request.match_info["token"])
        return web.Response(status=404) if found is None else web.Response(body=found, content_type="application/pdf")

    async def _picture(self, request: web.Request) -> web.Response:
        token = request.match_info["token"]
        desk = next((desk for desk in self.world.desks.values() if token in desk.links), None)
        if desk is None:
            return web.Response(status=404)
        # Not a code that a telephone could read: the simulator only shows that the address leads to a picture.
        text = f"{self.world.base}/portal/{desk.name}/#/link/{token}"
        picture = f'<svg xmlns="http://www.w3.org/2000/svg" width="640" height="40"><text y="24">{text}</text></svg>'
        return web.Response(text=picture, content_type="image/svg+xml")

    def describe(self, desk: Desk) -> dict[str, Any]:
        """What a client needs to be connected to a desk."""
        return {
            "vendor": "loop",
            "base": f"{self.world.base}/api/2026-10",
            "api_base": f"{self.world.base}/api",
            "shop": desk.domain,
            "shop_id": desk.shop_id,
            "key": desk.keys[0].value if desk.keys else "",
            "keys": [{"name": key.name, "key": key.value, "scopes": list(key.scopes)} for key in desk.keys],
            "webhook_secret": desk.secret,
            "settings": desk.settings.describe(),
        }

    def books(self, desk: Desk) -> dict[str, Any]:
        """The oracle of one desk: who did what, what was paid back in the store, what labels cost."""
        return {
            "returns": {str(each.id): self.state(each) for each in desk.returns.values()},
            "acts": list(desk.acts),
            "refunds": [{"return_id": each.id, **row} for each in desk.returns.values() for row in each.refunds],
            "labels": [
                {
                    "return_id": each.id,
                    "id": label.id,
                    "by": label.by,
                    "tracking_number": label.tracking_number,
                    "status": label.status,
                    "cost": label.cost,
                    "currency": label.currency,
                    "voided": label.voided,
                }
                for each in desk.returns.values()
                for label in each.labels
            ],
            "calls": dict(desk.calls),
            "refused": list(desk.refused),
        }

    @staticmethod
    def state(each: Return) -> dict[str, Any]:
        """One return as the books and the control API show it."""
        return {
            "id": each.id,
            "order": each.order.name,
            "order_number_id": each.order.number_id,
            "state": each.state,
            "was_processed": each.was_processed,
            "queued": each.queued,
            "refund": each.refund,
            "fee": each.fee,
            "currency": each.order.currency,
            "failure": each.failure,
            "by": each.by,
            "notes": [note["content"] for note in each.notes],
            "store_return": each.store_number,
            "lines": [
                {
                    "line_item_id": line.unit.id,
                    "sku": line.unit.sku,
                    "provider_line_item_id": line.unit.provider_line_id,
                    "parent_reason": line.parent_reason,
                    "reason": line.reason,
                    "outcome": line.outcome,
                    "removed": line.removed,
                    "condition": line.condition,
                    "disposition": line.disposition,
                }
                for line in each.lines
            ],
        }
