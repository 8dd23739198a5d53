"""Starts the command `leansieve` as a fork of this process, which has imported it: imports take longer than most commands.

Run with the number of a socket. Each request on it is JSON with `arguments`, `folder` and `environment`, and three open files: for
stdout, for stderr, and a socket on which the command's process id and then its exit status are told.
"""

import contextlib
import gc
import importlib
import json
import os
import socket
import sys
from typing import Any

_FILES = 3
_WITH_MODELS = {"evaluate", "grow", "scrpo", "train"}  # import models where they need them


def serve(requests: socket.socket) -> None:
    """Answer requests until their socket is closed. Returns in the process of each command, too, which then runs it."""
    while True:
        data, files, _, _ = socket.recv_fds(requests, 1 << 20, _FILES)
        _reap()
        if not data:
            sys.exit()
        request = json.loads(data)
        _load(request["arguments"])
        gc.freeze()  # commands need not look through what was imported for what can be freed
        if os.fork() == 0:
            requests.close()
            _start(request, *files)
            return
        for file in files:
            os.close(file)


def _load(arguments: list[str]) -> None:
    from service.cli import app

    if arguments and arguments[0] in app._COMMANDS:
        importlib.import_module(app._COMMANDS[arguments[0]])
        if arguments[0] in _WITH_MODELS:
            importlib.import_module("training.growing.rounds")


def _reap() -> None:
    """Take note of the processes that have ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


def _start(request: dict[str, Any], out: int, err: int, told: int) -> None:
    if (command := os.fork()) == 0:
        os.dup2(out, 1)
        os.dup2(err, 2)
        for file in (out, err, told):
            os.close(file)
        os.environ.clear()
        os.environ.update(request["environment"])
        os.chdir(request["folder"])
        sys.argv = ["leansieve", *request["arguments"]]
        return
    os.write(told, b"%d\n" % command)
    _, status = os.waitpid(command, 0)
    os.write(told, b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


if __name__ == "__main__":
    os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"  # as `service.cli.main` does before gRPC is loaded
    os.environ["GRPC_VERBOSITY"] = "NONE"
    serve(socket.socket(fileno=int(sys.argv[1])))
    from service.cli import main

    main()
