"""The command line: `leansieve`, a module for each command, put together in `app.py`."""

import os


def main() -> None:
    """Entry point of the command `leansieve`."""
    # Read by gRPC when it is loaded: Lean workers are started by exec, which needs no care about gRPC's threads, and
    # what goes wrong is said by us.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from service.cli.app import run

    run()
