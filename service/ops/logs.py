"""Structured logging to stderr, the engine's included.

Texts of theorems and proofs are never logged; a theorem is identified by its digest.
"""

import logging
import sys
import time
import traceback
from collections.abc import Callable

import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

from service.core.limits.text import printable
from service.ops.config import LogSettings


def configure(settings: LogSettings) -> None:
    """Configure the logging of the process."""
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
    handler.addFilter(Bounded())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    set_level(settings)
    logging.captureWarnings(True)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # its steps do not matter to operators


class Bounded(logging.Filter):
    """Limits floods of log lines: for each event, warnings and refusals beyond `most` within `seconds` are left out.

    Strangers must not be able to fill the disk. The first line after a flood reports the number left out.
    """

    def __init__(self, most: int = 100, seconds: float = 10.0, clock: Callable[[], float] = time.monotonic) -> None:
        """Create a filter."""
        super().__init__()
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._windows: dict[tuple[str, int, str], tuple[float, int]] = {}  # its beginning and its number of lines

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this line is written."""
        event = str(record.msg.get("event")) if isinstance(record.msg, dict) else str(record.msg)
        if record.levelno < logging.WARNING and event != "refused":
            return True
        key, now = (record.name, record.levelno, event), self._clock()
        began, count = self._windows.get(key, (now, 0))
        left_out = 0
        if now - began >= self._seconds:
            began, count, left_out = now, 0, max(0, count - self._most)
        self._windows[key] = began, count + 1
        if len(self._windows) > _MOST_EVENTS:
            del self._windows[next(iter(self._windows))]
        if left_out and isinstance(record.msg, dict):
            record.msg = {**record.msg, "left_out_before": left_out}
        return count < self._most


_MOST_EVENTS = 1000  # remembered


def set_level(settings: LogSettings) -> None:
    """Set the minimum severity, for existing loggers, too."""
    logging.getLogger().setLevel(settings.level.upper())


def _exceptions(exc_info: ExcInfo) -> str:
    """Log the type and position of an exception, without its message and variables, which may contain user texts."""
    frames = traceback.extract_tb(exc_info[2])
    places = " < ".join(f"{frame.name} ({frame.filename}:{frame.lineno})" for frame in reversed(frames))
    return f"{exc_info[0].__name__} in {places}"


def _escape_controls(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Escape control characters, so that client texts (names of policies, peers) cannot forge lines or move the
    cursor.
    """
    return {key: printable(value) if isinstance(value, str) else value for key, value in event.items()}
