"""Structured logging to stderr, the engine's included.

Texts of theorems and proofs are never logged; a theorem is named by its digest.
"""

import logging
import sys
import traceback

import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

from service.core.text import printable
from service.ops.config import LogSettings


def configure(settings: LogSettings) -> None:
    """Set the process's logging up."""
    console = settings.format == "console" or (settings.format == "auto" and sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.ExceptionRenderer(_exceptions),
    ]
    rendered: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        _escape_controls,
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()) if console else structlog.processors.JSONRenderer(),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=rendered))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    set_level(settings)
    logging.captureWarnings(True)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # its steps are no news to an operator


def set_level(settings: LogSettings) -> None:
    """Log from another severity on; loggers that exist already follow."""
    logging.getLogger().setLevel(settings.level.upper())


def _exceptions(exc_info: ExcInfo) -> str:
    """What was raised and where; neither its message nor variables, which may hold what a user wrote."""
    frames = traceback.extract_tb(exc_info[2])
    places = " < ".join(f"{frame.name} ({frame.filename}:{frame.lineno})" for frame in reversed(frames))
    return f"{exc_info[0].__name__} in {places}"


def _escape_controls(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Keep what a client sent (names of policies, peers) from forging lines or moving the cursor."""
    return {key: printable(value) if isinstance(value, str) else value for key, value in event.items()}
