from __future__ import annotations

from typing import Any

import pytest

from backhaul.domain.commerce import CommerceDelivery, CommerceOrder, ShippedLine
from backhaul.domain.effects import (
    AttachTracking,
    CancelReturn,
    CloseReturn,
    CreateReturn,
    EffectState,
    ReturnLine,
    StageLabel,
    StampOrder,
    UpdateDelivery,
)
from backhaul.domain.facts import Link, LinkState
from backhaul.domain.policy import Policy
from backhaul.domain.records import RETRY_MATCH
from backhaul.domain.said import Asked, Label, Said
from backhaul.domain.steps import Look, Plan, Source
from backhaul.domain.words import APPROVED, Decision, Disposition, Kind, Stage
from tests.domain.build import (
    CASE,
    DAY,
    GID,
    LIVE,
    NOW,
    OPENED,
    ORDER,
    RETURN,
    booking,
    case,
    change,
    commerce,
    decide,
    effect,
    facts,
    paid,
    planned,
    record,
    shipped,
    terms,
    troubles,
    writes,
    written,
)

COMING = case(Stage.AWAITING_SHIPMENT)
UNITS = tuple(unit.id for unit in COMING.units)
TWO = (ReturnLine("F1", 1, "R2", "no_need"), ReturnLine("F2", 1, "R2", "no_need"))
RESTOCKED = dict.fromkeys(("L1", "L2"), ((Disposition.RESTOCK, 1),))


def sources(made: Plan) -> list[Source]:
    return [step.source for step in made.steps if isinstance(step, Look)]


# -- finding the order


def test_the_way_to_the_order() -> None:
    assert Source.ORDER in sources(planned(facts(COMING, order=None)))
    assert sources(planned(facts(COMING, None, link=Link()))) == [Source.MATCH]
    assert sources(planned(facts(COMING, None))) == [Source.COMMERCE]
    assert sources(planned(facts(COMING, heard_commerce=1))) == [Source.COMMERCE]
    assert sources(planned(facts(COMING, commerce_at=NOW - DAY - 1))) == [Source.COMMERCE]
    assert not sources(planned(facts(COMING)))


@pytest.mark.parametrize("tries", [1, 3, 4, 5, 9])
@pytest.mark.parametrize("state", [LinkState.MISSING, LinkState.AMBIGUOUS])
def test_a_missing_order_is_searched_at_growing_distances_and_shown_meanwhile(state: LinkState, tries: int) -> None:
    gap = RETRY_MATCH[min(tries, len(RETRY_MATCH)) - 1]
    link = Link(state, tried_at=NOW, tries=tries)
    waiting = planned(facts(COMING, None, link=link, commerce_heard=0))
    assert (sources(waiting), troubles(waiting)) == ([], {"order"})
    assert waiting.wake_at == NOW + min(gap, DAY)
    assert waiting.troubles[0].waits_on == ("order", ORDER)
    again = planned(facts(COMING, None, link=link, commerce_heard=0, channel_at=NOW + gap), now=NOW + gap)
    assert sources(again) == [Source.MATCH]


def test_a_person_and_the_arrival_of_an_order_wake_the_search() -> None:
    link = Link(LinkState.MISSING, tried_at=NOW, tries=5)
    asked = Said(retries={"look:match": Asked(2, NOW)})
    assert sources(planned(facts(COMING, None, link=link, commerce_heard=0, said=asked))) == [Source.MATCH]
    assert not sources(planned(facts(COMING, None, link=link, commerce_heard=0, said=asked, looked={"match": 2})))
    linked = Said(linked="gid://shop/Order/9", linked_by="ann")
    assert sources(planned(facts(COMING, None, link=link, commerce_heard=0, said=linked))) == [Source.MATCH]
    assert sources(planned(facts(COMING, said=linked))) == [Source.MATCH], "a person's word goes above the search"


