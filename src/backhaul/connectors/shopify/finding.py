"""The ladder: where the order of a channel's order id may be, surest and cheapest place first.

No answer of a search is believed: the vendor ignores filters it does not know and its index lags, so every hit is
compared here, and ``where`` names what really holds the id. A place is a template such as ``tag:TikTokOrderID:{id}``
or ``attribute:TikTok Order Number``; what held the id of earlier orders is tried first.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field

from backhaul.connectors.shopify import mapping, wire
from backhaul.connectors.shopify.client import Client
from backhaul.domain.commerce import Candidate
from backhaul.ports.errors import Refused

STAMP, SOURCE, TEXT, SCAN = "metafield", "source_identifier", "text", "scan"
ID = "{id}"
_DEFAULT = (
    STAMP,
    SOURCE,
    f"name:{ID}",
    f"name:TTOK{ID}",
    f"name:TT-{ID}",
    f"tag:{ID}",
    f"tag:TikTokOrderID:{ID}",
    TEXT,
    SCAN,
)
_CHANNEL_ID = re.compile(r"(?<!\d)5[78]\d{15,17}(?!\d)")  # the form of a channel order id, as far as seen

_EARLIER_S = 3_600  # an order is never in commerce before the channel has it; an hour for clocks that differ
_LATER_S = 7 * 86_400  # connectors hold orders until the buyer's address is released
_NEAR_S = 86_400
_SCAN_PAGES = 10  # of 40 orders of the channel's source
_OTHER_PAGES = 3  # of 40 orders of any source
_SIMILAR = 5  # orders without any id that are offered to a person


class ByStamp(wire.Wire, frozen=True):
    """Answer of the exact look-up."""

    order_by_identifier: wire.Candidate | None = None


class Orders(wire.Wire, frozen=True):
    """Answer of a search."""

    orders: wire.Page[wire.Candidate]


@dataclass
class Search:
    """One search for one id. ``seen`` are orders already told of."""

    client: Client
    channel_order_id: str
    created_at: int
    admin_url: str  # with a place for the order's number
    seen: set[str] = field(default_factory=set)
    similar: list[wire.Candidate] = field(default_factory=list)

    async def run(self, learnt: Iterable[str]) -> AsyncIterator[tuple[Candidate, ...]]:
        """Orders that hold the id, one look-up at a time, surest way first; at last a few that hold no id at all."""
        for step in ladder(learnt):
            async for page in self._step(step):
                sure = []
                for found in page:
                    if found.id in self.seen:
                        continue
                    if where := places(found, self.channel_order_id):
                        self.seen.add(found.id)
                        sure.append(self._candidate(found, where))
                    elif step == SCAN and not holds_other(found):
                        self.seen.add(found.id)
                        self.similar.append(found)
                if sure:
                    yield tuple(sure)
        self.similar.sort(key=lambda each: abs(mapping.unix(each.created_at) - self.created_at))
        if self.similar:
            yield tuple(self._candidate(found, ()) for found in self.similar[:_SIMILAR])

    async def _step(self, step: str) -> AsyncIterator[list[wire.Candidate]]:
        if step == STAMP:
            found = await self._stamped()
            yield [found] if found is not None else []
        elif step == SCAN and self.created_at <= 0:
            return  # without a time there is no window to walk through
        elif step == SCAN:
            start = self.created_at - _EARLIER_S
            later = _window(start, self.created_at + _LATER_S)
            async for page in self._pages(f"source_name:tiktok {later}", _SCAN_PAGES):
                yield page
            async for page in self._pages(_window(start, self.created_at + _NEAR_S), _OTHER_PAGES):
                yield page
        else:
            read, _ = await self.client.read("find_orders", {"query": query(step, self.channel_order_id)}, Orders)
            yield read.orders.nodes

    async def _stamped(self) -> wire.Candidate | None:
        try:
            read, _ = await self.client.read("find_by_stamp", {"value": self.channel_order_id}, ByStamp)
        except Refused as error:
            if error.code == "settings":
                raise
            return None  # no order was stamped yet, so the shop does not know the field
        return read.order_by_identifier

    async def _pages(self, text: str, most: int) -> AsyncIterator[list[wire.Candidate]]:
        after: str | None = None
        for _ in range(most):
            read, warnings = await self.client.read("scan_orders", {"query": text, "after": after}, Orders)
            yield read.orders.nodes
            # A filter that was left out makes this a walk through the whole shop.
            if warnings or not read.orders.page_info.has_next_page:
                return
            after = read.orders.page_info.end_cursor

    def _candidate(self, found: wire.Candidate, where: tuple[str, ...]) -> Candidate:
        units: dict[str, int] = {}
        for line in found.line_items.nodes:
            units[line.sku or ""] = units.get(line.sku or "", 0) + line.quantity
        return Candidate(
            order_id=found.id,
            name=found.name,
            where=where,
            skus=tuple(units.items()),
            total=mapping.money(found.total_price_set) if found.total_price_set else None,
            created_at=mapping.unix(found.created_at),
            admin_url=self.admin_url.format(number=found.id.rpartition("/")[2]) if self.admin_url else "",
        )


def ladder(learnt: Iterable[str]) -> tuple[str, ...]:
    """The steps in order, each once. A note or an attribute has no filter of its own: the text search and then the
    scan stand for it."""
    steps: list[str] = []
    for place in learnt:
        if place.startswith(("name:", "tag:")) or place in (STAMP, SOURCE):
            steps.append(place)
        else:
            steps += [TEXT, SCAN]
    return tuple(dict.fromkeys([*steps, *_DEFAULT]))


def query(step: str, channel_order_id: str) -> str:
    """The search query of a step."""
    value = channel_order_id
    name = ""
    if step.startswith(("name:", "tag:")):
        name, _, template = step.partition(":")
        value = template.replace(ID, channel_order_id).lstrip("#")
    elif step == SOURCE:
        name = SOURCE
    quoted = '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{name}:{quoted}" if name else quoted


def places(found: wire.Candidate, channel_order_id: str) -> tuple[str, ...]:
    """Fields of an order that hold exactly this id; part of a longer run of digits is not it."""
    whole = re.compile(rf"(?<!\d){re.escape(channel_order_id)}(?!\d)")
    return tuple(dict.fromkeys(place for place, text in _fields(found, whole) if whole.search(text)))


def holds_other(found: wire.Candidate) -> bool:
    """Whether an order names some channel order id: then it is that order's."""
    return any(_CHANNEL_ID.search(text) for _, text in _fields(found, None))


def _fields(found: wire.Candidate, whole: re.Pattern[str] | None) -> Iterator[tuple[str, str]]:
    """(place, text) of every field that may hold an id; ``whole`` makes templates of tags and names."""

    def place(kind: str, text: str) -> str:
        return f"{kind}:{whole.sub(lambda _: ID, text)}" if whole else kind

    if found.metafield is not None:
        yield STAMP, found.metafield.value
    if found.source_identifier:
        yield SOURCE, found.source_identifier
    yield place("name", found.name), found.name
    for tag in found.tags:
        yield place("tag", tag), tag
    for attribute in found.custom_attributes:
        yield f"attribute:{attribute.key}", attribute.value or ""
    if found.note:
        yield "note", found.note


def _window(start: int, end: int) -> str:
    return f"created_at:>='{mapping.iso(start)}' created_at:<='{mapping.iso(end)}'"
