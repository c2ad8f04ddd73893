"""What a person may say: checked, stored, told on the time-line, and answered by an immediate look at the case."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from uuid import UUID

from backhaul.domain import by_unit
from backhaul.domain.channel import ChannelCase, UnitAnswer
from backhaul.domain.decisions import offer_problem
from backhaul.domain.money import Money
from backhaul.domain.said import Evidence, Label, Verdict, Vote
from backhaul.domain.words import ANSWERS, REJECTIONS, WITH_AMOUNT, Action, Condition, Decision, Disposition
from backhaul.kit.crypto import Vault
from backhaul.kit.ids import stable_id, uuid7
from backhaul.kit.pictures import picture
from backhaul.store.db import Pool
from backhaul.work import files
from backhaul.work.beginnings import Beginnings
from backhaul.work.case_command import CaseCommand, CommandRefused
from backhaul.work.portal_settings import PortalSettings
from backhaul.work.shop_commands import ShopCommands

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
        self.shops = ShopCommands(pool)
        self.portal = PortalSettings(pool)

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
            moved = await case.moved()
            for unit, condition, disposition, _ in verdicts:
                if disposition is Disposition.RESTOCK and condition is not Condition.SELLABLE:
                    raise CommandRefused(f"A unit that is {condition.replace('_', ' ')} cannot be restocked.")
                if unit in moved:
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
                case.case_id,
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
            "select case_id, retry, connection_id, key, closed_at from exception where id = $1", exception_id
        )
        if row is None:
            raise CommandRefused("There is no such exception.", 404)
        if row["closed_at"] is not None:
            # What came after it nobody has looked at yet: for that, another try has to be asked for anew.
            raise CommandRefused("This exception was closed since you opened the page.", 409)
        if row["case_id"] is None:
            await self.pool.execute(
                "update exception set closed_at = now(), closed_by = $2 where id = $1 and key like 'drift:%'",
                exception_id,
                by,
            )
            return
        async with self._case(row["case_id"]) as case:
            await case.say("retry", row["retry"] or "look:case", by, f"{by} asked for another try")

    # -- within

    def _case(self, case_id: UUID) -> CaseCommand:
        return CaseCommand(self.pool, case_id)


def _said(answer: UnitAnswer, case: ChannelCase) -> str:
    name = next((unit.seller_sku or unit.name for unit in case.units if unit.id == answer.unit), "") or answer.unit
    more = answer.reason_key or (str(answer.offer) if answer.offer is not None else "")
    return f"{name}: {answer.decision.replace('_', ' ')}" + (f", {more}" if more else "")
