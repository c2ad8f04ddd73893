"""The vendor's scalars: how they look in answers and what they accept in variables and literals."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from graphql import GraphQLError, GraphQLScalarType, GraphQLSchema
from graphql.language import (
    BooleanValueNode,
    FloatValueNode,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    StringValueNode,
    ValueNode,
)
from graphql.utilities import value_from_ast_untyped

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso(unix: float) -> str:
    """Unix seconds as the vendor prints a DateTime: UTC, whole seconds, ``Z``."""
    moment = datetime.fromtimestamp(int(unix), UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}Z"


def from_iso(text: str) -> float:
    """Unix seconds of a date or date and time; without a zone it is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH).total_seconds()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def _parse_datetime(value: Any) -> float:
    try:
        return from_iso(value)
    except (TypeError, ValueError) as error:
        raise GraphQLError(f"invalid DateTime {json.dumps(value, default=str)}") from error


def _parse_amount(value: Any) -> str:
    try:
        if isinstance(value, bool) or not Decimal(str(value)).is_finite():
            raise ValueError
    except (InvalidOperation, ValueError) as error:
        raise GraphQLError(f"invalid decimal {json.dumps(value, default=str)}") from error
    return str(value)


def _parse_url(value: Any) -> str:
    if not isinstance(value, str) or ("://" not in value and not value.startswith("//")):
        raise GraphQLError(f"Invalid url {json.dumps(value, default=str)}")
    return value


def _parse_unsigned(value: Any) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError) as error:
        raise GraphQLError(f"invalid UnsignedInt64 {json.dumps(value, default=str)}") from error
    if number < 0:
        raise GraphQLError("UnsignedInt64 can not be negative")
    return number


def _literal(parse: Any) -> Any:
    def from_node(node: ValueNode, variables: dict[str, Any] | None = None) -> Any:
        if isinstance(node, (StringValueNode, IntValueNode, FloatValueNode)):
            return parse(node.value)
        raise GraphQLError("a text or number is needed here", node)

    return from_node


def _json_literal(node: ValueNode, variables: dict[str, Any] | None = None) -> Any:
    known = (StringValueNode, IntValueNode, FloatValueNode, BooleanValueNode, NullValueNode)
    if isinstance(node, (*known, ListValueNode, ObjectValueNode)):
        return value_from_ast_untyped(node, variables)
    raise GraphQLError("JSON is needed here", node)


def bind(schema: GraphQLSchema) -> None:
    """Gives the schema's custom scalars their behaviour."""
    behaviour = {
        "DateTime": (lambda value: value if isinstance(value, str) else iso(value), _parse_datetime),
        "Money": (_text, _parse_amount),
        "Decimal": (_text, _parse_amount),
        "URL": (_text, _parse_url),
        "UnsignedInt64": (_text, _parse_unsigned),
        "JSON": (lambda value: value, lambda value: value),
    }
    for name, (serialize, parse) in behaviour.items():
        scalar = schema.type_map[name]
        assert isinstance(scalar, GraphQLScalarType)
        scalar.serialize = serialize  # type: ignore[method-assign]
        scalar.parse_value = parse  # type: ignore[method-assign]
        scalar.parse_literal = _json_literal if name == "JSON" else _literal(parse)  # type: ignore[method-assign]
