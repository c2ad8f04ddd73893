"""Cases that a person begins: a refund, a return or a cancellation, and goods that came without a return on file."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from backhaul.domain.money import Money
from backhaul.domain.portal import unshowable
from backhaul.domain.said import Said
from backhaul.domain.starts import Blind, Confirmed, Start
from backhaul.domain.words import Kind
from backhaul.kit.ids import uuid7
from backhaul.store import beginnings, cases, commands, shops, turns
from backhaul.store.db import Connection, Pool
from backhaul.store.jobs import Rank
from backhaul.work.case_command import CaseCommand, CommandRefused
from backhaul.work.shop_commands import known_shop
from backhaul.work.vendors import shop_time

KINDS = (Kind.REFUND, Kind.RETURN, Kind.CANCELLATION)
MOST_WORDS = 500  # characters that a buyer reads


class Beginnings:
    """Takes these commands for one process. ``by`` is the user's name and stands on the time-line."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    async def start(
        self,
        shop_id: UUID,
        *,
        kind: Kind,
        order_id: str,
        by: str,
        lines: Sequence[str] = (),
        reason_key: str = "",
        amount: str = "",
        expect: str = "",
    ) -> UUID:
        """Open a case that is to be started on an order; its id. Nothing is started before its sum was confirmed, by
        :meth:`confirm` or beforehand by ``expect``; both and ``amount`` are decimal numbers in the shop's currency."""
        async with self.pool.acquire() as connection, connection.transaction():
            shop = await known_shop(connection, shop_id)
            now = shop_time(await commands.shop_clock(connection, shop_id))
            wanted = _start(shop, kind, order_id, by, now, lines, reason_key, amount, expect)
            return await begin(connection, shop_id, wanted)

    async def change(
        self,
        case_id: UUID,
        *,
        kind: Kind,
        by: str,
        lines: Sequence[str] = (),
        reason_key: str = "",
        amount: str = "",
        expect: str = "",
        order_id: str = "",
    ) -> None:
        """Ask for something else on a case that is not started yet; on one of goods without a return: for the first
        time."""
        async with self._case(case_id) as case:
            said = await self._unsent(case)
            known = said.start.order_id if said.start else said.blind.order_id if said.blind else ""
            shop = await known_shop(case.connection, case.shop_id)
            if said.blind is not None and not lines:
                lines = sorted(said.verdicts)
            wanted = _start(shop, kind, order_id or known, by, case.now, lines, reason_key, amount, expect)
            if known and wanted.order_id != known:
                raise CommandRefused("The case is of another order.", 409)
            if said.start is not None and said.start.buyer:
                wanted = msgspec.structs.replace(wanted, buyer=True, changed=True, note=said.start.note)
            await _alone(case.connection, case.shop_id, wanted, case_id)
            await beginnings.describe(case.connection, case_id, _channel_kind(kind), wanted.order_id, kind)
            await case.say("start", wanted, by, _phrase(wanted))

    async def confirm(self, case_id: UUID, total: str, by: str) -> None:
        """This is the sum that was seen and is wanted: start it."""
        async with self._case(case_id) as case:
            start = (await self._unsent(case)).start
            quote = case.seen.quote
            if start is None or quote is None or quote.total is None or case.seen.quoted != start:
                raise CommandRefused("The channel has not said yet how much it would refund.", 409)
            shop = await known_shop(case.connection, case.shop_id)
            seen = _money(total, shop.currency, "The sum")
            if seen != (start.amount or quote.total):
                raise CommandRefused(f"The sum is {start.amount or quote.total} by now, not {seen}.", 409)
            await case.say("confirm_start", Confirmed(seen, by, case.now), by, f"{by} confirmed {seen}")

    async def withdraw(self, case_id: UUID, by: str) -> None:
        """Close a case that was not started."""
        async with self._case(case_id) as case:
            await self._unsent(case)
            await case.say("withdraw", True, by, f"{by} closed the case; nothing was started")

    async def decline(self, case_id: UUID, words: str, by: str) -> None:
        """Close a case that a buyer asked for in the portal, who reads these words there."""
        words = words.strip()
        if not words:
            raise CommandRefused("What shall the buyer read?")
        if unshowable(words):
            raise CommandRefused("The words for the buyer hold a character that cannot be shown.")
        if len(words) > MOST_WORDS:
            raise CommandRefused(f"The words for the buyer are longer than {MOST_WORDS} characters.")
        async with self._case(case_id) as case:
            start = (await self._unsent(case)).start
            if start is None or not start.buyer:
                raise CommandRefused("No buyer asked for this case: close it instead.", 409)
            await case.say("decline", words, by, f"{by} declined it; the buyer reads: {words}")

    async def arrived(self, shop_id: UUID, *, code: str, by: str, order_id: str = "", note: str = "") -> UUID:
        """Open a case for goods that came without a return on file; its id. The same code opens one case only."""
        code, order_id = code.strip(), order_id.strip()
        if not code:
            raise CommandRefused("What was scanned, or typed from the parcel?")
        async with self.pool.acquire() as connection, connection.transaction():
            await known_shop(connection, shop_id)
            now = shop_time(await commands.shop_clock(connection, shop_id))
            blind = Blind(code, by, now, order_id, note.strip())
            await beginnings.lock(connection, shop_id, f"blind/{code}")
            known = await beginnings.blind_case(connection, shop_id, code)
            if known is not None:
                return known
            case_id = uuid7()
            await beginnings.insert(connection, case_id, shop_id, "return", order_id, Kind.RETURN, now)
            await beginnings.parcel(connection, case_id, shop_id, code)
            await commands.add(connection, case_id, shop_id, "blind", msgspec.json.encode(blind), by, now)
            text = f"{by} received goods without a return on file: {code}"
            await commands.tell(connection, shop_id, case_id, now, by, "said.blind", text)
            await turns.nudge(connection, [case_id], Rank.PERSON)
            return case_id

    async def name_order(self, case_id: UUID, order_id: str, by: str) -> None:
        """Goods without a return are of this order of the channel."""
        if not order_id.strip():
            raise CommandRefused("Which order?")
        async with self._case(case_id) as case:
            said = await self._unsent(case)
            if said.blind is None or said.start is not None:
                raise CommandRefused("The order of this case is known.", 409)
            blind = msgspec.structs.replace(said.blind, order_id=order_id.strip())
            await beginnings.describe(case.connection, case_id, "return", blind.order_id, Kind.RETURN)
            await case.say("blind", blind, by, f"{by}: the goods are of order {blind.order_id}")

    # -- within

    def _case(self, case_id: UUID) -> CaseCommand:
        return CaseCommand(self.pool, case_id)

    async def _unsent(self, case: CaseCommand) -> Said:
        """What was said of a case that the channel does not know yet; refuses any other. Its turn is held until the
        command is written: a run that is about to start it has either sent it by then, or hears of the command."""
        await turns.lock(case.connection, [case.case_id])
        row = await beginnings.state(case.connection, case.case_id)
        if row.channel_id or row.sent:
            raise CommandRefused("It was sent to the channel already.", 409)
        if row.ended:
            raise CommandRefused("The case is closed.", 409)
        return await cases.said(case.connection, case.case_id)


