"""What every commerce connector must do, over real HTTP against its simulated vendor.

A connector's test module subclasses :class:`CommerceSuite` and gives the fixture ``world``, which makes orders and
shows the vendor's own books. No test here believes the connector about what happened: the books say it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec
import pytest

from backhaul.domain.commerce import Candidate, CommerceOrder, CommerceReturn
from backhaul.domain.desk_effects import DeskEffect
from backhaul.domain.effects import (
    AnyEffect,
    AttachTracking,
    BookRefund,
    CancelReturn,
    CloseReturn,
    CreateReturn,
    Decide,
    DecideUnits,
    Dispose,
    Effect,
    EffectState,
    Repeat,
    ReturnLine,
    Safety,
    StageLabel,
    StampOrder,
    UpdateDelivery,
    UploadEvidence,
    UploadLabel,
)
from backhaul.domain.facts import Facts, Seen
from backhaul.domain.ledger import shown
from backhaul.domain.money import Money
from backhaul.domain.said import Said
from backhaul.domain.terms import ShopTerms
from backhaul.domain.words import Disposition
from backhaul.ports import connector as roles
from backhaul.ports.connector import Receipt
from backhaul.ports.errors import NeedsReauth, OutcomeUnknown, Refused, Unavailable

CASE, REFUND, CHANNEL_ORDER = "4035318504086604100", "refund-4035318504086604100", "576461413038785752"
TRACKING = "1Z999AA10123456784"
PAID_AT = 1_790_000_000
LABEL = b"%PDF-1.4\n%%EOF\n"
TAGS = (
    "stamp_order", "create_return", "attach_tracking", "update_delivery", "dispose", "book_refund", "close_return",
    "cancel_return",
)  # fmt: skip
ABILITIES = ("Authorises", "CommerceOrders", "Connector", "Performs", "Subscribes")


@dataclass
class Books:
    """What really happened to one order."""

    refunds: list[tuple[int, str, int]] = field(default_factory=list)  # minor units, note, when
    returns: list[tuple[str, int, str]] = field(default_factory=list)  # status as we name it, units, note
    tracking: list[str] = field(default_factory=list)
    labels: list[bytes] = field(default_factory=list)  # files that a return of the order shows
    disposed: list[tuple[Disposition, int]] = field(default_factory=list)
    stock_moved: int = 0  # units, of all orders
    money_moved: int = 0  # minor units, of all orders
    messages: int = 0  # to buyers
    stamp: str = ""


class CommerceWorld(Protocol):
    """A shop of the simulated vendor and the connector that speaks to it."""

    connector: Any
    places: tuple[str, ...]  # where order connectors write the channel's order id

    def order(
        self, *, place: str = "", channel_order_id: str = "", units: int = 2, moves_money: bool = False, age: int = 0
    ) -> str:
        """An order over one line of so many shipped units, ``age`` seconds old; its id."""
        ...

    def books(self, order_id: str) -> Books:
        """The vendor's own books."""
        ...

    def lose_next_answer(self) -> None:
        """The next write is carried out, and its answer lost."""
        ...

    def fail_next_call(self) -> None:
        """The next call is not carried out, in a way that says so."""
        ...

    def log_out(self) -> None:
        """The login is withdrawn."""
        ...

    def other_returns(self, order_id: str, units: int) -> None:
        """Somebody else makes a return."""
        ...

    def other_refunds(self, order_id: str, minor: int) -> None:
        """Somebody else refunds."""
        ...


