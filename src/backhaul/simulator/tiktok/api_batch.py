"""The batch return model of 2026: requests and parcels (RMAs), for shops that have it switched on.

A request holds a return for each SKU, and the returns of one request travel in one parcel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from backhaul.simulator.tiktok import bodies, paging
from backhaul.simulator.tiktok.api_returns import SCOPE
from backhaul.simulator.tiktok.errors import ApiError
from backhaul.simulator.tiktok.gateway import Call, Endpoint
from backhaul.simulator.tiktok.groups import parcel_status, request_status
from backhaul.simulator.tiktok.index import FIELDS as TIMES
from backhaul.simulator.tiktok.index import Index
from backhaul.simulator.tiktok.model import Return
from backhaul.simulator.tiktok.shapes import amount, return_shape
from backhaul.simulator.tiktok.world import World

_FIELDS = ("LINE_ITEMS", "SKU_RETURN_REQUESTS", "RETURN_MERCHANDISE_AUTHORIZATIONS")


@dataclass(frozen=True, slots=True)
class _Found:
    ids: list[str]
    total: int
    token: str


class BatchApi:
    """Handlers of the searches."""

    def __init__(self, world: World) -> None:
        self._world = world

    def endpoints(self) -> list[Endpoint]:
        """What is served here."""
        area = "return_refund"
        return [
            Endpoint(
                "POST", area, ("202603",), "aftersales/search", SCOPE, self.search_requests, body=bodies.SearchGroups
            ),
            Endpoint("POST", area, ("202604",), "rma/search", SCOPE, self.search_parcels, body=bodies.SearchGroups),
        ]

    def search_requests(self, call: Call) -> dict[str, Any]:
        """After-sales requests. Without whitelisted fields only ids and statuses come back."""
        wanted, groups = self._whitelist(call, _FIELDS), self._world.groups
        found = self._search(call, "requests", "aftersales_request_ids", "aftersales_request_statuses")
        rows = []
        for request_id in found.ids:
            cases = self._cases(groups.requests[request_id])
            row: dict[str, Any] = {"id": request_id, "status": request_status(cases), **self._contents(cases, wanted)}
            if "RETURN_MERCHANDISE_AUTHORIZATIONS" in wanted:
                row["return_merchandise_authorizations"] = [
                    self._parcel(rma_id, self._cases(groups.parcels[rma_id]), wanted)
                    for rma_id in dict.fromkeys(case.rma_id for case in cases if case.rma_id)
                ]
            rows.append(row)
        return {"aftersales_requests": rows, "total_count": found.total, "next_page_token": found.token}

    def search_parcels(self, call: Call) -> dict[str, Any]:
        """Return parcels."""
        wanted = self._whitelist(call, _FIELDS[:2])
        found = self._search(call, "parcels", "rma_ids", "statuses")
        rows = [self._parcel(key, self._cases(self._world.groups.parcels[key]), wanted) for key in found.ids]
        return {
            "return_merchandise_authorizations": rows,
            "total_count": found.total,
            "next_page_token": found.token,
        }

    def _whitelist(self, call: Call, known: tuple[str, ...]) -> set[str]:
        require_model(call)
        wanted = call.json.get("whitelisted_data_fields") or []
        if not isinstance(wanted, list) or set(wanted) - set(known):
            raise ApiError(25001001, "invalid parameter whitelisted_data_fields")
        return set(wanted)

    def _cases(self, return_ids: Iterable[str]) -> list[Return]:
        return [self._world.returns[return_id] for return_id in return_ids]

    def _search(self, call: Call, kind: str, id_filter: str, status_filter: str) -> _Found:
        filters, sort = _part(call, "filters"), _part(call, "sort")
        page, token, offset = _page(call)
        world = self._world
        members: dict[str, list[str]] = getattr(world.groups, kind)
        index: Index = getattr(world.groups.of_shop(call.shop, world.returns), kind)
        only = None if not filters.get(id_filter) else set(filters[id_filter])
        packages = filters.get("package_ids")
        if packages:
            of_packages = {key for key in index.ids() if _package_id(key) in packages}
            only = of_packages if only is None else only & of_packages
        if filters.get("main_order_ids"):
            of_orders = {
                case.request_id if kind == "requests" else case.rma_id
                for order_id in filters["main_order_ids"]
                for case in self._cases(world.returns_of_order.get(str(order_id), ()))
            }
            only = of_orders if only is None else only & of_orders
        tests: dict[str, Callable[[Return], str]] = {
            "return_types": lambda case: case.type,
            "buyer_ids": lambda case: case.order.buyer.user_id,
            "aftersales_request_ids": lambda case: case.request_id,
        }
        asked = {name: set(filters[name]) for name in tests if filters.get(name) and name != id_filter}

        def fits(key: str) -> bool:
            cases = self._cases(members[key])
            return all(any(tests[name](case) in values for case in cases) for name, values in asked.items())

        found = index.search(
            sort=_sort_field(sort),
            descending=sort.get("sort_order", "ASC") == "DESC",
            bounds=_bounds(filters),
            statuses=filters.get(status_filter) or None,
            only=only,
            fits=fits if asked else None,
            after=None,
            offset=offset,
            limit=page,
        )
        return _Found(found.ids, found.total, token(offset + page) if found.after is not None else "")

    def _parcel(self, rma_id: str, cases: list[Return], wanted: set[str]) -> dict[str, Any]:
        return {
            "id": rma_id,
            "package_id": _package_id(rma_id),
            "aftersales_request_id": cases[0].request_id,
            "status": parcel_status(cases),
            **self._contents(cases, wanted),
        }

    def _contents(self, cases: list[Return], wanted: set[str]) -> dict[str, Any]:
        contents: dict[str, Any] = {}
        if "LINE_ITEMS" in wanted:
            contents["line_items"] = [
                {
                    "return_line_item_id": item.id,
                    "sku_id": item.line.product.sku_id,
                    "main_order_id": case.order.id,
                    "sku_return_request_id": case.id,
                }
                for case in cases
                for item in case.lines
            ]
        if "SKU_RETURN_REQUESTS" in wanted:
            contents["sku_return_requests"] = [_sku_request(case) for case in cases]
        return contents


def require_model(call: Call) -> None:
    """Raises what a shop without the batch model answers."""
    if not call.shop.switches.batch_model:
        raise ApiError(25020005, "no permission: the shop does not have the batch return model")


def _package_id(rma_id: str) -> str:
    return f"{rma_id[:-1]}0"


def _part(call: Call, name: str) -> dict[str, Any]:
    value = call.json.get(name) or {}
    if not isinstance(value, dict):
        raise ApiError(25001001, f"invalid parameter {name}")
    for key, item in value.items():
        if name == "filters" and key != "time" and not isinstance(item, list):
            raise ApiError(25001001, f"invalid parameter filters.{key}")
    return value


def _page(call: Call) -> tuple[int, Callable[[int], str], int]:
    """The size of the page, how the token of the next one is written, and how many rows come before this one."""
    asked = _part(call, "pagination")
    size = asked.get("page_size", 10)
    if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= 50:
        raise ApiError(25001001, "invalid parameter pagination: page_size is 1 to 50")
    said = {name: value for name, value in call.json.items() if name not in ("pagination", "locale")}
    return size, paging.token_writer(call, said), paging.offset_of(call, said, asked.get("page_token"))


def _sort_field(sort: dict[str, Any]) -> str:
    field = sort.get("sort_field", "create_time")
    if field not in TIMES or sort.get("sort_order", "ASC") not in ("ASC", "DESC"):
        raise ApiError(25001001, "invalid parameter sort")
    return str(field)


def _bounds(filters: dict[str, Any]) -> dict[str, tuple[int | None, int | None]]:
    """The window of times. Its fields are not published; they are named as in the older searches [inferred]."""
    time = filters.get("time") or {}
    if not isinstance(time, dict) or not all(isinstance(value, int) for value in time.values()):
        raise ApiError(25001001, "invalid parameter filters.time")
    return {field: (time.get(f"{field}_ge"), time.get(f"{field}_lt")) for field in TIMES}


def _sku_request(case: Return) -> dict[str, Any]:
    shape = return_shape(case)
    same = (
        "return_id",
        "order_id",
        "return_type",
        "return_status",
        "return_reason",
        "return_reason_text",
        "arbitration_status",
        "role",
        "shipment_type",
        "handover_method",
        "return_tracking_number",
        "return_provider_id",
        "return_provider_name",
        "is_quick_refund",
        "seller_next_action_response",
        "return_line_items",
        "refund_amount",
        "create_time",
        "update_time",
    )
    row = {name: shape[name] for name in same if name in shape}
    row["buyer_keep_item"] = case.keep_item
    if case.partial is not None:
        currency = case.shop.currency
        row["partial_refund_amount"] = {"partial_refund_total": amount(case.shop, case.partial), "currency": currency}
    if case.replacement_order_id:
        row["reshipment_order_id"] = case.replacement_order_id
    if case.exchange_for:
        row["exchange_order_lines"] = [
            {
                "sku_id": product.sku_id,
                "sku_name": product.variant,
                "product_name": product.title,
                "seller_sku_name": product.seller_sku,
            }
            for product in case.exchange_for
        ]
    return row
