"""One job in one worker: the deadline, the cancelling, and what a worker's end means for the job."""

import asyncio
from typing import Any, NamedTuple

from prover.lean.processes.ending import End, WorkerEndedError
from prover.lean.processes.process import WorkerProcess
from prover.lean.wire.lines import AnswerError, ProtocolError, accepted
from prover.lean.wire.reading import NoAnswerError
from prover.lean.workers.jobs import Job
from prover.verdict import VerdictKind

MOST_DISTURBANCES = 2
"""How often a job is tried again after somebody outside ended its worker."""

SHUTTING_DOWN = "the checker is shutting down"


class Ended(NamedTuple):
    """How an attempt ended its worker: why, one clause about it, milliseconds since the attempt began."""

    end: End
    why: str
    ms: float


async def attempt(worker: WorkerProcess, job: Job[Any], grace: float) -> Ended | None:
    """Try a job once. At its deadline, or when its caller goes, Lean is told to stop and has `grace` seconds to do so.

    Returns:
        None if the job is settled and the worker can take the next one; otherwise the worker is dead or must be
        killed, and `after_end` says what becomes of the job.
    """
    loop = asyncio.get_running_loop()
    started = loop.time()
    answer = worker.ask(job.request)
    # 1. Wait for the answer, the deadline, or the caller's leaving.
    await asyncio.wait({answer, job.future}, timeout=job.seconds, return_when=asyncio.FIRST_COMPLETED)
    # 2. No answer: cancel inside Lean, so that the warm environment survives; kill only if that does not work.
    late = not answer.done()
    if late and not await worker.cancel(grace):
        stopped = await asyncio.to_thread(worker.stopped)
        end = End.OUTSIDE if stopped else End.UNRESPONSIVE
        worker.kill(end, "was stopped by a signal" if stopped else f"ignored its cancelling for {grace:g} s")
    # 3. Read what came.
    try:
        fields = accepted(await answer)
        ms = 1000 * (loop.time() - started)
        if not job.future.done():
            job.future.set_result(job.request.read(fields, ms, late))
        return None
    except NoAnswerError as error:  # the answer is that there is none: nothing is wrong with the worker
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
    """Settle a job whose worker ended, or say that it is to be tried again.

    A worker that dies on a candidate: once more, in a fresh worker; a second death is the candidate's. An end from
    outside is not the job's fault and is tried again too, but not for ever.
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