class CommerceSuite:
    """Inherit it as ``class TestVendor(CommerceSuite)``."""

    # -- helpers

    async def read(self, world: CommerceWorld, order_id: str) -> CommerceOrder:
        found = await world.connector.order(order_id)
        assert isinstance(found, CommerceOrder)
        return found

    async def do(self, world: CommerceWorld, wanted: AnyEffect, key: str = "key-1", alive: float = 60.0) -> Receipt:
        prepared = world.connector.prepare(wanted, key)
        receipt = await world.connector.perform(wanted, prepared, dead_at=time.time() + alive)
        assert isinstance(receipt, Receipt)
        return receipt

    async def found(self, world: CommerceWorld, wanted: AnyEffect) -> bool:
        """Whether a strong read shows the effect, judged as the plan judges it."""
        assert not isinstance(wanted, Decide | DecideUnits | UploadLabel | UploadEvidence | DeskEffect)
        effect = Effect(id="e", wanted=wanted, state=EffectState.SENT, safety=Safety(Repeat.FINDABLE), created_at=0)
        seen = Seen(commerce=await self.read(world, wanted.order_id))
        return shown(effect, Facts("case", "shop", seen, Said(), (effect,), ShopTerms())) is True

    async def search(self, world: CommerceWorld, order_id: str, **more: Any) -> list[Candidate]:
        rungs = [rung async for rung in world.connector.find_order(order_id, int(time.time()) - 60, **more)]
        assert all(rungs)  # an empty rung says nothing
        return [each for rung in rungs for each in rung]

    async def create(self, world: CommerceWorld, order_id: str, units: int = 1) -> CreateReturn:
        order = await self.read(world, order_id)
        reason = next(id for id, handle in await world.connector.reasons() if handle != "unknown")
        lines = (ReturnLine(order.shipped[0].id, units, reason, "Too small"),)
        return CreateReturn(CASE, order_id, lines, requested_at=int(time.time()) - 60)

    async def our_return(self, world: CommerceWorld, order_id: str) -> CommerceReturn:
        found = [each for each in (await self.read(world, order_id)).returns if each.trace == CASE]
        assert len(found) == 1
        return found[0]

    async def booking(self, world: CommerceWorld, order_id: str, minor: int = 709) -> BookRefund:
        order = await self.read(world, order_id)
        sale = next(each for each in order.payments if each.kind in ("sale", "capture") and each.succeeded)
        amount = Money(minor, order.currency)
        return BookRefund(
            CASE, REFUND, order_id, amount, ((order.lines[0].id, 1),), PAID_AT, sale.id, sale.gateway, differs=True
        )

    async def ready(self, world: CommerceWorld, tag: str) -> tuple[str, AnyEffect]:
        """An order brought to where this effect comes next; its id and the effect."""
        order_id = world.order()
        if tag == "stamp_order":
            return order_id, StampOrder(order_id, CHANNEL_ORDER)
        if tag == "book_refund":
            return order_id, await self.booking(world, order_id)
        create = await self.create(world, order_id)
        if tag == "create_return":
            return order_id, create
        await self.do(world, create, "before")
        made = await self.our_return(world, order_id)
        line = made.lines[0]
        if tag == "attach_tracking":
            return order_id, AttachTracking(order_id, made.id, line.reverse_order_id, TRACKING)
        if tag == "update_delivery":
            await self.do(world, AttachTracking(order_id, made.id, line.reverse_order_id, "by mistake"), "number")
            (parcel,) = (await self.our_return(world, order_id)).deliveries
            return order_id, UpdateDelivery(order_id, made.id, parcel.id, TRACKING)
        if tag == "dispose":
            place = (await world.connector.locations())[0][0]
            return order_id, Dispose(
                order_id, made.id, line.reverse_line_id, 1, Disposition.RESTOCK, ("u1",), before=0, location=place
            )
        ends: dict[str, Callable[[str, str], AnyEffect]] = {"close_return": CloseReturn, "cancel_return": CancelReturn}
        return order_id, ends[tag](order_id, made.id)

    def happened(self, world: CommerceWorld, tag: str, order_id: str) -> int:
        """How often the effect is in the books."""
        books = world.books(order_id)
        return {
            "stamp_order": int(books.stamp == CHANNEL_ORDER),
            "create_return": sum(CASE in note for _, _, note in books.returns),
            "attach_tracking": books.tracking.count(TRACKING),
            "update_delivery": books.tracking.count(TRACKING),
            "dispose": books.disposed.count((Disposition.RESTOCK, 1)),
            "book_refund": sum(REFUND in note for _, note, _ in books.refunds),
            "close_return": sum(status == "closed" for status, _, _ in books.returns),
            "cancel_return": sum(status == "cancelled" for status, _, _ in books.returns),
        }[tag]

    # -- what it declares

    def test_the_manifest_says_what_the_code_can(self, world: CommerceWorld) -> None:
        played = {name for name in ABILITIES if isinstance(world.connector, getattr(roles, name))}
        assert played == world.connector.manifest.abilities
        assert bool(world.connector.consent_url("state")) == world.connector.manifest.consent
        assert set(world.connector.manifest.effects) <= {*TAGS, "stage_label"}

    # -- orders

    async def test_an_unknown_order_is_none(self, world: CommerceWorld) -> None:
        order_id = world.order()
        digits = order_id.rpartition("/")[2]
        assert await world.connector.order(order_id.replace(digits, str(int(digits) + 1))) is None

    async def test_an_order_as_it_was_sold(self, world: CommerceWorld) -> None:
        order_id = world.order(units=3)
        order = await self.read(world, order_id)
        assert (order.id, order.returns, order.refunds, order.stamped) == (order_id, (), (), "")
        line, shipped = order.lines[0], order.shipped[0]
        assert (line.quantity, line.refundable, line.unfulfilled) == (3, 3, 0)
        assert (shipped.line_id, shipped.returnable) == (line.id, 3)
        assert line.unit_price is not None
        assert order.refundable is not None
        assert line.unit_tax is not None
        assert order.refundable.minor == 3 * (line.unit_price.minor + line.unit_tax.minor)
        assert [(each.succeeded, each.moves_money) for each in order.payments] == [(True, False)]

    async def test_what_others_did_is_seen(self, world: CommerceWorld) -> None:
        order_id = world.order(units=3)
        world.other_returns(order_id, 1)
        world.other_refunds(order_id, 500)
        order = await self.read(world, order_id)
        assert [(each.trace, each.status, sum(x.quantity for x in each.lines)) for each in order.returns] == [
            ("", "open", 1)
        ]
        assert [(each.trace, each.amount.minor) for each in order.refunds] == [("", 500)]

    async def test_a_gateway_that_moves_money_is_told(self, world: CommerceWorld) -> None:
        order = await self.read(world, world.order(moves_money=True))
        assert [each.moves_money for each in order.payments] == [True]

    async def test_changed_orders(self, world: CommerceWorld) -> None:
        order_id = world.order()
        ids, cursor = await world.connector.changed_orders(int(time.time()) - 60)
        assert order_id in ids
        assert cursor == ""
        assert await world.connector.changed_orders(int(time.time()) + 3_600) == ((), "")

    # -- finding

    async def test_found_in_every_place(self, world: CommerceWorld) -> None:
        assert world.places
        for number, place in enumerate(world.places):
            channel_order_id = str(int(CHANNEL_ORDER) + number)
            order_id = world.order(place=place, channel_order_id=channel_order_id)
            found = await self.search(world, channel_order_id)
            assert [each.order_id for each in found if each.where] == [order_id], place
            assert place in found[0].where

    async def test_found_first_where_it_was_before(self, world: CommerceWorld) -> None:
        for number, place in enumerate(world.places):
            channel_order_id = str(int(CHANNEL_ORDER) + number)
            order_id = world.order(place=place, channel_order_id=channel_order_id)
            found = await self.search(world, channel_order_id, learnt=(place,))
            assert found[0].order_id == order_id, place
            assert place in found[0].where

    async def test_part_of_a_longer_number_is_no_hit(self, world: CommerceWorld) -> None:
        for place in world.places:
            world.order(place=place, channel_order_id=CHANNEL_ORDER + "1")
            world.order(place=place, channel_order_id="1" + CHANNEL_ORDER)
        assert [each for each in await self.search(world, CHANNEL_ORDER) if each.where] == []

    async def test_two_orders_with_the_id_are_both_told(self, world: CommerceWorld) -> None:
        place = world.places[0]
        both = {world.order(place=place, channel_order_id=CHANNEL_ORDER) for _ in range(2)}
        found = await self.search(world, CHANNEL_ORDER)
        assert {each.order_id for each in found if each.where} == both
        assert len(found) == 2
        first = await anext(world.connector.find_order(CHANNEL_ORDER, int(time.time()) - 60))
        assert {each.order_id for each in first} == both

    async def test_an_order_without_an_id_comes_last_and_says_so(self, world: CommerceWorld) -> None:
        without = world.order()
        world.order(place=world.places[-1], channel_order_id=str(int(CHANNEL_ORDER) + 1))
        found = await self.search(world, CHANNEL_ORDER)
        assert [(each.order_id, each.where) for each in found] == [(without, ())]
        assert found[0].skus
        assert found[0].total is not None

    async def test_a_stamp_finds_it_again(self, world: CommerceWorld) -> None:
        order_id, stamp = await self.ready(world, "stamp_order")
        await self.do(world, stamp)
        found = await self.search(world, CHANNEL_ORDER)
        assert found[0].order_id == order_id
        assert (await self.read(world, order_id)).stamped == CHANNEL_ORDER

    # -- effects

    @pytest.mark.parametrize("tag", TAGS)
    async def test_done_once(self, world: CommerceWorld, tag: str) -> None:
        order_id, wanted = await self.ready(world, tag)
        assert self.happened(world, tag, order_id) == 0
        assert not await self.found(world, wanted)
        receipt = await self.do(world, wanted)
        assert receipt.result
        assert self.happened(world, tag, order_id) == 1
        assert await self.found(world, wanted)
        assert world.books(order_id).messages == 0

    @pytest.mark.parametrize("tag", TAGS)
    async def test_repeated_as_declared(self, world: CommerceWorld, tag: str) -> None:
        order_id, wanted = await self.ready(world, tag)
        await self.do(world, wanted)
        if world.connector.manifest.effects[tag].repeat in (Repeat.KEYED, Repeat.REFUSED_IF_DONE):
            await self.do(world, wanted)  # the same bytes; none of these vendors' repeats is refused
        assert self.happened(world, tag, order_id) == 1

    @pytest.mark.parametrize("tag", TAGS)
    async def test_a_lost_answer_is_unknown_and_the_effect_is_found(self, world: CommerceWorld, tag: str) -> None:
        order_id, wanted = await self.ready(world, tag)
        world.lose_next_answer()
        with pytest.raises(OutcomeUnknown):
            await self.do(world, wanted)
        assert self.happened(world, tag, order_id) == 1
        assert await self.found(world, wanted)

    @pytest.mark.parametrize("tag", TAGS)
    async def test_not_carried_out_is_unavailable(self, world: CommerceWorld, tag: str) -> None:
        order_id, wanted = await self.ready(world, tag)
        world.fail_next_call()
        with pytest.raises(Unavailable) as caught:
            await self.do(world, wanted)
        assert caught.value.retry_after is not None
        assert self.happened(world, tag, order_id) == 0
        assert not await self.found(world, wanted)

    @pytest.mark.parametrize("tag", TAGS)
    async def test_nothing_leaves_after_its_time(self, world: CommerceWorld, tag: str) -> None:
        order_id, wanted = await self.ready(world, tag)
        with pytest.raises(Unavailable):
            await self.do(world, wanted, alive=-0.001)
        assert self.happened(world, tag, order_id) == 0

    @pytest.mark.parametrize("tag", TAGS)
    async def test_a_withdrawn_login(self, world: CommerceWorld, tag: str) -> None:
        order_id, wanted = await self.ready(world, tag)
        world.log_out()
        with pytest.raises(NeedsReauth):
            await self.do(world, wanted)
        assert self.happened(world, tag, order_id) == 0

    async def test_a_booking_keeps_books_and_does_nothing_else(self, world: CommerceWorld) -> None:
        order_id = world.order()
        before = (await self.read(world, order_id)).refundable
        await self.do(world, await self.booking(world, order_id))
        books = world.books(order_id)
        assert [(minor, at) for minor, _, at in books.refunds] == [(709, PAID_AT)]
        assert (books.stock_moved, books.money_moved, books.messages) == (0, 0, 0)
        order = await self.read(world, order_id)
        assert [(each.trace, each.amount.minor, each.lines) for each in order.refunds] == [
            (REFUND, 709, ((order.lines[0].id, 1),))
        ]
        assert before is not None
        assert order.refundable == Money(before.minor - 709, before.currency)
        assert order.lines[0].refundable == 1

    async def test_no_booking_on_a_gateway_that_moves_money(self, world: CommerceWorld) -> None:
        order_id = world.order(moves_money=True)
        booking = await self.booking(world, order_id)
        with pytest.raises(Refused):
            world.connector.prepare(booking, "key-1")
        assert world.books(order_id).refunds == []

    async def test_more_than_was_paid_is_refused(self, world: CommerceWorld) -> None:
        order_id = world.order()
        with pytest.raises(Refused) as caught:
            await self.do(world, await self.booking(world, order_id, 999_999))
        assert caught.value.text
        assert world.books(order_id).refunds == []

    async def test_more_than_was_shipped_is_refused(self, world: CommerceWorld) -> None:
        order_id = world.order(units=2)
        with pytest.raises(Refused) as caught:
            await self.do(world, await self.create(world, order_id, units=3))
        assert caught.value.text
        assert world.books(order_id).returns == []

    @pytest.mark.parametrize("disposition", list(Disposition))
    async def test_only_restocking_moves_stock(self, world: CommerceWorld, disposition: Disposition) -> None:
        order_id, wanted = await self.ready(world, "dispose")
        assert isinstance(wanted, Dispose)
        place = wanted.location if disposition is Disposition.RESTOCK else ""
        other = Dispose(
            order_id, wanted.return_id, wanted.reverse_line_id, 1, disposition, ("u1",), before=0, location=place
        )
        await self.do(world, other)
        books = world.books(order_id)
        assert books.disposed == [(disposition, 1)]
        assert books.stock_moved == (1 if disposition is Disposition.RESTOCK else 0)
        line = (await self.our_return(world, order_id)).lines[0]
        assert line.disposed == ((disposition, 1),)

    async def test_a_whole_life(self, world: CommerceWorld) -> None:
        order_id, wanted = await self.ready(world, "attach_tracking")
        await self.do(world, wanted, "tracking")
        made = await self.our_return(world, order_id)
        line = made.lines[0]
        place = (await world.connector.locations())[0][0]
        await self.do(
            world,
            Dispose(order_id, made.id, line.reverse_line_id, 1, Disposition.RESTOCK, ("u1",), before=0, location=place),
            "dispose",
        )
        await self.do(world, await self.booking(world, order_id), "booking")
        await self.do(world, CloseReturn(order_id, made.id), "close")
        order = await self.read(world, order_id)
        assert [(each.status, each.trace, each.tracking) for each in order.returns] == [("closed", CASE, (TRACKING,))]
        assert [each.trace for each in order.refunds] == [REFUND]
        assert (order.lines[0].refundable, order.shipped[0].returnable) == (1, 1)
        books = world.books(order_id)
        assert [status for status, _, _ in books.returns] == ["closed"]
        assert [minor for minor, _, _ in books.refunds] == [709]
        assert (books.tracking, books.disposed) == ([TRACKING], [(Disposition.RESTOCK, 1)])
        assert (books.stock_moved, books.money_moved, books.messages) == (1, 0, 0)

    async def test_the_tracking_number_is_read_back(self, world: CommerceWorld) -> None:
        order_id, wanted = await self.ready(world, "attach_tracking")
        await self.do(world, wanted)
        assert (await self.our_return(world, order_id)).tracking == (TRACKING,)

    async def test_the_labels_file_is_shown_with_the_number(self, world: CommerceWorld) -> None:
        if "stage_label" not in world.connector.manifest.effects:
            return  # this vendor keeps no files
        order_id, wanted = await self.ready(world, "attach_tracking")
        assert isinstance(wanted, AttachTracking)
        stage = StageLabel(order_id, "file", hashlib.sha256(LABEL).hexdigest())
        for _ in range(2):  # harmless to repeat
            prepared = world.connector.prepare(stage, "key", LABEL)
            receipt = await world.connector.perform(stage, prepared, dead_at=time.time() + 60)
        await self.do(world, msgspec.structs.replace(wanted, label_url=receipt.result))
        books = world.books(order_id)
        assert (books.tracking, books.labels, books.messages) == ([TRACKING], [LABEL], 0)
        with pytest.raises(Refused):
            world.connector.prepare(stage, "key", LABEL + b"x")

    async def test_a_label_is_put_on_a_parcel_that_is_there(self, world: CommerceWorld) -> None:
        if "stage_label" not in world.connector.manifest.effects:
            return  # this vendor keeps no files
        order_id, wanted = await self.ready(world, "attach_tracking")
        await self.do(world, wanted)
        (made,) = (await self.read(world, order_id)).returns
        (parcel,) = made.deliveries
        assert (parcel.tracking_number, parcel.labelled) == (TRACKING, False)
        stage = StageLabel(order_id, "file", hashlib.sha256(LABEL).hexdigest())
        prepared = world.connector.prepare(stage, "key", LABEL)
        receipt = await world.connector.perform(stage, prepared, dead_at=time.time() + 60)
        await self.do(world, UpdateDelivery(order_id, made.id, parcel.id, TRACKING, "file", receipt.result), "label")
        (parcel,) = (await self.our_return(world, order_id)).deliveries
        assert (parcel.tracking_number, parcel.labelled) == (TRACKING, True)
        books = world.books(order_id)
        assert (books.tracking, books.labels, books.messages) == ([TRACKING], [LABEL], 0)

    async def test_an_ended_return_is_read_back(self, world: CommerceWorld) -> None:
        for tag, status in (("close_return", "closed"), ("cancel_return", "cancelled")):
            order_id, wanted = await self.ready(world, tag)
            await self.do(world, wanted)
            assert (await self.our_return(world, order_id)).status == status
