"""All we know of one case, as one frozen value: what vendors showed, what people said, what we did, on which terms."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from backhaul.domain.channel import (
    ActionDue,
    Answerable,
    ChannelCase,
    ChannelOrder,
    ChannelRefund,
    ExternalReference,
    Instead,
)
from backhaul.domain.commerce import Candidate, CommerceOrder
from backhaul.domain.desk import DeskReason, DeskReturn, number
from backhaul.domain.effects import DONE, Effect, EffectState
from backhaul.domain.said import Label, Said, Vote
from backhaul.domain.starts import Quote, Start, Startable
from backhaul.domain.terms import Booker, DeskTerms, Mode, ShopTerms
from backhaul.domain.words import (
    ENDED,
    RESHIPPED,
    Action,
    Decision,
    Kind,
    Party,
    ShippedBy,
    Stage,
)


class LinkState(StrEnum):
    """Whether we know the commerce order."""

    UNKNOWN = "unknown"
    MATCHED = "matched"
    MISSING = "missing"
    AMBIGUOUS = "ambiguous"


class Link(msgspec.Struct, frozen=True, omit_defaults=True):
    """The commerce order of the channel's order, and how it was found."""

    state: LinkState = LinkState.UNKNOWN
    order_id: str = ""
    how: str = ""
    candidates: tuple[Candidate, ...] = ()
    reference: ExternalReference | None = None
    tried_at: int = 0
    tries: int = 0


class Backoff(msgspec.Struct, frozen=True, omit_defaults=True):
    """A party that does not answer: try again at ``until``. ``parked`` marks a shape we do not know."""

    since: int
    until: int
    tries: int
    text: str
    parked: bool = False
    at: int = 0  # the last failure


class Seen(msgspec.Struct, frozen=True, omit_defaults=True):
    """What reads have shown. Times are by the shop's clock. Stored with the case, written when it changed."""

    channel: ChannelCase | None = None
    channel_at: int = 0
    channel_heard: int = -1  # hints about the channel that this read has answered
    round: dict[Action, int] = {}
    unasked: tuple[ActionDue, ...] = ()  # what it waited for and now shows nothing of, its status being the same
    order: ChannelOrder | None = None
    order_at: int = 0
    postal_code: bytes | None = None  # of the order, sealed, for the desk; None: not asked for; empty: it is hidden
    link: Link = Link()
    commerce: CommerceOrder | None = None
    commerce_at: int = 0
    commerce_heard: int = -1
    commerce_behind: bool = False  # an effect of ours was accepted there since this read
    commerce_id: str = ""  # the order that was read last, also while it cannot be read
    desk: DeskReturn | None = None  # the case's own return in the desk
    desk_others: tuple[DeskReturn, ...] = ()  # other returns of the same order there
    desk_at: int = 0
    desk_heard: int = -1
    desk_behind: bool = False
    desk_since: int = 0  # since when the desk's return is as it is: its state, and whether it was processed
    desk_reasons: tuple[DeskReason, ...] = ()  # the desk's own list, kept until its return is there
    desk_label: Label | None = None  # the file of the desk's label, as it was fetched; no carrier of the channel yet
    carriers: tuple[tuple[str, str], ...] = ()  # the channel's carriers (id, name), once a label needs one
    answerable: tuple[Answerable, ...] = ()
    answerable_at: int = 0
    answerable_for: str = ""  # the reviews it was read for: "action:round", with blanks between
    instead: Instead | None = None  # what the buyer gets instead of money, where the channel says so
    instead_at: int = -1  # when it was asked
    instead_of: int = -1  # and at which change of the case; below zero: no answer came
    aliases: dict[str, str] = {}  # channel SKU -> commerce SKU, of this order's lines
    reason_ids: dict[str, str] = {}  # commerce reason handle -> id
    backoff: dict[Party, Backoff] = {}
    warned: tuple[str, ...] = ()
    origin: str = ""  # the channel's id of the case that our units were a part of, before they were answered apart
    strangers: tuple[str, ...] = ()  # returns and refunds of another program that were told of
    ended_at: int | None = None
    looked: dict[str, int] = {}  # source -> the last word that people had said when it was last read
    startable: tuple[Startable, ...] = ()
    quote: Quote | None = None
    quoted: Start | None = None  # for what the channel was asked for these two
    start_at: int = -1  # and when
    beside: tuple[ChannelCase, ...] = ()  # cases of the order: one may be ours, or hold units that were answered apart
    beside_at: int = -1

    @property
    def relinked(self) -> bool:
        """Whether the case is linked to another order in commerce since the last one was read. One that is not shown
        there for a while is the same when it comes back."""
        linked = self.link.state is LinkState.MATCHED and bool(self.commerce_id)
        return linked and number(self.link.order_id) != number(self.commerce_id)


