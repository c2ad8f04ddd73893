"""Reasons for what the desk rejects are the channel's: one that it does not take is told before it is kept."""

from __future__ import annotations

import msgspec
import pytest

from backhaul.domain.channel import ActionDue, Answerable
from backhaul.domain.terms import DeskTerms
from backhaul.domain.words import Action, Decision, Kind
from backhaul.ports.errors import Unavailable
from backhaul.work.case_command import CommandRefused
from backhaul.work.lookups import Lookups
from tests.work.conftest import Bench


@pytest.fixture
async def lookups(bench: Bench) -> Lookups:
    """Of a shop with a desk."""
    await bench.link_desk()
    return Lookups(bench.vendors)


async def _waiting(bench: Bench, *actions: Action) -> None:
    """A return that waits for each of these answers, and what the channel takes for a rejection."""
    bench.channel.answers = (
        Answerable(Decision.REJECT_RETURN, True, reasons=(("worn", "Worn"), ("late", ""))),
        Answerable(Decision.REFUSE_PARCEL, True, reasons=(("damaged", "Damaged"),)),
    )
    for action in actions:
        bench.channel.ask(action, Kind.RETURN)
        case = bench.channel.cases[action]
        due = (ActionDue(action, case.due[0].deadline),)
        bench.channel.cases[action] = msgspec.structs.replace(case, due=due)
        await bench.attend(await bench.hear(action))


BOTH = (Action.ANSWER_RETURN, Action.JUDGE_PARCEL)


async def test_a_reason_in_other_letters_is_refused(bench: Bench, lookups: Lookups) -> None:
    await _waiting(bench, *BOTH)
    assert await lookups.check_reasons(bench.shop_id, ("damaged", "worn")) == ""
    with pytest.raises(CommandRefused, match=r"reason is “worn”, not “Worn”"):
        await lookups.check_reasons(bench.shop_id, ("damaged", "Worn"))


async def test_a_reason_that_has_not_come_up_yet_is_told_with_those_that_have(bench: Bench, lookups: Lookups) -> None:
    await _waiting(bench, *BOTH)
    assert await lookups.check_reasons(bench.shop_id, ("worn", "new")) == (
        "Not checked: new. The channel has not named it for the latest returns. It takes: damaged (Damaged); late; "
        "worn (Worn)."
    )


async def test_what_stands_already_is_in_nobodys_way(bench: Bench, lookups: Lookups) -> None:
    await _waiting(bench, *BOTH)
    await bench.commands.shops.set_desk(bench.shop_id, DeskTerms("", reject_reasons=("Worn",)), "ann")
    assert await lookups.check_reasons(bench.shop_id, ("Worn", "late")) == ""


async def test_a_reason_that_cannot_be_checked_is_kept_and_told(bench: Bench, lookups: Lookups) -> None:
    said = await lookups.check_reasons(bench.shop_id, ("any",))
    assert said == "Not checked: any. The channel has named no reasons yet for requests and parcels."
    await _waiting(bench, *BOTH)
    await bench.pool.execute("update return_case set body = convert_to(regexp_replace(convert_from(body, 'UTF8'), "
                             "'\"answerable\":\\[.*?\\}\\],', ''), 'UTF8')")  # fmt: skip
    bench.channel.answers = Unavailable("down")
    assert (await lookups.check_reasons(bench.shop_id, ("any",))).startswith("Not checked: any.")
