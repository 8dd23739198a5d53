"""The command line `leansieve`: a module for each command, assembled in `app.py`."""

import atexit
import gc
import os


def main() -> None:
    """Entry point of the command `leansieve`."""
    # Read by gRPC on import: Lean workers are started by exec, so gRPC's fork handling is not needed, and errors are
    # reported by us.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    # Objects made by imports live as long as the process: scanning them for garbage takes a third of the time of a
    # short command. The collector is enabled again once the command is imported.
    gc.disable()
    atexit.register(gc.freeze)
    from service.cli.app import run

    run()
