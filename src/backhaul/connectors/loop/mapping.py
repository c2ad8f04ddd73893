"""Pure: the vendor's shapes into the domain's words. Never raises on an unknown word: it is kept in ``unread``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from backhaul.connectors.loop import grades, wire
from backhaul.domain.desk import DeskLabel, DeskLine, DeskReturn, DeskState
from backhaul.domain.money import Money
from backhaul.ports.errors import WireDrift

Row = dict[str, Any]

STATES = {
    "open": DeskState.OPEN,
    "review": DeskState.REVIEW,
    "needs review": DeskState.REVIEW,  # how webhooks print it
    "closed": DeskState.CLOSED,
    "cancelled": DeskState.CANCELLED,
    "canceled": DeskState.CANCELLED,
    "expired": DeskState.EXPIRED,
}
REFUND_WORDS = frozenset({"refund", "default"})  # the second is how some lines print the first
NOTHING = frozenset({"", "n/a", "null", "none"})

_ORDER, _LINE = "gid://shopify/Order/", "gid://shopify/LineItem/"
_TRAILING_ZEROS = re.compile(r"(\.\d*?)0+$")


def text(value: Any) -> str:
    """A short text, or the name in an object; empty for what the vendor prints while it has none (``N/A``)."""
    if isinstance(value, Mapping):
        value = next((value[name] for name in ("name", "title", "label", "code", "value") if value.get(name)), "")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    found = str(value).strip()
    return "" if found.lower() in NOTHING else found


def unix(value: Any) -> int | None:
    """Unix seconds of a time, or None where there is none. A time without a zone is UTC."""
    if isinstance(value, Mapping):
        value = value.get("date")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return int(value)
    if not isinstance(value, str) or not value.strip():
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def moment(at: int) -> str:
    """A bound of a list: ``yyyy-mm-dd hh:mm:ss`` in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def money(value: wire.Amount, currency: str) -> Money | None:
    """An amount written as decimal text; None where there is none. Raises ValueError for what is no amount."""
    if value is None or value == "":
        return None
    # Cents may be followed by zeros that the currency does not know ("63.3000").
    return Money.parse(_TRAILING_ZEROS.sub(r"\1", str(value)), currency)


def order_id(given: wire.Text) -> str:
    """The commerce order's id as its connector writes it; Loop's provider is Shopify, other ids stay as they are."""
    return _global(given, _ORDER)


def line_id(given: wire.Text) -> str:
    """The commerce line's id as its connector writes it."""
    return _global(given, _LINE)


def _global(given: wire.Text, prefix: str) -> str:
    found = text(given)
    return prefix + found if found.isascii() and found.isdigit() else found


def desk_return(row: Row, notes: Iterable[str] = ()) -> DeskReturn:
    """A return as the list or the details show it. Raises WireDrift for what is no return."""
    try:
        found = wire.shaped(row, wire.Return)
    except msgspec.ValidationError as error:
        raise WireDrift(f"return: {error}", msgspec.json.encode(row)) from None
    ident, created = text(found.id), unix(found.created_at)
    if not ident or created is None:
        raise WireDrift("return: without an id or a time", msgspec.json.encode(row))
    unread, currency = wire.unknown_fields(row), text(found.currency)
    word = text(found.state)
    state = STATES.get(word.lower(), DeskState.UNKNOWN)
    if state is DeskState.UNKNOWN:
        unread["state"] = word
    processed_at = _processed_at(found.outcomes_processed_at)
    updated = unix(found.updated_at) or unix(found.edited_at) or created
    return DeskReturn(
        id=ident,
        state=state,
        created_at=created,
        updated_at=max(updated, processed_at or 0),
        raw_state=word,
        processed=bool(found.was_processed) or processed_at is not None,
        processed_at=processed_at,
        order_id=order_id(found.provider_order_id),
        order_name=text(found.order_name),
        total=_amount(found.refund if found.refund is not None else found.total, currency, unread, "refund"),
        lines=tuple(_line(each, currency, unread) for each in found.line_items or ()),
        labels=_labels(found),
        notes=tuple(note for note in notes if note),
        page=text(found.status_page_url),
        unread=unread,
    )


def named(row: Any) -> tuple[str, str]:
    """(id, commerce order id) of a return, without reading the rest of it. Raises WireDrift when it has no id."""
    ident = text(row.get("id")) if isinstance(row, dict) else ""
    if not ident:
        raise WireDrift("return: without an id", msgspec.json.encode(row))
    return ident, order_id(row.get("provider_order_id"))


def _processed_at(outcomes: Any) -> int | None:
    """When money or goods first went out; the vendor tells it per outcome, and an empty object as an empty list."""
    values = outcomes.values() if isinstance(outcomes, Mapping) else ()
    times = [at for value in values if (at := unix(value)) is not None]
    return min(times, default=None)


def _line(line: wire.Line, currency: str, unread: dict[str, str]) -> DeskLine:
    outcome = text(line.outcome).lower()
    return DeskLine(
        id=text(line.line_item_id),
        line_id=line_id(line.provider_line_item_id),
        sku=text(line.sku),
        title=text(line.title),
        outcome="refund" if outcome in REFUND_WORDS else outcome,
        reason=text(line.reason) or text(line.return_reason),
        parent_reason=text(line.parent_reason) or text(line.parent_return_reason),
        condition=text(line.condition),
        disposition=text(line.disposition),
        found=grades.condition(text(line.condition)),
        fate=grades.disposition(text(line.disposition)),
        refund=_amount(line.refund, currency, unread, f"refund of line {line.line_item_id}"),
        returned=unix(line.returned_at) is not None,
    )


def _amount(value: wire.Amount, currency: str, unread: dict[str, str], name: str) -> Money | None:
    if not currency:
        return None
    try:
        return money(value, currency)
    except ValueError:
        unread[name] = str(value)
        return None


def _labels(found: wire.Return) -> tuple[DeskLabel, ...]:
    """The labels; an older account prints the only one in the return itself."""
    single = wire.Label(found.tracking_number, found.carrier, found.label_status, found.label_url)
    labels = [
        DeskLabel(text(each.tracking_number), text(each.carrier), text(each.url), text(each.status))
        for each in (found.labels or [single])
    ]
    return tuple(label for label in labels if label.tracking_number or label.url)
