"""Every reachable situation of a case: kind × stage × action due × voice × money × parcel × return × open effect.

Reachable is what the reference's state tables allow: an answer is due only where a seller answers, money is proven only
after the channel accepted, a booking or an effect only where its cause is. ``python -m tests.domain.situations`` prints
what the plan makes of each; ``situations.txt`` is that print, reviewed and frozen.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from backhaul.domain.effects import (
    AnyEffect,
    CreateReturn,
    Effect,
    EffectState,
    Repeat,
    ReturnLine,
    Safety,
    UploadLabel,
)
from backhaul.domain.facts import Facts
from backhaul.domain.policy import Policy
from backhaul.domain.said import Label, Said, Vote
from backhaul.domain.steps import Look, Plan, Send, Settle, Warn, Write
from backhaul.domain.words import APPROVED, Action, Condition, Decision, Disposition, Kind, Stage
from tests.domain.build import (
    BOTH_SOLD,
    CASE,
    GID,
    NOW,
    OPENED,
    answerable,
    book,
    booking,
    case,
    change,
    commerce,
    decide,
    due,
    effect,
    facts,
    label_wanted,
    paid,
    record,
    shipped,
    usd,
)
from tests.domain.invariants import check
from tests.domain.test_stock import RESTOCK, SELLABLE

QUESTION = {
    (Kind.REFUND, Stage.REQUESTED): Action.ANSWER_REFUND,
    (Kind.RETURN, Stage.REQUESTED): Action.ANSWER_RETURN,
    (Kind.RETURN, Stage.SHIPPED): Action.JUDGE_PARCEL,
    (Kind.REPLACEMENT, Stage.REQUESTED): Action.ANSWER_REPLACEMENT,
    (Kind.EXCHANGE, Stage.REQUESTED): Action.ANSWER_EXCHANGE,
    (Kind.CANCELLATION, Stage.REQUESTED): Action.ANSWER_CANCELLATION,
    (Kind.UNKNOWN, Stage.REQUESTED): Action.UNKNOWN,
}
STAGES = {
    Kind.REFUND: (
        Stage.REQUESTED, Stage.OFFERED, Stage.REQUEST_REJECTED, Stage.ACCEPTED, Stage.COMPLETED, Stage.CANCELLED,
        Stage.UNKNOWN,
    ),
    Kind.RETURN: tuple(Stage),
    Kind.REPLACEMENT: (Stage.REQUESTED, Stage.REQUEST_REJECTED, Stage.COMPLETED, Stage.CANCELLED),
    Kind.EXCHANGE: (Stage.REQUESTED, Stage.REQUEST_REJECTED, Stage.COMPLETED, Stage.CANCELLED),
    Kind.CANCELLATION: (Stage.REQUESTED, Stage.ACCEPTED, Stage.COMPLETED, Stage.CANCELLED),
    Kind.UNKNOWN: (Stage.REQUESTED, Stage.UNKNOWN, Stage.COMPLETED),
}  # fmt: skip
APPROVE = {
    Action.ANSWER_REFUND: Decision.APPROVE_REFUND,
    Action.ANSWER_RETURN: Decision.APPROVE_RETURN,
    Action.JUDGE_PARCEL: Decision.ACCEPT_PARCEL,
    Action.ANSWER_REPLACEMENT: Decision.APPROVE_REPLACEMENT,
    Action.ANSWER_EXCHANGE: Decision.APPROVE_EXCHANGE,
    Action.ANSWER_CANCELLATION: Decision.APPROVE_CANCELLATION,
}
REJECT = {
    Action.ANSWER_REFUND: Decision.REJECT_REFUND,
    Action.ANSWER_RETURN: Decision.REJECT_RETURN,
    Action.JUDGE_PARCEL: Decision.REFUSE_PARCEL,
    Action.ANSWER_REPLACEMENT: Decision.REJECT_REPLACEMENT,
    Action.ANSWER_EXCHANGE: Decision.REJECT_EXCHANGE,
    Action.ANSWER_CANCELLATION: Decision.REJECT_CANCELLATION,
}
REFUND = {
    Action.ANSWER_REPLACEMENT: Decision.REFUND_INSTEAD,
    Action.ANSWER_EXCHANGE: Decision.REFUND_EXCHANGE,
}
DAMAGED = change(SELLABLE["u2"], condition=Condition.DAMAGED, disposition=Disposition.NOT_RESTOCKED)
VERDICTS = {"judged": SELLABLE, "mixed": {**SELLABLE, "u2": DAMAGED}, "bad": dict.fromkeys(SELLABLE, DAMAGED)}
KEYED = Safety(Repeat.KEYED, 86_400, Repeat.FINDABLE, 15)
FINDABLE = Safety(Repeat.FINDABLE, settle_s=15)
DISPOSED = dict.fromkeys(("L1", "L2"), ((RESTOCK, 1),))
LINES = (ReturnLine("F1", 1, "R2", "no_need"), ReturnLine("F2", 1, "R2", "no_need"))
BACK = (Stage.SHIPPED, Stage.ACCEPTED, Stage.COMPLETED, Stage.PARCEL_REJECTED)
STATES = (EffectState.INTENT, EffectState.SENT, EffectState.ACCEPTED, EffectState.REFUSED)

Words = tuple[str, ...]


def _dues(kind: Kind, stage: Stage) -> tuple[Action | None, ...]:
    action = QUESTION.get((kind, stage))
    return (None,) if action is None else (None, action)


def _moneys(kind: Kind, stage: Stage) -> Words:
    if kind in (Kind.REPLACEMENT, Kind.EXCHANGE) and stage is Stage.COMPLETED:
        return "unpaid", "proven", "booked"  # money only where it went out instead of the goods
    if kind in (Kind.RETURN, Kind.REFUND, Kind.CANCELLATION) and stage in (Stage.ACCEPTED, Stage.COMPLETED):
        return "unpaid", "proven", "booked", "adopted"
    return ("unpaid",)


def _parcels(kind: Kind, stage: Stage) -> Words:
    if kind is not Kind.RETURN:
        return ("-",)
    if stage is Stage.AWAITING_SHIPMENT:
        return "-", "label due", "label given", "label sent"
    if stage is Stage.SHIPPED:
        return "on its way", "received", "judged", "mixed", "bad"
    if stage in BACK:
        return "on its way", "received", "judged"
    return ("-",)


def _records(kind: Kind, stage: Stage, parcel: str) -> Words:
    if kind is not Kind.RETURN or stage not in (*APPROVED, Stage.CANCELLED, Stage.PARCEL_REJECTED):
        return ("-",)
    if parcel in ("mixed", "bad"):
        return ("open",)
    if parcel == "judged":
        return "-", "open", "disposed", "closed"
    return "-", "open"


def _effects(kind: Kind, stage: Stage, action: Action | None, money: str, record_: str) -> Iterator[tuple[str, Any]]:
    yield "-", None
    if action in APPROVE:
        for state in STATES:
            yield f"decide {state}", effect(decide(APPROVE[action], action), state)
    if stage is Stage.OFFERED:
        offer = change(decide(Decision.OFFER_PARTIAL), offer=usd(500))
        yield "offer accepted", effect(offer, EffectState.ACCEPTED)
    if stage is Stage.AWAITING_SHIPMENT:
        yield "decide accepted", effect(decide(), EffectState.ACCEPTED)
    if money in ("proven", "booked"):
        for state in STATES if money == "proven" else (EffectState.ACCEPTED, EffectState.CONFIRMED):
            yield f"book {state}", effect(book(), state, KEYED)
    if kind is Kind.RETURN and stage in APPROVED and record_ == "-":
        for state in STATES:
            yield f"create {state}", effect(CreateReturn(CASE, GID, LINES, OPENED), state, FINDABLE)


def situations() -> Iterator[tuple[str, Facts]]:
    """(name, facts) of every reachable situation."""
    for kind, stages in STAGES.items():
        for stage in stages:
            for action in _dues(kind, stage):
                for voice in _voices(action):
                    for money in _moneys(kind, stage):
                        for parcel in _parcels(kind, stage):
                            for record_ in _records(kind, stage, parcel):
                                for name, standing in _effects(kind, stage, action, money, record_):
                                    words = (kind, stage, action or "-", voice, money, parcel, record_, name)
                                    made = _facts(kind, stage, action, voice, money, parcel, record_, standing)
                                    yield " | ".join(words), made


def _voices(action: Action | None) -> Words:
    if action in (Action.ANSWER_REFUND, Action.ANSWER_RETURN):
        return "-", "approve", "reject", "offer"
    if action in (Action.ANSWER_REPLACEMENT, Action.ANSWER_EXCHANGE):
        return "-", "approve", "reject", "instead"
    return ("-", "approve", "reject") if action in APPROVE else ("-",)


def _vote(voice: str, action: Action) -> Vote:
    decision = {"approve": APPROVE, "reject": REJECT, "instead": REFUND}.get(voice, {}).get(action)
    if decision is None:
        return Vote(action, 1, Decision.OFFER_PARTIAL, "ann", NOW - 200, offer=usd(500))
    return Vote(action, 1, decision, "ann", NOW - 200, "r1" if voice == "reject" else "")


def _facts(
    kind: Kind,
    stage: Stage,
    action: Action | None,
    voice: str,
    money: str,
    parcel: str,
    record_: str,
    standing: Effect | None,
) -> Facts:
    changes: dict[str, Any] = {"due": (due(action),)} if action else {}
    if parcel.startswith("label"):
        changes["way_back"] = label_wanted()
    elif parcel != "-":
        changes["way_back"] = shipped()
    if money != "unpaid":
        changes |= {"refunds": (paid(),), "paid_instead": kind in (Kind.REPLACEMENT, Kind.EXCHANGE)}
    if kind is Kind.CANCELLATION:
        changes["replenish"] = True
    if stage is Stage.OFFERED:
        changes["offer"] = usd(500)
    books: dict[str, Any] = {}
    if kind is Kind.CANCELLATION and money != "adopted":
        books["lines"] = tuple(change(line, unfulfilled=1) for line in commerce().lines)
    if record_ != "-":
        status = "closed" if record_ == "closed" else "open"
        disposed = DISPOSED if record_ in ("disposed", "closed") else {}
        books["returns"] = (record(status, disposed=disposed, tracking=("1Z",) if parcel in _THERE else ()),)
    if money in ("booked", "adopted"):
        books |= {
            "refunds": (booking(trace=CASE if money == "booked" else ""),),
            "lines": BOTH_SOLD,
            "refundable": usd(0),
        }
    said: dict[str, Any] = {}
    if voice != "-" and action is not None:
        said["votes"] = (_vote(voice, action),)
    if parcel == "received":
        said["received"] = {"u1": NOW - 60, "u2": NOW - 60}
    elif parcel in VERDICTS:
        said |= {"received": {"u1": NOW - 60, "u2": NOW - 60}, "verdicts": VERDICTS[parcel]}
    ledger = [standing] if standing is not None else []
    if parcel in ("label given", "label sent"):
        said["label"] = Label("att", "f00", "1Z", "c1", "ann", NOW - 30)
    if parcel == "label sent":
        upload: AnyEffect = UploadLabel(CASE, "att", "f00", "1Z", "c1")
        ledger.append(effect(upload, EffectState.SENT))
    answers: tuple[Any, ...] = (answerable(REJECT[action], "r1"),) if action in REJECT else ()
    if action is Action.ANSWER_EXCHANGE:
        answers += (answerable(Decision.APPROVE_EXCHANGE), answerable(Decision.REFUND_EXCHANGE))
    return facts(
        case(stage, kind, **changes),
        commerce(**books),
        Said(**said),
        ledger,
        answerable=answers,
        answerable_for=f"{action}:1" if action else "",
        answerable_at=NOW,
        round=dict.fromkeys(Action, 1),
    )


_THERE = ("on its way", "received", *VERDICTS)


def summary(made: Plan) -> str:
    """What a plan wants, in one line."""
    words: list[str] = []
    for step in made.steps:
        if isinstance(step, Look):
            words.append(f"look {step.source}")
        elif isinstance(step, Write):
            words.append(f"write {getattr(step.wanted, 'decision', '') or step.wanted.__struct_config__.tag}")
        elif isinstance(step, Send):
            words.append(f"send {step.effect_id.split(':')[1]}")
        elif isinstance(step, Settle):
            words.append(f"settle {step.effect_id.split(':')[1]} {step.state}")
        elif isinstance(step, Warn):
            words.append(f"warn {step.hours}")
    words += [f"ask {question.kind}" for question in made.questions]
    words += [f"trouble {trouble.key.split(':')[0]}" for trouble in made.troubles]
    if made.ended:
        words.append("ended")
    return ", ".join(words) or "wait"


def lines() -> Iterator[str]:
    """The table, line by line; every plan keeps the invariants."""
    for name, known in situations():
        yield f"{name} => {summary(check(known, Policy(), NOW))}"


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in lines())