def _start(
    shop: shops.ShopRow,
    kind: Kind,
    order_id: str,
    by: str,
    now: int,
    lines: Sequence[str],
    reason_key: str,
    amount: str,
    expect: str,
) -> Start:
    if kind not in KINDS:
        raise CommandRefused(f"Only {', '.join(KINDS)} can be started.")
    if not order_id.strip():
        raise CommandRefused("Which order?")
    if kind is Kind.CANCELLATION and amount.strip():
        raise CommandRefused("A cancellation refunds its lines in full: leave the amount out.")
    if (expect.strip() or amount.strip()) and not reason_key.strip():
        raise CommandRefused("Choose a reason first: the sum may depend on it.")
    chosen = tuple(dict.fromkeys(line.strip() for line in lines if line.strip()))
    part = _money(amount, shop.currency, "The amount") if amount.strip() else None
    sure = _money(expect, shop.currency, "The sum") if expect.strip() else None
    return Start(kind, order_id.strip(), by, now, chosen, reason_key.strip(), part, sure)


def _money(text: str, currency: str, what: str) -> Money:
    try:
        money = Money.parse(text.strip(), currency)
    except ValueError:
        raise CommandRefused(f"{what} is a number such as 12.50, in {currency}.") from None
    if money.minor <= 0:
        raise CommandRefused(f"{what} has to be more than nothing.")
    return money


def _channel_kind(kind: Kind) -> str:
    return "cancellation" if kind is Kind.CANCELLATION else "return"


def _phrase(wanted: Start) -> str:
    count = len(wanted.lines)
    what = f"{count} unit{'s' if count > 1 else ''} of order" if count else "order"
    part = f", {wanted.amount} of it" if wanted.amount else ""
    return f"{wanted.by} asked for a {wanted.kind} on {what} {wanted.order_id}{part}"


async def begin(connection: Connection, shop_id: UUID, wanted: Start) -> UUID:
    """Open a case that is to be started, in a transaction of the caller's; its id."""
    await _alone(connection, shop_id, wanted, None)
    case_id = uuid7()
    kind = _channel_kind(wanted.kind)
    await beginnings.insert(connection, case_id, shop_id, kind, wanted.order_id, wanted.kind, wanted.at)
    await commands.add(connection, case_id, shop_id, "start", msgspec.json.encode(wanted), wanted.by, wanted.at)
    await commands.tell(connection, shop_id, case_id, wanted.at, wanted.by, "said.start", _phrase(wanted))
    # What is kept of the channel's budget for people of the shop and deadlines is not for everybody outside to spend.
    await turns.nudge(connection, [case_id], Rank.HINT if wanted.buyer else Rank.PERSON)
    return case_id


async def _alone(connection: Connection, shop_id: UUID, wanted: Start, besides: UUID | None) -> None:
    """Refuse what another case is about to start on the same goods: money would leave twice."""
    await beginnings.lock(connection, shop_id, f"start/{wanted.order_id}")
    for case_id, body in await beginnings.unfinished(connection, shop_id, wanted.order_id):
        other = msgspec.json.decode(body, type=Start)
        shared = not wanted.lines or not other.lines or set(wanted.lines) & set(other.lines)
        if case_id != besides and shared:
            raise CommandRefused(
                f"A {other.kind} on this order is being started already, by {other.by} (case {case_id}). "
                "Change or close that one.",
                409,
            )
