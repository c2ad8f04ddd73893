from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from backhaul.store.supervisor import LOG, STATE, Plan, Supervisor

STAMP = "2026-01-01 00:00:00.000 UTC [7] "


@pytest.fixture
def supervisor(tmp_path: Path) -> Supervisor:
    (tmp_path / "data").mkdir()
    return Supervisor(Plan(str(tmp_path), str(tmp_path / "data"), "/nowhere"))


@pytest.mark.parametrize(
    "line",
    [
        "LOG:  database system was not properly shut down; automatic recovery in progress",
        "LOG:  redo in progress, elapsed time: 12.00 s, current LSN: 0/9A4B3C8",
        "LOG:  syncing data directory (fsync), elapsed time: 3.00 s, current path: ./base/5/1259",
    ],
)
def test_recovery_is_told_as_it_moves(supervisor: Supervisor, tmp_path: Path, line: str) -> None:
    supervisor.heed(STAMP + line, ready=False)
    state = json.loads((tmp_path / STATE).read_text())
    assert state["phase"] == "recovering"
    assert line.partition(":  ")[2] in state["text"]
    assert line in (tmp_path / LOG).read_text()


def test_once_ready_the_log_changes_no_state(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.heed(STAMP + "LOG:  redo in progress", ready=True)
    supervisor.heed(STAMP + 'FATAL:  database "x" does not exist', ready=True)
    assert not (tmp_path / STATE).exists()
    assert supervisor.last_fatal == ""


def test_the_reason_of_a_failed_start_is_kept(supervisor: Supervisor) -> None:
    supervisor.heed(STAMP + "FATAL:  could not write lock file: No space left on device", ready=False)
    supervisor.heed(STAMP + "FATAL:  the database system is starting up", ready=False)
    assert supervisor.last_fatal == "could not write lock file: No space left on device"


def test_the_log_is_bounded(supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backhaul.store.supervisor._LOG_LIMIT", 1000)
    for number in range(1000):
        supervisor.note(f"line {number}")
    assert sorted(os.listdir(tmp_path)) == ["data", "postgres.log", "postgres.log.1"]
    assert sum((tmp_path / name).stat().st_size for name in ("postgres.log", "postgres.log.1")) < 2100


def test_ready_is_what_the_pid_file_says(supervisor: Supervisor, tmp_path: Path) -> None:
    pid_file = tmp_path / "data" / "postmaster.pid"
    assert not supervisor.is_ready(7)
    for state, ready in (("starting", False), ("ready   ", True), ("stopping", False)):
        pid_file.write_text(f"7\n/d\n1767225600\n5432\n/s\n\n  1 2\n{state}\n")
        assert supervisor.is_ready(7) is ready
    assert not supervisor.is_ready(8)
