"""The desk role, played against the simulator."""

from __future__ import annotations

from tests.connectors.desk_suite import DeskSuite


class TestLoop(DeskSuite):
    """Everything a desk connector must do."""
