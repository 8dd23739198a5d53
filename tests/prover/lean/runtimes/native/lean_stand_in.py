"""What the emulated `lean` does: names itself, or runs the worker program on the embedded Lean.

Settings: `version`: what `--version` prints; `prefix`: what `--print-prefix` prints; `shell`: a shell command that
runs instead of the worker; `source`: folder of this project; `cache`: folder of the embedded Lean.
"""

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
    from prover.lean.runtimes.embedded import EmbeddedLean

    hello = json.loads(sys.stdin.buffer.readline())
    lean = EmbeddedLean(program=program.read_text())
    lean.prepare()
    launch = lean.launch(hello["imports"])
    ours, theirs = socket.socketpair()
    worker = subprocess.Popen(
        ["/bin/sh", "-c", 'ulimit -S -s "$0" && exec "$@"', str((launch.stack_bytes or 0) // 1024), *launch.argv],
        env={**launch.env, "LEANSIEVE_CONTROL_FD": str(theirs.fileno())},
        cwd=launch.cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=[theirs.fileno()],
    )
    theirs.close()
    lock = threading.Lock()

    def say(line: bytes) -> None:
        with lock:
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()

    def answers() -> None:
        assert worker.stdout
        for line in worker.stdout:
            say(line)

    def acknowledgements() -> None:
        for line in ours.makefile("rb"):
            answer = {"id": int(line.split()[1]), "ok": True, "cancelled": True}
            say(f"@{hello['nonce']} {json.dumps(answer)}\n".encode())

    def requests() -> None:
        assert worker.stdin
        worker.stdin.write(json.dumps({**hello, "cancel": "memory"}).encode() + b"\n")
        worker.stdin.flush()
        for line in sys.stdin.buffer:
            request = json.loads(line) if b'"cancel"' in line[:40] else {}
            if request.get("op") == "cancel":
                ours.sendall(b"cancel %d\n" % request["id"])
            else:
                worker.stdin.write(line)
                worker.stdin.flush()
        os.killpg(0, 9)  # nobody is left to ask: the worker ends at once

    reader = threading.Thread(target=answers)
    reader.start()
    threading.Thread(target=acknowledgements, daemon=True).start()
    threading.Thread(target=requests, daemon=True).start()
    code = worker.wait()
    reader.join(timeout=5)
    sys.stdout.flush()
    os._exit(code if code >= 0 else 128 - code)
    return code


main()
