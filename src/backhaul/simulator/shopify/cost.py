"""Query cost and the leaky bucket.

Scalars are free, an object costs 1, a mutation 10, a connection 2 plus its nodes, money is free. The number of nodes
is not counted one to one: a page of n weighs ceil(n ** 0.53). That law is fitted, not published; it meets the costs
recorded from a live shop (a page of 5 in a page of 5: 41; a page of 250 texts: 21; a dispose: 12).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLOutputType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_named_type,
    is_composite_type,
    is_list_type,
)
from graphql.language import IntValueNode, VariableNode
from graphql.type import GraphQLNonNull

MUTATION_COST = 10
COUNT_COST = 10
MAX_SINGLE_QUERY = 1000
_FREE = frozenset({"MoneyBag", "MoneyV2", "PageInfo"})
RESTORE_RATES = {"standard": 100, "advanced": 200, "plus": 1000, "enterprise": 2000}
BUCKET_SECONDS = 20


def weight(count: int) -> int:
    """What a page of ``count`` nodes weighs."""
    return math.ceil(count**0.53) if count > 0 else 0


@dataclass(slots=True)
class CostNode:
    """One selected field: what it costs itself, and how often what is below it counts."""

    key: str
    own: int
    children: list[CostNode] = field(default_factory=list)
    page: int | str | None = None
    default_page: int = 1
    listed: bool = False
    """A plain list with ``first``: each entry is an object of its own; else the page belongs to a connection."""

    def requested(self, variables: Mapping[str, Any]) -> int:
        below = 0
        for child in self.children:
            below += child.requested(variables)
        if self.page is None:
            return self.own + below
        size = self.page if isinstance(self.page, int) else variables.get(self.page)
        count = size if isinstance(size, int) else self.default_page
        pages = weight(min(max(count, 0), 250))
        return pages * (self.own + below) if self.listed else self.own + pages * below

    def actual(self, data: Any) -> int:
        """The same sum over what really came back."""
        if data is None:
            return self.own
        if isinstance(data, list):
            if not data:
                return 0
            total = sum(self._below(item) for item in data)
            return math.ceil(weight(len(data)) * total / len(data))
        return self._below(data)

    def _below(self, data: Any) -> int:
        if not isinstance(data, dict):
            return self.own
        return self.own + sum(child.actual(data.get(child.key)) for child in self.children)


class CostPlanner:
    """Makes the cost tree of an operation from its document; done once for each query text."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema

    def plan(self, document: DocumentNode, operation: OperationDefinitionNode) -> CostNode:
        fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
        mutation = operation.operation == OperationType.MUTATION
        root = self._schema.mutation_type if mutation else self._schema.query_type
        assert root is not None
        defaults = {
            v.variable.name.value: int(v.default_value.value)
            for v in operation.variable_definitions
            if isinstance(v.default_value, IntValueNode)
        }
        top = CostNode("", 0)
        for node in self._fields(operation.selection_set, root, fragments):
            child = self._field(node[0], node[1], fragments, defaults)
            child.own = MUTATION_COST if mutation else child.own
            top.children.append(child)
        return top

    def _fields(
        self, selection: SelectionSetNode, parent: Any, fragments: Mapping[str, FragmentDefinitionNode]
    ) -> list[tuple[FieldNode, Any]]:
        found: list[tuple[FieldNode, Any]] = []
        for node in selection.selections:
            if isinstance(node, FieldNode):
                found.append((node, parent))
            elif isinstance(node, InlineFragmentNode):
                on = self._schema.type_map[node.type_condition.name.value] if node.type_condition else parent
                found += self._fields(node.selection_set, on, fragments)
            elif isinstance(node, FragmentSpreadNode):
                fragment = fragments[node.name.value]
                on = self._schema.type_map[fragment.type_condition.name.value]
                found += self._fields(fragment.selection_set, on, fragments)
        return found

    def _field(
        self, node: FieldNode, parent: Any, fragments: Mapping[str, FragmentDefinitionNode], defaults: Mapping[str, int]
    ) -> CostNode:
        key = node.alias.value if node.alias else node.name.value
        definition = parent.fields.get(node.name.value) if hasattr(parent, "fields") else None
        if definition is None or node.selection_set is None:
            return CostNode(key, 0)
        named = get_named_type(definition.type)
        result = CostNode(key, self._own(named.name, node.name.value))
        if named.name.endswith("Connection") or _is_list(definition.type):
            self._page(result, node, defaults)
        if is_composite_type(named):
            for child, on in self._fields(node.selection_set, named, fragments):
                result.children.append(self._field(child, on, fragments, defaults))
        result.listed = not named.name.endswith("Connection")
        return result

    @staticmethod
    def _own(type_name: str, field_name: str) -> int:
        if type_name.endswith("Connection"):
            return 2
        if type_name in _FREE or type_name.endswith(("Edge", "Payload", "UserError")):
            return 0
        return COUNT_COST if field_name == "ordersCount" else 1

    @staticmethod
    def _page(result: CostNode, node: FieldNode, defaults: Mapping[str, int]) -> None:
        for argument in node.arguments:
            if argument.name.value not in ("first", "last"):
                continue
            if isinstance(argument.value, IntValueNode):
                result.page = int(argument.value.value)
            elif isinstance(argument.value, VariableNode):
                result.page = argument.value.name.value
                result.default_page = defaults.get(result.page, 1)


def _is_list(kind: GraphQLOutputType) -> bool:
    inner = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
    return is_list_type(inner)


@dataclass(slots=True)
class Bucket:
    """Points of one app in one shop; they come back by the wall clock, as a rate limit is about real load."""

    rate: float
    size: float
    clock: Callable[[], float] = time.monotonic
    level: float = -1.0
    at: float = 0.0

    def available(self) -> float:
        now = self.clock()
        if self.level < 0:
            self.level, self.at = self.size, now
        self.level = min(self.size, self.level + (now - self.at) * self.rate)
        self.at = now
        return self.level

    def take(self, points: float) -> bool:
        """Takes the points if they are there."""
        if self.available() < points:
            return False
        self.level -= points
        return True

    def give_back(self, points: float) -> None:
        self.level = min(self.size, self.level + max(0.0, points))
