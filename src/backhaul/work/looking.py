"""Reads: what each source of a :class:`~backhaul.domain.steps.Look` asks, and how the answer becomes a fact."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from backhaul.domain.channel import ChannelCase, ChannelOrder, Instead
from backhaul.domain.commerce import Candidate, CommerceOrder
from backhaul.domain.effects import DecideUnits, EffectState
from backhaul.domain.facts import Link, LinkState
from backhaul.domain.folding import fold_case, fold_commerce, fold_link, name_units
from backhaul.domain.matching import choose_order, found_by
from backhaul.domain.reasons import FALLBACK, commerce_reason
from backhaul.domain.starting import not_startable
from backhaul.domain.starts import Quote, Startable
from backhaul.domain.steps import Look, Source
from backhaul.domain.terms import LINE_LEVEL, Capability
from backhaul.domain.words import Decision, Kind, Party
from backhaul.ports.errors import Refused, Unavailable, VendorError, WireDrift
from backhaul.store import apart, cases, shops
from backhaul.work import looking_desk
from backhaul.work.run import Run

LOOK_S = 18.0  # one read with all its calls: a run may begin it late and still keeps its claim


async def look(run: Run, step: Look) -> None:
    """Read one source. Raises the vendor's errors; a read that takes too long is a vendor that does not answer, so that
    what the run has learnt is written down before its claim is over."""
    words = run.facts.said.words
    limit = asyncio.timeout(LOOK_S)
    try:
        async with limit:
            await _READERS[step.source](run)
    except TimeoutError:
        if not limit.expired():
            raise
        raise Unavailable(f"the answers take longer than {LOOK_S:.0f} s in all") from None
    if words:
        run.see(looked={**run.facts.seen.looked, step.source.value: words})


async def _case(run: Run) -> None:
    heard = run.facts.heard_channel
    channel = await run.vendors.channel(run.known.connections, run.shop_id)
    read = await channel.case(run.known.channel_kind, run.channel_id)
    if read is None:
        raise Unavailable("the channel does not show this case (yet)", retry_after=30 if run.facts.channel else 5)
    before = run.facts.channel
    await _units_apart(run, read, channel)
    run.saw(fold_case(run.facts.seen, read, heard, run.now(), run.facts.ledger))
    run.facts = msgspec.structs.replace(run.facts, said=name_units(run.facts.said, run.facts.channel))
    after = run.facts.channel
    assert after is not None
    if before is None or (before.raw_status, before.due) != (after.raw_status, after.due):
        due = ", ".join(each.raw or each.action for each in after.due)
        run.tell("channel", f"channel.{after.stage}", after.raw_status + (f"; waits for {due}" if due else ""))
    for path, value in after.unread.items():
        if before is None or before.unread.get(path) != value:
            run.tell("channel", "channel.unknown_word", f"{path}: {value}")


async def _units_apart(run: Run, read: ChannelCase, channel: Any) -> None:
    """Units that were answered apart may be a case of their own now. The old case learns what became of them; the new
    one where it comes from, and what people said of its units there."""
    sent = (EffectState.SENT, EffectState.ACCEPTED)
    if any(isinstance(each.wanted, DecideUnits) and each.state in sent for each in run.facts.ledger):
        run.see(beside=await channel.cases_of(run.known.channel_kind, read.order_id), beside_at=run.now())
    if run.facts.channel is not None or read.kind is Kind.CANCELLATION or read.previous_id:
        return
    pool = run.vendors.pool
    origin = await apart.origin(pool, run.shop_id, run.case_id, read)
    if origin is None:
        return
    await apart.leave(pool, run.shop_id, run.case_id, read, origin[0])
    run.see(origin=origin[1])
    await run.reload()
    run.tell("hub", "case.split", f"Its units were answered apart from return {origin[1]}; verdicts go with them.")


async def _start(run: Run) -> None:
    """Whether what a person asked for may be started, and for how much; the order too, where it was not read yet."""
    start, blind = run.facts.said.start, run.facts.said.blind
    channel = await run.vendors.channel(run.known.connections, run.shop_id)
    order_id = start.order_id if start else blind.order_id if blind else ""
    order = run.facts.seen.order
    if order is None or order.id != order_id:
        order = await _read_order(run, channel, order_id)
    if start is None:
        if order is None:
            raise Unavailable(f"the channel does not show the order {order_id}", retry_after=60)
        return
    quote: Quote | None = None
    try:
        startable = await channel.startable(start.order_id, start.kind)
        if start.reason_key and not not_startable(start, startable):
            quote = Quote(await channel.quote(start))
    except Refused as error:
        if order is None:
            startable = (Startable(start.kind, (), False, error.code, error.text),)
        quote = Quote(None, str(error))
    run.see(startable=startable, quote=quote, quoted=start, start_at=run.now())
    run.recovered(Party.CHANNEL)


async def _beside(run: Run) -> None:
    """The cases of the order, among which one that we started may be."""
    start = run.facts.said.start
    assert start is not None
    channel = await run.vendors.channel(run.known.connections, run.shop_id)
    found = await channel.cases_of(run.known.channel_kind, start.order_id)
    run.see(beside=found, beside_at=run.now())
    run.recovered(Party.CHANNEL)


async def _answerable(run: Run) -> None:
    case = run.facts.channel
    assert case is not None
    channel = await run.vendors.channel(run.known.connections, run.shop_id)
    answers = await channel.answerable(case.id)
    if not run.facts.shop.line_level and any(each.decision == Decision.BY_UNIT for each in answers):
        found = Capability(True, f"the channel named answers for the units of return {case.id}", run.now())
        await shops.keep_capability(run.vendors.pool, run.shop_id, LINE_LEVEL, found)
        run.facts = msgspec.structs.replace(run.facts, shop=msgspec.structs.replace(run.facts.shop, line_level=True))
    run.see(answerable=answers, answerable_at=run.now(), answerable_for=run.facts.reviews)
    run.recovered(Party.CHANNEL)


async def _instead(run: Run) -> None:
    """What the buyer gets instead of money. Only shown, so that a channel that does not tell it now keeps nothing else
    of the case waiting: one that was silent is asked again soon, one that said no with the case's next change."""
    case, known = run.facts.channel, run.facts.seen.instead
    assert case is not None
    channel = await run.vendors.channel(run.known.connections, run.shop_id)
    try:
        found: Instead | None = await channel.instead(case)
    except Unavailable:
        run.see(instead_at=run.now(), instead_of=-1)
        return
    except Refused:
        found = None
    except WireDrift as drift:
        run.tell("channel", "channel.unknown_shape", f"what the buyer gets instead of money: {drift.text}")
        found = None
    run.see(instead=found or known, instead_at=run.now(), instead_of=case.updated_at)
    if found is not None and found != known:
        fresh = found.goods if known is None or known.goods != found.goods else ()
        goods = f"The buyer wants instead: {', '.join(each.text for each in fresh)}." if fresh else ""
        made = f"It is sent with order {found.order_id}." if found.order_id else ""
        run.tell("channel", "channel.instead", " ".join(part for part in (goods, made) if part))


