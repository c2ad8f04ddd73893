"""What a desk's people did there, as something said of the case: an answer to the channel, verdicts on units, a label.

It is folded into what people said, so that the lanes that decide, inspect and ship need not know of a desk. A person's
own word on the same thing stands above the desk's, but for an answer to the channel: there the two are votes.
"""

from __future__ import annotations

import msgspec

from backhaul.domain.channel import ChannelCase
from backhaul.domain.desk import DeskLine, DeskReturn, DeskState, number
from backhaul.domain.desk_adoption import elsewhere, ours
from backhaul.domain.desk_effects import CloseDeskReturn, ProcessDeskReturn, RequestDeskLabel
from backhaul.domain.desks import desk_name
from backhaul.domain.effects import Decide, EffectState
from backhaul.domain.facts import Facts, LinkState
from backhaul.domain.matching import case_lines
from backhaul.domain.policy import APPROVALS, REJECTS
from backhaul.domain.proposing import propose
from backhaul.domain.said import Label, Verdict, Vote
from backhaul.domain.steps import Draft, Look, Source, Trouble
from backhaul.domain.terms import DeskTerms
from backhaul.domain.words import Action, Condition, Disposition, Party

JUDGED = (Action.ANSWER_RETURN, Action.JUDGE_PARCEL)  # what an end in the desk answers
FATES = {Condition.MISSING: Disposition.MISSING}  # where the desk says nothing of the stock, none is moved


def with_desk(facts: Facts) -> Facts:
    """The facts with what the desk's people did among what was said."""
    terms, record, case = facts.desk, facts.seen.desk, facts.channel
    if terms is None or record is None or case is None or elsewhere(facts, record):
        return facts
    said = facts.said
    votes = _votes(facts, terms, record, case)
    label = said.label or (_label(facts, terms) if terms.labels else None)
    verdicts, received = said.verdicts, said.received
    if any(line.found or line.returned for line in record.lines):
        verdicts, received = _inspected(facts, terms, record)
    if not votes and label is said.label and verdicts is said.verdicts:
        return facts
    said = msgspec.structs.replace(said, votes=(*said.votes, *votes), label=label, verdicts=verdicts, received=received)
    return msgspec.structs.replace(facts, said=said)


def _votes(facts: Facts, terms: DeskTerms, record: DeskReturn, case: ChannelCase) -> list[Vote]:
    """A return that was processed there is a vote to accept; one that was closed without a refund, a vote to reject, as
    far as the channel takes one of the shop's reasons."""
    by_us = ours(facts, ProcessDeskReturn, record) or ours(facts, CloseDeskReturn, record)
    if by_us or not (record.processed or record.state is DeskState.CLOSED):
        return []
    votes = []
    for due in case.due:
        if due.action not in JUDGED:
            continue
        if record.state is DeskState.CLOSED and not record.processed and _answered_since(facts, due.action):
            continue
        number_, name = facts.round(due.action), desk_name(terms)
        if record.processed:
            decision = APPROVALS[due.action]
            votes.append(Vote(due.action, number_, decision, name, facts.seen.desk_since, desk=terms.vendor))
            continue
        reason = reject_reason(facts, terms, due.action)
        if reason:
            decision = REJECTS[due.action]
            votes.append(Vote(due.action, number_, decision, name, facts.seen.desk_since, reason, desk=terms.vendor))
    return votes


def _answered_since(facts: Facts, action: Action) -> bool:
    """Whether the channel was given another answer after the desk had closed its return: then the closing was weighed
    there, and says nothing of what the channel asks now (an appeal, or the parcel of a return that was approved)."""
    return any(
        isinstance(each.wanted, Decide)
        and (each.wanted.action, each.wanted.round) != (action, facts.round(action))
        and each.state in (EffectState.ACCEPTED, EffectState.CONFIRMED)
        and (each.answered_at or 0) >= facts.seen.desk_since
        for each in facts.ledger
    )


def reject_reason(facts: Facts, terms: DeskTerms, action: Action) -> str:
    """The first of the shop's reasons that the channel takes for this very review; empty when there is none."""
    if not facts.knows_answers(action):
        return ""
    offered = next((each for each in facts.seen.answerable if each.decision == REJECTS[action]), None)
    valid = {key for key, _ in offered.reasons} if offered is not None and offered.eligible else set()
    return next((key for key in terms.reject_reasons if key in valid), "")


