"""A person begins a case: shown, confirmed, started once, and found again whatever is lost on the way."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from backhaul.domain.policy import FromPortal, Policy
from backhaul.domain.starts import Start, Startable
from backhaul.domain.words import Condition, Disposition, Kind
from backhaul.kit.ids import uuid7
from backhaul.ports.errors import OutcomeUnknown, Refused, VendorError
from backhaul.rehearsal.stillness import Stillness
from backhaul.store import case_page, cases
from backhaul.work import notes
from backhaul.work.attend import Attendant
from backhaul.work.beginnings import Beginnings, begin
from backhaul.work.case_command import CommandRefused
from tests.work.conftest import Bench

ORDER = "order-1"


async def _start(bench: Bench, kind: Kind = Kind.REFUND, **changes: Any) -> UUID:
    values = {"order_id": ORDER, "reason_key": "mine", "by": "ann", **changes}
    case = await Beginnings(bench.pool).start(bench.shop_id, kind=kind, **values)
    await bench.attend(case)
    return case


async def _row(bench: Bench, case: UUID) -> dict[str, object]:
    row = await bench.pool.fetchrow(
        "select channel_id, status, ended, merged_into, total, policy_version from return_case where id = $1", case
    )
    return dict(row)


async def _counts(bench: Bench) -> dict[str, int]:
    rows = await bench.pool.fetch("select status, sum(delta)::int as n from case_count group by status")
    return {row["status"]: row["n"] for row in rows if row["n"]}


async def _aged(bench: Bench, case: UUID) -> None:
    """The channel was asked long ago."""
    await bench.pool.execute(
        "update return_case set body = regexp_replace(convert_from(body, 'utf8'), '\"start_at\":[0-9]+', "
        "'\"start_at\":1')::bytea where id = $1",
        case,
    )


async def _later(bench: Bench) -> None:
    """The last attempt cannot arrive any more."""
    await bench.pool.execute("update effect set dead_at = extract(epoch from now())::bigint - 1 where dead_at > 0")


async def test_nothing_is_started_before_its_sum_was_confirmed(bench: Bench) -> None:
    case = await _start(bench)
    assert bench.channel.sent == []
    assert (await _row(bench, case))["status"] == "to_confirm"
    assert (await _row(bench, case))["total"] == 1000
    await Beginnings(bench.pool).confirm(case, "10.00", "bob")
    await bench.attend(case)
    assert [type(each).__name__ for each in bench.channel.sent] == ["StartReturn"]
    row = await _row(bench, case)
    assert (row["channel_id"], row["status"], row["ended"]) == ("own-1", "accepted", False)
    assert ("start_return", "confirmed") in await bench.effects(case)
    assert await _counts(bench) == {"accepted": 1}
    lines = await bench.pool.fetch("select unit_id from return_line where case_id = $1", case)
    assert [line["unit_id"] for line in lines] == ["u-own-1"]


async def test_the_reason_is_kept_in_the_channels_words(bench: Bench) -> None:
    bench.channel.refusal = Startable(Kind.REFUND, ("l-1",), True, reasons=(("mine", "Broken on the way"),))
    case = await _start(bench)
    row = await bench.pool.fetchrow("select reason_key, reason_text from return_case where id = $1", case)
    assert tuple(row) == ("mine", "Broken on the way")


async def test_a_sum_confirmed_beforehand_starts_at_once_and_another_sum_asks(bench: Bench) -> None:
    case = await _start(bench, expect="9.99")
    assert bench.channel.sent == []
    assert (await _row(bench, case))["status"] == "to_confirm"
    await Beginnings(bench.pool).change(case, kind=Kind.REFUND, by="ann", reason_key="mine", expect="10")
    await bench.attend(case)
    assert len(bench.channel.sent) == 1


async def test_a_confirmation_of_another_sum_than_the_channel_says_is_refused(bench: Bench) -> None:
    case = await _start(bench)
    with pytest.raises(CommandRefused, match=r"10\.00"):
        await Beginnings(bench.pool).confirm(case, "10.01", "ann")
    assert bench.channel.sent == []


async def test_a_price_that_moved_is_asked_anew(bench: Bench) -> None:
    case = await _start(bench)
    await Beginnings(bench.pool).confirm(case, "10.00", "ann")
    bench.channel.price = type(bench.channel.price)(700, "USD")
    await _aged(bench, case)
    await bench.attend(case)
    assert bench.channel.sent == []
    assert (await _row(bench, case))["status"] == "to_confirm"


async def test_observe_proposes_and_starts_nothing(bench: Bench) -> None:
    await bench.pool.execute("update shop set mode = 'observe', live_since = null")
    case = await _start(bench, expect="10")
    assert bench.channel.sent == []
    assert await bench.effects(case) == [("start_return", "proposed")]
    assert (await _row(bench, case))["status"] == "proposed"


async def test_the_channels_no_is_shown_with_its_cause_and_may_be_tried_again(bench: Bench) -> None:
    bench.channel.refusal = Startable(Kind.REFUND, (), False, "25001011", "another case is open")
    case = await _start(bench, expect="10")
    assert (await _row(bench, case))["status"] == "not_started"
    assert await bench.exceptions(case) == ["not_startable"]
    bench.channel.refusal = None
    await bench.commands.retry(await bench.pool.fetchval("select id from exception"), "ann")
    await _aged(bench, case)
    await bench.attend(case)
    assert len(bench.channel.sent) == 1
    assert await bench.exceptions(case) == []


async def test_a_refused_start_is_not_repeated_until_somebody_asks(bench: Bench) -> None:
    bench.channel.trouble = []
    case = await _start(bench)
    await Beginnings(bench.pool).confirm(case, "10", "ann")
    bench.channel.trouble = [Refused("25005005", "more than can be refunded")]
    await bench.attend(case)
    assert await bench.effects(case) == [("start_return", "refused")]
    assert await bench.exceptions(case) == [f"refused:start_return:{ORDER}"]
    await bench.attend(case)
    assert bench.channel.sent == []
    await Beginnings(bench.pool).withdraw(case, "ann")
    await bench.attend(case)
    row = await _row(bench, case)
    assert (row["status"], row["ended"]) == ("withdrawn", True)
    assert await bench.exceptions(case) == []


@pytest.mark.parametrize("happened", [True, False], ids=["after the effect", "before it"])
async def test_a_lost_answer_is_asked_for_again_under_its_key(bench: Bench, happened: bool) -> None:
    lost: list[VendorError] = [OutcomeUnknown("cut")]
    case = await _start(bench)
    await Beginnings(bench.pool).confirm(case, "10", "ann")
    bench.channel.after, bench.channel.trouble = (lost, []) if happened else ([], lost)
    await bench.attend(case)
    assert await bench.effects(case) == [("start_return", "sent")]
    await bench.attend(case)
    assert len(bench.channel.keys) == int(happened)  # too early: the bytes may still arrive
    await _later(bench)
    await bench.attend(case)
    assert list(bench.channel.keys.values()) == ["own-1"]
    assert (await _row(bench, case))["channel_id"] == "own-1"


@pytest.mark.parametrize("happened", [True, False], ids=["after the effect", "before it"])
async def test_a_lost_cancellation_is_looked_for_before_it_is_repeated(bench: Bench, happened: bool) -> None:
    lost: list[VendorError] = [OutcomeUnknown("cut")]
    case = await _start(bench, Kind.CANCELLATION)
    await Beginnings(bench.pool).confirm(case, "10", "ann")
    bench.channel.after, bench.channel.trouble = (lost, []) if happened else ([], lost)
    await bench.attend(case)
    await _later(bench)
    await bench.attend(case)
    assert list(bench.channel.cases) == ["own-1"]
    assert len(bench.channel.sent) == 1  # found, or sent for the first time
    assert (await _row(bench, case))["channel_id"] == "own-1"
    assert ("start_cancellation", "confirmed") in await bench.effects(case)


async def test_a_cancellation_of_a_process_that_died_is_never_sent_again(bench: Bench) -> None:
    case = await _start(bench, Kind.CANCELLATION)
    await Beginnings(bench.pool).confirm(case, "10", "ann")
    bench.channel.trouble = [OutcomeUnknown("cut")]
    await bench.attend(case)
    await _later(bench)
    await bench.pool.execute("update effect set reported = false")
    await bench.attend(case)
    assert bench.channel.sent == []
    assert await bench.exceptions(case) == [f"unknown:start_cancellation:{ORDER}"]


async def test_a_no_to_the_repeat_of_a_lost_start_is_cleared_by_a_read(bench: Bench) -> None:
    case = await _start(bench)
    await Beginnings(bench.pool).confirm(case, "10", "ann")
    bench.channel.after = [OutcomeUnknown("cut")]
    await bench.attend(case)
    await _later(bench)
    bench.channel.trouble = [Refused("25001011", "another case of this order is open")]
    await bench.attend(case)
    await bench.attend(case)
    assert (await _row(bench, case))["channel_id"] == "own-1"
    assert len(bench.channel.keys) == 1


async def test_a_webhook_that_was_quicker_than_the_answer_ends_in_one_case(bench: Bench) -> None:
    case = await _start(bench)
    await Beginnings(bench.pool).confirm(case, "10", "ann")
    other: list[UUID] = []

    async def quick() -> None:
        bench.channel.on_send = None
        assert bench.channel.begin(*await bench.start_of(case)) == "own-1"
        other.append(await bench.hear("own-1"))
        await bench.attend(other[0])

    bench.channel.on_send = quick
    await bench.attend(case)
    await bench.attend(other[0])
    row = await _row(bench, case)
    assert (row["merged_into"], row["ended"], row["channel_id"]) == (other[0], True, None)
    shown = await case_page.case(bench.pool, case)
    assert shown is not None
    assert (shown.row.id, shown.row.channel_id) == (other[0], "own-1"), "a link to the one leads to the other"
    assert shown.effects
    assert ("start_return", "confirmed") in await bench.effects(other[0])
    assert await bench.effects(case) == []
    assert await _counts(bench) == {"accepted": 1}
    kinds = await bench.pool.fetch("select kind from command where case_id = $1 order by seq", other[0])
    assert [each["kind"] for each in kinds] == ["start", "confirm_start"]
    assert await bench.pool.fetchval("select count(*) from turn where owner is not null") == 0
    with pytest.raises(CommandRefused, match="sent to the channel"):
        await Beginnings(bench.pool).withdraw(case, "ann")


async def test_a_run_over_the_case_that_a_start_becomes_learns_what_was_done_for_it(bench: Bench) -> None:
    """The webhook's case is being read when the answer comes, and both become one."""
    case = await _start(bench)
    await Beginnings(bench.pool).confirm(case, "10", "ann")
    twin = await bench.hear("own-1")

    async def meanwhile() -> None:
        bench.channel.on_read = None
        await bench.attend(case, Attendant(bench.vendors))

    bench.channel.on_read = meanwhile
    await bench.attend(twin)
    assert (await _row(bench, case))["merged_into"] == twin
    assert ("start_return", "confirmed") in await bench.effects(twin)


