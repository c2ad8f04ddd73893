"""The product's words as people read them. A word we do not know is shown as it is, never dropped."""

from __future__ import annotations

from backhaul.domain import words as domain_words
from backhaul.store.sessions import ROLES

# (text, tone); tones are colours of the design system: neutral, info, warn, good, bad.
STATUS = {
    "new": ("New", "info"),
    "requested": ("Requested", "warn"),
    "offered": ("Partial refund offered", "info"),
    "awaiting_parcel": ("Awaiting parcel", "neutral"),
    "in_transit": ("In transit", "info"),
    "delivered": ("Delivered, to judge", "warn"),
    "request_rejected": ("Request rejected", "bad"),
    "parcel_rejected": ("Parcel rejected", "bad"),
    "accepted": ("Accepted", "good"),
    "refunded": ("Refunded", "good"),
    "closed": ("Closed", "neutral"),
    "cancelled": ("Cancelled", "neutral"),
    "unknown": ("Unknown to Backhaul", "bad"),
    "starting": ("Starting", "info"),
    "proposed": ("Proposed, not sent", "neutral"),
    "to_confirm": ("To confirm", "warn"),
    "not_started": ("Could not be started", "bad"),
    "withdrawn": ("Not started", "neutral"),
    "blind": ("Goods without a return", "warn"),
    "merged": ("Became one with another", "neutral"),
}
# Where the channel says a case stands, as its time-line tells it.
STAGE = {
    "requested": "The channel waits for an answer",
    "offered": "The buyer thinks about the offer",
    "awaiting_shipment": "The channel waits for the buyer's parcel",
    "shipped": "The buyer has sent the parcel",
    "request_rejected": "The channel shows the request as rejected",
    "parcel_rejected": "The channel shows the parcel as rejected",
    "accepted": "The channel will pay",
    "completed": "The channel has completed it",
    "cancelled": "The channel shows it as cancelled",
    "unknown": "The channel says something that Backhaul does not know",
}
KIND = {
    "return": "Return & refund",
    "refund": "Refund only",
    "replacement": "Replacement",
    "exchange": "Exchange",
    "cancellation": "Cancellation",
    "unknown": "Unknown",
}
ACTION = {
    "answer_refund": "Answer the refund request",
    "answer_return": "Answer the return request",
    "judge_parcel": "Judge the parcel",
    "answer_replacement": "Answer the replacement",
    "answer_exchange": "Answer the exchange",
    "answer_cancellation": "Answer the cancellation",
    "unknown": "Look in Seller Center",
}
ACTION_SHORT = {
    "answer_refund": "Answer refund",
    "answer_return": "Answer return",
    "judge_parcel": "Judge parcel",
    "answer_replacement": "Answer replacement",
    "answer_exchange": "Answer exchange",
    "answer_cancellation": "Answer cancellation",
    "unknown": "Seller Center",
}
# What a case without an action of the channel's waits for, by its status.
OWN_NEXT = {"to_confirm": "Confirm", "blind": "Take care of goods"}
DECISION = {
    "approve_refund": "Approve refund",
    "reject_refund": "Reject refund",
    "approve_return": "Approve return",
    "reject_return": "Reject return",
    "keep_item": "Refund, buyer keeps item",
    "accept_parcel": "Accept parcel",
    "refuse_parcel": "Refuse parcel",
    "by_unit": "Answer for each unit",
    "offer_partial": "Offer partial refund",
    "refund_part": "Accept, refund a part",
    "approve_replacement": "Send a replacement",
    "refund_instead": "Refund instead",
    "reject_replacement": "Reject replacement",
    "approve_exchange": "Approve exchange",
    "refund_exchange": "Refund instead",
    "reject_exchange": "Reject exchange",
    "approve_cancellation": "Cancel the order",
    "reject_cancellation": "Reject cancellation",
}
# What an answer sets in motion, said before it is given.
CONSEQUENCE = {
    "approve_refund": "The channel pays the buyer at once.",
    "approve_return": "The buyer sends the goods back; the money follows when the parcel is accepted.",
    "keep_item": "The channel pays the buyer at once and no goods come back.",
    "accept_parcel": "The channel pays the buyer.",
    "reject_refund": "All items of the request are rejected. The buyer may appeal to the channel.",
    "reject_return": "All items of the request are rejected. The buyer may appeal to the channel.",
    "refuse_parcel": "The whole parcel is refused and no refund is made. The buyer may appeal to the channel.",
    "by_unit": "The channel goes on with what you accept, or pays it. For what you refuse the buyer may appeal.",
    "offer_partial": "The buyer may keep the goods for this amount, or turn the offer down; then you are asked again.",
    "refund_part": "The parcel is taken and the channel pays this part of the refund.",
    "approve_replacement": "The channel makes a new order that you ship for nothing; the buyer keeps the first item.",
    "refund_instead": "The channel pays the buyer instead of sending the goods again.",
    "reject_replacement": "All items of the request are rejected. The buyer may appeal to the channel.",
    "approve_exchange": "The channel makes a new order for what the buyer wants instead.",
    "refund_exchange": "The channel pays the buyer instead of exchanging the goods.",
    "reject_exchange": "All items of the request are rejected. The buyer may appeal to the channel.",
    "approve_cancellation": "The channel cancels the order and pays the buyer.",
    "reject_cancellation": "The order goes on and has to be shipped in time.",
}
UNIT_ANSWER = {**DECISION, "accept_parcel": "Accept", "refuse_parcel": "Refuse"}
REJECTIONS = frozenset(domain_words.REJECTIONS)
WITH_AMOUNT = frozenset(domain_words.WITH_AMOUNT)
LANE = {
    "decision": "Decision",
    "money": "Money",
    "parcel": "Parcel",
    "stock": "Stock",
    "records": "Commerce records",
    "desk": "Returns desk",
}
LANE_STATE = {
    "waiting": ("Waits for an answer", "warn"),
    "sending": ("Sending", "info"),
    "requested": ("Requested", "info"),
    "offered": ("Offered to the buyer", "info"),
    "accepted": ("Accepted", "good"),
    "rejected": ("Rejected", "bad"),
    "parcel_rejected": ("Parcel rejected", "bad"),
    "refused": ("Refused", "bad"),
    "cancelled": ("Cancelled", "neutral"),
    "expected": ("Expected", "neutral"),
    "paying": ("Channel is paying", "info"),
    "unproven": ("Paid, not yet proven", "warn"),
    "paid": ("Paid, not booked", "warn"),
    "booking": ("Booking", "info"),
    "settled": ("Settled", "good"),
    "not_booked": ("Not booked by the hub", "neutral"),
    "not_connected": ("Not connected", "neutral"),
    "not_needed": ("Not needed", "neutral"),
    "waived": ("Waived", "neutral"),
    "history": ("Ended before going live", "neutral"),
    "none": ("Nothing to do", "neutral"),
    "not_yet": ("Not yet", "neutral"),
    "awaiting_label": ("Waits for a label", "warn"),
    "awaiting_buyer": ("Waits for the buyer", "neutral"),
    "label_ready": ("Label ready", "info"),
    "in_transit": ("In transit", "info"),
    "delivered": ("Delivered", "info"),
    "received": ("Received", "good"),
    "partly_received": ("Partly received", "warn"),
    "missing": ("Did not come back", "bad"),
    "to_inspect": ("To inspect", "warn"),
    "judged": ("Inspected", "info"),
    "moving": ("Moving stock", "info"),
    "finding_order": ("Finding the order", "info"),
    "finding_lines": ("Finding the lines", "warn"),
    "creating": ("Creating the return", "info"),
    "open": ("Open", "info"),
    "adopted": ("Adopted", "info"),
    "closed": ("Closed", "good"),
    "cancelling": ("Cancelling", "info"),
    "blocked": ("Blocked", "bad"),
    "second_writer": ("Another program writes", "bad"),
    "awaiting_desk": ("Waits for the desk", "info"),
    "looking": ("Looking", "info"),
    "opening": ("Opening", "info"),
    "in_review": ("Held back in the desk", "warn"),
    "processing": ("The desk refunds", "info"),
    "processed": ("The desk has refunded", "good"),
    "closing": ("Closing", "info"),
    "expired": ("Expired", "neutral"),
    "by_channel": ("By the channel", "neutral"),
    "by_desk": ("By the desk", "neutral"),
    "unknown": ("Unknown", "bad"),
    "starting": ("Starting", "info"),
    "asking": ("Asking the channel", "info"),
    "to_confirm": ("Waits to be confirmed", "warn"),
    "not_started": ("Could not be started", "bad"),
    "proposed": ("Proposed, not sent", "neutral"),
    "withdrawn": ("Not started", "neutral"),
    "declined": ("Declined", "neutral"),
    "unknown_order": ("Order not known", "warn"),
}
EFFECT = {
    "decide": "Answer to the channel",
    "start_return": "Start of the case",
    "start_cancellation": "Start of the cancellation",
    "upload_label": "Label upload",
    "upload_evidence": "Picture for the rejection",
    "stamp_order": "Mark on the commerce order",
    "create_return": "Return in commerce",
    "stage_label": "Label file in commerce",
    "attach_tracking": "Tracking in commerce",
    "update_delivery": "Parcel in commerce",
    "dispose": "Stock movement",
    "book_refund": "Refund booking",
    "close_return": "Close the return in commerce",
    "cancel_return": "Cancel the return in commerce",
    "open_desk_return": "Return in the desk",
    "request_desk_label": "Label by the desk",
    "process_desk_return": "Refund by the desk",
    "close_desk_return": "Close the return in the desk",
    "cancel_desk_return": "Cancel the return in the desk",
    "note_desk_return": "Note in the desk",
}
EFFECT_STATE = {
    "proposed": ("Proposed, not sent", "neutral"),
    "intent": ("About to be sent", "info"),
    "sent": ("Sent, no answer yet", "warn"),
    "accepted": ("Accepted, not read back", "info"),
    "confirmed": ("Confirmed", "good"),
    "refused": ("Refused", "bad"),
    "superseded": ("Superseded", "neutral"),
    "dropped": ("Dropped", "neutral"),
}
CONDITION = {
    "sellable": "Sellable",
    "damaged": "Damaged",
    "wrong_item": "Wrong item",
    "incomplete": "Parts missing",
    "not_eligible": "Not eligible for return",
    "missing": "Missing",
}
DISPOSITION = {"restock": "Restock", "not_restocked": "Do not restock", "missing": "Missing"}
CONNECTION = {
    "never_connected": ("Never connected", "warn"),
    "connected": ("Connected", "good"),
    "expired": ("Authorisation expired", "bad"),
    "disabled": ("Disabled", "neutral"),
}
CONNECTION_TEXT = {
    "never_connected": "Nobody has logged in yet. Nothing is read until you connect it.",
    "connected": "",
    "expired": "The vendor no longer accepts this login. Nothing is read or sent until the owner logs in again.",
    "disabled": "A person switched this connection off. Connect it again to resume.",
}
ENTRY = {
    "paid": "Paid by the channel",
    "booked": "Booked in commerce",
    "adopted": "Booked by another, adopted",
    "residual": "Explained difference",
    "released": "Holds no longer",
}
TABS = {
    "answer": "Needs answer",
    "open": "Open",
    "inspect": "To inspect",
    "exceptions": "Exceptions",
    "ended": "Ended",
    "all": "All",
}
DUE = {"overdue": "Overdue", "4h": "Within 4 hours", "24h": "Within 24 hours", "72h": "Within 3 days"}
DUE_SECONDS = {"overdue": 0, "4h": 4 * 3600, "24h": 24 * 3600, "72h": 72 * 3600}
# Who is to act on an exception of a lane.
OWNER = {
    "decision": "Operator",
    "money": "Finance",
    "records": "Operator",
    "parcel": "Warehouse",
    "stock": "Warehouse",
    "desk": "Operator",
    "connection": "Administrator",
}
# What an exception waits on.
WAITS = {"order": "order", "sku": "SKU", "gateway": "payment method", "setting": "setting"}
DESK_STATE = {
    "open": ("Open", "info"),
    "review": ("Held back", "warn"),
    "closed": ("Closed", "neutral"),
    "cancelled": ("Cancelled", "neutral"),
    "expired": ("Expired", "neutral"),
    "unknown": ("Unknown", "bad"),
}
CAPABILITY = {"line_level": "Answers for each unit"}
DESK_OPENS = {
    "approved": "When the channel has approved",
    "requested": "At once, when the buyer asks",
}
LEVEL = {
    "problem": ("Problem", "bad"),
    "advice": ("Advice", "warn"),
    "info": ("To know", "info"),
    "good": ("Fine", "good"),
}
PAYER = {"channel": "The channel", "commerce": "The commerce system", "desk": "The returns desk"}
BOOKER = {
    "hub": "Backhaul",
    "desk": "The returns desk",
    "connector": "Another connector",
    "nobody": "Nobody",
}

