"""What a run writes besides effects: the grid's columns, the page's view, exceptions that opened or closed, the refund
ledger, units and parcels. Only what changed."""

from __future__ import annotations

import msgspec

from backhaul.domain.adoption import held
from backhaul.domain.desk_votes import with_desk
from backhaul.domain.effects import EffectState
from backhaul.domain.facts import Adopted
from backhaul.domain.matching import case_lines
from backhaul.domain.starting import reasons_of
from backhaul.domain.steps import Entry, Plan, Trouble, View
from backhaul.domain.strangers import strangers
from backhaul.domain.words import Action, Kind
from backhaul.kit.ids import uuid7
from backhaul.store.moves import Columns, Lifted, MoneyEntry, OpenException, Unit
from backhaul.work.run import Run


def describe(run: Run, plan: Plan) -> None:
    """Add to the run's move what this plan shows and the stored view does not."""
    entries = _entries(run, plan)
    view = _view(run, plan, entries.known)
    if run.facts.channel is None and not run.facts.nameless:
        return
    _exceptions(run, plan.troubles)
    if _lets_go(run, plan):
        run.move.gives_back = run.stored.link.order_id
    _write(run, plan, entries)
    _strangers(run)
    units = _units(run, plan)
    run.move.left += _left(run)
    if view != run.view or run.facts.seen != run.stored:
        run.move.columns = _columns(run, plan, view)
        run.move.counted = (run.view.status, bool(run.view.troubles)) if run.counted else None
        run.view, run.stored, run.counted = view, run.facts.seen, True
    if units != run.units:
        run.move.units, run.units = units, units
        others = tuple(place for place in run.facts.places if not place.mine)
        run.facts = msgspec.structs.replace(run.facts, places=(*others, *plan.places))
        if run.facts.channel is not None:
            way = run.facts.channel.way_back
            run.move.parcel = (way.tracking_number, way.carrier_name)


def _strangers(run: Run) -> None:
    told = run.facts.seen.strangers
    fresh = [each for each in strangers(run.facts) if each.ident not in told]
    if fresh:
        run.move.strangers.extend(fresh)
        run.see(strangers=(*told, *(each.ident for each in fresh)))


def _view(run: Run, plan: Plan, entries: set[str]) -> View:
    proposed = tuple(
        f"{effect.wanted.party}: {effect.because}"
        for effect in run.facts.ledger
        if effect.state is EffectState.PROPOSED
    )
    return View(
        plan.lanes,
        plan.questions,
        plan.troubles,
        tuple(sorted(entries)),
        plan.money,
        plan.status,
        plan.next_action,
        plan.deadline,
        plan.wake_at,
        plan.ended,
        run.facts.observing,
        proposed if run.facts.observing else (),
    )


def _exceptions(run: Run, troubles: tuple[Trouble, ...]) -> None:
    before = {trouble.key: trouble for trouble in run.view.troubles}
    now = {trouble.key: trouble for trouble in troubles}
    run.move.closed.extend(key for key in before if key not in now)
    if run.known.faulted:
        run.move.closed.append("fault")
    for key, trouble in now.items():
        if before.get(key) == trouble:
            continue
        waits_kind, waits_id = trouble.waits_on or (None, None)
        run.move.opened.append(
            OpenException(
                uuid7(),
                key,
                trouble.lane,
                trouble.text,
                trouble.todo,
                waits_kind,
                waits_id,
                trouble.deadline,
                trouble.retry,
                trouble.console,
                run.now(),
            )
        )
        if key not in before:
            run.tell("hub", "exception.opened", f"{trouble.text} {trouble.todo}")


class _Entries(msgspec.Struct):
    """What the refund ledger lacks of a plan, and the keys of all that is written then."""

    known: set[str]
    lifted: list[str] = []
    fresh: list[tuple[str, Entry]] = []


def _entries(run: Run, plan: Plan) -> _Entries:
    """Entries are lifted with the adoption that they came with; what is written in their place has a key of its own."""
    made = _Entries(set(run.view.entries))
    for gone in _gone(run, plan):
        for kind in ("adopted", "residual"):
            key = _standing(f"{kind}:{gone.refund_id}", made.known)
            if key in made.known:
                made.lifted.append(key)
                made.known.add(f"released:{key}")
    for entry in plan.entries:
        key = _standing(entry.key, made.known)
        if key not in made.known:
            made.fresh.append((key, entry))
            made.known.add(key)
    return made


def _gone(run: Run, plan: Plan) -> list[Adopted]:
    return [each for each in run.facts.adopted if each not in plan.adopted]


def _lets_go(run: Run, plan: Plan) -> bool:
    """Whether the case stands no longer for a refund, a place on a return, or a return in the desk that it had."""
    before, now = run.stored.desk, run.facts.seen.desk
    desk = before is not None and (now is None or now.id != before.id)
    return desk or bool(_gone(run, plan)) or not set(held(run.facts)) <= set(plan.places)


def _standing(key: str, known: set[str]) -> str:
    """The key of the entry that holds now: the first that is not lifted."""
    found, number = key, 1
    while f"released:{found}" in known:
        number += 1
        found = f"{key}#{number}"
    return found


