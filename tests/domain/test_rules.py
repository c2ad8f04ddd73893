"""Rules: which conditions fit, what they answer, and that they never go on for ever."""

from __future__ import annotations

from typing import Any

import pytest

from backhaul.domain.effects import Decide, EffectState
from backhaul.domain.facts import Facts
from backhaul.domain.money import Money
from backhaul.domain.policy import Policy
from backhaul.domain.rules import DAY, Answer, Rule, money_of, offered, problems
from backhaul.domain.said import Said, Vote
from backhaul.domain.steps import Look, Source, Write
from backhaul.domain.terms import Mode
from backhaul.domain.words import Action, Decision, Kind, Stage
from tests.domain.build import (
    NOW,
    OPENED,
    alone,
    answerable,
    case,
    change,
    channel_order,
    decide,
    due,
    effect,
    planned,
    terms,
    usd,
    writes,
    written,
)


def asked(action: Action = Action.ANSWER_RETURN, kind: Kind = Kind.RETURN, **changes: Any) -> Facts:
    known = {name: changes.pop(name) for name in ("said", "shop", "order", "ledger", "round") if name in changes}
    found = case(Stage.REQUESTED, kind, due=(due(action),), **changes)
    reads = {"answerable": (answerable(Decision.REJECT_RETURN, "r1", "r2"),), "answerable_for": f"{action}:1"}
    return alone(found, answerable_at=NOW, **reads, **known)


def rule(answer: Answer = Answer.KEEP_ITEM, **conditions: Any) -> Rule:
    return Rule("r", answer, **conditions)


def answer_of(known: Facts, *rules: Rule) -> Decision | None:
    found = writes(planned(known, Policy(rules=rules)))
    return found[0].decision if found else None


CHEAP = channel_order()
DELIVERED = change(CHEAP, delivered_at=OPENED - 3 * DAY)


@pytest.mark.parametrize(
    ("conditions", "fits"),
    [
        ({}, True),
        ({"kinds": (Kind.RETURN, Kind.REFUND)}, True),
        ({"kinds": (Kind.REFUND,)}, False),
        ({"actions": (Action.ANSWER_RETURN,)}, True),
        ({"actions": (Action.ANSWER_REFUND,)}, False),
        ({"reasons": ("no_need",)}, True),
        ({"reasons": ("broken",)}, False),
        ({"below": "20.01 USD"}, True),
        ({"below": "20.00 USD"}, False),
        ({"above": "19.99 USD"}, True),
        ({"above": "20.00 USD"}, False),
        ({"above": "1.00 USD", "below": "5.00 USD"}, False),
        ({"below": "99.00 GBP"}, False),
        ({"skus": ("SHIRT-*",)}, True),
        ({"skus": ("SHIRT-1",)}, False),
        ({"skus": ("SHIRT-1", "*-2")}, True),
        ({"freight": ("seller",)}, True),
        ({"freight": ("buyer", "platform")}, False),
        ({"delivered_within_days": 3}, True),
        ({"delivered_within_days": 2}, False),
        ({"delivered_over_days": 2}, True),
        ({"delivered_over_days": 3}, False),
        ({"offer_refused": False}, True),
        ({"offer_refused": True}, False),
        ({"kinds": (Kind.RETURN,), "below": "1.00 USD"}, False),
    ],
)
def test_every_condition_has_to_hold(conditions: dict[str, Any], fits: bool) -> None:
    known = asked(freight={"seller": usd(599), "buyer": usd(0)}, order=DELIVERED)
    assert answer_of(known, rule(**conditions)) is (Decision.KEEP_ITEM if fits else None)


def test_the_first_that_fits_decides_and_a_person_may_be_it() -> None:
    approve, keep = rule(Answer.APPROVE, below="5.00 USD"), rule(Answer.KEEP_ITEM)
    assert answer_of(asked(), approve, keep) is Decision.KEEP_ITEM
    assert answer_of(asked(), keep, approve) is Decision.KEEP_ITEM
    made = planned(asked(), Policy(rules=(rule(Answer.ASK, above="1.00 USD"), keep)))
    assert (writes(made), len(made.questions)) == ([], 1)


@pytest.mark.parametrize(
    ("unread", "conditions"),
    [
        ({"refund_total": None}, {"below": "5.00 USD"}),
        ({"order": None, "units": (change(case().units[0], seller_sku=""),)}, {"skus": ("A",)}),
        ({"order": None}, {"delivered_within_days": 3}),
        ({"freight": {}}, {"freight": ("seller",)}),
    ],
)
def test_what_cannot_be_judged_yet_lets_no_later_rule_go_first(
    unread: dict[str, Any], conditions: dict[str, Any]
) -> None:
    assert answer_of(asked(**unread), rule(Answer.REJECT, reject_reasons=("r1",), **conditions), rule()) is None
    fails = rule(Answer.REJECT, reject_reasons=("r1",), kinds=(Kind.REFUND,), **conditions)
    assert answer_of(asked(**unread), fails, rule()) is Decision.KEEP_ITEM, "one condition fails whatever the other is"


def test_each_answer_and_why_it_was_given() -> None:
    for wanted, action, kind, decision in (
        (Answer.APPROVE, Action.ANSWER_RETURN, Kind.RETURN, Decision.APPROVE_RETURN),
        (Answer.APPROVE, Action.ANSWER_REFUND, Kind.REFUND, Decision.APPROVE_REFUND),
        (Answer.APPROVE, Action.ANSWER_CANCELLATION, Kind.CANCELLATION, Decision.APPROVE_CANCELLATION),
        (Answer.APPROVE, Action.ANSWER_REPLACEMENT, Kind.REPLACEMENT, Decision.APPROVE_REPLACEMENT),
        (Answer.REFUND_INSTEAD, Action.ANSWER_REPLACEMENT, Kind.REPLACEMENT, Decision.REFUND_INSTEAD),
        (Answer.KEEP_ITEM, Action.ANSWER_REFUND, Kind.REFUND, None),
    ):
        assert answer_of(asked(action, kind), rule(wanted)) is decision
    made = planned(asked(), Policy(rules=(Rule("cheap", Answer.APPROVE),)))
    step = next(each for each in made.steps if isinstance(each, Write))
    assert (step.by, step.because) == ("policy", "rule “cheap”")


