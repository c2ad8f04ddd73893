"""The roles TikTok Shop plays: one mapping and one client call each.

The channel shows a case by a search index only; both effects are refused when done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from backhaul.connectors.tiktok_shop import answers, errors, mapping, requests, starting, webhooks, wire
from backhaul.connectors.tiktok_shop.client import RETURNS, Call, Client, Http, call_of, get
from backhaul.connectors.tiktok_shop.line_level import LineLevel
from backhaul.connectors.tiktok_shop.manifest import MANIFEST
from backhaul.connectors.tiktok_shop.reading import Row, plain, shape
from backhaul.connectors.tiktok_shop.settings import Settings, read
from backhaul.connectors.tiktok_shop.words import EU_MARKETS
from backhaul.domain.channel import Answerable, ChannelCase, ChannelOrder, ExternalReference, Instead, Record
from backhaul.domain.effects import AnyEffect, Decide, DecideUnits, StartCancellation, StartReturn, UploadEvidence
from backhaul.domain.money import Money
from backhaul.domain.starts import Start, Startable
from backhaul.domain.terms import LINE_LEVEL, Capability
from backhaul.domain.words import REJECTIONS, Kind
from backhaul.kit.batch import Gatherer
from backhaul.ports.connector import Changed, News, Prepared, Receipt, ShopInfo, Tokens
from backhaul.ports.errors import NeedsReauth, Refused, WireDrift
from backhaul.ports.factory import Login, Spend
from backhaul.ports.manifest import Manifest

_ORDERS = "seller.order.info"
_PICTURES = "seller.product.basic"
_LOGIN = "seller.authorization.info"
_SEARCHES = {  # kind -> (path, field of ids, field of rows, smallest page)
    "return": ("/return_refund/202602/returns/search", "return_ids", "return_orders", 10),
    "cancellation": ("/return_refund/202602/cancellations/search", "cancel_ids", "cancellations", 1),
}
_PAGE = 50
_LONGEST_ADDRESS = 255


class TikTokShopConnector:
    """One shop, or, before a shop is chosen, the login alone."""

    manifest: Manifest = MANIFEST

    def __init__(self, login: Login, http: Http, spend: Spend) -> None:
        self._settings: Settings = read(login)
        self._client = Client(self._settings, login.shop_key, login.access, http, spend)
        self._lines = LineLevel(self._client, login.shop_id, self._settings.locale)
        self._spend = spend
        # Looks at many cases at once share a call: what gathers while one is under way goes into the next. An urgent
        # one waits for no call that has to wait for the budget.
        self._reads = {
            (kind, urgent): Gatherer[str, Row | None](
                partial(self._rows_of, kind), max_batch=_PAGE, alone=lambda error: isinstance(error, Refused), name=kind
            )
            for kind in _SEARCHES
            for urgent in (False, True)
        }

    async def aclose(self) -> None:
        """Nothing to give back: the HTTP client belongs to the process."""

    # ---- Returns

    async def case(self, kind: str, case_id: str) -> ChannelCase | None:
        """See :class:`backhaul.ports.connector.Returns`. There is no call for one case but the search by id."""
        _search(kind)
        row = await self._reads[kind, self._spend.urgent].put(case_id)
        return mapping.case(kind, row) if row is not None else None

    async def _rows_of(self, kind: str, case_ids: list[str]) -> Sequence[Row | None]:
        _, ids, _, smallest = _search(kind)
        wanted = sorted(set(case_ids))
        found = await self._page(kind, {ids: wanted}, {"page_size": str(max(smallest, len(wanted)))}, "")
        rows = {plain(row.get(_id_field(kind))): row for row in _rows(kind, found)}
        return [rows.get(case_id) for case_id in case_ids]

    async def _page(self, kind: str, body: dict[str, Any], query: dict[str, str], cursor: str) -> wire.Page:
        path, *_ = _search(kind)
        payload = msgspec.json.encode({**body, "locale": self._settings.locale})
        return await self._client.search(Call(f"POST {path}", "POST", path, query, RETURNS, payload), cursor)

    async def changed(self, kind: str, since: int, until: int, cursor: str = "") -> Changed:
        """See :class:`backhaul.ports.connector.Returns`. A row that cannot be read comes at an unknown stage."""
        query = {"page_size": str(_PAGE), "sort_field": "update_time", "sort_order": "ASC"}
        found = await self._page(kind, {"update_time_ge": since, "update_time_lt": until}, query, cursor)
        rows = _rows(kind, found)
        cases = tuple(case for row in rows if (case := mapping.case_or_drift(kind, row)) is not None)
        if len(cases) < len(rows):
            raise WireDrift(f"{kind}s changed: a row without an id", msgspec.json.encode(rows))
        return Changed(cases, found.next_page_token or "", found.total_count)

    async def records(self, case_id: str) -> tuple[Record, ...]:
        """See :class:`backhaul.ports.connector.Returns`."""
        path = "/return_refund/202309/returns/{}/records"
        rows = await self._client.rows(get(path, {"locale": self._settings.locale}, RETURNS, case_id), "records")
        return mapping.records(shape(row, wire.Record, "record") for row in rows)

    async def answerable(self, case_id: str) -> tuple[Answerable, ...]:
        """See :class:`backhaul.ports.connector.Returns`. Reasons the eligibility leaves out are fetched once more."""
        query = {"return_or_cancel_id": case_id, "locale": self._settings.locale}
        rows = await self._client.rows(get("/return_refund/202601/decision_eligibility", query, RETURNS), "decisions")
        found = answers.answerable(shape(row, wire.DecisionEligibility, "eligibility") for row in rows)
        found = (*found, *await self._lines.answerable(found, partial(self.case, "return", case_id)))
        if not any(_lacks_reasons(answer) for answer in found):
            return found
        rows = await self._client.rows(get("/return_refund/202309/reject_reasons", query, RETURNS), "reasons")
        reasons = tuple((one.name, one.text) for one in (shape(row, wire.Reason, "reason") for row in rows))
        return tuple(
            msgspec.structs.replace(answer, reasons=reasons) if _lacks_reasons(answer) else answer for answer in found
        )

    async def instead(self, case: ChannelCase) -> Instead | None:
        """See :class:`backhaul.ports.connector.Returns`. Only requests of the line-level model name it."""
        return await self._lines.instead(case)

    # ---- Detects

    async def capabilities(self) -> dict[str, Capability]:
        """See :class:`backhaul.ports.connector.Detects`."""
        return {LINE_LEVEL: await self._lines.capability()}

    # ---- Starts

    async def startable(self, order_id: str, kind: Kind) -> tuple[Startable, ...]:
        """See :class:`backhaul.ports.connector.Starts`."""
        query = {"initiate_aftersale_user": "SELLER", "request_types": starting.TYPES[kind]}
        path = "/return_refund/202602/orders/{}/aftersale_eligibility"
        return starting.startable(await self._client.rows(get(path, query, RETURNS, order_id), "sku_eligibility"))

    async def quote(self, start: Start) -> Money:
        """See :class:`backhaul.ports.connector.Starts`. The call changes nothing."""
        path = "/return_refund/202602/refunds/calculate"
        call = Call(f"POST {path}", "POST", path, {}, RETURNS, starting.quote_body(start))
        return starting.quote(await self._client.data(call))

    async def cases_of(self, kind: str, order_id: str) -> tuple[ChannelCase, ...]:
        """See :class:`backhaul.ports.connector.Starts`. By a search index, which may lag by seconds."""
        query = {"page_size": str(_PAGE), "sort_field": "create_time", "sort_order": "DESC"}
        found = await self._page(kind, {"order_ids": [order_id]}, query, "")
        return tuple(mapping.case(kind, row) for row in _rows(kind, found))

    # ---- ChannelOrders

    async def order(self, order_id: str) -> ChannelOrder | None:
        """See :class:`backhaul.ports.connector.ChannelOrders`."""
        found = await self._order(order_id)
        return mapping.order(found) if found is not None else None

    async def external_references(self, order_id: str) -> tuple[ExternalReference, ...]:
        """See :class:`backhaul.ports.connector.ChannelOrders`. One call for each platform of the settings."""
        path, scope = "/order/202406/orders/{}/external_orders", "seller.order.ext_ref.read"
        found: list[ExternalReference] = []
        for platform in self._settings.platforms:
            rows = await self._client.rows(get(path, {"platform": platform}, scope, order_id), "external_orders")
            links = (mapping.reference(shape(row, wire.ExternalOrder, "external order")) for row in rows)
            found += (link for link in links if link.order_id)
        return tuple(found)

    async def carriers(self, order_id: str) -> tuple[tuple[str, str], ...]:
        """See :class:`backhaul.ports.connector.ChannelOrders`. Empty when the channel ships the order itself."""
        found = await self._order(order_id)
        if found is None or not found.delivery_option_id:
            return ()
        query = await self._regions(found)
        path, scope = "/logistics/202309/delivery_options/{}/shipping_providers", "seller.fulfillment.basic"
        try:
            rows = await self._client.rows(get(path, query, scope, found.delivery_option_id), "shipping_providers")
        except Refused as refused:
            if refused.code in errors.NO_CARRIERS:
                return ()
            raise
        carriers = (shape(row, wire.Carrier, "carrier") for row in rows)
        return tuple((carrier.id, carrier.name) for carrier in carriers)

    async def _order(self, order_id: str) -> wire.Order | None:
        try:
            rows = await self._client.rows(get("/order/202507/orders", {"ids": order_id}, _ORDERS), "orders")
        except Refused as refused:
            if refused.code in errors.NOT_FOUND:
                return None
            raise
        orders = (shape(row, wire.Order, "order") for row in rows)
        return next((order for order in orders if order.id == order_id), None)

    async def _regions(self, order: wire.Order) -> dict[str, str]:
        buyer = order.recipient_address.region_code if order.recipient_address else ""
        if buyer not in EU_MARKETS:
            return {}
        # Since 2026 the channel lists carriers in the EU only from a region to a region.
        rows = await self._client.rows(get("/logistics/202309/warehouses", {}, "seller.logistics"), "warehouses")
        warehouses = [shape(row, wire.Warehouse, "warehouse") for row in rows]
        fits = (w for w in warehouses if w.id == order.warehouse_id and w.address is not None)
        region = next((w.address.region_code for w in fits if w.address), "")
        return {"buyer_region": buyer, "warehouse_region": region}

    # ---- Performs

    def prepare(self, wanted: AnyEffect, key: str, attachment: bytes | None = None) -> Prepared:
        """See :class:`backhaul.ports.connector.Performs`. The query holds only what names the case and the key."""
        return requests.prepare(wanted, key, attachment)

    async def perform(self, wanted: AnyEffect, prepared: Prepared, *, dead_at: float) -> Receipt:
        """See :class:`backhaul.ports.connector.Performs`."""
        # One budget for all cases of an API, so the id is taken out of its name.
        case_id = getattr(wanted, "case_id", "")
        api = f"{prepared.method} {prepared.path.replace(case_id, '{id}') if case_id else prepared.path}"
        if isinstance(wanted, UploadEvidence):
            return await self._picture(prepared, api, dead_at)
        envelope = await self._client.send(call_of(prepared, api, RETURNS), dead_at)
        done = requests.word(wanted) if isinstance(wanted, (Decide, DecideUnits)) else "document"
        made = ""
        if isinstance(wanted, (StartReturn, StartCancellation)):
            made = starting.made(envelope.data)
            done = f"{wanted.kind} {made}"
        return Receipt(made, f"{done} accepted by TikTok Shop (request {envelope.request_id or 'without id'})")

    async def _picture(self, prepared: Prepared, api: str, dead_at: float) -> Receipt:
        """A picture is the app's, not the shop's: the call takes no cipher. Without its right the login still works
        for all else, so that it is refused and pauses nothing."""
        try:
            envelope = await self._client.send(call_of(prepared, api, _PICTURES, of_shop=False), dead_at)
        except NeedsReauth as error:
            if not error.missing:
                raise
            raise Refused(_PICTURES, f"the app lacks the right {_PICTURES}, which pictures need") from None
        uri = envelope.data.get("uri") if isinstance(envelope.data, dict) else None
        if not isinstance(uri, str) or not uri:
            raise WireDrift("the upload of a picture gave no uri", msgspec.json.encode(envelope.data))
        return Receipt(uri, "picture kept by TikTok Shop")

    # ---- Authorises

    def consent_url(self, state: str) -> str:
        """See :class:`backhaul.ports.connector.Authorises`."""
        settings = self._settings
        if settings.service_id:
            query = {"service_id": settings.service_id, "state": state}
            return f"{settings.consent}/open/authorize?{urlencode(query, quote_via=quote)}"
        query = {"app_key": settings.app_key, "state": state}  # the older link, for apps without a service id
        return f"{settings.auth}/oauth/authorize?{urlencode(query, quote_via=quote)}"

    async def exchange(self, code: str) -> Tokens:
        """See :class:`backhaul.ports.connector.Authorises`. Rights that lack: :func:`manifest.missing_scopes`."""
        if code in ("", "null"):
            raise Refused("auth_denied", "the owner did not consent")
        query = {"auth_code": code, "grant_type": "authorized_code"}
        return mapping.tokens(await self._client.token("/api/v2/token/get", query, renewing=False))

    async def refresh(self, refresh: str) -> Tokens:
        """See :class:`backhaul.ports.connector.Authorises`. Both tokens may be new; the old one may have died."""
        query = {"refresh_token": refresh, "grant_type": "refresh_token"}
        return mapping.tokens(await self._client.token("/api/v2/token/refresh", query, renewing=True))

    async def shops(self) -> tuple[ShopInfo, ...]:
        """See :class:`backhaul.ports.connector.Authorises`."""
        path = "/authorization/202309/shops"
        rows = await self._client.rows(Call(f"GET {path}", "GET", path, {}, _LOGIN, of_shop=False), "shops")
        return tuple(mapping.shop(shape(row, wire.Shop, "shop")) for row in rows)

    # ---- Subscribes

    def verify(self, raw: bytes, headers: Mapping[str, str]) -> bool:
        """See :class:`backhaul.ports.connector.Subscribes`."""
        return webhooks.verify(raw, headers, self._settings.app_key, self._settings.webhook_secrets)

    def news(self, raw: bytes, headers: Mapping[str, str]) -> News:
        """See :class:`backhaul.ports.connector.Subscribes`."""
        return webhooks.news(raw)

    async def subscribe(self, address: str) -> tuple[str, ...]:
        """See :class:`backhaul.ports.connector.Subscribes`. Many shops do not know the line-level topics. What stands
        is left alone: asked again on a bad day, it costs one call, and each try asks for what is still missing."""
        self._check_address(address)
        path, refused = "/event/202309/webhooks", []
        standing = await self._subscribed(path)
        for topic in self.manifest.webhooks:
            if standing.get(topic) == address:
                continue
            body = msgspec.json.encode({"event_type": topic, "address": address})
            try:
                await self._client.send(Call(f"PUT {path}", "PUT", path, {}, _LOGIN, body))
            except Refused as error:
                refused.append(f"{topic}: {error}")
        return tuple(refused)

    async def _subscribed(self, path: str) -> dict[str, str]:
        """Topic -> address; empty where that cannot be read, and then all are asked for."""
        try:
            rows = await self._client.rows(Call(f"GET {path}", "GET", path, {}, _LOGIN), "webhooks")
            known = [shape(row, wire.Subscription, "webhook") for row in rows]
        except (Refused, WireDrift):
            return {}
        return {each.event_type: each.address for each in known}

    def _check_address(self, address: str) -> None:
        parts = urlsplit(address)
        if len(address) > _LONGEST_ADDRESS:
            raise Refused("address", f"the webhook address is longer than {_LONGEST_ADDRESS} characters")
        if not self._settings.simulated and (parts.scheme != "https" or parts.port not in (None, 443)):
            raise Refused("address", "TikTok Shop sends webhooks to https:// addresses on the usual port only")


class TikTokShop:
    """Makes connectors of this vendor."""

    manifest: Manifest = MANIFEST

    def connect(self, login: Login, http: Any, spend: Spend, clock: Callable[[], float]) -> TikTokShopConnector:
        """See :class:`backhaul.ports.factory.Vendor`. Raises NeedsReauth for settings that cannot work. The clock
        of the shop is not needed: deadlines come as data, and requests are stamped with wall time."""
        return TikTokShopConnector(login, http, spend)


def _search(kind: str) -> tuple[str, str, str, int]:
    try:
        return _SEARCHES[kind]
    except KeyError:
        raise ValueError(f"a channel case is a return or a cancellation, not {kind!r}") from None


def _id_field(kind: str) -> str:
    return "cancel_id" if kind == "cancellation" else "return_id"


def _rows(kind: str, page: wire.Page) -> list[Row]:
    return (page.cancellations if kind == "cancellation" else page.return_orders) or []


def _lacks_reasons(answer: Answerable) -> bool:
    return answer.eligible and answer.decision in REJECTIONS and not answer.reasons
