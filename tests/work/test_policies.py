from __future__ import annotations

import pytest

from backhaul.domain.policy import BadParcel, DeadlineRule, Default, FromPortal, Policy
from backhaul.domain.rules import Answer, Rule
from backhaul.domain.words import Action, Kind
from backhaul.work.policies import BadPolicy, read, read_rules, written, written_rules

FULL = Policy(
    on_deadline={Action.ANSWER_RETURN: DeadlineRule(Default.REJECT, ("it's worn", "b"))},
    bad_parcel=BadParcel.REFUSE,
    rules=(
        Rule("cheap “things”", Answer.KEEP_ITEM, kinds=(Kind.RETURN,), below="10.00 USD", delivered_within_days=30),
        Rule("not twice", Answer.ASK, offer_refused=True),
    ),
    reasons={"a key, with all sorts": "color"},
    portal=FromPortal.START,
)


@pytest.mark.parametrize("form", ["toml", "json"])
@pytest.mark.parametrize("policy", [Policy(), FULL])
def test_a_policy_is_read_as_it_was_written(policy: Policy, form: str) -> None:
    assert read(written(policy, form), form) == policy


def test_rules_alone() -> None:
    assert read_rules(written_rules(FULL.rules)) == FULL.rules
    assert (written_rules(()), read_rules("")) == ("", ())
    with pytest.raises(BadPolicy, match="every rule begins with a line"):
        read_rules("lead_s = 600")


@pytest.mark.parametrize(
    ("text", "form", "told"),
    [
        ("lead_s = = 5", "toml", "at line 1"),
        ("{", "json", "line 1 column 2"),
        ("[]", "json", "a table of names and values"),
        ('lead_s = "soon"', "toml", "lead_s: Expected `int`"),
        ("led_s = 600", "toml", "unknown field `led_s`"),
        ("lead_s = 60\nlast_attempt_s = 60", "toml", "The last attempt has to come after the first"),
        ('[[rules]]\nname = "a"\nanswer = "aprove"', "toml", "rule 1, answer: Invalid enum value 'aprove'"),
        ('[[rules]]\nname = "a"\nanswer = "ask"\n[[rules]]\nname = "b"', "toml", "rule 2: Object missing"),
        ('[[rules]]\nname = "a"\nanswer = "ask"\nbelwo = "1"', "toml", "rule 1: Object contains unknown field `belwo`"),
        ('[[rules]]\nname = "a"\nanswer = "approve"\nbelow = "1"', "toml", "Rule 1 (“a”): below"),
        ("x" * 200_001, "toml", "at most"),
        ("[" * 5000, "json", "no JSON"),
    ],
)
def test_a_mistake_is_told_by_its_place(text: str, form: str, told: str) -> None:
    with pytest.raises(BadPolicy) as caught:
        read(text, form)
    assert told in str(caught.value)


RULE = '[[rules]]\nname = "a"\nanswer = "ask"\n'


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ('# ours\naccept_parcel = "never"', 2, "expected one of on_delivery, on_inspection, ask"),
        ("\nled_s = 600", 2, "expected one of accept_parcel,"),
        ("lead_s = 600\n\nx = = 5", 3, "This is no TOML"),
        ("lead_s = 60\nlast_attempt_s = 60", 2, "The last attempt"),
        (
            '[on_deadline.answer_return]\ndefault = "approve"\n[on_deadline.soon]\ndefault = "reject"',
            3,
            "answer_refund,",
        ),
        (
            '[on_deadline.answer_return]\ndefault = "approve"\n[on_deadline.answer_refund]\ndefault = "wait"',
            4,
            "on_deadline.answer_refund.default: Invalid enum value 'wait'; expected one of approve, reject, leave",
        ),
        ('[reasons]\na = "b"\nc = 3', 3, "reasons.c: Expected `str`"),
        (RULE + 'kinds = [\n  "refund",\n  "gift",\n]', 6, "expected one of return, refund, replacement, exchange,"),
        (RULE + '[[rules]]\nname = "b"', 4, "missing required field `answer`; expected one of approve, keep_item"),
        (RULE + '[[rules]]\nname = "b"\nanswer = "ask"\nabove = "9"', 7, "Rule 2 (“b”): above"),
        (RULE + RULE, 4, "another rule has this name"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_was_expected(text: str, line: int, told: str) -> None:
    with pytest.raises(BadPolicy) as caught:
        read(text)
    assert caught.value.line == line
    assert str(caught.value).startswith(f"Line {line}: ")
    assert told in caught.value.text


def test_a_mistake_in_json_is_told_without_a_line() -> None:
    with pytest.raises(BadPolicy) as caught:
        read('{"accept_parcel": "never"}', "json")
    assert (caught.value.line, str(caught.value)[:14]) == (0, "accept_parcel:")
