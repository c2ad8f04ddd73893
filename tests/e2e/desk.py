"""A return on the stage of a shop that has a returns desk: what its staff do, and what its books say."""

from __future__ import annotations

from typing import Any

from backhaul.domain.facts import Booker, DeskTerms
from tests.e2e.play import Return
from tests.e2e.stage import Stage

SPEC: dict[str, Any] = {"desk": "loop", "desk_settings": {"process_seconds": 1.0, "label_seconds": 1.0}}
TERMS = DeskTerms("loop")


async def set_up(stage: Stage, booker: Booker = Booker.DESK, terms: DeskTerms = TERMS) -> None:
    """Who books, and how the shop works with its desk."""
    await stage.hub.commands.set_desk(stage.shop.id, terms, "owner")
    await stage.hub.commands.set_booker(stage.shop.id, booker, "owner")


async def desk_books(stage: Stage) -> dict[str, Any]:
    """The desk's own books."""
    books = await stage.control.books(stage.shop.channel_id)
    found: dict[str, Any] = books["desks"][stage.shop.domain]
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


def acts(books: dict[str, Any], what: str) -> list[dict[str, Any]]:
    """What was done in the desk under a name."""
    return [each for each in books["acts"] if each.get("act", each.get("action", "")) == what]
