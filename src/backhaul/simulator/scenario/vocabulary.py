"""Who can do what in a scenario, and what each act needs to be told. The reader checks files against it, and the
reference page is made from it."""

from __future__ import annotations

from dataclasses import dataclass

from backhaul.simulator.order_connector import STYLES

KINDS = {
    "refund": "REFUND",
    "return": "RETURN_AND_REFUND",
    "replacement": "REPLACEMENT",
    "exchange": "EXCHANGE",
    "cancellation": "CANCELLATION",
}
PORTAL_KINDS = ("return", "refund")
CONDITIONS = ("sellable", "damaged", "wrong_item", "missing")
DISPOSITIONS = ("restock", "not_restocked", "missing")


@dataclass(frozen=True, slots=True)
class Field:
    """One value of an act. `kind` is text, amount, units, count, flag, texts or table; `choices` limits a text."""

    kind: str
    says: str
    choices: tuple[str, ...] = ()
    needed: bool = False


_REASON = Field("text", "the reason's key; any that is in force when left out")
_PICTURES = Field("count", "so many pictures go with it as evidence")
_UNITS = Field("units", "which units, counted from 1; all when left out")

ACTS: dict[tuple[str, str], tuple[str, dict[str, Field]]] = {
    ("buyer", "ask"): (
        "asks for something; names the case",
        {
            "kind": Field("text", "what for", tuple(KINDS), needed=True),
            "units": _UNITS,
            "reason": _REASON,
            "shipment": Field("text", "who arranges the way back", ("PLATFORM", "SELLER", "BUYER_ARRANGE")),
            "approved": Field("flag", "the channel approves at once by its own rule"),
            "quick_refund": Field("flag", "the channel refunds as soon as the parcel is scanned"),
            "with": Field("text", "another case that shares the parcel"),
            "document": Field("text", "what the buyer shows at the counter", ("SHIPPING_LABEL", "QR_CODE")),
            "sku": Field("text", "the variant an exchange is for"),
        },
    ),
    ("buyer", "portal"): (
        "presses “Return” in the app, is led to the hub's portal and asks there; names the case",
        {
            "kind": Field("text", "what for", PORTAL_KINDS, needed=True),
            "units": _UNITS,
            "reason": _REASON,
            "wrong_code": Field("count", "so many times with a wrong postal code first"),
        },
    ),
    ("buyer", "portal_look"): (
        "looks in the portal for what has become of it",
        {"sees": Field("text", "words that stand there", needed=True)},
    ),
    ("buyer", "ship"): (
        "sends the goods back",
        {"tracking": Field("text", "the number they type in, where they arrange the way")},
    ),
    ("buyer", "withdraw"): ("changes their mind", {}),
    ("buyer", "edit"): (
        "edits the request: it ends, and a new case takes its place",
        {
            "new": Field("text", "the name of the new case", needed=True),
            "units": _UNITS,
            "kind": Field("text", "what for", tuple(KINDS)),
        },
    ),
    ("buyer", "dispute"): ("disputes a refusal", {}),
    ("buyer", "accept_offer"): ("takes the partial refund", {}),
    ("buyer", "refuse_offer"): ("does not take it", {}),
    ("carrier", "scan"): ("scans the parcel on its way back", {}),
    ("carrier", "deliver"): ("brings it to the warehouse", {}),
    ("carrier", "order"): (
        "moves the order itself on its way to the buyer",
        {"status": Field("text", "where to", ("AWAITING_COLLECTION", "IN_TRANSIT", "DELIVERED"), needed=True)},
    ),
    ("channel", "side_with_buyer"): ("decides a dispute for the buyer", {}),
    ("channel", "side_with_seller"): ("decides a dispute for the seller", {}),
    ("channel", "quick_refund"): ("refunds before anybody has judged the goods", {}),
    ("channel", "cancel_order"): ("cancels the order by itself; names the case", {}),
    ("channel", "show_apart"): (
        "shows units that were answered by themselves as a case of their own",
        {"new": Field("text", "the name of that case", needed=True)},
    ),
    ("channel", "stock"): (
        "has so many left to sell; a replacement or exchange needs them",
        {"sku": Field("text", "of what", needed=True), "left": Field("count", "how many", needed=True)},
    ),
    ("channel", "tell_again"): (
        "sends the case's webhook once more",
        {"copies": Field("count", "so many times; 1 when left out")},
    ),
    ("staff", "decide"): (
        "somebody of the seller's answers in Seller Center, beside the hub",
        {
            "decision": Field("text", "the channel's word, such as APPROVE_RETURN", needed=True),
            "reason": _REASON,
        },
    ),
    ("connector", "copy"): (
        "the order connector brings the order into commerce",
        {
            "style": Field("text", "where it writes the channel's order id", tuple(STYLES)),
            "wrong_sku": Field("flag", "with other SKUs"),
        },
    ),
    ("shopify", "refund"): (
        "somebody else refunds in the commerce system",
        {
            "amount": Field("amount", "how much; the case's total when left out"),
            "units": _UNITS,
            "restock": Field("flag", "and puts the units back on the shelf"),
        },
    ),
    ("shopify", "return"): ("somebody else opens a return in the commerce system", {"units": _UNITS}),
    ("loop", "open"): ("the desk's staff, or the buyer in its portal, open a return there", {}),
    ("loop", "process"): ("the desk's staff process the return: they pay in the commerce system", {}),
    ("loop", "cancel"): ("the desk's staff cancel the return there", {}),
    ("loop", "close"): ("the desk's staff close the return without an outcome", {}),
    ("loop", "grade"): (
        "the desk's staff judge the goods",
        {
            "condition": Field("text", "what was found", ("sellable", "damaged", "used", "wrong item", "missing")),
            "disposition": Field("text", "what becomes of it", ("restock", "donate", "discard", "return to buyer")),
        },
    ),
    ("loop", "lift"): (
        "the merchant switches a rule of the desk off",
        {"rule": Field("text", "which", ("photo_required",), needed=True)},
    ),
    ("seller", "approve"): ("says yes to what was asked", {}),
    ("seller", "reject"): (
        "says no",
        {"reason": _REASON, "comment": Field("text", "words beside the reason"), "pictures": _PICTURES},
    ),
    ("seller", "keep_item"): ("refunds and lets the buyer keep the goods", {}),
    ("seller", "offer"): ("offers a partial refund", {"amount": Field("amount", "how much", needed=True)}),
    ("seller", "refund_instead"): ("refunds in place of a replacement or exchange", {}),
    ("seller", "accept"): ("accepts the goods that came back", {}),
    ("seller", "refuse"): ("refuses the goods that came back", {"reason": _REASON, "pictures": _PICTURES}),
    ("seller", "start"): (
        "begins a case by themselves, for all of the order or some units; names the case",
        {
            "kind": Field("text", "of what kind", tuple(KINDS), needed=True),
            "units": _UNITS,
            "amount": Field("amount", "a part of what the channel would refund"),
            "reason": _REASON,
        },
    ),
    ("seller", "confirm"): (
        "has seen the sum that the channel calculates, and starts it; nothing where the policy has started it",
        {},
    ),
    ("seller", "decline"): (
        "does not start what a buyer has asked for in the portal",
        {"comment": Field("text", "the words that the buyer reads", needed=True)},
    ),
    ("seller", "arrive"): ("books goods in that have no return on file; names the case", {}),
    ("seller", "label"): (
        "gives the buyer a label",
        {"tracking": Field("text", "its number"), "carrier": Field("text", "its carrier's name or id")},
    ),
    ("seller", "receive"): ("books the units in", {"units": _UNITS}),
    ("seller", "inspect"): (
        "judges each unit",
        {
            "units": _UNITS,
            "condition": Field("text", "what was found", CONDITIONS, needed=True),
            "disposition": Field("text", "what becomes of it", DISPOSITIONS, needed=True),
        },
    ),
    ("seller", "link_sku"): (
        "says which commerce SKU a channel SKU stands for",
        {"sku": Field("text", "the channel's", needed=True), "commerce_sku": Field("text", "commerce's", needed=True)},
    ),
    ("seller", "link_order"): ("says which commerce order it is", {}),
    ("seller", "confirm_gateway"): ("says that the payment method moves no money", {}),
    ("seller", "retry"): ("lets an exception be tried again", {"key": Field("text", "how its key begins")}),
    ("seller", "waive"): (
        "settles the case without one of its lanes",
        {"lane": Field("text", "which", ("records", "money", "stock", "desk"), needed=True)},
    ),
    ("seller", "policy"): ("nobody acts: the merchant's own rules answer", {}),
    ("seller", "nothing"): ("nobody acts, and no rule does", {}),
}
NAMES_A_CASE = frozenset(
    {("buyer", "ask"), ("buyer", "portal"), ("channel", "cancel_order"), ("seller", "start"), ("seller", "arrive")}
)
IN_THE_PORTAL = frozenset({("buyer", "portal"), ("buyer", "portal_look")})
NEEDS_NO_CASE = frozenset({("channel", "stock"), ("loop", "open"), ("loop", "lift")})
PARTIES = tuple(dict.fromkeys(by for by, _ in ACTS))


def doings(by: str) -> tuple[str, ...]:
    """What this party can do."""
    return tuple(do for who, do in ACTS if who == by)
