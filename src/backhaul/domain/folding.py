"""How what was read or said becomes part of what is known. Pure; an older answer never overwrites a newer one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from backhaul.domain.channel import ActionDue, ChannelCase, ChannelRefund
from backhaul.domain.commerce import CommerceOrder
from backhaul.domain.desk import DeskReturn
from backhaul.domain.effects import DONE, AnyEffect, Decide, DecideUnits, Effect, EffectState
from backhaul.domain.facts import Backoff, Link, Seen
from backhaul.domain.said import Asked, Evidence, Label, Said, Verdict, Vote
from backhaul.domain.starts import Blind, Confirmed, Start
from backhaul.domain.words import ENDED, Action, Decision, Party


class Command(msgspec.Struct, frozen=True):
    """One thing a person (or an event's proof) told us of a case, as it is stored."""

    kind: str
    body: bytes
    by: str
    at: int
    word: int  # its number: what was said later has a greater one, whatever case it was said of


def fold_case(seen: Seen, case: ChannelCase, heard: int, now: int, ledger: Iterable[Effect] = ()) -> Seen:
    """Take in a read of the channel that began when ``heard`` hints were known."""
    known = seen.channel
    if known is not None and case.updated_at < known.updated_at:
        # A search index that lags: it answers the hints it could have seen, but changes nothing.
        return msgspec.structs.replace(seen, channel_at=now, channel_heard=max(seen.channel_heard, heard))
    rounds = dict(seen.round)
    away = _unasked(seen, case, ledger)
    for due in case.due:
        before = known.action_due(due.action) if known is not None else None
        before = before or away.get(due.action)
        if due.action not in rounds:
            rounds[due.action] = 1
        elif (
            before is None
            or _turned_down(known, case)
            or (before.deadline != due.deadline and _answered(due.action, rounds, ledger, case))
        ):
            rounds[due.action] += 1
    return msgspec.structs.replace(
        seen,
        channel=case,
        channel_at=now,
        channel_heard=max(seen.channel_heard, heard),
        round=rounds,
        unasked=tuple(away[action] for action in sorted(away) if case.action_due(action) is None),
        ended_at=seen.ended_at if case.stage in ENDED and seen.ended_at else now if case.stage in ENDED else None,
        backoff=without(seen.backoff, Party.CHANNEL),
    )


def _unasked(seen: Seen, case: ChannelCase, ledger: Iterable[Effect]) -> dict[Action, ActionDue]:
    """What the channel has waited for in the state that the case is still in, unless we have answered it. A read that
    leaves it out for once ends no review: the answers that people have given in it still count."""
    known = seen.channel
    if known is None or (known.stage, known.raw_status) != (case.stage, case.raw_status):
        return {}
    sent = [each.wanted for each in ledger if each.state is EffectState.SENT or each.state in DONE]
    return {
        due.action: due
        for due in (*seen.unasked, *known.due)
        if not any(_answers(each, due.action, seen.round, case) for each in sent)
    }


def _answers(wanted: AnyEffect, action: Action, rounds: Mapping[Action, int], case: ChannelCase) -> bool:
    """Whether this is an answer of ours to all that the present review asks."""
    ours = (isinstance(wanted, Decide) or _whole(wanted, case)) and getattr(wanted, "action", None) is action
    return ours and getattr(wanted, "round", 0) == rounds.get(action, 1)


def _turned_down(known: ChannelCase | None, case: ChannelCase) -> bool:
    """Whether the buyer has refused an offer since: the same question is asked anew, maybe with the same deadline."""
    return known is not None and case.offer_refused and (not known.offer_refused or known.offer != case.offer)


def _answered(action: Action, rounds: Mapping[Action, int], ledger: Iterable[Effect], case: ChannelCase) -> bool:
    """Whether our answer of the present round may have arrived before this state of the case arose: then a new deadline
    is a new review and not an extension of the old one. Of an answer that was lost nobody knows: the question is
    asked anew rather than the old answer given to a new review."""
    return any(
        _answers(effect.wanted, action, rounds, case)
        and (at := effect.sent_at if effect.state is EffectState.SENT else effect.answered_at) is not None
        and at <= case.updated_at
        for effect in ledger
    )


def _whole(wanted: AnyEffect, case: ChannelCase) -> bool:
    """Whether an answer for single units was one for all that is left of the case."""
    return isinstance(wanted, DecideUnits) and {unit.id for unit in case.units} <= set(wanted.units)


def fold_link(seen: Seen, link: Link, heard: int) -> Seen:
    """Take in which order in commerce the case belongs to. Of another one nothing is known yet, nor of its returns in
    the desk: that of the old order is another case's to adopt."""
    # What an earlier version stored does not name the order beside its read.
    known = seen.commerce_id or (seen.commerce.id if seen.commerce else "")
    found = msgspec.structs.replace(seen, link=link, commerce=None, commerce_heard=heard, commerce_id=known)
    if not found.relinked:
        return found
    return msgspec.structs.replace(
        found, desk=None, desk_others=(), desk_at=0, desk_heard=-1, desk_label=None, desk_reasons=()
    )


def fold_commerce(seen: Seen, order: CommerceOrder, heard: int, now: int) -> Seen:
    """Take in a strong read of the commerce order."""
    known = seen.commerce
    older = known is not None and known.id == order.id and order.updated_at < known.updated_at
    return msgspec.structs.replace(
        seen,
        commerce=known if older else order,
        commerce_id=order.id,
        commerce_at=now,
        commerce_heard=max(seen.commerce_heard, heard),
        commerce_behind=False,
        backoff=without(seen.backoff, Party.COMMERCE),
    )


def fold_desk(seen: Seen, found: DeskReturn | None, others: tuple[DeskReturn, ...], heard: int, now: int) -> Seen:
    """Take in a read of the desk: the case's own return, and the order's others."""
    known = seen.desk
    same = known is not None and found is not None and known.id == found.id
    if known is not None and found is not None and same and found.updated_at < known.updated_at:
        found = known
    still = (
        known is not None
        and found is not None
        and same
        and (known.state, known.processed) == (found.state, found.processed)
    )
    return msgspec.structs.replace(
        seen,
        desk=found,
        desk_others=others,
        desk_at=now,
        desk_heard=max(seen.desk_heard, heard),
        desk_behind=False,
        desk_since=seen.desk_since if still else now,
        backoff=without(seen.backoff, Party.DESK),
    )


def fall_behind(seen: Seen, party: Party) -> Seen:
    """After an accepted effect of ours: the channel's answer to it is needed before anything else; of commerce we know
    what we changed, so other effects need not wait for the read-back."""
    if party is Party.CHANNEL:
        return forget_read(seen, party)
    if party is Party.DESK:
        return msgspec.structs.replace(seen, desk_behind=True)
    return msgspec.structs.replace(seen, commerce_behind=True)


def forget_read(seen: Seen, party: Party) -> Seen:
    """After an effect whose outcome is not what we wanted, or not known, the last read is no longer true."""
    if party is Party.CHANNEL:
        return msgspec.structs.replace(seen, channel_heard=-1)
    if party is Party.DESK:
        return msgspec.structs.replace(seen, desk_heard=-1)
    return msgspec.structs.replace(seen, commerce_heard=-1)


def without(backoff: Mapping[Party, Backoff], party: Party) -> dict[Party, Backoff]:
    """The back-offs of the other parties."""
    return {each: value for each, value in backoff.items() if each is not party}


def back_off(seen: Seen, party: Party, text: str, now: int, wait: float, parked: bool = False) -> Seen:
    """The party did not answer, or not in a shape we know: leave it alone for ``wait`` seconds."""
    old = seen.backoff.get(party)
    fresh = Backoff(
        since=old.since if old else now,
        until=now + max(1, round(wait)),
        tries=(old.tries if old else 0) + 1,
        text=text[:500],
        parked=parked,
        at=now,
    )
    return msgspec.structs.replace(seen, backoff={**seen.backoff, party: fresh})


def fold_said(commands: Iterable[Command]) -> Said:
    """What people said, in the order they said it; the last word on one thing counts."""
    votes: list[Vote] = []
    fields: dict[str, Any] = {"received": {}, "verdicts": {}, "line_links": {}, "retries": {}, "evidence": {}}
    waived: set[str] = set()
    proofs: list[ChannelRefund] = []
    words = 0
    for command in commands:
        words = word = command.word
        match command.kind:
            case "vote":
                vote = msgspec.structs.replace(msgspec.json.decode(command.body, type=Vote), word=word)
                votes = [
                    each
                    for each in votes
                    if (each.desk, each.action, each.round) != (vote.desk, vote.action, vote.round)
                ]
                votes.append(vote)
            case "receive":
                for unit in msgspec.json.decode(command.body, type=list[str]):
                    fields["received"].setdefault(unit, command.at)
            case "inspect":
                for unit, verdict in msgspec.json.decode(command.body, type=dict[str, Verdict]).items():
                    fields["verdicts"][unit] = verdict
                    fields["received"].setdefault(unit, command.at)
            case "label":
                label = msgspec.json.decode(command.body, type=Label)
                fields["label"] = msgspec.structs.replace(label, word=word)
            case "link_order":
                fields["linked"], fields["linked_by"] = msgspec.json.decode(command.body, type=str), command.by
            case "link_line":
                unit, line = msgspec.json.decode(command.body, type=tuple[str, str])
                fields["line_links"][unit] = line
            case "waive":
                waived.add(msgspec.json.decode(command.body, type=str))
            case "retry":
                fields["retries"][msgspec.json.decode(command.body, type=str)] = Asked(word, command.at)
            case "take_over":
                fields["taken"] = True
            case "desk_failure":
                return_id, text = msgspec.json.decode(command.body, type=tuple[str, str])
                fields["desk_failure"] = (return_id, text, command.at)
            case "evidence":
                picture = msgspec.json.decode(command.body, type=Evidence)
                fields["evidence"][picture.attachment] = picture
            case "start":
                fields["start"], fields["confirmed"] = msgspec.json.decode(command.body, type=Start), None
            case "confirm_start":
                fields["confirmed"] = msgspec.json.decode(command.body, type=Confirmed)
            case "blind":
                fields["blind"] = msgspec.json.decode(command.body, type=Blind)
            case "withdraw":
                fields["withdrawn"] = command.at
            case "decline":
                fields["withdrawn"], fields["declined"] = command.at, msgspec.json.decode(command.body, type=str)
            case "proof":
                proofs.append(msgspec.json.decode(command.body, type=ChannelRefund))
    return Said(words=words, votes=tuple(votes), waived=frozenset(waived), proofs=tuple(proofs), **fields)


# Said of goods and records, which are theirs now. What a label, a picture or another try is for stays where it was.
_OF_UNITS = frozenset({"receive", "inspect", "take_over", "link_order", "link_line", "waive"})


def for_units_apart(command: Command) -> Command | None:
    """What was said of a case, as it holds for units of it that have become a case of their own; None for what is no
    business of theirs. The answer that was given for each unit holds too: not all of them may have been sent."""
    if command.kind in _OF_UNITS:
        return command
    vote = msgspec.json.decode(command.body, type=Vote) if command.kind == "vote" else None
    if vote is None or vote.decision is not Decision.BY_UNIT:
        return None
    vote = msgspec.structs.replace(vote, round=0)  # no review of the new case
    return msgspec.structs.replace(command, body=msgspec.json.encode(vote))


def name_units(said: Said, case: ChannelCase | None) -> Said:
    """What was said of goods before the case had units names lines of the order; since then, its units."""
    units = {unit.order_line_id: unit.id for unit in case.units} if case is not None else {}
    if not units or not (said.start or said.blind):
        return said
    return msgspec.structs.replace(
        said,
        received={units.get(key, key): at for key, at in said.received.items()},
        verdicts={units.get(key, key): verdict for key, verdict in said.verdicts.items()},
    )
