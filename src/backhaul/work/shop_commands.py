"""What a person may say of a shop: its switches, its policy, its names. Each is told on the shop's time-line."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import msgspec

from backhaul.domain.effects import EffectState
from backhaul.domain.policy import Policy
from backhaul.domain.terms import Booker, DeskTerms, Mode, Payer
from backhaul.store import commands, inbox, shops, turns
from backhaul.store.db import Connection, Pool
from backhaul.store.jobs import Rank
from backhaul.work.case_command import CommandRefused
from backhaul.work.policies import BadPolicy, checked
from backhaul.work.vendors import shop_time


async def known_shop(connection: Connection, shop_id: UUID) -> shops.ShopRow:
    """The shop; refuses one that is not there."""
    row = await shops.shop(connection, shop_id)
    if row is None:
        raise CommandRefused("There is no such shop.", 404)
    return row


@dataclass(frozen=True, slots=True)
class ShopCommand:
    """One command on one shop, within its transaction. ``now`` is the shop's."""

    connection: Connection
    row: shops.ShopRow
    now: int
    by: str

    async def change(self, column: str, value: str, text: str) -> None:
        """Change a setting and tell it."""
        assert column in ("location", "booker", "payer")
        await self.connection.execute(f"update shop set {column} = $2 where id = $1", self.row.id, value)
        await self.tell(column, text)

    async def tell(self, what: str, text: str) -> None:
        """A line on the shop's time-line."""
        await commands.tell(self.connection, self.row.id, None, self.now, self.by, f"shop.{what}", text)

    async def wake(self, kind: str, hint: tuple[int, int]) -> None:
        """Have the cases looked at that wait for things of this kind."""
        waiting = await inbox.waiting(self.connection, self.row.id, kind)
        await turns.hear(self.connection, {case_id: hint for case_id, _ in waiting}, Rank.PERSON)

    async def wake_all(self) -> None:
        """Have every open case looked at."""
        rows = await self.connection.fetch("select id from return_case where shop_id = $1 and not ended", self.row.id)
        await turns.nudge(self.connection, [row["id"] for row in rows], Rank.HINT)

    async def needs_desk(self, what: str) -> None:
        """Refuse ``what`` only a returns desk can do, where none is connected."""
        if not await self.connection.fetchval("select 1 from link where shop_id = $1 and role = 'desk'", self.row.id):
            raise CommandRefused(f"No returns desk is connected to the shop, so none can {what}.", 409)

    async def answer_writers(self) -> None:
        """A person has said who writes: what other programs wrote until now is no reason to stop."""
        await self.connection.execute("update shop set writers_answered_at = $2 where id = $1", self.row.id, self.now)
        await self.connection.execute(
            """
            update exception set closed_at = now(), closed_by = 'a person said who writes'
            where shop_id = $1 and key = 'second_writer:' || $1::text and closed_at is null
            """,
            self.row.id,
        )


@asynccontextmanager
async def shop_command(pool: Pool, shop_id: UUID, by: str) -> AsyncIterator[ShopCommand]:
    """A transaction for one command on one shop; refuses a shop that is not there."""
    async with pool.acquire() as connection, connection.transaction():
        row = await known_shop(connection, shop_id)
        now = shop_time(await commands.shop_clock(connection, shop_id))
        yield ShopCommand(connection, row, now, by)


