"""Which tests may be skipped, and why. Every run lists its skips; one that is not expected here fails the run."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

# The vendors' contracts are kept beside the repository and are no part of it.
SPECS = Path(__file__).resolve().parents[2] / "shared" / "specs"
NO_SPECS = "the vendors' contracts are not there (a folder shared/specs beside the repository)"
NO_CHECKOUT = "not a git checkout: there is no list of tracked files"
NOT_ROOT = "needs root: what root does for the account of postgres"


def needs_spec(*names: str) -> pytest.MarkDecorator:
    """Skips a test on machines without the contracts; where the folder is, a missing file is an error, not a skip."""
    if SPECS.is_dir():
        for name in names:
            assert (SPECS / name).is_file(), f"{name} is not among the vendors' contracts in {SPECS}"
    return pytest.mark.skipif(not SPECS.is_dir(), reason=NO_SPECS)


def expected() -> frozenset[str]:
    """The reasons that hold on this machine."""
    reasons = set()
    if not SPECS.is_dir():
        reasons.add(NO_SPECS)
    if not (Path(__file__).parents[1] / ".git").exists():
        reasons.add(NO_CHECKOUT)
    if os.geteuid() != 0:
        reasons.add(NOT_ROOT)
    return frozenset(reasons)


def unexpected(reasons: Iterable[str]) -> list[str]:
    """The reasons that do not hold on this machine, each once, in their order."""
    return list(dict.fromkeys(reason for reason in reasons if reason not in expected()))


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A skip that nobody expects fails the run: a check that silently stops checking is worse than a red one."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return  # a worker: the process that controls the run judges
    reasons = [report.longrepr[2].removeprefix("Skipped: ") for report in reporter.stats.get("skipped", [])]
    for reason in unexpected(reasons):
        reporter.write_line(f"UNEXPECTED SKIP: {reason} (tests/skips.py lists what is expected)", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
