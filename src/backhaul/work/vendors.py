"""Connectors by shop and role, made once and kept until their connection changes; and the shops' clocks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import msgspec

from backhaul.domain.desk import DeskReason
from backhaul.domain.words import Party
from backhaul.kit.clock import Affine
from backhaul.kit.crypto import Vault
from backhaul.kit.http import HttpClient
from backhaul.ports.connector import Tokens
from backhaul.ports.errors import NeedsReauth, Refused, Unavailable
from backhaul.ports.factory import Login, Vendor
from backhaul.store import audit, shops
from backhaul.store.db import Pool
from backhaul.store.shops import ConnectionRow
from backhaul.work.budget import Purse

REASONS_S = 3600.0  # how long a vendor's list of reasons may be old
FRESH_S = 2.0  # how long a connection's row may be old


def affine(clock: Mapping[str, Any] | None) -> Affine:
    """The clock of a connection: the machine's own, or a simulator's."""
    if not clock:
        return Affine(0.0, 0.0, 1.0)
    return Affine(float(clock["epoch_real"]), float(clock["epoch_virtual"]), float(clock["rate"]))


def shop_time(clock: Mapping[str, Any] | None) -> int:
    """Now, in whole seconds by a shop's clock."""
    return int(affine(clock).virtual(time.time()))


def seal_settings(vault: Vault, connection_id: UUID, secrets: Mapping[str, str]) -> bytes:
    """A connection's secret settings, sealed."""
    return vault.encrypt(msgspec.json.encode(dict(secrets)), f"connection/{connection_id}/settings".encode())


def open_settings(vault: Vault, row: ConnectionRow) -> dict[str, str]:
    """All settings of a connection, secrets included."""
    if row.secrets is None:
        return dict(row.settings)
    raw = vault.decrypt(row.secrets, f"connection/{row.id}/settings".encode())
    return {**row.settings, **msgspec.json.decode(raw, type=dict[str, str])}


def seal_tokens(vault: Vault, connection_id: UUID, tokens: Tokens) -> bytes:
    """A login's tokens, sealed."""
    return vault.encrypt(msgspec.json.encode(tokens), f"connection/{connection_id}/tokens".encode())


def open_tokens(vault: Vault, row: ConnectionRow) -> Tokens | None:
    """A login's tokens, or None before the first."""
    if row.tokens is None:
        return None
    return msgspec.json.decode(vault.decrypt(row.tokens, f"connection/{row.id}/tokens".encode()), type=Tokens)


class _Made(msgspec.Struct):
    connector: Any
    settings: bytes | None
    made_for: tuple[str, str, Any]


