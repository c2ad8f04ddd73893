"""One worker process: takes jobs, wakes what is due, follows simulated clocks, and shows that it lives."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import structlog
from pgqueuer.adapters.drivers.asyncpg import AsyncpgPoolDriver
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.core.qm import QueueManager
from pgqueuer.domain.errors import FailingListenerError
from pgqueuer.domain.models import Job

from backhaul.kit.ids import uuid7
from backhaul.store import portal, turns
from backhaul.store.db import AWAY, Pool, open_pool
from backhaul.store.jobs import ATTEND, Rank, read_payload
from backhaul.work.attend import Attendant
from backhaul.work.clocks import follow_clocks
from backhaul.work.run import Probe, no_probe
from backhaul.work.vendors import Vendors, shop_time

log = structlog.get_logger()

PER_SHOP = 48  # runs of one shop at a time in this process: its history never stands before another's deadline
HEARTBEAT = timedelta(seconds=6)


class Worker:
    """Runs until stopped. ``concurrency`` caps the jobs of this process."""

    def __init__(self, vendors: Vendors, dsn: str, concurrency: int = 200, probe: Probe = no_probe) -> None:
        self.vendors = vendors
        self.pool: Pool = vendors.pool
        self.dsn = dsn
        self.concurrency = max(20, concurrency)
        self.attendant = Attendant(vendors, probe)
        self.id = uuid7()
        self._shops: Counter[UUID] = Counter()
        self._running: dict[int, float] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set, then finish what is under way. Survives the database being away."""
        tasks = [
            asyncio.create_task(self._forever(stop, 1.0, self._wake), name="due"),
            asyncio.create_task(self._forever(stop, 1.0, self._clocks), name="clocks"),
            asyncio.create_task(self._forever(stop, 5.0, self._beat), name="beat"),
            asyncio.create_task(self._forever(stop, 30.0, self._tidy), name="tidy"),
        ]
        try:
            while not stop.is_set():
                try:
                    await self._jobs(stop)
                except (*AWAY, FailingListenerError) as error:
                    # The engine's first listener probe may be sent before it listens, and is then missed ten seconds
                    # later: it starts anew.
                    current = asyncio.current_task()
                    if current is not None and current.cancelling():
                        raise asyncio.CancelledError from error  # the engine's clean-up failed on its way out
                    log.warning("database.away", error=str(error))
                    await _pause(stop, 1.0)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.attendant.close()
            await _quietly(self.pool.execute("delete from worker where id = $1", self.id))

    async def _jobs(self, stop: asyncio.Event) -> None:
        pool = await open_pool(self.dsn, 4)
        manager = QueueManager(Queries(AsyncpgPoolDriver(pool)))

        @manager.entrypoint(ATTEND, accepts_context=False)
        async def attend(job: Job) -> None:
            await self._attend(job)

        async def watch() -> None:
            await stop.wait()
            manager.shutdown.set()

        watching = asyncio.create_task(watch())
        try:
            await manager.run(
                dequeue_timeout=timedelta(seconds=1),
                batch_size=min(50, self.concurrency // 2),
                max_concurrent_tasks=self.concurrency,
                heartbeat_timeout=HEARTBEAT,
                shutdown_on_listener_failure=True,
            )
        finally:
            watching.cancel()
            await _quietly(asyncio.wait_for(pool.close(), 5))

    async def _attend(self, job: Job) -> None:
        subject, shop = read_payload(job.payload or b"")
        if shop is not None and self._shops[shop] >= PER_SHOP and job.priority < Rank.PERSON:
            # The shop has its share of this process: the due-scan brings the case back.
            await turns.defer(self.pool, subject, 0, job.priority)
            return
        if shop is not None:
            self._shops[shop] += 1
        self._running[job.id] = time.monotonic()
        try:
            await self.attendant.attend(subject, job.id, job.priority)
        except AWAY as error:
            # The turn runs out by itself and the due-scan finds it; one that was not taken yet is brought back.
            log.warning("attend.database_away", subject=str(subject), error=str(error))
        finally:
            self._running.pop(job.id, None)
            if shop is not None:
                self._shops[shop] -= 1

    # -- the small regular things

    async def _forever(self, stop: asyncio.Event, every: float, what: Callable[[], Awaitable[None]]) -> None:
        while not stop.is_set():
            try:
                await what()
            except AWAY as error:
                log.info("database.away", doing=what.__name__, error=str(error))
            except Exception:
                log.exception("worker.regular", doing=what.__name__)
            await _pause(stop, every)

    async def _wake(self) -> None:
        rows = await self.pool.fetch(
            """
            select s.id, n.clock from shop s
            left join link l on l.shop_id = s.id and l.role = 'channel' left join connection n on n.id = l.connection_id
            """
        )
        await turns.wake_due(self.pool, {row["id"]: shop_time(row["clock"]) for row in rows}, PER_SHOP)

    async def _clocks(self) -> None:
        await follow_clocks(self.pool, self.vendors.http)

    async def _beat(self) -> None:
        oldest = max((time.monotonic() - since for since in self._running.values()), default=0.0)
        await self.pool.execute(
            """
            insert into worker (id, pid, host, oldest_job_s) values ($1, $2, $3, $4)
            on conflict (id) do update set beat_at = now(), oldest_job_s = excluded.oldest_job_s
            """,
            self.id,
            os.getpid(),
            socket.gethostname(),
            oldest,
        )
        await self.pool.execute("delete from worker where beat_at < now() - interval '10 minutes'")

    async def _tidy(self) -> None:
        async with self.pool.acquire() as connection, connection.transaction():
            if not await connection.fetchval("select pg_try_advisory_xact_lock(7102)"):
                return
            await connection.execute(
                """
                with old as (delete from case_count returning *)
                insert into case_count (shop_id, status, attention, delta)
                select shop_id, status, attention, sum(delta) from old group by 1, 2, 3 having sum(delta) <> 0
                """
            )
            await connection.execute("delete from pgqueuer_log where created < now() - interval '1 hour'")
            await connection.execute("delete from idempotency where at < now() - interval '2 days'")
            await connection.execute("delete from session where expires_at < now()")
            await portal.forget_old(connection)
        left = await turns.bring_back(self.pool)
        if left:
            log.warning("jobs.lost", count=left)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):  # wait_for may swallow a cancellation that comes as the time is up
            await stop.wait()


async def _quietly(awaitable: Awaitable[object]) -> None:
    try:
        await awaitable
    except (*AWAY, TimeoutError):
        pass  # the process ends anyway
