"""What every channel connector must do, whoever the vendor is.

A connector's test class inherits :class:`ChannelSuite` and gives a :class:`ChannelStage`: the vendor (a simulator, or a
sandbox) with somebody who plays buyer and carrier in it. Its own books, never the connector's word, say what happened.
"""

from __future__ import annotations

import hashlib
import time
from abc import abstractmethod
from hashlib import sha256
from typing import Any, Protocol

import msgspec
import pytest

from backhaul.domain.by_unit import shown as shown_units
from backhaul.domain.channel import ChannelCase
from backhaul.domain.effects import (
    AnyEffect,
    CloseReturn,
    Decide,
    DecideUnits,
    Image,
    StartCancellation,
    StartReturn,
    UploadEvidence,
    UploadLabel,
)
from backhaul.domain.facts import Facts, Seen
from backhaul.domain.money import Money
from backhaul.domain.said import Said
from backhaul.domain.starts import Start
from backhaul.domain.terms import ShopTerms
from backhaul.domain.words import (
    ANSWERS,
    INSTEAD,
    LEADS_TO,
    REJECTIONS,
    WITH_AMOUNT,
    Action,
    Actor,
    Decision,
    Kind,
    ShippedBy,
    Stage,
)
from backhaul.ports import connector as roles
from backhaul.ports.connector import Prepared
from backhaul.ports.errors import NeedsReauth, OutcomeUnknown, Refused, Unavailable

PDF = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\n%%EOF\n"


class ChannelStage(Protocol):
    """The vendor of a test. Ids are the vendor's."""

    connector: Any

    def request(self, kind: Kind, shipped_by: ShippedBy = ShippedBy.CHANNEL) -> str:
        """A buyer asks for a return or a refund; the id of the case."""
        ...

    def request_cancellation(self) -> str:
        """A buyer asks for a cancellation; its id."""
        ...

    def order_of(self, case_id: str) -> str:
        """The order of a case."""
        ...

    def order(self, status: str = "DELIVERED") -> str:
        """An order without any case; its id."""
        ...

    def pictures(self, case_id: str) -> list[str]:
        """The pictures that our decisions on the case have named."""
        ...

    def ship(self, case_id: str) -> None:
        """The parcel goes on its way."""
        ...

    def deliver(self, case_id: str) -> None:
        """The parcel arrives."""
        ...

    def withdraw(self, case_id: str) -> None:
        """The buyer takes the request back."""
        ...

    def pay(self, case_id: str) -> None:
        """Time passes until the channel has paid."""
        ...

    def tick(self) -> None:
        """A second passes."""
        ...

    def now(self) -> int:
        """The vendor's time."""
        ...

    def decisions(self, case_id: str) -> list[str]:
        """Every decision of ours that the vendor carried out."""
        ...

    def labels(self, case_id: str) -> list[str]:
        """SHA-256 of every document the vendor took for the case."""
        ...

    def paid(self, case_id: str) -> list[tuple[int, str]]:
        """What the vendor paid for the case: minor units and currency."""
        ...

    def lose_next_answer(self) -> None:
        """The next call is carried out, and its answer lost."""
        ...

    def be_busy_once(self) -> None:
        """The next call is refused for load; nothing happens."""
        ...

    def end_cursors(self) -> None:
        """Cursors given out so far are no longer taken."""
        ...

    def withdraw_consent(self) -> None:
        """The owner ends the authorisation."""
        ...


