"""The commerce role, played against the simulator."""

from __future__ import annotations

from tests.connectors.commerce_suite import CommerceSuite


class TestShopify(CommerceSuite):
    """Everything a commerce connector must do."""
