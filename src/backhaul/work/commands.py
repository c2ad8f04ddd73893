"""What a person may say: checked, stored, told on the time-line, and answered by an immediate look at the case."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from uuid import UUID

import msgspec

from backhaul.domain import by_unit
from backhaul.domain.channel import ChannelCase, UnitAnswer
from backhaul.domain.decisions import offer_problem
from backhaul.domain.effects import EffectState
from backhaul.domain.facts import Booker, DeskTerms, Evidence, Label, Mode, Payer, Verdict, Vote
from backhaul.domain.money import Money
from backhaul.domain.policy import Policy
from backhaul.domain.words import ANSWERS, REJECTIONS, WITH_AMOUNT, Action, Condition, Decision, Disposition
from backhaul.kit.crypto import Vault
from backhaul.kit.ids import stable_id, uuid7
from backhaul.kit.pictures import picture
from backhaul.store import commands, inbox, shops, turns
from backhaul.store.db import Connection, Pool
from backhaul.store.jobs import Rank
from backhaul.work import files
from backhaul.work.beginnings import Beginnings
from backhaul.work.case_command import CaseCommand, CommandRefused
from backhaul.work.policies import BadPolicy, checked
from backhaul.work.vendors import shop_time

__all__ = ["CommandRefused", "Commands"]

LARGEST_PICTURE = 10 * 1024 * 1024
NOT_NAMED = "The channel has not said that it takes answers for single units of this case."
LARGEST_LABEL = 10 * 1024 * 1024
LANES = ("records", "money", "stock", "desk")


class Commands:
    """Takes people's commands for one process. ``by`` is the user's name and stands on the time-line."""

    def __init__(self, pool: Pool, vault: Vault) -> None:
        self.pool = pool
        self.vault = vault
        self.beginnings = Beginnings(pool)

    # -- one case

    async def decide(
        self,
        case_id: UUID,
        *,
        action: Action,
        round: int,
        decision: Decision,
        by: str,
        reason_key: str = "",
        comment: str = "",
        offer: Money | None = None,
        evidence: Sequence[str] = (),
        bare: bool = False,
        units: Sequence[UnitAnswer] = (),
    ) -> None:
        """Answer what the channel waits for. The answer is sent when the channel's own word still asks for it.

        ``units`` are the answers of by_unit.
        ``evidence`` are pictures of :meth:`add_evidence` that go with a rejection; ``bare``: it may go without one that
        the channel does not take."""
        if decision not in ANSWERS.get(action, ()):
            raise CommandRefused(f"“{decision}” does not answer “{action}”.")
        if offer is not None and decision not in WITH_AMOUNT:
            raise CommandRefused(f"“{decision}” takes no amount.")
        if bool(units) is not (decision is Decision.BY_UNIT) or len({each.unit for each in units}) < len(units):
            raise CommandRefused(f"Answers for single units go with “{Decision.BY_UNIT}”, one for each unit.")
        if evidence and decision not in REJECTIONS and not any(each.decision in REJECTIONS for each in units):
            raise CommandRefused("Pictures go with a rejection only.")
        if decision in REJECTIONS and not reason_key:
            raise CommandRefused("A rejection needs a reason.")
        async with self._case(case_id) as case:
            channel = case.seen.channel
            if channel is None or channel.action_due(action) is None:
                raise CommandRefused("The channel does not wait for this answer any more.", 409)
            if case.seen.round.get(action, 1) != round:
                raise CommandRefused("The channel has begun a new review since you opened the page.", 409)
            known = next((each for each in case.seen.answerable if each.decision == decision), None)
            current = f"{action}:{round}" in case.seen.answerable_for.split()
            if decision in REJECTIONS and current and known and reason_key not in dict(known.reasons):
                raise CommandRefused("The channel does not accept this reason for this case now.")
            await case.check_pictures(evidence)
            vote = Vote(
                action,
                round,
                decision,
                by,
                case.now,
                reason_key,
                comment,
                offer,
                evidence=tuple(dict.fromkeys(evidence)),
                bare=bare,
                units=tuple(units),
            )
            band = known.band if known is not None and current else None
            problem = offer_problem(channel, vote, band) if decision in WITH_AMOUNT else ""
            if units:
                problem = by_unit.problem(channel, known, units) if known is not None and current else NOT_NAMED
            if problem:
                raise CommandRefused(problem)
            more = reason_key or (str(offer) if offer is not None else "")
            more = ", ".join(_said(each, channel) for each in units) or more
            await case.say("vote", vote, by, f"{by}: {decision.replace('_', ' ')}" + (f" ({more})" if more else ""))

    async def add_evidence(self, case_id: UUID, *, name: str, content: bytes, by: str) -> UUID:
        """Keep a picture that a rejection may name; its id. The same picture is kept once."""
        if len(content) > LARGEST_PICTURE:
            raise CommandRefused("The picture is larger than 10 MB.")
        found = picture(content)
        if found is None:
            raise CommandRefused("The picture has to be a JPG, PNG, WEBP, HEIC or BMP file.")
        digest = hashlib.sha256(content).hexdigest()
        async with self._case(case_id) as case:
            attachment = stable_id("evidence", str(case.case_id), digest)
            kept = await files.keep(
                case.connection,
                self.vault,
                attachment,
                case.shop_id,
                case.case_id,
                name=name,
                content=content,
                by=by,
                mime=found.mime,
            )
            if kept:
                said = Evidence(
                    str(attachment), digest, name[:200], found.mime, found.width, found.height, by, case.now
                )
                await case.say("evidence", said, by, f"{by} added the picture {name}")
            return attachment

    async def receive(self, case_id: UUID, unit_ids: list[str], by: str) -> None:
        """These units have arrived."""
        async with self._case(case_id) as case:
            case.check_units(unit_ids)
            await case.say("receive", unit_ids, by, f"{by} received {len(unit_ids)} units")

    async def inspect(self, case_id: UUID, verdicts: list[tuple[str, Condition, Disposition, str]], by: str) -> None:
        """What was found of these units and what becomes of them. A unit's verdict stands once stock was moved."""
        async with self._case(case_id) as case:
            case.check_units([unit for unit, *_ in verdicts])
            for unit, condition, disposition, _ in verdicts:
                if disposition is Disposition.RESTOCK and condition is not Condition.SELLABLE:
                    raise CommandRefused(f"A unit that is {condition.replace('_', ' ')} cannot be restocked.")
                if await case.moved(unit):
                    raise CommandRefused(f"The stock of unit {unit} has been moved already.", 409)
            said = {
                unit: Verdict(condition, disposition, by, case.now, note)
                for unit, condition, disposition, note in verdicts
            }
            text = ", ".join(
                f"{verdict.condition} → {verdict.disposition}".replace("_", " ") for verdict in said.values()
            )
            await case.say("inspect", said, by, f"{by} inspected {len(said)} units: {text}")

    async def upload_label(
        self,
        case_id: UUID,
        *,
        name: str,
        content: bytes,
        tracking_number: str,
        carrier_id: str,
        carrier_name: str,
        document: str,
        by: str,
    ) -> None:
        """Give the label (or QR code) of a return. It can be sent to the channel once only."""
        if not content.startswith(b"%PDF-"):
            raise CommandRefused("The label has to be a PDF file.")
        if len(content) > LARGEST_LABEL:
            raise CommandRefused("The file is larger than 10 MB.")
        if not tracking_number.strip() or not carrier_id.strip():
            raise CommandRefused("A label needs its tracking number and its carrier.")
        if document not in ("label", "qr_code"):
            raise CommandRefused("The document is a label or a qr_code.")
        digest = hashlib.sha256(content).hexdigest()
        async with self._case(case_id) as case:
            sent = await case.connection.fetchval(
                """
                select state from effect where case_id = $1 and kind = 'upload_label'
                and state in ('intent', 'sent', 'accepted', 'confirmed') limit 1
                """,
                case_id,
            )
            if sent:
                raise CommandRefused("A label was sent already; the channel takes only one.", 409)
            attachment = uuid7()
            await files.keep(
                case.connection,
                self.vault,
                attachment,
                case.shop_id,
                case.case_id,
                name=name,
                content=content,
                by=by,
            )
            label = Label(
                str(attachment),
                digest,
                tracking_number.strip(),
                carrier_id.strip(),
                by,
                case.now,
                document,
                carrier_name,
            )
            await case.say("label", label, by, f"{by} uploaded {name} ({tracking_number})")

    async def link_order(self, case_id: UUID, commerce_order_id: str, by: str) -> None:
        """This commerce order is the channel's order."""
        if not commerce_order_id.strip():
            raise CommandRefused("Which order?")
        async with self._case(case_id) as case:
            await case.say("link_order", commerce_order_id.strip(), by, f"{by} linked order {commerce_order_id}")

    async def link_line(self, case_id: UUID, unit_id: str, commerce_line_id: str, by: str) -> None:
        """This unit is of this line of the commerce order."""
        async with self._case(case_id) as case:
            case.check_units([unit_id])
            order = case.seen.commerce
            if order is None or order.line(commerce_line_id) is None:
                raise CommandRefused("The order has no such line.", 404)
            await case.say("link_line", (unit_id, commerce_line_id), by, f"{by} linked unit {unit_id}")

    async def waive(self, case_id: UUID, lane: str, by: str) -> None:
        """Do without a lane: the case settles without it."""
        if lane not in LANES:
            raise CommandRefused(f"Only {', '.join(LANES)} can be waived.")
        async with self._case(case_id) as case:
            await case.say("waive", lane, by, f"{by} waived {lane}")

    async def retry(self, exception_id: UUID, by: str) -> None:
        """The cause has gone: try what the exception waits for again."""
        row = await self.pool.fetchrow(
            "select case_id, retry, connection_id, key from exception where id = $1", exception_id
        )
        if row is None:
            raise CommandRefused("There is no such exception.", 404)
        if row["case_id"] is None:
            await self.pool.execute(
                "update exception set closed_at = now(), closed_by = $2 where id = $1 and key like 'drift:%'",
                exception_id,
                by,
            )
            return
        async with self._case(row["case_id"]) as case:
            await case.say("retry", row["retry"] or "look:case", by, f"{by} asked for another try")

    # -- a shop

    async def add_alias(self, shop_id: UUID, channel_sku: str, commerce_sku: str, by: str) -> None:
        """The channel's SKU is called so in commerce. Wakes the cases that wait for it."""
        if not channel_sku.strip() or not commerce_sku.strip():
            raise CommandRefused("An alias needs both SKUs.")
        async with self.pool.acquire() as connection, connection.transaction():
            await self._shop(connection, shop_id)
            await connection.execute(
                """
                insert into sku_alias (shop_id, channel_sku, commerce_sku, by) values ($1, $2, $3, $4)
                on conflict (shop_id, channel_sku) do update set commerce_sku = excluded.commerce_sku, by = excluded.by
                """,
                shop_id,
                channel_sku.strip(),
                commerce_sku.strip(),
                by,
            )
            await self._tell(connection, shop_id, by, "alias", f"{by}: {channel_sku} is {commerce_sku}")
            await self._wake(connection, shop_id, "sku", (0, 1))

    async def take_over(self, shop_id: UUID, case_ids: list[UUID] | None, by: str) -> int:
        """Take open cases from before the shop went live into the hub's hands; None means all. How many.

        A case that was never read yet may have ended long ago: it is none of them."""
        async with self.pool.acquire() as connection, connection.transaction():
            row = await self._shop(connection, shop_id)
            if row.mode != Mode.LIVE:
                raise CommandRefused("The shop only observes. Switch it to live first.", 409)
            now = shop_time(await commands.shop_clock(connection, shop_id))
            found = await connection.fetch(
                """
                select id from return_case where shop_id = $1 and not ended and mode = 'observe'
                and body is not null and requested_at < $2 and ($3::uuid[] is null or id = any($3)) order by id
                """,
                shop_id,
                row.live_since or now,
                case_ids,
            )
            for each in found:
                await commands.add(connection, each["id"], shop_id, "take_over", b"true", by, now)
                await commands.tell(connection, shop_id, each["id"], now, by, "taken_over", f"{by} took the case over")
            await connection.execute(
                "update effect set state = $2, code = 'unwanted' where case_id = any($1) and state = 'proposed'",
                [each["id"] for each in found],
                EffectState.DROPPED.value,
            )
            await turns.nudge(connection, [each["id"] for each in found], Rank.HINT)
            return len(found)

    async def set_mode(self, shop_id: UUID, mode: Mode, by: str) -> None:
        """Switch a shop between observing and live. Going live drops what was only proposed.

        The first time stamps ``live_since``, and it stays: back to observe is a pause, in which nothing is sent and
        nothing is lost, and what was live before goes on where it stood.
        """
        async with self.pool.acquire() as connection, connection.transaction():
            row = await self._shop(connection, shop_id)
            if row.mode == mode:
                return
            now = shop_time(await commands.shop_clock(connection, shop_id))
            await connection.execute(
                """
                update shop set mode = $2, live_since = case when $2 = 'live' then coalesce(live_since, $3::bigint)
                    else live_since end
                where id = $1
                """,
                shop_id,
                mode.value,
                now,
            )
            await connection.execute(
                "update effect set state = $2, code = 'unwanted' where shop_id = $1 and state = 'proposed'",
                shop_id,
                EffectState.DROPPED.value,
            )
            await self._tell(connection, shop_id, by, "mode", f"{by} switched the shop to {mode}")
            await self._wake_all(connection, shop_id)

    async def confirm_gateway(self, shop_id: UUID, gateway: str, by: str) -> None:
        """This payment method moves no money: refunds may be booked on it."""
        if gateway == "shopify_payments":
            raise CommandRefused("A refund on shopify_payments pays the buyer: it is never booked by the hub.")
        async with self.pool.acquire() as connection, connection.transaction():
            await self._shop(connection, shop_id)
            await connection.execute(
                """
                update shop set safe_gateways = array(select distinct unnest(safe_gateways || $2::text)) where id = $1
                """,
                shop_id,
                gateway,
            )
            await self._tell(connection, shop_id, by, "gateway", f"{by} confirmed that “{gateway}” moves no money")
            await self._wake(connection, shop_id, "gateway", (0, 0))

    async def set_location(self, shop_id: UUID, location: str, by: str, name: str = "") -> None:
        """Where restocked units go; ``name`` is what people call the place."""
        async with self.pool.acquire() as connection, connection.transaction():
            text = f"{by} chose where restocked units go: {name or location}"
            await self._set(connection, shop_id, "location", location, by, text)
            await connection.execute("update shop set location_name = $2 where id = $1", shop_id, name)
            await self._wake(connection, shop_id, "setting", (0, 0))

    async def set_booker(self, shop_id: UUID, booker: Booker, by: str) -> None:
        """Who writes refunds into commerce. It answers for a second writer, too."""
        async with self.pool.acquire() as connection, connection.transaction():
            if booker is Booker.DESK:
                await self._needs_desk(connection, shop_id, "book refunds")
            text = f"{by}: refunds are booked by {booker}"
            await self._set(connection, shop_id, "booker", booker.value, by, text)
            await self._answer_writers(connection, shop_id)
            await self._wake_all(connection, shop_id)

    async def set_payer(self, shop_id: UUID, payer: Payer, by: str) -> None:
        """Who gives the buyer the money back."""
        async with self.pool.acquire() as connection, connection.transaction():
            if payer is Payer.DESK:
                await self._needs_desk(connection, shop_id, "pay buyers")
            await self._set(connection, shop_id, "payer", payer.value, by, f"{by}: buyers are paid by {payer}")
            await self._wake_all(connection, shop_id)

    async def set_desk(self, shop_id: UUID, terms: DeskTerms, by: str) -> None:
        """How the shop works with its returns desk; ``vendor`` is the linked desk's, whatever is given."""
        if any(not key.strip() for key in terms.reject_reasons) or len(set(terms.reject_reasons)) < len(
            terms.reject_reasons
        ):
            raise CommandRefused("Each reason for rejections has to be named, and once.")
        if any(not (name.strip() and carrier.strip()) for name, carrier in terms.carriers.items()):
            raise CommandRefused("A carrier needs both names: the desk's and the channel's.")
        async with self.pool.acquire() as connection, connection.transaction():
            await self._needs_desk(connection, shop_id, "have settings")
            kept = {name: value for name, value in msgspec.to_builtins(terms).items() if name != "vendor"}
            await connection.execute("update shop set desk = $2 where id = $1", shop_id, kept)
            await self._tell(connection, shop_id, by, "desk", f"{by} set how the shop works with its desk")
            await self._wake_all(connection, shop_id)

    async def answer_writers(self, shop_id: UUID, by: str) -> None:
        """The other program that wrote returns and refunds is switched off now: the hub writes again."""
        async with self.pool.acquire() as connection, connection.transaction():
            await self._shop(connection, shop_id)
            await self._answer_writers(connection, shop_id)
            await self._tell(connection, shop_id, by, "writers", f"{by}: the other program is switched off")
            await self._wake_all(connection, shop_id)

    async def set_policy(self, shop_id: UUID, policy: Policy, by: str) -> int:
        """Put a new version of the policy in force, for cases that open from now on.

        What it calls the channel's reasons holds for all, and wakes the cases that wait for it."""
        try:
            checked(policy)
        except BadPolicy as error:
            raise CommandRefused(str(error)) from None
        async with self.pool.acquire() as connection, connection.transaction():
            await self._shop(connection, shop_id)
            version = await shops.write_policy(connection, shop_id, policy, by)
            await self._tell(connection, shop_id, by, "policy", f"{by} put policy version {version} in force")
            await self._wake(connection, shop_id, "setting", (0, 1))
            return version

    async def sync_now(self, shop_id: UUID, by: str) -> None:
        """Sweep the shop at once."""
        async with self.pool.acquire() as connection, connection.transaction():
            await self._shop(connection, shop_id)
            await turns.nudge(connection, [shop_id], Rank.PERSON)
            await self._tell(connection, shop_id, by, "sync", f"{by} asked for a sync")

    # -- within

    def _case(self, case_id: UUID) -> CaseCommand:
        return CaseCommand(self.pool, case_id)

    async def _shop(self, connection: Connection, shop_id: UUID) -> shops.ShopRow:
        row = await shops.shop(connection, shop_id)
        if row is None:
            raise CommandRefused("There is no such shop.", 404)
        return row

    async def _needs_desk(self, connection: Connection, shop_id: UUID, what: str) -> None:
        await self._shop(connection, shop_id)
        if not await connection.fetchval("select 1 from link where shop_id = $1 and role = 'desk'", shop_id):
            raise CommandRefused(f"No returns desk is connected to the shop, so none can {what}.", 409)

    async def _answer_writers(self, connection: Connection, shop_id: UUID) -> None:
        now = shop_time(await commands.shop_clock(connection, shop_id))
        await connection.execute("update shop set writers_answered_at = $2 where id = $1", shop_id, now)
        await connection.execute(
            """
            update exception set closed_at = now(), closed_by = 'a person said who writes'
            where shop_id = $1 and key = 'second_writer:' || $1::text and closed_at is null
            """,
            shop_id,
        )

    async def _set(self, connection: Connection, shop_id: UUID, column: str, value: str, by: str, text: str) -> None:
        assert column in ("location", "booker", "payer")
        await self._shop(connection, shop_id)
        await connection.execute(f"update shop set {column} = $2 where id = $1", shop_id, value)
        await self._tell(connection, shop_id, by, column, text)

    async def _tell(self, connection: Connection, shop_id: UUID, by: str, what: str, text: str) -> None:
        now = shop_time(await commands.shop_clock(connection, shop_id))
        await commands.tell(connection, shop_id, None, now, by, f"shop.{what}", text)

    async def _wake(self, connection: Connection, shop_id: UUID, kind: str, hint: tuple[int, int]) -> None:
        waiting = await inbox.waiting(connection, shop_id, kind)
        await turns.hear(connection, {case_id: hint for case_id, _ in waiting}, Rank.PERSON)

    async def _wake_all(self, connection: Connection, shop_id: UUID) -> None:
        rows = await connection.fetch("select id from return_case where shop_id = $1 and not ended", shop_id)
        await turns.nudge(connection, [row["id"] for row in rows], Rank.HINT)


def _said(answer: UnitAnswer, case: ChannelCase) -> str:
    name = next((unit.seller_sku or unit.name for unit in case.units if unit.id == answer.unit), "") or answer.unit
    more = answer.reason_key or (str(answer.offer) if answer.offer is not None else "")
    return f"{name}: {answer.decision.replace('_', ' ')}" + (f", {more}" if more else "")
