"""What a killed run leaves in the temporary folder goes with the next run of its kind, and nothing else does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from backhaul.store.throwaway import ThrowawayFolder, clear_abandoned
from tests import skips

KIND = "hub-throwaway"
# A run with its database that is killed in the middle.
KILLED = """
import os, signal, sys
from backhaul.store.embedded import EmbeddedPostgres
from backhaul.store.throwaway import ThrowawayFolder
folder = ThrowawayFolder(sys.argv[1])
if "database" in sys.argv:
    EmbeddedPostgres(folder.path, options={"fsync": "off"}).start()
print(folder.path, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A temporary folder of this test's own, which the account of the database can pass."""
    with tempfile.TemporaryDirectory(prefix="hub-") as name:
        os.chmod(name, 0o711)
        monkeypatch.setenv("TMPDIR", name)
        monkeypatch.setattr(tempfile, "tempdir", None)
        yield Path(name)


def killed(*words: str) -> Path:
    """The folder of a run that is no more."""
    ran = subprocess.run([sys.executable, "-c", KILLED, KIND, *words], capture_output=True, text=True, check=False)
    folder = Path(ran.stdout.strip())
    assert ran.returncode == -signal.SIGKILL, ran.stderr
    assert folder.is_dir()
    return folder


def test_a_killed_run_is_cleared_by_the_next_with_its_database(place: Path) -> None:
    left = killed("database")
    assert (left / "postgres").is_dir()
    mine = ThrowawayFolder(KIND)
    assert list(place.iterdir()) == [mine.path]
    mine.remove()
    assert list(place.iterdir()) == []


def test_what_somebody_uses_or_nobody_marked_stays(place: Path) -> None:
    (place / f"{KIND}-unmarked").mkdir()
    (place / "hub-other-kind").mkdir()
    elsewhere = killed().rename(place / "kept")
    (place / f"{KIND}-link").symlink_to(elsewhere)
    first = ThrowawayFolder(KIND)
    second = ThrowawayFolder(KIND)
    (first.path / "work").touch()
    before = set(place.rglob("*"))
    clear_abandoned(KIND)
    assert set(place.rglob("*")) == before
    for each in (first, second):
        each.remove()


@pytest.mark.skipif(os.geteuid() != 0, reason=skips.NOT_ROOT)
def test_another_users_folder_stays(place: Path) -> None:
    left = killed()
    os.chown(left, 65534, 65534)
    ThrowawayFolder(KIND).remove()
    assert left.is_dir()
