"""A second, independent client of docs/worker-protocol.md: plain JSON over pipes, without `prover.lean.wire`."""

import json
import os
import queue
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import psutil

from prover.lean.runtimes.runtime import LeanRuntime
from prover.lean.vetting import allow_list

IMPORTS = ("Init", "Std")
PRELUDE = "set_option autoImplicit false"
LIMITS = {"heartbeats": 200_000, "recursion": 512, "messages": 20, "message_bytes": 4_000}
POLICY = {"name": "default", "axioms": [], "kinds": [], "guard": ""}
SECONDS = 240.0


class Wire:
    """One worker process. `ask` suffices for most tests; `send` and `receive` allow several pending requests."""

    def __init__(self, runtime: LeanRuntime, imports: Sequence[str] = IMPORTS, role: str = "worker") -> None:
        runtime.prepare()
        self.runtime = runtime
        launch = runtime.launch(imports, role == "elaborator")
        self.memory = launch.cancel == "memory"
        self._marker = "@" + os.urandom(16).hex()
        self._number = 0
        self.noise: list[str] = []
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        argv, env, passed = list(launch.argv), dict(launch.env), []
        if launch.stack_bytes is not None:
            argv = ["/bin/sh", "-c", f'ulimit -S -s {launch.stack_bytes // 1024} && exec "$@"', "sh", *argv]
        self._control, theirs = socket.socketpair()
        self._control.settimeout(SECONDS)
        if self.memory:
            env["LEANSIEVE_CONTROL_FD"] = str(theirs.fileno())
            passed = [theirs.fileno()]
        self.process = subprocess.Popen(
            argv,
            env=env,
            cwd=launch.cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            pass_fds=passed,
            start_new_session=True,
        )
        theirs.close()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        cancel = "memory" if self.memory else "stdin"
        fields = {"nonce": self._marker[1:], "imports": list(imports), "vetting": allow_list(), "cancel": cancel}
        fields["role"] = role
        self.hello = self.ask("hello", **fields)

    def ask(self, op: str, **fields: Any) -> dict[str, Any]:
        """Send a request and wait for its answer."""
        number = self.send(op, **fields)
        answer = self.receive()
        assert answer["id"] == number
        return answer

    def about(self, op: str, statement: str, limits: Mapping[str, int] | None = None, **fields: Any) -> dict[str, Any]:
        """Ask about a theorem, with everything that is not given as usual."""
        return self.ask(op, **request(statement, limits, **fields))

    def send(self, op: str, **fields: Any) -> int:
        """Send a request; its id."""
        self._number += 1
        self.write(json.dumps({"id": self._number, "op": op, **fields}))
        return self._number

    def write(self, line: str) -> None:
        """Send a line as it is."""
        assert self.process.stdin
        self.process.stdin.write(line.encode("ascii") + b"\n")
        self.process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        """The next answer."""
        try:
            return self._answers.get(timeout=SECONDS)
        except queue.Empty:
            self._errors.seek(0)
            raise AssertionError(f"no answer; noise: {self.noise[-20:]} {self._errors.read()[-2000:]}") from None

    def cancel(self, number: int) -> dict[str, Any] | None:
        """Cancel a request and wait until that is acknowledged; an answer that came before, if one did."""
        if self.memory:
            self._control.sendall(b"cancel %d\n" % number)
            assert self._control.recv(100) == b"cancelled %d\n" % number
            return None
        self.write(json.dumps({"id": number, "op": "cancel"}))
        first = self.receive()
        acknowledgement = first if first.get("cancelled") else self.receive()
        assert acknowledgement == {"id": number, "ok": True, "cancelled": True}
        return None if first is acknowledgement else first

    def close(self) -> None:
        """Disconnect like a dying client: the process must end by itself, with all its children."""
        members = [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]
        assert self.process.stdin
        self.process.stdin.close()
        self._control.close()
        _, left = psutil.wait_procs(members, timeout=20)
        for process in left:
            process.kill()
        self.process.wait()
        self._reader.join(SECONDS)
        assert self.process.stdout
        self.process.stdout.close()
        self._errors.close()
        assert left == [], f"still there 20 s after the end of stdin: {left}"

    def _read(self) -> None:
        assert self.process.stdout
        for data in self.process.stdout:
            line = data.decode()
            if line.startswith(self._marker + " "):
                self._answers.put(json.loads(line[len(self._marker) :]))
            else:
                self.noise.append(line)


def request(statement: str, limits: Mapping[str, int] | None = None, **fields: Any) -> dict[str, Any]:
    """The fields of a request about a theorem."""
    usual = {
        "header": {"imports": list(IMPORTS), "prelude": PRELUDE},
        "context": "",
        "policy": POLICY,
        "limits": {**LIMITS, **(limits or {})},
        "statement": statement,
    }
    return {**usual, **fields}


def pause(seconds: float) -> None:
    """Let the worker begin."""
    time.sleep(seconds)
