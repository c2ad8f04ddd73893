"""`desk`: how a shop works with its returns desk."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer

from backhaul.cli import finding, running
from backhaul.cli.shopping import BY, ShopName
from backhaul.domain.terms import DeskOpens, DeskTerms
from backhaul.settings import Settings
from backhaul.work.lookups import Lookups

OPENS = {DeskOpens.REQUESTED: "as soon as the buyer asks", DeskOpens.APPROVED: "when the channel has approved"}


def desk(
    shop: ShopName,
    opens: Annotated[str, typer.Option(help=f"When a return is opened in the desk: {', '.join(DeskOpens)}.")] = "",
    labels: Annotated[
        bool | None,
        typer.Option("--labels/--no-labels", help="Whether the desk makes the labels that the seller owes."),
    ] = None,
    writes_records: Annotated[
        bool | None,
        typer.Option(
            "--writes-records/--hub-writes-records", help="Who writes the return into commerce: the desk or the hub."
        ),
    ] = None,
    moves_stock: Annotated[
        bool | None,
        typer.Option("--desk-moves-stock/--hub-moves-stock", help="Who restocks what came back."),
    ] = None,
    reject_reason: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY", help="The channel's reason for what the desk rejects, most fitting first; repeat."),
    ] = None,
    carrier: Annotated[
        list[str] | None,
        typer.Option(metavar="DESK=CHANNEL", help="A carrier's name in the desk and at the channel; repeat."),
    ] = None,
) -> None:
    """Show how a shop works with its returns desk, or change it. What is not named stays as it is.

    Reasons given replace those that stood, and have to be among those that the channel has named for the shop's
    returns. A carrier given is added, and taken away by DESK= with nothing after it.

    Examples:

      backhaul desk "Loop shop"

      backhaul desk "Loop shop" --opens requested --no-labels

      backhaul desk "Loop shop" --reject-reason seller_reject_used --carrier "USPS=US Postal Service"
    """
    if opens and opens not in list(DeskOpens):
        running.fail(f"--opens: one of {', '.join(DeskOpens)}", 2)
    pairs = [each.partition("=") for each in carrier or []]
    if any(not (sign and name.strip()) for name, sign, _ in pairs):
        running.fail("--carrier: write DESK=CHANNEL, the desk's name of the carrier first", 2)
    changes: dict[str, Any] = {}
    if opens:
        changes["opens"] = DeskOpens(opens)
    if labels is not None:
        changes["labels"] = labels
    if writes_records is not None:
        changes["writes_records"] = writes_records
    if moves_stock is not None:
        changes["moves_stock"] = moves_stock
    if reject_reason:
        changes["reject_reasons"] = tuple(reject_reason)
    running.run(_desk(running.settings_of(), shop, changes, {name.strip(): to.strip() for name, _, to in pairs}))


async def _desk(settings: Settings, name: str, changes: dict[str, Any], carriers: dict[str, str]) -> None:
    async with running.hub(settings) as hub:
        shop = await finding.shop(hub.pool, name)
        if shop.desk is None:
            raise running.Problem(f"{shop.name} has no returns desk; backhaul connect loop links one")
        terms = msgspec.structs.replace(shop.desk, **changes)
        if carriers:
            together = {**terms.carriers, **carriers}
            terms = msgspec.structs.replace(terms, carriers={desk: to for desk, to in together.items() if to})
        if terms != shop.desk:
            unchecked = await Lookups(hub.vendors).check_reasons(shop.id, terms.reject_reasons)
            if unchecked:
                running.out.print(unchecked, style="yellow", markup=False)
            await hub.commands.shops.set_desk(shop.id, terms, BY)
        _show(shop.name, hub.vendors.registry[terms.vendor].manifest.title, terms)


def _show(shop: str, vendor: str, terms: DeskTerms) -> None:
    out = running.out.print
    out(f"{shop} and {vendor}:")
    out(f"  A return is opened there {OPENS[terms.opens]}.")
    out(f"  Labels that the seller owes: {'the desk makes them' if terms.labels else 'a person uploads them'}.")
    out(f"  The return in commerce: {'the desk' if terms.writes_records else 'Backhaul'} writes it.")
    out(f"  What came back: {'the desk, by its own settings,' if terms.moves_stock else 'Backhaul'} restocks it.")
    reasons = ", ".join(terms.reject_reasons)
    out(f"  Reasons for what it rejects: {reasons or 'none; such a case waits for a person'}.")
    for desk, channel in terms.carriers.items():
        out(f"  Carrier {desk} is {channel} at the channel.")
