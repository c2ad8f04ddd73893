"""One actor's hands on one shop: who acts, with which scopes, and what every change of an order brings with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .errors import top_level
from .hooks import Emitter, order_body, return_body
from .ids import parse_gid
from .model import Order
from .returning import Return
from .shop import ShopState


@dataclass(slots=True)
class Act:
    """The context of one request, or of one move by another person or connector."""

    shop: ShopState
    emitter: Emitter
    scopes: tuple[str, ...]
    by: str = "app"
    base_url: str = ""
    search: list[dict[str, Any]] = field(default_factory=list)
    bulk: bool = False
    emitted: set[tuple[str, int]] = field(default_factory=set)

    @property
    def now(self) -> float:
        return self.shop.now()

    def emit(self, topic: str, build: Callable[[], dict[str, Any]]) -> None:
        self.emitter.emit(self.shop, topic, build)

    def touch(self, order: Order) -> None:
        """Moves the order's update time, writes the search index and tells the subscribers, once for each request."""
        order.updated_at = max(self.now, order.updated_at)
        self.shop.index.write(order)
        self.shop.touched[order.number_id] = order
        if ("order", order.number_id) not in self.emitted:
            self.emitted.add(("order", order.number_id))
            self.emit("ORDERS_UPDATED", lambda: order_body(order))

    def tell(self, topic: str, each: Return) -> None:
        """Sends a returns topic."""
        self.emit(topic, lambda: return_body(each))
        for listener in self.emitter.return_moved:
            listener(topic, each)

    def order(self, text: str) -> Order | None:
        """The order behind an id if this actor may see it; an id of another kind is a top-level error."""
        self.check_kind("Order", text)
        found: Order | None = self.shop.find("Order", text)
        return self.shop.visible(found, self.scopes)

    def check_kind(self, kind: str, text: str) -> None:
        """Refuses an id that is none, or is one of another kind."""
        parsed = parse_gid(text)
        if parsed is None:
            raise top_level(f"Invalid global id '{text}'", "INVALID_VARIABLE")
        if parsed[0] != kind:
            raise top_level("Invalid id", "RESOURCE_NOT_FOUND")
