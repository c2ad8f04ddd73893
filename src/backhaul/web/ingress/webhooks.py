"""Where vendors send webhooks: one address a connection. The raw bytes go on unread; 200 means stored."""

from __future__ import annotations

from litestar import Request, Response, post
from litestar.datastructures import State
from litestar.params import FromPath

from backhaul.web.access import services_of

LIMIT = 1_000_000  # bytes


@post("/hooks/{key:str}", request_max_body_size=LIMIT, include_in_schema=False, status_code=200)
async def webhook(request: Request[None, None, State], key: FromPath[str]) -> Response[None]:
    """Take a webhook in. When the database is away the error handler answers 503, never a false 200."""
    raw = await request.body()
    status = await services_of(request).intake.webhook(key, raw, request.headers)
    return Response(None, status_code=status)
