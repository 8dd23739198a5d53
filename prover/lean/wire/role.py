"""Roles of Lean processes."""

from enum import StrEnum


class ProcessRole(StrEnum):
    """Determines which requests a process accepts (docs/worker-protocol.md) and how it is confined."""

    WORKER = "worker"
    """Vets all texts that it elaborates, and gives verdicts."""
    ELABORATOR = "elaborator"
    """Runs the code of one client; not trusted."""
    JUDGE = "judge"
    """Elaborates nothing; its kernel checks the exports of elaborators."""