@pytest.mark.parametrize("kind", [Kind.CANCELLATION, Kind.REPLACEMENT, Kind.EXCHANGE, Kind.UNKNOWN])
def test_kinds_without_a_counterpart_search_for_none(kind: Kind) -> None:
    made = planned(facts(case(kind=kind), None, link=Link()))
    assert not sources(made)
    assert made.lanes["records"].state == "not_needed"


def test_history_reads_nothing() -> None:
    old = case(Stage.COMPLETED, created_at=LIVE - DAY, updated_at=LIVE - 1)
    assert not planned(facts(old, None, link=Link(), order=None)).steps


# -- the stamp


def test_the_order_is_stamped_once_and_never_over_anothers_mark() -> None:
    assert written(planned(facts(case(), commerce(stamped=""))), StampOrder) == StampOrder(GID, ORDER)
    assert not writes(planned(facts(case())))
    others = facts(COMING, commerce(stamped="999"))
    assert (writes(planned(others)), troubles(planned(others))) == ([], {"stamped"})
    meant = facts(COMING, commerce(stamped="999"), said=Said(linked=GID, linked_by="ann"))
    assert [type(wanted) for wanted in writes(planned(meant))] == [CreateReturn]


# -- create


@pytest.mark.parametrize("stage", Stage)
def test_a_return_is_written_only_after_the_approval_was_read(stage: Stage) -> None:
    made = planned(facts(case(stage)))
    found = [wanted for wanted in writes(made) if isinstance(wanted, CreateReturn)]
    assert found == ([CreateReturn(CASE, GID, TWO, OPENED, UNITS)] if stage in APPROVED else [])


def test_units_of_one_line_come_from_as_many_shipments_as_it_takes() -> None:
    one = commerce(
        lines=(change(commerce().lines[0], quantity=2, refundable=2, channel_line_ids=("l1", "l2")),),
        shipped=(ShippedLine("F0", "L1", 0), ShippedLine("F1", "L1", 1), ShippedLine("F2", "L1", 5)),
    )
    assert written(planned(facts(COMING, one)), CreateReturn).lines == TWO


def test_fewer_shipped_units_than_come_back_are_an_exception() -> None:
    short = facts(COMING, commerce(shipped=(ShippedLine("F1", "L1", 1),)))
    assert (writes(planned(short)), troubles(planned(short))) == ([], {"returnable"})


def test_a_return_is_written_once_with_all_its_units() -> None:
    some = facts(COMING, commerce(lines=commerce().lines[:1]))
    made = planned(some)
    assert (writes(made), troubles(made)) == ([], {"lines"})
    assert made.troubles[0].waits_on == ("sku", "SHIRT-2")
    by_hand = facts(
        COMING, commerce(lines=(change(commerce().lines[0], quantity=2),)), said=Said(line_links={"u2": "L1"})
    )
    assert "lines" not in troubles(planned(by_hand))


@pytest.mark.parametrize(
    ("ids", "policy", "reason"),
    [
        ({"changed-my-mind": "R2", "other-reason": "R5"}, {}, "R2"),
        ({"other-reason": "R5"}, {}, "R5"),
        ({"other-reason": "R5"}, {"no_need": "gid://x/Reason/7"}, "gid://x/Reason/7"),
        ({"other-reason": "R5", "style": "R9"}, {"no_need": "style"}, "R9"),
        ({"other-reason": "R5"}, {"no_need": "unheard-of"}, "R5"),
        ({"": ""}, {}, None),
    ],
)
def test_the_reason(ids: dict[str, str], policy: dict[str, str], reason: str | None) -> None:
    made = planned(facts(COMING, reason_ids=ids), Policy(reasons=policy))
    if reason is None:
        assert (writes(made), troubles(made)) == ([], {"reason"})
    else:
        assert {line.reason for line in written(made, CreateReturn).lines} == {reason}


def test_reasons_that_were_never_read_are_read() -> None:
    made = planned(facts(COMING, reason_ids={}))
    assert [step.source for step in made.steps if isinstance(step, Look)] == [Source.COMMERCE]
    assert troubles(made) == set()


