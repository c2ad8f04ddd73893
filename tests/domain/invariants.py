"""What holds for every plan, whatever the facts."""

from __future__ import annotations

import msgspec

from backhaul.domain.booking import NEVER
from backhaul.domain.channel import ChannelCase
from backhaul.domain.deadlines import last_attempt
from backhaul.domain.desk import DeskState
from backhaul.domain.desk_effects import CancelDeskReturn, DeskEffect, OpenDeskReturn, ProcessDeskReturn
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
    EffectState,
    UpdateDelivery,
    UploadLabel,
)
from backhaul.domain.facts import Facts
from backhaul.domain.plan import plan
from backhaul.domain.policy import Policy
from backhaul.domain.steps import Look, Plan, Send, Settle, Write
from backhaul.domain.terms import Booker, DeskOpens, Payer
from backhaul.domain.words import ANSWERS, APPROVED, ENDED, INFERRED, WITH_AMOUNT, Decision, Kind, Party, Stage


def check(facts: Facts, policy: Policy, now: int) -> Plan:
    """Plan, and assert all that holds for every plan. The plan is handed back for more."""
    before = msgspec.json.encode(facts)
    made = plan(facts, policy, now)
    assert plan(facts, policy, now) == made, "two plans of the same facts are the same"
    assert msgspec.json.encode(facts) == before, "a plan changes no facts"
    _steps(facts, policy, now, made)
    for step in made.steps:
        if isinstance(step, Write):
            _write(facts, step)
    _end(facts, now, made)
    kept = {each.source for each in facts.adopted}
    taken = [each.source for each in made.adopted if each.source not in kept]
    assert not facts.adopted_elsewhere & set(taken), "a refund stands for one case"
    assert len({each.source for each in made.adopted}) == len(made.adopted), "and for one payment of it"
    return made


def _steps(facts: Facts, policy: Policy, now: int, made: Plan) -> None:
    assert [step.rank for step in made.steps] == sorted(step.rank for step in made.steps)
    urgent = last_attempt(facts, policy, now)
    ledger = {effect.id: effect for effect in facts.ledger}
    for step in made.steps:
        party = None
        if isinstance(step, Look):
            party = step.source.party
        elif isinstance(step, Send):
            party = step.party
            effect = ledger[step.effect_id]
            assert effect.state in (EffectState.INTENT, EffectState.SENT), "what was answered is not sent again"
            assert not facts.observing, "a shop that observes sends nothing"
            assert effect.wanted.party is party
            if effect.state is EffectState.INTENT:
                _resumed(facts, effect.wanted)
            if effect.state is EffectState.SENT:
                assert effect.dead_at is not None
                read_at = {Party.CHANNEL: facts.seen.channel_at, Party.DESK: facts.seen.desk_at}.get(
                    party, facts.seen.commerce_at
                )
                assert read_at >= effect.dead_at + effect.safety.settle_s, "looked at after it was quiet"
                assert not facts.stale(party)
        elif isinstance(step, Settle):
            assert ledger[step.effect_id].open
        elif isinstance(step, Write) and not facts.observing:
            party = step.wanted.party
        if party is not None:
            assert party not in facts.shop.paused, "a paused connection is left alone"
            assert not facts.backing_off(party, now) or (urgent and party is Party.CHANNEL)
    targets = [step.wanted.target for step in made.steps if isinstance(step, Write)]
    assert len(targets) == len(set(targets))


def _resumed(facts: Facts, wanted: AnyEffect) -> None:
    """What waited for its party, and has not happened, is as much wanted as on the day it was written."""
    waived, linked = facts.said.waived, facts.said.linked
    assert wanted.lane not in waived
    assert wanted.party is not Party.COMMERCE or "records" not in waived
    assert wanted.party is not Party.DESK or not waived & {"desk", "records"}
    if wanted.party is Party.COMMERCE:
        order_id = getattr(wanted, "order_id", "")
        assert not facts.stale(Party.COMMERCE), "nothing is done there on an old read"
        assert order_id == facts.seen.link.order_id, "not on an order that was the wrong one"
        assert linked in ("", order_id)
        marked = facts.seen.commerce.stamped if facts.seen.commerce is not None else ""
        assert linked or not marked or facts.channel is None or marked == facts.channel.order_id
    if isinstance(wanted, BookRefund):
        assert (facts.shop.payer, facts.booker) == (Payer.CHANNEL, Booker.HUB)
        assert not facts.shop.second_writer
        order = facts.seen.commerce
        assert order is not None
        payment = next(each for each in order.payments if each.id == wanted.parent_payment)
        assert payment.gateway in facts.shop.safe_gateways - NEVER
        assert not payment.moves_money
    elif isinstance(wanted, CreateReturn):
        assert not facts.shop.second_writer
    elif isinstance(wanted, ProcessDeskReturn):
        assert facts.booker is Booker.DESK
        assert not facts.shop.second_writer
        assert facts.shop.payer is not Payer.CHANNEL or "money" not in waived


