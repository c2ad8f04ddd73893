"""The vendor's shapes, as far as our documents ask for them. Enum words stay text: a new one is no error."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class Wire(msgspec.Struct, frozen=True, rename="camel"):
    """A GraphQL object."""


class GraphQLError(Wire, frozen=True):
    """An entry of the answer's top-level ``errors``."""

    message: str = ""
    path: list[str | int] | None = None
    extensions: dict[str, object] | None = None

    @property
    def code(self) -> str:
        """The vendor's word for it, empty when it gave none."""
        return str((self.extensions or {}).get("code") or "")


class ThrottleStatus(Wire, frozen=True):
    """The shop's bucket of points."""

    maximum_available: float
    currently_available: float
    restore_rate: float


class Cost(Wire, frozen=True):
    """What a document was charged. ``requested`` is taken first, what was not used is given back."""

    requested_query_cost: float = 0.0
    actual_query_cost: float | None = None
    throttle_status: ThrottleStatus | None = None


class SearchWarning(Wire, frozen=True):
    """A filter of a search that the vendor did not understand and left out."""

    field: str | None = None
    message: str = ""
    code: str = ""


class Search(Wire, frozen=True):
    """How a search query was understood."""

    query: str = ""
    warnings: list[SearchWarning] | None = None


class Extensions(Wire, frozen=True):
    """Beside the data: cost, and how searches were understood."""

    cost: Cost | None = None
    search: list[Search] | None = None


class Envelope(Wire, frozen=True):
    """A whole answer. ``data`` may be partly filled beside ``errors``."""

    data: msgspec.Raw = msgspec.Raw()
    errors: list[GraphQLError] | str | None = None
    extensions: Extensions | None = None

    @property
    def empty(self) -> bool:
        """Whether there is no data at all, or null."""
        return bytes(self.data) in (b"", b"null")


class UserError(Wire, frozen=True):
    """A refusal in a mutation's payload. Some payloads know no code."""

    message: str
    field: list[str] | None = None
    code: str | None = None


class PageInfo(Wire, frozen=True):
    """Whether a list goes on."""

    has_next_page: bool = False
    end_cursor: str | None = None


class Page(Wire, Generic[T], frozen=True):
    """A connection: one page of a list."""

    nodes: list[T]
    page_info: PageInfo = PageInfo()


class Named(Wire, frozen=True):
    """Something of which only the id matters."""

    id: str


class Amount(Wire, frozen=True):
    """A decimal string and its currency."""

    amount: str
    currency_code: str


class MoneyBag(Wire, frozen=True):
    """An amount as the buyer saw it."""

    presentment_money: Amount


class Attribute(Wire, frozen=True):
    """A free key and value on an order or line."""

    key: str
    value: str | None = None


class Metafield(Wire, frozen=True):
    """Our stamp."""

    value: str


class Variant(Wire, frozen=True):
    """The product's variant; null without read_products."""

    barcode: str | None = None


class TaxLine(Wire, frozen=True):
    """One tax on a whole line."""

    price_set: MoneyBag


class LineItem(Wire, frozen=True):
    """An order line."""

    id: str
    title: str
    quantity: int
    refundable_quantity: int
    unfulfilled_quantity: int
    sku: str | None = None
    custom_attributes: list[Attribute] = []
    variant: Variant | None = None
    discounted_unit_price_after_all_discounts_set: MoneyBag | None = None
    tax_lines: list[TaxLine] = []


class Transaction(Wire, frozen=True):
    """A payment of the order."""

    id: str
    kind: str
    status: str
    amount_set: MoneyBag
    gateway: str | None = None
    parent_transaction: Named | None = None


class RefundLine(Wire, frozen=True):
    """Units of a line in a refund."""

    quantity: int
    line_item: Named


class Refund(Wire, frozen=True):
    """A refund, whoever made it."""

    id: str
    processed_at: str
    total_refunded_set: MoneyBag
    created_at: str | None = None
    note: str | None = None
    return_: Named | None = msgspec.field(name="return", default=None)
    refund_line_items: Page[RefundLine] = Page([])


class FulfillmentLine(Wire, frozen=True):
    """A shipped line and the order line it is of."""

    id: str
    line_item: Named


class ReturnLine(Wire, frozen=True):
    """A line of a return; without a fulfilment line when it is not verified."""

    id: str
    quantity: int
    return_reason_note: str = ""
    fulfillment_line_item: FulfillmentLine | None = None


class Disposition(Wire, frozen=True):
    """What became of units."""

    type: str
    quantity: int


class ReverseLine(Wire, frozen=True):
    """A line of a reverse fulfilment order."""

    id: str
    total_quantity: int
    fulfillment_line_item: Named | None = None
    dispositions: list[Disposition] = []


class Tracking(Wire, frozen=True):
    """A parcel's number."""

    number: str | None = None


class Label(Wire, frozen=True):
    """The file of a label that a parcel shows."""

    created_at: str | None = None


class Deliverable(Wire, frozen=True):
    """What travels back."""

    tracking: Tracking | None = None
    label: Label | None = None


class Delivery(Wire, frozen=True):
    """A reverse delivery."""

    id: str
    deliverable: Deliverable | None = None


class ReverseOrder(Wire, frozen=True):
    """A reverse fulfilment order."""

    id: str
    line_items: Page[ReverseLine] = Page([])
    reverse_deliveries: Page[Delivery] = Page([])


class Return(Wire, frozen=True):
    """A return, whoever made it."""

    id: str
    name: str
    status: str
    return_line_items: Page[ReturnLine] = Page([])
    reverse_fulfillment_orders: Page[ReverseOrder] = Page([])


class ReturnableLine(Wire, frozen=True):
    """Units of a shipped line that can still be put on a return."""

    quantity: int
    fulfillment_line_item: FulfillmentLine


class Returnable(Wire, frozen=True):
    """A fulfilment of which something can still be returned."""

    id: str
    returnable_fulfillment_line_items: Page[ReturnableLine] = Page([])


class Order(Wire, frozen=True):
    """An order as the hot read asks for it."""

    id: str
    name: str
    updated_at: str
    presentment_currency_code: str
    taxes_included: bool = False
    net_payment_set: MoneyBag | None = None
    metafield: Metafield | None = None
    line_items: Page[LineItem] = Page([])
    transactions: list[Transaction] = []
    refunds: list[Refund] = []
    returns: Page[Return] = Page([])


class OrderRead(Wire, frozen=True):
    """Data of the hot read."""

    order: Order | None = None
    returnable_fulfillments: Page[Returnable] | None = None


class SoldLine(Wire, frozen=True):
    """A line as a candidate shows it."""

    quantity: int
    sku: str | None = None


class Candidate(Wire, frozen=True):
    """An order that a search came up with."""

    id: str
    name: str
    created_at: str
    tags: list[str] = []
    note: str | None = None
    source_name: str | None = None
    source_identifier: str | None = None
    custom_attributes: list[Attribute] = []
    metafield: Metafield | None = None
    total_price_set: MoneyBag | None = None
    line_items: Page[SoldLine] = Page([])


class TokenAnswer(msgspec.Struct, frozen=True):
    """Answer of the token endpoint (snake case on the wire)."""

    access_token: str
    scope: str = ""
    expires_in: int | None = None
