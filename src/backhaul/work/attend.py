"""Attending to a subject: take its turn, look, plan, take one step, look again, give the turn back."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec
import structlog

from backhaul.domain.plan import plan as plan_case
from backhaul.domain.policy import HOUR, Policy
from backhaul.domain.steps import Look, Plan, Send, Settle, Step, Warn, Write
from backhaul.kit.batch import Gatherer
from backhaul.kit.ids import uuid7
from backhaul.ports.errors import NeedsReauth, VendorError
from backhaul.store import cases, recording, shops, turns
from backhaul.store.cases import Known
from backhaul.store.db import AWAY, Connection
from backhaul.store.jobs import Rank
from backhaul.store.moves import Halted, Lost, Move, Twin
from backhaul.store.turns import Turn
from backhaul.work import looking, sending, subscribing, sweep, tokens
from backhaul.work.budget import URGENT
from backhaul.work.describing import describe, unclaimed
from backhaul.work.run import Probe, Run, no_probe
from backhaul.work.vendors import Vendors, shop_time

log = structlog.get_logger()

LONGEST_S = 40.0  # a run gives its turn back before the claim (a minute) could run out
MOST_STEPS = 60  # more than any case needs: beyond it the case does not converge
RETRY_S = 60  # after a run that failed for a cause of our own
MOST_TWINS = 5  # more than cases that are in each other's way for a moment


class Unreadable(msgspec.Struct, frozen=True):
    """A turn that was taken of a case whose rows cannot be understood."""

    turn: Turn
    error: Exception


class Attendant:
    """Attends to subjects in one process; the database's round trips are shared by all runs under way."""

    def __init__(self, vendors: Vendors, probe: Probe = no_probe) -> None:
        self.vendors = vendors
        self.pool = vendors.pool
        self.probe = probe
        self._policies: dict[tuple[UUID, int], Policy] = {}
        self._twins: dict[UUID, int] = {}  # how often in a row a case met another that holds what it wants
        self._takes: Gatherer[tuple[UUID, int], Turn | Known | Unreadable | None] = Gatherer(
            self._take_all, max_batch=100, alone=_ours, name="take"
        )
        self._moves: Gatherer[Move, str] = Gatherer(self._record_all, max_batch=100, alone=_ours, name="record")

    async def close(self) -> None:
        """Wait until everything handed in is written."""
        await self._takes.close()
        await self._moves.close()

    async def attend(self, subject_id: UUID, job_id: int, rank: int = Rank.HINT) -> None:
        """Attend to one subject. Ends at once when another run holds it. Raises only when the database is away."""
        URGENT.set(rank >= Rank.PERSON)
        taken = await self._takes.put((subject_id, job_id))
        if taken is None:
            return
        turn = taken if isinstance(taken, Turn) else taken.turn
        try:
            if isinstance(taken, Unreadable):
                raise taken.error
            if isinstance(taken, Known):
                await self._case(taken)
            elif turn.kind == "sweep":
                await self._sweep(turn)
            else:
                await self._login(turn)
        except Lost:
            log.info("turn.lost", subject=str(subject_id))
        except (Twin, Halted) as error:
            log.warning("move.dropped", subject=str(subject_id), why=type(error).__name__)
            met = self._twins[subject_id] = self._twins.get(subject_id, 0) + isinstance(error, Twin)
            if met > MOST_TWINS:  # a look does not show what the other has: told, and not tried without a pause
                await self._failed(turn, error)
            else:
                await turns.abandon(self.pool, subject_id, turn.claim, 0)
        except AWAY:
            raise
        except Exception as error:  # a fault of ours: shown, and tried again later; never silent, never lost
            log.exception("attend.failed", subject=str(subject_id))
            await self._failed(turn, error)

    # -- cases

    async def _case(self, known: Known) -> None:
        policy = await self._policy(known)
        run = Run(known, policy, self.vendors, self._moves.put, self.probe)
        while True:
            try:
                plan = await self._steps(run)
                describe(run, plan)
                run.move.release = self._release(run, plan)
                if await run.write() == "released":
                    self._twins.pop(run.case_id, None)
                    return
            except Twin:  # what the other has is known by the order they share
                known_as = run.facts.seen.link.order_id
                await cases.name_order(self.pool, run.case_id, run.facts.channel, known_as)
                raise
            if not await self._heard(run):
                return

    def _release(self, run: Run, plan: Plan) -> tuple[int | None, int]:
        """When the case is looked at again, and how urgent that is."""
        if plan.ended and not plan.steps:
            return None, Rank.SWEEP
        at = run.now() if plan.steps else plan.wake_at
        # Judged at the time of that look: the one an hour ahead of a deadline is asked for long before.
        then = run.now() if at is None else max(run.now(), at)
        near = plan.deadline is not None and plan.deadline - then <= HOUR
        return at, Rank.PERSON if near else Rank.SWEEP

    async def _steps(self, run: Run) -> Plan:
        plan = plan_case(run.facts, run.policy, run.now())
        if unclaimed(run, plan):  # by what was read before: another case has given it back since
            describe(run, plan)
            await run.write()
        for _ in range(MOST_STEPS):
            if not plan.steps or time.monotonic() - run.started > LONGEST_S:
                return plan
            shown = [step for step in plan.steps if isinstance(step, Settle)]
            for step in shown:
                sending.settle(run, step)
            if not shown:
                await self._step(run, plan.steps[0])
            if run.move.named is not None:
                await run.write()  # before anything is sent for it: the case may become one with another here
            plan = plan_case(run.facts, run.policy, run.now())
            new = not run.counted and (run.facts.channel is not None or run.facts.nameless)
            if new or unclaimed(run, plan):
                # A new case is on the page once the channel has shown it, however slow the others are.
                describe(run, plan)
                await run.write()
        raise RuntimeError(f"{MOST_STEPS} steps did not settle the case; next would be {plan.steps[:1]!r}")

    async def _step(self, run: Run, step: Step) -> None:
        match step:
            case Look():
                await self._look(run, step)
            case Write():
                await sending.write(run, step)
            case Send():
                await sending.send(run, step)
            case Warn():
                run.see(warned=(*run.facts.seen.warned, *step.keys))
                what = step.action.replace("_", " ")
                run.tell("hub", "deadline.warning", f"Less than {step.hours} h left: {what}.")

    async def _look(self, run: Run, step: Look) -> None:
        now = run.now()
        try:
            await looking.look(run, step)
        except NeedsReauth as error:
            await run.pause(step.source.party, error)
        except VendorError as error:
            run.trouble(step.source.party, error, now, f"reading the {step.source}")

    async def _heard(self, run: Run) -> bool:
        """Something was heard during the run, or another case has become one with this: learn it and go on. False when
        the turn is no longer ours."""
        async with self.pool.acquire() as connection:
            heard = await turns.again(connection, run.case_id, run.known.turn.claim)
            if heard is None:
                return False
        fresh = await run.reload()
        channel, commerce, desk = heard
        run.facts = msgspec.structs.replace(
            run.facts, ledger=fresh.ledger, heard_channel=channel, heard_commerce=commerce, heard_desk=desk
        )
        run.policy = await self._policy(fresh)
        run.started = time.monotonic()
        return True

    async def _policy(self, known: Known) -> Policy:
        """The version in force when the case opened decides; what a reason is called elsewhere is today's word, so
        that mapping one helps the case that asked for it."""
        newest = await self._version(known, known.policy_newest)
        if known.policy_version in (None, newest.version):
            return newest
        opened = await self._version(known, known.policy_version)
        return msgspec.structs.replace(
            opened,
            reasons=newest.reasons,
            desk_reasons=newest.desk_reasons,
            desk_fallback=newest.desk_fallback,
        )

    async def _version(self, known: Known, version: int) -> Policy:
        assert known.turn.shop_id is not None
        key = (known.turn.shop_id, version)
        if key not in self._policies:
            self._policies[key] = await shops.policy(self.pool, *key)
        return self._policies[key]

    # -- the other subjects

    async def _sweep(self, turn: Turn) -> None:
        next_at, rank = await sweep.sweep_shop(self.vendors, turn)
        async with self.pool.acquire() as connection:
            if not await turns.release(connection, [(turn.subject_id, turn.claim, next_at, rank)]):
                await turns.abandon(connection, turn.subject_id, turn.claim, 0)
        await self._well(turn)

    async def _login(self, turn: Turn) -> None:
        row = await self.vendors.row(turn.subject_id, fresh=True)
        now = shop_time(row.clock)
        if turn.heard_channel and row.state == "connected":
            row = await tokens.probe(self.vendors, row)
        next_at = tokens.renew_at(row)
        if next_at is not None and now >= next_at and row.state == "connected":
            try:
                row = await tokens.renew(self.vendors, row.id)
                next_at = tokens.renew_at(row)
            except NeedsReauth as error:
                await tokens.pause(self.vendors, row, str(error))
                next_at = None
            except VendorError as error:
                log.info("login.renewal_failed", connection=str(row.id), error=str(error))
                next_at = now + 60
        expiry = await tokens.warn_of_end(self.vendors, row, now)
        if expiry is not None and row.state == "connected":
            next_at = expiry if next_at is None else min(next_at, expiry)
        hooks = await subscribing.ask_again(self.vendors, row, now)
        if hooks is not None:
            next_at = hooks if next_at is None else min(next_at, hooks)
        async with self.pool.acquire() as connection:
            if not await turns.release(connection, [(turn.subject_id, turn.claim, next_at, Rank.SWEEP)]):
                await turns.abandon(connection, turn.subject_id, turn.claim, 0)  # it heard something: once more
        await self._well(turn)

    async def _failed(self, turn: Turn, error: Exception) -> None:
        channel = None
        if turn.shop_id is not None:
            channel = await self.pool.fetchrow(
                """
                select n.id, n.clock from link l join connection n on n.id = l.connection_id
                where l.shop_id = $1 and l.role = 'channel'
                """,
                turn.shop_id,
            )
        case_id = turn.subject_id if turn.kind == "case" else None
        connection_id = turn.subject_id if turn.kind == "login" else channel["id"] if channel and not case_id else None
        now = shop_time(channel["clock"] if channel else None)
        await self.pool.execute(
            """
            insert into exception (id, shop_id, case_id, connection_id, key, lane, text, todo, retry, at)
            values ($1, $2, $3, $4, $5, $6, $7, $8, '', $9)
            on conflict (coalesce(case_id, connection_id), key) where closed_at is null
            do update set text = excluded.text
            """,
            uuid7(),
            turn.shop_id,
            case_id,
            connection_id,
            _fault(turn),
            "hub" if case_id else "connection",
            f"{type(error).__name__}: {error}"[:1000].replace("\0", "?"),
            "The hub tries again by itself; send this text to its makers.",
            now,
        )
        await turns.abandon(self.pool, turn.subject_id, turn.claim, now + RETRY_S)

    async def _well(self, turn: Turn) -> None:
        """A sweep or a login works (again). A case closes its own exceptions."""
        await self.pool.execute(
            """
            update exception set closed_at = now(), closed_by = 'the cause has gone'
            where key = $2 and closed_at is null and connection_id in
                (select $1 union select connection_id from link where shop_id = $3 and role = 'channel')
            """,
            turn.subject_id,
            _fault(turn),
            turn.shop_id,
        )

    # -- the database, shared

    async def _take_all(self, wanted: list[tuple[UUID, int]]) -> Sequence[Turn | Known | Unreadable | None]:
        async with self.pool.acquire() as connection:
            taken = await turns.take(connection, wanted)
            known = await self._load(
                connection, {subject: turn for subject, turn in taken.items() if turn.kind == "case"}
            )
        seen: set[UUID] = set()
        answers: list[Turn | Known | Unreadable | None] = []
        for subject, _ in wanted:
            answers.append(None if subject in seen else known.get(subject) or taken.get(subject))
            seen.add(subject)
        return answers

    async def _load(self, connection: Connection, mine: dict[UUID, Turn]) -> Mapping[UUID, Known | Unreadable]:
        """The cases of turns that are taken already: one that cannot be read is told of as such, or its turn would run
        out unseen again and again."""
        if not mine:
            return {}
        try:
            return await cases.load(connection, mine)
        except AWAY:
            raise
        except Exception as error:
            if len(mine) == 1:
                return {subject: Unreadable(turn, error) for subject, turn in mine.items()}
        found: dict[UUID, Known | Unreadable] = {}
        for subject, turn in mine.items():
            found.update(await self._load(connection, {subject: turn}))
        return found

    async def _record_all(self, batch: list[Move]) -> Sequence[str | Exception]:
        return await recording.record(self.pool, batch)


def _fault(turn: Turn) -> str:
    """The key of the exception that says that a subject's own run fails."""
    return "fault" if turn.kind == "case" else f"fault:{turn.kind}"


def _ours(error: Exception) -> bool:
    """Whether an error may be one item's fault: not when the database is away."""
    return not isinstance(error, AWAY)
