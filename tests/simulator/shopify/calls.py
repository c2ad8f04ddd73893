"""The calls the tests make, short, and what they take."""

from __future__ import annotations

from typing import Any

from backhaul.simulator.shopify.model import Order

_RETURN = """
    id name status closedAt totalQuantity
    returnLineItems(first: 10) { nodes { id quantity processedQuantity } }
    reverseFulfillmentOrders(first: 5) { nodes { id status lineItems(first: 10) { nodes { id totalQuantity } } } }
"""
_ERRORS = "userErrors { field message code }"
CREATE = f"mutation($in: ReturnInput!) {{ returnCreate(returnInput: $in) {{ return {{ {_RETURN} }} {_ERRORS} }} }}"
REQUEST = f"mutation($in: ReturnRequestInput!) {{ returnRequest(input: $in) {{ return {{ {_RETURN} }} {_ERRORS} }} }}"
APPROVE = (
    f"mutation($in: ReturnApproveRequestInput!) {{ returnApproveRequest(input: $in) "
    f"{{ return {{ {_RETURN} }} {_ERRORS} }} }}"
)
DECLINE = (
    "mutation($in: ReturnDeclineRequestInput!) { returnDeclineRequest(input: $in) "
    f"{{ return {{ id status decline {{ reason note }} }} {_ERRORS} }} }}"
)
CANCEL = f"mutation($id: ID!) {{ returnCancel(id: $id) {{ return {{ {_RETURN} }} {_ERRORS} }} }}"
CLOSE = f"mutation($id: ID!) {{ returnClose(id: $id) {{ return {{ {_RETURN} }} {_ERRORS} }} }}"
REOPEN = f"mutation($id: ID!) {{ returnReopen(id: $id) {{ return {{ {_RETURN} }} {_ERRORS} }} }}"
REMOVE = (
    "mutation($id: ID!, $lines: [ReturnLineItemRemoveFromReturnInput!]) "
    f"{{ removeFromReturn(returnId: $id, returnLineItems: $lines) {{ return {{ {_RETURN} }} {_ERRORS} }} }}"
)
PROCESS = (
    "mutation($in: ReturnProcessInput!) { returnProcess(input: $in) { return { "
    f"{_RETURN} refunds(first: 5) {{ nodes {{ id return {{ id }} }} }} }} {_ERRORS} }} }}"
)
LABEL = """
mutation($rfo: ID!, $lines: [ReverseDeliveryLineItemInput!]!, $t: ReverseDeliveryTrackingInput,
         $l: ReverseDeliveryLabelInput, $notify: Boolean) {
  reverseDeliveryCreateWithShipping(reverseFulfillmentOrderId: $rfo, reverseDeliveryLineItems: $lines,
    trackingInput: $t, labelInput: $l, notifyCustomer: $notify) {
    reverseDelivery { id deliverable { ... on ReverseDeliveryShippingDeliverable {
      tracking { number url carrierName } label { publicFileUrl } } }
      reverseDeliveryLineItems(first: 10) { nodes { quantity } } }
    userErrors { field message code } } }
"""
DISPOSE = """
mutation($in: [ReverseFulfillmentOrderDisposeInput!]!) {
  reverseFulfillmentOrderDispose(dispositionInputs: $in) {
    reverseFulfillmentOrderLineItems { id dispositions { type quantity location { id } } }
    userErrors { field message code } } }
"""
REFUND = """
mutation($in: RefundInput!, $key: String!) { refundCreate(input: $in) @idempotent(key: $key) {
  refund { id note processedAt totalRefundedSet { presentmentMoney { amount } }
           transactions(first: 5) { nodes { kind status gateway parentTransaction { id } } }
           orderAdjustments(first: 1) { nodes { reason amountSet { presentmentMoney { amount } } } } }
  order { displayFinancialStatus returnStatus }
  userErrors { field message } } }
"""
ORDER = """
query($id: ID!) { order(id: $id) { id name displayFinancialStatus displayFulfillmentStatus returnStatus refundable
  lineItems(first: 10) { nodes { sku quantity currentQuantity refundableQuantity unfulfilledQuantity } } } }
"""
RETURNABLE = """
query($id: ID!) { returnableFulfillments(orderId: $id, first: 5) { nodes {
  returnableFulfillmentLineItems(first: 10) { nodes { quantity fulfillmentLineItem { id } } } } } }
"""
FIND = """
query($q: String, $first: Int = 10, $after: String, $reverse: Boolean, $sort: OrderSortKeys) {
  orders(first: $first, after: $after, query: $q, reverse: $reverse, sortKey: $sort) {
    nodes { id name } edges { cursor } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }
"""
SUBSCRIBE = """
mutation($topic: WebhookSubscriptionTopic!, $in: WebhookSubscriptionInput!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: $in) {
    webhookSubscription { id topic uri includeFields } userErrors { field message } } }
"""


def line_ids(order: Order) -> list[str]:
    """The fulfilment line ids of an order, in the order of its lines."""
    return [line.id for each in order.fulfillment_list for line in each.lines]


def returning(order: Order, *quantities: int, **more: Any) -> dict[str, Any]:
    """A ReturnInput for so many of each fulfilled line, because they are too small."""
    reason = {"returnReasonDefinitionId": "gid://shopify/ReturnReasonDefinition/7", **more}
    lines = [
        {"fulfillmentLineItemId": text, "quantity": quantity, **reason}
        for text, quantity in zip(line_ids(order), quantities, strict=False)
        if quantity
    ]
    return {"orderId": order.id, "returnLineItems": lines}


def refunding(
    order: Order, amount: str | None, *quantities: int, kind: str = "NO_RESTOCK", **more: Any
) -> dict[str, Any]:
    """A RefundInput for so many of each line and one payment back from the sale."""
    lines = [
        {"lineItemId": line.id, "quantity": quantity, "restockType": kind}
        for line, quantity in zip(order.lines, quantities, strict=False)
        if quantity
    ]
    found: dict[str, Any] = {"orderId": order.id, "refundLineItems": lines, **more}
    if amount is not None:
        payment = {"orderId": order.id, "kind": "REFUND", "gateway": "manual", "amount": amount}
        found["transactions"] = [{**payment, "parentId": order.transactions[0].id}]
    return found
