"""The roles Loop plays for us: returns of a desk, effects on them, login, webhooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from backhaul.connectors.loop import drafting, errors, files, mapping, reading, requests, webhooks, wire
from backhaul.connectors.loop.client import HOOKS, Call, Client, body
from backhaul.connectors.loop.manifest import MANIFEST
from backhaul.connectors.loop.settings import LoopSettings, read_settings
from backhaul.domain.desk import DeskOffer, DeskReturn, DeskState
from backhaul.domain.desk_effects import OpenDeskReturn, RequestDeskLabel
from backhaul.domain.effects import AnyEffect
from backhaul.kit.http import HttpClient
from backhaul.ports.connector import News, Prepared, Receipt, ShopInfo, Tokens
from backhaul.ports.errors import NeedsReauth, Refused, WireDrift
from backhaul.ports.factory import Login, Spend
from backhaul.ports.manifest import Manifest


class Loop:
    """One account."""

    manifest: Manifest = MANIFEST

    def __init__(
        self, settings: LoopSettings, login: Login, http: HttpClient, spend: Spend, clock: Callable[[], float]
    ) -> None:
        self._settings = settings
        self._http = http
        self._clock = clock
        self._client = Client(settings, http, spend, login.access)

    async def aclose(self) -> None:
        """Holds nothing of its own."""

    # -- returns

    async def desk_return(self, return_id: str) -> DeskReturn | None:
        """One return, by its details and notes."""
        return await reading.one(self._client, return_id)

    async def desk_returns(self, order_name: str) -> tuple[DeskReturn, ...]:
        """The returns of an order that Loop shows."""
        return await reading.of_order(self._client, order_name, int(self._clock()))

    async def changed_desk_returns(
        self, since: int, until: int, cursor: str = ""
    ) -> tuple[tuple[tuple[str, str], ...], str]:
        """Returns by their time of change, in every state, window by window."""
        return await reading.changed(self._client, since, until, cursor)

    async def desk_offer(self, order_name: str, secondary: str) -> DeskOffer:
        """What Loop would take back, from a draft that is left lying."""
        return await drafting.offer(self._client, order_name, secondary)

    async def label_file(self, url: str) -> bytes:
        """The file of a label."""
        return await files.label(self._http, url, self._settings)

    # -- effects

    def prepare(self, wanted: AnyEffect, key: str, attachment: bytes | None = None) -> Prepared:
        """The exact request of an effect."""
        return requests.prepare(wanted, attachment)

    async def perform(self, wanted: AnyEffect, prepared: Prepared, *, dead_at: float) -> Receipt:
        """Carry an effect out."""
        if isinstance(wanted, OpenDeskReturn):
            return await self._open(prepared, dead_at)
        act = requests.ACTS[type(wanted)]
        call = Call(prepared.method, prepared.path, body=prepared.body or None, write=True)
        reply = await self._client.call(call, dead_at)
        if isinstance(wanted, RequestDeskLabel):  # the one action that answers with a status instead of true
            if reply.status >= 400:
                raise errors.label_refused(reply)
        else:
            errors.done(reply, act.state)
        return Receipt(text=act.told)

    async def _open(self, prepared: Prepared, dead_at: float) -> Receipt:
        wish = msgspec.json.decode(prepared.body, type=drafting.Wish)
        try:
            return await drafting.open_return(self._client, wish, dead_at)
        except Refused as error:
            if not error.already:
                raise
            # Taken by a return in Loop, which a look will show, or by one that was made in the store alone.
            ours = {line.line_id for line in wish.lines}
            standing = await self.desk_returns(wish.order_name)
            if any(_stands_on(each, ours) for each in standing):
                raise
            raise Refused(error.code, f"{error.text} Loop shows no return of them: look in the store.") from None

    # -- login

    def consent_url(self, state: str) -> str:
        """Empty: a key is made in Loop's admin and needs no consent."""
        return ""

    async def exchange(self, code: str) -> Tokens:
        """The key itself, with the rights it was found to have. Raises NeedsReauth when it cannot even read returns."""
        key = self._settings.api_key.reveal()
        rights = await self._client.rights(key)
        if "returns" not in rights:
            name = errors.RIGHTS["returns"]
            raise NeedsReauth(f"The key lacks the right “{name}”, without which nothing can be read.", ("returns",))
        # The account is named by its key: Loop tells no other name of it before there is a subscription.
        return Tokens(access=key, scopes=rights, account=self._settings.key_name)

    async def refresh(self, refresh: str) -> Tokens:
        """The same question again: a key does not end by itself."""
        return await self.exchange("")

    async def shops(self) -> tuple[ShopInfo, ...]:
        """The one account of the key. Loop tells neither its name nor its currency, and its number only on a
        subscription. Raises NeedsReauth when the key cannot even read returns."""
        key = self._settings.api_key.reveal()
        rights = (await self.exchange("")).scopes
        known = await self._subscriptions(key) if HOOKS in rights else []
        number = next((found for each in known if (found := mapping.text(each.shop_id))), "")
        name = f"Loop account {number}" if number else f"Loop, {self._settings.key_name}"
        return (ShopInfo(self._settings.key_name, self._settings.key_name, name, "", "", "UTC"),)

    # -- webhooks

    def verify(self, raw: bytes, headers: Mapping[str, str]) -> bool:
        """Whether the webhook secret, or the one before it, signed these bytes."""
        return webhooks.verify(raw, headers, [each.reveal() for each in self._settings.webhook_secrets])

    def news(self, raw: bytes, headers: Mapping[str, str]) -> News:
        """What a verified body says."""
        return webhooks.news(raw, int(self._clock()))

    async def subscribe(self, address: str) -> tuple[str, ...]:
        """Ask for every trigger at this address and no longer at the one we had before. Those of others stay."""
        mine = address.rsplit("/", 1)[-1]
        standing: dict[str, wire.Webhook] = {}
        for each in await self._subscriptions():
            url, trigger = mapping.text(each.url), mapping.text(each.trigger)
            if url.rsplit("/", 1)[-1] != mine:
                continue
            fits = url == address and webhooks.TOPIC_OF.get(trigger) == each.topic
            if fits and trigger not in standing:
                standing[trigger] = each
            else:  # an address we had before, a pair that does not match, or one too many
                await self._client.call(Call("DELETE", f"/webhooks/{each.id}", HOOKS))
        refused = [
            text
            for trigger, topic in webhooks.TOPIC_OF.items()
            if (text := await self._subscribe(trigger, topic, address, standing.get(trigger)))
        ]
        if not self._settings.webhook_secrets:
            refused.append("no webhook secret: what Loop sends cannot be verified and is not taken")
        return tuple(refused)

    async def _subscribe(self, trigger: str, topic: str, address: str, known: wire.Webhook | None) -> str:
        """Why it was refused, else empty. The status is named, as it is disputed what it is without."""
        if known is not None and known.status == "active":
            return ""
        method, where = ("PUT", f"/webhooks/{known.id}") if known else ("POST", "/webhooks")
        given = body({"topic": topic, "trigger": trigger, "url": address, "status": "active"})
        reply = await self._client.call(Call(method, where, HOOKS, body=given))
        if reply.status >= 400 or errors.is_refusal(reply.value):
            return f"{trigger}: {errors.refused(reply.value, reply.status)}"
        return ""

    async def _subscriptions(self, key: str = "") -> list[wire.Webhook]:
        reply = await self._client.call(Call("GET", "/webhooks", HOOKS), key=key)
        if reply.status >= 400:
            raise errors.refused(reply.value, reply.status)
        rows: Any = reply.value.get("webhooks") if isinstance(reply.value, dict) else reply.value
        try:
            return [wire.shaped(row, wire.Webhook) for row in rows or ()]
        except (msgspec.ValidationError, TypeError) as error:
            raise WireDrift(f"webhooks: {error}", msgspec.json.encode(reply.value)) from None


def _stands_on(found: DeskReturn, line_ids: set[str]) -> bool:
    """Whether a return holds units of these lines; only a cancelled one gives them back."""
    return found.state is not DeskState.CANCELLED and any(line.line_id in line_ids for line in found.lines)


class LoopVendor:
    """Makes connectors."""

    manifest: Manifest = MANIFEST

    def connect(self, login: Login, http: HttpClient, spend: Spend, clock: Callable[[], float]) -> Loop:
        """A connector for one account. Raises Refused when the settings do not fit."""
        return Loop(read_settings(login), login, http, spend, clock)
