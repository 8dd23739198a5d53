"""What a Lean process is for."""

from enum import StrEnum


class ProcessRole(StrEnum):
    """Decides what a process may be asked (docs/worker-protocol.md) and how it is shut in."""

    WORKER = "worker"
    """Vets whatever it elaborates, and gives verdicts."""
    ELABORATOR = "elaborator"
    """Runs the code of one client, and is not trusted."""
    JUDGE = "judge"
    """Elaborates nothing; its kernel looks at what elaborators hand out."""