async def test_an_answer_that_was_quicker_than_the_webhook_is_the_same_case(bench: Bench) -> None:
    case = await _start(bench, expect="10")
    assert await bench.hear("own-1") == case


async def test_two_starts_on_the_same_goods_are_one_too_many(bench: Bench) -> None:
    case = await _start(bench)
    with pytest.raises(CommandRefused, match=str(case)):
        await _start(bench)
    await _start(bench, order_id="order-2")
    await Beginnings(bench.pool).withdraw(case, "ann")
    assert await _start(bench) != case


async def test_what_is_asked_for_last_is_what_is_under_way_whatever_the_clocks_say(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = await _start(bench, lines=["l-1"])
    monkeypatch.setattr("backhaul.store.commands.uuid7", lambda: uuid7(1.0))
    await Beginnings(bench.pool).change(case, kind=Kind.REFUND, by="bo", reason_key="mine", lines=["l-2"])
    monkeypatch.undo()
    with pytest.raises(CommandRefused, match=str(case)):
        await _start(bench, lines=["l-2"])
    assert await _start(bench, lines=["l-1"]) != case


async def test_a_rehearsal_hurries_only_while_the_channel_knows_the_key(bench: Bench) -> None:
    case = await _start(bench, expect="10")
    await bench.pool.execute("update turn set attend_at = extract(epoch from now())::bigint + 900")
    still = Stillness(SimpleNamespace(pool=bench.pool), None)  # type: ignore[arg-type]
    assert await still.hurries() is None
    sent = "update effect set state = 'sent', sent_at = extract(epoch from now())::bigint - $1"
    await bench.pool.execute(sent, 300)
    assert await still.hurries() == (await bench.turn(case))["attend_at"]
    await bench.pool.execute(sent, 700)
    assert await still.hurries() is None


async def test_what_was_taken_back_at_the_last_moment_never_leaves(bench: Bench) -> None:
    """A run has decided to start it and is about to say so in the ledger when its person closes the case."""
    case = await _start(bench)
    await Beginnings(bench.pool).confirm(case, "10.00", "bob")

    async def last_moment(moment: str, target: str) -> None:
        if moment == "before_intent":
            await Beginnings(bench.pool).withdraw(case, "ann")

    late = Attendant(bench.vendors, last_moment)
    await bench.attend(case, late)
    await late.close()
    assert bench.channel.sent == []
    await bench.attend(case)
    assert bench.channel.sent == []
    assert (await _row(bench, case))["status"] == "withdrawn"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"amount": "ten"}, "number"),
        ({"amount": "0"}, "more than nothing"),
        ({"amount": "5", "reason_key": ""}, "reason"),
        ({"order_id": " "}, "order"),
    ],
)
async def test_what_makes_no_sense_is_refused_at_once(bench: Bench, changes: dict[str, Any], text: str) -> None:
    with pytest.raises(CommandRefused, match=text):
        await _start(bench, **changes)
    assert await bench.pool.fetchval("select count(*) from return_case") == 0


