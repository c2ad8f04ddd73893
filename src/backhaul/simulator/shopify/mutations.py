"""Resolvers of the mutations: who may, what is called, how a refusal is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphql import GraphQLResolveInfo
from graphql.language import StringValueNode, VariableNode

from . import bulk, metafields, orders, processing, refunds, returns, reverse, subscriptions, uploads
from .act import Act
from .errors import Refusal
from .resolving import Resolver, need

_RETURNS = ("write_returns", "write_marketplace_returns")
Body = Callable[[Act, dict[str, Any], GraphQLResolveInfo], dict[str, Any]]


def mutation(body: Body, *scopes: str, errors: str = "userErrors") -> Resolver:
    """A resolver that turns a Refusal into a payload whose other fields are null, and counts what happened."""

    def resolve(root: Any, info: GraphQLResolveInfo, **args: Any) -> dict[str, Any]:
        if scopes:
            need(info, *scopes)
        act: Act = info.context
        act.shop.calls[info.field_name] += 1
        try:
            return {**body(act, args, info), "userErrors": [], errors: []}
        except Refusal as refusal:
            act.shop.counts["refused"] += 1
            for each in refusal.errors:
                act.shop.refusals.append(
                    {"call": info.field_name, "message": each.message, "code": each.code, "at": act.now}
                )
            return {"userErrors": refusal.errors, errors: refusal.errors}

    return resolve


def idempotency_key(info: GraphQLResolveInfo) -> str | None:
    """The key given to ``@idempotent`` on the field, or None when it was left out."""
    for directive in info.field_nodes[0].directives:
        if directive.name.value != "idempotent":
            continue
        for argument in directive.arguments:
            value = argument.value
            if argument.name.value == "key" and isinstance(value, VariableNode):
                return str(info.variable_values.get(value.name.value) or "")
            if argument.name.value == "key" and isinstance(value, StringValueNode):
                return value.value
    return None


def _return(call: Callable[..., Any]) -> Body:
    """A body around a call that takes the one input and gives the return back."""
    return lambda act, args, info: {"return": call(act, args["input"])}


def _by_id(call: Callable[..., Any]) -> Body:
    return lambda act, args, info: {"return": call(act, args["id"])}


def _return_create(act: Act, args: dict[str, Any], info: GraphQLResolveInfo) -> dict[str, Any]:
    return {"return": returns.create(act, args["returnInput"], requested=False, root="returnInput")}


def _return_request(act: Act, args: dict[str, Any], info: GraphQLResolveInfo) -> dict[str, Any]:
    return {"return": returns.create(act, args["input"], requested=True, root="input")}


def _remove(act: Act, args: dict[str, Any], info: GraphQLResolveInfo) -> dict[str, Any]:
    lines, exchanged = args.get("returnLineItems") or [], args.get("exchangeLineItems") or []
    return {"return": returns.remove(act, args["returnId"], lines, exchanged)}


def _label(act: Act, args: dict[str, Any], info: GraphQLResolveInfo) -> dict[str, Any]:
    made = reverse.create_delivery(
        act,
        reverse_order=args["reverseFulfillmentOrderId"],
        lines=args["reverseDeliveryLineItems"],
        tracking=args.get("trackingInput"),
        label=args.get("labelInput"),
        notify=args.get("notifyCustomer") is not False,
    )
    return {"reverseDelivery": made}


def _label_update(act: Act, args: dict[str, Any], info: GraphQLResolveInfo) -> dict[str, Any]:
    made = reverse.update_delivery(
        act,
        args["reverseDeliveryId"],
        args.get("trackingInput"),
        args.get("labelInput"),
        args.get("notifyCustomer") is not False,
    )
    return {"reverseDelivery": made}


def _dispose(act: Act, args: dict[str, Any], info: GraphQLResolveInfo) -> dict[str, Any]:
    return {"reverseFulfillmentOrderLineItems": reverse.dispose(act, args["dispositionInputs"])}


def _return_refund(act: Act, args: dict[str, Any], info: GraphQLResolveInfo) -> dict[str, Any]:
    return {"refund": processing.refund(act, args["returnRefundInput"])}


def _refund(act: Act, args: dict[str, Any], info: GraphQLResolveInfo) -> dict[str, Any]:
    made = refunds.create(act, args["input"], idempotency_key(info))
    return {"refund": made, "order": made.order}


MUTATIONS: dict[str, Resolver] = {
    "returnCreate": mutation(_return_create, *_RETURNS),
    "returnRequest": mutation(_return_request, *_RETURNS),
    "returnApproveRequest": mutation(_return(returns.approve), *_RETURNS),
    "returnDeclineRequest": mutation(_return(returns.decline), *_RETURNS),
    "returnCancel": mutation(_by_id(returns.cancel), *_RETURNS),
    "returnClose": mutation(_by_id(returns.close), *_RETURNS),
    "returnReopen": mutation(_by_id(returns.reopen), *_RETURNS),
    "returnProcess": mutation(_return(processing.process), *_RETURNS),
    "removeFromReturn": mutation(_remove, "write_returns"),
    "returnLineItemRemoveFromReturn": mutation(_remove, *_RETURNS),
    "returnRefund": mutation(_return_refund, *_RETURNS),
    "reverseDeliveryCreateWithShipping": mutation(_label, *_RETURNS),
    "reverseDeliveryShippingUpdate": mutation(_label_update, "write_returns"),
    "reverseFulfillmentOrderDispose": mutation(_dispose, *_RETURNS),
    "refundCreate": mutation(_refund, "write_orders", "write_marketplace_orders"),
    "orderUpdate": mutation(orders.update, "write_orders"),
    "orderClose": mutation(orders.close, "write_orders"),
    "orderCancel": mutation(orders.cancel, "write_orders", errors="orderCancelUserErrors"),
    "tagsAdd": mutation(orders.tags_add, "write_orders"),
    "tagsRemove": mutation(orders.tags_remove, "write_orders"),
    "metafieldsSet": mutation(metafields.set_values, "write_orders"),
    "metafieldsDelete": mutation(metafields.delete_values, "write_orders"),
    "metafieldDefinitionCreate": mutation(metafields.define, "write_orders"),
    "webhookSubscriptionCreate": mutation(subscriptions.create),
    "webhookSubscriptionUpdate": mutation(subscriptions.update),
    "webhookSubscriptionDelete": mutation(subscriptions.delete),
    "stagedUploadsCreate": mutation(uploads.create),
    "bulkOperationRunQuery": mutation(bulk.run_query),
    "bulkOperationCancel": mutation(bulk.cancel),
}