# -- adopt and follow


def test_a_return_that_somebody_else_opened_on_these_lines_is_adopted() -> None:
    made = planned(facts(COMING, commerce(returns=(record(trace=""),))))
    assert (writes(made), made.lanes["records"].state) == ([], "adopted")
    for other in (record("declined", ""), record("cancelled", ""), record("open", "another case")):
        assert written(planned(facts(COMING, commerce(returns=(other,)))), CreateReturn)
    part = change(record(trace=""), lines=record().lines[:1])
    assert written(planned(facts(COMING, commerce(returns=(part,)))), CreateReturn)


def test_the_tracking_number_is_put_on_our_return_once() -> None:
    found = case(Stage.SHIPPED, way_back=shipped())
    made = planned(facts(found, commerce(returns=(record(),))))
    assert written(made, AttachTracking) == AttachTracking(GID, RETURN, "RO1", "1Z")
    assert not writes(planned(facts(found, commerce(returns=(record(tracking=("1Z",)),)))))
    assert not writes(planned(facts(found, commerce(returns=(record(trace=""),))))), "another's return is left alone"


@pytest.mark.parametrize(
    ("books", "expected"),
    [
        (commerce(returns=(record(),)), CancelReturn),
        (commerce(returns=(record(disposed=RESTOCKED),)), CloseReturn),
        (commerce(returns=(record(),), refunds=(change(booking(trace=""), return_id=RETURN),)), CloseReturn),
        (commerce(returns=(record("closed"),)), None),
        (commerce(returns=(record("cancelled"),)), None),
        (commerce(returns=(record(trace=""),)), None),
        (commerce(), None),
    ],
    ids=["untouched", "disposed", "refunded", "closed", "cancelled", "another's", "none"],
)
@pytest.mark.parametrize("end", ["cancelled", "kept"])
def test_the_end_without_goods(books: Any, expected: Any, end: str) -> None:
    if end == "cancelled":
        known = facts(case(Stage.CANCELLED), books)
    else:
        ours = effect(decide(Decision.KEEP_ITEM), EffectState.CONFIRMED)
        known = facts(case(Stage.COMPLETED, refunds=(paid(),)), books, ledger=[ours], shop=terms(booker="nobody"))
    made = planned(known)
    assert [type(wanted) for wanted in writes(made)] == ([expected] if expected else [])
    assert made.ended is (expected is None)


def test_a_cancelled_case_whose_goods_arrived_waits_for_the_verdict() -> None:
    known = facts(case(Stage.CANCELLED), commerce(returns=(record(),)), said=Said(received={"u1": NOW}))
    made = planned(known)
    assert (writes(made), [question.kind for question in made.questions], made.ended) == ([], ["inspection"], False)


