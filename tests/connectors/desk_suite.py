"""What every desk connector must do, over real HTTP against its simulated vendor.

A connector's test class inherits :class:`DeskSuite` and gives a :class:`DeskStage`: the vendor with somebody who plays
the desk's staff in it. Its own books, never the connector's word, say what happened.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
import pytest

from backhaul.domain.desk import DeskOffer, DeskReturn, DeskState
from backhaul.domain.desk_effects import (
    CancelDeskReturn,
    CloseDeskReturn,
    DeskEffect,
    DeskLineWanted,
    NoteDeskReturn,
    OpenDeskReturn,
    ProcessDeskReturn,
    RequestDeskLabel,
)
from backhaul.domain.effects import AnyEffect, CloseReturn, Effect, EffectState, Repeat
from backhaul.domain.facts import Facts, Seen
from backhaul.domain.ledger import shown
from backhaul.domain.reasons import DeskReason
from backhaul.domain.said import Said
from backhaul.domain.terms import ShopTerms
from backhaul.ports import connector as roles
from backhaul.ports.connector import Prepared, Receipt
from backhaul.ports.errors import NeedsReauth, OutcomeUnknown, Refused, Unavailable

CASE = "4035318504086604100"
NOTE = "TikTok Shop accepted the return."
ON_A_RETURN: Mapping[str, type[Any]] = {
    "process_desk_return": ProcessDeskReturn,
    "close_desk_return": CloseDeskReturn,
    "cancel_desk_return": CancelDeskReturn,
    "request_desk_label": RequestDeskLabel,
    "note_desk_return": NoteDeskReturn,
}
TAGS = ("open_desk_return", *ON_A_RETURN)


@dataclass(frozen=True)
class Sold:
    """An order of one line: how the commerce connector names it, and what the desk looks it up by."""

    id: str
    name: str
    secondary: str
    line_id: str
    sku: str
    units: int


@dataclass
class Books:
    """What really happened to the returns of one order: their state and units, money, labels, notes."""

    returns: list[tuple[str, str, int]]  # (id, state, units)
    reasons: list[tuple[str, str, str]]  # (parent, child, outcome) of every unit
    refunds: list[int]  # minor units
    labels: int
    notes: list[str]


class DeskStage(Protocol):
    """The vendor of a test."""

    connector: Any

    async def order(self, units: int = 1) -> Sold:
        """An order with so many delivered units of one line."""
        ...

    def secondary(self, order_name: str) -> str:
        """What the desk asks for beside the name of an order."""
        ...

    def reason(self) -> DeskReason:
        """A reason that the desk knows, parent and child."""
        ...

    def books(self, sold: Sold) -> Books:
        """The vendor's own books about an order."""
        ...

    def by_staff(self, sold: Sold) -> str:
        """The desk's staff opens a return for one unit; its id."""
        ...

    def staff(self, return_id: str, act: str) -> None:
        """The staff does something to a return: ``flag``, ``close``, ``cancel``, ``grade``."""
        ...

    def pass_time(self, seconds: float) -> None:
        """Time passes; what is queued gets done."""
        ...

    def now(self) -> int:
        """The vendor's time."""
        ...

    def lose_next_answer(self, tag: str) -> None:
        """The next call of this effect that counts is carried out, and its answer lost."""
        ...

    def be_busy_once(self) -> None:
        """The next call is refused for load; nothing happens."""
        ...

    def end_key(self) -> None:
        """The owner deletes the credentials."""
        ...

    async def told(self, since: int = 0) -> list[tuple[bytes, dict[str, str]]]:
        """Webhooks that arrived at our address, with lower-case header names."""
        ...

    def address(self) -> str:
        """Where webhooks can reach us."""
        ...

    def subscriptions(self) -> list[tuple[str, str]]:
        """(trigger, address) of all subscriptions that are active."""
        ...

    def subscribe_other(self, address: str) -> None:
        """Somebody else has a subscription."""
        ...


