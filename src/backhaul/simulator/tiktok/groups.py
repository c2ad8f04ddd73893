"""Returns that belong together: of one request, in one parcel, combined by the buyer; and the search over requests and
parcels that the batch model has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from backhaul.simulator.tiktok import model as m
from backhaul.simulator.tiktok.index import Entry, Index
from backhaul.simulator.tiktok.model import Return, Shop


@dataclass(slots=True)
class GroupIndexes:
    """The search indexes over the requests and parcels of one shop."""

    requests: Index = field(default_factory=Index)
    parcels: Index = field(default_factory=Index)


@dataclass(slots=True)
class Groups:
    """Ids of returns by what joins them. Indexes are made when somebody first searches: few shops have the model."""

    requests: dict[str, list[str]] = field(default_factory=dict)
    parcels: dict[str, list[str]] = field(default_factory=dict)
    combined: dict[str, list[str]] = field(default_factory=dict)
    indexes: dict[str, GroupIndexes] = field(default_factory=dict)

    def enter(self, case: Return) -> None:
        """Enters a return under its request and, once it has them, its parcel and its combination."""
        for groups, key in (
            (self.requests, case.request_id),
            (self.parcels, case.rma_id),
            (self.combined, case.combined_id),
        ):
            if key:
                members = groups.setdefault(key, [])
                if case.id not in members:
                    members.append(case.id)

    def touch(self, case: Return, returns: Mapping[str, Return]) -> None:
        """Keeps the search up to date after a change of a return."""
        indexes = self.indexes.get(case.shop.id)
        if indexes is not None:
            self._put(indexes, case, returns)

    def of_shop(self, shop: Shop, returns: Mapping[str, Return]) -> GroupIndexes:
        """The search of a shop."""
        indexes = self.indexes.get(shop.id)
        if indexes is None:
            indexes = self.indexes[shop.id] = GroupIndexes()
            cases = [case for case in returns.values() if case.shop is shop]
            requests = dict.fromkeys(case.request_id for case in cases if case.request_id)
            parcels = dict.fromkeys(case.rma_id for case in cases if case.rma_id)
            indexes.requests.fill(_row(key, self.requests, returns, request_status) for key in requests)
            indexes.parcels.fill(_row(key, self.parcels, returns, parcel_status) for key in parcels)
        return indexes

    def _put(self, indexes: GroupIndexes, case: Return, returns: Mapping[str, Return]) -> None:
        if case.request_id:
            indexes.requests.put(*_row(case.request_id, self.requests, returns, request_status))
        if case.rma_id:
            indexes.parcels.put(*_row(case.rma_id, self.parcels, returns, parcel_status))


def _row(
    key: str,
    groups: Mapping[str, list[str]],
    returns: Mapping[str, Return],
    status: Callable[[Iterable[Return]], str],
) -> Entry:
    parts = [returns[return_id] for return_id in groups[key]]
    return key, min(part.created_at for part in parts), max(part.updated_at for part in parts), status(parts)


def request_status(cases: Iterable[Return]) -> str:
    """Where the first review of a request stands."""
    pending = any(case.status in m.REQUESTED or case.status == m.AWAITING_RESPONSE for case in cases)
    return "PENDING_REQUEST_REVIEW" if pending else "REQUEST_REVIEW_COMPLETED"


def parcel_status(cases: Iterable[Return]) -> str:
    """Where a parcel and its review stand."""
    parts = list(cases)
    if any(case.status == m.SHIPPED and case.delivered_at for case in parts):
        return "PENDING_PACKAGE_REVIEW"
    if any(case.status in (m.AWAITING_SHIP, m.SHIPPED) or _exchanged(case) for case in parts):
        return "AWAITING_BUYER_RETURN"
    return "PACKAGE_REVIEW_COMPLETED"


def _exchanged(case: Return) -> bool:
    """Whether the new goods of an exchange are sent and the old ones not back yet."""
    return case.status == m.EXCHANGE_COMPLETE and not case.delivered_at
