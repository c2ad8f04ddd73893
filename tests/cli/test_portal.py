"""`backhaul portal`: what it shows and sets, and what it refuses."""

from __future__ import annotations

import asyncio
from pathlib import Path

from backhaul.domain.portal import Redirect, Texts
from backhaul.domain.words import Kind
from backhaul.store import portal
from backhaul.store.db import open_pool
from tests.cli.runs import backhaul
from tests.web import seeding


async def test_a_portal_is_shown_and_set(database: str, tmp_path: Path) -> None:
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