async def _asked_by_buyer(bench: Bench) -> UUID:
    note = notes.seal(bench.vendors.vault, bench.shop_id, ORDER, "It broke.")
    start = Start(Kind.RETURN, ORDER, "buyer", 1_000, ("l-1",), "mine", buyer=True, note=note)
    async with bench.pool.acquire() as connection, connection.transaction():
        case = await begin(connection, bench.shop_id, start)
    await bench.attend(case)
    return case


async def test_what_a_buyer_asked_for_is_declined_with_words(bench: Bench) -> None:
    case, beginnings = await _asked_by_buyer(bench), Beginnings(bench.pool)
    for words, told in ((" ", "What shall the buyer read"), ("x" * 501, "longer than 500")):
        with pytest.raises(CommandRefused, match=told):
            await beginnings.decline(case, words, "ann")
    await beginnings.decline(case, " Final sale. ", "ann")
    await bench.attend(case)
    assert ((await _row(bench, case))["status"], (await _row(bench, case))["ended"]) == ("withdrawn", True)
    assert (await cases.said(bench.pool, case)).declined == "Final sale."
    assert bench.channel.sent == []
    with pytest.raises(CommandRefused, match="closed"):
        await beginnings.decline(case, "Again.", "ann")
    again = await _asked_by_buyer(bench)  # the goods are free again
    assert again != case


