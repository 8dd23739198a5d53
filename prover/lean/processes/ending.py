"""Reasons for the end of a worker process, and the meaning of exit statuses."""

import signal
from enum import StrEnum


class End(StrEnum):
    """The reason why a worker ended. Only the first group can be a candidate's fault."""

    CRASHED = "crashed"
    PROTOCOL_ERROR = "protocol_error"
    FLOOD = "flood"
    INTERNAL = "internal"
    MEMORY = "memory"
    UNRESPONSIVE = "unresponsive"

    OUTSIDE = "outside"
    RECYCLED = "recycled"
    IMPORTS = "imports"
    ISOLATED = "isolated"
    CLOSED = "closed"


class WorkerEndedError(RuntimeError):
    """The process ended before it answered."""

    def __init__(self, end: End, reason: str) -> None:
        """Store the reason and one sentence about it."""
        super().__init__(reason)
        self.end = end


class WorkerStartError(RuntimeError):
    """The process did not start; the text gives the reason and the last output."""


class HeaderRejectedError(RuntimeError):
    """The worker started but cannot load the imports; the text is Lean's message."""


def interpret(code: int) -> tuple[End, str]:
    """Interpret an exit status; wrappers such as lake report signal n as 128 + n."""
    number = -code if code < 0 else code - 128
    if number in (signal.SIGKILL, signal.SIGTERM):
        return End.OUTSIDE, f"was killed by signal {number}"
    return End.CRASHED, f"died of signal {-code}" if code < 0 else f"exited with status {code}"
