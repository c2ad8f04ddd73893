"""About 400 lines a file and 60 a function are where one looks for the seam; past 500 and 80 the build fails."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
LISTED = Path(__file__).with_name("large.txt")
FILE_LIMIT, FUNCTION_LIMIT = 500, 80


def sizes(source: str, path: str) -> dict[str, int]:
    """Lines of the file and of each of its functions, by ``path`` and ``path::Class.function``."""
    found = {path: len(source.splitlines())}

    def walk(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                name = f"{prefix}{child.name}"
                if not isinstance(child, ast.ClassDef):
                    assert child.end_lineno is not None
                    found[f"{path}::{name}"] = child.end_lineno - child.lineno + 1
                walk(child, name + ".")
            else:
                walk(child, prefix)

    walk(ast.parse(source), "")
    return found


def limit(name: str) -> int:
    return FUNCTION_LIMIT if "::" in name else FILE_LIMIT


def complaints(found: dict[str, int], listed: dict[str, int]) -> list[str]:
    said = []
    for name, lines in sorted(found.items()):
        if lines > limit(name) and name not in listed:
            said.append(f"{name} has {lines} lines: find the seam")
        elif name in listed and lines > listed[name]:
            said.append(f"{name} has grown from {listed[name]} to {lines} lines: find the seam")
    for name in sorted(listed):
        if found.get(name, 0) <= limit(name):
            said.append(f"{name} is small enough now: take it off {LISTED.name}")
    return said


def test_nothing_grows_past_the_limits() -> None:
    found: dict[str, int] = {}
    for folder in ("src", "bench"):
        for file in sorted((REPOSITORY / folder).rglob("*.py")):
            found |= sizes(file.read_text(encoding="utf-8"), file.relative_to(REPOSITORY).as_posix())
    assert len(found) > 100
    listed = {}
    for line in LISTED.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            name, lines = line.rsplit(maxsplit=1)
            listed[name] = int(lines)
    assert complaints(found, listed) == []


@pytest.mark.parametrize(
    ("found", "listed", "expected"),
    [
        ({"a.py": 500, "a.py::f": 80}, {}, 0),
        ({"a.py": 501}, {}, 1),
        ({"a.py": 90, "a.py::C.f": 81}, {}, 1),
        ({"a.py": 600}, {"a.py": 600}, 0),
        ({"a.py": 601}, {"a.py": 600}, 1),
        ({"a.py": 500}, {"a.py": 600}, 1),
        ({}, {"a.py": 600}, 1),
    ],
)
def test_the_rule_itself(found: dict[str, int], listed: dict[str, int], expected: int) -> None:
    assert len(complaints(found, listed)) == expected


def test_sizes_are_counted() -> None:
    lines = ["class C:", " def f(self):", "  if True:", "   def g():", "    pass", "", "", "async def h():", " pass"]
    source = "\n".join(lines)
    assert sizes(source, "a.py") == {"a.py": 9, "a.py::C.f": 4, "a.py::C.f.g": 2, "a.py::h": 2}
