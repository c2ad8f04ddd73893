"""`returns`: look at cases, answer the channel, receive and inspect. What the dashboard does, without a browser."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from backhaul.cli import finding, running
from backhaul.domain.by_unit import answers_to
from backhaul.domain.channel import UnitAnswer
from backhaul.domain.money import Money
from backhaul.domain.policy import APPROVALS, REJECTS
from backhaul.domain.steps import Question
from backhaul.domain.words import INSTEAD, REJECTIONS, WITH_AMOUNT, Condition, Decision, Disposition
from backhaul.settings import Settings
from backhaul.store import case_page, grid, pages
from backhaul.wiring import Hub
from backhaul.work import notes
from backhaul.work.lookups import Lookups

BY = "cli"
returns = typer.Typer(no_args_is_help=True, help="Look at returns, answer them, receive and inspect goods.")
Case = Annotated[str, typer.Argument(metavar="ID", help="The channel's return id, or ours (its beginning is enough).")]
Units = Annotated[list[str] | None, typer.Option("--unit", help="A unit's id; may be repeated. Left out: all.")]
By = Annotated[str, typer.Option("--by", help="Your name, for the time-line.")]

_APPROVALS = tuple(APPROVALS.values())
_REJECTIONS = tuple(REJECTS.values())


@returns.command("list")
def list_(
    tab: Annotated[str, typer.Option(help=f"One of {', '.join(grid.TABS)}.")] = "open",
    shop: Annotated[str, typer.Option(help="Of this shop only.")] = "",
    find: Annotated[str, typer.Option(help="A return id, order id or tracking number.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=500)] = 30,
) -> None:
    """List cases, newest change first.

    Examples:

      backhaul returns list --tab answer

      backhaul returns list --tab inspect --shop demo
    """
    if tab not in grid.TABS:
        running.fail(f"--tab: one of {', '.join(grid.TABS)}", 2)
    running.run(_list(running.settings_of(), tab, shop, find, limit))


async def _list(settings: Settings, tab: str, shop: str, find: str, limit: int) -> None:
    async with running.hub(settings) as hub:
        known = {each.id: each for each in await pages.shops(hub.pool)}
        only = ((await finding.shop(hub.pool, shop)).id,) if shop else ()
        found = await grid.page(hub.pool, grid.Filter(shops=only, tab="all" if find else tab, search=find), limit)
        if not found.rows:
            running.out.print("Nothing here.")
            return
        table = Table("Return", "Kind", "Status", "Waits for", "Due", "Amount", "Commerce order", "Shop", box=None)
        for row in found.rows:
            of = known[row.shop_id]
            table.add_row(
                row.channel_id or str(row.id), row.kind, ("[red]![/red] " if row.attention else "") + row.status,
                row.next_action or "–", finding.when(row.deadline, of.now(time.time())),
                finding.amount(row.total, row.currency), row.commerce_order_name or "–", of.name,
            )  # fmt: skip
        running.out.print(table)
        if found.older:
            running.out.print(f"… there are more; --limit shows more than {limit}.")


@returns.command("show")
def show(case: Case) -> None:
    """Show one case: its lanes, what it waits for, its units, its money, what happened."""
    running.run(_show(running.settings_of(), case))


async def _show(settings: Settings, text: str) -> None:
    async with running.hub(settings) as hub:
        found = await case_page.case(hub.pool, await finding.case(hub.pool, text))
        assert found is not None
        shop = next(each for each in await pages.shops(hub.pool) if each.id == found.row.shop_id)
        now, row, say = shop.now(time.time()), found.row, running.out.print
        say(
            f"[bold]{row.channel_kind} {row.channel_id or row.id}[/bold] of order {row.order_id} "
            f"({shop.name}, {row.mode}): "
            f"{row.status}"
        )
        say(f"channel says {row.raw_status}; {finding.amount(row.total, row.currency)}; {row.reason_text}")
        for name, lane in found.view.lanes.items():
            say(f"  {name:9} {lane.state}{f', {lane.text}' if lane.text else ''}", markup=False)
        for question in found.view.questions:
            due = f" ({finding.when(question.deadline, now)})" if question.deadline else ""
            answers = f" Answers: {', '.join(question.options)}." if question.options else ""
            say(f"[yellow]asks[/yellow]  {escape(question.text)}{due}{answers} {question.otherwise}".rstrip())
            for key, label in question.reasons[:20]:
                say(f"      reason {key}: {label}", markup=False)
        for trouble in found.exceptions:
            say(f"[red]stuck[/red] {escape(trouble.text)} {escape(trouble.todo)}")
        note = notes.read(hub.vendors.vault, row.shop_id, found.said.start)
        if note:
            say(f"  the buyer wrote: {note}", markup=False)
        for unit in found.units:
            end = unit.disposition or ("received" if unit.received_at else "not here yet")
            say(f"  unit {unit.unit_id}  {unit.sku}  {unit.name}  {finding.amount(unit.refund, row.currency)}  {end}")
        if found.seen.instead is not None:
            for goods in found.seen.instead.goods:
                say(f"  instead {goods.text}", markup=False)
            if found.seen.instead.order_id:
                say(f"  instead new order {found.seen.instead.order_id}")
        for parcel in found.parcels:
            say(f"  parcel {parcel.tracking_number} {parcel.carrier}")
        for entry in found.entries:
            say(f"  money {entry.kind} {finding.amount(entry.amount, entry.currency)} {entry.text}")
        for line in found.history[-25:]:
            say(f"  [dim]{finding.when(line.at, now):>10}  {escape(line.who)}:[/dim] {escape(line.text)}")


@returns.command("approve")
def approve(case: Case, by: By = BY) -> None:
    """Approve what the channel asks about: a request, a refund, a cancellation, or the parcel that came back."""
    running.run(_decide(running.settings_of(), case, _APPROVALS, by))


@returns.command("keep")
def keep(case: Case, by: By = BY) -> None:
    """Refund, and let the buyer keep the goods."""
    running.run(_decide(running.settings_of(), case, (Decision.KEEP_ITEM,), by))


@returns.command("refund-instead")
def refund_instead(case: Case, by: By = BY) -> None:
    """Refund a replacement or an exchange instead of sending goods.

    Example:

      backhaul returns refund-instead 4035112943244093700
    """
    running.run(_decide(running.settings_of(), case, tuple(INSTEAD.values()), by))


@returns.command("offer")
def offer(
    case: Case,
    amount: Annotated[str, typer.Argument(help="A part of the refund, in its currency: 5.00")],
    by: By = BY,
) -> None:
    """Offer a part of the refund: the buyer keeps the goods if they take it. Of a parcel that came back, where the shop
    has that choice: take it and pay this part.

    Example:

      backhaul returns offer 4035112943244093700 5.00
    """
    running.run(_decide(running.settings_of(), case, tuple(WITH_AMOUNT), by, amount=amount))


@returns.command("by-unit")
def by_unit(
    case: Case,
    unit: Annotated[
        list[str] | None,
        typer.Option(
            help="ID=accept, ID=refuse:REASON, ID=part:5.00 or ID=instead (money); one for each unit. "
            "None: as inspected."
        ),
    ] = None,
    comment: Annotated[str, typer.Option(help="For the buyer, with what is refused.")] = "",
    by: By = BY,
) -> None:
    """Answer for each unit of a request, or of a parcel that came back, where the shop's channel takes such answers.

    Examples:

      backhaul returns by-unit 4035112943244093700

      backhaul returns by-unit 4035112943244093700 --unit 41=accept --unit 42=part:5.00
    """
    running.run(_decide(running.settings_of(), case, (Decision.BY_UNIT,), by, comment=comment, units=unit or ()))


@returns.command("reject")
def reject(
    case: Case,
    reason: Annotated[
        str, typer.Option(help="A reason's key; backhaul returns show lists those that are allowed now.")
    ],
    comment: Annotated[str, typer.Option(help="For the buyer.")] = "",
    picture: Annotated[
        list[Path] | None, typer.Option(exists=True, dir_okay=False, help="A picture as evidence; may be repeated.")
    ] = None,
    without_pictures: Annotated[
        bool, typer.Option("--without-pictures", help="Reject also without a picture that the channel does not take.")
    ] = False,
    by: By = BY,
) -> None:
    """Reject what the channel asks about, with one of its reasons.

    Examples:

      backhaul returns reject 4035112943244093700 --reason seller_reject_apply_buyer_fault

      backhaul returns reject 4035112943244093700 --reason reverse_reject_return_parcel_reason_5 --picture torn.jpg
    """
    files = [(each.name, each.read_bytes()) for each in picture or []]
    running.run(
        _decide(running.settings_of(), case, _REJECTIONS, by, reason, comment, pictures=files, bare=without_pictures)
    )


async def _decide(
    settings: Settings, text: str, wanted: tuple[Decision, ...], by: str, reason: str = "", comment: str = "",
    amount: str = "", pictures: Sequence[tuple[str, bytes]] = (), bare: bool = False, units: Sequence[str] = (),
) -> None:  # fmt: skip
    async with running.hub(settings) as hub:
        found = await case_page.case(hub.pool, await finding.case(hub.pool, text))
        assert found is not None
        for question in found.view.questions:
            decision = next((each for each in wanted if each in question.options), None)
            if question.action is None or decision is None:
                continue
            if reason and question.reasons and reason not in dict(question.reasons):
                keys = ", ".join(key for key, _ in question.reasons)
                raise running.Problem(f"the channel does not take the reason {reason}; it takes: {keys}", 2)
            evidence = [
                str(await hub.commands.add_evidence(found.row.id, name=name, content=content, by=by))
                for name, content in pictures
            ]
            await hub.commands.decide(
                found.row.id, action=question.action, round=question.round, decision=decision, by=by,
                reason_key=reason, comment=comment, offer=_money(amount, found.row.currency) if amount else None,
                evidence=evidence, bare=bare,
                units=_unit_answers(question, units, found.row.currency) if decision is Decision.BY_UNIT else (),
            )  # fmt: skip
            observing = " The shop only observes: nothing is sent." if found.view.observing else ""
            running.out.print(f"{decision.replace('_', ' ')}: noted.{observing}")
            return
        asks = "; ".join(question.text for question in found.view.questions) or "nothing"
        raise running.Problem(f"this case does not wait for that answer. It asks: {asks}")


_UNIT_ANSWERS: dict[str, Collection[Decision]] = {
    "accept": APPROVALS.values(), "refuse": REJECTIONS, "part": WITH_AMOUNT, "instead": INSTEAD.values()
}  # fmt: skip


def _unit_answers(question: Question, given: Sequence[str], currency: str | None) -> tuple[UnitAnswer, ...]:
    """What the options say of each unit; without any what the inspection amounts to."""
    if not given:
        suggested = [(each.unit, each.suggested, each.suggested_reason) for each in question.units]
        answers = tuple(UnitAnswer(unit, said, reason) for unit, said, reason in suggested if said is not None)
        if len(answers) < len(suggested) or not answers:
            raise running.Problem("the inspection does not say what each unit should get: name it with --unit", 2)
        return answers
    found = []
    for text in given:
        unit, _, said = text.partition("=")
        word, _, more = said.partition(":")
        if word not in _UNIT_ANSWERS or bool(more) is (word in ("accept", "instead")):
            raise running.Problem(f"{text}: written as ID=accept, ID=refuse:REASON, ID=part:5.00 or ID=instead", 2)
        known = answers_to(question.action) if question.action is not None else ()
        decision = next((each for each in known if each in _UNIT_ANSWERS[word]), None)
        if decision is None:
            raise running.Problem(f"{text}: this question has no such answer", 2)
        part = _money(more, currency) if word == "part" else None
        found.append(UnitAnswer(unit, decision, more if word == "refuse" else "", part))
    return tuple(found)


def _money(amount: str, currency: str | None) -> Money:
    try:
        return Money.parse(amount, currency or "")
    except ValueError as error:
        raise running.Problem(f"the amount: {error}", 2) from None


async def _units(hub: Hub, case: case_page.Case, units: list[str] | None) -> list[str]:
    return units or [unit.unit_id for unit in case.units]


@returns.command("receive")
def receive(case: Case, unit: Units = None, by: By = BY) -> None:
    """Say that units have arrived.

    Example:

      backhaul returns receive 4035112943244093700 --by ana
    """
    running.run(_receive(running.settings_of(), case, unit, by))


async def _receive(settings: Settings, text: str, units: list[str] | None, by: str) -> None:
    async with running.hub(settings) as hub:
        found = await case_page.case(hub.pool, await finding.case(hub.pool, text))
        assert found is not None
        chosen = await _units(hub, found, units)
        await hub.commands.receive(found.row.id, chosen, by)
        running.out.print(f"{len(chosen)} received.")


@returns.command("inspect")
def inspect(
    case: Case,
    condition: Annotated[Condition, typer.Option(help="What was found.")] = Condition.SELLABLE,
    disposition: Annotated[
        Disposition | None, typer.Option(help="What becomes of it; left out, what fits the condition.")
    ] = None,
    unit: Units = None,
    note: Annotated[str, typer.Option(help="A remark.")] = "",
    by: By = BY,
) -> None:
    """Give the verdict on units. Nothing else moves stock; once stock was moved the verdict stands.

    Examples:

      backhaul returns inspect 4035112943244093700

      backhaul returns inspect 4035112943244093700 --unit 4036104910459142528 --condition damaged --note "torn sleeve"
    """
    fitting = {Condition.SELLABLE: Disposition.RESTOCK, Condition.MISSING: Disposition.MISSING}
    chosen = disposition or fitting.get(condition, Disposition.NOT_RESTOCKED)
    running.run(_inspect(running.settings_of(), case, unit, condition, chosen, note, by))


async def _inspect(
    settings: Settings, text: str, units: list[str] | None, condition: Condition, disposition: Disposition, note: str,
    by: str,
) -> None:  # fmt: skip
    async with running.hub(settings) as hub:
        found = await case_page.case(hub.pool, await finding.case(hub.pool, text))
        assert found is not None
        chosen = await _units(hub, found, units)
        await hub.commands.inspect(found.row.id, [(each, condition, disposition, note) for each in chosen], by)
        running.out.print(f"{len(chosen)} inspected: {condition.replace('_', ' ')}, {disposition.replace('_', ' ')}.")


@returns.command("label")
def label(
    case: Case,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The label, a PDF.")],
    tracking: Annotated[str, typer.Option(help="Its tracking number.")],
    carrier: Annotated[str, typer.Option(help="The carrier's name or id, as the channel knows it.")],
    qr_code: Annotated[bool, typer.Option("--qr-code", help="It is a QR code, not a label.")] = False,
    by: By = BY,
) -> None:
    """Upload the label of a return that you ship. The channel takes it once, and it cannot be corrected.

    Example:

      backhaul returns label 4035112943244093700 label.pdf --tracking 1Z999AA10123456784 --carrier UPS
    """
    running.run(
        _label(
            running.settings_of(),
            case,
            file.name,
            file.read_bytes(),
            tracking,
            carrier,
            "qr_code" if qr_code else "label",
            by,
        )
    )


async def _label(
    settings: Settings, text: str, name: str, content: bytes, tracking: str, carrier: str, document: str, by: str
) -> None:
    async with running.hub(settings) as hub:
        case_id = await finding.case(hub.pool, text)
        known = await Lookups(hub.vendors).carriers(case_id)
        chosen = next((each for each in known if carrier.casefold() in (each[0], each[1].casefold())), None)
        if chosen is None:
            raise running.Problem(f"--carrier: the channel knows {', '.join(name for _, name in known) or 'none'}", 2)
        await hub.commands.upload_label(
            case_id, name=name, content=content, tracking_number=tracking, carrier_id=chosen[0],
            carrier_name=chosen[1], document=document, by=by,
        )  # fmt: skip
        running.out.print(f"The label is stored ({chosen[1]} {tracking}); the worker sends it.")
