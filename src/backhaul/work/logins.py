"""Connecting: try the credentials first, one message per cause, the same account never twice, and again in place."""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import structlog

from backhaul.kit.crypto import CryptoError
from backhaul.kit.ids import secret_token, uuid7
from backhaul.ports.connector import ShopInfo, Tokens
from backhaul.ports.errors import NeedsReauth, Refused, Unavailable, VendorError
from backhaul.store import commands, shops, turns
from backhaul.store.shops import ConnectionRow
from backhaul.work import linking, subscribing
from backhaul.work.clocks import NoClock, clock_of
from backhaul.work.tokens import renew_at, resume, save_tokens
from backhaul.work.vendors import Vendors, open_settings, seal_settings, shop_time

log = structlog.get_logger()

STATE_LIVES_S = 3600


class LoginRefused(Exception):
    """Connecting did not work. ``text`` says what is wrong, ``todo`` what to do."""

    def __init__(self, text: str, todo: str = "") -> None:
        super().__init__(text, todo)
        self.text = text
        self.todo = todo

    def __str__(self) -> str:
        return f"{self.text} {self.todo}".strip()


class CallbackResult(msgspec.Struct, frozen=True):
    """What became of a vendor's redirect. ``choose`` lists the connections it may be for when nothing was exchanged,
    because a person has to say first which one it is for, or that it was meant at all."""

    ok: bool
    text: str
    connection_id: UUID | None = None
    choose: tuple[tuple[UUID, str], ...] = ()


