"""Simulated connections whose simulator has moved: another start, other ports, another clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from backhaul.store.db import Pool


async def repoint(
    pool: Pool, connection_id: UUID, api_base: str, auth_base: str, clock: Mapping[str, Any], plain: Mapping[str, str]
) -> None:
    """Let a simulated connection speak to its simulator at another address. ``plain`` are open settings that change
    with it. Real connections stay as they are."""
    await pool.execute(
        """
        update connection set api_base = $2, auth_base = $3, clock = $4, settings = settings || $5
        where id = $1 and environment = 'simulated'
        """,
        connection_id,
        api_base,
        auth_base,
        dict(clock),
        dict(plain),
    )