class Vendors:
    """What a process needs to speak to vendors."""

    def __init__(self, pool: Pool, vault: Vault, http: HttpClient, registry: Mapping[str, Vendor]) -> None:
        self.pool = pool
        self.vault = vault
        self.http = http
        self.registry = registry
        self._rows: dict[UUID, tuple[float, ConnectionRow]] = {}
        self._tokens: dict[UUID, tuple[bytes, Tokens]] = {}
        self._made: dict[tuple[UUID, str], _Made] = {}
        self._purses: dict[tuple[UUID, str], Purse] = {}
        self._links: dict[tuple[UUID, str], tuple[float, str, str]] = {}
        self._reasons: dict[UUID, tuple[float, tuple[tuple[str, str], ...]]] = {}
        self._desk_reasons: dict[UUID, tuple[float, tuple[DeskReason, ...]]] = {}
        self._lock = asyncio.Lock()

    async def row(self, connection_id: UUID, fresh: bool = False) -> ConnectionRow:
        """A connection as it was stored at most a moment ago. Raises Unavailable when it is gone."""
        at, row = self._rows.get(connection_id, (0.0, None))
        if row is None or fresh or time.monotonic() - at > FRESH_S:
            row = await shops.connection(self.pool, connection_id)
            if row is None:
                raise Unavailable("the connection is not there any more")
            self._rows[connection_id] = (time.monotonic(), row)
        return row

    def forget(self, connection_id: UUID) -> None:
        """The connection changed here: read it again at once."""
        self._rows.pop(connection_id, None)

    async def connector(self, connection_id: UUID, shop_id: UUID | None = None, role: str = "") -> Any:
        """The connector of a connection, speaking for a shop."""
        row = await self.row(connection_id)
        key, channel_id = await self._shop_key(shop_id, role) if shop_id else ("", "")
        made_for = (row.api_base, row.auth_base, row.clock)  # a simulated clock may be moved at any time
        made = self._made.get((connection_id, key))
        if made is not None and made.settings == row.secrets and made.made_for == made_for:
            return made.connector
        async with self._lock:
            connector = self.make(row, key, shop_id=channel_id)
            self._made[connection_id, key] = _Made(connector, row.secrets, made_for)
            return connector

    def make(
        self, row: ConnectionRow, shop_key: str, tokens: Callable[[], Any] | None = None, shop_id: str = ""
    ) -> Any:
        """A connector for a stored (or not yet stored) connection. Raises NeedsReauth for settings that cannot work."""
        vendor = self.registry[row.vendor]

        async def access() -> str:
            return await self.access(row.id)

        login = Login(
            settings=open_settings(self.vault, row),
            access=tokens or access,
            shop_id=shop_id,
            shop_key=shop_key,
            api_base=row.api_base,
            auth_base=row.auth_base,
        )
        purse = self._purses.get((row.id, shop_key))
        if purse is None:
            purse = self._purses[row.id, shop_key] = Purse(self.pool, row.id, shop_key, vendor.manifest)
        mapping = row.clock
        return vendor.connect(login, self.http, purse, lambda: affine(mapping).virtual(time.time()))

    async def _shop_key(self, shop_id: UUID, role: str) -> tuple[str, str]:
        """What names the shop in this vendor's calls, and the channel's own id of it."""
        at, key, channel_id = self._links.get((shop_id, role), (0.0, "", ""))
        if time.monotonic() - at > 30 or not at:
            found = await self.pool.fetchrow(
                """
                select case when l.role = 'channel' then s.channel_key else l.shop_key end as key, s.channel_id
                from link l join shop s on s.id = l.shop_id where l.shop_id = $1 and l.role = $2
                """,
                shop_id,
                role,
            )
            key, channel_id = (found["key"], found["channel_id"]) if found else ("", "")
            self._links[shop_id, role] = (time.monotonic(), key, channel_id)
        return key, channel_id

    async def access(self, connection_id: UUID) -> str:
        """The access token of a connection; read anew when it has run out, for another process may have renewed it.
        Raises NeedsReauth when there is none."""
        row = await self.row(connection_id)
        tokens = self._opened(row)
        if tokens is not None and row.access_expires_at is not None and shop_time(row.clock) >= row.access_expires_at:
            row = await self.row(connection_id, fresh=True)
            tokens = self._opened(row)
        if tokens is None:
            raise NeedsReauth(f"{row.title} has never been connected.")
        return tokens.access

    def _opened(self, row: ConnectionRow) -> Tokens | None:
        if row.tokens is None:
            return None
        sealed, tokens = self._tokens.get(row.id, (b"", None))
        if tokens is None or sealed != row.tokens:
            tokens = open_tokens(self.vault, row)
            assert tokens is not None
            self._tokens[row.id] = (row.tokens, tokens)
        return tokens

    async def channel(self, connections: Mapping[str, UUID], shop_id: UUID) -> Any:
        """The channel's connector of a shop. Raises Unavailable when none is linked."""
        return await self._role(Party.CHANNEL, connections, shop_id)

    async def commerce(self, connections: Mapping[str, UUID], shop_id: UUID) -> Any:
        """The commerce system's connector of a shop. Raises Unavailable when none is linked."""
        return await self._role(Party.COMMERCE, connections, shop_id)

    async def desk(self, connections: Mapping[str, UUID], shop_id: UUID) -> Any:
        """The returns desk's connector of a shop. Raises Unavailable when none is linked."""
        return await self._role(Party.DESK, connections, shop_id)

    async def _role(self, role: Party, connections: Mapping[str, UUID], shop_id: UUID) -> Any:
        if role not in connections:
            raise Unavailable(f"no {role} is connected")
        return await self.connector(connections[role], shop_id, role)

    async def reasons(self, connections: Mapping[str, UUID], shop_id: UUID) -> tuple[tuple[str, str], ...]:
        """The commerce system's return reasons (id, handle), read at most once an hour."""
        connection_id = connections[Party.COMMERCE]
        at, known = self._reasons.get(connection_id, (0.0, ()))
        if not known or time.monotonic() - at > REASONS_S:
            known = await (await self.commerce(connections, shop_id)).reasons()
            self._reasons[connection_id] = (time.monotonic(), known)
        return known

    async def desk_reasons(
        self, connections: Mapping[str, UUID], shop_id: UUID, order_name: str, secondary: str
    ) -> tuple[DeskReason, ...]:
        """The desk's own reasons, which it shows for an order only; read at most once an hour. None where it takes
        nothing of this order."""
        connection_id = connections[Party.DESK]
        at, known = self._desk_reasons.get(connection_id, (0.0, ()))
        if not known or time.monotonic() - at > REASONS_S:
            try:
                known = (await (await self.desk(connections, shop_id)).desk_offer(order_name, secondary)).reasons
            except Refused:
                return ()
            self._desk_reasons[connection_id] = (time.monotonic(), known)
            await audit.keep_desk_reasons(self.pool, shop_id, known)
        return known
