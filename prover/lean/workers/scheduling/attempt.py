"""One attempt of a job in a worker: the deadline, cancellation, and the consequences of the worker's end."""

import asyncio
from typing import Any, NamedTuple

from prover.lean.processes.ending import End, WorkerEndedError
from prover.lean.processes.process import WorkerProcess
from prover.lean.wire.checks import NoAnswerError
from prover.lean.wire.lines import AnswerError, ProtocolError, accepted
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


async def attempt(worker: WorkerProcess, job: Job[Any], grace: float) -> Ended | None:
    """Try a job once. At its deadline, or when its caller leaves, Lean is told to stop within `grace` seconds.

    Returns:
        None if the job is complete and the worker can take the next one; otherwise the worker is dead or must be
        killed, and `after_end` handles the job.
    """
    loop = asyncio.get_running_loop()
    started = loop.time()
    answer = worker.ask(job.request)
    # 1. Wait for the answer, the deadline, or the caller to leave.
    await asyncio.wait({answer, job.future}, timeout=job.seconds, return_when=asyncio.FIRST_COMPLETED)
    # 2. No answer: cancel inside Lean, to keep the warm environment; kill only if that fails.
    late = not answer.done()
    if late and not await worker.cancel(grace):
        stopped = await asyncio.to_thread(worker.stopped)
        end = End.OUTSIDE if stopped else End.UNRESPONSIVE
        worker.kill(end, "was stopped by a signal" if stopped else f"ignored its cancelling for {grace:g} s")
    # 3. Parse the answer.
    try:
        fields = accepted(await answer)
        ms = 1000 * (loop.time() - started)
        if not job.future.done():
            job.future.set_result(job.request.read(fields, ms, late))
        return None
    except NoAnswerError as error:  # a failed look-up: the worker is in order
        job.future.set_exception(error)
        return None
    except WorkerEndedError as error:
        return Ended(error.end, worker.why, 1000 * (loop.time() - started))
    except ProtocolError as error:
        return Ended(End.PROTOCOL_ERROR, f"violated the worker protocol ({error})", 1000 * (loop.time() - started))
    except AnswerError as error:
        ms = 1000 * (loop.time() - started)
        if error.code == "bad_header":
            job.fail(VerdictKind.INVALID_STATEMENT, str(error), ms)
        elif error.code == "bad_request":
            job.fail(VerdictKind.INFRASTRUCTURE, f"the worker does not understand the request: {error}", ms)
        else:
            return Ended(End.INTERNAL, f"failed inside: {error}", ms)
        return None


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
