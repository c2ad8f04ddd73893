"""Runs GraphQL over the state: one schema for all shops, parsed and validated queries kept by their text.

Errors are given the words and codes of the vendor's server where those are known.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionContext,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    GraphQLUnionType,
    OperationDefinitionNode,
    build_schema,
    parse,
    validate,
)

from . import scalars
from .act import Act
from .cost import MAX_SINGLE_QUERY, CostNode, CostPlanner
from .fields import OBJECT_FIELDS
from .mutations import MUTATIONS
from .queries import QUERIES
from .resolving import Resolver
from .wording import entry, execution, validation, variable

_KEPT = 2_000
_MAX_LIST = 250


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])|(?<=[A-Z])([A-Z])(?=[a-z])", r"_\g<0>", name).lower()


def _plain(name: str) -> Resolver:
    """Reads a field straight off the state; small answers are dicts with the vendor's own names."""
    attribute = _snake(name)

    def resolve(thing: Any, info: GraphQLResolveInfo, **args: Any) -> Any:
        if type(thing) is dict:
            return thing.get(name)
        return getattr(thing, attribute)

    return resolve


def _kind(thing: Any, info: GraphQLResolveInfo, abstract: Any) -> str:
    return str(thing["__typename"] if type(thing) is dict else thing.KIND)


def definition() -> str:
    """The schema as it was written."""
    return files(__package__).joinpath("schema.graphql").read_text(encoding="utf-8")


@cache
def schema() -> GraphQLSchema:
    """The schema with its resolvers; built once for the process."""
    made = build_schema(definition(), assume_valid=True, no_location=True)  # a test validates it, not every start
    scalars.bind(made)
    own: dict[str, Mapping[str, Resolver]] = {**OBJECT_FIELDS, "QueryRoot": QUERIES, "Mutation": MUTATIONS}
    for name, kind in made.type_map.items():
        if isinstance(kind, (GraphQLInterfaceType, GraphQLUnionType)):
            kind.resolve_type = _kind
        elif isinstance(kind, GraphQLObjectType) and not name.startswith("__"):
            mine = own.get(name, {})
            unknown = set(mine) - set(kind.fields)
            if unknown:
                raise LookupError(f"resolvers for fields that {name} does not have: {sorted(unknown)}")
            for field_name, each in kind.fields.items():
                each.resolve = mine.get(field_name) or _plain(field_name)
    for name, root in (("QueryRoot", made.query_type), ("Mutation", made.mutation_type)):
        missing = set(root.fields if root is not None else ()) - set(own[name])
        if missing:
            raise LookupError(f"no resolvers for {name}: {sorted(missing)}")
    return made


@dataclass(slots=True)
class Prepared:
    """A query text once parsed and validated: either what is wrong with it, or its operations and their cost."""

    document: DocumentNode | None
    errors: list[dict[str, Any]]
    operations: dict[str, tuple[OperationDefinitionNode, CostNode]]


def _never(value: Any) -> bool:
    return False