class Logins:
    """Adds, renews and checks connections. ``base_url`` is where vendors reach this installation."""

    def __init__(self, vendors: Vendors, base_url: str) -> None:
        self.vendors = vendors
        self.pool = vendors.pool
        self.base_url = base_url

    # -- adding

    async def add(
        self,
        vendor: str,
        title: str,
        settings: Mapping[str, str],
        environment: str,
        by: str,
        shop_id: UUID | None = None,
        api_base: str = "",
        auth_base: str = "",
        clock: dict[str, Any] | None = None,
        control: str = "",
    ) -> UUID:
        """Store a connection after its credentials were tried, as far as they can be without the owner's consent.

        A vendor that needs no consent is connected at once, and linked to the shop it is for. A simulated one keeps its
        simulator's clock: ``clock``, or what the simulator's control API at the address ``control`` says.
        """
        if vendor not in self.vendors.registry:
            raise LoginRefused(
                f"There is no connector called “{vendor}”.", f"Known: {', '.join(self.vendors.registry)}."
            )
        manifest = self.vendors.registry[vendor].manifest
        missing = [field.label for field in manifest.fields if field.required and not settings.get(field.name)]
        if missing:
            raise LoginRefused(f"{manifest.title} needs: {', '.join(missing)}.")
        if environment == "simulated" and not api_base:  # else it would be the real vendor's, and called simulated
            raise LoginRefused(
                "A simulated connection needs the simulator's address.",
                "Write its API address, as the simulator printed it.",
            )
        if control:
            clock = await self._clock(control)
        secret = {field.name for field in manifest.fields if field.secret}
        connection_id = uuid7()
        sealed = seal_settings(
            self.vendors.vault,
            connection_id,
            {name: value for name, value in settings.items() if name in secret and value},
        )
        plain = {name: value for name, value in settings.items() if name not in secret and value}
        row = ConnectionRow(
            connection_id, vendor, manifest.role, title or manifest.title, environment, plain, sealed, None, api_base,
            auth_base, clock, "never_connected", "", "", None, None, None, [], secret_token(160),
        )  # fmt: skip
        tokens = await self._try(row)
        await self._insert(row, by)
        if tokens is not None:
            await self._connected(row, tokens, by, shop_id)
        return connection_id

    async def _clock(self, control: str) -> dict[str, Any]:
        try:
            return await clock_of(self.vendors.http, f"{control}/clock")
        except NoClock as error:
            raise LoginRefused(str(error), "Write its control address, as the simulator printed it.") from error

    async def _insert(self, row: ConnectionRow, by: str) -> None:
        await self.pool.execute(
            """
            insert into connection (id, vendor, role, title, environment, settings, secrets, api_base, auth_base, clock,
                                    webhook_key)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
            """,
            row.id, row.vendor, row.role, row.title, row.environment, row.settings, row.secrets, row.api_base,
            row.auth_base, row.clock, row.webhook_key,
        )  # fmt: skip
        await commands.tell(self.pool, None, None, int(time.time()), by, "connection.added", f"{by} added {row.title}")

    async def again(self, connection_id: UUID, by: str, values: Mapping[str, str] | None = None) -> None:
        """Log in anew, with changed ``values`` of the settings if there are any: they are kept only when the vendor
        takes them, and what stood before works on until then. Where the owner has to consent, new settings are kept as
        soon as they can work at all, and the consent is another step."""
        row = await self._row(connection_id)
        manifest = self.vendors.registry[row.vendor].manifest
        unknown = sorted(set(values or ()) - {field.name for field in manifest.fields})
        if unknown:
            raise LoginRefused(f"{manifest.title} has no setting called {', '.join(unknown)}.")
        if values:
            secret = {field.name for field in manifest.fields if field.secret}
            whole = {**open_settings(self.vendors.vault, row), **values}
            sealed = {name: value for name, value in whole.items() if name in secret and value}
            plain = {name: value for name, value in whole.items() if name not in secret and value}
            row = msgspec.structs.replace(
                row, settings=plain, secrets=seal_settings(self.vendors.vault, row.id, sealed)
            )
        tokens = await self._try(row)
        if values:
            await self.pool.execute(
                "update connection set settings = $2, secrets = $3 where id = $1", row.id, row.settings, row.secrets
            )
            self.vendors.forget(row.id)
            names = ", ".join(field.label for field in manifest.fields if field.name in values)
            await commands.tell(
                self.pool, None, None, int(time.time()), by, "connection.changed", f"{by} changed {row.title}: {names}"
            )
        if tokens is not None:
            shop_id, _ = await self._any_shop(row)
            await self._connected(row, tokens, by, shop_id)

    async def _try(self, row: ConnectionRow) -> Tokens | None:
        """A login with the credentials of a row, stored or not; None where its owner has to consent first."""
        manifest = self.vendors.registry[row.vendor].manifest
        try:
            connector = self.vendors.make(row, "")
            return None if connector.consent_url("state") else await connector.exchange("")
        except (NeedsReauth, Refused) as error:
            text = f"{manifest.title} did not take the credentials: {_sentence(error)}"
            raise LoginRefused(text, _todo(manifest)) from error
        except VendorError as error:
            text = f"{manifest.title} does not answer: {_sentence(error)}"
            raise LoginRefused(text, "Try again in a minute.") from error

    async def disable(self, connection_id: UUID, by: str) -> None:
        """Stop using a connection. Nothing is sent to it until it is connected again."""
        row = await self._row(connection_id)
        await shops.set_state(self.pool, connection_id, "disabled", f"Switched off by {by}.")
        self.vendors.forget(connection_id)
        await commands.tell(
            self.pool, None, None, int(time.time()), by, "connection.disabled", f"{by} disabled {row.title}"
        )

    # -- consent

    async def consent_url(self, connection_id: UUID, by: str) -> str:
        """Where the owner gives consent; empty for a vendor that needs none. Its state names ``by``, who begins it."""
        row = await self._row(connection_id)
        stamp = connection_id.bytes + int(time.time()).to_bytes(8, "big") + by.encode()
        state = base64.urlsafe_b64encode(self.vendors.vault.encrypt(stamp, b"oauth-state")).decode().rstrip("=")
        url: str = self.vendors.make(row, "").consent_url(state)
        return url

    async def callback(
        self, vendor: str, params: Mapping[str, str], by: str, *, confirmed: bool = False
    ) -> CallbackResult:
        """A vendor's redirect after consent, with our state or, from the vendor's app store, without.

        Only a state that ``by`` began proves that ``by`` wants this: whoever else's code a browser was led here with
        would attach a stranger's shop. Without that proof nothing is exchanged until ``by`` has ``confirmed`` it.
        """
        chosen = params.get("connection", "")
        proven = False
        if params.get("state"):
            known = self._state(params["state"])
            row = await shops.connection(self.pool, known[0]) if known else None
            if known is None or row is None or row.vendor != vendor:
                return CallbackResult(
                    False,
                    "This answer belongs to no question of ours, or is an hour old. Start again from Connections.",
                )
            connection_id, proven = row.id, known[1] == by
        else:
            waiting = await self._waiting(vendor)
            if chosen:
                waiting = [each for each in waiting if str(each[0]) == chosen]
            if not waiting:
                return CallbackResult(
                    False, "No connection waits for this consent. Add the connection first, then authorise."
                )
            if len(waiting) > 1:
                return CallbackResult(False, "Which connection is this consent for?", None, tuple(waiting))
            connection_id = waiting[0][0]
            row = await self._row(connection_id)
        code = params.get("code", "")
        if params.get("error") or code in ("", "null"):
            return CallbackResult(
                False, f"The owner did not consent ({params.get('error') or 'no code'}).", connection_id
            )
        if not (proven or confirmed):
            return CallbackResult(False, "You did not begin this login here.", None, ((connection_id, row.title),))
        try:
            tokens = await self.vendors.make(row, "").exchange(code)
            await self._connected(row, tokens, by)
        except (Refused, NeedsReauth) as error:
            return CallbackResult(False, f"{row.title} did not take the code: {error}. Authorise again.", connection_id)
        except LoginRefused as error:
            return CallbackResult(False, str(error), connection_id)
        except VendorError as error:
            return CallbackResult(False, f"{row.title} does not answer: {error}. Authorise again.", connection_id)
        return CallbackResult(True, f"{row.title} is connected.", connection_id)

    def _state(self, state: str) -> tuple[UUID, str] | None:
        """The connection and the person a state was made for; nothing when it is not ours or too old."""
        try:
            sealed = base64.urlsafe_b64decode(state + "=" * (-len(state) % 4))
            stamp = self.vendors.vault.decrypt(sealed, b"oauth-state")
        except (CryptoError, binascii.Error, ValueError):
            return None
        if time.time() - int.from_bytes(stamp[16:24], "big") > STATE_LIVES_S:
            return None
        return UUID(bytes=stamp[:16]), stamp[24:].decode()

    async def _waiting(self, vendor: str) -> list[tuple[UUID, str]]:
        rows = await self.pool.fetch(
            """
            select id, title from connection where vendor = $1 and state in ('never_connected', 'expired') order by id
            """,
            vendor,
        )
        return [(row["id"], row["title"]) for row in rows]

    # -- after the tokens came

    async def _connected(self, row: ConnectionRow, tokens: Tokens, by: str, shop_id: UUID | None = None) -> None:
        async def access() -> str:
            return tokens.access

        connector = self.vendors.make(row, "", access)
        found: tuple[ShopInfo, ...] = await connector.shops()
        if not found:
            raise LoginRefused("The login opens no shop.", "Log in with the owner's main account.")
        now = shop_time(row.clock)
        try:
            async with self.pool.acquire() as connection, connection.transaction():
                await save_tokens(connection, self.vendors.vault, row.id, tokens, now)
                linked = await linking.serve(connection, row, found, shop_id)
                await turns.open_turns(connection, [(row.id, "login", linked)], None)
                fresh = await shops.connection(connection, row.id)
                assert fresh is not None
                await connection.execute(
                    "update turn set attend_at = $2, shop_id = $3 where subject_id = $1",
                    row.id,
                    renew_at(fresh),
                    linked,
                )
                await linking.tell_rights(connection, row, self.vendors.registry[row.vendor].manifest, tokens)
                await resume(connection, row.id)
        except asyncpg.UniqueViolationError as error:
            await self.pool.execute("delete from connection where id = $1 and state = 'never_connected'", row.id)
            twin = await self._hand_over(row, tokens, now)
            raise LoginRefused(
                "This account is connected already" + (f", as {twin}: its login was renewed." if twin else "."),
                "" if twin else "Use “log in again” on its card.",
            ) from error
        self.vendors.forget(row.id)
        await self.subscribe(row.id)
        names = ", ".join(info.name for info in found)
        await commands.tell(
            self.pool, linked, None, now, by, "connection.connected", f"{by} connected {row.title}: {names}"
        )

    async def _hand_over(self, row: ConnectionRow, tokens: Tokens, now: int) -> str:
        """Give a login to the connection that has its account already, when it is of the same app: the vendor may have
        ended the tokens of before. Its title; empty when there is none that could use it."""
        for known in await shops.connections(self.pool):
            same = (known.vendor, known.account, known.environment) == (row.vendor, tokens.account, row.environment)
            if not same or known.state == "disabled" or _app(self.vendors, known) != _app(self.vendors, row):
                continue
            async with self.pool.acquire() as connection, connection.transaction():
                await save_tokens(connection, self.vendors.vault, known.id, tokens, now)
                await resume(connection, known.id)
            self.vendors.forget(known.id)
            return known.title
        return ""

    async def subscribe(self, connection_id: UUID) -> tuple[str, ...]:
        """Ask the vendor to send its webhooks here; what it refused is kept; the sweep makes up for it."""
        key = (await self.vendors.row(connection_id)).webhook_key
        return await subscribing.subscribe(self.vendors, connection_id, f"{self.base_url}/hooks/{key}")

    async def _any_shop(self, row: ConnectionRow) -> tuple[UUID | None, str]:
        shop_id = await self.pool.fetchval("select shop_id from link where connection_id = $1 limit 1", row.id)
        return shop_id, row.role

    # -- checking

    async def check(self, connection_id: UUID) -> list[tuple[bool, str]]:
        """What works and what does not, each in one line."""
        row = await self._row(connection_id)
        manifest = self.vendors.registry[row.vendor].manifest
        if row.state != "connected":
            return [(False, f"{row.title}: {row.state.replace('_', ' ')}. {row.state_text}".strip())]
        found: list[tuple[bool, str]] = []
        try:
            connector = await self.vendors.connector(connection_id, *await self._any_shop(row))
            names = ", ".join(info.name for info in await connector.shops())
            found.append((True, f"{row.title}: the login works ({names})."))
        except Unavailable as error:
            found.append((False, f"{row.title} does not answer: {_sentence(error)}"))
        except VendorError as error:
            found.append((False, f"{row.title}: {_sentence(error)}"))
        missing = manifest.missing(row.granted_scopes)
        found.append((not missing, f"{row.title}: {'lacks ' + ', '.join(missing) if missing else 'has all rights'}."))
        hooks = await self.pool.fetchval("select webhooks from connection where id = $1", connection_id)
        refused = (hooks or {}).get("refused") or []
        found.append(
            (not refused, f"{row.title}: webhooks {'refused: ' + '; '.join(refused) if refused else 'subscribed'}.")
        )
        return found

    async def _row(self, connection_id: UUID) -> ConnectionRow:
        row = await shops.connection(self.pool, connection_id)
        if row is None:
            raise LoginRefused("There is no such connection.")
        return row


def _app(vendors: Vendors, row: ConnectionRow) -> list[str]:
    """What tells one app of a vendor from another: the open settings that every connection has."""
    fields = vendors.registry[row.vendor].manifest.fields
    return [row.settings.get(field.name, "") for field in fields if field.required and not field.secret]


def _sentence(error: VendorError) -> str:
    # "settings" is no code of the vendor's: it was not asked.
    text = error.text if isinstance(error, Refused) and error.code == "settings" else str(error)
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _todo(manifest: Any) -> str:
    return f"Compare them with {manifest.settings_page or manifest.docs}."
