"""Operations on orders: those that were pushed to the desk, and what of an order may come back."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import urlencode

from backhaul.simulator.loop import errors
from backhaul.simulator.loop.errors import Refused
from backhaul.simulator.loop.gateway import Answer, Call, Operation
from backhaul.simulator.loop.shapes import iso

_LARGEST_PAGE = 250


class OrdersApi:
    """Handlers of the orders."""

    def operations(self) -> list[Operation]:
        """What is served here."""
        return [
            Operation("GET", "/orders", self.listing, "orders"),
            Operation("POST", "/orders", self.create, "orders"),
            Operation("PUT", "/orders", self.upsert, "orders"),
            Operation("POST", "/orders/return-eligibility", self.eligibility, "orders"),
            Operation("GET", "/orders/{id}", self.one, "orders"),
            Operation("PUT", "/orders/{id}", self.update, "orders"),
            Operation("DELETE", "/orders/{id}", self.delete, "orders"),
        ]

    def listing(self, call: Call) -> Any:
        """A page of the pushed orders."""
        query, pushed = call.query, call.desk.pushed
        limit = query.get("limit", "50")
        if not limit.isdigit() or not 1 <= int(limit) <= _LARGEST_PAGE:
            raise errors.bare(f"limit must lie between 1 and {_LARGEST_PAGE}.", 400)
        down = query.get("sort_order") == "desc"
        wanted = query.get("external_id")
        ids = sorted((i for i, body in pushed.items() if wanted in (None, body.get("external_id"))), reverse=down)
        start = _start(ids, query.get("cursor"))
        page = ids[start : start + int(limit)]
        more = start + len(page) < len(ids)
        before = max(0, start - int(limit))
        return {
            "orders": [_shape(call, order_id) for order_id in page],
            "next_page_url": _page_url(call, page[-1]) if more and page else None,
            "previous_page_url": _page_url(call, ids[before - 1] if before else None) if start else None,
        }

    def create(self, call: Call) -> Any:
        """A new order."""
        external_id = call.json.get("external_id")
        if external_id and self._known(call, str(external_id)) is not None:
            raise errors.bare("external_id has been used.", 400)
        return self._write(call, call.desk.number("order"))

    def upsert(self, call: Call) -> Any:
        """A new order, or the one with this external id."""
        external_id = call.json.get("external_id")
        if not external_id:
            raise errors.bare("external_id is required.", 400)
        known = self._known(call, str(external_id))
        return self._write(call, call.desk.number("order") if known is None else known)

    def update(self, call: Call) -> Any:
        """Changes an order."""
        return self._write(call, self._id(call))

    def one(self, call: Call) -> Any:
        """An order."""
        return {"order": _shape(call, self._id(call))}

    def delete(self, call: Call) -> Answer:
        """Takes an order away."""
        del call.desk.pushed[self._id(call)]
        return Answer(204)

    def eligibility(self, call: Call) -> Any:
        """What may come back of an order; it changes nothing and promises nothing."""
        name = call.json.get("order_name")
        order = call.world.orders.named(call.desk, name) if isinstance(name, str) else None
        if order is None:
            raise errors.bare("There is no such order.", 404)
        now = call.world.clock.now()
        why = call.world.orders.ineligible(call.desk, order, now)
        return {
            "return_eligibility": {
                "order_id": order.id,
                "as_of": iso(now),
                "advisory": True,
                "items": [
                    {
                        "line_item_id": unit.id,
                        "sku": unit.sku,
                        "eligible": unit.id not in why,
                        "ineligibility_code": why.get(unit.id),
                    }
                    for unit in order.units
                ],
            }
        }

    @staticmethod
    def _known(call: Call, external_id: str) -> int | None:
        return next((i for i, body in call.desk.pushed.items() if body.get("external_id") == external_id), None)

    @staticmethod
    def _id(call: Call) -> int:
        if call.args["id"] not in call.desk.pushed:
            raise Refused(404, {"errors": {"message": "There is no such order.", "code": "ORDER_NOT_FOUND"}})
        return call.args["id"]

    @staticmethod
    def _write(call: Call, order_id: int) -> Any:
        if not call.desk.settings.accepts_orders:
            # [inferred]: whether a desk on a store takes foreign orders is unknown; this one can be set either way.
            raise errors.coded("This shop takes no orders by API.", "NOT_AUTHORIZED", 400)
        body, known = call.json, call.desk.pushed.get(order_id, {})
        merged = {**known, **body}
        for name in ("name", "total_price", *(("created_at",) if call.version in ("2026-10", "unstable") else ())):
            if not merged.get(name):
                raise errors.bare(f"{name} is required.", 400)
        money = merged["total_price"]
        if not isinstance(money, dict) or type(money.get("amount")) is not int or not money.get("currency_code"):
            raise errors.bare("total_price needs an amount in minor units and a currency_code.", 400)
        _check_parts(merged)
        merged["received_at"] = known.get("received_at", call.world.clock.now())
        call.desk.pushed[order_id] = merged
        return {"order": _shape(call, order_id)}


def _check_parts(body: dict[str, Any]) -> None:
    lines, address = body.get("line_items") or [], body.get("shipping_address") or {}
    if not isinstance(address, dict):
        raise errors.bare("shipping_address must be an object.", 400)
    if not isinstance(lines, list) or not all(isinstance(line, dict) for line in lines):
        raise errors.bare("line_items must be a list of objects.", 400)
    for line in lines:
        price = line.get("price") or {}
        if (
            type(line.get("quantity", 1)) is not int
            or not isinstance(price, dict)
            or type(price.get("amount", 0)) is not int
        ):
            raise errors.bare("A line item needs a whole quantity, and a price with an amount in minor units.", 400)


def _shape(call: Call, order_id: int) -> dict[str, Any]:
    body = {name: value for name, value in call.desk.pushed[order_id].items() if name != "received_at"}
    return {**body, "id": str(order_id) if call.text_ids else order_id, "external_id": body.get("external_id")}


def _start(ids: list[int], cursor: str | None) -> int:
    if cursor is None:
        return 0
    try:
        last = int(base64.urlsafe_b64decode(cursor.encode()).decode())
    except ValueError:
        raise errors.bare("cursor is invalid.", 400) from None
    return ids.index(last) + 1 if last in ids else 0


def _page_url(call: Call, last: int | None) -> str:
    query = {name: value for name, value in call.query.items() if name != "cursor"}
    if last is not None:
        query["cursor"] = base64.urlsafe_b64encode(str(last).encode()).decode()
    return f"{call.here}/orders?{urlencode(query)}"
