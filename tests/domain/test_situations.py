from __future__ import annotations

from pathlib import Path

from tests.domain.situations import STAGES, lines

FROZEN = Path(__file__).with_name("situations.txt")


def test_every_reachable_situation_has_its_reviewed_plan() -> None:
    """Renewed by ``python -m tests.domain.situations > tests/domain/situations.txt``, and then read line by line."""
    expected = FROZEN.read_text(encoding="utf-8").splitlines()
    found = list(lines())
    differing = [f"- {old}\n+ {new}" for old, new in zip(expected, found, strict=False) if old != new]
    assert not differing, "\n".join(differing[:20])
    assert len(found) == len(expected) == len({line.split(" => ")[0] for line in found})


def test_the_table_holds_every_kind_and_stage_and_the_plans_differ() -> None:
    rows = [line.split(" => ") for line in FROZEN.read_text(encoding="utf-8").splitlines()]
    assert {tuple(name.split(" | ")[:2]) for name, _ in rows} == {
        (kind.value, stage.value) for kind, stages in STAGES.items() for stage in stages
    }
    assert len(rows) > 500
    assert len({plan for _, plan in rows}) > 50
