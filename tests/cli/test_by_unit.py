"""`backhaul returns by-unit` as a person uses it: as inspected, said for each unit, and said wrongly."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from backhaul.domain.said import Said, Verdict
from backhaul.domain.words import Condition, Disposition
from backhaul.store.db import open_pool
from tests.cli.runs import Run
from tests.web import seeding


async def test_answers_for_units_by_the_command_line(backhaul: Run, database: str, tmp_path: Path) -> None:
    pool = await open_pool(database, 2)
    try:
        us = await seeding.shop(pool)
        verdicts = {
            "u1": Verdict(Condition.SELLABLE, Disposition.RESTOCK, "Dana", seeding.NOW),
            "u2": Verdict(Condition.DAMAGED, Disposition.NOT_RESTOCKED, "Dana", seeding.NOW),
        }
        judged = await seeding.by_unit(pool, us, Said(verdicts=verdicts))
        unseen = await seeding.by_unit(pool, us)
        asked = await seeding.put(pool, us, seeding.channel_case())

        async def run(case: object, *arguments: str, code: int = 0) -> str:
            done = await asyncio.to_thread(
                backhaul, tmp_path, "returns", "by-unit", str(case), *arguments, BACKHAUL_DATABASE_URL=database
            )
            assert done.returncode == code, done.stdout + done.stderr
            return done.stdout + done.stderr

        async def votes() -> list[list[dict[str, object]]]:
            rows = await pool.fetch("select body from command where kind = 'vote' order by seq")
            return [msgspec.json.decode(row["body"])["units"] for row in rows]

        assert "written as ID=accept" in await run(unseen, "--unit", "u1=keep", code=2)
        assert "written as ID=accept" in await run(unseen, "--unit", "u1=accept", "--unit", "u2=refuse", code=2)
        assert "the amount: " in await run(unseen, "--unit", "u1=accept", "--unit", "u2=part:lots", code=2)
        refused = await run(unseen, "--unit", "u1=accept", code=1)
        assert refused.strip() == "error: There is no answer for Stoneware mug, sand."
        assert "name it with --unit" in await run(unseen, code=2)
        assert "does not wait for that answer" in await run(asked, "--unit", "u1=accept", code=1)
        assert await votes() == []

        assert "by unit: noted" in await run(judged)
        said = await run(unseen, "--unit", "u1=accept", "--unit", "u2=part:5.00", "--by", "ana")
        assert "by unit: noted" in said
        assert await votes() == [
            [
                {"unit": "u1", "decision": "accept_parcel"},
                {"unit": "u2", "decision": "refuse_parcel", "reason_key": "seller_reject_used"},
            ],
            [
                {"unit": "u1", "decision": "accept_parcel"},
                {"unit": "u2", "decision": "refund_part", "offer": [500, "USD"]},
            ],
        ]
    finally:
        await pool.close()
