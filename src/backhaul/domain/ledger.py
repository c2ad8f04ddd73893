"""What the effects that are open need next: to be sent, to be read back, to be settled, or a person.

An open effect stands in the way of its successors; nothing here ever makes a second one.
"""

from __future__ import annotations

from backhaul.domain import by_unit
from backhaul.domain.booking import FRESH
from backhaul.domain.commerce import CommerceOrder, CommerceReturn
from backhaul.domain.deadlines import nearest
from backhaul.domain.desk import DeskState
from backhaul.domain.desk_effects import (
    CloseDeskReturn,
    DeskEffect,
    NoteDeskReturn,
    OpenDeskReturn,
    ProcessDeskReturn,
    RequestDeskLabel,
)
from backhaul.domain.effects import (
    AnyEffect,
    AttachTracking,
    BookRefund,
    CancelReturn,
    CloseReturn,
    CreateReturn,
    Decide,
    DecideUnits,
    Dispose,
    Effect,
    EffectState,
    Repeat,
    StageLabel,
    StampOrder,
    StartCancellation,
    StartReturn,
    UpdateDelivery,
    UploadEvidence,
    UploadLabel,
)
from backhaul.domain.facts import Facts, LinkState
from backhaul.domain.intents import elsewhere, one_too_many, unwanted, waived
from backhaul.domain.matching import case_lines
from backhaul.domain.records import anothers, being_created, concerned
from backhaul.domain.refunds import adoptable, held_beside, not_ours
from backhaul.domain.steps import Draft, Look, Send, Settle, Source, Trouble
from backhaul.domain.words import INSTEAD, LEADS_TO, Party, Stage

READ_BACK = (2, 5, 15, 60, 300)  # seconds after the answer at which the read-back is tried; then every REREAD
REREAD = 900
PATIENCE = 900  # after this long without a read-back a person is told
TRIES = 5  # after so many attempts whose answers were all lost a person is told
MARGIN = 60  # a repeat under a key leaves this long before the vendor forgets the key, so that it arrives in time


def shown(effect: Effect, facts: Facts) -> bool | None:
    """Whether the last read shows the effect on our terms. None: it shows that it can no longer happen that way."""
    wanted = effect.wanted
    if isinstance(wanted, Decide):
        return _decided(wanted, facts)
    if isinstance(wanted, DecideUnits):
        return by_unit.shown(wanted, facts)
    if isinstance(wanted, UploadLabel):
        number = facts.channel.way_back.tracking_number if facts.channel else ""
        return True if number == wanted.tracking_number else None if number else False
    if isinstance(wanted, (UploadEvidence, StageLabel)):
        return bool(effect.result)  # nothing shows it but its own answer
    if isinstance(wanted, (StartReturn, StartCancellation)):
        # It is followed by `starting` until it has made the case that is read here.
        return facts.channel is not None and effect.result in ("", facts.channel.id)
    if isinstance(wanted, DeskEffect):
        return _at_desk(wanted, facts)
    order = facts.seen.commerce
    if order is None:
        return False
    if isinstance(wanted, StampOrder):
        return True if order.stamped == wanted.channel_order_id else None if order.stamped else False
    if isinstance(wanted, CreateReturn):
        return any(each.trace == wanted.case_id for each in order.returns)
    if isinstance(wanted, BookRefund):
        return _booked(wanted, facts, order)
    record = next((each for each in order.returns if each.id == wanted.return_id), None)
    return record is not None and _on_return(wanted, record)


def _booked(wanted: BookRefund, facts: Facts, order: CommerceOrder) -> bool | None:
    if any(each.trace == wanted.refund_id for each in order.refunds):
        return True
    # Somebody booked it by hand in the meantime: a second booking on these lines would be one too many.
    taken = facts.adopted_elsewhere | held_beside(facts, wanted.refund_id)
    return None if facts.channel and adoptable(facts.channel, order, case_lines(facts), taken) else False


