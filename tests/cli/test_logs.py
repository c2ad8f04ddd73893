"""What is logged of an error on a terminal, and elsewhere."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import structlog
from backhaul.cli import logs
from backhaul.settings import Settings
logs.configure(Settings(log_format="{format}"))
def look_up(postal_code):
    raise RuntimeError("the cause")
try:
    look_up("900" + "01")
except RuntimeError as error:
    structlog.get_logger().error("request failed", exc_info=error)
"""


@pytest.mark.parametrize("format", ["console", "json"])
def test_an_error_is_logged_with_its_place_and_without_the_values_of_variables(format: str) -> None:
    program = PROGRAM.replace("{format}", format)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert "RuntimeError: the cause" in done.stderr
    assert "look_up" in done.stderr
    assert "90001" not in done.stderr
