"""The search index over one shop's orders. It lags behind the orders themselves, as the vendor's does."""

from __future__ import annotations

import bisect
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .model import Order
from .money import digits
from .search import Document, Query, Term, bare, matches

_SORTED = {"ID": "number_id", "CREATED_AT": "created_at", "UPDATED_AT": "updated_at", "PROCESSED_AT": "processed_at"}
_SMALL = 2_000
"""Up to so many candidates are filtered and sorted; more are walked in order of the sort key instead."""

Key = tuple[float, int]


@dataclass(slots=True)
class Hits:
    """Order numbers of one page with their sort values, and whether more lie beyond."""

    rows: list[Key]
    more: bool


def document(order: Order) -> Document:
    """The searchable form of an order. Note, custom attributes and zip are left out: the vendor can not search them."""
    tags = tuple(tag.lower() for tag in order.tags)
    skus = tuple(dict.fromkeys((line.sku or "").lower() for line in order.lines))
    name, identifier = bare(order.name), (order.source_identifier or "").lower()
    words = {name, order.name.lower(), identifier, (order.email or "").lower(), *tags, *skus}
    for line in order.lines:
        words.update(line.title.lower().split())
    if order.shipping_address is not None and order.shipping_address.name:
        words.update(order.shipping_address.name.lower().split())
    return Document(
        number_id=order.number_id,
        name=name,
        tags=tags,
        source_name=(order.source_name or "").lower(),
        source_identifier=identifier,
        skus=skus,
        gateways=tuple(gateway.lower() for gateway in order.payment_gateway_names),
        email=(order.email or "").lower(),
        channel=(order.source_name or "").lower(),
        created_at=order.created_at,
        updated_at=order.updated_at,
        processed_at=order.processed_at,
        financial_status=order.display_financial_status.lower(),
        fulfillment_status=order.display_fulfillment_status.lower(),
        return_status=order.return_status.lower(),
        closed=order.closed,
        cancelled=order.cancelled_at is not None,
        test=order.test,
        current_total=order.current_total_minor / 10 ** digits(order.presentment_currency_code),
        quantity=sum(line.quantity for line in order.lines),
        words=frozenset(words - {""}),
        metafields={f"{ns}.{key}": each.value.lower() for (ns, key), each in order.metafields.items()},
    )


class OrderIndex:
    """Documents with look-up tables by word and by time; ``lag`` is in seconds of the given clock, 0 means at once."""

    def __init__(self, now: Callable[[], float], lag: Callable[[], float]) -> None:
        self._now = now
        self._lag = lag
        self._waiting: deque[tuple[float, Document]] = deque()
        self._documents: dict[int, Document] = {}
        self._tables: dict[str, dict[str, set[int]]] = {
            "": {},
            "name": {},
            "tag": {},
            "source_identifier": {},
            "sku": {},
        }
        self._orders: dict[str, list[Key]] = {name: [] for name in _SORTED}

    def write(self, order: Order) -> None:
        """Takes an order's present state in; it becomes visible after the lag."""
        lag = self._lag()
        if lag <= 0:
            self._drain(everything=True)
            self._replace(document(order))
        else:
            self._waiting.append((self._now() + lag, document(order)))

    def _drain(self, everything: bool = False) -> None:
        now = self._now()
        while self._waiting and (everything or self._waiting[0][0] <= now):
            self._replace(self._waiting.popleft()[1])

    def _replace(self, new: Document) -> None:
        old = self._documents.get(new.number_id)
        self._documents[new.number_id] = new
        for name, words in _words(new).items():
            before = _words(old)[name] if old is not None else frozenset()
            table = self._tables[name]
            for word in before - words:
                table[word].discard(new.number_id)
            for word in words - before:
                table.setdefault(word, set()).add(new.number_id)
        for name, attribute in _SORTED.items():
            value = float(getattr(new, attribute))
            rows = self._orders[name]
            if old is not None:
                previous = float(getattr(old, attribute))
                if previous == value:
                    continue
                del rows[bisect.bisect_left(rows, (previous, new.number_id))]
            bisect.insort(rows, (value, new.number_id))

    def count(self, query: Query, floor: float, limit: int) -> int:
        """How many match, counting no further than ``limit`` + 1."""
        self._drain()
        found = 0
        chosen = self._candidates(query)
        for number in self._documents if chosen is None else chosen:
            each = self._documents.get(number)
            if each is not None and each.created_at >= floor and matches(query.root, each):
                found += 1
                if found > limit:
                    break
        return found

    def find(self, query: Query, *, sort: str, reverse: bool, size: int, after: Key | None, floor: float = 0.0) -> Hits:
        """One page of matches in the asked order, none created before ``floor``."""
        self._drain()
        attribute = _SORTED.get(sort, "number_id")
        name = sort if sort in _SORTED else "ID"
        chosen = self._candidates(query)
        rows: Iterator[Key]
        if chosen is not None and len(chosen) <= _SMALL:
            keys = [(float(getattr(self._documents[n], attribute)), n) for n in chosen if n in self._documents]
            keys.sort(reverse=reverse)
            rows = (key for key in keys if after is None or (key < after if reverse else key > after))
        else:
            rows = self._walk(name, reverse, after, query)
        page: list[Key] = []
        for key in rows:
            each = self._documents[key[1]]
            if each.created_at >= floor and matches(query.root, each):
                if len(page) == size:
                    return Hits(page, True)
                page.append(key)
        return Hits(page, False)

    def _walk(self, name: str, reverse: bool, after: Key | None, query: Query) -> Iterator[Key]:
        rows = self._orders[name]
        low, high = 0, len(rows)
        for term in query.terms():
            if term.field.upper() != name or not term.op.startswith((">", "<")):
                continue
            if term.op.startswith(">"):
                low = max(low, bisect.bisect_left(rows, (term.number, -1)))
            else:
                high = min(high, bisect.bisect_right(rows, (term.number, 1 << 62)))
        if after is not None and reverse:
            high = min(high, bisect.bisect_left(rows, after))
        elif after is not None:
            low = max(low, bisect.bisect_right(rows, after))
        places = range(high - 1, low - 1, -1) if reverse else range(low, high)
        return (rows[place] for place in places)

    def _candidates(self, query: Query) -> set[int] | None:
        best: set[int] | None = None
        for term in query.terms():
            found = self._term(term)
            if found is not None and (best is None or len(found) < len(best)):
                best = found
        return best

    def _term(self, term: Term) -> set[int] | None:
        if term.prefix or term.op != "=":
            return self._range(term)
        if term.field == "id":
            last = term.value.rpartition("/")[2]
            return {int(last)} if last.isdigit() else set()
        table = self._tables.get(term.field)
        if table is None:
            return None
        return table.get(term.value.lstrip("#") if term.field == "name" else term.value, set())

    def _range(self, term: Term) -> set[int] | None:
        rows = self._orders.get(term.field.upper())
        if rows is None or not term.op.startswith((">", "<")):
            return None
        if term.op.startswith(">"):
            low, high = bisect.bisect_left(rows, (term.number, -1)), len(rows)
        else:
            low, high = 0, bisect.bisect_right(rows, (term.number, 1 << 62))
        return {number for _, number in rows[low:high]} if high - low <= _SMALL else None


def _words(each: Document) -> dict[str, frozenset[str]]:
    return {
        "": each.words,
        "name": frozenset((each.name,)),
        "tag": frozenset(each.tags),
        "source_identifier": frozenset((each.source_identifier,)) - {""},
        "sku": frozenset(each.skus) - {""},
    }
