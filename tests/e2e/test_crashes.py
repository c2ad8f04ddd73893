"""Workers that die or freeze at each moment of each effect. The simulator's books show exactly one effect."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from tests.e2e.books import check_books, decisions, live_returns
from tests.e2e.conftest import Opener
from tests.e2e.play import Return
from tests.e2e.stage import Stage

MOMENTS = ("before_intent", "after_intent", "after_send", "after_answer", "before_record")
# kind -> (vendor, endpoint as the simulator names it)
ENDPOINTS = {
    "decide": ("tiktok", "POST return_refund/returns/{return_id}/approve"),
    "upload_label": ("tiktok", "*shipping*"),
    "create_return": ("shopify", "returnCreate"),
    "attach_tracking": ("shopify", "reverseDelivery*"),
    "stamp_order": ("shopify", "metafieldsSet"),
    "dispose": ("shopify", "reverseFulfillmentOrderDispose"),
    "book_refund": ("shopify", "refundCreate"),
    "close_return": ("shopify", "returnClose"),
}
LABELLED = ("upload_label",)
INSPECTED = ("dispose", "book_refund", "close_return")


async def prepare(stage: Stage, kind: str) -> Return:
    """A return that stands right before the command that leads to the effect."""
    order = {"copy": False} if kind == "stamp_order" else {}
    case = await stage.ask(shipment="SELLER" if kind in LABELLED else "PLATFORM", order=order)
    await case.asked()
    if kind == "stamp_order":
        await case.approve()
        await case.until_approved()
    if kind in LABELLED:
        await case.approve()
        await case.until(lambda row: any(each.kind == "label" for each in row.view.questions), "the need of a label")
        await case.until_recorded()
    elif kind in INSPECTED:
        await case.to_inspection()
    return case


async def trigger(case: Return, kind: str) -> None:
    """The command that leads to the effect."""
    if kind in LABELLED:
        await case.give_label()
    elif kind in INSPECTED:
        await case.inspect()
    elif kind == "stamp_order":
        await case.stage.control.copy_order(case.order_id, style="tag")
    else:
        await case.approve()


async def finish(case: Return, kind: str) -> None:
    """From the effect to the end."""
    if kind in INSPECTED:
        await case.until_ended(30.0)
        return
    await case.until(
        lambda row: row.lane("records") == "open" and row.seen.commerce and row.seen.commerce.stamped,
        "the records",
        30.0,
    )
    if kind in LABELLED:
        await case.until(lambda row: row.lane("parcel") == "label_ready", "the label", 30.0)


async def target(case: Return, kind: str, others: Sequence[Return]) -> str:
    """A pattern that fits the target of this case's effect and of no other's."""
    if kind in ("decide", "upload_label", "create_return", "book_refund"):
        return f"{kind}:{case.rid}"
    if kind == "stamp_order":
        return f"{kind}:.*:{case.order_id}$"
    own = [each["id"] for each in live_returns(await case.order())]
    if own:
        return f"{kind}:{re.escape(own[0])}"
    known = [each["id"] for other in others for each in live_returns(await other.order())]
    return f"{kind}:(?!{'|'.join(re.escape(each) for each in known) or '-'})"


async def kill(stage: Stage, kind: str, moment: str, pattern: str, act: Callable[[], Awaitable[None]]) -> None:
    """Let a worker die at the moment, and see to it that it did."""
    if moment != "after_send":
        await act()
        worker = await stage.spawn_worker(moment, pattern)
        assert await worker.died() == -signal.SIGKILL
        return
    # The request is on its way and the answer is not: the vendor takes its time, and the worker dies meanwhile.
    vendor, endpoint = ENDPOINTS[kind]
    await stage.control.add_mood("slow", vendor=vendor, endpoint=endpoint, times=1, params={"seconds": 1.0})
    await act()
    worker = await stage.spawn_worker()

    async def struck() -> bool:
        moods: dict[str, Any] = await stage.control.call("GET", "/moods")
        return bool(moods["moods"][0]["struck"])

    await stage.until(struck, 15.0, f"the {kind} to reach the vendor", every=0.02)
    worker.signal(signal.SIGKILL)
    assert await worker.died() == -signal.SIGKILL
    await stage.control.clear_moods()


@pytest.mark.parametrize("kind", list(ENDPOINTS))
async def test_a_worker_killed_at_each_moment(opener: Opener, kind: str) -> None:
    """Five returns, each of which loses its worker at another moment of the same effect."""
    async with opener() as stage:
        cases = await asyncio.gather(*(prepare(stage, kind) for _ in MOMENTS))
        await stage.stop_workers()
        for number, moment in enumerate(MOMENTS):
            case = cases[number]
            pattern = await target(case, kind, cases[:number])
            await kill(stage, kind, moment, pattern, lambda case=case: trigger(case, kind))  # type: ignore[misc]
        stage.start_worker()
        await asyncio.gather(*(finish(case, kind) for case in cases))
        await check_books(stage)
        for case, moment in zip(cases, MOMENTS, strict=True):
            await _once(case, kind, moment)


async def _once(case: Return, kind: str, moment: str) -> None:
    """Exactly one effect of the kind in the simulator's books of the case."""
    books, order = await case.books(), await case.order()
    (record,) = live_returns(order)
    found = {
        "decide": len([name for name in decisions(books) if name == "APPROVE_RETURN"]),
        "upload_label": len(books["labels"]),
        "create_return": len(order["returns"]),
        "attach_tracking": len([one for one in record["tracking"] if one["number"]]),
        "stamp_order": int(case.order_id in order["metafields"].values()),
        "dispose": sum(one["quantity"] for one in record["dispositions"]),
        "book_refund": len(order["refunds"]),
        "close_return": int(record["status"] == "CLOSED"),
    }
    assert found[kind] == 1, f"{kind} killed {moment}"


