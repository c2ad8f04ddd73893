"""The model in which a request or a parcel is answered line by line. A shop has it or not, and only a call tells."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from backhaul.connectors.tiktok_shop import answers, errors, mapping, wire
from backhaul.connectors.tiktok_shop.client import RETURNS, Call, Client, get
from backhaul.connectors.tiktok_shop.reading import shape
from backhaul.domain.channel import Answerable, ChannelCase, Instead
from backhaul.domain.terms import Capability
from backhaul.domain.words import ANSWERS, Action, Decision
from backhaul.ports.errors import Refused, WireDrift

_PAGE = 50
_REQUESTS = ("/return_refund/202603/aftersales/search", "aftersales_requests")
_PARCELS = ("/return_refund/202604/rma/search", "return_merchandise_authorizations")


class LineLevel:
    """Reads of one shop in that model. Once the channel has said that the shop lacks it, nothing more is asked."""

    def __init__(self, client: Client, seller_id: str, locale: str) -> None:
        self._client = client
        self._seller_id = seller_id
        self._locale = locale
        self._found: bool | None = None  # None: not asked yet

    async def capability(self) -> Capability:
        """Whether the shop has the model: by a search of one parcel, which changes nothing."""
        try:
            await self._groups(_PARCELS, 1, {})
        except Refused as refused:
            if refused.code not in errors.NO_LINE_LEVEL:
                raise
            found = Capability(False, f"the channel refuses to search return parcels: {refused}")
        except WireDrift as drift:
            found = Capability(False, f"the channel has no search of return parcels here: {drift}")
        else:
            found = Capability(True, "the channel answers the search of return parcels")
        self._found = found.has
        return found

    async def instead(self, case: ChannelCase) -> Instead | None:
        """What is sent instead of the returned goods; only requests of this model name it."""
        if self._found is False:
            return None
        wanted = {
            "filters": {"main_order_ids": [case.order_id]},
            "whitelisted_data_fields": ["SKU_RETURN_REQUESTS"],
        }
        try:
            rows = await self._groups(_REQUESTS, _PAGE, wanted)
        except Refused as refused:
            self._heed(refused)
            return None
        groups = (shape(row, wire.Group, "request") for row in rows)
        requests_of = (each for group in groups for each in group.sku_return_requests or ())
        return next((mapping.instead(each) for each in requests_of if each.return_id == case.id), None)

    async def answerable(
        self, found: tuple[Answerable, ...], read: Callable[[], Awaitable[ChannelCase | None]]
    ) -> tuple[Answerable, ...]:
        """What may be answered beside ``found``, one word for all: a word for each line, and of a parcel that arrived a
        part refund. ``read`` looks at the case, which is done only where the shop has the model."""
        action = _asked(found)
        if action is None or self._found is False or not self._seller_id.isdigit():
            return ()
        try:
            if self._found is None and not (await self.capability()).has:
                return ()
            case = await read()
            subject = await self._subject(case, action) if case is not None else ""
            if case is None or not subject:
                return ()
            query = {"seller_id": self._seller_id, "return_or_cancel_id": case.id, "locale": self._locale}
            rows = await self._client.rows(get("/return_refund/202606/review_decision", query, RETURNS), "line_items")
        except WireDrift:
            return ()  # a market whose calls differ: what every shop may decide is known all the same
        except Refused as refused:
            self._heed(refused)
            return ()
        lines = [shape(row, wire.ReviewLine, "review line") for row in rows]
        arrived = action is Action.JUDGE_PARCEL
        named = (answers.part_refund(lines, subject) if arrived else None, answers.by_unit(lines, action, subject))
        return tuple(answer for answer in named if answer is not None)

    async def _subject(self, case: ChannelCase, action: Action) -> str:
        """The channel's id of what holds this case's units, the parcel or the request. Of a single unit's request none
        is needed."""
        arrived = action is Action.JUDGE_PARCEL
        if not arrived and len(case.units) < 2:
            return ""
        wanted = {"filters": {"main_order_ids": [case.order_id]}, "whitelisted_data_fields": ["LINE_ITEMS"]}
        rows = await self._groups(_PARCELS if arrived else _REQUESTS, _PAGE, wanted)
        units = {unit.id for unit in case.units}
        for group in (shape(row, wire.Group, "request or parcel") for row in rows):
            if units <= {line.return_line_item_id for line in group.line_items or ()}:
                return group.id
        return ""

    async def _groups(self, search: tuple[str, str], most: int, wanted: dict[str, Any]) -> list[Any]:
        path, name = search
        body = msgspec.json.encode({**wanted, "pagination": {"page_size": most}, "locale": self._locale})
        return await self._client.rows(Call(f"POST {path}", "POST", path, {}, RETURNS, body), name)

    def _heed(self, refused: Refused) -> None:
        if refused.code in errors.NO_LINE_LEVEL:
            self._found = False


def _asked(found: tuple[Answerable, ...]) -> Action | None:
    """What the seller is asked of which each line can be answered by itself."""
    eligible = {each.decision for each in found if each.eligible}
    return next(
        (action for action, known in ANSWERS.items() if known[0] in eligible and Decision.BY_UNIT in known), None
    )
