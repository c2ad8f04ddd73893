"""`backhaul portal`: what it shows and sets, and what it refuses."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path
from uuid import UUID

import httpx

from backhaul.cli.children import Child
from backhaul.cli.children import backhaul as command
from backhaul.domain.portal import Redirect, Texts
from backhaul.domain.starts import Start
from backhaul.domain.words import Kind
from backhaul.kit.crypto import Vault
from backhaul.store import cases, portal
from backhaul.store.db import open_pool
from backhaul.work import notes
from backhaul.work.beginnings import begin
from backhaul.work.portal import TRIES_OF_CLIENT
from backhaul.work.portal_settings import PortalSettings
from tests.cli.runs import Run, environment
from tests.patience import patient
from tests.web import seeding

ORDER, CODE = "576461413038785752", "SW1A9ZZ"


async def test_a_portal_is_shown_and_set(backhaul: Run, database: str, tmp_path: Path) -> None:
    async def run(*arguments: str, code: int = 0) -> str:
        done = await asyncio.to_thread(backhaul, tmp_path, "portal", "kiln", *arguments, BACKHAUL_DATABASE_URL=database)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    pool = await open_pool(database, 1)
    try:
        shop = await seeding.shop(pool, "Kiln & Co")
        said = await run()
        assert "Buyer portal of Kiln & Co: closed." in said
        assert f"/portal/{shop}?order={{order}}&zip={{zip}}" in said
        assert "[ ] The page was opened." in said
        words = ("--language", "de", "--title", "Retoure", "--help-text", "In der App.")
        said = await run("--open", "--kind", "refund", "--kind", "return", "--redirect", "asked", *words)
        assert "Buyer portal of Kiln & Co: open." in said
        assert "Buyers may ask for: return, refund." in said
        assert "return button: asked for." in said
        await run("--language", "de", "--introduction", "Nummer und Postleitzahl, bitte.")
        found = await portal.settings(pool, shop)
        assert found.texts == {"de": Texts("Retoure", "Nummer und Postleitzahl, bitte.", "In der App.")}
        assert (found.open, found.kinds) == (True, (Kind.RETURN, Kind.REFUND))
        assert (found.redirect.state, found.redirect.asked_by) == (Redirect.ASKED, "cli")
        assert (await run("--request")).startswith("Hello,\n\nfor our shop Kiln & Co")
        assert "--kind: one of return, refund" in await run("--kind", "exchange", code=2)
        assert "which language" in await run("--title", "x", code=2)
        assert "not_asked, asked, on" in await run("--redirect", "soon", code=2)
        assert "is no language" in await run("--language", "german", "--title", "x", code=1)
        assert (await portal.settings(pool, shop)) == found
    finally:
        await pool.close()


async def test_what_buyers_type_stands_in_no_log_of_the_web_process(database: str, tmp_path: Path) -> None:
    """At the most talkative level, and also when it fails; behind a proxy on this machine, buyers are told apart."""
    pool = await open_pool(database, 1)
    log = tmp_path / "serve.log"
    settings = {"BACKHAUL_DATABASE_URL": database, "BACKHAUL_LOG_LEVEL": "debug"}
    serve = Child("serve", command("serve", "--port", "0", "--attached"), environment(tmp_path, **settings), log)
    try:
        shop = await seeding.shop(pool, "Kiln & Co")
        await PortalSettings(pool).set_open(shop, True, "ana")
        locked, other = "203.0.113.1", "203.0.113.2"
        mark = Vault.open(tmp_path / "master.key").mark(f"client/{locked}", b"portal")
        await pool.execute("insert into portal_try (mark, count) values ($1, $2)", mark, TRIES_OF_CLIENT)
        await serve.start()
        end = time.monotonic() + patient(60)
        while not (found := re.search(r"Backhaul is at (http\S+)", log.read_text())):
            assert serve.alive, log.read_text()
            assert time.monotonic() < end, log.read_text()
            await asyncio.sleep(0.1)
        async with httpx.AsyncClient(base_url=f"{found[1]}/portal/{shop}") as buyer:
            moved = await buyer.get("", params={"order": ORDER, "zip": CODE})
            assert moved.status_code == 303
            for client, status in ((locked, 429), (other, 503)):  # the shop's login has never been made
                sent = {"order": ORDER, "zip": CODE}
                answer = await buyer.post("", data=sent, headers={"x-forwarded-for": client})
                assert answer.status_code == status
        await serve.stop(20)
        written = log.read_text()
        assert "Backhaul is at" in written
        assert ORDER not in written
        assert CODE not in written
        # What the channel did not answer was no try, and that of who is locked out neither.
        assert [tuple(row) for row in await pool.fetch("select mark, count from portal_try")] == [
            (mark, TRIES_OF_CLIENT)
        ]
    finally:
        await serve.stop(20)
        await pool.close()


async def test_what_a_buyer_asked_for_is_shown_and_declined(backhaul: Run, database: str, tmp_path: Path) -> None:
    async def run(*arguments: str, code: int = 0) -> str:
        done = await asyncio.to_thread(backhaul, tmp_path, "returns", *arguments, BACKHAUL_DATABASE_URL=database)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    pool = await open_pool(database, 1)
    try:
        shop = await seeding.shop(pool, "Kiln & Co")
        vault = Vault.open(tmp_path / "master.key")
        note = notes.seal(vault, shop, ORDER, "It broke [/dim] at once.")
        start = Start(Kind.RETURN, ORDER, "buyer", 1, ("l1",), buyer=True, note=note)
        async with pool.acquire() as connection, connection.transaction():
            case = str(await begin(connection, shop, start))
        helped = await run("--help")
        assert all(f" {word} " in helped for word in ("show", "confirm", "withdraw", "decline", "arrived"))
        said = await run("show", case)
        assert "the buyer wrote: It broke [/dim] at once." in said
        assert "buyer asked for a return on 1 unit of order" in said
        assert "What shall the buyer read" in await run("decline", case, " ", code=1)
        assert "Declined" in await run("decline", case, "A final sale [/b], sorry.")
        assert "the buyer reads: A final sale [/b], sorry." in await run("show", case)
        assert (await cases.said(pool, UUID(case))).declined == "A final sale [/b], sorry."
    finally:
        await pool.close()
