"""What the web needs from the rest: handed in by the wiring, so that nothing here knows who implements it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from backhaul.ports.manifest import Manifest
from backhaul.store.db import Pool
from backhaul.work.commands import Commands
from backhaul.work.intake import Intake
from backhaul.work.logins import Logins
from backhaul.work.lookups import Lookups
from backhaul.work.portal import Buyers


@dataclass(frozen=True)
class Services:
    """One process' share of everything. ``base_url`` is the public address without a slash at its end.

    ``sign_in_hint`` is the command that prints a new sign-in link; ``clock`` is real time, from which each shop's own
    is derived."""

    pool: Pool
    commands: Commands
    intake: Intake
    logins: Logins
    lookups: Lookups
    buyers: Buyers
    vendors: Mapping[str, Manifest]
    base_url: str
    version: str = ""
    sign_in_hint: str = "backhaul sign-in"
    clock: Callable[[], float] = field(default=time.time)

    @property
    def secure(self) -> bool:
        """Whether people come over TLS, so that cookies are kept to it."""
        return self.base_url.startswith("https://")

    def webhook_address(self, key: str) -> str:
        """Where a vendor sends its webhooks."""
        return f"{self.base_url}/hooks/{key}"

    def callback_address(self, vendor: str) -> str:
        """Where a vendor sends the owner back to after consent."""
        return f"{self.base_url}/callback/{vendor}"

    def console(self, vendor: str | None, market: str) -> str:
        """A vendor's own console in a market; empty when there is none."""
        manifest = self.vendors.get(vendor or "")
        return manifest.console(market) if manifest else ""

    def manifest(self, vendor: str) -> Manifest | None:
        """A vendor's declaration."""
        return self.vendors.get(vendor)