class Place(msgspec.Struct, frozen=True):
    """A unit that stands on a return in commerce which no case of ours opened: the ``number``-th of its order line
    there."""

    unit_id: str
    return_id: str
    line_id: str
    number: int
    mine: bool = False  # held by this case, not by another of its order


class Adopted(msgspec.Struct, frozen=True):
    """A refund that somebody else made in commerce (``source``) and that stands for a payment of the channel."""

    refund_id: str  # the channel's
    source: str


class Holder(msgspec.Struct, frozen=True):
    """Another case of the order that the channel has shown with a unit."""

    at: int  # when that case last changed, as it was read
    made_later: bool  # here, than this one: what counts where both changed in one second


class Creating(msgspec.Struct, frozen=True):
    """A return in commerce that another case of the order writes, or has written."""

    at: int | None = None  # when it was written; None while it is not read back
    units: tuple[str, ...] = ()  # the channel's, that are on it; empty when they are not known


class Facts(msgspec.Struct, frozen=True):
    """One case. ``heard`` counts the hints per party; a read older than its count is stale."""

    id: str
    shop_id: str
    seen: Seen
    said: Said
    ledger: tuple[Effect, ...]
    shop: ShopTerms
    heard_channel: int = 0
    heard_commerce: int = 0
    heard_desk: int = 0
    adopted: tuple[Adopted, ...] = ()  # what this case has adopted in commerce, as it is written down
    adopted_elsewhere: frozenset[str] = frozenset()  # commerce refunds that other cases of the order have adopted
    moved_elsewhere: frozenset[str] = frozenset()  # units whose stock other cases of the order have moved, or move now
    places: tuple[Place, ...] = ()  # units of the order's cases on returns that somebody else opened in commerce
    creating_elsewhere: dict[str, Creating] = {}  # by the channel's id of the case
    holders: dict[str, Holder] = {}  # by the unit, where it has a name of its own
    beginning: bool = False  # a case of ours is being started on the order: this may be it
    nameless: bool = False  # the channel has given the case no id (yet): see `starting`
    rivals: frozenset[str] = frozenset()  # ids of cases of the order that other cases of ours have started

    # -- what was read

    @property
    def channel(self) -> ChannelCase | None:
        """The channel's case as last read."""
        return self.seen.channel

    def stale(self, party: Party) -> bool:
        """Whether something happened there since we read it: a hint, or our own effect."""
        if party is Party.CHANNEL:
            return self.seen.channel is None or self.seen.channel_heard < self.heard_channel
        if party is Party.DESK:
            return self.seen.desk_at == 0 or self.seen.desk_heard < self.heard_desk
        return self.seen.commerce is None or self.seen.commerce_heard < self.heard_commerce

    def round(self, action: Action) -> int:
        """Which review of this action it is, from 1."""
        return self.seen.round.get(action, 1)

    @property
    def reviews(self) -> str:
        """The mark of what the channel waits for now, kept beside a read of what may be answered."""
        due = self.seen.channel.due if self.seen.channel else ()
        return " ".join(f"{each.action}:{self.round(each.action)}" for each in due)

    def knows_answers(self, action: Action) -> bool:
        """Whether what may be answered was read for the present review of this action."""
        return f"{action}:{self.round(action)}" in self.seen.answerable_for.split()

    @property
    def refunds(self) -> tuple[ChannelRefund, ...]:
        """What the channel has proven to have paid; two messages of one payment are one."""
        shown = self.seen.channel.refunds if self.seen.channel else ()
        return tuple({proof.id: proof for proof in (*self.said.proofs, *shown)}.values())

    # -- what was done

    def effect(self, target: str) -> Effect | None:
        """The newest effect of this target that counts in the shop's mode."""
        found = None
        for effect in self.ledger:
            if effect.target == target and (effect.state is not EffectState.PROPOSED or self.observing):
                found = effect
        return found

    def stands(self, target: str) -> bool:
        """Whether an effect of this target was proposed, is on its way, or was done."""
        last = self.effect(target)
        return last is not None and (last.state is EffectState.PROPOSED or last.state in DONE or last.open)

    def may_write(self, target: str, *given: Vote | Label) -> bool:
        """Whether an effect of this target may be written now: none stands, or the last failed and somebody asked
        for another since, or has ``given`` what it is about anew."""
        last = self.effect(target)
        if last is None:
            return True
        if self.stands(target):
            return False
        return (last.state is EffectState.DROPPED and last.code == "unwanted") or self.asked_again(last, *given)

    def asked_again(self, last: Effect, *given: Vote | Label, since: int = 0) -> bool:
        """Whether somebody asked for another try (not before ``since``), or gave one of these, after this effect had
        come to nothing. A person is known to have spoken later by the number of the word, a desk by the clock."""
        asked = self.said.retries.get(last.target)
        ended = last.answered_at or last.created_at
        return (asked is not None and asked.word > last.words and asked.at >= since) or any(
            each.word > last.words if each.word else each.at > ended for each in given
        )

    def asked_to_look(self, what: str, source: str = "") -> bool:
        """Whether a person asked to look at ``what`` once more since it, or this source of it, was last read."""
        asked = self.said.retries.get(f"look:{what}")
        return asked is not None and asked.word > self.seen.looked.get(source or what, 0)

    def decided(self, decision: Decision) -> bool:
        """Whether our own decision of this kind reached the channel."""
        return any(
            effect.state in (EffectState.ACCEPTED, EffectState.CONFIRMED)
            and getattr(effect.wanted, "decision", None) is decision
            for effect in self.ledger
        )

    def ours_to_answer(self, action: Action) -> bool:
        """Whether the merchant answers this; the receipt of what the channel's own warehouse sent is the channel's."""
        return not (action is Action.JUDGE_PARCEL and self.seen.order and self.seen.order.fulfilled_by_channel)

    # -- on which terms

    @property
    def desk(self) -> DeskTerms | None:
        """The desk that has a part in this case: none for goods that do not come back to the merchant, or that came
        back without a return, nor where a person waived it."""
        by_channel = self.seen.order is not None and self.seen.order.fulfilled_by_channel
        returned = self.channel is None or self.channel.kind is Kind.RETURN
        waived = self.said.waived & {"desk", "records"}
        return None if by_channel or waived or not (returned and self.goods_expected) else self.shop.desk

    @property
    def booker(self) -> Booker:
        """Who books this case's refunds. What the desk has no return of, the hub books in its place."""
        if self.shop.booker is Booker.DESK and self.shop.desk is not None and self.desk is None:
            return Booker.HUB
        return self.shop.booker

    @property
    def observing(self) -> bool:
        """Whether effects of this case are only proposed."""
        if self.shop.mode is not Mode.LIVE or self.shop.live_since is None:
            return True
        started = self.said.start or self.said.blind
        opened = self.seen.channel.created_at if self.seen.channel else started.at if started else 0
        return opened < self.shop.live_since and not self.said.taken

    @property
    def history(self) -> bool:
        """Ended on the channel before the shop went live for the first time: it never gets an effect."""
        case = self.seen.channel
        if case is None or case.stage not in ENDED or self.said.taken:
            return False
        return self.shop.live_since is None or case.updated_at < self.shop.live_since

    @property
    def goods_expected(self) -> bool:
        """Whether goods come back: a return that was not settled by letting the buyer keep them, be it by our answer,
        by the channel or by a partial refund; an exchange that the channel shows a way back for. Goods that are on
        their way are expected whatever the channel's flags."""
        case = self.seen.channel
        if case is not None and case.kind is Kind.REFUND and self.said.blind is not None and self.said.received:
            return True  # the goods came first, and nobody asked the channel for a way back
        if case is None or case.kind not in (Kind.RETURN, *RESHIPPED):
            return False
        if case.way_back.tracking_number or self.said.received:
            return True
        if case.kind in RESHIPPED:  # what is replaced is the buyer's to keep
            way = case.kind is Kind.EXCHANGE and case.way_back.shipped_by is not ShippedBy.UNKNOWN
            return way and not (case.can_keep_item or case.paid_instead or case.stage is Stage.CANCELLED)
        kept = case.can_keep_item or (case.offer is not None and not case.offer_refused)
        return not (self.decided(Decision.KEEP_ITEM) or (kept and case.stage in (Stage.ACCEPTED, Stage.COMPLETED)))

    @property
    def goods_outlast(self) -> bool:
        """Whether goods come back although the channel's case is over: the new ones of an exchange are sent first, and
        no status of the channel tells of the old ones. Of those before the shop went live nobody asks any more."""
        case = self.seen.channel
        ended = case is not None and case.kind in RESHIPPED and case.stage is Stage.COMPLETED
        return ended and self.goods_expected and not self.history

    def backing_off(self, party: Party, now: int) -> Backoff | None:
        """The party's back-off, while it lasts."""
        backoff = self.seen.backoff.get(party)
        return backoff if backoff is not None and now < backoff.until else None
