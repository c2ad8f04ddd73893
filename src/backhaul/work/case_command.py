"""One command on one case: what it is checked against, and how it is stored, told and answered by an immediate look."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from backhaul.domain.facts import Seen
from backhaul.store import cases, commands, turns
from backhaul.store.db import Connection, Pool
from backhaul.store.jobs import Rank
from backhaul.work.vendors import shop_time


class CommandRefused(Exception):
    """A person asked for what cannot be. ``status`` is the HTTP status that fits: 404, 409 or 422."""

    def __init__(self, text: str, status: int = 422) -> None:
        super().__init__(text, status)
        self.text = text
        self.status = status

    def __str__(self) -> str:
        return self.text


class CaseCommand:
    """One transaction over one case: read, checked, said, and the case looked at."""

    connection: Connection
    shop_id: UUID
    seen: Seen
    now: int

    def __init__(self, pool: Pool, case_id: UUID) -> None:
        self._pool = pool
        self.case_id = case_id

    async def __aenter__(self) -> CaseCommand:
        self.connection = await self._pool.acquire()
        self._transaction: Any = self.connection.transaction()
        await self._transaction.start()
        try:
            # A case that has become one with another answers by the other.
            row = await self.connection.fetchrow(
                """
                select id, shop_id, body from return_case
                where id = (select coalesce(merged_into, id) from return_case where id = $1)
                """,
                self.case_id,
            )
            if row is None:
                raise CommandRefused("There is no such return.", 404)
            self.case_id = row["id"]
            self.shop_id = row["shop_id"]
            self.seen = msgspec.json.decode(row["body"], type=Seen) if row["body"] else Seen()
            self.now = shop_time(await commands.shop_clock(self.connection, self.shop_id))
        except BaseException as error:
            await self.__aexit__(type(error), error, None)
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        try:
            if error is None:
                await self._transaction.commit()
            else:
                await self._transaction.rollback()
        except (OSError, asyncpg.InterfaceError, asyncpg.PostgresConnectionError):
            if error is None:
                raise
        finally:
            await self._pool.release(self.connection)

    def check_units(self, unit_ids: Iterable[str]) -> None:
        """Refuse units that are not of this case."""
        if self.seen.channel is not None:
            known = {unit.id for unit in self.seen.channel.units}
        else:  # goods without a return on file: lines of the order stand for units
            known = {line.id for line in self.seen.order.lines} if self.seen.order else set()
        strange = [unit for unit in unit_ids if unit not in known]
        if strange or not known:
            raise CommandRefused(f"Not a unit of this return: {', '.join(strange) or 'none is known'}.", 404)

    async def check_pictures(self, attachments: Iterable[str]) -> None:
        """Refuse pictures that were not given for this case."""
        known = {each.lower() for each in (await cases.said(self.connection, self.case_id)).evidence}
        strange = [each for each in attachments if each.lower() not in known]
        if strange:
            raise CommandRefused(f"Not a picture of this case: {', '.join(strange)}.", 404)

    async def moved(self) -> frozenset[str]:
        """Units whose stock was moved, or is on its way to be: by this case, or by another of the order, of which they
        may have been a part."""
        return await cases.moved(self.connection, self.case_id)

    async def say(self, kind: str, body: object, by: str, text: str) -> None:
        """Store the command, tell it, and have the case looked at before anything else.

        The turn is taken first: words of a case get their numbers in the order in which they can be heard."""
        await turns.nudge(self.connection, [self.case_id], Rank.PERSON)
        await commands.add(self.connection, self.case_id, self.shop_id, kind, msgspec.json.encode(body), by, self.now)
        await commands.tell(self.connection, self.shop_id, self.case_id, self.now, by, f"said.{kind}", text)
