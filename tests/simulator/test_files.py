"""Mistakes in the simulator's own files: each names the file, the line and what was expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from backhaul.simulator.files import FileMistake, Table, read_text, read_toml

STORY = '''\
title = "A story"            # line 1
words = """
[not.a.table]
a = "b" """
seats = [
  1,
  # a remark
  "two",
  { name = "three", size = 3 },
]

[shop]
region = "US"
"odd.key" = 'raw \\'

[shop.switches]
deep.inside = [ [1, 2],
  [3] ]

[[acts]]
by = "buyer"
chance = 2.5

[[acts]]
by = "seller"
chance = true
  [[acts.parts]]
  sku = "A"
  [[acts.parts]]
  sku = "B"
'''


def story() -> Table:
    return read_text(STORY, "story.toml")


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (("title",), 1),
        (("words",), 2),
        (("seats",), 5),
        (("seats", 0), 6),
        (("seats", 1), 8),
        (("seats", 2, "size"), 9),
        (("shop",), 12),
        (("shop", "region"), 13),
        (("shop", "odd.key"), 14),
        (("shop", "switches", "deep", "inside", 1, 0), 18),
        (("acts", 0), 20),
        (("acts", 0, "chance"), 22),
        (("acts", 1, "by"), 25),
        (("acts", 1, "parts", 0, "sku"), 28),
        (("acts", 1, "parts", 1), 29),
        (("acts", 1, "nowhere"), 24),
    ],
)
def test_every_key_knows_its_line(place: tuple[str | int, ...], line: int) -> None:
    assert story().line_of(*place) == line


def test_values_are_read() -> None:
    table = story()
    assert table.text("title") == "A story"
    assert [act.text("by", among=("buyer", "seller")) for act in table.tables("acts")] == ["buyer", "seller"]
    assert table.tables("acts")[0].number("chance", low=0, high=3) == 2.5
    assert table.table("shop").table("switches").line == 16
    assert table.tables("nothing") == []
    assert table.flag("absent", None) is None
    assert table.texts("absent", ()) == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a = 1\nb = = 2\n", "m.toml:2: expected TOML: Invalid value"),
        ("a = 1\nb = [1,\n", "m.toml:3: expected TOML: Invalid value"),
        ("a = 1\na = 2\n", "m.toml:2: expected TOML: Cannot overwrite a value"),
    ],
)
def test_syntax(text: str, complaint: str) -> None:
    with pytest.raises(FileMistake) as caught:
        read_text(text, "m.toml")
    assert str(caught.value) == complaint


def test_each_reader_says_what_it_expected() -> None:
    acts = story().tables("acts")
    complaints = []
    for attempt in (
        lambda: acts[0].number("chance", low=0, high=1),
        lambda: acts[0].whole("chance"),
        lambda: acts[1].number("chance"),
        lambda: acts[0].text("by", among=("a", "b")),
        lambda: acts[0].flag("by"),
        lambda: acts[0].text("when"),
        lambda: acts[1].only({"by", "chance"}),
        lambda: acts[0].table("by"),
        lambda: story().tables("seats"),
        lambda: story().texts("seats"),
        lambda: story().fail(("shop", "region"), "expected a market"),
    ):
        with pytest.raises(FileMistake) as caught:
            attempt()
        complaints.append(str(caught.value))
    assert complaints == [
        "story.toml:22: expected a number from 0 to 1 for 'chance', found 2.5",
        "story.toml:22: expected a whole number for 'chance', found 2.5",
        "story.toml:26: expected a number for 'chance', found True",
        "story.toml:21: expected one of a, b for 'by', found 'buyer'",
        "story.toml:21: expected true or false for 'by', found 'buyer'",
        "story.toml:20: 'when' is missing; expected a text",
        "story.toml:27: unknown key 'parts'; expected one of by, chance",
        "story.toml:21: expected a table for 'by', found 'buyer'",
        "story.toml:5: expected tables, each under [[seats]] for 'seats', found "
        "[1, 'two', {'name': 'three', 'size': 3}]",
        "story.toml:6: expected a text in 'seats', found 1",
        "story.toml:13: expected a market",
    ]


def test_numbers_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(FileMistake, match=":1: expected a number from 0 to 1 for 'p', found nan"):
        read_text("p = nan", "n.toml").number("p", low=0, high=1)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(FileMistake, match=r"gone\.toml: cannot be read: No such file"):
        read_toml(tmp_path / "gone.toml")
    (tmp_path / "latin.toml").write_bytes(b"a = 1\nb = '\xe9'\n")
    with pytest.raises(FileMistake, match=r"latin\.toml:2: expected text in UTF-8"):
        read_toml(tmp_path / "latin.toml")
    (tmp_path / "good.toml").write_bytes(b"a = 1\r\n\r\nb = 2\r\n")
    assert read_toml(tmp_path / "good.toml").line_of("b") == 3