def _write(facts: Facts, step: Write) -> None:
    wanted, case = step.wanted, facts.channel
    assert case is not None
    assert not facts.history, "history gets no effect"
    standing = [effect for effect in facts.ledger if effect.target == wanted.target]
    assert not any(effect.open for effect in standing), "an open effect is not written again"
    if isinstance(wanted, BookRefund):
        done = (EffectState.ACCEPTED, EffectState.CONFIRMED, EffectState.SUPERSEDED)
        assert not any(effect.state in done for effect in standing), "booked twice"
        _booking(facts, wanted)
    elif isinstance(wanted, Decide):
        assert case.action_due(wanted.action) is not None, "an answer nobody asked for"
        assert wanted.round == facts.round(wanted.action)
        assert not facts.stale(Party.CHANNEL)
        assert not (wanted.decision in (Decision.REFUSE_PARCEL, Decision.REFUND_PART) and case.quick_refund)
        assert wanted.decision in ANSWERS[wanted.action]
        assert (wanted.offer is not None) is (wanted.decision in WITH_AMOUNT)
        if wanted.offer is not None:
            total = case.refund_total
            assert total is not None
            assert wanted.offer.currency == total.currency
            assert 0 < wanted.offer.minor < total.minor, "an offer of nothing, or of everything"
        if wanted.decision in INFERRED:
            named = [each for each in facts.seen.answerable if each.decision == wanted.decision]
            assert named, "a word the channel has not named for this case"
            assert named[0].eligible
        assert facts.ours_to_answer(wanted.action)
    elif isinstance(wanted, DecideUnits):
        assert case.action_due(wanted.action) is not None, "an answer nobody asked for"
        assert facts.shop.line_level
        assert not facts.stale(Party.CHANNEL)
        assert set(wanted.units) <= {unit.id for unit in case.units}
        assert facts.ours_to_answer(wanted.action)
    elif isinstance(wanted, CreateReturn):
        assert case.stage in APPROVED, "written before the channel's approval was read"
        assert facts.goods_expected
        assert not facts.shop.second_writer
        assert facts.desk is None or not facts.desk.writes_records, "the desk writes it"
    elif isinstance(wanted, (UploadLabel, Dispose)):
        assert facts.seen.order is not None
        assert not facts.seen.order.fulfilled_by_channel
    elif isinstance(wanted, AttachTracking | UpdateDelivery | CloseReturn | CancelReturn):
        assert facts.seen.commerce is not None
        assert any(each.id == wanted.return_id and each.trace == case.id for each in facts.seen.commerce.returns)
    if isinstance(wanted, DeskEffect):
        _at_desk(facts, wanted)
    if wanted.party is Party.COMMERCE:
        assert case.kind in (Kind.RETURN, Kind.REFUND) or facts.refunds, "nothing to write for what was never paid"
        assert case.kind is not Kind.UNKNOWN
        assert facts.shop.commerce_connected
        assert "records" not in facts.said.waived