def _decided(wanted: Decide, facts: Facts) -> bool | None:
    case = facts.channel
    if case is None or (case.action_due(wanted.action) and facts.round(wanted.action) == wanted.round):
        return False
    if facts.round(wanted.action) > wanted.round:
        return True  # the review ended and a new one began
    if case.stage is Stage.UNKNOWN:
        return False  # a word we do not know proves nothing
    if case.stage is Stage.COMPLETED and wanted.decision in (*INSTEAD, *INSTEAD.values()):
        return True if case.paid_instead == (wanted.decision not in INSTEAD) else None  # goods or money: as we answered
    return True if case.stage in LEADS_TO.get(wanted.decision, frozenset()) else None


def _on_return(
    wanted: AttachTracking | UpdateDelivery | Dispose | CloseReturn | CancelReturn, record: CommerceReturn
) -> bool | None:
    if isinstance(wanted, AttachTracking):
        return wanted.tracking_number in record.tracking
    if isinstance(wanted, UpdateDelivery):
        parcel = next((each for each in record.deliveries if each.id == wanted.delivery_id), None)
        if parcel is None or parcel.tracking_number != wanted.tracking_number:
            return False
        return parcel.labelled or not wanted.attachment
    if isinstance(wanted, CloseReturn):
        return True if record.status == "closed" else None if record.status == "cancelled" else False
    if isinstance(wanted, CancelReturn):
        return True if record.status == "cancelled" else None if record.status == "closed" else False
    line = next((each for each in record.lines if each.reverse_line_id == wanted.reverse_line_id), None)
    count = sum(n for kind, n in line.disposed if kind is wanted.disposition) if line else 0
    return count >= wanted.before + wanted.quantity


def _at_desk(wanted: DeskEffect, facts: Facts) -> bool | None:
    """What the desk's return shows; ``seen.desk`` is the case's own, ours by its id or adopted by its lines."""
    record = facts.seen.desk
    if isinstance(wanted, OpenDeskReturn):
        return record is not None
    if record is None or record.id != wanted.return_id:
        return False
    if isinstance(wanted, NoteDeskReturn):
        return any(wanted.text in note for note in record.notes)
    if isinstance(wanted, RequestDeskLabel):
        return bool(record.labels)
    if record.state in (DeskState.OPEN, DeskState.REVIEW, DeskState.UNKNOWN):
        return False
    if isinstance(wanted, ProcessDeskReturn):
        return True if record.processed else None
    if isinstance(wanted, CloseDeskReturn):
        return True if record.state is DeskState.CLOSED and not record.processed else None
    return True if record.state is DeskState.CANCELLED else None


def follow(effect: Effect, facts: Facts, now: int, urgent: bool, draft: Draft) -> None:
    """Add what this open effect needs next."""
    party = effect.wanted.party
    read_at, fresh = _read(facts, party)
    if effect.state is EffectState.INTENT:
        _first(effect, facts, now, urgent, draft)
        return
    if effect.state is EffectState.SENT and effect.attempts >= TRIES:
        draft.troubles.append(_unanswered(effect, facts))
    failure = facts.said.desk_failure
    if failure is not None and _failed(effect, failure, facts):
        draft.steps.append(Settle(effect.id, EffectState.REFUSED, failure[1], code="processing_failed"))
        return
    since = effect.answered_at if effect.state is EffectState.ACCEPTED else _quiet_at(effect)
    since = since if since is not None else now
    if now < since:
        draft.wake(since)
        return
    if party is Party.COMMERCE and elsewhere(effect.wanted, facts):
        # No read of the right order shows it, and it is not repeated on the wrong one.
        draft.steps.append(Settle(effect.id, EffectState.SUPERSEDED, "the case is linked to another order now"))
        return
    if party is Party.COMMERCE and facts.seen.link.state is not LinkState.MATCHED:
        # A process died before it wrote down which order it had found: found again, at once or with the next search.
        if waived(effect.wanted, facts):  # or the order is gone, and with it what would show the effect
            draft.steps.append(Settle(effect.id, EffectState.SUPERSEDED, "a person does without it"))
        elif facts.seen.link.tried_at < effect.created_at:
            draft.steps.append(Look(Source.MATCH, f"to see what became of: {effect.because}", 15))
        return
    if not fresh or read_at < since:
        # Other effects on the order go first; one read then shows them all.
        rank = 15 if effect.state is EffectState.SENT or party is Party.CHANNEL else 60
        draft.steps.append(Look(_source(party), f"to see what became of: {effect.because}", rank))
        return
    state = shown(effect, facts)
    if state is True:
        draft.steps.append(Settle(effect.id, EffectState.CONFIRMED, "read back"))
    elif state is None:
        draft.steps.append(Settle(effect.id, EffectState.SUPERSEDED, "the vendor shows another state"))
    elif effect.state is EffectState.ACCEPTED:
        _await_read_back(effect, read_at, now, draft)
    else:
        _again(effect, facts, now, urgent, draft)


