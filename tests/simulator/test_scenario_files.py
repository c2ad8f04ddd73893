"""The scenario files: what they cover, and how a mistake in one is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from backhaul.simulator.files import FileMistake
from backhaul.simulator.scenario.page import generated
from backhaul.simulator.scenario.reading import read, read_all
from backhaul.simulator.scenario.rows import ROWS
from backhaul.simulator.scenario.vocabulary import ACTS
from backhaul.simulator.scenario.world import World
from backhaul.simulator.tiktok import states

GOOD = """\
title = "A refund"
story = "Somebody wants their money back."
covers = ["6.1 PENDING->SUCCESS seller"]

[order]
lines = [{ sku = "MUG-GRN", price = "14.90" }]

[happens]
acts = [
    { at = "+0h", by = "buyer", do = "ask", kind = "refund" },
    { at = "+90m", by = "seller", do = "approve" },
]

[end]
channel = "RETURN_OR_REFUND_REQUEST_COMPLETE"
decided = ["APPROVE_REFUND"]
paid = "14.90"
booked = "14.90"
hub = "closed"
"""


def test_at_least_forty_stories_cover_every_row_of_the_state_tables() -> None:
    scenarios = read_all()
    assert len(scenarios) >= 40
    covered = {each for scenario in scenarios for each in scenario.covers}
    assert [row for row in ROWS if row not in covered] == []


def test_the_rows_are_those_that_the_channel_plays() -> None:
    played = {(kind, before, after) for moves in states.MOVES.values() for (kind, before), after in moves.items()}
    assert played - set(ROWS.values()) == set()


def test_titles_and_stories_are_each_their_own() -> None:
    scenarios = read_all()
    assert len({each.title for each in scenarios}) == len(scenarios)
    assert len({each.story for each in scenarios}) == len(scenarios)


def test_everybody_but_the_seller_can_do_what_the_vocabulary_says() -> None:
    doing = {name for name in vars(World) if name.startswith("_") and not name.startswith("__")}
    assert {f"_{by}_{do}" for by, do in ACTS if by != "seller"} <= doing


def test_a_good_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "good.toml"
    path.write_text(GOOD, encoding="utf-8")
    scenario = read(path)
    assert [act.at for act in scenario.acts] == [0.0, 5400.0]
    assert scenario.end[0].paid == 1490


@pytest.mark.parametrize(
    ("before", "after", "line", "says"),
    [
        ('kind = "refund"', 'kind = "repair"', 10, "expected one of cancellation, exchange, refund"),
        ('kind = "refund"', "kind = ", 10, "expected TOML"),
        ('at = "+90m"', 'at = "later"', 11, "expected a time after the beginning"),
        ('at = "+90m"', 'at = "+90m", units = [1]', 11, "unknown key 'units'"),
        ('at = "+0h"', 'at = "+2h"', 11, "expected the acts in the order of their times"),
        ('by = "seller", do = "approve"', 'by = "seller", do = "wave"', 11, "expected one of accept"),
        ('by = "seller", do = "approve"', 'by = "nobody", do = "approve"', 11, "expected one of buyer"),
        ('do = "approve"', 'do = "approve", case = "other"', 11, "nobody has asked for 'other' yet"),
        ('do = "approve"', 'do = "offer"', 11, "'amount' is missing; expected how much"),
        ('paid = "14.90"', 'paid = "14.905"', 17, "expected an amount of USD"),
        ('paid = "14.90"', "paid = 14.90", 17, "expected a text"),
        ('hub = "closed"\n', "", 14, "'hub' is missing"),
        ("PENDING->SUCCESS seller", "PENDING->HEAVEN", 3, "expected a row of the state tables"),
        ("[order]", "[orders]", 5, "unknown key 'orders'"),
        ('price = "14.90"', 'prize = "14.90"', 6, "unknown key 'prize'"),
        ("[order]", '[shop]\nmarket = "XX"\n[order]', 6, "expected one of"),
        ("[order]", "[shop]\nswitches = { wings = true }\n[order]", 6, "unknown key 'wings'"),
        ("[order]", "[shop]\nworkflows = { minimum = 3 }\n[order]", 6, "unknown key 'minimum'; expected one of"),
        ('by = "seller", do = "approve"', 'by = "loop", do = "open"', 11, 'expected desk = "loop" under [shop]'),
        ('by = "seller", do = "approve"', 'by = "connector", do = "copy", style = "pigeon"', 11, "expected one of"),
        ('do = "ask", kind = "refund"', 'do = "portal", kind = "refund"', 10, "expected a portal under [shop]"),
        ("[order]", '[shop]\nportal = { kinds = ["repair"] }\n[order]', 6, "expected one of refund, return"),
        ("[order]", "[shop]\nportal = { kinds = [] }\n[order]", 6, "at least one of return, refund"),
        ("[order]", "[shop]\nportal = { open = true }\n[order]", 6, "unknown key 'open'"),
        ("[order]", "[shop]\nportal = true\n[order]", 6, "expected a table for 'portal'"),
        ("[order]", '[shop]\nswitches = { batch_model = "yes" }\n[order]', 6, "batch_model must be true or false"),
        ("[order]", "[shop]\nswitches = { shipments = [1] }\n[order]", 6, "shipments must be a list of texts"),
        ("[order]", '[shop]\nswitches = { without_stock = "wait" }\n[order]', 6, "one of: refused, refund"),
        ("[order]", '[shop]\nclocks = { buyer_ships = "soon" }\n[order]', 6, "buyer_ships must be a whole number"),
        ("[order]", '[shop]\nconnector = { style = "pigeon" }\n[order]', 6, "unknown style 'pigeon'; known: mixed"),
        ("[order]", '[shop]\nconnector = { late_share = "x" }\n[order]', 6, "late_share must be a number"),
        ("[order]", '[order]\ncopy = { delay_seconds = "soon" }', 6, "expected a number from 0 to"),
        ("[order]", "[order]\ncopy = { wrong_sku = 1 }", 6, "expected true or false"),
        ('price = "14.90"', 'price = "-14.90"', 6, "expected an amount of USD"),
        ("REFUND_REQUEST_COMPLETE", "REFUND_REQUEST_DONE", 15, "expected one of AWAITING_BUYER_RESPONSE"),
        ("[order]", '[shop]\nworkflows = { questions = "x" }\n[order]', 6, "questions must be a list of texts"),
        ('at = "+90m"', 'at = "+99999d"', 11, "expected a time within ten years"),
    ],
)
def test_a_mistake_is_told_with_file_line_and_what_was_expected(
    tmp_path: Path, before: str, after: str, line: int, says: str
) -> None:
    path = tmp_path / "bad.toml"
    assert before in GOOD
    path.write_text(GOOD.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(FileMistake) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert says in str(caught.value)


def test_a_buyer_asks_in_a_portal_for_what_is_offered_there(tmp_path: Path) -> None:
    path = tmp_path / "portal.toml"
    asked = GOOD.replace('do = "ask", kind = "refund"', 'do = "portal", kind = "refund", wrong_code = 1')
    path.write_text(asked.replace("[order]", '[shop]\nportal = { kinds = ["refund"] }\n[order]'), encoding="utf-8")
    scenario = read(path)
    assert scenario.shop.portal == ("refund",)
    assert dict(scenario.acts[0].values) == {"kind": "REFUND", "wrong_code": 1}
    path.write_text(asked.replace("[order]", "[shop]\nportal = {}\n[order]"), encoding="utf-8")
    with pytest.raises(FileMistake, match="expected what the shop's portal lets buyers ask for: return"):
        read(path)


def test_a_folder_without_scenarios_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileMistake, match="expected scenario files"):
        read_all(tmp_path)


def test_the_reference_page_is_made_from_the_files() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/reference/scenarios.md").read_text(encoding="utf-8")
    assert page.endswith(generated()), "python -m backhaul.simulator.scenario.page docs/reference/scenarios.md"
