"""Web applications for tests. To build one costs more than most tests do with it, so an idle one is used again.

Nothing of a test stays behind in one: what it works with is handed over anew, all else is code.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from litestar import Litestar

from backhaul.web.app import create_app, hand_over
from backhaul.web.services import Services

_idle: defaultdict[str, list[Litestar]] = defaultdict(list)  # by version


@contextmanager
def application(services: Services) -> Iterator[Litestar]:
    """The application on these services, which nobody else uses meanwhile."""
    idle = _idle[services.version]
    app = idle.pop() if idle else create_app(services)
    hand_over(app, services)
    try:
        yield app
    finally:
        idle.append(app)
