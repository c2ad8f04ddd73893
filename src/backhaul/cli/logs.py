"""What the processes log: for people on a terminal, as one JSON object a line everywhere else."""

from __future__ import annotations

import logging
import sys

import structlog

from backhaul.settings import Settings

_CHATTY = ("alembic", "pgqueuer", "uvicorn.access", "uvicorn.error", "asyncio")


def configure(settings: Settings, *, quiet: bool = False) -> None:
    """Set up logging of this process, to standard error. ``quiet``: errors only, for commands that talk themselves."""
    level = logging.ERROR if quiet else logging.getLevelNamesMapping()[settings.log_level.upper()]
    people = settings.log_format == "console" or (settings.log_format == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if people else "iso", utc=not people),
    ]
    last: list[structlog.typing.Processor] = (
        # The one that is chosen by itself prints the values of variables: tokens, and what buyers type.
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if people
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
