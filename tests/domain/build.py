"""Facts for the tests, made by us: a shop that is live, a return of two units, its order on both sides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from backhaul.domain.channel import (
    ActionDue,
    Answerable,
    ChannelCase,
    ChannelOrder,
    ChannelOrderLine,
    ChannelRefund,
    ChannelUnit,
    WayBack,
)
from backhaul.domain.commerce import (
    CommerceLine,
    CommerceOrder,
    CommerceRefund,
    CommerceReturn,
    Payment,
    ReturnedLine,
    ShippedLine,
)
from backhaul.domain.desk import DeskLine, DeskReturn, DeskState
from backhaul.domain.effects import AnyEffect, BookRefund, Decide, Effect, EffectState, Repeat, Safety
from backhaul.domain.facts import Facts, Link, LinkState, Seen
from backhaul.domain.money import Money
from backhaul.domain.plan import plan
from backhaul.domain.policy import Policy
from backhaul.domain.said import Said
from backhaul.domain.steps import Draft, Plan, Write
from backhaul.domain.terms import Booker, DeskTerms, Mode, ShopTerms
from backhaul.domain.words import (
    Action,
    Decision,
    Disposition,
    Document,
    Kind,
    ShippedBy,
    Stage,
)

NOW = 1_800_000_000
HOUR = 3600
DAY = 24 * HOUR
LIVE = NOW - 30 * DAY
OPENED = NOW - DAY
CASE = "4035227007614"
ORDER = "5761234"
GID = "gid://shop/Order/1"
RETURN = "gid://shop/Return/1"
SAFE = "tiktok"


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def units(count: int = 2) -> tuple[ChannelUnit, ...]:
    return tuple(
        ChannelUnit(f"u{n}", f"l{n}", f"sku-{n}", f"SHIRT-{n}", f"Shirt {n}", usd(1000)) for n in range(1, count + 1)
    )


def case(stage: Stage = Stage.REQUESTED, kind: Kind = Kind.RETURN, **changes: Any) -> ChannelCase:
    known: dict[str, Any] = {
        "id": CASE,
        "order_id": ORDER,
        "kind": kind,
        "stage": stage,
        "created_at": OPENED,
        "updated_at": OPENED,
        "raw_kind": kind.upper(),
        "raw_status": stage.upper(),
        "reason_key": "no_need",
        "refund_total": usd(2000),
        "units": units(),
    }
    return ChannelCase(**{**known, **changes})


def due(action: Action = Action.ANSWER_RETURN, deadline: int | None = NOW + 30 * HOUR) -> ActionDue:
    return ActionDue(action, deadline, f"SELLER_{action}".upper())


def label_wanted(document: Document = Document.LABEL) -> WayBack:
    return WayBack(ShippedBy.SELLER, document)


def shipped(number: str = "1Z") -> WayBack:
    return WayBack(ShippedBy.CHANNEL, Document.LABEL, number, "c1", "UPS")


def paid(amount: int = 2000, ident: str = CASE, at: int = NOW - HOUR, currency: str = "USD") -> ChannelRefund:
    return ChannelRefund(ident, Money(amount, currency), at, "status")


def channel_order(by_channel: bool = False) -> ChannelOrder:
    return ChannelOrder(
        ORDER,
        "DELIVERED",
        OPENED - DAY,
        OPENED,
        "USD",
        usd(2000),
        tuple(ChannelOrderLine(f"l{n}", f"sku-{n}", f"SHIRT-{n}", f"Shirt {n}", usd(1000)) for n in (1, 2)),
        fulfilled_by_channel=by_channel,
    )


def commerce(**changes: Any) -> CommerceOrder:
    known: dict[str, Any] = {
        "id": GID,
        "name": "#1001",
        "currency": "USD",
        "updated_at": OPENED,
        "lines": tuple(
            CommerceLine(f"L{n}", f"SHIRT-{n}", quantity=1, refundable=1, unit_price=usd(1000), unit_tax=usd(0))
            for n in (1, 2)
        ),
        "shipped": (ShippedLine("F1", "L1", 1), ShippedLine("F2", "L2", 1)),
        "payments": (Payment("P1", "sale", SAFE, usd(2000), True),),
        "refundable": usd(2000),
        "stamped": ORDER,
    }
    return CommerceOrder(**{**known, **changes})


UNTOUCHED = commerce()


def record(
    status: str = "open",
    trace: str = CASE,
    disposed: Mapping[str, tuple[tuple[Disposition, int], ...]] | None = None,
    tracking: tuple[str, ...] = (),
) -> CommerceReturn:
    lines = tuple(
        ReturnedLine(f"RL{n}", f"L{n}", 1, f"F{n}", "RO1", f"RR{n}", (disposed or {}).get(f"L{n}", ())) for n in (1, 2)
    )
    return CommerceReturn(RETURN, "#1001-R1", status, trace, lines, tracking)


def booking(
    trace: str = CASE, amount: int = 2000, created_at: int = NOW - HOUR, ident: str = "gid://shop/Refund/1"
) -> CommerceRefund:
    return CommerceRefund(ident, created_at, usd(amount), trace, lines=(("L1", 1), ("L2", 1)))


BOTH_SOLD = tuple(
    CommerceLine(f"L{n}", f"SHIRT-{n}", quantity=1, refundable=0, unit_price=usd(1000), unit_tax=usd(0)) for n in (1, 2)
)


def seen(found: ChannelCase | None, books: CommerceOrder | None, **changes: Any) -> Seen:
    known: dict[str, Any] = {
        "channel": found,
        "channel_at": NOW,
        "channel_heard": 0,
        "round": {each.action: 1 for each in found.due} if found else {},
        "order": channel_order(),
        "postal_code": b"sealed",
        "link": Link(LinkState.MATCHED, GID, "name", tried_at=OPENED, tries=1),
        "commerce": books,
        "commerce_at": NOW if books else 0,
        "commerce_heard": 0 if books else -1,
        "reason_ids": {"changed-my-mind": "R2", "other-reason": "R5"},
        "warned": tuple(
            f"{each.action}:1:{each.deadline}:{hours}"
            for each in (found.due if found else ())
            for hours in (24, 12, 4, 1)
        ),
    }
    return Seen(**{**known, **changes})


def terms(**changes: Any) -> ShopTerms:
    known: dict[str, Any] = {
        "mode": Mode.LIVE,
        "live_since": LIVE,
        "safe_gateways": frozenset({SAFE}),
        "location": "gid://shop/Location/1",
    }
    return ShopTerms(**{**known, **changes})


def facts(
    found: ChannelCase | None,
    books: CommerceOrder | None = UNTOUCHED,
    said: Said | None = None,
    ledger: Iterable[Effect] = (),
    shop: ShopTerms | None = None,
    heard_channel: int = 0,
    heard_commerce: int = 0,
    heard_desk: int = 0,
    **changes: Any,
) -> Facts:
    return Facts(
        "case",
        "shop",
        seen(found, books, **changes),
        said or Said(),
        tuple(ledger),
        shop or terms(),
        heard_channel,
        heard_commerce,
        heard_desk,
    )


def desk_return(state: DeskState = DeskState.OPEN, **changes: Any) -> DeskReturn:
    """The desk's return of both units; it names lines by their number, as desks do."""
    known: dict[str, Any] = {
        "id": "D1",
        "state": state,
        "created_at": OPENED,
        "updated_at": OPENED,
        "order_name": "#1001",
        "lines": tuple(DeskLine(f"DL{n}", f"L{n}", f"SHIRT-{n}") for n in (1, 2)),
    }
    return DeskReturn(**{**known, **changes})


