"""A return on the stage of a shop that has a returns desk: what its staff do, and what its books say."""

from __future__ import annotations

from typing import Any

from backhaul.domain.terms import Booker, DeskTerms
from tests.e2e.play import Return
from tests.e2e.stage import Stage

SPEC: dict[str, Any] = {"desk": "loop", "desk_settings": {"process_seconds": 1.0, "label_seconds": 1.0}}
TERMS = DeskTerms("loop")


async def set_up(stage: Stage, booker: Booker = Booker.DESK, terms: DeskTerms = TERMS) -> None:
    """Who books, and how the shop works with its desk."""
    await stage.hub.commands.shops.set_desk(stage.shop.id, terms, "owner")
    await stage.hub.commands.shops.set_booker(stage.shop.id, booker, "owner")


async def desk_books(stage: Stage) -> dict[str, Any]:
    """The desk's own books."""
    books = await stage.control.books(stage.shop.channel_id)
    found: dict[str, Any] = books["loop"][stage.shop.domain]
    return found


async def returns_at(stage: Stage) -> list[dict[str, Any]]:
    """All returns in the desk."""
    return await stage.control.desk_returns(stage.shop.domain)


async def opened(case: Return) -> dict[str, Any]:
    """Wait until the hub follows a return in the desk; that return."""
    row = await case.until(lambda row: row.seen.desk is not None, "the return in the desk")
    assert row.seen.desk is not None
    found = [each for each in await returns_at(case.stage) if str(each["id"]) == row.seen.desk.id]
    assert len(found) == 1
    return found[0]


async def staff(case: Return, action: str, **values: Any) -> None:
    """The desk's staff do something with the case's return."""
    found = await opened(case)
    await case.stage.control.desk_act(case.shop.domain, found["id"], action, **values)


def acts(books: dict[str, Any], what: str) -> list[str]:
    """By whom something was done in the desk, under its name there."""
    return [each["by"] for each in books["acts"] if each["act"] == what]


async def settled_but_for_shipping(case: Return) -> None:
    """The channel paid once, the desk refunded the goods once, and shipping is all that is between them."""
    (paid,) = (await case.books())["refunds"]
    order = await case.order()
    assert len(order["refunds"]) == 1
    whole = await case.stage.control.books()
    assert whole["problems"] == []
    assert whole["commerce"][case.shop.domain]["money_moved"] == [], "a booking moves no money"
    row = await case.row()
    assert row is not None
    assert row.seen.channel is not None
    shipping = row.seen.channel.refund_parts["shipping"].minor
    assert paid["amount"] == order["refunded_minor"] + shipping
