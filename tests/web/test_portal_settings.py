"""A shop's buyer portal as its people set it: page and REST, in words and in effect."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from backhaul.domain.portal import Portal, Redirect, Texts
from backhaul.domain.words import Kind, Stage
from backhaul.kit.ids import uuid7
from backhaul.store import portal
from tests.web import seeding
from tests.web.conftest import BASE, Web


async def visit(web: Web, shop: UUID, case: UUID | None = None) -> None:
    """Somebody who has found an order, and, with a case, asked for it."""
    await web.pool.execute(
        "insert into portal_visit (id, token, csrf, shop_id, order_id, ends_at, asked_at, case_id) "
        "values ($1, $2, 'c', $3, '5', now(), case when $4::uuid is null then null else now() end, $4)",
        uuid7(),
        uuid7().bytes,
        shop,
        case,
    )


async def test_a_closed_portal_says_how_it_is_opened_and_asked_for(web: Web) -> None:
    csrf = await web.sign_in()
    shop = await seeding.shop(web.pool, "Kiln & Co")
    path = f"/shops/{shop}/portal"
    assert f'href="{path}"' in (await web.get("/connections")).text
    html = (await web.get(path)).text
    for text in (
        "Closed", f"{BASE}/portal/{shop}", f"{BASE}/portal/{shop}?order={{order}}&amp;zip={{zip}}", "Not asked for",
        "our shop Kiln &amp; Co", "Open the portal first.", "0 of 4 seen", "not secure",
    ):  # fmt: skip
        assert text in html, text
    assert (await web.post(f"{path}/open", {"csrf": csrf, "open": "yes"})).status_code == 303
    assert (await web.post(f"{path}/kinds", {"csrf": csrf, "kind": ["return", "refund"]})).status_code == 303
    words = {"csrf": csrf, "language": "de", "title": "Retoure", "introduction": "<b>Nummer</b>", "help": ""}
    assert (await web.post(f"{path}/texts", words)).status_code == 303
    assert (await web.post(f"{path}/redirect", {"csrf": csrf, "state": "asked"})).status_code == 303
    found = await portal.settings(web.pool, shop)
    assert (found.open, found.kinds) == (True, (Kind.RETURN, Kind.REFUND))
    assert found.texts == {"de": Texts("Retoure", "<b>Nummer</b>")}
    assert (found.redirect.state, found.redirect.asked_by) == (Redirect.ASKED, "Dana")
    html = (await web.get(path)).text
    assert "Close the portal" in html
    assert f"{BASE}/portal/{shop}?lang=de" in html
    assert "&lt;b&gt;Nummer&lt;/b&gt;" in html
    assert "by Dana" in html
    assert "It is on" in html


@pytest.mark.parametrize(
    ("what", "form", "text"),
    [
        ("kinds", {}, "one or both of return, refund"),
        ("texts", {"language": "german", "title": "x"}, "is no language"),
        ("texts", {"title": "x"}, "The language is missing."),
        ("texts", {"language": "de", "title": "x" * 81}, "longer than 80 characters"),
        ("redirect", {"state": "soon"}, "not_asked, asked, on"),
    ],
)
async def test_what_makes_no_sense_is_said_and_changes_nothing(
    web: Web, what: str, form: dict[str, Any], text: str
) -> None:
    csrf = await web.sign_in()
    shop = await seeding.shop(web.pool)
    answer = await web.post(f"/shops/{shop}/portal/{what}", {"csrf": csrf, **form})
    assert answer.status_code in (400, 422)
    assert text in answer.text
    assert await portal.settings(web.pool, shop) == Portal()


async def test_who_may_only_look_changes_nothing(web: Web) -> None:
    csrf = await web.sign_in("finance")
    shop = await seeding.shop(web.pool)
    html = (await web.get(f"/shops/{shop}/portal")).text
    assert "Open the portal</button>" not in html
    assert (await web.post(f"/shops/{shop}/portal/open", {"csrf": csrf, "open": "yes"})).status_code == 403
    assert not (await portal.settings(web.pool, shop)).open
    assert (await web.get(f"/shops/{uuid7()}/portal")).status_code == 404


async def test_a_test_return_is_ticked_step_by_step(web: Web) -> None:
    await web.sign_in()
    shop = await seeding.shop(web.pool)
    headers = await web.token()

    async def seen() -> list[str]:
        body = (await web.get(f"/api/v1/shops/{shop}/portal", headers=headers)).json()
        return [each["name"] for each in body["test"] if each["done"]]

    async with web.pool.acquire() as db:
        await portal.write(db, shop, Portal(open=True))
    assert await seen() == []
    await portal.looked_at(web.pool, shop, False)
    assert await seen() == ["opened"]
    await visit(web, shop)
    assert await seen() == ["opened", "found"]
    case = await seeding.put(web.pool, shop, seeding.channel_case(Stage.REQUESTED))
    await web.pool.execute("update return_case set channel_id = null where id = $1", case)
    await visit(web, shop, case)
    assert await seen() == ["opened", "found", "asked"]
    html = (await web.get(f"/shops/{shop}/portal")).text
    assert f'href="/cases/{case}"' in html
    assert "3 of 4 seen" in html
    await web.pool.execute("update return_case set channel_id = '40351' where id = $1", case)
    assert await seen() == ["opened", "found", "asked", "known"]
    assert "TikTok Shop knows it as 40351." in (await web.get(f"/shops/{shop}/portal")).text
    await portal.looked_at(web.pool, shop, True)
    assert await seen() == ["opened", "filled", "found", "asked", "known"]


async def test_programs_do_the_same(web: Web) -> None:
    shop, headers = await seeding.shop(web.pool), await web.token()
    base = f"/api/v1/shops/{shop}/portal"
    for path, body in (("open", {"open": True}), ("kinds", {"kinds": ["refund"]}), ("redirect", {"state": "on"})):
        answer = await web.client.post(f"{base}/{path}", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
    said = {"title": "Returns", "help": "Look in the app."}
    assert (await web.client.put(f"{base}/texts/en", json=said, headers=headers)).status_code == 200
    found = (await web.get(base, headers=headers)).json()
    assert found["settings"]["open"] is True
    assert found["settings"]["kinds"] == ["refund"]
    assert found["settings"]["texts"] == {"en": {"title": "Returns", "introduction": "", "help": "Look in the app."}}
    assert (found["settings"]["redirect"]["state"], found["settings"]["redirect"]["on_by"]) == ("on", "robot")
    assert found["redirect_address"] == f"{BASE}/portal/{shop}?order={{order}}&zip={{zip}}"
    assert found["redirect_address"] in found["request"]
    wrong = await web.client.put(f"{base}/texts/english", json=said, headers=headers)
    assert wrong.status_code in (400, 422)
    assert "no language" in wrong.text
    reader = await web.token("finance", "reader")
    assert (await web.client.post(f"{base}/open", json={"open": False}, headers=reader)).status_code == 403
    assert (await web.get(f"/api/v1/shops/{uuid7()}/portal", headers=headers)).status_code == 404
