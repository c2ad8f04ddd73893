"""Reads of the desk: the case's return there, the file of its label, and the channel's names of carriers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from backhaul.domain.desk import DeskReason, DeskReturn
from backhaul.domain.desk_adoption import looked_for, own_return
from backhaul.domain.desk_effects import OpenDeskReturn
from backhaul.domain.folding import fold_desk
from backhaul.domain.matching import case_lines
from backhaul.domain.said import Label
from backhaul.domain.words import Party
from backhaul.kit.ids import stable_id
from backhaul.ports.errors import Unavailable
from backhaul.store import cases
from backhaul.work import files
from backhaul.work.run import Run

LARGEST_LABEL = 10 * 1024 * 1024


async def desk(run: Run) -> None:
    """The case's return in the desk: the one that is known or that we opened, by its id; else the order's returns, of
    which one on the same lines is the case's."""
    heard = run.facts.heard_desk
    connector = await run.vendors.desk(run.known.connections, run.shop_id)
    order, before = run.facts.seen.commerce, run.facts.seen.desk
    known = [run.facts.seen.desk.id] if run.facts.seen.desk else []
    known += [
        effect.result
        for effect in run.facts.ledger
        if isinstance(effect.wanted, OpenDeskReturn) and effect.result and effect.result not in known
    ]
    found: list[DeskReturn] = []
    for ident in known:
        record = await connector.desk_return(ident)
        if record is not None:
            found.append(record)
    lines = case_lines(run.facts)
    own = own_return(run.facts, tuple(found), lines, await _taken(run, found))
    others: tuple[DeskReturn, ...] = run.facts.seen.desk_others
    if looked_for(run.facts, own):
        everything = await connector.desk_returns(order.name) if order is not None else ()
        listed = tuple(each for each in everything if each.id not in {record.id for record in found})
        own = own_return(run.facts, (*found, *listed), lines, await _taken(run, (*found, *listed)))
        others = tuple(each for each in listed if own is None or each.id != own.id)
        if own is not None and own in listed:
            own = await connector.desk_return(own.id) or own  # with its notes
    # Read before the look counts as done: a return opened without the list would carry a reason the desk refuses.
    reasons = await _reasons(run) if own is None else ()
    run.saw(fold_desk(run.facts.seen, own, others, heard, run.now()))
    run.see(desk_reasons=reasons)
    _tell(run, before)


async def _taken(run: Run, found: Sequence[DeskReturn]) -> frozenset[str]:
    """Those that stand for other cases, asked now: what another has written down since must not be wanted again."""
    ids = [each.id for each in found]
    return await cases.taken_at_desk(run.vendors.pool, run.shop_id, run.case_id, ids) if ids else frozenset()


async def _reasons(run: Run) -> tuple[DeskReason, ...]:
    """The desk's own list, as long as the return has still to be opened by one of its reasons."""
    seen = run.facts.seen
    postal_code = run.postal_code()
    if seen.commerce is None or not postal_code or run.facts.desk is None:
        return ()
    return await run.vendors.desk_reasons(run.known.connections, run.shop_id, seen.commerce.name, postal_code)


def _tell(run: Run, before: DeskReturn | None) -> None:
    after = run.facts.seen.desk
    if after is None:
        if before is not None:
            run.tell("desk", "desk.gone", f"The desk no longer shows return {before.id}.")
        return
    if before is None or (before.id, before.state, before.processed) != (after.id, after.state, after.processed):
        paid = ", processed" if after.processed else ""
        run.tell(
            "desk", f"desk.{after.state}", f"Return {after.id} in the desk: {after.raw_state or after.state}{paid}"
        )
    for path, value in after.unread.items():
        if before is None or before.unread.get(path) != value:
            run.tell("desk", "desk.unknown_word", f"{path}: {value}")


async def desk_label(run: Run) -> None:
    """Fetch the file of the desk's label and keep it as an attachment of the case, once."""
    record = run.facts.seen.desk
    label = next((each for each in record.labels if each.tracking_number and each.url), None) if record else None
    if label is None:
        raise Unavailable("the desk shows no label any more", retry_after=60)
    connector = await run.vendors.desk(run.known.connections, run.shop_id)
    content: bytes = await connector.label_file(label.url)
    if not content.startswith(b"%PDF-") or len(content) > LARGEST_LABEL:
        raise Unavailable("the desk's label is no PDF file of at most 10 MB", retry_after=900)
    digest = hashlib.sha256(content).hexdigest()
    ident = stable_id("attachment", str(run.case_id), digest)
    vendor = connector.manifest.title
    await files.keep(
        run.vendors.pool,
        run.vendors.vault,
        ident,
        run.shop_id,
        run.case_id,
        name=f"{label.tracking_number}.pdf",
        content=content,
        by=vendor,
    )
    kept = Label(str(ident), digest, label.tracking_number, "", vendor, run.now(), carrier_name=label.carrier)
    run.see(desk_label=kept)
    run.recovered(Party.DESK)
    run.tell("desk", "desk.label", f"{vendor} made the label {label.tracking_number} ({label.carrier}).")


async def carriers(run: Run) -> None:
    """The carriers that the channel takes on a label of this case."""
    case = run.facts.channel
    assert case is not None
    channel = await run.vendors.channel(run.known.connections, run.shop_id)
    found = await channel.carriers(case.order_id)
    if not found:
        raise Unavailable("the channel names no carriers for this order", retry_after=900)
    run.see(carriers=tuple(found))
    run.recovered(Party.CHANNEL)
