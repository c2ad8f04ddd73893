"""Webhook subscriptions made by the API."""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from graphql import GraphQLResolveInfo

from backhaul.simulator.delivery import RealAddressRefused, require_local_address

from .act import Act
from .errors import refuse
from .shop import Subscription

_FIELD = ["webhookSubscription", "callbackUrl"]
"""The vendor names this field in its refusals even when ``uri`` was sent."""


def loopback(url: str) -> bool:
    """Whether a URL points at this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _uri(data: dict[str, Any]) -> str | None:
    found = data.get("uri") or data.get("callbackUrl")
    return str(found) if found else None


def _check(act: Act, topic: str, uri: str | None, own: Subscription | None = None) -> str:
    if not uri:
        raise refuse(_FIELD, "Address can't be blank")
    try:
        scheme, host = urlsplit(uri).scheme, urlsplit(uri).hostname or ""
    except ValueError:
        raise refuse(_FIELD, "Address is invalid") from None
    if scheme == "http" and not (loopback(uri) and act.shop.loopback_http):
        raise refuse(_FIELD, "Address protocol http:// is not supported")
    if scheme not in ("http", "https"):
        raise refuse(_FIELD, "Address is not simulated: only http and https are")
    if host.endswith((".myshopify.com", ".shopify.com")):
        raise refuse(_FIELD, "Address cannot be a Shopify or an internal domain")
    try:
        require_local_address(uri)
    except RealAddressRefused as error:
        raise refuse(_FIELD, f"Address is not simulated: {error}") from None
    for each in act.shop.subscriptions.values():
        if each is not own and each.topic == topic and each.uri == uri:
            raise refuse(_FIELD, "Address for this topic has already been taken")
    return uri


def create(act: Act, args: dict[str, Any], info: GraphQLResolveInfo) -> dict[str, Any]:
    data, topic, now = args["webhookSubscription"], args["topic"], act.now
    uri = _check(act, topic, _uri(data))
    kind, chosen = data.get("format") or "JSON", list(data.get("includeFields") or [])
    if kind != "JSON":
        raise refuse(["webhookSubscription", "format"], "Format is not simulated: only JSON is")
    made = Subscription(act.shop.ids.next(), topic, uri, kind, chosen, data.get("name"), now, now)
    act.shop.subscriptions[made.number_id] = act.shop.keep(made)
    return {"webhookSubscription": made}


def _known(act: Act, text: str) -> Subscription:
    act.check_kind("WebhookSubscription", text)
    found: Subscription | None = act.shop.find("WebhookSubscription", text)
    if found is None:
        raise refuse(["id"], "Webhook subscription does not exist")
    return found


def update(act: Act, args: dict[str, Any], info: GraphQLResolveInfo) -> dict[str, Any]:
    each, data = _known(act, args["id"]), args["webhookSubscription"]
    if _uri(data) is not None:
        each.uri = _check(act, each.topic, _uri(data), each)
    if data.get("includeFields") is not None:
        each.include_fields = list(data["includeFields"])
    if "name" in data:
        each.name = data["name"]
    each.updated_at = act.now
    return {"webhookSubscription": each}


def delete(act: Act, args: dict[str, Any], info: GraphQLResolveInfo) -> dict[str, Any]:
    each = _known(act, args["id"])
    drop(act.shop, each)
    return {"deletedWebhookSubscriptionId": each.id}


def drop(shop: Any, each: Subscription) -> None:
    """Takes a subscription away; the vendor does the same after eight failures in a row."""
    shop.subscriptions.pop(each.number_id, None)
    shop.tables[each.KIND].pop(each.number_id, None)
