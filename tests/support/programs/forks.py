"""Starts the command `leansieve`, and other programs of this tree, as forks of this process, which has imported them: imports take
longer than most commands.

Run with the number of a bound socket, and ends with its stdin. Each request on the socket is JSON with `arguments`, `folder`,
`environment` and perhaps `module`, and four open files: stdin, stdout and stderr of the command, and a socket on which its process
id and then its exit status are told; the command is killed when who asked for it closes that socket or is killed. `client.py` asks for
those who start commands by name.
"""

import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
from typing import Any

FILES = 4
LONGEST = 1 << 20  # bytes of a request
_WITH_MODELS = {"evaluate", "grow", "scrpo", "train"}  # import models where they need them


def serve(requests: socket.socket) -> str:
    """Answer requests until stdin ends. Returns in the process of each command, too, with the module that it runs."""
    while True:
        readable, _, _ = select.select([requests, sys.stdin], [], [])
        if sys.stdin in readable:
            sys.exit()
        data, files, _, _ = socket.recv_fds(requests, LONGEST, FILES)
        _reap()
        request = json.loads(data)
        module: str = request.get("module", "service")
        _load(module, request["arguments"])
        gc.freeze()  # commands need not look through what was imported for what can be freed
        if os.fork() == 0:
            requests.close()
            _start(request, *files)
            return module
        for file in files:
            os.close(file)


def _load(module: str, arguments: list[str]) -> None:
    from service.cli import app

    if module != "service":
        with contextlib.suppress(ImportError):  # it is said where it is run
            importlib.import_module(module)
    elif arguments and arguments[0] in app._COMMANDS:
        importlib.import_module(app._COMMANDS[arguments[0]])
        if arguments[0] in _WITH_MODELS:
            importlib.import_module("training.growing.rounds")


def _reap() -> None:
    """Take note of the processes that have ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


def _start(request: dict[str, Any], *files: int) -> None:
    told = files[-1]
    if (command := os.fork()) == 0:
        for number, file in enumerate(files[:-1]):
            os.dup2(file, number)
        for file in files:
            os.close(file)
        # Those that this process began with have looked at other files, and know whether they can be sought in.
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", 1, "utf-8", "backslashreplace", closefd=False)  # noqa: SIM115
        os.environ.clear()
        os.environ.update(request["environment"])
        os.chdir(request["folder"])
        sys.argv = ["leansieve", *request["arguments"]]
        return
    for file in files[:-1]:
        os.close(file)  # who reads what the command writes sees its end
    with contextlib.suppress(OSError):  # nobody waits for it any more
        os.write(told, b"%d\n" % command)
    ended = os.pidfd_open(command)
    if ended not in select.select([told, ended], [], [])[0]:
        os.kill(command, signal.SIGKILL)  # as its client was
    _, status = os.waitpid(command, 0)
    with contextlib.suppress(OSError):
        os.write(told, b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


if __name__ == "__main__":
    os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"  # as `service.cli.main` does before gRPC is loaded
    os.environ["GRPC_VERBOSITY"] = "NONE"
    wanted = serve(socket.socket(fileno=int(sys.argv[1])))
    if wanted == "service":
        from service.cli import main

        main()
    else:
        sys.modules.pop(wanted, None)  # runs anew, as the main module; what it imports is there
        runpy.run_module(wanted, run_name="__main__", alter_sys=True)
