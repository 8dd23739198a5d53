"""How a worker process ends, and what its exit status says about it."""

import signal
from enum import StrEnum


class End(StrEnum):
    """Why a worker ended. Only the first group can be a candidate's fault."""

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
        """Keep the reason and one sentence about it."""
        super().__init__(reason)
        self.end = end


class WorkerStartError(RuntimeError):
    """The process did not come up; the text says how it ended and shows its last words."""


class HeaderRejectedError(RuntimeError):
    """The worker came up but cannot load the imports; the text is Lean's."""


def interpret(code: int) -> tuple[End, str]:
    """What an exit status says; 128 + n is how a wrapper such as lake reports signal n."""
    number = -code if code < 0 else code - 128
    if number in (signal.SIGKILL, signal.SIGTERM):
        return End.OUTSIDE, f"was killed by signal {number}"
    return End.CRASHED, f"died of signal {-code}" if code < 0 else f"exited with status {code}"