def test_a_rejection_takes_the_first_reason_the_channel_accepts_and_asks_when_it_accepts_none() -> None:
    reject = rule(Answer.REJECT, reject_reasons=("r9", "r2", "r1"))
    assert written(planned(asked(), Policy(rules=(reject,))), Decide).reason_key == "r2"
    unread = asked()
    unread = change(unread, seen=change(unread.seen, answerable_for=""))
    made = planned(unread, Policy(rules=(reject,)))
    assert [step.source for step in made.steps if isinstance(step, Look)][:1] == [Source.ANSWERABLE]
    made = planned(asked(), Policy(rules=(rule(Answer.REJECT, reject_reasons=("r9",)),)))
    assert (writes(made), len(made.questions)) == ([], 1)


@pytest.mark.parametrize(
    ("offer", "total", "amount"),
    [
        ("30%", usd(2000), usd(600)),
        ("33%", usd(1001), usd(330)),
        ("50%", Money(3, "JPY"), Money(1, "JPY")),
        ("5.00 USD", usd(2000), usd(500)),
        ("30%", usd(3), None),
        ("20.00 USD", usd(2000), None),
        ("5.00 GBP", usd(2000), None),
        ("30%", None, None),
    ],
)
def test_an_offer_is_a_share_rounded_down_or_an_amount(offer: str, total: Money | None, amount: Money | None) -> None:
    wanted = rule(Answer.OFFER_PARTIAL, offer=offer)
    assert offered(wanted, total) == amount
    made = planned(asked(refund_total=total), Policy(rules=(wanted,)))
    assert [each.offer for each in writes(made)] == ([amount] if amount else [])
    assert amount or made.questions


def test_an_offer_that_was_turned_down_is_not_made_again_by_rule() -> None:
    offer, keep = rule(Answer.OFFER_PARTIAL, offer="30%"), rule(Answer.KEEP_ITEM, offer_refused=True)
    assert answer_of(asked(), offer, keep) is Decision.OFFER_PARTIAL
    refused = asked(offer=usd(600), offer_refused=True)
    assert answer_of(refused, offer) is None
    assert answer_of(refused, offer, keep) is Decision.KEEP_ITEM


def test_a_rule_judges_no_parcel_unless_it_names_the_parcel() -> None:
    parcel = alone(case(Stage.SHIPPED, due=(due(Action.JUDGE_PARCEL),)))
    assert answer_of(parcel, rule(Answer.APPROVE)) is None
    assert answer_of(parcel, rule(Answer.APPROVE, actions=(Action.JUDGE_PARCEL,))) is Decision.ACCEPT_PARCEL


def test_a_persons_word_and_a_refusal_stand_above_the_rules() -> None:
    vote = Vote(Action.ANSWER_RETURN, 1, Decision.APPROVE_RETURN, "ann", NOW - 60)
    assert answer_of(asked(said=Said(votes=(vote,))), rule()) is Decision.APPROVE_RETURN
    refused = effect(decide(Decision.KEEP_ITEM), EffectState.REFUSED)
    made = planned(asked(ledger=[refused]), Policy(rules=(rule(),)))
    assert (writes(made), len(made.questions)) == ([], 1)


def test_in_observe_a_rule_is_proposed_once() -> None:
    shop = terms(mode=Mode.OBSERVE, live_since=None)
    policy = Policy(rules=(rule(),))
    assert written(planned(asked(shop=shop), policy), Decide)
    proposed = effect(decide(Decision.KEEP_ITEM), EffectState.PROPOSED)
    assert not planned(asked(shop=shop, ledger=[proposed]), policy).steps


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (Rule("", Answer.APPROVE), "has no name"),
        (rule(below="20"), "write it like 20.00 USD"),
        (rule(above="20.001 USD"), "more decimals"),
        (rule(Answer.OFFER_PARTIAL), "offer and the answer offer_partial go together"),
        (rule(Answer.OFFER_PARTIAL, offer="0%"), "from 1% to 99%"),
        (rule(Answer.OFFER_PARTIAL, offer="100%"), "from 1% to 99%"),
        (rule(Answer.OFFER_PARTIAL, offer="ten"), "or a share like 30%"),
        (rule(Answer.OFFER_PARTIAL, offer="0.00 USD"), "nothing is no offer"),
        (rule(Answer.APPROVE, offer="30%"), "go together"),
        (rule(Answer.REJECT), "reject_reasons and the answer reject go together"),
        (rule(freight=("carrier",)), "none of seller, platform, buyer"),
        (rule(delivered_over_days=-1), "between 0 and 3650"),
        (rule(Answer.KEEP_ITEM, actions=(Action.ANSWER_REFUND,)), "keep_item does not answer answer_refund"),
    ],
)
def test_a_rule_that_makes_no_sense_is_told_with_its_name(wrong: Rule, text: str) -> None:
    (found,) = problems((wrong,))
    assert text in found
    assert found.startswith("Rule 1")


def test_two_rules_have_two_names() -> None:
    assert problems((rule(), rule())) == ("Rule 2 (“r”): another rule has this name.",)
    assert problems((rule(below="20.00 USD", delivered_over_days=3),)) == ()
    assert money_of("20.5 USD") == usd(2050)
