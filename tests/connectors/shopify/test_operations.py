"""Every document we send is valid against the vendor's schema."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest
from graphql import GraphQLSchema, build_schema, parse, validate

from backhaul.connectors.shopify import operations
from backhaul.connectors.shopify.operations import operation
from backhaul.connectors.shopify.writes import STAMP_KEY, STAMP_NAMESPACE
from tests.skips import NO_SPECS, SPECS

FOLDER = Path(operations.__file__).parent
NAMES = sorted(path.stem for path in FOLDER.glob("*.graphql") if path.stem != "fragments")


@cache
def schema() -> GraphQLSchema:
    path = SPECS / "shopify-admin.schema.graphql"
    if not SPECS.is_dir():
        pytest.skip(NO_SPECS)
    return build_schema(path.read_text("utf-8"), assume_valid=True)


def test_there_are_documents() -> None:
    assert {"order", "book_refund", "find_by_stamp"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_valid_against_the_schema(name: str) -> None:
    assert [error.message for error in validate(schema(), parse(operation(name).text))] == []


def test_a_wrong_field_is_noticed() -> None:
    broken = operation("book_refund").text.replace("{ field message }", "{ field message code }")
    assert [error.message for error in validate(schema(), parse(broken))]


@pytest.mark.parametrize("name", NAMES)
def test_one_named_operation_and_only_its_fragments(name: str) -> None:
    document = operation(name)
    parsed = parse(document.text).to_dict()
    heads = [each for each in parsed["definitions"] if each["kind"] == "operation_definition"]
    assert [each["name"]["value"] for each in heads] == [document.name]
    assert document.write == (heads[0]["operation"] == "mutation")
    assert "\n" not in document.text


def test_no_message_goes_to_the_buyer() -> None:
    assert "notifyCustomer: false" in operation("attach_tracking").text
    assert "notifyCustomer: false" in operation("update_delivery").text
    writes = [operation(name) for name in NAMES if operation(name).write]
    assert not any("notifyCustomer: true" in each.text for each in writes)


def test_refunds_are_keyed() -> None:
    assert "refundCreate(input: $input) @idempotent(key: $key)" in operation("book_refund").text


def test_the_stamp_is_read_where_it_is_written() -> None:
    written = json.dumps(STAMP_NAMESPACE), json.dumps(STAMP_KEY)
    for name in ("order", "find_by_stamp"):
        assert f"namespace: {written[0]}, key: {written[1]}" in operation(name).text
