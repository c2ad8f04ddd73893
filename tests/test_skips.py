"""A skip that nobody expects fails the run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import skips

pytest_plugins = ["pytester"]
REPOSITORY = Path(__file__).parents[1]


def test_reasons_are_judged_by_what_holds_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(skips, "SPECS", tmp_path)
    assert skips.unexpected([skips.NO_SPECS]) == [skips.NO_SPECS]
    monkeypatch.setattr(skips, "SPECS", tmp_path / "absent")
    assert skips.unexpected([skips.NO_SPECS, "because", "because"]) == ["because"]


@pytest.mark.parametrize("workers", ["0", "1"])
def test_an_unexpected_skip_fails_the_run(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: str
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # all that is installed is a lot to start
    options = ("-q", "-p", "xdist", "-n", workers, "-p", "no:cacheprovider")
    hook = "from tests.skips import pytest_sessionfinish\n"
    pytester.makeconftest(f"import sys\nsys.path.insert(0, {str(REPOSITORY)!r})\n{hook}")
    pytester.makepyfile("import pytest\ndef test_one(): pass\ndef test_two(): pytest.skip('not today')\n")
    run = pytester.runpytest_subprocess(*options)
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    run.stdout.fnmatch_lines(["*UNEXPECTED SKIP: not today*"])
    pytester.makepyfile("def test_one(): pass\n")
    assert pytester.runpytest_subprocess(*options).ret == pytest.ExitCode.OK
