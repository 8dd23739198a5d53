"""Structured logging to stderr. Texts of theorems and proofs are never logged; a theorem is named by its digest."""

import logging
import sys

import structlog
from structlog.typing import EventDict, WrappedLogger

from service.config import LogSettings
from service.text import printable


def _escape_controls(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Keep what a client sent (names of policies, peers) from forging lines or moving the cursor."""
    return {key: printable(value) if isinstance(value, str) else value for key, value in event.items()}


def configure(settings: LogSettings) -> None:
    """Set the process's logging up."""
    console = settings.format == "console" or (settings.format == "auto" and sys.stderr.isatty())
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.dict_tracebacks if not console else structlog.processors.format_exc_info,
            _escape_controls,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
            if console
            else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(
        stream=sys.stderr, level=max(level, logging.WARNING), format="%(levelname)s %(name)s: %(message)s"
    )
