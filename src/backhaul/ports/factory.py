"""How a connector is made for one connection and one shop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import msgspec

from backhaul.ports.manifest import Manifest


class Login(msgspec.Struct, frozen=True):
    """What a connector needs to speak for one shop. ``settings`` are the values of the manifest's fields.

    ``api_base`` and ``auth_base`` are empty for the live vendor; a simulated connection names loopback addresses, and a
    connector refuses any other address, so that neither can be taken for the other.
    ``access`` answers the current access token (the hub renews it)."""

    settings: Mapping[str, str]
    access: Callable[[], Awaitable[str]]
    shop_id: str = ""
    shop_key: str = ""
    api_base: str = ""
    auth_base: str = ""


class Spend(Protocol):
    """Takes calls (or points) from the shop's budget before a call leaves, and learns from answers."""

    @property
    def urgent(self) -> bool:
        """Whether whoever asks now may spend what is kept for people and deadlines: not to wait with those who may
        not."""
        ...

    async def take(self, api: str, cost: float = 1.0) -> None:
        """Wait until the budget allows the call. Raises Unavailable when the wait would be too long."""
        ...

    def learn(
        self,
        api: str,
        *,
        available: float | None = None,
        restore_per_s: float | None = None,
        refused: bool = False,
        back: float = 0.0,
    ) -> None:
        """What an answer said of the budget: what is left, how fast it comes back, that it was overdrawn, or how much
        of what was taken the vendor gave ``back``."""
        ...


class Vendor(Protocol):
    """A connector package's entry: its declaration and how to make one."""

    manifest: Manifest

    def connect(self, login: Login, http: Any, spend: Spend, clock: Callable[[], float]) -> Any:
        """A connector for one shop. ``http`` is :class:`backhaul.kit.http.Http`; ``clock`` answers the shop's time."""
        ...
