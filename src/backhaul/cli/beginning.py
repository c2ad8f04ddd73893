"""`start-return` and `returns confirm, withdraw, decline, arrived`: cases that begin with us."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated
from uuid import UUID

import typer

from backhaul.cli import finding, running
from backhaul.cli.returning import BY, By, Case, returns
from backhaul.domain.words import Kind
from backhaul.settings import Settings
from backhaul.store import case_page, grid
from backhaul.wiring import Hub
from backhaul.work.beginnings import KINDS

BUSY = ("asking", "sending")


def start_return(
    order: Annotated[str, typer.Argument(help="The channel's order id.")],
    kind: Annotated[str, typer.Option(help=f"One of {', '.join(KINDS)}.")] = Kind.REFUND,
    shop: Annotated[str, typer.Option(help="The shop; left out when there is only one.")] = "",
    line: Annotated[list[str] | None, typer.Option(help="An order line's id; may be repeated. Left out: all.")] = None,
    reason: Annotated[str, typer.Option(help="A reason's key; left out, those that are allowed are listed.")] = "",
    amount: Annotated[str, typer.Option(help="A part of what the channel would refund, such as 12.50.")] = "",
    expect: Annotated[str, typer.Option(help="Start it without asking again if this is the sum.")] = "",
    wait: Annotated[float, typer.Option(min=0, max=600, help="Seconds to wait for the channel's word.")] = 20.0,
    by: By = BY,
) -> None:
    """Begin a refund, a return or a cancellation as the seller. Nothing is started before its sum was confirmed.

    Examples:

      backhaul start-return 576461413038785752

      backhaul start-return 576461413038785752 --kind refund --line 577 --reason seller_refund_out_of_stock --amount 5
    """
    if kind not in KINDS:
        running.fail(f"--kind: one of {', '.join(KINDS)}", 2)
    given = {"reason_key": reason, "amount": amount, "expect": expect, "order_id": order}
    if not running.run(_start(running.settings_of(), shop, Kind(kind), line or [], given, wait, by)):
        raise typer.Exit(1)


async def _start(
    settings: Settings, shop: str, kind: Kind, lines: list[str], given: dict[str, str], wait: float, by: str
) -> bool:
    async with running.hub(settings) as hub:
        of = await finding.shop(hub.pool, shop)
        case_id = await hub.commands.beginnings.start(of.id, kind=kind, lines=lines, by=by, **given)
        running.out.print(f"Case {case_id} is open.")
        return await _tell(hub, case_id, wait)


async def _tell(hub: Hub, case_id: UUID, wait: float) -> bool:
    """What the channel says, once the worker has asked it; False when it says no."""
    until = time.monotonic() + wait
    while True:
        found = await case_page.case(hub.pool, case_id)
        assert found is not None
        lane = found.view.lanes.get("decision")
        if found.row.channel_id or (lane is not None and lane.state not in BUSY):
            break
        if time.monotonic() >= until:
            running.out.print(f"The worker has not asked the channel yet; backhaul returns show {case_id} shows it.")
            return True
        await asyncio.sleep(0.2)
    if found.row.channel_id:
        running.out.print(f"Started: the channel calls it {found.row.channel_id}.")
        return True
    for question in found.view.questions:
        running.out.print(f"[yellow]asks[/yellow]  {question.text}")
        for key, label in question.reasons:
            running.out.print(f"      reason {key}{f': {label}' if label else ''}", markup=False)
    total = found.view.money.expected
    if lane is not None and lane.state == "to_confirm" and lane.text and total is not None:
        running.out.print(f"To start it: backhaul returns confirm {case_id} {total.text()}")
    refused = lane is not None and lane.state == "not_started"
    if refused:
        running.out.print(f"To close it: backhaul returns withdraw {case_id}")
    return not refused


@returns.command("confirm")
def confirm(
    case: Case,
    total: Annotated[str, typer.Argument(help="The sum that was shown, such as 12.50.")],
    wait: Annotated[float, typer.Option(min=0, max=600, help="Seconds to wait for the channel's answer.")] = 20.0,
    by: By = BY,
) -> None:
    """Start a case of our own for the sum that the channel said.

    Example:

      backhaul returns confirm 0199f0c2 12.50
    """
    running.run(_confirm(running.settings_of(), case, total, wait, by))


async def _confirm(settings: Settings, text: str, total: str, wait: float, by: str) -> None:
    async with running.hub(settings) as hub:
        case_id = await finding.case(hub.pool, text)
        await hub.commands.beginnings.confirm(case_id, total, by)
        running.out.print("Confirmed; the worker starts it.")
        until = time.monotonic() + wait
        while time.monotonic() < until:
            named = await hub.pool.fetchval(
                """
                select o.channel_id from return_case c join return_case o on o.id = coalesce(c.merged_into, c.id)
                where c.id = $1
                """,
                case_id,
            )
            if named:
                running.out.print(f"Started: the channel calls it {named}.")
                return
            await asyncio.sleep(0.2)
        await _tell(hub, case_id, 0)


@returns.command("withdraw")
def withdraw(case: Case, by: By = BY) -> None:
    """Close a case of our own that was not started.

    Example:

      backhaul returns withdraw 0199f0c2
    """
    running.run(_withdraw(running.settings_of(), case, by))


async def _withdraw(settings: Settings, text: str, by: str) -> None:
    async with running.hub(settings) as hub:
        await hub.commands.beginnings.withdraw(await finding.case(hub.pool, text), by)
        running.out.print("The case is closed; nothing was started.")


@returns.command("decline")
def decline(
    case: Case,
    words: Annotated[str, typer.Argument(help="What the buyer reads in the portal, 500 characters at most.")],
    by: By = BY,
) -> None:
    """Close a case that a buyer asked for in the portal, with words for the buyer.

    Example:

      backhaul returns decline 0199f0c2 "This was a final sale. Write to us and we find a way."
    """
    running.run(_decline(running.settings_of(), case, words, by))


async def _decline(settings: Settings, text: str, words: str, by: str) -> None:
    async with running.hub(settings) as hub:
        await hub.commands.beginnings.decline(await finding.case(hub.pool, text), words, by)
        running.out.print("Declined; the buyer reads your words in the portal.")


@returns.command("arrived")
def arrived(
    code: Annotated[str, typer.Argument(help="A tracking number, return id, order id or combined return's id.")],
    shop: Annotated[str, typer.Option(help="The shop; left out when there is only one.")] = "",
    order: Annotated[str, typer.Option(help="The channel's order id, if known.")] = "",
    note: Annotated[str, typer.Option(help="What is in the parcel.")] = "",
    by: By = BY,
) -> None:
    """Goods arrived: list the cases on file for them, or open one for goods without a return.

    Example:

      backhaul returns arrived 1Z999AA10123456784
    """
    running.run(_arrived(running.settings_of(), code, shop, order, note, by))


async def _arrived(settings: Settings, code: str, shop: str, order: str, note: str, by: str) -> None:
    async with running.hub(settings) as hub:
        only = [(await finding.shop(hub.pool, shop)).id] if shop else []
        found = await grid.page(hub.pool, grid.Filter(shops=tuple(only), search=code))
        for row in found.rows:
            running.out.print(f"On file: {row.kind} {row.channel_id or row.id} of order {row.order_id}, {row.status}")
        if found.rows:
            return
        of = await finding.shop(hub.pool, shop)
        case_id = await hub.commands.beginnings.arrived(of.id, code=code, by=by, order_id=order, note=note)
        running.out.print(f"No return is on file for {code}. Case {case_id} is open for these goods.")
