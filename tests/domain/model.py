"""A small world for the plan to live in: a channel and a commerce system that keep books, lose answers, show old
reads and repeat hints. Not the simulator: no wire, no shapes, only the states of the reference, so that the loop can
be driven thousands of times. What may go wrong comes from ``chance``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from backhaul.domain.channel import ChannelCase
from backhaul.domain.commerce import CommerceRefund, CommerceReturn, ReturnedLine
from backhaul.domain.effects import (  # fmt: skip
    AnyEffect,
    AttachTracking,
    BookRefund,
    CancelReturn,
    CloseReturn,
    CreateReturn,
    Decide,
    Dispose,
    Effect,
    EffectState,
    Repeat,
    Safety,
    StampOrder,
)
from backhaul.domain.facts import Facts, Link, LinkState, Place, Seen
from backhaul.domain.folding import back_off, fall_behind, fold_case, fold_commerce, forget_read
from backhaul.domain.policy import Policy
from backhaul.domain.said import Said, Verdict, Vote
from backhaul.domain.steps import Look, Send, Settle, Source, Step, Warn, Write
from backhaul.domain.words import Action, Condition, Decision, Disposition, Party, Stage
from tests.domain.build import (
    BOTH_SOLD,
    CASE,
    DAY,
    GID,
    NOW,
    RETURN,
    case,
    change,
    channel_order,
    commerce,
    due,
    paid,
    shipped,
    terms,
    usd,
)  # fmt: skip
from tests.domain.invariants import check

SAFETY = {
    Decide: Safety(Repeat.REFUSED_IF_DONE, settle_s=10),
    StampOrder: Safety(Repeat.REFUSED_IF_DONE, settle_s=15),
    BookRefund: Safety(Repeat.KEYED, DAY, Repeat.FINDABLE, 15),
    CloseReturn: Safety(Repeat.REFUSED_IF_DONE, settle_s=15),
    CancelReturn: Safety(Repeat.REFUSED_IF_DONE, settle_s=15),
}
FINDABLE = Safety(Repeat.FINDABLE, settle_s=15)
MOODS = ("ok", "ok", "ok", "lost", "unreached", "crash")


class Crash(Exception):
    """The process died here; what was committed stays."""


class World:
    """The vendors with their books, and the hub's committed rows (seen, said, ledger)."""

    def __init__(self, chance: Callable[[str, tuple[str, ...]], str]) -> None:
        self.chance = chance
        self.now = NOW
        self.channel = case(due=(due(),), created_at=NOW - 60, updated_at=NOW - 60)
        self.before = self.channel
        self.order = commerce(stamped="")
        self.keys: set[str] = set()
        self.decisions: list[Decision] = []
        self.booked: list[int] = []
        self.restocked: list[str] = []
        self.heard = {Party.CHANNEL: 0, Party.COMMERCE: 0, Party.DESK: 0}
        self.seen = Seen(
            order=channel_order(), link=Link(LinkState.MATCHED, GID, "name"), reason_ids={"other-reason": "R"}
        )
        self.said = Said()
        self.ledger: tuple[Effect, ...] = ()
        self.shop = terms()
        self.places: tuple[Place, ...] = ()
        self.made: dict[str, str] = {}  # effect -> what the vendor calls what it made
        self.calm = False

    def facts(self) -> Facts:
        """What the hub knows."""
        channel, commerce_, desk = (self.heard[each] for each in (Party.CHANNEL, Party.COMMERCE, Party.DESK))
        known = Facts("c", "s", self.seen, self.said, self.ledger, self.shop, channel, commerce_, desk)
        return change(known, places=self.places)  # type: ignore[no-any-return]

    def mood(self, what: str, moods: tuple[str, ...]) -> str:
        """How the next thing goes; well, once the world is calm."""
        return "ok" if self.calm else self.chance(what, moods)

    def hint(self, party: Party) -> None:
        """Something changed there: told never, once or twice (when nothing is told, the daily read finds it)."""
        self.heard[party] += {"ok": 1, "twice": 2, "never": 0}[self.mood("hint", ("ok", "twice", "never"))]

    # -- the hub's loop

    def step(self, step: Step) -> None:
        """Take one step of the plan; raises Crash when the process dies in it."""
        if isinstance(step, Look):
            self.look(step)
        elif isinstance(step, Write):
            safety = SAFETY.get(type(step.wanted), FINDABLE)
            tried = sum(each.target == step.wanted.target for each in self.ledger)
            ours = Effect(
                f"{step.wanted.target}#{tried}",
                step.wanted,
                EffectState.INTENT,
                safety,
                self.now,
                step.because,
                step.by,
            )
            self.ledger = (*self.ledger, ours)
            self.send(ours)
        elif isinstance(step, Send):
            self.send(next(each for each in self.ledger if each.id == step.effect_id))
        elif isinstance(step, Settle):
            self.update(step.effect_id, state=step.state, code=step.code)
        elif isinstance(step, Warn):
            self.seen = change(self.seen, warned=(*self.seen.warned, *step.keys))

    def look(self, step: Look) -> None:
        mood = self.mood(f"look {step.source}", ("ok", "ok", "old", "away", "crash"))
        if mood == "crash":
            raise Crash
        if mood == "away":
            self.seen = back_off(self.seen, step.source.party, "away", self.now, 5)
        elif step.source is Source.CASE:
            shown = self.before if mood == "old" else self.channel
            self.seen = fold_case(self.seen, shown, self.heard[Party.CHANNEL], self.now, self.ledger)
        elif step.source is Source.ANSWERABLE:
            self.seen = change(self.seen, answerable_for=self.facts().reviews, answerable_at=self.now)
        else:
            assert step.source is Source.COMMERCE, step
            self.seen = fold_commerce(self.seen, self.order, self.heard[Party.COMMERCE], self.now)

    def send(self, ours: Effect) -> None:
        self.update(
            ours.id,
            state=EffectState.SENT,
            attempts=ours.attempts + 1,
            sent_at=self.now if ours.sent_at is None else ours.sent_at,
            dead_at=self.now + 15,
            taken_over=False,
        )
        mood, party = self.mood(f"send {ours.target}", MOODS), ours.wanted.party
        if mood == "unreached":  # nothing happened
            self.update(ours.id, state=EffectState.INTENT)
            self.seen = back_off(self.seen, party, "away", self.now, 5)
            return
        answer = self.vendor(ours.wanted, ours.id)
        if mood == "crash":
            self.update(ours.id, taken_over=True)
            raise Crash
        if mood == "lost":
            self.seen = forget_read(self.seen, party)
        elif answer:
            made = self.made.get(ours.id, "")
            self.update(ours.id, state=EffectState.ACCEPTED, answered_at=self.now, result=made)
            self.seen = fall_behind(self.seen, party)
        else:
            self.update(ours.id, state=EffectState.REFUSED, answered_at=self.now)
            self.seen = forget_read(self.seen, party)

    def update(self, ident: str, **changes: Any) -> None:
        self.ledger = tuple(change(each, **changes) if each.id == ident else each for each in self.ledger)

    # -- the vendors. True: accepted (also: it is so already)

    def vendor(self, wanted: AnyEffect, key: str) -> bool:
        if isinstance(wanted, Decide):
            return self.decide(wanted)
        again, self.keys = key in self.keys, self.keys | {key}
        self.order = change(self.order, updated_at=self.now)
        self.hint(Party.COMMERCE)
        if isinstance(wanted, StampOrder):
            self.order = change(self.order, stamped=wanted.channel_order_id)
        elif isinstance(wanted, CreateReturn):
            lines = tuple(
                ReturnedLine(f"RL{n}", f"L{n}", 1, f"F{n}", "RO1", f"RR{n}") for n in (1, 2) if self.order.returns == ()
            )
            if not lines:
                return False
            made = CommerceReturn(RETURN, "#1-R1", "open", wanted.case_id, lines)
            self.order = change(self.order, returns=(made,), shipped=())
        elif isinstance(wanted, BookRefund):
            if not again:
                self.booked.append(wanted.amount.minor)
                made_ = CommerceRefund(f"refund {len(self.booked)}", self.now, wanted.amount, wanted.refund_id)
                self.order = change(
                    self.order, refunds=(*self.order.refunds, made_), lines=BOTH_SOLD, refundable=usd(0)
                )
        else:
            self.returned(wanted)
        return True

    def returned(self, wanted: AttachTracking | Dispose | CloseReturn | CancelReturn | Any) -> None:
        (ours,) = (each for each in self.order.returns if each.id == wanted.return_id)
        if isinstance(wanted, AttachTracking):
            ours = change(ours, tracking=(*ours.tracking, wanted.tracking_number))
        elif isinstance(wanted, Dispose):
            self.restocked += wanted.units
            lines = tuple(
                change(line, disposed=((wanted.disposition, 1),))
                if line.reverse_line_id == wanted.reverse_line_id
                else line
                for line in ours.lines
            )
            ours = change(ours, lines=lines)
        else:
            ours = change(ours, status="closed" if isinstance(wanted, CloseReturn) else "cancelled")
        self.order = change(self.order, returns=(ours,))

    def moved(self, stage: Stage, **changes: Any) -> None:
        """The channel's case moves on."""
        self.before = self.channel
        self.channel = change(self.channel, stage=stage, updated_at=self.now, **changes)
        self.hint(Party.CHANNEL)

    def decide(self, wanted: Decide) -> bool:
        if self.channel.action_due(wanted.action) is None:
            return True  # "already so": only a read tells on whose terms
        self.decisions.append(wanted.decision)
        if wanted.decision is Decision.APPROVE_RETURN:
            self.moved(Stage.AWAITING_SHIPMENT, due=())
        elif wanted.decision is Decision.ACCEPT_PARCEL:
            self.moved(Stage.ACCEPTED, due=())
        return True

    # -- what buyers and people do

    def goes_on(self) -> None:
        """The outside world's next move, when there is one."""
        found: ChannelCase = self.channel
        if found.stage is Stage.REQUESTED and not self.said.votes:
            vote = Vote(Action.ANSWER_RETURN, 1, Decision.APPROVE_RETURN, "ann", self.now)
            self.said = change(self.said, votes=(vote,))
        elif found.stage is Stage.AWAITING_SHIPMENT:
            self.moved(Stage.SHIPPED, way_back=shipped())
        elif found.stage is Stage.SHIPPED and not found.due:
            self.moved(Stage.SHIPPED, due=(due(Action.JUDGE_PARCEL, self.now + 2 * DAY),))
        elif found.stage is Stage.SHIPPED and not self.said.verdicts:
            fine = Verdict(Condition.SELLABLE, Disposition.RESTOCK, "bo", self.now)
            both = {"u1": self.now, "u2": self.now}
            self.said = change(self.said, received=both, verdicts={"u1": fine, "u2": fine})
        elif found.stage is Stage.ACCEPTED:
            self.moved(Stage.COMPLETED, refunds=(paid(2000, CASE, self.now),))

    def run(self, policy: Policy, most: int = 400) -> None:
        """Plan, take the first step, plan again; when nothing is to be done, time and the outside world go on."""
        for turn in range(most):
            self.calm = self.calm or turn > most // 2
            made = check(self.facts(), policy, self.now)
            self.places = made.places
            if made.ended:
                return
            try:
                if made.steps:
                    self.step(made.steps[0])
                else:
                    self.goes_on()
                    wake = made.wake_at if made.wake_at is not None else self.now + DAY
                    self.now = max(self.now + 1, min(wake, self.now + DAY))
            except Crash:
                self.now += 61  # the claim runs out, another process takes over
        raise AssertionError(f"it does not come to an end: {check(self.facts(), policy, self.now)}")
