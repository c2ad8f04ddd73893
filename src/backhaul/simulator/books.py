"""The simulator's own books: what the vendors accepted, paid and refused; the oracle of outside effects in tests."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

_LOG_LENGTH = 5_000


@dataclass(slots=True)
class ShopBooks:
    """One shop's books. Amounts are minor units; `at` is virtual Unix seconds."""

    decisions: list[dict[str, Any]] = field(default_factory=list)
    refunds: list[dict[str, Any]] = field(default_factory=list)
    labels: list[dict[str, Any]] = field(default_factory=list)
    started: list[dict[str, Any]] = field(default_factory=list)
    external_orders: list[dict[str, Any]] = field(default_factory=list)
    evidence: list[dict[str, Any]] = field(default_factory=list)
    repeats: int = 0
    calls: int = 0
    limited: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    by_endpoint: Counter[str] = field(default_factory=Counter)

    def describe(self, case_id: str | None = None) -> dict[str, Any]:
        """The books as the control API shows them, whole or for one case."""

        def of_case(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
            return [row for row in rows if case_id is None or case_id in (row.get("return_id"), row.get("cancel_id"))]

        return {
            "decisions": of_case(self.decisions),
            "refunds": of_case(self.refunds),
            "labels": of_case(self.labels),
            "started": of_case(self.started),
            "external_orders": list(self.external_orders) if case_id is None else [],
            "evidence": list(self.evidence) if case_id is None else [],
            "repeats": self.repeats,
            "calls": self.calls,
            "limited": self.limited,
            "refused": dict(self.refused),
            "by_endpoint": dict(self.by_endpoint),
        }


class Books:
    """The books of all shops, the calls that reached no shop, and a log of recent requests."""

    def __init__(self) -> None:
        self.shops: dict[str, ShopBooks] = {}
        self.without_shop = ShopBooks()
        self.requests: deque[dict[str, Any]] = deque(maxlen=_LOG_LENGTH)
        self.problems: list[str] = []

    def of(self, shop_id: str | None) -> ShopBooks:
        """The books of one shop; the books of calls that reached none for None."""
        if shop_id is None:
            return self.without_shop
        return self.shops.setdefault(shop_id, ShopBooks())
