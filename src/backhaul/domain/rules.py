"""Rules of a policy: what is answered without a person, and when. The first rule that fits decides; a rule that cannot
be judged yet, because something has not been read, lets no later one go before it.
"""

from __future__ import annotations

from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache

import msgspec

from backhaul.domain.channel import ChannelCase
from backhaul.domain.facts import Facts
from backhaul.domain.money import Money
from backhaul.domain.words import ANSWERS, REJECTIONS, Action, Decision, Kind

DAY = 24 * 3600
PAYERS = ("seller", "platform", "buyer")


class Answer(StrEnum):
    """What a rule does with a case that fits it."""

    APPROVE = "approve"
    KEEP_ITEM = "keep_item"  # refund, the buyer keeps the goods
    OFFER_PARTIAL = "offer_partial"
    REFUND_INSTEAD = "refund_instead"  # of a replacement or an exchange
    REJECT = "reject"
    ASK = "ask"  # a person decides, whatever later rules say


class Rule(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Conditions that must all hold, and the answer. A condition left out always holds. Amounts are written
    ``20.00 USD``; days count from the delivery of the order to the buyer's request."""

    name: str
    answer: Answer
    actions: tuple[Action, ...] = ()  # left out: every request, but never the judgement of a parcel
    kinds: tuple[Kind, ...] = ()
    reasons: tuple[str, ...] = ()  # the channel's reason keys
    below: str = ""  # the refund is less than this
    above: str = ""  # the refund is more than this
    skus: tuple[str, ...] = ()  # patterns with * and ?; each unit has to fit one
    freight: tuple[str, ...] = ()  # who pays the way back: seller, platform, buyer
    delivered_within_days: int | None = None
    delivered_over_days: int | None = None
    offer_refused: bool | None = None  # whether the buyer has turned a partial refund down
    offer: str = ""  # for offer_partial: "30%" or "5.00 USD"
    reject_reasons: tuple[str, ...] = ()  # for reject: the channel's keys, the first that it accepts is sent


_DECISIONS: dict[Answer, frozenset[Decision]] = {
    Answer.APPROVE: frozenset(
        {
            Decision.APPROVE_REFUND,
            Decision.APPROVE_RETURN,
            Decision.ACCEPT_PARCEL,
            Decision.APPROVE_REPLACEMENT,
            Decision.APPROVE_EXCHANGE,
            Decision.APPROVE_CANCELLATION,
        }
    ),
    Answer.KEEP_ITEM: frozenset({Decision.KEEP_ITEM}),
    Answer.OFFER_PARTIAL: frozenset({Decision.OFFER_PARTIAL}),
    Answer.REFUND_INSTEAD: frozenset({Decision.REFUND_INSTEAD, Decision.REFUND_EXCHANGE}),
    Answer.REJECT: REJECTIONS,
}


def decision_of(rule: Rule, action: Action) -> Decision | None:
    """The rule's answer as a decision on this action; None when it asks a person or the answer does not fit."""
    return next((each for each in ANSWERS.get(action, ()) if each in _DECISIONS.get(rule.answer, ())), None)


def first_match(rules: tuple[Rule, ...], facts: Facts, action: Action) -> Rule | None:
    """The rule that decides; None when none fits, or when one that may fit cannot be judged yet."""
    for rule in rules:
        fits = _fits(rule, facts, action)
        if fits is not False:
            return rule if fits else None
    return None


def offered(rule: Rule, total: Money | None) -> Money | None:
    """What an offer of this rule comes to, rounded down to whole minor units; None where it is no legal offer."""
    if total is None:
        return None
    if rule.offer.endswith("%"):
        amount = Money(total.minor * int(rule.offer[:-1]) // 100, total.currency)
    else:
        amount = money_of(rule.offer)
    return amount if amount.currency == total.currency and 0 < amount.minor < total.minor else None


@lru_cache(maxsize=256)
def money_of(text: str) -> Money:
    """An amount as rules write it, ``20.00 USD``. Raises ValueError."""
    amount, _, currency = text.strip().partition(" ")
    currency = currency.strip()
    if len(currency) != 3 or not currency.isascii() or not currency.isupper():
        raise ValueError(f"“{text[:40]}” is no amount: write it like 20.00 USD")
    return Money.parse(amount, currency)


def _fits(rule: Rule, facts: Facts, action: Action) -> bool | None:
    """Whether all conditions hold; None when one cannot be judged yet and none fails."""
    case = facts.channel
    assert case is not None
    asked = action in rule.actions if rule.actions else action is not Action.JUDGE_PARCEL
    if not asked:
        return False
    if rule.answer is not Answer.ASK and decision_of(rule, action) is None:
        return False
    if rule.answer is Answer.OFFER_PARTIAL and case.offer_refused:
        return False  # offered once by rule: an offer that was turned down is not repeated for ever
    found = (
        not rule.kinds or case.kind in rule.kinds,
        not rule.reasons or case.reason_key in rule.reasons,
        rule.offer_refused is None or case.offer_refused is rule.offer_refused,
        _amount(rule, case),
        _freight(rule, case),
        _age(rule, facts, case),
        _skus(rule, facts, case),
    )
    return False if False in found else None if None in found else True


def _amount(rule: Rule, case: ChannelCase) -> bool | None:
    if not (rule.below or rule.above):
        return True
    total = case.refund_total
    if total is None:
        return None
    for text, sign in ((rule.below, -1), (rule.above, 1)):
        if text:
            limit = money_of(text)
            if limit.currency != total.currency or (total.minor - limit.minor) * sign <= 0:
                return False
    return True


def _freight(rule: Rule, case: ChannelCase) -> bool | None:
    if not rule.freight:
        return True
    payers = [who for who, amount in case.freight.items() if amount.minor > 0]
    return None if not payers else all(who in rule.freight for who in payers)


def _age(rule: Rule, facts: Facts, case: ChannelCase) -> bool | None:
    if rule.delivered_within_days is None and rule.delivered_over_days is None:
        return True
    delivered = facts.seen.order.delivered_at if facts.seen.order is not None else None
    if delivered is None:
        return None
    age = case.created_at - delivered
    if rule.delivered_within_days is not None and age > rule.delivered_within_days * DAY:
        return False
    return rule.delivered_over_days is None or age > rule.delivered_over_days * DAY


def _skus(rule: Rule, facts: Facts, case: ChannelCase) -> bool | None:
    if not rule.skus:
        return True
    lines = {line.id: line.seller_sku for line in facts.seen.order.lines} if facts.seen.order is not None else {}
    found = [unit.seller_sku or lines.get(unit.order_line_id, "") for unit in case.units]
    if not found or not all(found):
        return None if facts.seen.order is None else False
    return all(any(fnmatchcase(sku, pattern) for pattern in rule.skus) for sku in found)


# -- a rule as a merchant writes it


def problems(rules: tuple[Rule, ...]) -> tuple[str, ...]:
    """What is wrong with these rules, each in one sentence that names the rule."""
    found: list[str] = []
    names: set[str] = set()
    for number, rule in enumerate(rules, 1):
        what = f"Rule {number}" + (f" (“{rule.name}”)" if rule.name else "")
        if not rule.name.strip():
            found.append(f"{what} has no name.")
        if rule.name in names:
            found.append(f"{what}: another rule has this name.")
        names.add(rule.name)
        found += [f"{what}: {text}" for text in _problems(rule)]
    return tuple(found)


def _problems(rule: Rule) -> list[str]:
    found = []
    for field in ("below", "above"):
        text = getattr(rule, field)
        if text:
            try:
                money_of(text)
            except ValueError as error:
                found.append(f"{field}: {error}.")
    if (rule.offer != "") is not (rule.answer is Answer.OFFER_PARTIAL):
        found.append("offer and the answer offer_partial go together.")
    elif rule.offer:
        found += _offer_problems(rule.offer)
    if bool(rule.reject_reasons) is not (rule.answer is Answer.REJECT):
        found.append("reject_reasons and the answer reject go together.")
    for who in rule.freight:
        if who not in PAYERS:
            found.append(f"freight: “{who[:40]}” is none of {', '.join(PAYERS)}.")
    for field in ("delivered_within_days", "delivered_over_days"):
        days = getattr(rule, field)
        if days is not None and not 0 <= days <= 3650:
            found.append(f"{field} must lie between 0 and 3650.")
    for action in rule.actions:
        if rule.answer is not Answer.ASK and decision_of(rule, action) is None:
            found.append(f"{rule.answer} does not answer {action}.")
    return found


def _offer_problems(text: str) -> list[str]:
    if text.endswith("%"):
        share = text[:-1]
        whole = share.isascii() and share.isdigit() and 1 <= int(share) <= 99
        return [] if whole else [f"offer: “{text[:40]}” is no share; write a whole number from 1% to 99%."]
    try:
        amount = money_of(text)
    except ValueError as error:
        return [f"offer: {error}, or a share like 30%."]
    return [] if amount.minor > 0 else ["offer: nothing is no offer."]
