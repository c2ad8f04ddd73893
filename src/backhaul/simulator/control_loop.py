"""The part of the control API about the returns desk: its settings and keys, and what its staff and carriers do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web

from backhaul.simulator.control_cases import answer, body_of
from backhaul.simulator.loop.errors import Refused
from backhaul.simulator.loop.model import LABEL_STATUSES, Desk, DraftLine, Return
from backhaul.simulator.loop.returns import STAFF
from backhaul.simulator.loop.shapes import iso
from backhaul.simulator.tiktok.states import IllegalMove

if TYPE_CHECKING:
    from backhaul.simulator.server import Simulator

_CONDITIONS = ("sellable", "damaged", "used", "wrong item", "missing")
_DISPOSITIONS = ("restock", "donate", "discard", "return to buyer")


class LoopControl:
    """Handlers about desks. `{shop}` is a store's domain or the id of a channel's shop."""

    def __init__(self, simulator: Simulator) -> None:
        self._loop = simulator.loop
        self._acts: dict[str, Callable[[Desk, Return, dict[str, Any]], None]] = {
            "process": lambda desk, each, body: self._loop.returns.process(desk, each, STAFF),
            "cancel": lambda desk, each, body: self._loop.returns.cancel(desk, each, STAFF),
            "close": lambda desk, each, body: self._loop.returns.close(desk, each, STAFF),
            "flag": lambda desk, each, body: self._loop.returns.flag(desk, each, STAFF),
            "unflag": lambda desk, each, body: self._loop.returns.unflag(desk, each, STAFF),
            "remove": self._remove,
            "grade": self._grade,
            "note": self._note,
            "label": lambda desk, each, body: self._loop.labels.queue(desk, each.id, STAFF),
            "scan": lambda desk, each, body: self._scan(each, "in_transit"),
            "deliver": lambda desk, each, body: self._scan(each, "delivered"),
            "track": lambda desk, each, body: self._scan(each, str(body.get("status", ""))),
            "tell": lambda desk, each, body: self._tell(desk, each, str(body.get("trigger", "return.updated"))),
        }

    def routes(self) -> list[web.RouteDef]:
        """What is served here."""
        return [
            web.get("/loop", self.desks),
            web.get("/loop/{shop}", self.desk),
            web.patch("/loop/{shop}", self.change),
            web.post("/loop/{shop}/keys", self.add_key),
            web.delete("/loop/{shop}/keys", self.drop_key),
            web.get("/loop/{shop}/returns", self.returns),
            web.post("/loop/{shop}/returns", self.open),
            web.get("/loop/{shop}/returns/{return_id}", self.one),
            web.post("/loop/{shop}/returns/{return_id}/{action}", self.act),
        ]

    def _desk(self, request: web.Request) -> Desk:
        return self._loop.world.desk(request.match_info["shop"])

    def _return(self, request: web.Request) -> tuple[Desk, Return]:
        desk, text = self._desk(request), request.match_info["return_id"]
        found = desk.returns.get(int(text)) if text.isdigit() else None
        if found is None:
            raise LookupError(f"nothing here has the id {text!r}")
        return desk, found

    async def desks(self, request: web.Request) -> web.Response:
        """All desks with their credentials and settings."""
        return answer({"desks": [self._loop.describe(desk) for desk in self._loop.world.desks.values()]})

    async def desk(self, request: web.Request) -> web.Response:
        """One desk."""
        return answer(self._loop.describe(self._desk(request)))

    async def change(self, request: web.Request) -> web.Response:
        """Changes settings and workflows by name."""
        desk, body = self._desk(request), await body_of(request)
        desk.settings.change(body)
        return answer(self._loop.describe(desk))

    async def add_key(self, request: web.Request) -> web.Response:
        """A further API key: `name`, `scopes`."""
        desk, body = self._desk(request), await body_of(request)
        key = self._loop.world.add_key(desk, str(body.get("name", "key")), tuple(body.get("scopes", ())))
        return answer({"name": key.name, "key": key.value, "scopes": list(key.scopes)}, 201)

    async def drop_key(self, request: web.Request) -> web.Response:
        """The merchant deletes a key: `name`. Calls with it fail from now on."""
        desk, name = self._desk(request), request.query.get("name")
        desk.keys = [key for key in desk.keys if key.name != name]
        return answer({"keys": [key.name for key in desk.keys]})

    async def returns(self, request: web.Request) -> web.Response:
        """All returns of a desk: `state`, `order` narrow them."""
        desk, query = self._desk(request), request.query
        rows = [
            self._state(each)
            for each in desk.returns.values()
            if query.get("state") in (None, each.state) and query.get("order") in (None, each.order.name)
        ]
        return answer({"returns": rows})

    async def one(self, request: web.Request) -> web.Response:
        """One return."""
        return answer(self._state(self._return(request)[1]))

    async def open(self, request: web.Request) -> web.Response:
        """A return made in the desk itself: `order` (its name), `skus`, `parent_reason`, `reason`, `outcome`."""
        desk, body = self._desk(request), await body_of(request)
        world = self._loop.world
        order = world.orders.named(desk, str(body.get("order", "")))
        if order is None:
            raise LookupError(f"no order {body.get('order')!r} in {desk.domain}")
        parent = str(body.get("parent_reason") or next(iter(desk.settings.reasons)))
        reason = str(body.get("reason") or desk.settings.reasons.get(parent, [""])[0])
        outcome = str(body.get("outcome", "refund"))
        ineligible = world.orders.ineligible(desk, order, world.clock.now())
        free = [unit for unit in order.units if unit.id not in ineligible]
        wanted = list(body.get("skus") or [unit.sku for unit in free])
        lines: list[DraftLine] = []
        for sku in wanted:
            unit = next((unit for unit in free if unit.sku == sku), None)
            if unit is None:
                raise IllegalMove(f"no piece of {sku} can be returned")
            free.remove(unit)
            lines.append(DraftLine(0, unit, parent, desk.reason_id(parent, reason), reason, None, outcome))
        if not lines:
            raise IllegalMove("nothing of this order can be returned")
        address = {"name": order.buyer, "zip": order.zip, "country_code": order.country}
        made = self._refusable(lambda: self._loop.returns.open(desk, order, lines, address, by=STAFF))
        return answer(self._state(made), 201)

    async def act(self, request: web.Request) -> web.Response:
        """What staff or a carrier do with a return; the action is the last part of the path."""
        (desk, each), body = self._return(request), await body_of(request)
        action = self._acts.get(request.match_info["action"])
        if action is None:
            raise LookupError(f"no action {request.match_info['action']!r}; known: {', '.join(self._acts)}")
        self._refusable(lambda: action(desk, each, body))
        return answer(self._state(each))

    @staticmethod
    def _refusable(act: Any) -> Any:
        try:
            return act()
        except Refused as refused:
            raise IllegalMove(refused.text) from None

    def _remove(self, desk: Desk, each: Return, body: dict[str, Any]) -> None:
        self._loop.returns.remove(desk, each, [int(line) for line in body.get("line_item_ids", ())], STAFF)

    def _grade(self, desk: Desk, each: Return, body: dict[str, Any]) -> None:
        """Condition and disposition of one line (`line_item_id`), or of all."""
        condition, disposition = body.get("condition"), body.get("disposition")
        if condition not in (None, *_CONDITIONS) or disposition not in (None, *_DISPOSITIONS):
            known = f"conditions: {', '.join(_CONDITIONS)}; dispositions: {', '.join(_DISPOSITIONS)}"
            raise ValueError(f"unknown condition or disposition; {known}")
        chosen = [line for line in each.staying if body.get("line_item_id") in (None, line.unit.id)]
        if not chosen:
            raise LookupError(f"no line {body.get('line_item_id')} in this return")
        self._loop.returns.grade(desk, each, chosen, condition, disposition)

    def _note(self, desk: Desk, each: Return, body: dict[str, Any]) -> None:
        now = iso(self._loop.world.clock.now())
        each.notes.append({"id": desk.number("note"), "content": str(body.get("content", "")), "created_at": now})

    def _scan(self, each: Return, status: str) -> None:
        if status not in LABEL_STATUSES:
            raise ValueError(f"status must be one of: {', '.join(LABEL_STATUSES)}")
        if not each.live_labels:
            raise IllegalMove("the return has no label")
        self._loop.labels.parcel_moved(each.live_labels[-1].tracking_number, status)

    def _tell(self, desk: Desk, each: Return, trigger: str) -> None:
        if trigger not in ("return.created", "return.updated", "return.closed"):
            raise ValueError("trigger must be return.created, return.updated or return.closed")
        self._loop.world.tell(desk, each, trigger)

    def _state(self, each: Return) -> dict[str, Any]:
        labels = [
            {
                "id": label.id,
                "carrier": label.carrier,
                "tracking_number": label.tracking_number,
                "status": label.status,
                "by": label.by,
            }
            for label in each.live_labels
        ]
        return {**self._loop.state(each), "labels": labels}