def desk_terms(**changes: Any) -> DeskTerms:
    return DeskTerms(**{"vendor": "loop", **changes})


def with_desk(
    found: ChannelCase | None,
    at_desk: DeskReturn | None = None,
    booker: Booker = Booker.HUB,
    desk: DeskTerms | None = None,
    **changes: Any,
) -> Facts:
    """Facts of a shop with a returns desk, which has just been read."""
    known: dict[str, Any] = {"desk": at_desk, "desk_at": NOW, "desk_heard": 0, "desk_since": NOW - HOUR}
    shop = changes.pop("shop", None) or terms(desk=desk or desk_terms(), booker=booker)
    return facts(found, shop=shop, **{**known, **changes})


def alone(found: ChannelCase | None, **changes: Any) -> Facts:
    """Facts of a shop without a commerce system: what concerns the channel only."""
    shop = changes.pop("shop", None) or terms()
    return facts(found, shop=change(shop, commerce_connected=False), **changes)


def answerable(decision: Decision, *reasons: str, eligible: bool = True) -> Answerable:
    return Answerable(decision.value, eligible, "", "", tuple((reason, reason.title()) for reason in reasons))


def decide(
    decision: Decision = Decision.APPROVE_RETURN,
    action: Action = Action.ANSWER_RETURN,
    round: int = 1,
    reason: str = "",
) -> Decide:
    return Decide(CASE, action, round, decision, reason)


def book(amount: int = 2000, ident: str = CASE) -> BookRefund:
    return BookRefund(ident, ident, GID, usd(amount), (("L1", 1), ("L2", 1)), NOW - HOUR, "P1", SAFE)


REFUSES = Safety(Repeat.REFUSED_IF_DONE, settle_s=10)


def effect(
    wanted: AnyEffect, state: EffectState = EffectState.SENT, safety: Safety = REFUSES, **changes: Any
) -> Effect:
    known: dict[str, Any] = {
        "id": f"e:{wanted.target}",
        "wanted": wanted,
        "state": state,
        "safety": safety,
        "created_at": NOW - 120,
        "because": "a test wants it",
        "by": "policy",
    }
    if state is not EffectState.INTENT and state is not EffectState.PROPOSED:
        known |= {"attempts": 1, "sent_at": NOW - 110, "dead_at": NOW - 95}
    if state in (EffectState.ACCEPTED, EffectState.CONFIRMED, EffectState.REFUSED, EffectState.SUPERSEDED):
        known |= {"answered_at": NOW - 100}
    return Effect(**{**known, **changes})


def planned(facts: Facts, policy: Policy | None = None, now: int = NOW) -> Plan:
    return plan(facts, policy or Policy(), now)


def writes(made: Plan | Draft) -> list[Any]:
    return [step.wanted for step in made.steps if isinstance(step, Write)]


def written(made: Plan | Draft, kind: type[Any]) -> Any:
    """The one effect of this kind that the plan writes."""
    found = [wanted for wanted in writes(made) if isinstance(wanted, kind)]
    assert len(found) == 1, f"{kind.__name__}: {made.steps}"
    return found[0]


def troubles(made: Plan | Draft) -> set[str]:
    """The kinds of trouble, without the ids behind the colon."""
    return {trouble.key.split(":")[0] for trouble in made.troubles}


def change(value: Any, **changes: Any) -> Any:
    return msgspec.structs.replace(value, **changes)