async def _order(run: Run) -> None:
    case = run.facts.channel
    assert case is not None
    channel = await run.vendors.channel(run.known.connections, run.shop_id)
    if await _read_order(run, channel, case.order_id) is None:
        raise Unavailable(f"the channel does not show the order {case.order_id}", retry_after=60)
    run.recovered(Party.CHANNEL)


async def _read_order(run: Run, channel: Any, order_id: str) -> ChannelOrder | None:
    """The channel's order without its buyer. A desk opens returns by postal code: for it alone that is kept, sealed."""
    read: ChannelOrder | None = await channel.order(order_id)
    if read is None:
        return None
    order = msgspec.structs.replace(read, postal_code="")
    sealed = run.seal_postal_code(read.postal_code) if run.facts.shop.desk is not None else None
    run.see(order=order, order_at=run.now(), postal_code=sealed)
    return order


async def _match(run: Run) -> None:
    case, seen = run.facts.channel, run.facts.seen
    assert case is not None
    # A search index may not know yet what a webhook told: after a hint the gaps between searches are short again.
    now, tries = run.now(), 1 if run.facts.heard_commerce > seen.commerce_heard else seen.link.tries + 1
    link = await _known_link(run, case.order_id, now) or await _referenced(run, case.order_id, now)
    if link is None:
        link = await _searched(run, case.order_id, now, tries)
    matched = link.state is LinkState.MATCHED
    run.saw(fold_link(seen, link, -1 if matched else run.facts.heard_commerce))
    run.recovered(Party.COMMERCE)
    if link.state is LinkState.MATCHED:
        run.move.link = (case.order_id, link.order_id, link.how, run.facts.said.linked_by or "search")
        run.tell("hub", "order.matched", f"Commerce order {link.order_id.rpartition('/')[2]}, {found_by(link.how)}.")
    elif seen.link.state is not link.state:
        found = len(link.candidates)
        text = {0: "No commerce order names", 1: "One commerce order may be"}.get(
            found, f"{found} commerce orders may be"
        )
        run.tell("hub", f"order.{link.state}", f"{text} channel order {case.order_id}.")


async def _known_link(run: Run, order_id: str, now: int) -> Link | None:
    said = run.facts.said
    tries = run.facts.seen.link.tries  # counts on while the order stays away
    if said.linked:
        return Link(LinkState.MATCHED, said.linked, f"linked by {said.linked_by}", tried_at=now, tries=tries)
    stored = await cases.order_link(run.vendors.pool, run.shop_id, order_id)
    return Link(LinkState.MATCHED, stored[0], stored[1], tried_at=now, tries=tries) if stored else None


