"""Many rows in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from backhaul.store.db import Connection


def columns_of(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    """Rows as columns, for ``unnest``. A zero byte, which no text of PostgreSQL can hold, is left out: a vendor's torn
    text must not keep a case from being written."""
    return [
        [each.replace("\x00", "") if isinstance(each, str) and "\x00" in each else each for each in column]
        for column in zip(*rows, strict=True)
    ]


async def insert(
    connection: Connection, table: str, columns: dict[str, str], rows: list[tuple[Any, ...]], tail: str = ""
) -> None:
    """Insert many rows in one statement: ``columns`` maps names to types."""
    if not rows:
        return
    arrays = ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(columns.values(), 1))
    names = ", ".join(columns)
    await connection.execute(
        f"insert into {table} ({names}) select * from unnest({arrays}) {tail}",
        *columns_of(rows),
    )
