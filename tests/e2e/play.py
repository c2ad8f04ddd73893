"""One return on the stage: what the buyer does, what the clerk does, and what to wait for."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from backhaul.domain.facts import Seen
from backhaul.domain.policy import APPROVALS, REJECTS
from backhaul.domain.steps import View
from backhaul.domain.words import Action, Decision

if TYPE_CHECKING:
    from tests.e2e.stage import Shop, Stage

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
ANSWERS = {"answer_return": "return", "answer_refund": "refund"}


class Row(msgspec.Struct):
    """What the hub believes of a case. Read to know when to look into the books, never to judge."""

    id: Any
    status: str
    ended: bool
    next_action: str | None
    deadline: int | None
    view: View
    seen: Seen

    def lane(self, name: str) -> str:
        """The state of a lane."""
        return self.view.lanes[name].state if name in self.view.lanes else ""


class Return:
    """A return, played by its id."""

    def __init__(self, stage: Stage, shop: Shop, rid: str, placed: Mapping[str, Any], kind: str = "return") -> None:
        self.stage, self.shop, self.rid, self.kind = stage, shop, rid, kind
        self.order_id: str = placed["id"]
        self.commerce_id: str | None = placed.get("commerce_id")

    # -- what is known

    async def row(self) -> Row | None:
        """The hub's case; None before it has one."""
        found = await self.stage.hub.pool.fetchrow(
            "select id, status, ended, next_action, deadline, view, body from return_case"
            " where channel_id = $1 and channel_kind = $2",
            self.rid,
            self.kind,
        )
        if found is None or found["body"] is None:
            return None
        return Row(
            found["id"],
            found["status"],
            found["ended"],
            found["next_action"],
            found["deadline"],
            msgspec.json.decode(found["view"], type=View),
            msgspec.json.decode(found["body"], type=Seen),
        )

    async def books(self) -> dict[str, Any]:
        """The channel's books of this return alone."""
        query = {"shop": self.shop.channel_id, "case": self.rid, "commerce": "0"}
        whole = await self.stage.control.call("GET", "/books", query=query)
        books: dict[str, Any] = whole["shops"][self.shop.channel_id]
        return books

    async def state(self) -> dict[str, Any]:
        """What the simulator knows of it."""
        return await self.stage.control.get_return(self.rid)

    async def order(self) -> dict[str, Any]:
        """The commerce system's books of its order; empty when nobody touched it."""
        whole = await self.stage.control.books(self.shop.channel_id)
        found: dict[str, Any] = whole["commerce"][self.shop.domain]["orders"].get(await self.copied(), {})
        return found

    async def copied(self) -> str:
        """The id of the commerce order."""
        if self.commerce_id is None:
            placed = await self.stage.control.call("GET", f"/orders/{self.order_id}")
            self.commerce_id = placed["commerce_id"]
        return self.commerce_id or ""

    # -- waiting

    async def until(self, test: Callable[[Row], Any], what: str, seconds: float = 15.0) -> Row:
        """Wait until the hub's case passes the test."""
        last: list[Row | None] = [None]

        async def look() -> Row | None:
            last[0] = await self.row()
            return last[0] if last[0] is not None and test(last[0]) else None

        try:
            found: Row = await self.stage.until(look, seconds, what)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{await self.story(last[0])}") from None
        return found

    async def story(self, row: Row | None) -> str:
        """What has happened, for the reader of a failed test."""
        if row is None:
            return f"return {self.rid}: the hub has no case"
        pool = self.stage.hub.pool
        lines = [
            f"return {self.rid}: {row.status}, due {row.next_action}, lanes {row.view.lanes}",
            str(await self.state()) if self.kind == "return" else "",
        ]
        for line in await pool.fetch("select who, what, text from history where case_id = $1 order by id", row.id):
            lines.append("  " + " | ".join(line))
        for line in await pool.fetch("select key, text, closed_at from exception where case_id = $1", row.id):
            lines.append(f"  exception {line['key']}: {line['text']} closed {line['closed_at']}")
        for line in await pool.fetch("select target, state, code, text from effect where case_id = $1", row.id):
            lines.append("  effect " + " | ".join(line))
        return "\n".join(lines)

    async def until_ended(self, seconds: float = 20.0) -> Row:
        """Wait until nothing is left to do."""
        return await self.until(lambda row: row.ended, "the end of the case", seconds)

    async def until_trouble(self, key: str, seconds: float = 15.0) -> dict[str, Any]:
        """Wait for an open exception of the case whose key begins so."""
        row = await self.until(
            lambda row: any(trouble.key.startswith(key) for trouble in row.view.troubles),
            f"the exception {key}",
            seconds,
        )
        found = await self.stage.hub.pool.fetchrow(
            "select * from exception where case_id = $1 and key like $2 and closed_at is null", row.id, key + "%"
        )
        assert found is not None, f"{key} is planned and not in the list"
        return dict(found)

    async def until_books(
        self, test: Callable[[dict[str, Any]], Any], what: str, seconds: float = 15.0
    ) -> dict[str, Any]:
        """Wait until the channel's books of this return pass the test."""

        async def look() -> dict[str, Any] | None:
            books = await self.books()
            return books if test(books) else None

        try:
            found: dict[str, Any] = await self.stage.until(look, seconds, what, every=0.1)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{await self.story(await self.row())}") from None
        return found

    async def asked(self, action: Action | None = None) -> Row:
        """Wait until the hub knows that the channel waits for an answer."""
        return await self.until(
            lambda row: row.next_action and (action is None or row.next_action == action),
            f"the question {action or ''}",
        )

    # -- the clerk

    async def decide(
        self, decision: Decision, reason: str = "", action: Action | None = None, offer: dict[str, str] | None = None
    ) -> None:
        """Answer, by the REST API."""
        row = await self.asked(action)
        assert row.next_action is not None
        body = {
            "action": row.next_action, "decision": decision, "round": row.seen.round.get(Action(row.next_action), 1),
            "reason_key": reason, "offer": offer,
        }  # fmt: skip
        await self.stage.post(f"/cases/{row.id}/decision", body)

    async def approve(self) -> None:
        """Approve whatever was asked for."""
        row = await self.asked()
        assert row.next_action is not None
        await self.decide(APPROVALS[Action(row.next_action)])

    async def reject(self) -> str:
        """Reject with the first reason that the hub offers; the reason."""
        row = await self.until(
            lambda row: row.next_action and any(each.reasons for each in row.view.questions),
            "the reasons for a rejection",
        )
        question = next(each for each in row.view.questions if each.reasons)
        reason = question.reasons[0][0]
        assert row.next_action is not None
        await self.decide(REJECTS[Action(row.next_action)], reason)
        return reason

    async def give_label(self, tracking: str = "") -> str:
        """Upload a label as PDF; the tracking number."""
        row = await self.until(
            lambda row: any(each.kind == "label" for each in row.view.questions), "the need of a label"
        )
        tracking = tracking or f"1Z{self.rid[-14:]}"
        carrier = next(iter(self.shop.described["carriers"]))
        body = {
            "name": "label.pdf", "content": base64.b64encode(PDF).decode(), "tracking_number": tracking,
            "carrier_id": carrier, "document": "label",
        }  # fmt: skip
        await self.stage.post(f"/cases/{row.id}/label", body)
        return tracking

    async def receive(self) -> None:
        """All units have arrived."""
        row = await self.row()
        assert row is not None
        assert row.seen.channel is not None
        await self.stage.post(f"/cases/{row.id}/received", {"units": [unit.id for unit in row.seen.channel.units]})

    async def inspect(self, condition: str = "sellable", disposition: str = "restock", *others: str) -> None:
        """A verdict on all units; ``others`` are the conditions of the first ones, that are not restocked."""
        row = await self.row()
        assert row is not None
        assert row.seen.channel is not None
        verdicts = [
            {"unit": unit.id, "condition": condition, "disposition": disposition} for unit in row.seen.channel.units
        ]
        for verdict, other in zip(verdicts, others, strict=False):
            verdict |= {"condition": other, "disposition": "not_restocked"}
        await self.stage.post(f"/cases/{row.id}/inspection", {"verdicts": verdicts})

    # -- the buyer

    async def act(self, action: str, **values: Any) -> dict[str, Any]:
        """ship, deliver, withdraw, edit, arbitrate, quick_refund, decide in Seller Center."""
        return await self.stage.control.act(self.rid, action, **values)

    async def ship_and_deliver(self) -> None:
        """The parcel goes back and arrives."""
        await self.act("ship")
        await self.act("deliver")

    # -- whole ways

    async def until_approved(self) -> Row:
        """Wait until the approval was read back and the buyer is to ship."""
        return await self.until(
            lambda row: row.status == "awaiting_parcel" and row.lane("decision") == "accepted", "the approval"
        )

    async def until_recorded(self) -> Row:
        """Wait until the return stands in commerce."""
        return await self.until(lambda row: row.lane("records") == "open", "the return in commerce")

    async def send_back(self) -> None:
        """The parcel goes back and arrives, and the channel wants to know what of it."""
        await self.ship_and_deliver()
        await self.asked(Action.JUDGE_PARCEL)

    async def from_parcel_to_end(self) -> None:
        """From the parcel's way back to the settled books."""
        await self.send_back()
        await self.inspect()
        await self.until_ended()

    async def to_inspection(self) -> None:
        """From the request to a delivered parcel."""
        await self.approve()
        await self.until_recorded()
        await self.send_back()

    async def to_end(self) -> None:
        """From the request to the settled books."""
        await self.approve()
        await self.until_recorded()
        await self.from_parcel_to_end()
