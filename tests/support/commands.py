"""The command `leansieve` in child processes."""

import asyncio
import atexit
import contextlib
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import psutil

SERVICE = ("-m", "service")
_ROOT = Path(__file__).parents[2]
_PROGRAMS = Path(__file__).with_name("programs")
_LINE_BYTES = 1 << 20


class _Forks:
    """A process from which commands are forked (`programs/forks.py`), started when the first is."""

    def __init__(self) -> None:
        self._starting = threading.Lock()
        self._address = ""

    def start(
        self, arguments: Sequence[str], environment: Mapping[str, str], files: Sequence[int], module: str, folder: Path
    ) -> socket.socket:
        """A socket on which the process id of a command is told, and then its exit status. `files` are its stdin, stdout, stderr."""
        request = {"arguments": arguments, "folder": str(folder), "environment": dict(environment), "module": module}
        told, theirs = socket.socketpair()
        with theirs, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as requests:
            requests.connect(self.address())
            socket.send_fds(requests, [json.dumps(request).encode()], [*files, theirs.fileno()])
        return told

    def address(self) -> str:
        """Where requests go."""
        with self._starting:
            if not self._address:
                folder = tempfile.mkdtemp(prefix="forks")
                address = f"{folder}/requests"
                with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as requests:
                    requests.bind(address)
                    process = subprocess.Popen(
                        [sys.executable, "-m", "tests.support.programs.forks", str(requests.fileno())],
                        cwd=_ROOT,
                        pass_fds=[requests.fileno()],
                        stdin=subprocess.PIPE,
                    )
                atexit.register(shutil.rmtree, folder)
                atexit.register(process.communicate)  # closes its stdin, which ends it
                self._address = address
            return self._address


_forks = _Forks()


def _run(
    arguments: Sequence[str], environment: Mapping[str, str], seconds: float, module: str
) -> subprocess.CompletedProcess[str]:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, open(os.devnull, "rb") as nothing:
        files = [nothing.fileno(), out.fileno(), err.fileno()]
        with _forks.start(arguments, environment, files, module, Path.cwd()) as told, told.makefile("r") as lines:
            told.settimeout(seconds)
            command = int(lines.readline())
            try:
                status = int(lines.readline())
            except TimeoutError:
                os.kill(command, signal.SIGKILL)
                raise
        for file in (out, err):
            file.seek(0)
        return subprocess.CompletedProcess([*arguments], status, out.read().decode(), err.read().decode())


def leansieve(
    *arguments: str | Path, seconds: float = 120, program: tuple[str, ...] = SERVICE, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, or another program of Python; modules without what only Python reads are forked."""
    command, environment = [*map(str, arguments)], {**os.environ, **environment}
    switch, name = program
    if switch == "-m" and not any(name.startswith("PYTHON") for name in environment.keys() - os.environ.keys()):
        return _run(command, environment, seconds, name)
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


def program() -> list[str]:
    """The command `leansieve` for those who start a program by its name and talk with it: a client of the process that forks commands."""
    return [sys.executable, "-I", "-S", str(_PROGRAMS / "client.py"), _forks.address()]


def script() -> str:
    """A shell script that is the command `leansieve`."""
    return f'#!/bin/sh\nexec {shlex.join(program())} "$@"\n'


class Running:
    """A command that runs, as `asyncio.subprocess.Process` has it."""

    def __init__(self, pid: int, stdout: asyncio.StreamReader, stderr: asyncio.StreamReader) -> None:
        self.pid = pid
        self.stdout, self.stderr = stdout, stderr
        self.returncode: int | None = None
        self._ended = asyncio.Event()

    async def follow(self, told: asyncio.StreamReader) -> None:
        """Note its exit status when it is told."""
        self.returncode = int(await told.readline())
        self._ended.set()

    async def wait(self) -> int:
        """Its exit status, at its end."""
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    async def communicate(self) -> tuple[bytes, bytes]:
        """The rest of its stdout and its stderr, at its end."""
        out, err, _ = await asyncio.gather(self.stdout.read(), self.stderr.read(), self.wait())
        return out, err

    def send_signal(self, number: int) -> None:
        """Unless it has ended."""
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):  # its end has not been told yet
                os.kill(self.pid, number)

    def kill(self) -> None:
        """By SIGKILL."""
        self.send_signal(signal.SIGKILL)


async def _reader(stack: contextlib.ExitStack, file: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader(_LINE_BYTES)
    pipe = os.fdopen(file, "rb")
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), pipe
    )
    stack.callback(transport.close)
    return reader


@contextlib.asynccontextmanager
async def running(*arguments: str | Path, folder: Path | None = None, **environment: str) -> AsyncIterator[Running]:
    """A command. If it still runs at the end, it is killed and what it has started ends with it."""
    environment = {**os.environ, **environment}
    command = [*map(str, arguments)]
    with contextlib.ExitStack() as stack:
        (out, out_end), (err, err_end) = os.pipe(), os.pipe()
        nothing = os.open(os.devnull, os.O_RDONLY)
        try:
            files = [nothing, out_end, err_end]
            told = await asyncio.to_thread(_forks.start, command, environment, files, "service", folder or Path.cwd())
        finally:
            for file in (nothing, out_end, err_end):
                os.close(file)
        stdout, stderr = await _reader(stack, out), await _reader(stack, err)
        reader, writer = await asyncio.open_connection(sock=told)
        stack.callback(writer.close)
        process = Running(int(await reader.readline()), stdout, stderr)
        following = asyncio.create_task(process.follow(reader))
        children: list[psutil.Process] = []
        try:
            yield process
        finally:
            if process.returncode is None:
                with contextlib.suppress(psutil.NoSuchProcess):
                    children = psutil.Process(process.pid).children(recursive=True)
                process.kill()
            await following
            await asyncio.to_thread(psutil.wait_procs, children, 30)
