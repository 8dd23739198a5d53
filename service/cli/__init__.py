"""The command line: `leansieve`, a module for each command, put together in `app.py`."""

import atexit
import gc
import os


def main() -> None:
    """Entry point of the command `leansieve`."""
    # Read by gRPC when it is loaded: Lean workers are started by exec, which needs no care about gRPC's threads, and
    # what goes wrong is said by us.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    # What imports make stays: to look through it for garbage, again and again and once more at the end, takes a third of the time of
    # a short command. The collector is back when the command is imported.
    gc.disable()
    atexit.register(gc.freeze)
    from service.cli.app import run

    run()