@pytest.mark.parametrize(
    ("settled", "judged", "closed"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_our_return_is_closed_when_money_and_stock_are_settled(settled: bool, judged: bool, closed: bool) -> None:
    done = case(Stage.COMPLETED, refunds=(paid(),), way_back=shipped())
    books = commerce(
        returns=(record(disposed=RESTOCKED if judged else {}, tracking=("1Z",)),),
        refunds=(booking(),) if settled else (),
    )
    from tests.domain.test_stock import SELLABLE

    made = planned(facts(done, books, said=Said(verdicts=SELLABLE if judged else {})))
    assert any(isinstance(wanted, CloseReturn) for wanted in writes(made)) is closed


@pytest.mark.parametrize("state", [EffectState.REFUSED, EffectState.CONFIRMED, EffectState.SUPERSEDED])
def test_what_failed_or_was_undone_is_an_exception_until_a_person_asks_again(state: EffectState) -> None:
    ours = effect(CreateReturn(CASE, GID, TWO, OPENED), state, answered_at=NOW - 50, words=1)
    made = planned(facts(COMING, ledger=[ours]))
    refused = state is EffectState.REFUSED
    assert (writes(made), troubles(made)) == ([], {"refused" if refused else "undone"})
    asked = planned(facts(COMING, ledger=[ours], said=Said(retries={ours.target: Asked(2, NOW - 50)})))
    assert bool(writes(asked)) is refused, "what was done once is not done again"


def test_a_mirror_that_is_not_there_or_waived_never_holds_the_case() -> None:
    done = case(Stage.COMPLETED, can_keep_item=True, refunds=(paid(),))
    assert planned(facts(done, None, shop=terms(commerce_connected=False))).ended
    assert planned(facts(done, None, link=Link(), said=Said(waived=frozenset({"records"})))).ended


GIVEN = Said(label=Label("file", "sha", "1Z", "c1", "ann", NOW))


def test_the_label_we_have_is_shown_with_its_number() -> None:
    given = GIVEN
    known = case(Stage.AWAITING_SHIPMENT, way_back=shipped("1Z"))
    order = commerce(returns=(record(),))
    stage = StageLabel(GID, "file", "sha")
    assert written(planned(facts(known, order, given)), StageLabel) == stage
    assert not any(isinstance(each, AttachTracking) for each in writes(planned(facts(known, order, given))))
    there = effect(stage, EffectState.ACCEPTED, result="https://files/1")
    assert written(planned(facts(known, order, given, [there])), AttachTracking).label_url == "https://files/1"


def with_parcel(number: str, labelled: bool = False) -> CommerceOrder:
    there = (CommerceDelivery("RD1", number, labelled),)
    return commerce(returns=(change(record(tracking=(number,) if number else ()), deliveries=there),))


def test_a_label_that_comes_after_its_number_is_put_on_the_parcel() -> None:
    known = case(Stage.AWAITING_SHIPMENT, way_back=shipped("1Z"))
    stage, there = StageLabel(GID, "file", "sha"), "https://files/1"
    staged = effect(stage, EffectState.CONFIRMED, result=there)
    assert writes(planned(facts(known, with_parcel("1Z"), GIVEN))) == [stage]
    made = planned(facts(known, with_parcel("1Z"), GIVEN, [staged]))
    assert writes(made) == [UpdateDelivery(GID, RETURN, "RD1", "1Z", "file", there)]
    for order, said in ((with_parcel("1Z", labelled=True), GIVEN), (with_parcel("1Z"), Said())):
        assert writes(planned(facts(known, order, said, [staged]))) == []


@pytest.mark.parametrize(("labelled", "attachment"), [(True, ""), (False, "file")])
def test_a_number_that_comes_after_its_parcel_makes_no_second_one(labelled: bool, attachment: str) -> None:
    """Somebody has put the label, or an empty parcel, onto our return: all its lines are on their way there."""
    known = case(Stage.AWAITING_SHIPMENT, way_back=shipped("1Z"))
    staged = effect(StageLabel(GID, "file", "sha"), EffectState.CONFIRMED, result="https://files/1")
    (wanted,) = writes(planned(facts(known, with_parcel("", labelled), GIVEN, [staged])))
    url = "https://files/1" if attachment else ""
    assert wanted == UpdateDelivery(GID, RETURN, "RD1", "1Z", attachment, url)


def test_the_number_does_not_wait_for_a_file_that_commerce_does_not_take() -> None:
    given = Said(label=Label("file", "sha", "1Z", "c1", "ann", NOW))
    known = case(Stage.AWAITING_SHIPMENT, way_back=shipped("1Z"))
    refused = effect(StageLabel(GID, "file", "sha"), EffectState.REFUSED, text="no")
    made = planned(facts(known, commerce(returns=(record(),)), given, [refused]))
    assert written(made, AttachTracking).label_url == ""


def test_another_parcels_label_is_not_shown() -> None:
    given = Said(label=Label("file", "sha", "1Z", "c1", "ann", NOW))
    known = case(Stage.AWAITING_SHIPMENT, way_back=shipped("9X"))
    assert written(planned(facts(known, commerce(returns=(record(),)), given)), AttachTracking).label_url == ""