async def test_only_what_a_buyer_asked_for_is_declined(bench: Bench) -> None:
    case = await _start(bench)
    with pytest.raises(CommandRefused, match="No buyer asked"):
        await Beginnings(bench.pool).decline(case, "No.", "ann")


async def test_what_a_person_changed_is_still_the_buyers_but_waits_for_a_person(bench: Bench) -> None:
    await bench.commands.shops.set_policy(bench.shop_id, Policy(portal=FromPortal.START), "ann")
    bench.channel.refusal = Startable(Kind.RETURN, ("l-1",), False, "9", "not yet")
    case = await _asked_by_buyer(bench)
    bench.channel.refusal = None
    await Beginnings(bench.pool).change(case, kind=Kind.RETURN, by="ann", lines=["l-1"], reason_key="mine")
    await bench.attend(case)
    start = (await cases.said(bench.pool, case)).start
    assert start is not None
    assert (start.buyer, start.changed, start.by) == (True, True, "ann")
    assert notes.read(bench.vendors.vault, bench.shop_id, start) == "It broke."
    assert (await _row(bench, case))["status"] == "to_confirm"


async def test_the_policy_starts_what_a_buyer_asked_for(bench: Bench) -> None:
    await bench.commands.shops.set_policy(bench.shop_id, Policy(portal=FromPortal.START), "ann")
    case = await _asked_by_buyer(bench)
    assert [wanted.lines for wanted in bench.channel.sent] == [("l-1",)]  # type: ignore[union-attr]
    assert (await _row(bench, case))["channel_id"] == "own-1"


