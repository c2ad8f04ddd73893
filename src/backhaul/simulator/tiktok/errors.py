"""The one exception of the simulated channel: an answer with a code."""

from __future__ import annotations

_STATUSES: dict[int, tuple[int, ...]] = {
    36009002: (429,),
    36009003: (500, 200),
    36009004: (400, 200),
    36009009: (404, 400),
    36009010: (405, 400),
    36009014: (400, 404),
    36009021: (413, 400),
    105001: (401, 200),
    105002: (401, 200),
    105005: (403, 401),
    106001: (401, 400),
    106013: (400, 200),
    101000: (400, 401),
}


class ApiError(Exception):
    """A refusal. The HTTP status is chosen by the gateway: the body decides, and clients that trust the status fail."""

    def __init__(self, code: int, message: str, status: int | None = None) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message
        self.status = status

    def statuses(self) -> tuple[int, ...]:
        """HTTP statuses this code is answered with, in turn."""
        if self.status is not None:
            return (self.status,)
        return _STATUSES.get(self.code, (200, 200, 400))