class ShopCommands:
    """Takes these commands for one process. ``by`` is the user's name and stands on the time-line."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    async def add_alias(self, shop_id: UUID, channel_sku: str, commerce_sku: str, by: str) -> None:
        """The channel's SKU is called so in commerce. Wakes the cases that wait for it."""
        if not channel_sku.strip() or not commerce_sku.strip():
            raise CommandRefused("An alias needs both SKUs.")
        async with shop_command(self.pool, shop_id, by) as shop:
            await shop.connection.execute(
                """
                insert into sku_alias (shop_id, channel_sku, commerce_sku, by) values ($1, $2, $3, $4)
                on conflict (shop_id, channel_sku) do update set commerce_sku = excluded.commerce_sku, by = excluded.by
                """,
                shop_id,
                channel_sku.strip(),
                commerce_sku.strip(),
                by,
            )
            await shop.tell("alias", f"{by}: {channel_sku} is {commerce_sku}")
            await shop.wake("sku", (0, 1))

    async def take_over(self, shop_id: UUID, case_ids: list[UUID] | None, by: str) -> int:
        """Take open cases from before the shop went live into the hub's hands; None means all. How many.

        A case that was never read yet may have ended long ago: it is none of them."""
        async with shop_command(self.pool, shop_id, by) as shop:
            if shop.row.mode != Mode.LIVE:
                raise CommandRefused("The shop only observes. Switch it to live first.", 409)
            found = await shop.connection.fetch(
                """
                select id from return_case where shop_id = $1 and not ended and mode = 'observe'
                and body is not null and requested_at < $2 and ($3::uuid[] is null or id = any($3)) order by id
                """,
                shop_id,
                shop.row.live_since or shop.now,
                case_ids,
            )
            for each in found:
                await commands.add(shop.connection, each["id"], shop_id, "take_over", b"true", by, shop.now)
                await commands.tell(
                    shop.connection, shop_id, each["id"], shop.now, by, "taken_over", f"{by} took the case over"
                )
            await shop.connection.execute(
                "update effect set state = $2, code = 'unwanted' where case_id = any($1) and state = 'proposed'",
                [each["id"] for each in found],
                EffectState.DROPPED.value,
            )
            await turns.nudge(shop.connection, [each["id"] for each in found], Rank.HINT)
            return len(found)

    async def set_mode(self, shop_id: UUID, mode: Mode, by: str) -> None:
        """Switch a shop between observing and live. Going live drops what was only proposed.

        The first time stamps ``live_since``, and it stays: back to observe is a pause, in which nothing is sent and
        nothing is lost, and what was live before goes on where it stood.
        """
        async with shop_command(self.pool, shop_id, by) as shop:
            if shop.row.mode == mode:
                return
            await shop.connection.execute(
                """
                update shop set mode = $2, live_since = case when $2 = 'live' then coalesce(live_since, $3::bigint)
                    else live_since end
                where id = $1
                """,
                shop_id,
                mode.value,
                shop.now,
            )
            await shop.connection.execute(
                "update effect set state = $2, code = 'unwanted' where shop_id = $1 and state = 'proposed'",
                shop_id,
                EffectState.DROPPED.value,
            )
            await shop.tell("mode", f"{by} switched the shop to {mode}")
            await shop.wake_all()

    async def confirm_gateway(self, shop_id: UUID, gateway: str, by: str) -> None:
        """This payment method moves no money: refunds may be booked on it."""
        if gateway == "shopify_payments":
            raise CommandRefused("A refund on shopify_payments pays the buyer: it is never booked by the hub.")
        async with shop_command(self.pool, shop_id, by) as shop:
            await shop.connection.execute(
                """
                update shop set safe_gateways = array(select distinct unnest(safe_gateways || $2::text)) where id = $1
                """,
                shop_id,
                gateway,
            )
            await shop.tell("gateway", f"{by} confirmed that “{gateway}” moves no money")
            await shop.wake("gateway", (0, 0))

    async def set_location(self, shop_id: UUID, location: str, by: str, name: str = "") -> None:
        """Where restocked units go; ``name`` is what people call the place."""
        async with shop_command(self.pool, shop_id, by) as shop:
            text = f"{by} chose where restocked units go: {name or location}"
            await shop.change("location", location, text)
            await shop.connection.execute("update shop set location_name = $2 where id = $1", shop_id, name)
            await shop.wake("setting", (0, 0))

    async def set_booker(self, shop_id: UUID, booker: Booker, by: str) -> None:
        """Who writes refunds into commerce. It answers for a second writer, too."""
        async with shop_command(self.pool, shop_id, by) as shop:
            if booker is Booker.DESK:
                await shop.needs_desk("book refunds")
            text = f"{by}: refunds are booked by {booker}"
            await shop.change("booker", booker.value, text)
            await shop.answer_writers()
            await shop.wake_all()

    async def set_payer(self, shop_id: UUID, payer: Payer, by: str) -> None:
        """Who gives the buyer the money back."""
        async with shop_command(self.pool, shop_id, by) as shop:
            if payer is Payer.DESK:
                await shop.needs_desk("pay buyers")
            await shop.change("payer", payer.value, f"{by}: buyers are paid by {payer}")
            await shop.wake_all()

    async def set_desk(self, shop_id: UUID, terms: DeskTerms, by: str) -> None:
        """How the shop works with its returns desk; ``vendor`` is the linked desk's, whatever is given."""
        if any(not key.strip() for key in terms.reject_reasons) or len(set(terms.reject_reasons)) < len(
            terms.reject_reasons
        ):
            raise CommandRefused("Each reason for rejections has to be named, and once.")
        if any(not (name.strip() and carrier.strip()) for name, carrier in terms.carriers.items()):
            raise CommandRefused("A carrier needs both names: the desk's and the channel's.")
        async with shop_command(self.pool, shop_id, by) as shop:
            await shop.needs_desk("have settings")
            kept = {name: value for name, value in msgspec.to_builtins(terms).items() if name != "vendor"}
            await shop.connection.execute("update shop set desk = $2 where id = $1", shop_id, kept)
            await shop.tell("desk", f"{by} set how the shop works with its desk")
            await shop.wake_all()

    async def answer_writers(self, shop_id: UUID, by: str) -> None:
        """The other program that wrote returns and refunds is switched off now: the hub writes again."""
        async with shop_command(self.pool, shop_id, by) as shop:
            await shop.answer_writers()
            await shop.tell("writers", f"{by}: the other program is switched off")
            await shop.wake_all()

    async def set_policy(self, shop_id: UUID, policy: Policy, by: str) -> int:
        """Put a new version of the policy in force, for cases that open from now on.

        What it calls the channel's reasons holds for all, and wakes the cases that wait for it."""
        try:
            checked(policy)
        except BadPolicy as error:
            raise CommandRefused(str(error)) from None
        async with shop_command(self.pool, shop_id, by) as shop:
            version = await shops.write_policy(shop.connection, shop_id, policy, by)
            await shop.tell("policy", f"{by} put policy version {version} in force")
            await shop.wake("setting", (0, 1))
            return version

    async def sync_now(self, shop_id: UUID, by: str) -> None:
        """Sweep the shop at once."""
        async with shop_command(self.pool, shop_id, by) as shop:
            await turns.nudge(shop.connection, [shop_id], Rank.PERSON)
            await shop.tell("sync", f"{by} asked for a sync")
