"""The emulated `lean`: prints its version, or runs the worker program on the embedded Lean.

Settings: `version`: what `--version` prints; `prefix`: what `--print-prefix` prints; `shell`: a shell command that
runs instead of the worker; `source`: folder of this project; `cache`: folder of the embedded Lean; `library`: its library
with the project's own modules beside it; `lies`: workers verify texts that they should forbid.
"""

import contextlib
import dataclasses
import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any


def main() -> None:
    here = Path(sys.argv[0]).parent
    settings = json.loads((here / "stand_in.json").read_text())
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        print(settings["version"])
    elif arguments == ["--print-prefix"]:
        print(settings["prefix"])
    else:
        assert arguments[0] == "--run", arguments
        if "log" in settings and os.access(settings["log"], os.W_OK):
            with Path(settings["log"], "lean.calls").open("a") as log:
                call = {"arguments": arguments, "folder": os.getcwd(), "environment": dict(os.environ)}
                log.write(json.dumps(call) + "\n")
        if "shell" in settings:
            os.execv("/bin/sh", ["/bin/sh", "-c", settings["shell"]])
        sys.exit(_forward(settings, Path(arguments[1])))


def _forward(settings: dict[str, Any], program: Path) -> int:
    """Run the program on the embedded Lean, whose workers are cancelled through a socket and not on stdin."""
    sys.path.insert(0, settings["source"])
    if "cache" in settings:
        os.environ["LEANSIEVE_CACHE"] = settings["cache"]
    hello = json.loads(sys.stdin.buffer.readline())
    lean = _Lean(settings, program.read_text(), hello)
    lean.start(hello["imports"], hello["id"])
    for line in sys.stdin.buffer:
        cancel = json.loads(line) if b'"cancel"' in line[:40] else {}
        request = json.loads(line) if "library" in settings else {}
        if cancel.get("op") == "cancel":
            lean.cancel(cancel["id"])
        elif "header" in request and (imports := request["header"]["imports"]) != lean.imports:
            lean.start(imports, request["id"], line)
        else:
            lean.put(line)
    os.killpg(0, 9)  # nobody is left to ask: the worker ends at once
    return 0


class _Lean:
    """A worker of the embedded Lean. It keeps its imports for life: what a native one loads beside others, another one has."""

    def __init__(self, settings: dict[str, Any], program: str, hello: dict[str, Any]) -> None:
        from prover.lean.runtimes.embedded import EmbeddedLean

        self._settings = settings
        self._hello = {**hello, "cancel": "memory"}
        self._marker = f"@{hello['nonce']} ".encode()
        self._lock = threading.Lock()
        self._lean = EmbeddedLean(program=program)
        self._lean.prepare()
        self.imports: list[str] | None = None
        self._expected = False
        """Whether the worker's end is no end of this process."""

    def start(self, imports: list[str], number: int, request: bytes = b"") -> None:
        """Start one in place of what runs, and put a request to it. Where there is none, its answer is that of the start."""
        if self.imports is not None:
            self._expected = True
            self._worker.kill()
            self._reader.join()
        self.imports, self._expected = imports, False
        launch = self._launch(imports)
        self._control, theirs = socket.socketpair()
        self._worker = subprocess.Popen(
            ["/bin/sh", "-c", 'ulimit -S -s "$0" && exec "$@"', str((launch.stack_bytes or 0) // 1024), *launch.argv],
            env={**launch.env, "LEANSIEVE_CONTROL_FD": str(theirs.fileno())},
            cwd=launch.cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[theirs.fileno()],
        )
        theirs.close()
        self.put(json.dumps({**self._hello, "imports": imports, "id": number}).encode() + b"\n")
        self._reader = threading.Thread(target=self._answers, args=[request], daemon=True)
        self._reader.start()
        threading.Thread(target=self._acknowledgements, args=[self._control], daemon=True).start()

    def put(self, line: bytes) -> None:
        """Hand a line on."""
        assert self._worker.stdin
        with contextlib.suppress(BrokenPipeError):  # its end is seen where its answers are read
            self._worker.stdin.write(line)
            self._worker.stdin.flush()

    def cancel(self, number: int) -> None:
        """Cancel a request."""
        self._control.sendall(b"cancel %d\n" % number)

    def _launch(self, imports: list[str]) -> Any:
        """How to start it: with the project's own modules in sight if it imports any, which no image may remember."""
        launch = self._lean.launch(imports)
        if all(self._lean.has_module(module) for module in imports):
            return launch
        library = self._settings["library"]
        images = launch.env["LEANSIEVE_IMAGES"].split(os.pathsep)
        env = {**launch.env, "LEANSIEVE_LIBRARY": library, "LEANSIEVE_IMAGES": images[0]}
        node, *rest = launch.argv
        return dataclasses.replace(launch, argv=[node, f"--allow-fs-read={library}", *rest], env=env)

    def _answers(self, request: bytes) -> None:
        worker = self._worker
        assert worker.stdout
        for line in worker.stdout:
            if request and line.startswith(self._marker):
                asked, request = request, b""
                if json.loads(line[len(self._marker) :])["ok"]:
                    self.put(asked)
                    continue
                self.imports, self._expected = None, True  # it ends; a native one goes on without these imports
            self._say(self._lie(line) if self._settings.get("lies") else line)
        if not self._expected:
            code = worker.wait()
            sys.stdout.flush()
            os._exit(code if code >= 0 else 128 - code)

    def _lie(self, line: bytes) -> bytes:
        """Return the answer of a worker that vets nothing and accepts everything."""
        if not line.startswith(self._marker) or self._hello.get("role", "worker") != "worker":
            return line
        answer = json.loads(line[len(self._marker) :])
        if answer.get("verdict") == "forbidden" and "trust" in answer:
            answer |= {"verdict": "verified", "trust": "kernel_replayed"}
        return self._marker + json.dumps(answer).encode() + b"\n"

    def _acknowledgements(self, control: socket.socket) -> None:
        for line in control.makefile("rb"):
            answer = {"id": int(line.split()[1]), "ok": True, "cancelled": True}
            self._say(self._marker + json.dumps(answer).encode() + b"\n")

    def _say(self, line: bytes) -> None:
        with self._lock:
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()


main()
