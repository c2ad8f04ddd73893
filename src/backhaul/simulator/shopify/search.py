"""The search language of ``orders(query:)``: words, ``field:value``, comparisons, AND, OR, NOT, parentheses.

A field nobody knows is ignored with a warning, exactly as the vendor does it: the answer may then be the whole list.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .scalars import from_iso

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<open>\()|(?P<close>\))|
        (?P<not>-(?=\S))|
        (?P<field>[A-Za-z_][A-Za-z0-9_.]*):(?P<op>>=|<=|>|<)?\s*(?P<value>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|(?:\\.|[^\s()\\])+)|
        (?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|(?:\\.|[^\s()\\])+)
    )""",
    re.VERBOSE,
)

EXACT = frozenset({
    "name", "tag", "source_name", "source_identifier", "id", "sku", "financial_status", "fulfillment_status",
    "return_status", "status", "gateway", "email", "test", "confirmation_number", "tag_not", "channel",
    "sales_channel", "discount_code", "po_number", "customer_id",
})  # fmt: skip
RANGES = frozenset({"created_at", "updated_at", "processed_at"})
NUMBERS = frozenset({"current_total_price", "subtotal_line_items_quantity"})
UNPLAYED = frozenset({
    "cart_token", "channel_id", "chargeback_status", "checkout_token", "credit_card_last4", "delivery_method",
    "fraud_protection_level", "fulfillment_location_id", "location_id", "payment_id", "payment_provider_id",
    "reference_location_id", "risk_level", "total_weight",
})  # fmt: skip
"""Filters the vendor knows and this simulator's orders have no data for: they find nothing."""


@dataclass(slots=True)
class Document:
    """What the index knows of one order, as of the moment it was written."""

    number_id: int
    name: str
    tags: tuple[str, ...]
    source_name: str
    source_identifier: str
    skus: tuple[str, ...]
    gateways: tuple[str, ...]
    email: str
    channel: str
    created_at: float
    updated_at: float
    processed_at: float
    financial_status: str
    fulfillment_status: str
    return_status: str
    closed: bool
    cancelled: bool
    test: bool
    current_total: float
    quantity: int
    words: frozenset[str]
    metafields: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Term:
    """``field`` is empty for plain text; ``op`` is one of ``= > >= < <=``; ``value`` is lower case."""

    field: str
    op: str
    value: str
    negated: bool = False
    number: float = 0.0

    @property
    def prefix(self) -> bool:
        return self.value.endswith("*")


@dataclass(slots=True)
class All:
    parts: list[Any]


@dataclass(slots=True)
class Any_:
    parts: list[Any]


@dataclass(slots=True)
class Not:
    part: Any


@dataclass(slots=True)
class Query:
    """A parsed query. ``root`` None matches everything."""

    root: Term | All | Any_ | Not | None
    warnings: list[dict[str, str]]

    def terms(self) -> list[Term]:
        """The terms every match must meet: what an index can start from."""
        if isinstance(self.root, Term):
            return [self.root]
        return [part for part in self.root.parts if isinstance(part, Term)] if isinstance(self.root, All) else []


def parse(text: str) -> Query:
    """Reads a query. It never fails: what makes no sense is ignored, and named in the warnings."""
    parser = _Parser(_tokens(text))
    root = parser.either()
    return Query(root, parser.warnings)


def _tokens(text: str) -> list[re.Match[str]]:
    found, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.end() == at:
            at += 1
            continue
        found.append(match)
        at = match.end()
    return found


def _unquote(text: str) -> str:
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1]
    return re.sub(r"\\(.)", r"\1", text).lower()


