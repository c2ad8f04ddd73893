"""Keeps other web pages away from what steers the simulator: a page in the same browser could post to this machine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

from backhaul.simulator.delivery import RealAddressRefused, require_local_address

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def only_from_here(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Refuses a request that another site's page sends, and one that comes by a public name.

    A browser names the page it comes from in every request that changes something. A name of the internet that leads
    to this machine (DNS rebinding) is refused, whatever is asked.
    """
    try:
        require_local_address(f"http://{request.host}")
    except RealAddressRefused:
        raise web.HTTPForbidden(text="this address is for this machine and private networks only") from None
    origin = request.headers.get("Origin")
    from_elsewhere = origin is not None and urlsplit(origin).netloc != request.host
    if request.method not in ("GET", "HEAD"):
        from_elsewhere = from_elsewhere or request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site")
    if from_elsewhere:
        raise web.HTTPForbidden(text="another site's page may not steer the simulator")
    return await handler(request)
