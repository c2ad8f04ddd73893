"""What every other test relies on: a database of its own, and the schema in it."""

from __future__ import annotations

import asyncpg
import pytest


@pytest.mark.parametrize("turn", [1, 2])
async def test_each_test_has_a_database_of_its_own(database: str, turn: int) -> None:
    connection = await asyncpg.connect(database)
    try:
        tables = await connection.fetchval("select count(*) from pg_tables where schemaname = 'public'")
        await connection.execute("create table only_mine (turn int)")
    finally:
        await connection.close()
    assert tables > 0
