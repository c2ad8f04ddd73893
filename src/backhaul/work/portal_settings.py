"""What a person may say of a shop's portal for buyers. Each change is told on the shop's time-line."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import msgspec

from backhaul.domain import portal as words
from backhaul.domain.portal import KINDS, Portal, Redirect, Redirected, Texts
from backhaul.domain.words import Kind
from backhaul.store import portal
from backhaul.store.db import Pool
from backhaul.work.case_command import CommandRefused
from backhaul.work.shop_commands import ShopCommand, shop_command

MOST_LANGUAGES = 40


class PortalSettings:
    """Takes these commands for one process. ``by`` is the user's name and stands on the time-line."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    async def set_open(self, shop_id: UUID, open: bool, by: str) -> None:
        """Open the portal to buyers, or close it: then its address says so in plain words."""
        async with self._portal(shop_id, by) as (shop, known):
            if known.open != open:
                await portal.write(shop.connection, shop_id, msgspec.structs.replace(known, open=open))
                await shop.tell("portal", f"{by} {'opened' if open else 'closed'} the buyer portal")

    async def set_kinds(self, shop_id: UUID, kinds: Sequence[Kind], by: str) -> None:
        """What buyers may ask for: returns, refunds without goods, or both."""
        wanted = tuple(kind for kind in KINDS if kind in kinds)
        strange = [kind for kind in kinds if kind not in KINDS]
        if strange or not wanted:
            raise CommandRefused(f"Buyers may ask for one or both of {', '.join(KINDS)}.")
        async with self._portal(shop_id, by) as (shop, known):
            if known.kinds != wanted:
                await portal.write(shop.connection, shop_id, msgspec.structs.replace(known, kinds=wanted))
                await shop.tell("portal", f"{by}: in the portal buyers may ask for a {' or a '.join(wanted)}")

    async def set_texts(self, shop_id: UUID, language: str, texts: Texts, by: str) -> None:
        """The shop's own words in a language; all empty takes the language away."""
        language = language.strip().lower().replace("_", "-")
        texts = Texts(texts.title.strip(), texts.introduction.strip(), texts.help.strip())
        problem = words.problem(language, texts)
        if problem:
            raise CommandRefused(problem)
        async with self._portal(shop_id, by) as (shop, known):
            kept = {name: said for name, said in known.texts.items() if name != language}
            if texts != Texts():
                kept[language] = texts
            if len(kept) > MOST_LANGUAGES:
                raise CommandRefused(f"The portal speaks {MOST_LANGUAGES} languages at most.")
            if kept != known.texts:
                await portal.write(shop.connection, shop_id, msgspec.structs.replace(known, texts=kept))
                done = "wrote" if language in kept else "removed"
                await shop.tell("portal", f"{by} {done} the portal's words in “{language}”")

    async def set_redirect(self, shop_id: UUID, state: Redirect, by: str) -> None:
        """How far the channel's redirect to the portal is: nobody asked for it, it was asked for, or it is on."""
        async with self._portal(shop_id, by) as (shop, known):
            before = known.redirect
            if before.state is state:
                return
            if state is Redirect.NOT_ASKED:
                now = Redirected()
            elif state is Redirect.ASKED:
                now = Redirected(state, shop.now, by)
            else:
                now = Redirected(state, before.asked_at, before.asked_by, shop.now, by)
            await portal.write(shop.connection, shop_id, msgspec.structs.replace(known, redirect=now))
            await shop.tell("portal", f"{by}: the channel's redirect to the portal is {state.replace('_', ' ')}")

    @asynccontextmanager
    async def _portal(self, shop_id: UUID, by: str) -> AsyncIterator[tuple[ShopCommand, Portal]]:
        """One command, and the settings as they are; another's waits, but not whoever only writes of the shop."""
        async with shop_command(self.pool, shop_id, by) as shop:
            await shop.connection.execute("select from shop where id = $1 for no key update", shop_id)
            yield shop, await portal.settings(shop.connection, shop_id)
