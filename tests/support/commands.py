"""The command `leansieve`, in processes of its own."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil

SERVICE = ("-m", "service")


def leansieve(
    *arguments: str | Path, seconds: float = 120, program: tuple[str, ...] = SERVICE, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *program, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        env={**os.environ, **environment},
    )


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """The one sentence of a command that was refused."""
    assert done.returncode == 2
    assert done.stdout == ""
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0].removeprefix("leansieve: ")


@contextlib.asynccontextmanager
async def running(*arguments: str | Path, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A command without spare workers. If it still runs at the end, it is killed and what it has started ends with it."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *SERVICE, *map(str, arguments)),
        stdout=pipe,
        stderr=pipe,
        env={**os.environ, "LEANSIEVE_LEAN__SPARES": "0", **environment},
    )
    children: list[psutil.Process] = []
    try:
        yield process
    finally:
        if process.returncode is None:
            with contextlib.suppress(psutil.NoSuchProcess):
                children = psutil.Process(process.pid).children(recursive=True)
            process.kill()
            await process.wait()
        await asyncio.to_thread(psutil.wait_procs, children, 30)
