"""The command line. Every command opens what it needs, does one thing, says what happened, and closes it again."""

from __future__ import annotations


def main() -> None:
    """What the `backhaul` program runs."""
    from backhaul.cli.app import app

    app(prog_name="backhaul")
