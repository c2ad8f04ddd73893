"""A buyer in the hub's portal: follows the link of the app, names the order, asks, and looks what became of it.

Everything goes over the pages that a buyer gets, in a browser without scripts; what a page does not offer is not done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import aiohttp

from backhaul.rehearsal.browser import Browser
from backhaul.rehearsal.pages import Choice, Form, NotOffered, Page
from backhaul.rehearsal.seller import RestSeller
from backhaul.simulator.scenario.model import Act
from backhaul.simulator.scenario.vocabulary import KINDS
from backhaul.simulator.scenario.world import Cast, NotYet, Play

_WRONG = ("99999", "00000")  # postal codes of nobody
_SAID = 300  # characters of a page that are told


@dataclass(frozen=True, slots=True)
class Wish:
    """What a buyer wants: `kind` as the portal has it, ids of the order's lines (all that are offered, when left out),
    and the key of a reason (the first that fits, when left out)."""

    kind: str
    lines: Sequence[str] = ()
    reason: str = ""


class Shopper:
    """Buyers of many stories, each with a browser of their own."""

    def __init__(self, seller: RestSeller) -> None:
        self._seller = seller
        self._mistyped: Counter[str] = Counter()  # order -> wrong codes typed so far; who comes again mistypes no more

    async def ask(self, play: Play, act: Act, address: str) -> Cast:
        """Asks for what the act says, once. Raises NotYet with what the portal says while that is not possible."""
        try:
            found = await self._seller.case_of_buyer(play, act.case)
            if found is None:
                lines = [play.order["line_ids"][number - 1] for number in act.values.get("units", ())]
                kind = next(name for name, word in KINDS.items() if word == act.values["kind"])
                await self._mistype(play, act, address)
                await ask(address, Wish(kind, lines or play.order["line_ids"], act.values.get("reason", "")))
                found = await self._seller.case_of_buyer(play, act.case)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise NotYet(f"{act}: the hub did not answer: {str(error) or type(error).__name__}") from error
        if found is None:
            raise NotYet(f"{act}: the hub shows no case of the order")
        return found

    async def look(self, play: Play, act: Act, address: str) -> None:
        """Looks the order up again. Raises NotYet while the words of the act do not stand there."""
        try:
            async with Browser() as browser:
                page = await _order(browser, address)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise NotYet(f"{act}: the hub did not answer: {str(error) or type(error).__name__}") from error
        if act.values["sees"] not in page.text:
            raise NotYet(f"{act}: {_says(page)}")

    async def _mistype(self, play: Play, act: Act, address: str) -> None:
        while self._mistyped[play.order["id"]] < act.values.get("wrong_code", 0):
            async with Browser() as browser:
                page = await browser.open(address)
                form = _form(page, "order", "zip")
                form.type("zip", next(code for code in _WRONG if code != form.fields["zip"].value))
                page = await browser.send(page, form)
            if page.status >= 500:
                raise NotYet(_says(page))
            if not page.has("order", "zip"):
                raise NotYet(f"a wrong postal code was no hindrance: {_says(page)}")
            self._mistyped[play.order["id"]] += 1


async def ask(address: str, wish: Wish) -> Page:
    """Follows a link to a portal and asks there; the page that comes then. Raises NotYet, with what the portal says,
    where it does not come to that."""
    async with Browser() as browser:
        page = await _order(browser, address)
        link = next((link for link, _ in page.links if f"kind={wish.kind}" in urlsplit(link).query), "")
        if link:
            page = await browser.open(urljoin(page.address, link))
        form = _form(page, "kind", "unit")
        if form.fields["kind"].value != wish.kind:
            raise NotYet(f"the portal takes no {wish.kind}: {_says(page)}")
        try:
            form.pick("unit", wish.lines or [each.value for each in _offered(form, "unit")])
            if form.fields["reason"].kind == "select":  # the only one there is need not be chosen
                form.pick("reason", [wish.reason or _offered(form, "reason")[0].value])
            page = await browser.send(page, form)
        except NotOffered as error:
            raise NotYet(f"the portal: {error.args[0]}") from None
    if page.status >= 400:
        raise NotYet(_says(page))
    return page


async def _order(browser: Browser, address: str) -> Page:
    """The page of the order, which the link names."""
    page = await browser.open(address)
    page = await browser.send(page, _form(page, "order", "zip"))
    if page.status >= 400:
        raise NotYet(_says(page))
    return page


def _form(page: Page, *names: str) -> Form:
    try:
        return page.form(*names)
    except NotOffered:
        raise NotYet(_says(page)) from None


def _offered(form: Form, name: str) -> list[Choice]:
    """What can be picked; an empty value stands for nothing picked."""
    found = [each for each in form.fields[name].choices if each.usable and each.value]
    if not found:
        raise NotOffered(f"nothing is offered as “{name}”")
    return found


def _says(page: Page) -> str:
    return f"the portal says ({page.status}): {' '.join(page.text.split())[:_SAID]}"
