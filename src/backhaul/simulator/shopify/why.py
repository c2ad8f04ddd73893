"""Says why a call is refused, for the console of the simulator. Nothing of it reaches the client."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLInterfaceType, GraphQLObjectType, GraphQLSchema

from backhaul.simulator import seen

from .queries import SUPPORTED_VERSIONS
from .shop import ShopState


def address(shops: Iterable[str], version: str) -> None:
    """Neither the shop nor the version is right, or one of them."""
    seen.note(code="404", message="no such shop or version")
    seen.expected("shop, in the path or as the Host header", " or ".join(shops))
    seen.expected("API version", " or ".join(SUPPORTED_VERSIONS), version)


def token(shop: ShopState, access: str) -> None:
    """The header carries no token that is good now."""
    seen.note(code="401", message="access token not accepted")
    known = "a token of /admin/oauth/access_token, or the static one of the ready line"
    if access in shop.tokens:
        known = f"a renewed token: this one has expired by the simulator's clock ({shop.tokens[access].kind})"
    seen.expected("header X-Shopify-Access-Token", known, seen.masked("token", access) or "(none)")


def answer(schema: GraphQLSchema, body: dict[str, Any]) -> None:
    """Top-level errors and userErrors of an answer with 200."""
    errors = body.get("errors")
    if isinstance(errors, list) and errors:
        first = errors[0]
        seen.note(code=str(first.get("extensions", {}).get("code", "error")), message=str(first["message"]))
        for each in errors[:5]:
            _top(schema, each)
        return
    data = body.get("data")
    for name, payload in data.items() if isinstance(data, dict) else ():
        for each in (payload.get("userErrors") or [])[:5] if isinstance(payload, dict) else ():
            where = ".".join(str(part) for part in each.get("field") or [name])
            seen.note(code=str(each.get("code") or "userErrors"), message=str(each["message"]))
            seen.expected(f"userErrors: {where}", str(each["message"]))


def _top(schema: GraphQLSchema, error: dict[str, Any]) -> None:
    more = error.get("extensions", {})
    where = ", ".join(f"line {each['line']}, column {each['column']}" for each in error.get("locations", ()))
    kind = schema.type_map.get(str(more.get("typeName", "")))
    wanted = ""
    if isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType, GraphQLInputObjectType)):
        wanted = f"a field of {kind.name}: {', '.join(sorted(kind.fields))}"
    elif isinstance(kind, GraphQLEnumType):
        wanted = f"one of {', '.join(kind.values)}"
    elif more.get("code") == "MAX_COST_EXCEEDED":
        wanted = f"a cost of at most {more.get('maxCost')} points: ask for fewer rows or fields at once"
    elif more.get("code") == "THROTTLED":
        wanted = "to wait until enough points have come back (extensions.cost.throttleStatus)"
    seen.expected(where or "query", wanted, str(error["message"]))