def _at_desk(facts: Facts, wanted: DeskEffect) -> None:
    case, record = facts.channel, facts.seen.desk
    assert case is not None
    assert facts.shop.desk is not None
    assert facts.seen.order is not None
    assert case.kind is Kind.RETURN
    assert not facts.seen.order.fulfilled_by_channel
    assert "desk" not in facts.said.waived
    assert not facts.stale(Party.DESK), "nothing is done there on an old read"
    if isinstance(wanted, OpenDeskReturn):
        assert facts.goods_expected
        assert record is None, "never a second one"
        assert case.stage in APPROVED or facts.shop.desk.opens is DeskOpens.REQUESTED
        return
    assert record is not None
    assert wanted.return_id == record.id
    if isinstance(wanted, ProcessDeskReturn):
        assert case.stage in (Stage.ACCEPTED, Stage.COMPLETED), "no desk pays before the channel's acceptance was read"
        assert facts.shop.booker is Booker.DESK
        assert record.state is DeskState.OPEN
        assert not record.processed
        assert not facts.shop.second_writer, "until a person has said who writes"
        assert facts.shop.payer is not Payer.CHANNEL or "money" not in facts.said.waived, "a person booked it by hand"
    if isinstance(wanted, CancelDeskReturn):
        assert case.stage is Stage.CANCELLED or not facts.goods_expected, "only the channel's buyer cancels"


def _booking(facts: Facts, wanted: BookRefund) -> None:
    order = facts.seen.commerce
    assert order is not None
    proof = next(each for each in facts.refunds if each.id == wanted.refund_id)
    assert wanted.amount.currency == proof.amount.currency == order.currency
    assert 0 < wanted.amount.minor <= proof.amount.minor
    assert order.refundable is None or wanted.amount.minor <= order.refundable.minor
    assert (facts.shop.payer, facts.booker) == (Payer.CHANNEL, Booker.HUB)
    assert not any(isinstance(each.wanted, ProcessDeskReturn) and each.open for each in facts.ledger), "it may refund"
    assert not facts.shop.second_writer, "until a person has said who writes"
    at_desk = facts.seen.desk if facts.desk is not None else None
    assert at_desk is None or not at_desk.processed, "the desk has refunded"
    assert not facts.said.waived & {"money", "records"}
    if wanted.release:
        assert case_of(facts).kind is Kind.CANCELLATION, "only goods that never left the shelf are released"
        assert case_of(facts).replenish is True
        assert wanted.location
        units = dict(wanted.lines)
        for line_id, count in wanted.release:
            line = order.line(line_id)
            assert line is not None
            assert 0 < count <= min(line.unfulfilled, units[line_id])
    payment = next(each for each in order.payments if each.id == wanted.parent_payment)
    assert payment.gateway in facts.shop.safe_gateways
    assert not payment.moves_money
    assert payment.gateway not in NEVER
    assert not facts.stale(Party.COMMERCE)
    assert not any(each.trace == wanted.refund_id for each in order.refunds)
    assert not any(isinstance(each.wanted, BookRefund) and each.open for each in facts.ledger)


def case_of(facts: Facts) -> ChannelCase:
    """The case, which is known wherever an effect is written."""
    assert facts.channel is not None
    return facts.channel


def _end(facts: Facts, now: int, made: Plan) -> None:
    case = facts.channel
    if made.ended:
        assert case is not None
        assert case.stage in ENDED, "only the channel ends a case"
        assert case.stage is not Stage.UNKNOWN
        assert all(lane.terminal for lane in made.lanes.values())
        assert not any(effect.open for effect in facts.ledger)
        assert not any(isinstance(step, (Write, Send)) for step in made.steps)
        assert not facts.stale(Party.CHANNEL), "news that nobody has read may open it again"
        if case.kind is Kind.UNKNOWN:
            assert facts.history or facts.said.waived, "an unknown word is never final"
    else:
        assert made.steps or made.questions or made.troubles or made.wake_at is not None, "it hangs in silence"
        assert made.steps or made.wake_at is not None or facts.shop.paused, "and it is looked at again"
    if not made.steps and made.wake_at is not None:
        assert made.wake_at > now, "it would wake for nothing, at once, for ever"
    if case is not None and not made.ended:
        for due in case.due:
            if due.deadline is not None and now < due.deadline and facts.ours_to_answer(due.action):
                told = made.questions or made.troubles or made.steps or any(each.open for each in facts.ledger)
                proposed = facts.observing and any(each.state is EffectState.PROPOSED for each in facts.ledger)
                soon = made.wake_at is not None and made.wake_at < due.deadline
                assert told or proposed or soon, f"nobody hears of {due.action}"
