"""The parcel lane: the label, the way back, what arrived."""

from __future__ import annotations

from backhaul.domain.channel import ChannelCase
from backhaul.domain.desk_votes import label_from_desk
from backhaul.domain.effects import EffectState, UploadLabel
from backhaul.domain.facts import Facts
from backhaul.domain.instead import UNSEEN, gone_at
from backhaul.domain.policy import DAY
from backhaul.domain.said import Label
from backhaul.domain.steps import Draft, Lane, Question, Trouble, Write
from backhaul.domain.words import Action, Disposition, Document, Party, ShippedBy, Stage


def parcel_lane(facts: Facts, now: int, draft: Draft) -> Lane:
    """Upload the label a person gave; say where the parcel is."""
    case = facts.channel
    assert case is not None
    if not facts.goods_expected:
        return Lane("none", terminal=True)
    if facts.goods_outlast:
        return _outlasting(facts, case, now, draft)
    label = facts.said.label
    wants_label = (
        case.stage is Stage.AWAITING_SHIPMENT
        and case.way_back.shipped_by is ShippedBy.SELLER
        and not case.way_back.tracking_number
        and facts.seen.order is not None  # whose goods they are
        and not facts.seen.order.fulfilled_by_channel
    )
    if wants_label and label is None and not label_from_desk(facts, now, draft):
        draft.questions.append(
            Question("label", "The buyer waits for a return label.", otherwise="the buyer cannot ship")
        )
    elif wants_label and label is not None:
        _upload(facts, case, label, draft)
    return _lane(facts, case)


def _upload(facts: Facts, case: ChannelCase, label: Label, draft: Draft) -> None:
    wanted = UploadLabel(
        case.id, label.attachment, label.sha256, label.tracking_number, label.carrier_id, label.document
    )
    last = facts.effect(wanted.target)
    qr = case.way_back.document in (Document.QR_CODE, Document.QR_CODE_NO_BOX)
    if case.way_back.document in (Document.LABEL, Document.QR_CODE, Document.QR_CODE_NO_BOX) and qr != (
        label.document == "qr_code"
    ):
        draft.troubles.append(
            Trouble(
                f"document:{case.id}",
                "parcel",
                f"The channel wants a {case.way_back.document} for this return, not a {label.document}.",
                "Upload the right document. It can be sent only once.",
            )
        )
    elif last is not None and last.state is EffectState.REFUSED and not facts.may_write(wanted.target, label):
        draft.troubles.append(
            Trouble(
                f"refused:{wanted.target}",
                "parcel",
                f"The channel refused the label: {last.text} ({last.code}).",
                "Upload a corrected label, or try again.",
                retry=wanted.target,
            )
        )
    elif facts.may_write(wanted.target, label) and not facts.stale(Party.CHANNEL):
        draft.steps.append(Write(wanted, f"label {label.tracking_number} from {label.by}", label.by, 12))


def _lane(facts: Facts, case: ChannelCase) -> Lane:
    received = [unit for unit in case.units if unit.id in facts.said.received]
    tracking = case.way_back.tracking_number
    text = f"{case.way_back.carrier_name} {tracking}".strip()
    if case.stage is Stage.CANCELLED:
        return Lane("cancelled", text, terminal=True)
    if received:
        whole = len(received) == len(case.units)
        state = "received" if whole else "partly_received"
        return Lane(
            state, f"{len(received)} of {len(case.units)} units", terminal=whole or case.stage is Stage.COMPLETED
        )
    if case.stage is Stage.COMPLETED:
        return Lane("accepted", text, terminal=True)
    if case.stage is Stage.PARCEL_REJECTED:
        return Lane("refused", text)
    if case.action_due(Action.JUDGE_PARCEL):
        return Lane("delivered", text)
    if case.stage is Stage.SHIPPED:
        return Lane("in_transit", text)
    if case.stage is Stage.ACCEPTED:
        return Lane("accepted", text)
    if case.stage is Stage.AWAITING_SHIPMENT:
        return Lane("label_ready" if tracking else "awaiting_label" if _ours(case) else "awaiting_buyer", text)
    return Lane("not_yet", text)


def _ours(case: ChannelCase) -> bool:
    return case.way_back.shipped_by is ShippedBy.SELLER


def _outlasting(facts: Facts, case: ChannelCase, now: int, draft: Draft) -> Lane:
    """Goods whose way back no status of the channel tells of: followed by what people say until each unit was taken in
    or judged. Those that stay away long after they should be here are told of."""
    if facts.seen.order is not None and facts.seen.order.fulfilled_by_channel:
        return Lane("by_channel", "the channel's own warehouse takes the goods", terminal=True)
    way = case.way_back
    seen = [unit for unit in case.units if unit.id in facts.said.received or unit.id in facts.said.verdicts]
    whole = len(seen) == len(case.units)
    if whole or "stock" in facts.said.waived:
        missing = [unit for unit, verdict in facts.said.verdicts.items() if verdict.disposition is Disposition.MISSING]
        here = sum(unit.id not in missing for unit in seen)
        state = "received" if here else "missing" if whole else "waived"
        return Lane(state, f"{here} of {len(case.units)} units", terminal=True)
    late = gone_at(case)
    if now < late:
        draft.wake(late)
    else:
        draft.troubles.append(
            Trouble(
                f"gone:{case.id}",
                "parcel",
                f"{len(case.units) - len(seen)} of {len(case.units)} units have not come back {UNSEEN // DAY} days "
                "after the channel sent new goods for them.",
                "Look in Seller Center what became of the parcel. Take the units in, or judge them as missing.",
            )
        )
    if seen:
        return Lane("partly_received", f"{len(seen)} of {len(case.units)} units")
    state = "in_transit" if way.tracking_number and way.shipped_by is ShippedBy.BUYER else "awaiting_buyer"
    return Lane(state, f"{way.carrier_name} {way.tracking_number}".strip())
