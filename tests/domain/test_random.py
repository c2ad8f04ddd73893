"""Any facts at all, also such as no vendor would ever show: the invariants hold."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from backhaul.domain.channel import ActionDue, Answerable, ChannelCase, ChannelRefund, WayBack
from backhaul.domain.commerce import CommerceOrder, CommerceRefund, CommerceReturn, Payment, ReturnedLine, ShippedLine
from backhaul.domain.desk import DeskLabel, DeskLine, DeskReturn, DeskState
from backhaul.domain.desk_effects import (
    CancelDeskReturn,
    CloseDeskReturn,
    NoteDeskReturn,
    OpenDeskReturn,
    ProcessDeskReturn,
    RequestDeskLabel,
)
from backhaul.domain.effects import (
    AnyEffect,
    AttachTracking,
    CancelReturn,
    CloseReturn,
    CreateReturn,
    Dispose,
    Effect,
    EffectState,
    Repeat,
    Safety,
    StampOrder,
    UpdateDelivery,
    UploadLabel,
)
from backhaul.domain.facts import Adopted, Backoff, Facts, Holder, Link, LinkState
from backhaul.domain.money import Money
from backhaul.domain.policy import AcceptParcel, BadParcel, DeadlineRule, Default, FromPortal, Policy
from backhaul.domain.rules import Answer, Rule
from backhaul.domain.said import Asked, Label, Said, Verdict, Vote
from backhaul.domain.terms import Booker, DeskOpens, DeskTerms, Mode, Payer, ShopTerms
from backhaul.domain.words import (
    ANSWERS,
    Action,
    Condition,
    Decision,
    Disposition,
    Document,
    Kind,
    Party,
    ShippedBy,
    Stage,
)
from tests.domain.build import (
    CASE,
    DAY,
    GID,
    HOUR,
    LIVE,
    NOW,
    OPENED,
    ORDER,
    RETURN,
    SAFE,
    UNTOUCHED,
    book,
    booking,
    case,
    channel_order,
    commerce,
    decide,
    facts,
    paid,
    seen,
    units,
)  # fmt: skip
from tests.domain.invariants import check

pick = st.sampled_from
times = st.integers(NOW - 3 * DAY, NOW)
money = st.builds(Money, st.integers(0, 3000), pick(["USD", "USD", "USD", "GBP"]))
case_ids = pick([CASE, f"{CASE}:2", "other"])

cases = st.builds(
    ChannelCase,
    id=st.just(CASE),
    order_id=st.just(ORDER),
    kind=pick([Kind.RETURN, Kind.RETURN, Kind.RETURN, Kind.CANCELLATION, *Kind]),
    stage=pick(list(Stage)),
    created_at=pick([OPENED, LIVE - 1, LIVE]),
    updated_at=pick([OPENED, LIVE - 1, LIVE, NOW]),
    due=st.lists(
        st.builds(ActionDue, pick(list(Action)), st.none() | st.integers(NOW - HOUR, NOW + 30 * HOUR)),
        max_size=2,
        unique_by=lambda due: due.action,
    ).map(tuple),
    refund_total=st.none() | money,
    units=pick([units(0), units(1), units(2)]),
    way_back=st.builds(WayBack, pick(list(ShippedBy)), pick(list(Document)), pick(["", "1Z"])),
    quick_refund=st.booleans(),
    can_keep_item=st.booleans(),
    offer=st.none() | money,
    offer_refused=st.booleans(),
    paid_instead=st.booleans(),
    replenish=pick([None, True, True, False]),
    refunds=st.lists(st.builds(ChannelRefund, case_ids, money, times, st.just("status")), max_size=2).map(tuple),
)
returned = st.builds(
    ReturnedLine, pick(["RL1", "RL2"]), pick(["L1", "L2"]), st.integers(1, 2), st.just(""), pick(["", "RO"]),
    pick(["", "RR1", "RR2"]), st.lists(st.tuples(pick(list(Disposition)), st.integers(1, 2)), max_size=2).map(tuple),
)  # fmt: skip
returns = st.builds(
    CommerceReturn, pick([RETURN, "R9"]), st.just("#1-R1"), pick(["open", "closed", "cancelled", "requested", "odd"]),
    pick(["", CASE, "other"]), st.lists(returned, max_size=2).map(tuple), pick([(), ("1Z",)]),
)  # fmt: skip
refunds = st.builds(
    CommerceRefund, pick(["gid://1", "gid://2"]), times, money, pick(["", CASE, f"{CASE}:2", "other"]),
    st.just(""), pick(["", RETURN]), pick([(), (("L1", 1),), (("L1", 1), ("L2", 1))]),
)  # fmt: skip
payments = st.builds(
    Payment, pick(["P1", "P2"]), pick(["sale", "capture", "refund"]), pick([SAFE, SAFE, "card", "shopify_payments"]),
    money, st.booleans(), st.just(""), st.booleans(),
)  # fmt: skip


CARRIERS = ["ups", "odd"]
lines_there = st.builds(
    DeskLine,
    st.just("DL"),
    pick(["L1", "L2", "gid://x/L1"]),
    found=st.none() | pick(list(Condition)),
    fate=st.none() | pick(list(Disposition)),
    returned=st.booleans(),
)
desk_returns = st.builds(
    DeskReturn,
    pick(["D1", "D1", "D2"]),
    pick(list(DeskState)),
    st.just(OPENED),
    st.just(OPENED),
    processed=st.booleans(),
    processed_at=st.none() | times,
    lines=st.lists(lines_there, max_size=2).map(tuple),
    labels=st.lists(st.builds(DeskLabel, pick(["", "1Z"]), pick(["ups", "odd"]), pick(["", "u"])), max_size=1).map(
        tuple
    ),
    notes=pick([(), ("told",)]),
)
labels = st.builds(
    Label,
    st.just("a"),
    st.just("f"),
    st.just("1Z"),
    st.just(""),
    st.just("Loop"),
    times,
    carrier_name=pick(["ups", "odd"]),
)
UNSHIPPED = tuple(msgspec.structs.replace(line, unfulfilled=1) for line in UNTOUCHED.lines)


def books(**parts: Any) -> CommerceOrder:
    return commerce(**parts)


orders = st.builds(
    books,
    returns=st.lists(returns, max_size=2, unique_by=lambda each: each.id).map(tuple),
    refunds=st.lists(refunds, max_size=2, unique_by=lambda each: each.id).map(tuple),
    payments=st.lists(payments, max_size=2, unique_by=lambda each: each.id).map(tuple),
    lines=pick([UNTOUCHED.lines, UNSHIPPED]),
    shipped=pick([(), (ShippedLine("F1", "L1", 1), ShippedLine("F2", "L2", 1))]),
    refundable=st.none() | st.builds(Money, st.integers(0, 3000), st.just("USD")),
    stamped=pick(["", ORDER, ORDER, "999"]),
)
wanted: st.SearchStrategy[AnyEffect] = pick(
    [
        decide(),
        decide(Decision.KEEP_ITEM),
        decide(round=2),
        decide(Decision.ACCEPT_PARCEL, Action.JUDGE_PARCEL),
        UploadLabel(CASE, "a", "f", "1Z", "c"),
        StampOrder(GID, ORDER),
        CreateReturn(CASE, GID, (), OPENED),
        AttachTracking(GID, RETURN, "RO", "1Z"),
        UpdateDelivery(GID, RETURN, "RD1", "1Z", "a", "https://files/1"),
        Dispose(GID, RETURN, "RR1", 1, Disposition.RESTOCK, ("u1",), 0),
        book(),
        book(500, f"{CASE}:2"),
        CloseReturn(GID, RETURN),
        CancelReturn(GID, RETURN),
        OpenDeskReturn(CASE, GID, "#1001", ()),
        RequestDeskLabel("D1"),
        ProcessDeskReturn("D1"),
        CloseDeskReturn("D1"),
        CancelDeskReturn("D1"),
        NoteDeskReturn("D1", "accepted", "told"),
    ]
)


words = st.integers(0, 3)


@st.composite
def effects(draw: st.DrawFn) -> Effect:
    state = draw(pick(list(EffectState)))
    sent = draw(times) if state not in (EffectState.INTENT, EffectState.PROPOSED) else None
    ended = state not in (EffectState.INTENT, EffectState.PROPOSED, EffectState.SENT)
    what = draw(wanted)
    return Effect(
        what.target,
        what,
        state,
        Safety(draw(pick(list(Repeat))), draw(pick([0, 3600, DAY])), draw(pick(list(Repeat))), 10),
        NOW - 4 * DAY,
        "because",
        sent_at=sent,
        dead_at=sent + 15 if sent is not None else None,
        answered_at=sent + 1 if sent is not None and ended else None,
        words=draw(words),
        taken_over=draw(st.booleans()),
        code=draw(pick(["", "unwanted"])) if state is EffectState.DROPPED else "",
    )


votes = st.builds(
    Vote, pick(list(Action)), pick([1, 1, 2]), pick(list(Decision)), st.just("ann"), times, pick(["", "r1"]),
    desk=pick(["own", "loop"]), offer=st.none() | money, word=words,
)  # fmt: skip
verdicts = st.builds(Verdict, pick(list(Condition)), pick(list(Disposition)), st.just("bo"), times)
said = st.builds(
    Said,
    votes=st.lists(votes, max_size=3).map(tuple),
    received=st.dictionaries(pick(["u1", "u2", "u9"]), times, max_size=2),
    verdicts=st.dictionaries(pick(["u1", "u2", "u9"]), verdicts, max_size=2),
    label=st.none() | st.builds(Label, st.just("a"), st.just("f"), st.just("1Z"), st.just("c"), st.just("ann"), times),
    linked=pick(["", "", "", GID, "gid://other"]),
    waived=st.frozensets(pick(["records", "money", "stock", "desk"]), max_size=1),
    desk_failure=st.none() | st.tuples(pick(["D1", "D2"]), st.just("no balance"), times),
    retries=st.dictionaries(
        pick(["look:case", "look:commerce", "look:match", book().target]), st.builds(Asked, words, times), max_size=2
    ),
    taken=st.booleans(),
    proofs=st.lists(st.builds(ChannelRefund, case_ids, money, times, st.just("event")), max_size=1).map(tuple),
)
shops = st.builds(
    ShopTerms,
    mode=pick([Mode.LIVE, Mode.LIVE, Mode.OBSERVE]),
    live_since=pick([None, LIVE, LIVE, LIVE]),
    payer=pick([Payer.CHANNEL, Payer.CHANNEL, *Payer]),
    booker=pick([Booker.HUB, Booker.HUB, *Booker]),
    commerce_connected=pick([True, True, True, False]),
    safe_gateways=pick([frozenset(), frozenset({SAFE}), frozenset({SAFE, "shopify_payments"})]),
    location=pick(["", "gid://place"]),
    paused=st.dictionaries(pick([Party.CHANNEL, Party.COMMERCE, Party.DESK]), st.just("log in"), max_size=1),
    desk=st.none()
    | st.builds(
        DeskTerms,
        st.just("loop"),
        opens=pick(list(DeskOpens)),
        labels=st.booleans(),
        writes_records=st.booleans(),
        reject_reasons=pick([(), ("r1",), ("r9", "r1")]),
    ),
    second_writer=st.booleans(),
    market=pick(["", "US", "GB"]),
)
policies = st.builds(
    Policy,
    on_deadline=st.dictionaries(pick(list(Action)), st.builds(DeadlineRule, pick(list(Default)), pick([(), ("r1",)]))),
    accept_parcel=pick(list(AcceptParcel)),
    bad_parcel=pick(list(BadParcel)),
    on_mixed=pick(list(Default)),
    portal=pick(list(FromPortal)),
    rules=st.lists(
        st.builds(
            Rule,
            st.just("r"),
            pick(list(Answer)),
            actions=pick([(), tuple(ANSWERS)]),
            below=pick(["", "15.00 USD"]),
            skus=pick([(), ("SHIRT-*",), ("CUP-*",)]),
            delivered_within_days=pick([None, 1]),
            offer=pick(["30%", "1%", "5.00 USD"]),
            reject_reasons=pick([("r1",), ("r9", "r1"), ()]),
        ),
        max_size=2,
    ).map(tuple),
)


@st.composite
def anything(draw: st.DrawFn) -> Facts:
    found = draw(st.none() | cases)
    order = draw(st.none() | orders)
    backoff = draw(
        st.dictionaries(
            pick([Party.CHANNEL, Party.COMMERCE, Party.DESK]),
            st.builds(
                Backoff, st.just(NOW - 60), st.integers(NOW - 10, NOW + 60), st.integers(1, 9), st.just("x"), at=times
            ),
            max_size=2,
        )
    )
    ledger = draw(st.lists(effects(), max_size=4, unique_by=lambda each: each.target))
    known = seen(
        found,
        order,
        channel_at=draw(times),
        commerce_at=draw(times),
        order=draw(pick([None, channel_order(), channel_order(), channel_order(by_channel=True)])),
        link=draw(
            st.builds(
                Link, pick([LinkState.MATCHED, *LinkState]), st.just(GID), tried_at=times, tries=st.integers(1, 9)
            )
        ),
        answerable=draw(
            st.lists(st.builds(Answerable, pick(list(Decision)), st.booleans(), reasons=st.just((("r1", "R"),))))
        ),
        answerable_for=draw(pick(["", " ".join(f"{action}:1" for action in Action), "judge_parcel:1 answer_refund:1"])),
        answerable_at=draw(times),
        backoff=backoff,
        warned=(),
        commerce_behind=draw(st.booleans()),
        commerce_id=draw(pick(["", GID, "gid://other"])),
        desk=draw(st.none() | desk_returns),
        desk_at=draw(pick([0, NOW, NOW - HOUR])),
        desk_heard=draw(pick([-1, 0, 1])),
        desk_behind=draw(st.booleans()),
        desk_since=draw(times),
        desk_label=draw(st.none() | labels),
        carriers=draw(pick([(), (("c1", "UPS"),)])),
    )
    hints = st.integers(0, 1)
    stands = [Adopted(CASE, refund.id) for refund in order.refunds] if order else []
    return Facts(
        "c", "s", known, draw(said), tuple(ledger), draw(shops), draw(hints), draw(hints), draw(hints),
        adopted=draw(pick([(), (Adopted(CASE, "of another order"),), *((each,) for each in stands)])),
        holders=draw(st.dictionaries(pick(["u1", "u2"]), st.builds(Holder, pick([OPENED, NOW]), st.booleans()))),
    )  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(anything(), policies, st.integers(0, 3 * DAY))
def test_the_invariants_hold_whatever_is_known(known: Facts, policy: Policy, later: int) -> None:
    check(known, policy, NOW + later)


@st.composite
def refunded_by_others(draw: st.DrawFn) -> Facts:
    """A case that the channel has paid, in one go or two, and what others have refunded of its order."""
    sources = [f"gid://{number}" for number in range(3)]
    payments = draw(pick([(paid(),), (paid(1000, f"{CASE}:2"), paid(1000))]))
    theirs = draw(st.lists(st.builds(booking, st.just(""), pick([1000, 2000]), ident=pick(sources)), max_size=3,
                           unique_by=lambda each: each.id))  # fmt: skip
    stands = st.lists(
        st.builds(Adopted, pick([CASE, f"{CASE}:2", "not paid any more"]), pick([*sources, "of another order"])),
        max_size=2,
        unique_by=(lambda each: each.source, lambda each: each.refund_id),
    )
    mine = draw(stands)
    others = draw(st.sets(pick(sources))) - {each.source for each in mine}
    order = draw(pick([None, commerce(refunds=tuple(theirs))]))
    link = draw(st.builds(Link, pick([LinkState.MATCHED, LinkState.MISSING]), pick([GID, "gid://other"])))
    known = facts(case(Stage.COMPLETED, refunds=payments), order, link=link, commerce_id=draw(pick(["", GID])))
    return msgspec.structs.replace(known, adopted=tuple(mine), adopted_elsewhere=frozenset(others))


@settings(max_examples=200, deadline=None)
@given(refunded_by_others())
def test_whatever_others_refund_one_refund_stands_for_one_payment(known: Facts) -> None:
    made = check(known, Policy(), NOW)
    there = {each.id for each in known.seen.commerce.refunds} if known.seen.commerce else None
    assert there is None or {each.source for each in made.adopted} <= there