def _write(run: Run, plan: Plan, entries: _Entries) -> None:
    for key, entry in entries.fresh:
        amount = entry.amount
        run.move.entries.append(
            MoneyEntry(uuid7(), key, entry.kind, amount.minor, amount.currency, entry.at, entry.source, entry.text)
        )
        run.tell("hub", f"money.{entry.kind}", f"{amount} ({entry.source})")
    run.move.lifted.extend(Lifted(uuid7(), key, run.now()) for key in entries.lifted)
    for gone in _gone(run, plan):
        run.move.released.append(gone)
        run.tell("hub", "money.released", f"The refund {gone.source} in commerce stands for this case no longer.")
    run.move.adopted.extend(each for each in plan.adopted if each not in run.facts.adopted)
    run.facts = msgspec.structs.replace(run.facts, adopted=plan.adopted)


def _left(run: Run) -> list[str]:
    """Units that the channel showed with the case, as it is written down, and does not any more."""
    before, now = run.stored.channel, run.facts.channel
    there = {unit.id for unit in now.units} if now is not None else set()
    return [unit.id for unit in before.units if unit.id not in there] if before is not None else []


def _units(run: Run, plan: Plan) -> list[Unit]:
    case, said = run.facts.channel, with_desk(run.facts).said
    if case is None:
        return _lines(run)
    # A unit on somebody else's return keeps its line there while the order is not read: its place is known by both.
    places = {match.unit_id: match.line_id for match in case_lines(run.facts).matched}
    places |= {place.unit_id: place.line_id for place in plan.places}
    skus = {line.id: line.seller_sku for line in run.facts.seen.order.lines} if run.facts.seen.order else {}
    numbers = {place.unit_id: (place.return_id, place.number) for place in plan.places}
    units = []
    for unit in case.units:
        verdict = said.verdicts.get(unit.id)
        units.append(
            Unit(
                unit.id,
                unit.order_line_id,
                unit.seller_sku or skus.get(unit.order_line_id, ""),
                unit.name,
                unit.refund.minor if unit.refund else None,
                places.get(unit.id, ""),
                said.received.get(unit.id),
                verdict.condition if verdict else None,
                verdict.disposition if verdict else None,
                *numbers.get(unit.id, ("", 0)),
            )
        )
    return units


def unclaimed(run: Run, plan: Plan) -> bool:
    """Whether the case stands for something of another system's that is not written down yet: before anything is sent
    on the strength of it, another case must not take it too."""
    desk, stored = run.facts.seen.desk, run.stored.desk
    claims = desk is not None and (stored is None or stored.id != desk.id)
    return claims or plan.places != held(run.facts) or set(plan.adopted) != set(run.facts.adopted)


def _lines(run: Run) -> list[Unit]:
    """What a case without units is about: lines of the channel's order, of which each is one unit."""
    said, order = run.facts.said, run.facts.seen.order
    wanted = said.start.lines if said.start else ()
    units = []
    for line in order.lines if order else ():
        verdict = said.verdicts.get(line.id)
        if line.id in wanted or not wanted:
            units.append(
                Unit(
                    line.id,
                    line.id,
                    line.seller_sku,
                    line.name,
                    line.price.minor if line.price else None,
                    "",
                    said.received.get(line.id),
                    verdict.condition if verdict else None,
                    verdict.disposition if verdict else None,
                )
            )
    return units


def _ours(run: Run, plan: Plan, view: View) -> Columns:
    """The columns of a case that the channel has given no id (yet)."""
    start, blind, total = run.facts.said.start, run.facts.said.blind, plan.money.expected
    began = start or blind
    reasons = dict(reasons_of(start, run.facts.seen.startable)) if start else {}
    return Columns(
        began.order_id if began else "",
        start.kind if start else Kind.RETURN,
        plan.status,
        "",
        "",
        start.reason_key if start else "",
        reasons.get(start.reason_key, "") if start else "",
        began.at if began else 0,
        run.now(),
        None,
        None,
        total.minor if total else None,
        total.currency if total else None,
        plan.ended,
        bool(plan.troubles),
        "observe" if run.facts.observing else "live",
        "",
        "",
        "",
        "",
        msgspec.json.encode(view),
        msgspec.json.encode(run.facts.seen),
        run.policy.version,
    )


def _columns(run: Run, plan: Plan, view: View) -> Columns:
    case, seen = run.facts.channel, run.facts.seen
    if case is None:
        return _ours(run, plan, view)
    action: Action | None = plan.next_action
    return Columns(
        case.order_id,
        case.kind,
        plan.status,
        case.raw_status,
        case.raw_kind,
        case.reason_key,
        case.reason_text,
        case.created_at,
        case.updated_at,
        action,
        plan.deadline,
        case.refund_total.minor if case.refund_total else None,
        case.refund_total.currency if case.refund_total else None,
        plan.ended,
        bool(plan.troubles),
        "observe" if run.facts.observing else "live",
        case.combined_id,
        seen.link.order_id,
        seen.commerce.name if seen.commerce else "",
        seen.desk.id if seen.desk else "",
        msgspec.json.encode(view),
        msgspec.json.encode(seen),
        run.policy.version,
    )
