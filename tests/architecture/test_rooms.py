"""Rules of the rooms that import contracts cannot say."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src" / "backhaul"


def trees(*rooms: str) -> Iterator[tuple[str, ast.Module]]:
    files = [file for room in rooms or (".",) for file in sorted((SOURCE / room).rglob("*.py"))]
    assert files
    for file in files:
        yield file.relative_to(SOURCE).as_posix(), ast.parse(file.read_text(encoding="utf-8"))


def imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_only_settings_reads_the_environment() -> None:
    readers = {
        name
        for name, tree in trees()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv", "getenvb"))
        or (isinstance(node, ast.ImportFrom) and node.module == "os" and any("env" in a.name for a in node.names))
    }
    assert readers == {"settings.py"}


def test_the_domain_asks_no_clock() -> None:
    asked = [
        f"{name}:{node.lineno}"
        for name, tree in trees("domain")
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr in ("now", "utcnow", "today")
        and isinstance(node.ctx, ast.Load)
        if isinstance(node.value, ast.Name) and node.value.id in ("datetime", "date", "clock")
    ]
    assert asked == []


def test_the_simulator_shares_only_clock_and_text() -> None:
    # Where a line stands in a TOML text is text too; no vendor's wire has any of it.
    text = ("backhaul.kit.text", "backhaul.kit.toml")
    allowed = ("backhaul.simulator", "backhaul.kit.clock", *text, "backhaul.__version__")
    shared = [
        f"{name}: {module}"
        for name, tree in trees("simulator")
        for module in imports(tree)
        if module.split(".")[0] == "backhaul" and not module.startswith(allowed)
    ]
    assert shared == []


def test_relative_imports_do_not_hide_a_room() -> None:
    relative = [
        f"{name}:{node.lineno}"
        for name, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level > 1
    ]
    assert relative == []


def test_the_kit_knows_no_business() -> None:
    words = re.compile(
        r"tiktok|shopify|refund|buyer|seller|merchant|parcel|warehouse|commerce|returnless|inspection", re.I
    )
    found = [
        f"{file.name}: {word}"
        for file in sorted((SOURCE / "kit").glob("*.py"))
        for word in words.findall(file.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_there_is_no_room_for_what_has_no_name() -> None:
    assert [p for p in SOURCE.rglob("*") if p.stem in ("utils", "util", "helpers", "common", "misc")] == []
