"""Bulk queries: one query without paging, answered as a file of JSON lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
from graphql import GraphQLResolveInfo

from .act import Act
from .errors import refuse
from .ids import gid
from .things import Numbered

AT_ONCE = 5


@dataclass(slots=True, eq=False)
class BulkOperation(Numbered):
    KIND = "BulkOperation"
    number_id: int
    query: str
    created_at: float
    status: str = "RUNNING"
    type: str = "QUERY"
    completed_at: float | None = None
    error_code: str | None = None
    object_count: int = 0
    root_object_count: int = 0
    file_size: int | None = None
    url: str | None = None
    partial_data_url: str | None = None


def run_query(act: Act, args: dict[str, Any], info: GraphQLResolveInfo) -> dict[str, Any]:
    """bulkOperationRunQuery. The work is done at once; the status says RUNNING until it is next read."""
    running = [each for each in act.shop.bulk.values() if each.status in ("CREATED", "RUNNING")]
    if len(running) >= AT_ONCE:
        message = f"A bulk query operation for this app and shop is already in progress: {running[0].id}."
        raise refuse(["query"], message, "OPERATION_IN_PROGRESS")
    worker = Act(act.shop, act.emitter, act.scopes, act.by, act.base_url, bulk=True)
    data, problems = act.shop.execute_bulk(args["query"], worker)
    if problems:
        raise refuse(["query"], f"Invalid bulk query: {problems[0]}", "INVALID")
    made = BulkOperation(act.shop.ids.next(), args["query"], act.now, status="CREATED")
    act.shop.bulk[made.number_id] = act.shop.keep(made)
    lines: list[bytes] = []
    for value in (data or {}).values():
        made.root_object_count += _flatten(value, None, lines)
    made.object_count = len(lines)
    content = b"".join(line + b"\n" for line in lines)
    key = f"{act.shop.rng.getrandbits(96):024x}"
    act.shop.files[key] = {"filename": "bulk.jsonl", "mime_type": "application/jsonl", "content": content}
    url = f"{act.base_url}/staged/{act.shop.domain}/{key}/bulk.jsonl" if lines else None
    act.shop.finish_bulk(act.shop, made, len(content) if lines else None, url)
    return {"bulkOperation": made}


def finish(act: Act, each: BulkOperation, size: int | None, url: str | None) -> None:
    """Marks an operation as done and tells the subscribers."""
    if each.status not in ("CREATED", "RUNNING"):
        return
    each.status, each.completed_at = "COMPLETED", act.now
    each.file_size, each.url = size, url
    act.emit(
        "BULK_OPERATIONS_FINISH",
        lambda: {
            "admin_graphql_api_id": gid(each.KIND, each.number_id),
            "completed_at": each.completed_at,
            "status": each.status.lower(),
            "type": each.type.lower(),
            "error_code": each.error_code,
        },
    )


def cancel(act: Act, args: dict[str, Any], info: GraphQLResolveInfo) -> dict[str, Any]:
    act.check_kind("BulkOperation", args["id"])
    each: BulkOperation | None = act.shop.find("BulkOperation", args["id"])
    if each is None:
        raise refuse(["id"], "Bulk operation does not exist")
    if each.status not in ("CREATED", "RUNNING"):
        raise refuse(None, "A bulk operation cannot be canceled when it is completed")
    each.status = "CANCELED"
    return {"bulkOperation": each}


def _flatten(value: Any, parent: str | None, lines: list[bytes]) -> int:
    """Writes the nodes of a connection as lines, children after their parent with ``__parentId``."""
    nodes = [edge["node"] for edge in value["edges"]] if "edges" in (value or {}) else (value or {}).get("nodes")
    if nodes is None:
        return 0
    for node in nodes:
        row: dict[str, Any] = {}
        children = []
        for key, each in node.items():
            if isinstance(each, dict) and ("edges" in each or "nodes" in each):
                children.append(each)
            else:
                row[key] = each
        if parent is not None:
            row["__parentId"] = parent
        lines.append(msgspec.json.encode(row))
        for child in children:
            _flatten(child, node.get("id"), lines)
    return len(nodes)
