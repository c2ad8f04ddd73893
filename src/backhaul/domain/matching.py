"""Which commerce order is the channel's order, and which of its lines are the units of a return.

Each answer carries its reason. Nothing is guessed: where several orders carry the id, or no line carries the goods, a
person is asked. Several lines with the same goods are filled in one fixed order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from backhaul.domain.channel import ChannelOrder, ChannelUnit, ExternalReference
from backhaul.domain.commerce import Candidate, CommerceLine, CommerceOrder
from backhaul.domain.facts import Facts, Link, LinkState


class Matched(msgspec.Struct, frozen=True):
    """The commerce line of one unit and how it was found."""

    unit_id: str
    line_id: str
    how: str


class Unmatched(msgspec.Struct, frozen=True):
    """A unit without a line, and what was looked for."""

    unit_id: str
    sku: str
    text: str


class Lines(msgspec.Struct, frozen=True):
    """The outcome for all units of a return."""

    matched: tuple[Matched, ...]
    unmatched: tuple[Unmatched, ...]

    def quantities(self) -> dict[str, int]:
        """Units per commerce line."""
        counted: dict[str, int] = {}
        for match in self.matched:
            counted[match.line_id] = counted.get(match.line_id, 0) + 1
        return counted


def choose_order(candidates: Iterable[Candidate], tried_at: int, tries: int) -> Link:
    """The link for what a search found: matched by the one order that holds the channel's id, ambiguous when several
    do, else missing with the look-alikes as candidates for a person."""
    found = tuple(candidates)
    sure: dict[str, Candidate] = {}
    for candidate in found:  # the surest place was asked first
        if candidate.where:
            sure.setdefault(candidate.order_id, candidate)
    if len(sure) == 1:
        only = next(iter(sure.values()))
        return Link(LinkState.MATCHED, only.order_id, only.where[0], tried_at=tried_at, tries=tries)
    if len(sure) > 1:
        return Link(LinkState.AMBIGUOUS, candidates=tuple(sure.values()), tried_at=tried_at, tries=tries)
    distinct = tuple({candidate.order_id: candidate for candidate in found}.values())
    return Link(LinkState.MISSING, candidates=distinct[:10], tried_at=tried_at, tries=tries)


_PLACES = {
    "metafield": "Backhaul's own mark on it",
    "source_identifier": "its source identifier",
    "name": "its name",
    "tag": "a tag",
    "note": "its note",
}


def place(where: str) -> str:
    """Where an order holds the channel's id, for people: a template of commerce, or words already."""
    kind, colon, rest = where.partition(":")
    if kind == "attribute" and colon:
        return f"its attribute “{rest}”"
    return _PLACES.get(kind, where)


def found_by(how: str) -> str:
    """How the order of a link was found, for people; a person's link says so itself."""
    return how if how.startswith("linked by ") else f"found by {place(how)}"


def normal(sku: str) -> str:
    """A SKU as it is compared: case, blanks and the usual separators do not count."""
    return "".join(char for char in sku.casefold() if char.isalnum())


def match_lines(
    units: Sequence[ChannelUnit],
    order: ChannelOrder | None,
    commerce: CommerceOrder,
    reference: ExternalReference | None = None,
    aliases: Mapping[str, str] | None = None,
    linked: Mapping[str, str] | None = None,
) -> Lines:
    """Find the commerce line of each unit: by a person's word, the connector's line map, line ids written on the
    commerce line, SKU, alias, barcode, then as the only line there is. A line takes no more units than it has.

    All units of the channel's order are placed, the surest first, and those of this return are picked out: so two
    returns of one order never claim the same unit, however many lines carry one SKU."""
    lines = {line.id: line for line in order.lines} if order else {}
    ours = {unit.order_line_id for unit in units}
    others = [ChannelUnit("", line.id, line.sku_id, line.seller_sku) for line in lines.values() if line.id not in ours]
    skus = {
        unit.id or unit.order_line_id: unit.seller_sku
        or (lines[unit.order_line_id].seller_sku if unit.order_line_id in lines else "")
        for unit in (*units, *others)
    }
    ways: list[tuple[int, str, str, str, str]] = []
    for unit in (*units, *others):
        key = unit.id or unit.order_line_id
        for step, line_id, how in _ways(unit, skus[key], commerce, reference, aliases or {}, linked or {}):
            ways.append((step, unit.order_line_id, key, line_id, how))
    room = {line.id: line.quantity for line in commerce.lines}
    found: dict[str, Matched] = {}
    for _, _, key, line_id, how in sorted(ways, key=lambda way: way[:3]):
        if key not in found and room.get(line_id, 0) > 0:
            room[line_id] -= 1
            found[key] = Matched(key, line_id, how)
    wanted = sorted(units, key=lambda each: each.id)
    return Lines(
        tuple(found[unit.id] for unit in wanted if unit.id in found),
        tuple(
            Unmatched(unit.id, skus[unit.id] or unit.sku_id, _missing(skus[unit.id], unit))
            for unit in wanted
            if unit.id not in found
        ),
    )


def _missing(sku: str, unit: ChannelUnit) -> str:
    what = f"SKU {sku}" if sku else f"channel SKU {unit.sku_id or 'without id'}"
    return f"{what} ({unit.name or 'unnamed item'}) is on no line of the order with a unit left"


def _ways(
    unit: ChannelUnit,
    sku: str,
    commerce: CommerceOrder,
    reference: ExternalReference | None,
    aliases: Mapping[str, str],
    linked: Mapping[str, str],
) -> Iterable[tuple[int, str, str]]:
    """Lines that may be the unit's: (how sure, 0 the surest; line; how)."""
    if unit.id and unit.id in linked:
        yield 0, linked[unit.id], "linked by a person"
        return
    if reference is not None and reference.order_id and unit.order_line_id in reference.lines:
        yield 1, reference.lines[unit.order_line_id], "the connector's line map"
    names = [name for name in (sku, unit.sku_id) if name in aliases]
    plain = normal(sku)
    for line in commerce.lines:
        if unit.order_line_id in line.channel_line_ids:
            yield 2, line.id, "channel line id on the order line"
        if sku and line.sku == sku:
            yield 3, line.id, "SKU"
        elif plain and line.sku and normal(line.sku) == plain:
            yield 4, line.id, "SKU, normalised"
        for name in names:
            if _names(line, aliases[name]):
                yield 5, line.id, f"alias {name} = {aliases[name]}"
        if sku and line.barcode == sku:
            yield 6, line.id, "barcode"
    if len(commerce.lines) == 1 and not sku and not commerce.lines[0].sku:
        yield 7, commerce.lines[0].id, "only line of the order"


def _names(line: CommerceLine, alias: str) -> bool:
    return alias in (line.id, line.sku, line.barcode) or bool(line.sku and normal(line.sku) == normal(alias))


def case_lines(facts: Facts) -> Lines:
    """The lines of this case's units on the order we read; empty while there is none."""
    case, commerce = facts.channel, facts.seen.commerce
    if case is None or commerce is None:
        return Lines((), ())
    return match_lines(
        case.units, facts.seen.order, commerce, facts.seen.link.reference, facts.seen.aliases, facts.said.line_links
    )
