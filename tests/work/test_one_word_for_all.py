"""What a person says of a case holds with what other cases of its order have done, and with the case that it became."""

from __future__ import annotations

import time
from uuid import UUID

import msgspec
import pytest

from backhaul.domain.channel import UnitAnswer
from backhaul.domain.effects import AnyEffect, Dispose, UploadLabel
from backhaul.domain.said import Vote
from backhaul.domain.words import Action, Condition, Decision, Disposition, Kind
from backhaul.kit.ids import uuid7
from backhaul.store import apart, cases, commands
from backhaul.work.case_command import CommandRefused
from tests.work.conftest import Bench


async def _asked(bench: Bench, name: str, order: str = "order-1") -> UUID:
    bench.channel.ask(name, Kind.RETURN)
    bench.channel.cases[name] = msgspec.structs.replace(bench.channel.cases[name], order_id=order)
    case = await bench.hear(name)
    await bench.attend(case)
    return case


async def _done(bench: Bench, case: UUID, wanted: AnyEffect) -> None:
    """An effect that has reached its vendor."""
    await bench.pool.execute(
        "insert into effect (id, case_id, shop_id, target, kind, wanted, state, safety, key, because, by, claim, "
        "created_at) values ($1, $2, $3, $4, $5, $6, 'confirmed', '{}', '', '', '', 1, 1)",
        uuid7(),
        case,
        bench.shop_id,
        wanted.target,
        str(type(wanted).__struct_config__.tag),
        msgspec.json.encode(wanted),
    )


@pytest.mark.parametrize("same", ["order-1", "order-2"])
async def test_a_verdict_stands_once_another_case_of_the_order_has_moved_the_unit(bench: Bench, same: str) -> None:
    """Units that were answered apart leave their case, which may have moved them before."""
    old, new = await _asked(bench, "1"), await _asked(bench, "2", same)
    wanted = Dispose("c-order-1", "return/1", "line", 1, Disposition.RESTOCK, ("u-2",), 0)
    await _done(bench, old, wanted)
    verdict = [("u-2", Condition.DAMAGED, Disposition.NOT_RESTOCKED, "")]
    if same == "order-2":
        await bench.commands.inspect(new, verdict, "ann")
        return
    with pytest.raises(CommandRefused, match="moved already"):
        await bench.commands.inspect(new, verdict, "ann")


async def test_a_label_is_checked_against_the_case_that_the_given_one_became(bench: Bench) -> None:
    given, twin = await _asked(bench, "1"), await _asked(bench, "2")
    await bench.pool.execute("update return_case set merged_into = $2 where id = $1", given, twin)
    await _done(bench, twin, UploadLabel("2", "a", "f", "1Z", "c"))
    with pytest.raises(CommandRefused, match="sent already"):
        await bench.commands.upload_label(
            given, name="l.pdf", content=b"%PDF-", tracking_number="1Z", carrier_id="c", carrier_name="C",
            document="label", by="ann",
        )  # fmt: skip


async def test_an_answer_that_goes_with_units_to_their_new_case_is_none_to_a_review_of_it(bench: Bench) -> None:
    old, new = await _asked(bench, "1"), await _asked(bench, "2")
    vote = Vote(
        Action.ANSWER_RETURN, 2, Decision.BY_UNIT, "ann", int(time.time()),
        units=(UnitAnswer("u-1", Decision.REJECT_RETURN, "no"),),
    )  # fmt: skip
    async with bench.pool.acquire() as connection, connection.transaction():
        for each in (vote, msgspec.structs.replace(vote, decision=Decision.APPROVE_RETURN, round=1, units=())):
            await commands.add(connection, old, bench.shop_id, "vote", msgspec.json.encode(each), "ann", each.at)
        await apart.inherit(connection, new, old)
    assert (await cases.said(bench.pool, new)).votes == (msgspec.structs.replace(vote, round=0, word=3),)