class _Parser:
    def __init__(self, tokens: list[re.Match[str]]) -> None:
        self._tokens = tokens
        self._at = 0
        self.warnings: list[dict[str, str]] = []

    def _peek(self) -> re.Match[str] | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _word(self, word: str) -> bool:
        token = self._peek()
        if token is not None and token.group("text") == word:
            self._at += 1
            return True
        return False

    def either(self) -> Any:
        parts = [self.every()]
        while self._word("OR"):
            parts.append(self.every())
        known = [part for part in parts if part is not None]
        if not known:
            return None
        return known[0] if len(known) == 1 else Any_(known)

    def every(self) -> Any:
        parts: list[Any] = []
        while (token := self._peek()) is not None and not token.group("close") and token.group("text") != "OR":
            if self._word("AND"):
                continue
            part = self.one()
            if part is not None:
                parts.append(part)
        if not parts:
            return None
        return parts[0] if len(parts) == 1 else All(parts)

    def one(self) -> Any:
        if self._word("NOT"):
            part = self.one() if self._peek() is not None else None
            return None if part is None else Not(part)
        token = self._tokens[self._at]
        self._at += 1
        if token.group("not"):
            part = self.one() if self._peek() is not None else None
            return None if part is None else Not(part)
        if token.group("open"):
            inside = self.either()
            closing = self._peek()
            if closing is not None and closing.group("close"):
                self._at += 1
            return inside
        if token.group("close"):
            return None
        if token.group("field"):
            return self._filter(token.group("field"), token.group("op") or "=", _unquote(token.group("value")))
        return Term("", "=", _unquote(token.group("text")))

    def _filter(self, name: str, op: str, value: str) -> Any:
        if name in RANGES or name in NUMBERS:
            try:
                number = from_iso(value.upper()) if name in RANGES else float(value)
            except ValueError:
                self._warn(name, "Invalid value for this search field.", "invalid_value")
                return None
            return Term(name, op, value, number=number)
        if name in EXACT or name in UNPLAYED or name.startswith("metafields."):
            return Term(name, "=", value)
        self._warn(name, "Invalid search field for this query.", "invalid_field")
        return None

    def _warn(self, name: str, message: str, code: str) -> None:
        self.warnings.append({"field": name, "message": message, "code": code})


def matches(node: Any, document: Document) -> bool:
    """Whether an order's document meets the parsed query."""
    if node is None:
        return True
    if isinstance(node, Term):
        return _term(node, document)
    if isinstance(node, Not):
        return not matches(node.part, document)
    if isinstance(node, All):
        return all(matches(part, document) for part in node.parts)
    return any(matches(part, document) for part in node.parts)


def _same(term: Term, value: str) -> bool:
    return value.startswith(term.value[:-1]) if term.prefix else value == term.value


def _compare(term: Term, value: float) -> bool:
    if term.op == ">":
        return value > term.number
    if term.op == ">=":
        return value >= term.number
    if term.op == "<":
        return value < term.number
    if term.op == "<=":
        return value <= term.number
    if term.field in RANGES and len(term.value) <= 10:
        return term.number <= value < term.number + 86_400
    return value == term.number


def bare(name: str) -> str:
    """An order name as the index keeps it: lower case, without a leading ``#``."""
    return name.lower().lstrip("#")


def _status(term: Term, document: Document) -> bool:
    if term.value == "open":
        return not document.closed and not document.cancelled
    if term.value == "closed":
        return document.closed
    if term.value == "cancelled":
        return document.cancelled
    return term.value in ("any", "*")


def _name(term: Term, document: Document) -> bool:
    wanted = term.value.lstrip("#")
    return document.name.startswith(wanted[:-1]) if term.prefix else document.name == wanted


_FIELDS: dict[str, Callable[[Term, Document], bool]] = {
    "": lambda t, d: any(_same(t, word) for word in d.words) if t.prefix else t.value in d.words,
    "name": _name,
    "tag": lambda t, d: any(_same(t, tag) for tag in d.tags),
    "tag_not": lambda t, d: not any(_same(t, tag) for tag in d.tags),
    "source_name": lambda t, d: _same(t, d.source_name),
    "source_identifier": lambda t, d: _same(t, d.source_identifier),
    "id": lambda t, d: str(d.number_id) == t.value.rpartition("/")[2],
    "sku": lambda t, d: any(_same(t, sku) for sku in d.skus),
    "gateway": lambda t, d: any(_same(t, gateway) for gateway in d.gateways),
    "email": lambda t, d: _same(t, d.email),
    "channel": lambda t, d: _same(t, d.channel),
    "financial_status": lambda t, d: t.value in (d.financial_status, "any"),
    "fulfillment_status": lambda t, d: t.value in (d.fulfillment_status, "any"),
    "return_status": lambda t, d: t.value == d.return_status,
    "status": _status,
    "test": lambda t, d: t.value == str(d.test).lower(),
    "created_at": lambda t, d: _compare(t, d.created_at),
    "updated_at": lambda t, d: _compare(t, d.updated_at),
    "processed_at": lambda t, d: _compare(t, d.processed_at),
    "current_total_price": lambda t, d: _compare(t, d.current_total),
    "subtotal_line_items_quantity": lambda t, d: _compare(t, d.quantity),
}


def _term(term: Term, document: Document) -> bool:
    if term.field.startswith("metafields."):
        return _same(term, document.metafields.get(term.field[len("metafields.") :], ""))
    check = _FIELDS.get(term.field)
    return check is not None and check(term, document)
