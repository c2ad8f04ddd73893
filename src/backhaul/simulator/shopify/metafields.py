"""Metafields and their definitions; a definition with unique values makes an exact, strong look-up possible."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLResolveInfo

from .act import Act
from .errors import refuse
from .fields import own_namespace
from .ids import parse_gid
from .model import Order
from .shop import Definition
from .things import Metafield

BATCH = 25
_OWNERS = {"Order": "ORDER", "Shop": "SHOP", "Location": "LOCATION", "ProductVariant": "PRODUCTVARIANT"}


def define(act: Act, args: dict[str, Any], info: GraphQLResolveInfo) -> dict[str, Any]:
    """metafieldDefinitionCreate. The type ``id`` always demands unique values."""
    data = args["definition"]
    namespace = own_namespace(act, data.get("namespace"))
    place = (data["ownerType"], namespace, data["key"])
    if place in act.shop.definitions:
        message = f"Key is in use for {data['ownerType'].capitalize()} metafields on the '{namespace}' namespace."
        raise refuse(["definition", "key"], message, "TAKEN")
    if not 2 <= len(data["key"]) <= 64:
        raise refuse(["definition", "key"], "Key must have 2 to 64 characters.", "TOO_SHORT")
    wanted = (data.get("capabilities") or {}).get("uniqueValues") or {}
    unique = bool(wanted.get("enabled")) or data["type"] == "id"
    made = Definition(
        act.shop.ids.next(), data["name"], namespace, data["key"], data["ownerType"], data["type"], unique
    )
    act.shop.definitions[place] = act.shop.keep(made)
    if unique and data["ownerType"] == "ORDER":
        for order in act.shop.orders.values():
            known = order.metafields.get((namespace, data["key"]))
            if known is not None:
                act.shop.unique_values.setdefault((namespace, data["key"], known.value), order)
    return {"createdDefinition": made}


def set_values(act: Act, args: dict[str, Any], info: GraphQLResolveInfo) -> dict[str, Any]:
    """metafieldsSet: all or nothing, 25 at a time."""
    inputs = args["metafields"]
    if len(inputs) > BATCH:
        message = f"Exceeded the maximum metafields input limit of {BATCH}."
        raise refuse(["metafields"], message, "LESS_THAN_OR_EQUAL_TO")
    checked = [_check(act, place, data) for place, data in enumerate(inputs)]
    made = []
    for owner, namespace, data, kind in checked:
        made.append(_write(act, owner, namespace, data, kind))
    for owner in {id(row[0]): row[0] for row in checked}.values():
        if isinstance(owner, Order):
            act.touch(owner)
    return {"metafields": made}


def _check(act: Act, place: int, data: dict[str, Any]) -> tuple[Any, str, dict[str, Any], str]:
    at = ["metafields", str(place)]
    parsed = parse_gid(data["ownerId"])
    owner = act.shop.node(data["ownerId"]) if parsed is not None and parsed[0] in _OWNERS else None
    if owner is None or (isinstance(owner, Order) and act.shop.visible(owner, act.scopes) is None):
        raise refuse([*at, "ownerId"], "Owner does not exist.", "INVALID")
    namespace, key = own_namespace(act, data.get("namespace")), data["key"]
    definition = act.shop.definitions.get((_OWNERS[owner.KIND], namespace, key))
    kind = data.get("type") or (definition.type_name if definition is not None else None)
    if kind is None:
        raise refuse([*at, "type"], "Type can't be blank", "BLANK")
    if definition is not None and kind != definition.type_name:
        raise refuse(
            [*at, "type"],
            f"Type must be consistent with the definition's type: '{definition.type_name}'.",
            "INVALID_TYPE",
        )
    if not data["value"]:
        raise refuse([*at, "value"], "Value can't be blank.", "BLANK")
    if definition is not None and definition.unique and isinstance(owner, Order):
        holder = act.shop.unique_values.get((namespace, key, data["value"]))
        if holder is not None and holder is not owner:
            raise refuse([*at, "value"], "Value has already been assigned to another metafield.", "TAKEN")
    return owner, namespace, data, kind


def _write(act: Act, owner: Any, namespace: str, data: dict[str, Any], kind: str) -> Metafield:
    place, now = (namespace, data["key"]), act.now
    known: Metafield | None = owner.metafields.get(place)
    if isinstance(owner, Order):
        definition = act.shop.definitions.get(("ORDER", *place))
        if definition is not None and definition.unique:
            if known is not None:
                act.shop.unique_values.pop((*place, known.value), None)
            act.shop.unique_values[(*place, data["value"])] = owner
    if known is None:
        known = Metafield(
            act.shop.ids.next(), owner, _OWNERS[owner.KIND], *place, type=kind, value="", created_at=now, updated_at=now
        )
        owner.metafields[place] = act.shop.keep(known)
    known.type, known.value, known.updated_at = kind, data["value"], now
    return known


def delete_values(act: Act, args: dict[str, Any], info: GraphQLResolveInfo) -> dict[str, Any]:
    """metafieldsDelete: what is not there comes back as null."""
    gone: list[dict[str, Any] | None] = []
    for data in args["metafields"]:
        owner = act.shop.node(data["ownerId"])
        place = (own_namespace(act, data["namespace"]), data["key"])
        known = getattr(owner, "metafields", {}).pop(place, None)
        if known is None:
            gone.append(None)
            continue
        gone.append({"ownerId": data["ownerId"], "namespace": place[0], "key": place[1]})
        if isinstance(owner, Order):
            act.shop.unique_values.pop((*place, known.value), None)
            act.touch(owner)
    return {"deletedMetafields": gone}