@pytest.mark.parametrize("kind", list(ENDPOINTS))
async def test_a_worker_frozen_before_the_socket_write(opener: Opener, kind: str) -> None:
    """The first worker stands still with its checks done and nothing written; a second one takes the case over and goes
    on; then the first one wakes and writes. One effect, or one exception and no repeat."""
    async with opener() as stage:
        case = await prepare(stage, kind)
        await stage.stop_workers()
        pattern = await target(case, kind, [])
        await trigger(case, kind)
        frozen = await stage.spawn_worker("after_intent", pattern, signal.SIGSTOP)
        await frozen.frozen()
        stage.start_worker()
        await finish(case, kind)
        frozen.signal(signal.SIGCONT)
        await frozen.stop()
        await stage.sync()
        await finish(case, kind)
        await check_books(stage)
        await _once(case, kind, "frozen")


async def test_a_return_that_a_frozen_worker_writes_a_second_time_is_taken_back(opener: Opener) -> None:
    """The order has more units than come back, so that commerce itself refuses nothing."""
    async with opener() as stage:
        sku = stage.shop.described["skus"][0]
        case = await stage.ask(order={"lines": [{"sku": sku, "quantity": 3}]}, units=1)
        await case.asked()
        await stage.stop_workers()
        await case.approve()
        frozen = await stage.spawn_worker("after_intent", f"create_return:{case.rid}", signal.SIGSTOP)
        await frozen.frozen()
        stage.start_worker()
        await case.until_recorded()
        frozen.signal(signal.SIGCONT)

        async def one_left() -> bool:
            returns = (await case.order())["returns"]
            return len(returns) == 2 and len(live_returns({"returns": returns})) == 1

        await stage.until(one_left, 15.0, "the second return to come and go", every=0.2)
        await frozen.stop()
        await case.from_parcel_to_end()
        await check_books(stage)
        assert [each["status"] for each in live_returns(await case.order())] == ["CLOSED"]