def _failed(effect: Effect, failure: tuple[str, str, int], facts: Facts) -> bool:
    """Whether what the desk had queued came to nothing, which it tells in a message only."""
    wanted = effect.wanted
    if not isinstance(wanted, ProcessDeskReturn) or wanted.return_id != failure[0]:
        return False
    return failure[2] >= (effect.sent_at or 0) and not (facts.seen.desk and facts.seen.desk.processed)


def _read(facts: Facts, party: Party) -> tuple[int, bool]:
    if party is Party.CHANNEL:
        return facts.seen.channel_at, not facts.stale(party)
    if party is Party.DESK:
        return facts.seen.desk_at, not (facts.stale(party) or facts.seen.desk_behind)
    return facts.seen.commerce_at, not (facts.stale(party) or facts.seen.commerce_behind)


def _source(party: Party) -> Source:
    if party is Party.DESK:
        return Source.DESK
    return Source.CASE if party is Party.CHANNEL else Source.COMMERCE


def _quiet_at(effect: Effect) -> int | None:
    """From when on the last attempt can no longer change anything unseen."""
    return None if effect.dead_at is None else effect.dead_at + effect.safety.settle_s


def _first(effect: Effect, facts: Facts, now: int, urgent: bool, draft: Draft) -> None:
    """An intent is what has not happened, however often it was tried: it may still be dropped."""
    refunds = isinstance(effect.wanted, (BookRefund, ProcessDeskReturn))
    on_order = refunds or effect.wanted.party is Party.COMMERCE
    why = unwanted(effect, facts, shown(effect, facts))
    if why:
        draft.steps.append(Settle(effect.id, EffectState.DROPPED, why, code="unwanted"))
    elif on_order and facts.seen.link.state is not LinkState.MATCHED:
        return  # the order is looked for
    elif on_order and (facts.stale(Party.COMMERCE) or now - facts.seen.commerce_at > FRESH):
        draft.steps.append(Look(Source.COMMERCE, f"before what waited is sent: {effect.because}", 19))
    elif not (refunds and being_created(facts)):
        _send(effect, facts, now, urgent, draft, effect.because)


def _send(effect: Effect, facts: Facts, now: int, urgent: bool, draft: Draft, because: str) -> None:
    party = effect.wanted.party
    if facts.observing:
        draft.troubles.append(
            Trouble(
                f"held:{effect.target}",
                effect.wanted.lane,
                f"“{effect.because}” was sent and its answer was lost; it is not repeated while the shop observes.",
                "Switch the shop to live, or look at the vendor whether it was done.",
            )
        )
        return
    if party is Party.COMMERCE and effect.wanted.money and now - facts.seen.commerce_at > FRESH:
        draft.steps.append(Look(Source.COMMERCE, "before a refund is booked", 19))
        return
    if party is Party.DESK and effect.wanted.money and now - facts.seen.desk_at > FRESH:
        draft.steps.append(Look(Source.DESK, "before the desk processes", 19))
        return
    if isinstance(effect.wanted, (Decide, DecideUnits)) and not urgent and now - facts.seen.channel_at > FRESH:
        # After a long silence another review may be waiting; in the last minutes the answer goes out all the same.
        draft.steps.append(Look(Source.CASE, "before a decision is sent", 3))
        return
    draft.steps.append(Send(effect.id, party, because, 0 if urgent and party is Party.CHANNEL else 20))


