"""A conversation with an embedded Lean that runs `program.lean`, and how its files are shared."""

import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Self

from prover.lean.runtimes.embedded import EmbeddedLean
from prover.lean.runtimes.runtime import Launch

DEEP = 500
"""Calls within calls: deep, and far from what the stack has room for."""


def link(source: str, target: str) -> None:
    """Makes `target` the file `source`, by a copy where it cannot be a link."""
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copyfile(source, target)


class Talk:
    """One process, its standard streams and its control socket. A context manager: leaving it ends the process."""

    def __init__(self, launch: Launch) -> None:
        self.control, theirs = socket.socketpair()
        self.control.settimeout(60)
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        with theirs:
            self.process = subprocess.Popen(
                ["prlimit", f"--stack={launch.stack_bytes}", *launch.argv],
                env={**launch.env, "LEANSIEVE_CONTROL_FD": str(theirs.fileno())},
                cwd=launch.cwd,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                pass_fds=[theirs.fileno()],
            )
        self.noise: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.control, self.process.stdin, self.process.stdout, self._errors):
            with suppress(BrokenPipeError):
                stream and stream.close()

    def say(self, command: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(command.encode("ascii") + b"\n")
        self.process.stdin.flush()

    def hear(self) -> str:
        """The next line that is not debug output of Lean."""
        assert self.process.stdout
        while line := self.process.stdout.readline().decode():
            if not line.startswith(("[DEBUG", "  ")):
                return line.removesuffix("\n")
            self.noise.append(line)
        raise EOFError(self.last_words())

    def ask(self, command: str) -> str:
        self.say(command)
        return self.hear()

    def until_ready(self) -> list[str]:
        """What the program says of its own start in this process."""
        said = [self.hear()]
        while not said[-1].startswith("ready"):
            said.append(self.hear())
        return said

    def last_words(self) -> str:
        """What is on stderr once the process has ended."""
        self.process.wait(timeout=60)
        self._errors.seek(0)
        return self._errors.read()


def images(lean: EmbeddedLean, *imports: str) -> list[Path]:
    """The folders of the images for `imports`: program elaborated, imports loaded."""
    return [Path(folder) for folder in lean.launch(imports).env["LEANSIEVE_IMAGES"].split(os.pathsep)]


def start(lean: EmbeddedLean, *imports: str) -> list[str]:
    """Start a process and end it, to see how it starts."""
    with Talk(lean.launch(imports)) as process:
        return process.until_ready()
