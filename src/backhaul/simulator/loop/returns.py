"""The life of a return in the desk: opened, processed, closed, cancelled, flagged, expired; and its twin in a store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from backhaul.simulator.loop import errors, shapes
from backhaul.simulator.loop.hooks import VENDOR
from backhaul.simulator.loop.model import (
    CANCELLED,
    CLOSED,
    EXPIRED,
    OPEN,
    REVIEW,
    Desk,
    DeskOrder,
    DraftLine,
    Return,
    ReturnLine,
)
from backhaul.simulator.loop.orders import applies
from backhaul.simulator.loop.world import LoopWorld
from backhaul.simulator.shopify import desk as store_desk
from backhaul.simulator.shopify import returns as store_returns
from backhaul.simulator.shopify.act import Act
from backhaul.simulator.shopify.errors import Refusal
from backhaul.simulator.shopify.returning import Return as StoreReturn

BY = "loop"
STAFF = "Loop staff"
# A merchant may link reasons to the store's own words; these are what a careful one would link.
_STORE_WORDS = {
    "Too small": "SIZE_TOO_SMALL",
    "Too large": "SIZE_TOO_LARGE",
    "Not my style": "STYLE",
    "Defective": "DEFECTIVE",
    "Damaged in transit": "DEFECTIVE",
    "Wrong item": "WRONG_ITEM",
    "Not as described": "NOT_AS_DESCRIBED",
    "No longer needed": "UNWANTED",
}


class Returns:
    """Everything that may happen to a return, by the API, by the desk's staff or by the clock."""

    def __init__(self, world: LoopWorld) -> None:
        self._world = world
        self._moving: set[int] = set()
        """Returns whose twin is being moved by the desk itself."""
        self.ended: list[Callable[[Desk, Return], None]] = []
        """Told of every return that has come to an end."""
        world.doers["process"] = self._processed
        world.commerce.emitter.return_moved.append(self._store_moved)

    # -- opening -------------------------------------------------------------------------------------------------------

    def open(
        self,
        desk: Desk,
        order: DeskOrder,
        lines: Sequence[DraftLine],
        address: dict[str, Any],
        *,
        by: str,
        is_gift: bool = False,
    ) -> Return:
        """Makes a return and its twin in the store. Raises Refused when the store does not take it."""
        now, settings = self._world.clock.now(), desk.settings
        made = Return(
            desk.number("return"),
            order,
            [
                ReturnLine(desk.number("line"), one.unit, one.parent_reason, one.reason, one.comment, one.outcome)
                for one in lines
            ],
            address,
            now,
            now,
            by,
            is_gift=is_gift,
        )
        if applies(desk, order):
            percent = round(made.worth("refund") * settings.handling_fee_percent / 100)
            made.fee = settings.handling_fee_minor + percent
            if settings.flag_new:
                made.state = REVIEW
        self._open_in_store(desk, made)
        behind = self._world.moods.strike(VENDOR, "index", ("index_lag",))
        if behind is not None:
            made.listed_at = now + behind.number("seconds", 30.0)
        desk.enter(made)
        self._world.note(desk, "open", made, by, skus=[line.unit.sku for line in made.lines], state=made.state)
        self._world.tell(desk, made, "return.created")
        return made

    def _open_in_store(self, desk: Desk, made: Return) -> None:
        if made.order.number_id is None:
            return
        act = self._world.commerce.act(desk.domain, BY)
        order = act.shop.orders[made.order.number_id]
        lines = {line.unit.provider_line_id or 0: line for line in made.lines}
        try:
            twin = store_desk.open_return(
                act,
                order,
                _pieces(made.lines),
                reasons={number: _STORE_WORDS.get(line.reason, "OTHER") for number, line in lines.items()},
                notes={number: f"Loop return {made.id}: {line.reason}" for number, line in lines.items()},
            )
        except Refusal as refusal:
            # [inferred]: how the desk says that its twin was refused is nowhere written.
            problem = {"code": "items-not-returnable", "message": _why(refusal)}
            raise errors.Refused(422, {"errors": [problem]}) from None
        made.store_number = twin.number_id
        desk.return_of_store[twin.number_id] = made.id

    # -- acting --------------------------------------------------------------------------------------------------------

    def find(self, desk: Desk, return_id: int) -> Return:
        """A return of this desk; the refusal rides on HTTP 200 as all those of the return actions."""
        found = desk.returns.get(return_id)
        if found is None:
            raise errors.coded("No return has this id.", "NOT_FOUND")
        return found

    def process(self, desk: Desk, each: Return, by: str) -> None:
        """Queues the outcomes. Repeated while it waits, it changes nothing."""
        self._require_open(each, "processed")
        if each.queued:
            return
        each.queued = True
        self._world.note(desk, "process", each, by)
        self._world.later(desk.settings.process_seconds, "process", desk, each.id)

    def _require_open(self, each: Return, verb: str) -> None:
        if each.state == CANCELLED:
            raise errors.bare(f"A cancelled return cannot be {verb}.")
        if each.state == REVIEW:
            raise errors.bare(f"A return in review cannot be {verb}.")
        if each.state != OPEN:
            raise errors.coded(f"A return that is {each.state} cannot be {verb}.")

    def remove(self, desk: Desk, each: Return, line_ids: Sequence[int], by: str) -> None:
        """Takes lines out and processes what is left, at once: the return is closed afterwards."""
        if each.state == REVIEW:
            raise errors.Refused(403, {"errors": [{"message": "The return is in review."}]})
        if each.state != OPEN or each.queued:
            raise errors.bare("This return cannot be changed any more.", 422)
        known = {line.unit.id: line for line in each.staying if line.outcome != "exchange"}
        if not known:
            raise errors.bare("No line of this return can be taken out.", 422)
        if any(line_id not in known for line_id in line_ids):
            raise errors.bare("Some of these lines cannot be taken out.", 422)
        for line_id in line_ids:
            known[line_id].removed = True
        each.edited_at = self._world.clock.now()
        self._world.note(desk, "remove", each, by, lines=list(line_ids))
        self._remove_in_store(desk, each, [known[line_id] for line_id in line_ids])
        if not self._outcomes(desk, each):
            raise errors.bare("The return failed while it was processed.", 500)

    def _remove_in_store(self, desk: Desk, each: Return, lines: Sequence[ReturnLine]) -> None:
        twin = self._twin(desk, each)
        if twin is None:
            return
        left = _pieces(lines)
        wanted = []
        for line in twin.lines:
            number = line.fulfillment_line_item.line_item.number_id
            part = min(left.get(number, 0), line.processable_quantity)
            if part:
                left[number] -= part
                wanted.append({"returnLineItemId": line.id, "quantity": part})
        self._in_store(desk, each, lambda act: store_returns.remove(act, twin.id, wanted))

    def cancel(self, desk: Desk, each: Return, by: str) -> None:
        """Calls the return off; its pieces may come back another time."""
        if each.state == REVIEW:
            raise errors.content("A flagged return cannot be cancelled.")
        if each.state == EXPIRED:
            raise errors.content("An expired return cannot be cancelled.")
        if each.state == CANCELLED:
            raise errors.bare("The return is cancelled already.")
        if each.state != OPEN:
            raise errors.coded(f"A return that is {each.state} cannot be cancelled.")
        self._end(desk, each, CANCELLED, by)

    def close(self, desk: Desk, each: Return, by: str) -> None:
        """Ends the return without outcomes; its pieces stay used up."""
        if each.state == CANCELLED:
            raise errors.bare("A cancelled return cannot be closed.")
        if each.state not in (OPEN, REVIEW):
            raise errors.coded(f"A return that is {each.state} cannot be closed.")
        self._end(desk, each, CLOSED, by)

    def flag(self, desk: Desk, each: Return, by: str) -> None:
        """Puts the return into review."""
        if each.state == REVIEW:
            raise errors.bare("The return is in review already.")
        if each.state != OPEN:
            raise errors.coded(f"A return that is {each.state} cannot be flagged.")
        each.state = REVIEW
        self._world.note(desk, "flag", each, by)
        self._world.tell(desk, each, "return.updated")

    def unflag(self, desk: Desk, each: Return, by: str) -> None:
        """Takes the return out of review. Only the admin's pages can do this."""
        if each.state != REVIEW:
            raise errors.coded(f"A return that is {each.state} is not in review.")
        each.state = OPEN
        self._world.note(desk, "unflag", each, by)
        self._world.tell(desk, each, "return.updated")

    def expire(self, desk: Desk, each: Return) -> None:
        """The label was never used."""
        self._end(desk, each, EXPIRED, "clock")

    def _end(self, desk: Desk, each: Return, state: str, by: str) -> None:
        each.state = state
        if state == CLOSED:
            each.closed_at = self._world.clock.now()
        self._world.note(desk, {CLOSED: "close", CANCELLED: "cancel", EXPIRED: "expire"}[state], each, by)
        twin = self._twin(desk, each)
        if twin is not None and by != "store":
            move = store_returns.cancel if state == CANCELLED else store_returns.close
            if state != EXPIRED:
                self._in_store(desk, each, lambda act: move(act, twin.id))
        self._world.tell(desk, each, "return.closed" if state == CLOSED else "return.updated")
        self._tell_ended(desk, each)

    # -- processing ----------------------------------------------------------------------------------------------------

    def _processed(self, desk: Desk, return_id: int, _: int) -> None:
        each = desk.returns[return_id]
        each.queued = False
        if each.state != OPEN:
            self._failed(desk, each, f"The return is {each.state}.")
            return
        self._outcomes(desk, each)

    def _outcomes(self, desk: Desk, each: Return) -> bool:
        """Gives every line its outcome and closes the return; False when the store refused the refund."""
        now = self._world.clock.now()
        refused = self._refund(desk, each)
        if refused:
            self._failed(desk, each, refused)
            return False
        for kind, outcome in (("refund", "refund"), ("exchange", "exchange"), ("gift_card", "store-credit")):
            if each.worth(outcome):
                each.processed_at[kind] = now
        each.processed_at["return"] = now
        for line in each.staying:
            line.returned_at = line.returned_at or now
        each.was_processed, each.state, each.closed_at, each.failure = True, CLOSED, now, ""
        twin = self._twin(desk, each)
        if twin is not None:
            self._in_store(desk, each, lambda act: store_returns.close(act, twin.id))
        self._world.note(desk, "processed", each, BY, refund=each.refund, currency=each.order.currency)
        if each.worth("store-credit"):
            self._world.hooks.emit(
                desk, "giftcard.requested", {"return_id": each.id, "amount": each.worth("store-credit")}
            )
        if desk.settings.restock and each.staying:
            skus = [line.unit.sku for line in each.staying]
            self._world.hooks.emit(desk, "restock.requested", {"return_id": each.id, "skus": skus})
        self._world.tell(desk, each, "return.closed")
        self._tell_ended(desk, each)
        return True

    def _tell_ended(self, desk: Desk, each: Return) -> None:
        for listener in self.ended:
            listener(desk, each)

    def _refund(self, desk: Desk, each: Return) -> str:
        """Pays the refund lines back in the store. Says why it was refused, or nothing."""
        lines = [line for line in each.staying if line.outcome == "refund"]
        if not lines:
            return ""
        made: dict[str, Any] = {
            "id": desk.number("refund"),
            "provider_refund_id": None,
            "gateway": "external",
            "amount": each.refund,
            "at": self._world.clock.now(),
        }
        if each.order.number_id is not None:
            act = self._world.commerce.act(desk.domain, BY)
            try:
                refund = store_desk.refund(
                    act,
                    act.shop.orders[each.order.number_id],
                    _pieces(lines),
                    each.refund,
                    note=f"Loop return {each.id}",
                    restock=desk.settings.restock,
                    return_=self._twin(desk, each),
                )
            except Refusal as refusal:
                return _why(refusal)
            made["provider_refund_id"] = refund.number_id
            made["gateway"] = ", ".join(dict.fromkeys(t.gateway for t in refund.transaction_list)) or "none"
            for line in lines:
                line.disposition = "restock" if desk.settings.restock else line.disposition
        each.refunds.append(made)
        return ""

    def _failed(self, desk: Desk, each: Return, why: str) -> None:
        each.failure = why
        desk.stamp(each, self._world.clock.now())
        self._world.note(desk, "failed", each, BY, why=why)
        payload = shapes.told(desk, each, self._world.base)
        # [inferred]: the payload of this topic was never seen; it carries the return and what went wrong.
        self._world.hooks.emit(desk, "return.processing.failed", {**payload, "error": {"message": why}})

    # -- the twin in the store -----------------------------------------------------------------------------------------

    def grade(
        self, desk: Desk, each: Return, lines: Sequence[ReturnLine], condition: str | None, disposition: str | None
    ) -> None:
        """The desk's staff judge lines; None leaves what was said before."""
        now = self._world.clock.now()
        for line in lines:
            line.condition, line.disposition = condition or line.condition, disposition or line.disposition
            line.returned_at = line.returned_at or now
        self._world.note(desk, "grade", each, STAFF, condition=condition, disposition=disposition)
        self._world.tell(desk, each, "return.updated")

    def _twin(self, desk: Desk, each: Return) -> StoreReturn | None:
        if each.store_number is None:
            return None
        found: StoreReturn = self._world.commerce.shops[desk.domain].tables["Return"][each.store_number]
        return found

    def _in_store(self, desk: Desk, each: Return, move: Callable[[Act], object]) -> None:
        """Moves the twin; what the store refuses is only noted, as the desk has its own truth."""
        self._moving.add(each.id)
        try:
            move(self._world.commerce.act(desk.domain, BY))
        except Refusal as refusal:
            self._world.note(desk, "store refused", each, BY, why=_why(refusal))
        finally:
            self._moving.discard(each.id)

    def _store_moved(self, topic: str, twin: StoreReturn) -> None:
        """Somebody else moved the twin: closed there is closed here without outcomes, cancelled is cancelled."""
        desk = self._world.desks.get(twin.order.shop.domain)
        return_id = desk.return_of_store.get(twin.number_id) if desk is not None else None
        if desk is None or return_id is None:
            return
        each = desk.returns[return_id]
        if each.state not in (OPEN, REVIEW) or each.id in self._moving:
            return
        if topic == "RETURNS_CLOSE":
            self._end(desk, each, CLOSED, "store")
        elif topic == "RETURNS_CANCEL":
            self._end(desk, each, CANCELLED, "store")


def _pieces(lines: Sequence[ReturnLine]) -> dict[int, int]:
    return dict(Counter(line.unit.provider_line_id for line in lines if line.unit.provider_line_id is not None))


def _why(refusal: Refusal) -> str:
    return "; ".join(error.message for error in refusal.errors) or "refused"
