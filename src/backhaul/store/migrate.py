"""Brings a database to the schema of this version: ours by Alembic, the job engine's by PgQueuer itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.queries import Queries

if TYPE_CHECKING:
    from sqlalchemy import Connection

LOCK = 0x6261636B  # one migration at a time on one database
STEPS = Path(__file__).parent / "migrations"


class SchemaMismatch(Exception):
    """The database is of another version, which this one cannot bring up to date."""


async def migrate(dsn: str) -> None:
    """Run all missing steps. Safe to call from several processes at once; the others wait. Raises SchemaMismatch."""
    guard = await asyncpg.connect(dsn)
    try:
        await guard.execute("select pg_advisory_lock($1)", LOCK)
        if not await _newest(guard):
            await _run_steps(dsn)
        queries = Queries(AsyncpgDriver(guard))
        if await queries.schema_is_installed():
            await queries.upgrade()
        else:
            await queries.install()
    finally:
        await guard.close()


async def _newest(connection: asyncpg.Connection) -> bool:
    """Whether the newest step was run. Every command asks; only then is Alembic worth the half second of loading it."""
    newest = max(path.stem.partition("_")[0] for path in (STEPS / "versions").glob("[0-9]*_*.py"))
    if await connection.fetchval("select to_regclass('alembic_version')") is None:
        return False
    found = await connection.fetch("select version_num from alembic_version")
    return [row["version_num"] for row in found] == [newest]


async def _run_steps(dsn: str) -> None:
    from alembic.util.exc import CommandError
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine("postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(dsn))
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_upgrade)
            await connection.commit()
    except CommandError as error:
        raise SchemaMismatch(str(error)) from error
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(STEPS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