class Engine:
    """Executes requests for any shop. Nothing in it waits, so one request is one step."""

    def __init__(self) -> None:
        self.schema = schema()
        self._planner = CostPlanner(self.schema)
        self._known: OrderedDict[str, Prepared] = OrderedDict()

    def prepare(self, text: str) -> Prepared:
        """Parses and validates, or remembers having done so."""
        known = self._known.get(text)
        if known is not None:
            self._known.move_to_end(text)
            return known
        made = self._prepare(text)
        self._known[text] = made
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return made

    def _prepare(self, text: str) -> Prepared:
        try:
            document = parse(text)
        except GraphQLError as error:
            return Prepared(None, [entry(error, "parseError", None)], {})
        errors = [validation(error, document) for error in validate(self.schema, document)]
        if errors:
            return Prepared(document, errors, {})
        operations = {
            each.name.value if each.name else "": (each, self._planner.plan(document, each))
            for each in document.definitions
            if isinstance(each, OperationDefinitionNode)
        }
        return Prepared(document, [], operations)

    def run(self, act: Act, text: str, variables: dict[str, Any], name: str | None) -> dict[str, Any]:
        """One request, cost and throttling included; the whole body of the answer."""
        prepared = self.prepare(text)
        if prepared.errors:
            act.shop.counts["invalid_queries"] += 1
            return {"errors": prepared.errors}
        chosen = _choose(prepared, name)
        if chosen is None or prepared.document is None:
            message = "An operation name is required" if name is None else f'No operation named "{name}"'
            return {"errors": [{"message": message, "extensions": {"code": "BAD_REQUEST"}}]}
        operation, cost = chosen
        context = self._context(act, prepared.document, operation, variables)
        if isinstance(context, list):
            act.shop.counts["invalid_queries"] += 1
            return {"errors": [variable(error, variables) for error in context]}
        requested = max(1, cost.requested(context.variable_values))
        refused = _admit(act, requested)
        if refused is not None:
            return refused
        data, errors = _perform(context, operation)
        answer: dict[str, Any] = {}
        if errors:
            answer["errors"] = [execution(error) for error in errors]
        answer["data"] = data
        spent = min(requested, max(1, cost.actual(data))) if isinstance(data, dict) else requested
        act.shop.bucket.give_back(requested - spent)
        act.shop.counts["points"] += spent
        answer["extensions"] = {"cost": _cost(act, requested, spent)}
        if act.search:
            answer["extensions"]["search"] = act.search
        return answer

    def run_bulk(self, text: str, act: Act) -> tuple[Any, list[str]]:
        """A bulk query's data, without paging, cost or throttling; and what is wrong with it."""
        prepared = self.prepare(text)
        chosen = _choose(prepared, None)
        if prepared.errors or chosen is None or prepared.document is None:
            return None, [each["message"] for each in prepared.errors] or ["it needs exactly one operation"]
        if chosen[0].operation.value != "query":
            return None, ["only queries are allowed"]
        context = self._context(act, prepared.document, chosen[0], {})
        if isinstance(context, list):
            return None, [error.message for error in context]
        data, errors = _perform(context, chosen[0])
        return data, [error.message for error in errors]

    def _context(
        self, act: Act, document: DocumentNode, operation: OperationDefinitionNode, variables: dict[str, Any]
    ) -> ExecutionContext | list[GraphQLError]:
        too_long = _too_long(variables)
        if too_long:
            message = f"The input array size of {too_long} is greater than the maximum allowed of {_MAX_LIST}."
            return [GraphQLError(message, extensions={"code": "MAX_INPUT_SIZE_EXCEEDED"})]
        return ExecutionContext.build(
            self.schema,
            document,
            context_value=act,
            raw_variable_values=variables,
            operation_name=operation.name.value if operation.name else None,
            is_awaitable=_never,
        )


def _perform(context: ExecutionContext, operation: OperationDefinitionNode) -> tuple[Any, list[GraphQLError]]:
    """The data, null when an error reached the top, and the errors in the order of the answer."""
    try:
        data = context.execute_operation(operation, None)
    except GraphQLError as error:
        data = None
        context.collected_errors.add(error, None)
    return data, context.collected_errors.errors


def _choose(prepared: Prepared, name: str | None) -> tuple[OperationDefinitionNode, CostNode] | None:
    if name:
        return prepared.operations.get(name)
    return next(iter(prepared.operations.values())) if len(prepared.operations) == 1 else None


def _admit(act: Act, requested: int) -> dict[str, Any] | None:
    """Takes the points, or says why the query may not run."""
    if requested > MAX_SINGLE_QUERY:
        act.shop.counts["too_costly"] += 1
        message = f"Query cost is {requested}, which exceeds the single query max cost limit ({MAX_SINGLE_QUERY})."
        details = {"code": "MAX_COST_EXCEEDED", "cost": requested, "maxCost": MAX_SINGLE_QUERY}
        return {"errors": [{"message": message, "extensions": details}]}
    if act.shop.bucket.take(requested):
        return None
    return throttled(act, requested)


def throttled(act: Act, requested: int) -> dict[str, Any]:
    """The answer to a query for which the bucket has not enough; it was not run."""
    act.shop.counts["throttled"] += 1
    return {
        "errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}],
        "extensions": {"cost": _cost(act, requested, None)},
    }


def _cost(act: Act, requested: int, actual: int | None) -> dict[str, Any]:
    bucket = act.shop.bucket
    return {
        "requestedQueryCost": requested,
        "actualQueryCost": actual,
        "throttleStatus": {
            "maximumAvailable": bucket.size,
            "currentlyAvailable": int(bucket.available()),
            "restoreRate": bucket.rate,
        },
    }


def _too_long(value: Any) -> int:
    if isinstance(value, list):
        if len(value) > _MAX_LIST:
            return len(value)
        return max((_too_long(each) for each in value), default=0)
    if isinstance(value, dict):
        return max((_too_long(each) for each in value.values()), default=0)
    return 0
