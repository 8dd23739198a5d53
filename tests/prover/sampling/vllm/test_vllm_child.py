"""Engines whose owner has ended: the processes are real, but do not run vLLM."""

import asyncio
import sys

import psutil

from tests.support.waiting import becomes

OWNER = """
import multiprocessing, time
from multiprocessing import forkserver

if __name__ == "__main__":
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["prover.sampling.vllm.vllm_child"])
    engine = context.Process(target=time.sleep, args=(600,))
    engine.start()
    print(engine.pid, forkserver._forkserver._forkserver_pid, flush=True)
    engine.join()
"""


async def test_an_engine_and_what_it_was_forked_from_end_when_their_owner_is_killed() -> None:
    owner = await asyncio.create_subprocess_exec(sys.executable, "-c", OWNER, stdout=asyncio.subprocess.PIPE)
    assert owner.stdout is not None
    engine, forks = map(int, (await owner.stdout.readline()).split())
    assert psutil.Process(engine).ppid() == forks
    owner.kill()
    await owner.wait()
    assert await becomes(lambda: not (psutil.pid_exists(engine) or psutil.pid_exists(forks)))