def ask_for_reason(facts: Facts, draft: Draft) -> None:
    """A rejection in the desk that cannot be carried to the channel is a person's."""
    terms, record, case = facts.desk, facts.seen.desk, facts.channel
    if terms is None or record is None or case is None or record.processed or record.state is not DeskState.CLOSED:
        return
    if ours(facts, CloseDeskReturn, record):
        return
    for due in case.due:
        if due.action not in JUDGED or not facts.ours_to_answer(due.action) or _answered_since(facts, due.action):
            continue
        if not facts.knows_answers(due.action):
            if not facts.observing:
                draft.steps.append(Look(Source.ANSWERABLE, "a rejection needs a reason the channel accepts", 32))
        elif not reject_reason(facts, terms, due.action):
            name = desk_name(terms)
            draft.troubles.append(
                Trouble(
                    f"desk_rejects:{record.id}",
                    "decision",
                    f"Return {record.id} was closed in {name} without a refund, but none of the reasons that the shop "
                    "gives for that is one the channel takes for this return now.",
                    f"Answer the channel here, with a reason of its list; or choose the reasons for {name} on the "
                    "Connections page.",
                    ("setting", "desk"),
                    due.deadline,
                    retry="look:desk",
                )
            )


def _inspected(facts: Facts, terms: DeskTerms, record: DeskReturn) -> tuple[dict[str, Verdict], dict[str, int]]:
    """Verdicts and receipts of units by the desk's lines; those on one commerce line are taken in one fixed order."""
    at, by = facts.seen.desk_since, desk_name(terms)
    verdicts, received = dict(facts.said.verdicts), dict(facts.said.received)
    waiting: dict[str, list[DeskLine]] = {}
    for line in record.lines:
        waiting.setdefault(number(line.line_id), []).append(line)
    for match in case_lines(facts).matched:
        lines = waiting.get(number(match.line_id))
        if not lines:
            continue
        line = lines.pop(0)
        if line.returned or line.found:
            received.setdefault(match.unit_id, at)
        if line.found and match.unit_id not in verdicts:
            fate = line.fate or FATES.get(line.found, Disposition.NOT_RESTOCKED)
            if line.found is not Condition.SELLABLE and fate is Disposition.RESTOCK:
                fate = Disposition.NOT_RESTOCKED
            verdicts[match.unit_id] = Verdict(line.found, fate, by, at, line.condition)
    return verdicts, received


# -- labels


def channel_carrier(terms: DeskTerms, carriers: tuple[tuple[str, str], ...], name: str) -> tuple[str, str]:
    """The channel's carrier (id, name) of the desk's word for it: by the shop's map, else the same name; empty when the
    channel has none."""
    wanted = {_plain(terms.carriers.get(name, "")), _plain(name)} - {""}
    for ident, title in carriers:
        if ident == terms.carriers.get(name) or _plain(title) in wanted:
            return ident, title
    return "", ""


def _plain(name: str) -> str:
    return "".join(char for char in name.lower() if char.isalnum())


def _label(facts: Facts, terms: DeskTerms) -> Label | None:
    label = facts.seen.desk_label
    if label is None:
        return None
    ident, title = channel_carrier(terms, facts.seen.carriers, label.carrier_name)
    if not ident:
        return None
    return msgspec.structs.replace(label, carrier_id=ident, carrier_name=title)


def label_from_desk(facts: Facts, now: int, draft: Draft) -> bool:
    """Have the desk make the label that the seller owes, and fetch its file. False when that is a person's to give."""
    terms, record = facts.desk, facts.seen.desk
    if terms is None or not terms.labels or Party.DESK in facts.shop.paused or facts.backing_off(Party.DESK, now):
        return False
    if record is None:
        target = f"open_desk_return:{facts.channel.id}" if facts.channel else ""
        opening = facts.effect(target)
        over = opening is not None and not opening.open and opening.state is not EffectState.PROPOSED
        return facts.seen.link.state is LinkState.MATCHED and not over
    if record.state is not DeskState.OPEN or elsewhere(facts, record):
        return False
    label = next((each for each in record.labels if each.tracking_number), None)
    if label is None:
        wanted = RequestDeskLabel(record.id)
        if not facts.stale(Party.DESK) and not record.labels:
            propose(facts, wanted, "the buyer waits for a label", 14, draft)
        last = facts.effect(wanted.target)
        # A label without a number is none that the channel takes.
        return not record.labels and (last is None or last.state is not EffectState.REFUSED)
    kept = facts.seen.desk_label
    if kept is None or kept.tracking_number != label.tracking_number:
        if label.url:
            draft.steps.append(Look(Source.DESK_LABEL, "the desk has made the label", 13))
        return bool(label.url)
    if not facts.seen.carriers:
        draft.steps.append(Look(Source.CARRIERS, "a label names its carrier in the channel's word", 13))
        return True
    draft.troubles.append(
        Trouble(
            "carrier",
            "parcel",
            f"{desk_name(terms)} made a label of the carrier “{kept.carrier_name}”, which is none of the channel's.",
            "Say on the Connections page which of the channel's carriers it is, or upload the label here.",
            ("setting", "desk"),
        )
    )
    return False
