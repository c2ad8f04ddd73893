"""The job engine's queue (PgQueuer). A job says only which subject to attend to; everything else is in our tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from enum import IntEnum
from uuid import UUID

from pgqueuer.adapters.persistence.qb import QueryQueueBuilder

from backhaul.store.db import Connection

ATTEND = "attend"
_ENQUEUE = ""


class Rank(IntEnum):
    """Who is served first."""

    BACKFILL = 0
    SWEEP = 10
    HINT = 20
    PERSON = 30  # also: due within the hour


def _query() -> str:
    global _ENQUEUE
    if not _ENQUEUE:
        # Skipping is what makes a second hint join the job that is already queued; the default would abort the batch.
        _ENQUEUE = QueryQueueBuilder().build_enqueue_query(on_conflict="skip")
    return _ENQUEUE


def payload(subject: UUID, shop: UUID | None) -> bytes:
    """What a job carries: the subject and, so that a busy shop can be told before anything is read, its shop."""
    return subject.bytes + (shop.bytes if shop else b"")


def read_payload(raw: bytes) -> tuple[UUID, UUID | None]:
    """The subject and the shop of a job."""
    return UUID(bytes=raw[:16]), UUID(bytes=raw[16:]) if len(raw) > 16 else None


async def enqueue(connection: Connection, subjects: Sequence[tuple[UUID, int, UUID | None]], rank: int) -> None:
    """Queue a look at each (subject, generation, shop), inside the caller's transaction."""
    if not subjects:
        return
    count = len(subjects)
    await connection.execute(
        _query(),
        [int(rank)] * count,
        [ATTEND] * count,
        [payload(subject, shop) for subject, _, shop in subjects],
        [timedelta(0)] * count,
        [f"{subject}:{generation}" for subject, generation, _ in subjects],
        [None] * count,
    )