def _await_read_back(effect: Effect, read_at: int, now: int, draft: Draft) -> None:
    answered = effect.answered_at or now
    next_read = next((answered + gap for gap in READ_BACK if answered + gap > read_at), read_at + REREAD)
    if now >= next_read:
        draft.steps.append(Look(_source(effect.wanted.party), "an accepted effect does not show yet", 30))
    else:
        draft.wake(next_read)
    if now - answered >= PATIENCE:
        draft.troubles.append(
            Trouble(
                f"unread:{effect.target}",
                effect.wanted.lane,
                f"{effect.wanted.party.capitalize()} accepted “{effect.because}” but does not show it.",
                "Look at the case in the vendor's own console. The hub keeps reading and does not repeat it.",
            )
        )


def _unanswered(effect: Effect, facts: Facts) -> Trouble:
    party = effect.wanted.party
    return Trouble(
        f"unanswered:{effect.target}",
        effect.wanted.lane,
        f"“{effect.because}” was tried {effect.attempts} times; {party} did not say what became of it: {effect.text}",
        "Look at the case in the vendor's own console. The hub keeps trying as long as a repeat is harmless.",
        deadline=nearest(facts)[1] if party is Party.CHANNEL else None,
    )


def _again(effect: Effect, facts: Facts, now: int, urgent: bool, draft: Draft) -> None:
    """The answer was lost and a read shows nothing: repeat only as far as the vendor makes it harmless."""
    by_desk = isinstance(effect.wanted, ProcessDeskReturn) and concerned(facts)
    if _given_up(effect.wanted, facts):
        draft.steps.append(Settle(effect.id, EffectState.DROPPED, "it is left to others now", code="waived"))
        return
    if (by_desk or effect.wanted.party is Party.COMMERCE) and anothers(facts):
        return  # a person is asked whose order it is
    if by_desk and facts.seen.link.state is not LinkState.MATCHED:
        return  # the order is looked for
    if by_desk and (facts.stale(Party.COMMERCE) or now - facts.seen.commerce_at > FRESH):
        draft.steps.append(Look(Source.COMMERCE, f"before it is asked for again: {effect.because}", 19))
        return
    repeat = effect.safety.repeat
    if repeat is Repeat.KEYED and now - (effect.sent_at or now) >= effect.safety.memory_s - MARGIN:
        repeat = effect.safety.then
    careless = repeat is Repeat.FINDABLE and effect.taken_over and effect.wanted.money
    if repeat is Repeat.UNSAFE or careless:
        draft.troubles.append(
            Trouble(
                f"unknown:{effect.target}",
                effect.wanted.lane,
                f"It is not known whether {effect.wanted.party} carried out: {effect.because}.",
                "Look there. If it was done, waive the lane; if not, press “try again”.",
                retry=effect.target,
            )
        )
        if facts.asked_again(effect, since=effect.dead_at or effect.sent_at or 0):
            _send(effect, facts, now, urgent, draft, "a person looked and asked for another try")
        return
    _send(effect, facts, now, urgent, draft, f"{effect.because} (same request again: its answer was lost)")


def _given_up(wanted: AnyEffect, facts: Facts) -> bool:
    """Whether what was lost is not asked for again, as others do it. A desk that was only waived is asked what became
    of its refund: it may yet make what it has queued, and nobody books before that is known."""
    if isinstance(wanted, ProcessDeskReturn):
        return one_too_many(facts)
    return waived(wanted, facts) or (isinstance(wanted, BookRefund) and not_ours(facts) is not None)