class DeskSuite:
    """Inherited by the test class of each desk connector; its module gives the fixture ``stage``."""

    # -- helpers

    def wanted(self, stage: DeskStage, sold: Sold, units: int = 1, reason: DeskReason | None = None) -> OpenDeskReturn:
        chosen = reason or stage.reason()
        line = DeskLineWanted(sold.line_id, sold.sku, units, chosen.parent, chosen.child)
        return OpenDeskReturn(CASE, sold.id, sold.name, (line,), note="Too small, says the buyer")

    def prepared(self, stage: DeskStage, wanted: AnyEffect) -> Prepared:
        secondary = stage.secondary(wanted.order_name).encode() if isinstance(wanted, OpenDeskReturn) else None
        made: Prepared = stage.connector.prepare(wanted, "key-1", secondary)
        return made

    async def do(self, stage: DeskStage, wanted: AnyEffect, alive: float = 60.0) -> Receipt:
        prepared = self.prepared(stage, wanted)
        again = msgspec.msgpack.decode(msgspec.msgpack.encode(prepared), type=roles.Prepared)  # as it is committed
        receipt = await stage.connector.perform(wanted, again, dead_at=time.time() + alive)
        assert isinstance(receipt, Receipt)
        return receipt

    async def opened(self, stage: DeskStage, sold: Sold, units: int = 1) -> str:
        return (await self.do(stage, self.wanted(stage, sold, units))).result

    async def read(self, stage: DeskStage, return_id: str) -> DeskReturn:
        found = await stage.connector.desk_return(return_id)
        assert isinstance(found, DeskReturn)
        return found

    async def ready(self, stage: DeskStage, tag: str) -> tuple[Sold, DeskEffect]:
        """An order brought to where this effect comes next."""
        sold = await stage.order()
        if tag == "open_desk_return":
            return sold, self.wanted(stage, sold)
        return_id = await self.opened(stage, sold)
        if tag == "note_desk_return":
            return sold, NoteDeskReturn(return_id, "accepted", NOTE)
        effect: DeskEffect = ON_A_RETURN[tag](return_id)
        return sold, effect

    async def found(self, stage: DeskStage, sold: Sold, wanted: DeskEffect) -> bool | None:
        """Whether a strong read shows the effect, judged as the plan judges it."""
        if isinstance(wanted, OpenDeskReturn):
            standing = await stage.connector.desk_returns(sold.name)
            record = standing[0] if standing else None
        else:
            record = await stage.connector.desk_return(wanted.return_id)
        safety = stage.connector.manifest.effects[wanted.__struct_config__.tag]
        effect = Effect(id="e", wanted=wanted, state=EffectState.SENT, safety=safety, created_at=0)
        return shown(effect, Facts("case", "shop", Seen(desk=record), Said(), (effect,), ShopTerms()))

    def happened(self, stage: DeskStage, tag: str, sold: Sold) -> int:
        """How often the effect is in the books."""
        books = stage.books(sold)
        return {
            "open_desk_return": len(books.returns),
            "process_desk_return": len(books.refunds),
            "close_desk_return": sum(state == "closed" for _, state, _ in books.returns) - len(books.refunds),
            "cancel_desk_return": sum(state == "cancelled" for _, state, _ in books.returns),
            "request_desk_label": books.labels,
            "note_desk_return": books.notes.count(NOTE),
        }[tag]

    # -- what it declares

    async def test_the_manifest_is_what_the_code_can_do(self, stage: DeskStage) -> None:
        connector = stage.connector
        known = {name: role for name, role in vars(roles).items() if getattr(role, "_is_runtime_protocol", False)}
        played = {name for name, role in known.items() if name != "Connector" and isinstance(connector, role)}
        assert connector.manifest.abilities == played
        assert bool(connector.consent_url("state")) == connector.manifest.consent
        assert set(connector.manifest.effects) == set(TAGS)
        with pytest.raises(Refused):
            connector.prepare(CloseReturn("1", "2"), "key")

    async def test_a_request_is_the_same_however_often_it_is_prepared(self, stage: DeskStage) -> None:
        for tag in TAGS:
            _, wanted = await self.ready(stage, tag)
            assert self.prepared(stage, wanted) == self.prepared(stage, wanted)

    async def test_an_id_of_another_form_reaches_no_address(self, stage: DeskStage) -> None:
        for return_id in ("", "../1", "1/process", "1?x=2", "٣"):
            with pytest.raises(Refused):
                stage.connector.prepare(ProcessDeskReturn(return_id), "key")

    # -- reading

    async def test_what_is_not_there_is_none(self, stage: DeskStage) -> None:
        assert await stage.connector.desk_return("1") is None
        assert await stage.connector.desk_returns("#no-such-order") == ()
        sold = await stage.order()
        assert await stage.connector.desk_returns(sold.name) == ()

    async def test_a_return_of_the_staff_is_read_by_its_id_and_by_its_order(self, stage: DeskStage) -> None:
        sold = await stage.order(2)
        return_id = stage.by_staff(sold)
        found = await self.read(stage, return_id)
        assert (found.id, found.state, found.processed) == (return_id, DeskState.OPEN, False)
        assert (found.order_id, found.order_name, found.unread) == (sold.id, sold.name, {})
        assert [(line.line_id, line.sku, line.outcome) for line in found.lines] == [(sold.line_id, sold.sku, "refund")]
        assert found.total is not None
        assert found.total.minor > 0
        assert abs(found.created_at - stage.now()) <= 60
        (standing,) = await stage.connector.desk_returns(sold.name)
        assert msgspec.structs.replace(standing, notes=found.notes) == found

    async def test_all_returns_of_an_order_are_seen(self, stage: DeskStage) -> None:
        sold = await stage.order(3)
        ids = {stage.by_staff(sold) for _ in range(3)}
        stage.staff(sorted(ids)[0], "flag")
        stage.staff(sorted(ids)[1], "cancel")
        standing = await stage.connector.desk_returns(sold.name)
        assert {each.id for each in standing} == ids
        assert {each.state for each in standing} == {DeskState.REVIEW, DeskState.CANCELLED, DeskState.OPEN}

    async def test_what_the_staff_finds_is_read(self, stage: DeskStage) -> None:
        return_id = stage.by_staff(await stage.order())
        stage.staff(return_id, "grade")
        (line,) = (await self.read(stage, return_id)).lines
        assert line.returned
        assert line.condition
        assert line.disposition

    async def test_changes_of_every_state_are_told_page_by_page(self, stage: DeskStage) -> None:
        early = stage.by_staff(await stage.order())
        stage.pass_time(3600)
        since = stage.now()
        expected = {}
        for act in ("", "close", "cancel", "flag"):
            sold = await stage.order()
            return_id = stage.by_staff(sold)
            if act:
                stage.staff(return_id, act)
            expected[return_id] = sold.id
        stage.pass_time(5)
        found, cursor = {}, ""
        for _ in range(20):
            page, cursor = await stage.connector.changed_desk_returns(since, stage.now(), cursor)
            found.update(dict(page))
            if not cursor:
                break
        assert cursor == ""
        assert found == expected
        assert early not in found
        with pytest.raises(Refused) as caught:
            await stage.connector.changed_desk_returns(since, stage.now(), "nonsense")
        assert caught.value.code == "cursor_expired"

    async def test_a_long_absence_is_read_in_pieces(self, stage: DeskStage) -> None:
        since = stage.now()
        ids = set()
        for _ in range(2):
            ids.add(stage.by_staff(await stage.order()))
            stage.pass_time(15 * 86_400)
        found, cursor = set(), ""
        for _ in range(40):
            page, cursor = await stage.connector.changed_desk_returns(since - 300 * 86_400, stage.now(), cursor)
            found |= {return_id for return_id, _ in page}
            if not cursor:
                break
        assert cursor == ""
        assert found == ids

    # -- opening

    async def test_the_offer_names_lines_and_reasons_and_leaves_nothing(self, stage: DeskStage) -> None:
        sold = await stage.order(2)
        offer = await stage.connector.desk_offer(sold.name, sold.secondary)
        assert isinstance(offer, DeskOffer)
        assert offer.lines == ((sold.line_id, 2),)
        assert stage.reason() in offer.reasons
        assert len(set(offer.reasons)) == len(offer.reasons)
        assert stage.books(sold).returns == []

    async def test_an_order_that_the_desk_does_not_know_is_refused(self, stage: DeskStage) -> None:
        sold = await stage.order()
        with pytest.raises(Refused):
            await stage.connector.desk_offer("#no-such-order", sold.secondary)
        with pytest.raises(Refused):
            await stage.connector.desk_offer(sold.name, "00000")

    @pytest.mark.parametrize("units", [1, 2])
    async def test_a_return_is_opened_for_a_refund(self, stage: DeskStage, units: int) -> None:
        sold = await stage.order(3)
        receipt = await self.do(stage, self.wanted(stage, sold, units))
        books = stage.books(sold)
        assert books.returns == [(receipt.result, "open", units)]
        reason = stage.reason()
        assert books.reasons == [(reason.parent, reason.child, "refund")] * units
        found = await self.read(stage, receipt.result)
        assert [(line.parent_reason, line.reason) for line in found.lines] == [(reason.parent, reason.child)] * units
        assert (books.refunds, found.processed) == ([], False)

    async def test_a_reason_that_the_desk_does_not_have_is_refused_with_the_nearest(self, stage: DeskStage) -> None:
        sold = await stage.order()
        known = stage.reason()
        for reason in (DeskReason(known.parent, known.child.upper()), DeskReason(known.parent), DeskReason("?", "?")):
            with pytest.raises(Refused) as caught:
                await self.do(stage, self.wanted(stage, sold, reason=reason))
            assert caught.value.code == "unknown_reason"
            assert "Policy page" in caught.value.text
        with pytest.raises(Refused, match=f"nearest is “{known}”"):
            await self.do(stage, self.wanted(stage, sold, reason=DeskReason(known.parent, known.child.upper())))
        assert stage.books(sold).returns == []

    async def test_a_line_that_is_not_on_the_order_is_refused(self, stage: DeskStage) -> None:
        sold, other = await stage.order(), await stage.order()
        wanted = self.wanted(stage, sold)
        line = msgspec.structs.replace(wanted.lines[0], line_id=other.line_id + "9", sku="NO-SUCH")
        with pytest.raises(Refused):
            await self.do(stage, msgspec.structs.replace(wanted, lines=(line,)))
        assert stage.books(sold).returns == []

    async def test_units_are_taken_back_once(self, stage: DeskStage) -> None:
        sold = await stage.order()
        first = stage.by_staff(sold)
        with pytest.raises(Refused) as caught:
            await self.opened(stage, sold)
        assert caught.value.already  # a look shows whose return it is
        assert await self.found(stage, sold, self.wanted(stage, sold)) is True
        assert [each[0] for each in stage.books(sold).returns] == [first]
        stage.staff(first, "cancel")
        await self.opened(stage, sold)
        assert sorted(state for _, state, _ in stage.books(sold).returns) == ["cancelled", "open"]

    # -- acting

    async def test_processing_pays_in_the_end(self, stage: DeskStage) -> None:
        sold = await stage.order()
        return_id = await self.opened(stage, sold)
        before = await self.read(stage, return_id)
        await self.do(stage, ProcessDeskReturn(return_id))
        stage.pass_time(60)
        after = await self.read(stage, return_id)
        assert (after.state, after.processed) == (DeskState.CLOSED, True)
        assert after.processed_at is not None
        assert before.total is not None
        assert stage.books(sold).refunds == [before.total.minor]

    async def test_closing_pays_nothing_and_cancelling_gives_the_units_back(self, stage: DeskStage) -> None:
        sold = await stage.order(2)
        closed, cancelled = await self.opened(stage, sold), await self.opened(stage, sold)
        await self.do(stage, CloseDeskReturn(closed))
        await self.do(stage, CancelDeskReturn(cancelled))
        stage.pass_time(60)
        first, second = await self.read(stage, closed), await self.read(stage, cancelled)
        assert (first.state, first.processed) == (DeskState.CLOSED, False)
        assert (second.state, second.processed) == (DeskState.CANCELLED, False)
        assert stage.books(sold).refunds == []
        assert (await stage.connector.desk_offer(sold.name, sold.secondary)).lines == ((sold.line_id, 1),)

    async def test_what_is_held_for_review_is_not_processed(self, stage: DeskStage) -> None:
        sold = await stage.order()
        return_id = await self.opened(stage, sold)
        stage.staff(return_id, "flag")
        assert (await self.read(stage, return_id)).state is DeskState.REVIEW
        with pytest.raises(Refused) as caught:
            await self.do(stage, ProcessDeskReturn(return_id))
        assert not caught.value.already
        assert stage.books(sold).refunds == []

    async def test_a_label_is_made_and_its_file_fetched(self, stage: DeskStage) -> None:
        sold = await stage.order()
        return_id = await self.opened(stage, sold)
        assert (await self.read(stage, return_id)).labels == ()
        await self.do(stage, RequestDeskLabel(return_id))
        stage.pass_time(60)
        (label,) = (await self.read(stage, return_id)).labels
        assert label.tracking_number
        assert label.carrier
        assert (await stage.connector.label_file(label.url)).startswith(b"%PDF")
        with pytest.raises(Refused):
            await stage.connector.label_file(label.url.replace(".pdf", "x.pdf"))

    async def test_a_note_is_read_back(self, stage: DeskStage) -> None:
        sold, wanted = await self.ready(stage, "note_desk_return")
        assert await self.found(stage, sold, wanted) is False
        await self.do(stage, wanted)
        assert await self.found(stage, sold, wanted) is True
        assert stage.books(sold).notes == [NOTE]

    # -- what goes wrong

    @pytest.mark.parametrize("tag", TAGS)
    async def test_a_lost_answer(self, stage: DeskStage, tag: str) -> None:
        sold, wanted = await self.ready(stage, tag)
        stage.lose_next_answer(tag)
        with pytest.raises(OutcomeUnknown):
            await self.do(stage, wanted)
        safety = stage.connector.manifest.effects[tag]
        stage.pass_time(safety.settle_s)
        assert await self.found(stage, sold, wanted) is True
        assert self.happened(stage, tag, sold) == 1
        if safety.repeat is Repeat.REFUSED_IF_DONE:
            with pytest.raises(Refused):
                await self.do(stage, wanted)
            stage.pass_time(safety.settle_s)
            assert self.happened(stage, tag, sold) == 1

    @pytest.mark.parametrize("tag", TAGS)
    async def test_busy_means_not_done(self, stage: DeskStage, tag: str) -> None:
        sold, wanted = await self.ready(stage, tag)
        stage.be_busy_once()
        with pytest.raises(Unavailable):
            await self.do(stage, wanted)
        stage.pass_time(60)
        assert self.happened(stage, tag, sold) == 0
        await self.do(stage, wanted)
        stage.pass_time(60)
        assert self.happened(stage, tag, sold) == 1

    @pytest.mark.parametrize("tag", TAGS)
    async def test_nothing_leaves_after_its_time(self, stage: DeskStage, tag: str) -> None:
        sold, wanted = await self.ready(stage, tag)
        with pytest.raises(Unavailable):
            await self.do(stage, wanted, alive=-1)
        stage.pass_time(60)
        assert self.happened(stage, tag, sold) == 0

    @pytest.mark.parametrize("tag", ["process_desk_return", "close_desk_return", "cancel_desk_return"])
    async def test_already_done_by_staff(self, stage: DeskStage, tag: str) -> None:
        sold, wanted = await self.ready(stage, tag)
        assert not isinstance(wanted, OpenDeskReturn)
        stage.staff(wanted.return_id, "cancel" if tag == "cancel_desk_return" else "close")
        with pytest.raises(Refused) as caught:
            await self.do(stage, wanted)
        assert caught.value.already  # whether on our terms, a read tells
        assert await self.found(stage, sold, wanted) is (None if tag == "process_desk_return" else True)
        assert stage.books(sold).refunds == []

    async def test_a_return_that_is_not_there_is_refused(self, stage: DeskStage) -> None:
        for kind in (ProcessDeskReturn, CloseDeskReturn, CancelDeskReturn, RequestDeskLabel):
            with pytest.raises(Refused) as caught:
                await self.do(stage, kind("1"))
            assert not caught.value.already

    async def test_a_login_that_ended(self, stage: DeskStage) -> None:
        sold, wanted = await self.ready(stage, "process_desk_return")
        stage.end_key()
        with pytest.raises(NeedsReauth):
            await self.do(stage, wanted)
        with pytest.raises(NeedsReauth):
            await stage.connector.desk_returns(sold.name)
        with pytest.raises(NeedsReauth):
            await stage.connector.desk_offer(sold.name, sold.secondary)
        with pytest.raises(NeedsReauth):
            await stage.connector.exchange("")
        assert stage.books(sold).refunds == []

    # -- login and webhooks

    async def test_the_login(self, stage: DeskStage) -> None:
        connector = stage.connector
        tokens = await connector.exchange("")
        assert connector.manifest.missing(tokens.scopes) == ()
        assert tokens.account
        (info,) = await connector.shops()
        assert info.name
        assert info.id == tokens.account

    async def test_subscriptions_are_asked_for_once_and_move_with_us(self, stage: DeskStage) -> None:
        address = stage.address()
        before = address.replace("/hooks/", "/before/hooks/")
        stage.subscribe_other("http://127.0.0.1:9/other")
        assert await stage.connector.subscribe(before) == ()
        assert await stage.connector.subscribe(before) == ()
        wanted = {(trigger, before) for trigger in stage.connector.manifest.webhooks}
        ours = [each for each in stage.subscriptions() if each[1] == before]
        assert (set(ours), len(ours)) == (wanted, len(wanted))
        assert await stage.connector.subscribe(address) == ()
        addresses = [where for _, where in stage.subscriptions()]
        assert addresses.count(before) == 0
        assert addresses.count(address) == len(wanted)
        assert addresses.count("http://127.0.0.1:9/other") == 1

    async def test_what_happens_is_told_and_verified(self, stage: DeskStage) -> None:
        assert await stage.connector.subscribe(stage.address()) == ()
        sold = await stage.order()
        return_id = stage.by_staff(sold)
        letters = await stage.told()
        assert letters
        for raw, headers in letters:
            assert stage.connector.verify(raw, headers)
            assert not stage.connector.verify(raw + b" ", headers)
            assert not stage.connector.verify(raw, {})
            news = stage.connector.news(raw, headers)
            assert (news.subjects, news.order_id, news.drift) == ((("desk_return", return_id),), sold.id, "")
        deliveries = [stage.connector.news(raw, headers).delivery for raw, headers in letters]
        stage.staff(return_id, "flag")
        later = [stage.connector.news(raw, headers).delivery for raw, headers in await stage.told(len(letters))]
        assert later
        assert not set(later) & set(deliveries)