async def _referenced(run: Run, order_id: str, now: int) -> Link | None:
    """The channel's own cross-reference, where an order connector filled it in. Where it names none (the app lacks the
    right, the market the call, or it is silent), the search in commerce goes on; the channel's own reads tell of it."""
    try:
        channel = await run.vendors.channel(run.known.connections, run.shop_id)
        references = await channel.external_references(order_id)
    except VendorError:
        return None
    for reference in references:
        if reference.order_id:
            return Link(LinkState.MATCHED, reference.order_id, "the channel's external reference", (), reference, now)
    return None


async def _searched(run: Run, order_id: str, now: int, tries: int) -> Link:
    commerce = await run.vendors.commerce(run.known.connections, run.shop_id)
    order = run.facts.seen.order
    created = order.created_at if order else 0
    learnt = tuple(sorted(run.known.learnt, key=lambda where: -run.known.learnt[where]))
    found: list[Candidate] = []
    async for rung in commerce.find_order(order_id, created, learnt):
        found.extend(rung)
        if any(candidate.where for candidate in rung):
            break
    link = choose_order(found, now, tries)
    if link.state is LinkState.MATCHED and (not learnt or learnt[0] != link.how):
        await shops.learn(run.vendors.pool, run.shop_id, link.how)
    return link


async def _commerce(run: Run) -> None:
    link, heard = run.facts.seen.link, run.facts.heard_commerce
    commerce = await run.vendors.commerce(run.known.connections, run.shop_id)
    order = await commerce.order(link.order_id)
    if order is None:
        missing = Link(LinkState.MISSING, link.order_id, tried_at=run.now(), tries=link.tries + 1)
        run.see(link=missing, commerce=None, commerce_heard=heard)
        run.tell("hub", "order.gone", f"Commerce shows no order {link.order_id}.")
        return
    if order.id != link.order_id:
        _name_as_read(run, order)
    run.saw(fold_commerce(run.facts.seen, order, heard, run.now()))
    await _helpers(run, commerce)


def _name_as_read(run: Run, order: CommerceOrder) -> None:
    """An order connector, or a person, may name orders and lines by the last part of their ids: keep the whole ids."""
    case, link = run.facts.channel, run.facts.seen.link
    assert case is not None
    reference = link.reference
    if reference is not None:
        whole = {line.id.rpartition("/")[2]: line.id for line in order.lines}
        lines = {unit: whole.get(line, line) for unit, line in reference.lines.items()}
        reference = msgspec.structs.replace(reference, order_id=order.id, lines=lines)
    run.see(link=msgspec.structs.replace(link, order_id=order.id, reference=reference))
    run.move.link = (case.order_id, order.id, link.how, run.facts.said.linked_by or "search")


async def _helpers(run: Run, commerce: object) -> None:
    """What writing the return needs beside the order: the merchant's SKU aliases and the ids of return reasons."""
    case, seen = run.facts.channel, run.facts.seen
    assert case is not None
    skus = {unit.seller_sku for unit in case.units} | {unit.sku_id for unit in case.units}
    if seen.order is not None:
        skus |= {line.seller_sku for line in seen.order.lines}
    lines = {line.sku for line in seen.commerce.lines} if seen.commerce else set()
    aliases = seen.aliases
    if any(unit.seller_sku not in lines for unit in case.units):
        aliases = await cases.aliases(run.vendors.pool, run.shop_id, sorted(skus - {""}))
    reasons = seen.reason_ids
    handle, _ = commerce_reason(case.reason_key, case.reason_text, run.policy.reasons)
    if run.facts.goods_expected and not reasons:
        asked = await run.vendors.reasons(run.known.connections, run.shop_id) if hasattr(commerce, "reasons") else ()
        known = {name: ident for ident, name in asked}
        reasons = {"": "", **{name: known[name] for name in (handle, FALLBACK) if name in known}}
    if (aliases, reasons) != (seen.aliases, seen.reason_ids):
        run.saw(msgspec.structs.replace(run.facts.seen, aliases=aliases, reason_ids=reasons))


_READERS = {
    Source.CASE: _case,
    Source.ANSWERABLE: _answerable,
    Source.INSTEAD: _instead,
    Source.ORDER: _order,
    Source.MATCH: _match,
    Source.COMMERCE: _commerce,
    Source.START: _start,
    Source.BESIDE: _beside,
    Source.DESK: looking_desk.desk,
    Source.DESK_LABEL: looking_desk.desk_label,
    Source.CARRIERS: looking_desk.carriers,
}
