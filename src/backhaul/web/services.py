"""What the web needs from the rest: handed in by the wiring, so that nothing here knows who implements it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from backhaul.domain.facts import Booker, Mode
from backhaul.domain.policy import Policy
from backhaul.domain.words import Action, Condition, Decision, Disposition
from backhaul.ports.manifest import Manifest
from backhaul.store.db import Pool


class Commands(Protocol):
    """What people may order; each raises :class:`backhaul.work.commands.CommandRefused` with a text for them."""

    async def decide(
        self,
        case_id: UUID,
        *,
        action: Action,
        round: int,
        decision: Decision,
        by: str,
        reason_key: str = "",
        comment: str = "",
    ) -> None: ...

    async def receive(self, case_id: UUID, unit_ids: list[str], by: str) -> None: ...

    async def inspect(
        self, case_id: UUID, verdicts: list[tuple[str, Condition, Disposition, str]], by: str
    ) -> None: ...

    async def upload_label(
        self,
        case_id: UUID,
        *,
        name: str,
        content: bytes,
        tracking_number: str,
        carrier_id: str,
        carrier_name: str,
        document: str,
        by: str,
    ) -> None: ...

    async def link_order(self, case_id: UUID, commerce_order_id: str, by: str) -> None: ...

    async def link_line(self, case_id: UUID, unit_id: str, commerce_line_id: str, by: str) -> None: ...

    async def add_alias(self, shop_id: UUID, channel_sku: str, commerce_sku: str, by: str) -> None: ...

    async def waive(self, case_id: UUID, lane: str, by: str) -> None: ...

    async def retry(self, exception_id: UUID, by: str) -> None: ...

    async def take_over(self, shop_id: UUID, case_ids: list[UUID] | None, by: str) -> int: ...

    async def set_mode(self, shop_id: UUID, mode: Mode, by: str) -> None: ...

    async def confirm_gateway(self, shop_id: UUID, gateway: str, by: str) -> None: ...

    async def set_location(self, shop_id: UUID, location: str, by: str) -> None: ...

    async def set_booker(self, shop_id: UUID, booker: Booker, by: str) -> None: ...

    async def set_policy(self, shop_id: UUID, policy: Policy, by: str) -> int: ...

    async def sync_now(self, shop_id: UUID, by: str) -> None: ...


class Intake(Protocol):
    """Takes webhooks."""

    async def webhook(self, key: str, raw: bytes, headers: Mapping[str, str]) -> int:
        """The HTTP status to answer: 200 stored, 401 not genuine, 404 no such address."""
        ...


class CallbackResult(Protocol):
    """How a login ended. ``choose`` are (connection, title) when it is not clear whose it is."""

    @property
    def ok(self) -> bool: ...
    @property
    def text(self) -> str: ...
    @property
    def connection_id(self) -> UUID | None: ...
    @property
    def choose(self) -> Sequence[tuple[UUID, str]]: ...


class Logins(Protocol):
    """Logins at vendors."""

    async def consent_url(self, connection_id: UUID) -> str: ...

    async def callback(self, vendor: str, params: Mapping[str, str], by: str) -> CallbackResult: ...

    async def add(
        self,
        vendor: str,
        title: str,
        settings: Mapping[str, str],
        environment: str,
        by: str,
        shop_id: UUID | None = None,
        api_base: str = "",
        auth_base: str = "",
    ) -> UUID: ...

    async def disable(self, connection_id: UUID, by: str) -> None: ...

    async def check(self, connection_id: UUID) -> Sequence[tuple[bool, str]]: ...


class Lookups(Protocol):
    """Lists that only a vendor knows."""

    async def carriers(self, case_id: UUID) -> Sequence[tuple[str, str]]:
        """Carriers (id, name) that the channel takes on a label of this case."""
        ...

    async def locations(self, shop_id: UUID) -> Sequence[tuple[str, str]]:
        """Places (id, name) of the commerce system that restocked units may go to."""
        ...


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