class ChannelSuite:
    """Inherited by the test class of each channel connector."""

    pages_of = 50

    @pytest.fixture
    @abstractmethod
    def stage(self) -> ChannelStage:
        """A vendor with one shop and nothing in it; usually an async generator."""
        raise NotImplementedError

    # ---- the declaration

    async def test_the_manifest_is_what_the_code_can_do(self, stage: ChannelStage) -> None:
        connector = stage.connector
        known = {name: role for name, role in vars(roles).items() if getattr(role, "_is_runtime_protocol", False)}
        played = {name for name, role in known.items() if name != "Connector" and isinstance(connector, role)}
        assert connector.manifest.abilities == played
        assert bool(connector.consent_url("state")) == connector.manifest.consent
        for wanted in (_label(stage.request(Kind.RETURN)), _decide("1", Action.ANSWER_RETURN, Decision.APPROVE_RETURN)):
            tag = wanted.__struct_config__.tag
            assert tag in connector.manifest.effects
            assert connector.prepare(wanted, "key", PDF).body
        with pytest.raises(Refused):
            connector.prepare(CloseReturn("1", "2"), "key")

    # ---- reading

    async def test_a_requested_return_is_read(self, stage: ChannelStage) -> None:
        case = await _read(stage, stage.request(Kind.RETURN, ShippedBy.SELLER))
        assert (case.kind, case.stage, case.started_by) == (Kind.RETURN, Stage.REQUESTED, Actor.BUYER)
        assert case.way_back.shipped_by is ShippedBy.SELLER
        due = case.action_due(Action.ANSWER_RETURN)
        assert due is not None
        assert due.deadline is not None
        assert due.deadline > stage.now()
        assert case.order_id == stage.order_of(case.id)
        assert case.units
        assert case.refund_total is not None
        assert case.refund_total.minor > 0
        assert (case.refunds, case.unread) == ((), {})

    async def test_a_requested_refund_and_a_cancellation_are_read(self, stage: ChannelStage) -> None:
        refund = await _read(stage, stage.request(Kind.REFUND))
        assert (refund.kind, refund.stage) == (Kind.REFUND, Stage.REQUESTED)
        assert refund.action_due(Action.ANSWER_REFUND) is not None
        cancel_id = stage.request_cancellation()
        cancellation = await stage.connector.case("cancellation", cancel_id)
        assert (cancellation.id, cancellation.kind, cancellation.stage) == (
            cancel_id,
            Kind.CANCELLATION,
            Stage.REQUESTED,
        )
        assert cancellation.action_due(Action.ANSWER_CANCELLATION) is not None

    async def test_what_is_not_there_is_none(self, stage: ChannelStage) -> None:
        assert await stage.connector.case("return", "4099999999999999999") is None
        assert await stage.connector.case("cancellation", "4099999999999999999") is None
        assert await stage.connector.order("5799999999999999999") is None

    async def test_the_order_of_a_return(self, stage: ChannelStage) -> None:
        case = await _read(stage, stage.request(Kind.RETURN))
        order = await stage.connector.order(case.order_id)
        assert order.id == case.order_id
        assert order.total is not None
        assert order.total.currency == order.currency
        assert {unit.order_line_id for unit in case.units} <= {line.id for line in order.lines}
        assert await stage.connector.carriers(case.order_id)
        assert isinstance(await stage.connector.external_references(case.order_id), tuple)

    async def test_records_tell_the_story_from_the_beginning(self, stage: ChannelStage) -> None:
        case_id = stage.request(Kind.RETURN)
        stage.tick()
        stage.withdraw(case_id)
        records = await stage.connector.records(case_id)
        assert len(records) == 2
        assert [record.at for record in records] == sorted(record.at for record in records)
        assert {record.actor for record in records} == {Actor.BUYER}

    async def test_changes_come_page_by_page_oldest_first_and_none_is_left_out(self, stage: ChannelStage) -> None:
        since, ids = stage.now(), []
        for _ in range(self.pages_of + 3):
            ids.append(stage.request(Kind.REFUND))
            stage.tick()
        until = stage.now()
        late = stage.request(Kind.REFUND)
        first = await stage.connector.changed("return", since, until)
        assert first.cursor
        rest = await stage.connector.changed("return", since, until, first.cursor)
        assert rest.cursor == ""
        cases = [*first.cases, *rest.cases]
        assert [case.id for case in cases] == ids
        assert [case.updated_at for case in cases] == sorted(case.updated_at for case in cases)
        assert late not in ids
        assert (await stage.connector.changed("cancellation", since, until)).cases == ()

    async def test_a_cursor_that_ended_says_so(self, stage: ChannelStage) -> None:
        since = stage.now()
        for _ in range(self.pages_of + 1):
            stage.request(Kind.REFUND)
        stage.tick()
        page = await stage.connector.changed("return", since, stage.now())
        stage.end_cursors()
        with pytest.raises(Refused) as caught:
            await stage.connector.changed("return", since, stage.now(), page.cursor)
        assert caught.value.code == "cursor_expired"

    async def test_a_paid_return_proves_the_payment_once(self, stage: ChannelStage) -> None:
        case_id = stage.request(Kind.REFUND)
        await _perform(stage, _decide(case_id, Action.ANSWER_REFUND, Decision.APPROVE_REFUND), "k")
        assert (await _read(stage, case_id)).refunds == ()
        stage.pay(case_id)
        case = await _read(stage, case_id)
        assert case.stage is Stage.COMPLETED
        (proof,) = case.refunds
        assert (proof.id, proof.proof) == (case_id, "status")
        assert [(proof.amount.minor, proof.amount.currency)] == stage.paid(case_id)
        assert (await _read(stage, case_id)).refunds == (proof,)

    # ---- deciding

    @pytest.mark.parametrize(
        ("action", "decision"),
        [
            (action, decision)
            for action, decisions in ANSWERS.items()
            for decision in decisions
            if decision is not Decision.BY_UNIT
        ],
    )
    async def test_a_decision_is_offered_carried_out_and_read_back(
        self, stage: ChannelStage, action: Action, decision: Decision
    ) -> None:
        case_id = await _at(stage, action)
        answers = {answer.decision: answer for answer in await stage.connector.answerable(case_id)}
        if decision is not Decision.OFFER_PARTIAL:  # which no channel names beforehand
            assert answers[decision.value].eligible
        band = answers[decision.value].band if decision.value in answers else None
        reason, offer = "", None
        if decision in REJECTIONS:
            reason, text = answers[decision.value].reasons[0]
            assert reason
            assert text
        before, total = stage.decisions(case_id), (await _read(stage, case_id, action)).refund_total
        if decision in WITH_AMOUNT:
            assert total is not None
            offer = band[0] if band else Money(total.minor // 2, total.currency)
        wanted = _decide(case_id, action, decision, reason, offer)
        if decision.value in answers:
            named = answers[decision.value]
            wanted = msgspec.structs.replace(wanted, subject=named.subject, lines=named.lines)
        receipt = await _perform(stage, wanted, "key-1")
        assert receipt.text
        assert len(stage.decisions(case_id)) == len(before) + 1
        case = await _read(stage, case_id, action)
        assert case.stage in LEADS_TO[decision]
        assert case.action_due(action) is None
        assert case.offer == offer
        assert case.paid_instead is (decision in INSTEAD.values())

    async def test_an_answer_for_each_unit(self, stage: ChannelStage) -> None:
        case_id = await _at(stage, Action.JUDGE_PARCEL)
        answers = {answer.decision: answer for answer in await stage.connector.answerable(case_id)}
        named = answers[Decision.BY_UNIT.value]
        units = tuple(sorted(unit.id for unit in (await _read(stage, case_id)).units))
        assert sorted(each.unit for each in named.units) == list(units)
        for each in named.units:
            assert Decision.ACCEPT_PARCEL in each.decisions
            assert each.reasons
            assert each.band is not None
        wanted = DecideUnits(case_id, Action.JUDGE_PARCEL, 1, Decision.ACCEPT_PARCEL, units, named.subject)
        before = len(stage.decisions(case_id))
        stage.lose_next_answer()
        with pytest.raises(OutcomeUnknown):
            await _perform(stage, wanted, "key-1")
        await _perform(stage, wanted, "key-1")  # under its key a repeat is the first answer again
        assert len(stage.decisions(case_id)) == before + 1
        case = await _read(stage, case_id)
        assert case.stage in LEADS_TO[Decision.ACCEPT_PARCEL]
        assert shown_units(wanted, Facts("case", "shop", Seen(channel=case), Said(), (), ShopTerms())) is True

    async def test_the_same_request_again_is_no_second_decision(self, stage: ChannelStage) -> None:
        case_id = stage.request(Kind.RETURN)
        wanted = _decide(case_id, Action.ANSWER_RETURN, Decision.APPROVE_RETURN)
        await _perform(stage, wanted, "key-1")
        try:
            await _perform(stage, wanted, "key-1")
        except Refused:
            pass  # refused when done, or the first answer again: both are safe
        with pytest.raises(Refused):
            await _perform(stage, wanted, "key-2")
        assert len(stage.decisions(case_id)) == 1

    async def test_a_lost_answer_is_unknown_and_a_repeat_does_nothing_twice(self, stage: ChannelStage) -> None:
        case_id = stage.request(Kind.RETURN)
        wanted = _decide(case_id, Action.ANSWER_RETURN, Decision.APPROVE_RETURN)
        stage.lose_next_answer()
        with pytest.raises(OutcomeUnknown):
            await _perform(stage, wanted, "key-1")
        try:
            await _perform(stage, wanted, "key-1")
        except Refused:
            pass
        assert len(stage.decisions(case_id)) == 1
        assert (await _read(stage, case_id)).stage in LEADS_TO[Decision.APPROVE_RETURN]

    async def test_a_busy_vendor_has_done_nothing(self, stage: ChannelStage) -> None:
        case_id = stage.request(Kind.RETURN)
        wanted = _decide(case_id, Action.ANSWER_RETURN, Decision.APPROVE_RETURN)
        stage.be_busy_once()
        with pytest.raises(Unavailable):
            await _perform(stage, wanted, "key-1")
        assert stage.decisions(case_id) == []
        await _perform(stage, wanted, "key-1")
        assert len(stage.decisions(case_id)) == 1

    async def test_nothing_leaves_after_its_time(self, stage: ChannelStage) -> None:
        case_id = stage.request(Kind.RETURN)
        wanted = _decide(case_id, Action.ANSWER_RETURN, Decision.APPROVE_RETURN)
        prepared = stage.connector.prepare(wanted, "key-1")
        with pytest.raises(Unavailable):
            await stage.connector.perform(wanted, prepared, dead_at=time.time() - 0.001)
        assert stage.decisions(case_id) == []

    async def test_a_decision_that_does_not_fit_is_refused(self, stage: ChannelStage) -> None:
        case_id = stage.request(Kind.REFUND)
        with pytest.raises(Refused) as caught:
            await _perform(stage, _decide(case_id, Action.ANSWER_RETURN, Decision.APPROVE_RETURN), "k")
        assert caught.value.code
        assert not caught.value.already
        stage.withdraw(case_id)
        with pytest.raises(Refused):
            await _perform(stage, _decide(case_id, Action.ANSWER_REFUND, Decision.APPROVE_REFUND), "k")
        assert stage.decisions(case_id) == []

    async def test_a_stored_request_is_the_request(self, stage: ChannelStage) -> None:
        case_id = stage.request(Kind.RETURN)
        wanted = _decide(case_id, Action.ANSWER_RETURN, Decision.APPROVE_RETURN)
        prepared = stage.connector.prepare(wanted, "key-1")
        assert prepared == stage.connector.prepare(wanted, "key-1")
        stored = msgspec.msgpack.decode(msgspec.msgpack.encode(prepared), type=Prepared)
        await stage.connector.perform(wanted, stored, dead_at=time.time() + 30)
        assert len(stage.decisions(case_id)) == 1

    # ---- labels

    async def test_a_label_goes_up_once_byte_for_byte(self, stage: ChannelStage) -> None:
        case_id = stage.request(Kind.RETURN, ShippedBy.SELLER)
        await _perform(stage, _decide(case_id, Action.ANSWER_RETURN, Decision.APPROVE_RETURN), "k")
        carrier, name = (await stage.connector.carriers(stage.order_of(case_id)))[0]
        wanted = _label(case_id, carrier)
        await _perform(stage, wanted, "key-1", PDF)
        assert stage.labels(case_id) == [wanted.sha256]
        with pytest.raises(Refused) as caught:
            await _perform(stage, wanted, "key-1", PDF)
        assert caught.value.already
        assert stage.labels(case_id) == [wanted.sha256]
        way_back = (await _read(stage, case_id)).way_back
        assert (way_back.tracking_number, way_back.carrier_id, way_back.carrier_name) == ("BH0001", carrier, name)

    async def test_a_label_whose_answer_was_lost_is_already_there(self, stage: ChannelStage) -> None:
        case_id = stage.request(Kind.RETURN, ShippedBy.SELLER)
        await _perform(stage, _decide(case_id, Action.ANSWER_RETURN, Decision.APPROVE_RETURN), "k")
        carrier, _ = (await stage.connector.carriers(stage.order_of(case_id)))[0]
        wanted = _label(case_id, carrier)
        stage.lose_next_answer()
        with pytest.raises(OutcomeUnknown):
            await _perform(stage, wanted, "key-1", PDF)
        with pytest.raises(Refused) as caught:
            await _perform(stage, wanted, "key-1", PDF)
        assert caught.value.already
        assert len(stage.labels(case_id)) == 1

    async def test_a_label_that_is_no_pdf_never_leaves(self, stage: ChannelStage) -> None:
        wanted = _label(stage.request(Kind.RETURN, ShippedBy.SELLER), content=b"GIF89a")
        with pytest.raises(Refused):
            stage.connector.prepare(wanted, "k", b"GIF89a")

    async def test_a_rejection_names_the_pictures_that_were_uploaded_for_it(self, stage: ChannelStage) -> None:
        case_id = stage.request(Kind.REFUND)
        wanted = evidence(case_id)
        receipt = await _perform(stage, wanted, "key-1", PICTURE)
        assert receipt.result
        again = await _perform(stage, wanted, "key-1", PICTURE)  # harmless: one of the two is named
        answers = await stage.connector.answerable(case_id)
        reason = next(each for each in answers if each.decision == Decision.REJECT_REFUND).reasons[0][0]
        rejection = Decide(
            case_id, Action.ANSWER_REFUND, 1, Decision.REJECT_REFUND, reason,
            images=(Image(again.result, "image/png", 640, 480),),
        )  # fmt: skip
        await _perform(stage, rejection, "key-2")
        assert stage.pictures(case_id) == [again.result]

    async def test_a_picture_that_is_not_the_chosen_one_never_leaves(self, stage: ChannelStage) -> None:
        with pytest.raises(Refused):
            stage.connector.prepare(evidence(stage.request(Kind.REFUND)), "k", PICTURE + b"x")

    # ---- cases of the seller

    async def test_the_seller_starts_a_case_once_per_key(self, stage: ChannelStage) -> None:
        order_id = stage.order()
        (found, *_) = await stage.connector.startable(order_id, Kind.REFUND)
        assert found.eligible
        assert found.lines
        start = Start(Kind.REFUND, order_id, "ann", stage.now(), reason_key=found.reasons[0][0])
        total = await stage.connector.quote(start)
        assert total.minor > 0
        wanted = StartReturn(order_id, Kind.REFUND, (), start.reason_key)
        stage.lose_next_answer()
        with pytest.raises(OutcomeUnknown):
            await _perform(stage, wanted, "key-1")
        receipt = await _perform(stage, wanted, "key-1")
        (only,) = await stage.connector.cases_of("return", order_id)
        assert (only.id, only.kind, only.started_by) == (receipt.result, Kind.REFUND, Actor.SELLER)
        assert only.refund_total == total

    async def test_the_seller_starts_a_part_of_what_could_be_refunded(self, stage: ChannelStage) -> None:
        order_id = stage.order()
        (found, *_) = await stage.connector.startable(order_id, Kind.REFUND)
        start = Start(Kind.REFUND, order_id, "ann", stage.now(), found.lines[:1], found.reasons[0][0])
        total = await stage.connector.quote(start)
        part = Money(total.minor // 2, total.currency)
        wanted = StartReturn(order_id, Kind.REFUND, start.lines, start.reason_key, part)
        receipt = await _perform(stage, wanted, "key-1")
        case = await _read(stage, receipt.result)
        assert case.refund_total == part
        assert [unit.order_line_id for unit in case.units] == list(start.lines)
        with pytest.raises(Refused):
            await _perform(stage, StartReturn(order_id, Kind.REFUND, start.lines, start.reason_key, total + part), "k2")

    async def test_the_seller_cancels_what_is_not_shipped(self, stage: ChannelStage) -> None:
        order_id = stage.order("AWAITING_SHIPMENT")
        (found, *_) = await stage.connector.startable(order_id, Kind.CANCELLATION)
        receipt = await _perform(stage, StartCancellation(order_id, (), found.reasons[0][0]), "key-1")
        (only,) = await stage.connector.cases_of("cancellation", order_id)
        assert (only.id, only.kind) == (receipt.result, Kind.CANCELLATION)
        (late, *_) = await stage.connector.startable(stage.order("DELIVERED"), Kind.CANCELLATION)
        assert not late.eligible
        assert late.code
        assert late.text

    # ---- log-in

    async def test_a_withdrawn_consent_needs_a_new_one(self, stage: ChannelStage) -> None:
        case_id = stage.request(Kind.RETURN)
        stage.withdraw_consent()
        with pytest.raises(NeedsReauth):
            await stage.connector.case("return", case_id)
        with pytest.raises(NeedsReauth):
            await _perform(stage, _decide(case_id, Action.ANSWER_RETURN, Decision.APPROVE_RETURN), "k")
        assert stage.decisions(case_id) == []


PICTURE = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x02\x80\x00\x00\x01\xe0\x08\x02\x00\x00\x00"


def evidence(case_id: str) -> UploadEvidence:
    return UploadEvidence(case_id, "file", hashlib.sha256(PICTURE).hexdigest(), "torn.png", "image/png")


async def _read(stage: ChannelStage, case_id: str, action: Action | None = None) -> ChannelCase:
    case = await stage.connector.case("cancellation" if action is Action.ANSWER_CANCELLATION else "return", case_id)
    assert isinstance(case, ChannelCase)
    assert case.id == case_id
    return case


async def _at(stage: ChannelStage, action: Action) -> str:
    """A case that waits for this action."""
    kinds = {
        Action.ANSWER_REFUND: Kind.REFUND,
        Action.ANSWER_REPLACEMENT: Kind.REPLACEMENT,
        Action.ANSWER_EXCHANGE: Kind.EXCHANGE,
    }
    if action is Action.ANSWER_CANCELLATION:
        return stage.request_cancellation()
    case_id = stage.request(kinds.get(action, Kind.RETURN))
    if action is Action.JUDGE_PARCEL:
        await _perform(stage, _decide(case_id, Action.ANSWER_RETURN, Decision.APPROVE_RETURN), "k")
        stage.ship(case_id)
        assert (await _read(stage, case_id)).stage is Stage.SHIPPED
        stage.deliver(case_id)
    assert (await _read(stage, case_id)).action_due(action) is not None
    return case_id


async def _perform(stage: ChannelStage, wanted: AnyEffect, key: str, file: bytes | None = None) -> Any:
    prepared = stage.connector.prepare(wanted, f"{wanted.target}/{key}", file)
    return await stage.connector.perform(wanted, prepared, dead_at=time.time() + 30)


def _decide(case_id: str, action: Action, decision: Decision, reason: str = "", offer: Money | None = None) -> Decide:
    return Decide(case_id, action, 1, decision, reason, "Not as agreed" if reason else "", offer)


def _label(case_id: str, carrier: str = "1", content: bytes = PDF) -> UploadLabel:
    return UploadLabel(case_id, "file-1", sha256(content).hexdigest(), "BH0001", carrier)
