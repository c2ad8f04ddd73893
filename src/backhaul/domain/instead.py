"""What the buyer gets instead of money, a replacement or an exchange: when the channel is asked what that is, and how
long what is exchanged is waited for."""

from __future__ import annotations

from backhaul.domain.channel import ChannelCase
from backhaul.domain.facts import Facts
from backhaul.domain.policy import DAY
from backhaul.domain.steps import Draft, Look, Source
from backhaul.domain.words import RESHIPPED, Kind, Stage

# The channel names no day by which exchanged goods are to be back. Buyers have up to 30 days to send a return, the
# carrier needs some; after this nobody expects them any more.
UNSEEN = 45 * DAY
SOON = 300  # seconds after which a channel that was silent is asked again


def gone_at(case: ChannelCase) -> int:
    """When goods that outlast their case should have been back. Each change of the case begins the wait anew."""
    return case.updated_at + UNSEEN


def ask_instead(facts: Facts, now: int, draft: Draft) -> None:
    """Ask the channel what the buyer gets: once for each change of the case, again soon where it was silent, and daily
    while goods come back for an order that it has not named. Only where a shop has answers for each unit does the
    channel name any of it."""
    case, seen = facts.channel, facts.seen
    assert case is not None
    over = facts.history or case.paid_instead or case.stage is Stage.CANCELLED
    if case.kind not in RESHIPPED or over or not facts.shop.line_level or (seen.instead and seen.instead.order_id):
        return
    if case.kind is Kind.REPLACEMENT and case.stage is not Stage.COMPLETED:
        return  # the goods are the same once more; only the order is news
    if seen.instead_of < 0:
        again = seen.instead_at + SOON
    elif seen.instead_of != case.updated_at:
        again = now
    elif facts.goods_outlast:
        again = seen.instead_at + DAY
    else:
        return
    if now >= again:
        draft.steps.append(Look(Source.INSTEAD, "what the buyer gets instead of money", 30))
    else:
        draft.wake(again)
