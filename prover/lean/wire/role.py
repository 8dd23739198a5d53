"""Roles of Lean processes; their first request, which sets the role, and the request that tests for a response."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Literal

from pydantic import TypeAdapter

from prover.lean.wire.answers import WorkerInfo
from prover.lean.wire.checks import body, no_answer
from prover.lean.wire.lines import Fields, Request, shaped


class ProcessRole(StrEnum):
    """Determines which requests a process accepts (docs/worker-protocol.md) and how it is confined."""

    WORKER = "worker"
    """Vets all texts that it elaborates, and gives verdicts."""
    ELABORATOR = "elaborator"
    """Runs the code of one client; not trusted."""
    JUDGE = "judge"
    """Elaborates nothing; its kernel checks the exports of elaborators."""


_WORKER_INFO = TypeAdapter(WorkerInfo)


def hello(
    nonce: str,
    imports: Sequence[str],
    vetting: Mapping[str, object],
    cancel: Literal["memory", "stdin"],
    role: ProcessRole = ProcessRole.WORKER,
) -> Request[WorkerInfo]:
    """The first request: sets the answer marker `nonce` (32 hex digits) and the process role, and loads `imports`."""

    def read(fields: Fields, _ms: float, _late: bool) -> WorkerInfo:
        return shaped(_WORKER_INFO, fields)

    fields = {"nonce": nonce, "imports": list(imports), "vetting": vetting, "cancel": cancel, "role": role}
    return Request("hello", body("hello", fields), read, no_answer)


def ping() -> Request[float]:
    """Test whether the worker responds; returns the milliseconds it took."""
    return Request("ping", body("ping", {}), lambda _fields, ms, _late: ms, no_answer)
