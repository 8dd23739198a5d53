"""The command `leansieve`, in processes of its own."""

import asyncio
import atexit
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import psutil

SERVICE = ("-m", "service")
_ROOT = Path(__file__).parents[2]


class _Forks:
    """A process from which commands are forked (`programs/forks.py`), started when the first is."""

    def __init__(self) -> None:
        self._starting = threading.Lock()
        self._requests: socket.socket | None = None

    def run(self, arguments: list[str], environment: Mapping[str, str], seconds: float) -> tuple[int, str, str]:
        """The exit status of a command, its stdout and its stderr."""
        request = {"arguments": arguments, "folder": os.getcwd(), "environment": dict(environment)}
        told, theirs = socket.socketpair()
        with told, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            told.settimeout(seconds)
            with theirs:
                files = [out.fileno(), err.fileno(), theirs.fileno()]
                socket.send_fds(self._started(), [json.dumps(request).encode()], files)
            with told.makefile("r") as lines:
                command = int(lines.readline())
                try:
                    status = int(lines.readline())
                except TimeoutError:
                    os.kill(command, signal.SIGKILL)
                    raise
            for file in (out, err):
                file.seek(0)
            return status, out.read().decode(), err.read().decode()

    def _started(self) -> socket.socket:
        with self._starting:
            if self._requests is None:
                self._requests, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
                with theirs:
                    number = theirs.fileno()
                    process = subprocess.Popen(
                        [sys.executable, "-m", "tests.support.programs.forks", str(number)],
                        cwd=_ROOT,
                        pass_fds=[number],
                        stdin=subprocess.DEVNULL,
                    )
                atexit.register(process.wait)
                atexit.register(self._requests.close)
            return self._requests


_forks = _Forks()


def leansieve(
    *arguments: str | Path, seconds: float = 120, program: tuple[str, ...] = SERVICE, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, or another program of Python; the command without what only Python reads is forked."""
    command, environment = [*map(str, arguments)], {**os.environ, **environment}
    if program == SERVICE and not any(name.startswith("PYTHON") for name in environment.keys() - os.environ.keys()):
        return subprocess.CompletedProcess(command, *_forks.run(command, environment, seconds))
    return subprocess.run(
        [sys.executable, *program, *command],
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        env=environment,
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
