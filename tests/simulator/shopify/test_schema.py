"""Our schema is a true part of the vendor's: every name, type, argument and default."""

from __future__ import annotations

from functools import cache

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
    validate_schema,
)
from graphql.type import is_required_argument, is_required_input_field

from backhaul.simulator.shopify.engine import definition, schema
from tests.skips import needs_spec

from .conftest import SPECS

VENDOR = SPECS / "shopify-admin.schema.graphql"
needs_vendor = needs_spec("shopify-admin.schema.graphql")


@cache
def vendor() -> GraphQLSchema:
    return build_schema(VENDOR.read_text(encoding="utf-8"), assume_valid=True)


def test_our_schema_is_valid() -> None:
    assert validate_schema(build_schema(definition())) == []


def arguments(mine: object, theirs: object) -> list[str]:
    """What differs between the arguments of two fields."""
    found = []
    for name, argument in mine.args.items():  # type: ignore[attr-defined]
        known = theirs.args.get(name)  # type: ignore[attr-defined]
        if known is None:
            found.append(f"argument {name} does not exist")
        elif str(known.type) != str(argument.type) or known.default_value != argument.default_value:
            found.append(f"argument {name}: {argument.type} = {argument.default_value}")
    required = [name for name, known in theirs.args.items() if is_required_argument(known)]  # type: ignore[attr-defined]
    found += [f"required argument {name} is missing" for name in required if name not in mine.args]  # type: ignore[attr-defined]
    return found


def differences(mine: GraphQLSchema, theirs: GraphQLSchema) -> list[str]:
    found: list[str] = []
    for name, kind in mine.type_map.items():
        other = theirs.type_map.get(name)
        if other is None or type(other) is not type(kind):
            found.append(f"{name}: not a {type(kind).__name__} there")
        elif isinstance(kind, GraphQLEnumType) and isinstance(other, GraphQLEnumType):
            found += [f"{name}.{value}: no such value" for value in kind.values if value not in other.values]
        elif isinstance(kind, GraphQLUnionType) and isinstance(other, GraphQLUnionType):
            known = {each.name for each in other.types}
            found += [f"{name}: {each.name} is no member" for each in kind.types if each.name not in known]
        elif isinstance(kind, GraphQLInputObjectType) and isinstance(other, GraphQLInputObjectType):
            for field_name, field in kind.fields.items():
                there = other.fields.get(field_name)
                if there is None or str(there.type) != str(field.type) or there.default_value != field.default_value:
                    found.append(f"{name}.{field_name}: {field.type} = {field.default_value}")
            for field_name, there in other.fields.items():
                if is_required_input_field(there) and field_name not in kind.fields:
                    found.append(f"{name}.{field_name}: required there, missing here")
        elif isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType)):
            assert isinstance(other, (GraphQLObjectType, GraphQLInterfaceType))
            known = {each.name for each in other.interfaces}
            found += [f"{name}: does not implement {i.name}" for i in kind.interfaces if i.name not in known]
            for field_name, mine_field in kind.fields.items():
                theirs_field = other.fields.get(field_name)
                if theirs_field is None or str(theirs_field.type) != str(mine_field.type):
                    found.append(f"{name}.{field_name}: {mine_field.type}")
                else:
                    found += [f"{name}.{field_name}: {what}" for what in arguments(mine_field, theirs_field)]
        else:
            assert isinstance(kind, GraphQLScalarType)
    return found


@needs_vendor
def test_our_schema_is_a_part_of_the_vendors() -> None:
    mine, theirs = schema(), vendor()
    assert differences(mine, theirs) == []
    ours = mine.get_directive("idempotent")
    known = theirs.get_directive("idempotent")
    assert ours is not None
    assert known is not None
    assert ours.locations == known.locations
    assert {n: str(a.type) for n, a in ours.args.items()} == {n: str(a.type) for n, a in known.args.items()}


@needs_vendor
@pytest.mark.parametrize(
    ("ours", "wrong", "complaint"),
    [
        ("refundableQuantity: Int!", "refundableQuantity: Int", "LineItem.refundableQuantity: Int"),
        ("restockable: Boolean!", "restockableX: Boolean!", "LineItem.restockableX: Boolean!"),
        ("returnCancel(id: ID!", "returnCancel(id: ID", "Mutation.returnCancel: argument id"),
        ("notifyCustomer: Boolean = true", "notifyCustomer: Boolean = false", "argument notifyCustomer"),
        ("  RESTOCKED\n", "  RESTOCKED\n  BURNT\n", "BURNT: no such value"),
    ],
)
def test_the_comparison_sees_a_difference(ours: str, wrong: str, complaint: str) -> None:
    from importlib.resources import files

    text = files("backhaul.simulator.shopify").joinpath("schema.graphql").read_text(encoding="utf-8")
    assert ours in text
    found = differences(build_schema(text.replace(ours, wrong), assume_valid=True), vendor())
    assert any(complaint in each for each in found), found
