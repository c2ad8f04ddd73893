"""A browser without scripts: it opens addresses, follows redirects, keeps cookies, and sends the forms of a page."""

from __future__ import annotations

from urllib.parse import urlencode, urljoin, urlsplit

import aiohttp

from backhaul.rehearsal import pages
from backhaul.rehearsal.pages import Form, Page

_FORM = "application/x-www-form-urlencoded"


class Browser:
    """One person's browser; its cookies are gone with it. As context manager. Network failures are aiohttp's."""

    def __init__(self, language: str = "en") -> None:
        # Cookies of a numeric address are kept too: a rehearsal's hub has no name.
        self._session = aiohttp.ClientSession(
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            headers={"accept": "text/html", "accept-language": language},
            timeout=aiohttp.ClientTimeout(total=60),
        )

    async def __aenter__(self) -> Browser:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def open(self, address: str) -> Page:
        """The page at an address, after its redirects."""
        async with self._session.get(address) as answer:
            return await _page(answer)

    async def send(self, page: Page, form: Form, button: str = "") -> Page:
        """Presses a button of a page's form; the page that comes then. Raises pages.NotOffered without such a button.

        A page that says nothing of itself (no-referrer) has its forms sent without an origin, as browsers do.
        """
        target, sent = urljoin(page.address, form.action), form.sent(button)
        if form.method == "get":
            return await self.open(f"{target.partition('?')[0]}?{urlencode(sent)}")
        here = urlsplit(page.address)
        origin = "null" if page.referrer == "no-referrer" else f"{here.scheme}://{here.netloc}"
        headers = {"content-type": _FORM, "origin": origin, "sec-fetch-site": "same-origin"}
        async with self._session.post(target, data=urlencode(sent), headers=headers) as answer:
            return await _page(answer)


async def _page(answer: aiohttp.ClientResponse) -> Page:
    referrer = answer.headers.get("referrer-policy", "")
    return pages.read(await answer.text(), answer.status, str(answer.url), referrer)
