"""When the hub has nothing left to do at a moment of simulated time, and when it wants to be woken next."""

from __future__ import annotations

import asyncio
import time
from uuid import UUID

from backhaul.simulator.process import ControlClient
from backhaul.simulator.scenario.world import Mishap
from backhaul.store import turns
from backhaul.wiring import Hub
from backhaul.work.vendors import shop_time

SOON_S = 600  # what the hub does again within so many seconds is not jumped over, deadline or not
SOON_ON_BAD_DAYS_S = 3600  # then, what it tries again
PER_SHOP = 48
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.01, 0.08
MOST_S = 300.0  # real seconds: a hub that has not come to rest by then never will

BUSY = """
select exists (select from pgqueuer where status in ('queued', 'picked'))
    or exists (select from turn where owner is not null and until > clock_timestamp())
"""
# A case that nobody waits for (the buyer is to ship, the inspector to look) is read daily; those looks may come late.
NEXT = """
select min(t.attend_at) from turn t join return_case c on c.id = t.subject_id
where t.attend_at > $1 and (c.deadline is not null or t.attend_at <= $1 + $2) and t.shop_id <> all($3)
"""
KEY_S = 600  # how long the channel knows the key of a start
# A start whose answer was lost is repeated as long as the channel knows its key; what comes after that has time.
HURRIES = """
select min(t.attend_at) from turn t join effect e on e.case_id = t.subject_id
where t.attend_at > $1 and e.kind = 'start_return' and e.state = 'sent' and e.sent_at + $3 > $1 and t.shop_id <> all($2)
"""
# Sweeps that are left out, and everything in shops whose stories are over. Locked in the hub's own order.
LATER = """
with locked as (
    select subject_id from turn
    where owner is null and attend_at < $1 and (kind = 'sweep' and not $2 or shop_id = any($3))
    order by subject_id for update
)
update turn t set attend_at = $1 from locked l where t.subject_id = l.subject_id
"""


class Restless(Mishap):
    """The hub does not come to rest: nothing more can be played."""


class Stillness:
    """Watches one hub, by its database. All its shops go by one simulator's clock."""

    def __init__(self, hub: Hub, control: ControlClient, *, calm: bool = True) -> None:
        self._hub, self._control = hub, control
        # A sweep after every move of the clock would be most of the work. On bad days it is what finds lost messages,
        # well within the patience of any story.
        self._sweep_s = 6 * 3600.0 if calm else 3600.0
        self._soon_s = SOON_S if calm else SOON_ON_BAD_DAYS_S
        self._since_sweep = 0.0
        self._over: list[UUID] = []  # shops

    async def leave(self, shop_id: str) -> None:
        """All stories of this shop are over. What its cases still wait for would only bring calls and moves of the
        clock that nobody judges; what the vendors tell of them is still heard."""
        self._over.append(await self._hub.pool.fetchval("select id from shop where channel_id = $1", shop_id))

    async def still(self) -> None:
        """Returns when no webhook is under way, no job waits, no case is held and nothing is due."""
        end, pause, calm = time.monotonic() + MOST_S, _FIRST_PAUSE_S, 0
        while calm < 2:
            if await self._hub.pool.fetchval(BUSY):
                if time.monotonic() > end:
                    raise Restless(await self._why())
                calm = 0
                await asyncio.sleep(pause)
                pause = min(_LONGEST_PAUSE_S, pause * 1.3)
                continue
            await self._control.settle()
            calm = 0 if await turns.wake_due(self._hub.pool, await self._clocks(), PER_SHOP) else calm + 1

    async def moving(self, seconds: float) -> None:
        """The hub's clocks go first: what the simulator then says at once is never from its future."""
        await self._hub.pool.execute(
            """
            update connection set clock = clock || jsonb_build_object(
                'epoch_virtual', (clock ->> 'epoch_virtual')::float8 + $1::float8)
            where clock is not null
            """,
            seconds,
        )
        for row in await self._hub.pool.fetch("select id from connection"):
            self._hub.vendors.forget(row["id"])
        self._since_sweep += seconds
        sweep = self._since_sweep >= self._sweep_s
        if sweep:
            self._since_sweep = 0.0
        later = max((await self._clocks()).values(), default=0) + 60
        await self._hub.pool.execute(LATER, later, sweep, self._over)

    async def wants(self) -> float | None:
        """The next look that must not be jumped over."""
        now = max((await self._clocks()).values(), default=0)
        at = await self._hub.pool.fetchval(NEXT, now, self._soon_s, self._over)
        return None if at is None else float(at)

    async def hurries(self) -> float | None:
        """The next look at a start that soon cannot be repeated any more."""
        now = max((await self._clocks()).values(), default=0)
        at = await self._hub.pool.fetchval(HURRIES, now, self._over, KEY_S)
        return None if at is None else float(at)

    async def _clocks(self) -> dict[UUID, int]:
        rows = await self._hub.pool.fetch(
            """
            select s.id, n.clock from shop s join link l on l.shop_id = s.id and l.role = 'channel'
            join connection n on n.id = l.connection_id
            """
        )
        return {row["id"]: shop_time(row["clock"]) for row in rows}

    async def _why(self) -> str:
        rows = await self._hub.pool.fetch(
            """
            select t.kind, c.channel_id, c.status from turn t left join return_case c on c.id = t.subject_id
            where t.owner is not null limit 5
            """
        )
        held = "; ".join(" ".join(str(each) for each in row if each is not None) for row in rows)
        return f"the hub has not come to rest within {MOST_S:.0f} s; still at work: {held or 'queued jobs'}"
