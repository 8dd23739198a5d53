"""Decides after the end of a worker whether its job is retried or gets a verdict."""

from typing import Any, NamedTuple

from prover.lean.processes.ending import End
from prover.lean.workers.jobs import Job
from prover.verdict import VerdictKind

MOST_DISTURBANCES = 2
"""Number of retries of a job after its worker was ended from outside."""

SHUTTING_DOWN = "the checker is shutting down"


class Ended(NamedTuple):
    """The end of a worker during an attempt: the reason, one clause about it, milliseconds since the attempt began."""

    end: End
    why: str
    ms: float


def after_end(job: Job[Any], ended: Ended) -> bool:
    """Complete a job whose worker ended, or return that it is to be retried.

    If a worker dies on a candidate, the job gets one retry in a fresh worker; a second death counts against the
    candidate. An end from outside also leads to a retry, a limited number of times.
    """
    if job.future.done():
        return False
    text = f"the Lean worker {ended.why}"
    match ended.end:
        case End.UNRESPONSIVE:
            job.fail(VerdictKind.TIMEOUT, f"no answer within {job.seconds:g} s", ended.ms)
        case End.MEMORY:
            job.fail(VerdictKind.OUT_OF_RESOURCES, text, ended.ms)
        case End.CLOSED:
            job.fail(VerdictKind.INFRASTRUCTURE, SHUTTING_DOWN, ended.ms)
        case End.OUTSIDE:
            job.disturbances += 1
            if job.disturbances <= MOST_DISTURBANCES:
                return True
            job.fail(VerdictKind.INFRASTRUCTURE, text, ended.ms)
        case _:
            job.deaths += 1
            if job.deaths == 1:
                return True
            job.fail(VerdictKind.OUT_OF_RESOURCES, text, ended.ms)
    return False