# Right -> roles that have it. Everybody who is signed in may look.
RIGHTS = {
    "decide": frozenset({"owner", "admin", "operator"}),
    "warehouse": frozenset({"owner", "admin", "operator", "warehouse"}),
    "repair": frozenset({"owner", "admin", "operator", "finance"}),
    "configure": frozenset({"owner", "admin"}),
    "raw": frozenset({"owner", "admin", "operator", "finance"}),
}
assert all(roles <= frozenset(ROLES) for roles in RIGHTS.values())


def plain(word: str) -> str:
    """A word of ours or a vendor's, spelt for people when no table has it."""
    return word.replace("_", " ").strip().capitalize() if word.islower() else word


def happened(what: str, text: str) -> str:
    """A line of history as people read it; money lines are stored as the bare amount, the channel's as its words."""
    lane, _, kind = what.partition(".")
    if lane == "channel" and kind in STAGE:
        return f"{STAGE[kind]} ({text})" if text else STAGE[kind]
    return f"{ENTRY.get(kind, plain(kind))}: {text}" if lane == "money" else text[:1].upper() + text[1:]


def pair(table: dict[str, tuple[str, str]], word: str) -> tuple[str, str]:
    """Text and tone of a word."""
    return table.get(word) or (plain(word), "neutral")
