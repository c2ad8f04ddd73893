"""What is committed speaks of no one machine, and locks what it installs by content, not by host."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests import skips

REPOSITORY = Path(__file__).resolve().parents[2]
# Written in pieces, so that this file does not hold what it looks for.
HOSTS = ["".join(parts) for parts in (("py", "pi.org"), ("files.python", "hosted.org"), ("registry.npm", "js.org"))]
PLACES = [
    re.escape(str(REPOSITORY)),
    "/" + r"root/[\w.]",
    "/" + r"home/\w+/",
    "/" + r"Users/\w+/",
    "/" + r"work/(?:main|shared)",
]
FORBIDDEN = re.compile("|".join([*map(re.escape, HOSTS), *(rf"(?<![\w.*<>}}-]){place}" for place in PLACES)]))


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip(skips.NO_CHECKOUT)
    files = [REPOSITORY / name for name in listed.stdout.decode().split("\0") if name]
    return [file for file in files if file.is_file()]


def test_no_path_of_a_machine_and_no_registry_host() -> None:
    found = []
    for file in tracked():
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture
        for number, line in enumerate(text.splitlines(), 1):
            if match := FORBIDDEN.search(line):
                found.append(f"{file.relative_to(REPOSITORY)}:{number}: {match[0]}")
    assert found == []


def test_the_pattern_finds_what_it_must() -> None:
    for bad in [*HOSTS, "/" + "root/.cache", "'/" + "home/me/x'", "see /" + "work/shared/x", f"{REPOSITORY}/src"]:
        assert FORBIDDEN.search(bad), bad
    for good in ("src/backhaul/work/main.py", "../shared/specs", "https://example.com/home/page"):
        assert not FORBIDDEN.search(good), good


def test_everything_installed_is_locked_by_hash() -> None:
    for name in ("runtime.txt", "dev.txt"):
        lines = [
            x for x in (REPOSITORY / "requirements" / name).read_text().splitlines() if not x.lstrip().startswith("#")
        ]
        pinned = [i for i, line in enumerate(lines) if "==" in line and not line.startswith(" ")]
        assert len(pinned) > 40
        assert all("--hash=sha256:" in lines[i + 1] for i in pinned)
        assert not [line for line in lines if line.startswith("-")]


def test_front_end_code_is_locked_by_integrity() -> None:
    text = (REPOSITORY / "package-lock.json").read_text()
    packages = re.findall(r'"node_modules/[^"]+": \{[^}]*?"integrity": "sha512-', text)
    assert len(packages) == text.count('"node_modules/') >= 2
