"""The roles Shopify plays for us: orders, effects, look-ups, login, webhooks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping

from backhaul.connectors.shopify import finding, mapping, reading, webhooks, writes
from backhaul.connectors.shopify.client import Client
from backhaul.connectors.shopify.manifest import MANIFEST
from backhaul.connectors.shopify.operations import operation
from backhaul.connectors.shopify.settings import ShopifySettings, read_settings
from backhaul.domain.commerce import Candidate, CommerceOrder
from backhaul.domain.effects import AnyEffect, StageLabel, StampOrder
from backhaul.kit.http import HttpClient
from backhaul.ports.connector import News, Prepared, Receipt, ShopInfo, Tokens
from backhaul.ports.errors import OutcomeUnknown, Refused, Unavailable
from backhaul.ports.factory import Login, Spend
from backhaul.ports.manifest import Manifest

_ORDER = "gid://shopify/Order/"  # before its number
# A hint needs no buyer: only what says which order it is, ours and the channel's (a return may wait for its order).
_ORDER_FIELDS = (
    "id",
    "admin_graphql_api_id",
    "updated_at",
    "name",
    "source_identifier",
    "tags",
    "note",
    "note_attributes",
)


class Shopify:
    """One shop."""

    manifest: Manifest = MANIFEST

    def __init__(
        self, settings: ShopifySettings, login: Login, http: HttpClient, spend: Spend, clock: Callable[[], float]
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._client = Client(settings, http, spend, login.access, clock)
        self._defined = False
        self._admin_url = (
            "" if settings.simulated else f"https://admin.shopify.com/store/{settings.handle}/orders/{{number}}"
        )

    async def aclose(self) -> None:
        """Holds nothing of its own."""

    # -- orders

    async def order(self, order_id: str) -> CommerceOrder | None:
        """One order, in one call when its lists are short. Other systems name it by its number alone: that does too.
        What is no id of an order (people also type a name such as #1004) names none."""
        kind, slash, number = order_id.rpartition("/")
        if (kind + slash) not in ("", _ORDER) or not (number.isascii() and number.isdigit()):
            return None
        order_id = _ORDER + number
        found = await reading.order(self._client, order_id)
        if found is None:
            return None
        url = self._admin_url.format(number=order_id.rpartition("/")[2]) if self._admin_url else ""
        return mapping.order(found[0], found[1], url)

    async def find_order(
        self, channel_order_id: str, created_at: int, learnt: tuple[str, ...] = ()
    ) -> AsyncIterator[tuple[Candidate, ...]]:
        """Orders that may be the channel's order, one look-up at a time, surest way first."""
        search = finding.Search(self._client, channel_order_id, created_at, self._admin_url)
        async for rung in search.run(learnt):
            yield rung

    async def reasons(self) -> tuple[tuple[str, str], ...]:
        """Return reason definitions (id, handle) that are in use."""
        return await reading.reasons(self._client)

    async def locations(self) -> tuple[tuple[str, str], ...]:
        """The shop's active locations (id, name)."""
        return await reading.locations(self._client)

    async def changed_orders(self, since: int, cursor: str = "") -> tuple[tuple[str, ...], str]:
        """Ids of orders updated since, oldest first, by the vendor's search: what its index has not seen yet comes
        with the next scan's overlap."""
        return await reading.changed_orders(self._client, since, cursor)

    # -- effects

    def prepare(self, wanted: AnyEffect, key: str, attachment: bytes | None = None) -> Prepared:
        """The exact request of an effect."""
        if isinstance(wanted, StageLabel):
            return writes.prepare_file(wanted, attachment)
        return writes.prepare(wanted, key)

    async def perform(self, wanted: AnyEffect, prepared: Prepared, *, dead_at: float) -> Receipt:
        """Send an effect's bytes and read what they did."""
        if isinstance(wanted, StageLabel):
            return await self._stage(prepared, dead_at)
        if isinstance(wanted, StampOrder):
            await self._define_stamp(dead_at)
        answer = await self._client.write(writes.operation_of(wanted), prepared.body, dead_at)
        return writes.receipt(answer)

    async def _stage(self, prepared: Prepared, dead_at: float) -> Receipt:
        """Ask for a place and put the file there. Twice is two files, of which one is named."""
        entry = {
            "resource": "RETURN_LABEL",
            "filename": "return-label.pdf",
            "mimeType": prepared.content_type,
            "httpMethod": "PUT",
            "fileSize": str(len(prepared.body)),
        }
        document = operation("stage_upload")
        answer = await self._client.write(document, writes.body(document, {"input": [entry]}), dead_at)
        url, address = writes.place(answer)
        await self._client.put(url, prepared.body, prepared.content_type, dead_at)
        return Receipt(address, "the label's file is there")

    async def _define_stamp(self, dead_at: float | None = None) -> None:
        """Make sure that the stamp's definition is there: without it a stamp is neither unique nor looked up."""
        if self._defined:
            return
        document = operation("stamp_definition")
        try:
            raw = writes.body(document, {"definition": writes.STAMP_DEFINITION})
            answer = await self._client.write(document, raw, dead_at)
            writes.receipt(answer)
        except Refused as error:
            if error.code != "TAKEN":
                raise
        except OutcomeUnknown as error:
            raise Unavailable(error.text) from error  # asking twice does no harm, and nothing was stamped
        self._defined = True

    # -- login

    def consent_url(self, state: str) -> str:
        """Empty: the app belongs to the shop's own organisation and needs no consent."""
        return ""

    async def exchange(self, code: str) -> Tokens:
        """A token for the app's credentials, for 24 hours; an older custom app's token as it is."""
        if self._settings.access_token:
            return Tokens(access=self._settings.access_token.reveal(), account=self._settings.domain)
        return await self._client.token()

    async def refresh(self, refresh: str) -> Tokens:
        """The same question again: this grant has no refresh token."""
        return await self.exchange("")

    async def shops(self) -> tuple[ShopInfo, ...]:
        """The one shop. Raises Refused when the login opens another than the settings name."""
        info = await reading.shop(self._client)
        if info.key != self._settings.domain:
            raise Refused("settings", f"this login opens {info.key}, not {self._settings.domain}", field="shop_domain")
        return (info,)

    # -- webhooks

    def verify(self, raw: bytes, headers: Mapping[str, str]) -> bool:
        """Whether the client secret, or one before it, signed these bytes."""
        return webhooks.verify(raw, headers, [each.reveal() for each in self._settings.webhook_secrets])

    def news(self, raw: bytes, headers: Mapping[str, str]) -> News:
        """What a verified body says."""
        return webhooks.news(raw, headers, int(self._clock()))

    def reread(self, raw: bytes, topic: str) -> News:
        """What a stored body says; its topic stood in a header."""
        return webhooks.news(raw, {"x-shopify-topic": topic}, int(self._clock()))

    async def subscribe(self, address: str) -> tuple[str, ...]:
        """Ask for every topic that is not sent to this address yet, and no longer for what goes to the one we had
        before; make the stamp's definition while we are setting up. What stands is left alone:
        asked again on a bad day, each try goes on from the last."""
        standing = await self._standing(address)
        missing = [topic for topic in MANIFEST.webhooks if topic not in standing]
        refused = [text for topic in missing if (text := await self._subscribe(topic, address))]
        try:
            await self._define_stamp()
        except Refused as error:
            refused.append(f"order stamp: {error}")
        return tuple(refused)

    async def _standing(self, address: str) -> set[str]:
        """The topics that come to this address. A hub that moved keeps its key: what still goes to the old address
        would only fail there, and is ended."""
        key, standing = address.rsplit("/", 1)[-1], set()
        for hook in await reading.subscriptions(self._client):
            if hook.uri == address:
                standing.add(hook.topic)
            elif hook.uri.rsplit("/", 1)[-1] == key:
                document = operation("unsubscribe")
                writes.receipt(await self._client.write(document, writes.body(document, {"id": hook.id})))
        return standing

    async def _subscribe(self, topic: str, address: str) -> str:
        subscription: dict[str, object] = {"uri": address, "format": "JSON"}
        if topic.startswith("ORDERS_") and topic != "ORDERS_EDITED":
            subscription["includeFields"] = list(_ORDER_FIELDS)
        document = operation("subscribe")
        raw = writes.body(document, {"topic": topic, "subscription": subscription})
        answer = await self._client.write(document, raw)
        try:
            writes.receipt(answer)
        except Refused as error:
            return "" if "already been taken" in error.text else f"{topic}: {error}"
        return ""


class ShopifyVendor:
    """Makes connectors."""

    manifest: Manifest = MANIFEST

    def connect(self, login: Login, http: HttpClient, spend: Spend, clock: Callable[[], float]) -> Shopify:
        """A connector for one shop. Raises Refused when the settings do not fit."""
        return Shopify(read_settings(login), login, http, spend, clock)
