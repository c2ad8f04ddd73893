"""The heart: from everything known of a case, a policy and a moment to what is to be done. Pure."""

from __future__ import annotations

from backhaul.domain.adoption import adopted, held, without_gone
from backhaul.domain.channel import ChannelCase
from backhaul.domain.deadlines import last_attempt, nearest, warn
from backhaul.domain.decisions import decision_lane
from backhaul.domain.desk_votes import ask_for_reason, with_desk
from backhaul.domain.desks import desk_lane
from backhaul.domain.facts import Facts
from backhaul.domain.instead import ask_instead
from backhaul.domain.ledger import follow
from backhaul.domain.matching import case_lines
from backhaul.domain.parcels import parcel_lane
from backhaul.domain.policy import DAY, HOUR, Policy
from backhaul.domain.records import close, find_order, records_lane
from backhaul.domain.refunds import money_lane, still_adopted
from backhaul.domain.starting import starting_lane
from backhaul.domain.steps import Draft, Lane, Look, Plan, Send, Settle, Source, Step, Trouble, Write
from backhaul.domain.stock import stock_lane
from backhaul.domain.terms import Mode
from backhaul.domain.words import ENDED, Action, Actor, Kind, Party, Stage

LANES = {Party.CHANNEL: "decision", Party.DESK: "desk"}  # where a party's silence shows; commerce's in the records
VERSION = 1  # part of the record of why something was done


def plan(facts: Facts, policy: Policy, now: int) -> Plan:
    """What must happen next with one case at ``now`` (Unix seconds by the shop's clock)."""
    draft = Draft()
    draft.places, draft.adopted = held(facts), facts.adopted
    case = facts.channel
    if case is None and facts.nameless:
        return _nameless(facts, policy, now, draft)
    if case is None:
        draft.steps.append(Look(Source.CASE, "the case has not been read", 2))
        return _freeze(facts, now, draft, {}, False)
    facts = with_desk(without_gone(facts))
    case = facts.channel
    assert case is not None
    urgent = last_attempt(facts, policy, now)
    if facts.stale(Party.CHANNEL) or facts.asked_to_look("case"):
        draft.steps.append(Look(Source.CASE, "the channel has news", 2))
    if facts.beginning and case.started_by is not Actor.BUYER:
        # It may be the case that we are starting; it is known in a moment, with all that was said of it before.
        draft.wake(now + 3)
        return _freeze(facts, now, draft, {"decision": Lane("starting")}, False)
    for effect in facts.ledger:
        if effect.open:
            follow(effect, facts, now, urgent, draft)
    order = find_order(facts, now, draft)
    lines = case_lines(facts)
    draft.adopted = still_adopted(facts)
    draft.places = adopted(facts, order, lines)
    ask_instead(facts, now, draft)
    lanes = {"decision": decision_lane(facts, policy, now, draft)}
    lanes["money"] = money_lane(facts, order, lines, now, draft)
    lanes["parcel"] = parcel_lane(facts, now, draft)
    lanes["stock"] = stock_lane(facts, policy, order, lines, now, draft)
    lanes["records"] = records_lane(facts, policy, order, lines, now, draft)
    if facts.shop.desk is not None:
        lanes["desk"] = desk_lane(facts, policy, order, lines, lanes, now, draft)
        ask_for_reason(facts, draft)
    close(facts, order, lines, lanes, draft)
    _beyond(facts, case, draft)
    warn(facts, policy, now, draft)
    waiting = any(effect.open for effect in facts.ledger)
    doing = any(isinstance(step, (Write, Send)) for step in draft.steps)
    over = case.stage in ENDED and not (waiting or doing) and all(lane.terminal for lane in lanes.values())
    ended = over and not facts.stale(Party.CHANNEL)  # news that nobody has read may open it again
    if not ended:
        _daily(facts, now, draft)
    if not over:
        _untaken(facts, case, draft)
    return _freeze(facts, now, draft, lanes, ended, urgent)


def _nameless(facts: Facts, policy: Policy, now: int, draft: Draft) -> Plan:
    """A case that begins with us, before the channel has given it an id."""
    lane = starting_lane(facts, policy, now, draft)
    return _freeze(facts, now, draft, {"decision": lane}, lane.terminal)


def _daily(facts: Facts, now: int, draft: Draft) -> None:
    due = facts.seen.channel_at + DAY
    if now >= due:
        draft.steps.append(Look(Source.CASE, "every open case is read daily", 26))
    # A read that cannot be made now (the login ended, the channel is silent) is not asked for every second.
    draft.wake(due if now < due else now + HOUR)


def _untaken(facts: Facts, case: ChannelCase, draft: Draft) -> None:
    """A case that was open when the shop went live, was not taken over, and has now ended on the channel."""
    if facts.observing and facts.shop.mode is Mode.LIVE and case.stage in ENDED:
        draft.troubles.append(
            Trouble(
                "untaken",
                "records",
                "The case ended on the channel but was never taken over: what commerce lacks is only proposed.",
                "Take the case over, or waive its records.",
            )
        )


