"""The body of a call, as the API reads it."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.exceptions import SerializationException


class ApiRequest(Request[Any, Any, Any]):
    """A request whose body is no JSON when it is no UTF-8, or nested without end: the framework lets both through as
    errors of ours."""

    async def json(self) -> Any:
        """The decoded body. Raises SerializationException, which is answered with 400."""
        try:
            return await super().json()
        except UnicodeDecodeError:
            raise SerializationException("The body is no text in UTF-8.") from None
        except RecursionError:
            raise SerializationException("The body is nested too deeply.") from None