async def test_goods_without_a_return_wait_for_their_order_and_become_a_refund(bench: Bench) -> None:
    own = Beginnings(bench.pool)
    case = await own.arrived(bench.shop_id, code="1Z999", by="wendy", note="no slip in it")
    assert await own.arrived(bench.shop_id, code="1Z999", by="wendy") == case
    await bench.attend(case)
    assert (await _row(bench, case))["status"] == "blind"
    await own.name_order(case, ORDER, "wendy")
    await bench.attend(case)
    line = await bench.pool.fetchval("select unit_id from return_line where case_id = $1", case)
    await bench.commands.inspect(case, [(line, Condition.SELLABLE, Disposition.RESTOCK, "")], "wendy")
    await own.change(case, kind=Kind.REFUND, by="ann", reason_key="mine", expect="10")
    await bench.attend(case)
    row = await _row(bench, case)
    assert (row["channel_id"], row["status"]) == ("own-1", "accepted")
    unit = await bench.pool.fetchrow("select unit_id, condition from return_line where case_id = $1", case)
    assert tuple(unit) == ("u-own-1", "sellable")  # what was found stays with the goods
    assert any(type(each).__name__ == "CreateReturn" for each in bench.commerce.sent)  # they came back: stock moves


async def test_whoever_asks_for_another_try_in_the_second_of_the_refusal_gets_it(bench: Bench) -> None:
    bench.channel.trouble = [Refused("1", "not now"), Refused("1", "nor now")]
    case = await _start(bench, expect="10")
    assert (await bench.effects(case)).count(("start_return", "refused")) == 1, "what is asked once is tried once"
    # The machine that wrote the answer down is a little ahead of the one that the person talks to.
    await bench.pool.execute("update effect set answered_at = extract(epoch from now())::bigint + 2")
    await _try_again(bench, case)
    assert (await bench.effects(case)).count(("start_return", "refused")) == 2, "one more word, one more try"
    refused = await _try_again(bench, case)
    assert (await _row(bench, case))["channel_id"] == "own-1"
    with pytest.raises(CommandRefused, match="was closed"):
        await bench.commands.retry(refused, "bo")


async def test_another_try_is_heard_from_a_machine_whose_clock_is_behind(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.channel.trouble = [Refused("1", "not now")]
    case = await _start(bench, expect="10")
    monkeypatch.setattr("backhaul.store.commands.uuid7", lambda: uuid7(1.0))
    await _try_again(bench, case)
    assert (await _row(bench, case))["channel_id"] == "own-1"


async def _try_again(bench: Bench, case: UUID) -> UUID:
    refused: UUID = await bench.pool.fetchval(
        "select id from exception where case_id = $1 and key like 'refused:%' and closed_at is null", case
    )
    await bench.commands.retry(refused, "ann")
    await bench.attend(case)
    return refused