def _beyond(facts: Facts, case: ChannelCase, draft: Draft) -> None:
    """Cases this version shows but does not decide, so that a person does it in time."""
    if case.stage in ENDED and case.kind is Kind.UNKNOWN and not (facts.history or facts.said.waived):
        draft.troubles.append(
            Trouble(
                "beyond",
                "decision",
                f"The case has ended, but the hub does not know what “{case.raw_kind}” is.",
                "Look at it in Seller Center, do in commerce what it needs, then waive the money.",
                console=True,
            )
        )
    if case.stage in ENDED or any(trouble.console for trouble in draft.troubles):
        return
    unknown = case.kind is Kind.UNKNOWN or case.stage is Stage.UNKNOWN
    if unknown:
        what = case.raw_kind or case.kind
        draft.troubles.append(
            Trouble(
                "beyond",
                "decision",
                f"The hub follows this {what} ({case.raw_status or case.stage}) but cannot answer it.",
                "Handle it in Seller Center; the hub shows what becomes of it.",
                deadline=min((due.deadline for due in case.due if due.deadline), default=None),
                console=True,
            )
        )


def _freeze(facts: Facts, now: int, draft: Draft, lanes: dict[str, Lane], ended: bool, urgent: bool = False) -> Plan:
    steps = sorted(_once(_able(facts, now, urgent, draft)), key=lambda step: step.rank)
    for party, text in facts.shop.paused.items():
        if any(_party(step, facts) is party for step in draft.steps):
            draft.troubles.append(
                Trouble(
                    f"paused:{party}",
                    LANES.get(party, "records"),
                    text,
                    "Log in again on the Connections page.",
                    ("connection", party),
                    nearest(facts)[1] if party is Party.CHANNEL else None,
                )
            )
    # Of whom nothing more is wanted, it does not matter that they do not answer.
    for party, backoff in () if ended else facts.seen.backoff.items():
        if backoff.parked or (backoff.tries >= 5 and now < backoff.until):
            lane = LANES.get(party, "records")
            what = "answers in a shape the hub does not know" if backoff.parked else "does not answer"
            draft.troubles.append(
                Trouble(
                    f"backoff:{party}",
                    lane,
                    f"{party.capitalize()} {what}: {backoff.text}",
                    "The hub keeps trying. Look at the vendor's status page, then at Connections.",
                    retry="look:desk" if party is Party.DESK else "look:case",
                )
            )
    action, deadline = nearest(facts)
    return Plan(
        lanes,
        tuple(steps),
        tuple(draft.questions),
        tuple({trouble.key: trouble for trouble in draft.troubles}.values()),
        tuple(draft.entries),
        draft.wake_at,
        ended,
        _status(facts, lanes, ended),
        action,
        deadline,
        draft.money,
        draft.places,
        draft.adopted,
    )


def _party(step: Step, facts: Facts) -> Party | None:
    """Whom the step asks. In observe a new effect is only written down."""
    if isinstance(step, Look):
        return step.source.party
    if isinstance(step, Send):
        return step.party
    if isinstance(step, Write) and not facts.observing:
        return step.wanted.party
    return None


def _able(facts: Facts, now: int, urgent: bool, draft: Draft) -> list[Step]:
    """Leave out what asks a party that is paused or backs off: that party's steps wait, nobody else's do."""
    able: list[Step] = []
    for step in draft.steps:
        party = _party(step, facts)
        if party is None:
            able.append(step)
        elif party in facts.shop.paused:
            continue
        elif (backoff := facts.backing_off(party, now)) and not (urgent and party is Party.CHANNEL):
            draft.wake(backoff.until)
        else:
            able.append(step)
    return able


def _once(steps: list[Step]) -> list[Step]:
    """One read per source and one effect per target, each at its most urgent. Settling comes before sending."""
    best: dict[object, Step] = {}
    for step in steps:
        key: object
        if isinstance(step, Look):
            key = step.source
        elif isinstance(step, Write):
            key = step.wanted.target
        elif isinstance(step, (Send, Settle)):
            key = step.effect_id
        else:
            key = step.keys
        if key not in best or step.rank < best[key].rank:
            best[key] = step
    return list(best.values())


STATUS = {
    Stage.REQUESTED: "requested",
    Stage.OFFERED: "offered",
    Stage.AWAITING_SHIPMENT: "awaiting_parcel",
    Stage.SHIPPED: "in_transit",
    Stage.REQUEST_REJECTED: "request_rejected",
    Stage.PARCEL_REJECTED: "parcel_rejected",
    Stage.ACCEPTED: "accepted",
    Stage.COMPLETED: "refunded",
    Stage.CANCELLED: "cancelled",
    Stage.UNKNOWN: "unknown",
}


NAMELESS = {
    "to_confirm": "to_confirm",
    "not_started": "not_started",
    "proposed": "proposed",
    "withdrawn": "withdrawn",
    "declined": "withdrawn",
    "to_inspect": "blind",
    "judged": "blind",
    "unknown_order": "blind",
}


def _status(facts: Facts, lanes: dict[str, Lane], ended: bool) -> str:
    """The hub's own word for the grid; "refunded" and "closed" are two facts, as the money may precede the goods."""
    case = facts.channel
    if case is None:
        return NAMELESS.get(lanes["decision"].state, "starting") if facts.nameless and lanes else "new"
    if ended and case.stage is Stage.COMPLETED:
        return "closed"
    if case.stage is Stage.SHIPPED and case.action_due(Action.JUDGE_PARCEL):
        return "delivered"
    if facts.goods_outlast and not case.paid_instead:
        received, judged = facts.said.received, facts.said.verdicts
        to_inspect = any(unit.id in received and unit.id not in judged for unit in case.units)
        whole = all(unit.id in received or unit.id in judged for unit in case.units)
        return "accepted" if to_inspect or whole else "awaiting_parcel"
    return STATUS[case.stage]
