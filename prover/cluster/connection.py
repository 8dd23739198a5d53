"""This process as a driver of a Ray cluster: it joins once and is shared by all users in the process.

The cluster is one domain of trust: any member may run code on every host (docs/cluster.md).
"""

import asyncio
import os
import signal
import socket
import threading
from pathlib import Path
from typing import Any

from prover.cluster.asking import HostLostError

_KNOCK_SECONDS = 10.0

_lock = threading.Lock()
_users = 0  # users in this process that have joined and not left
_ours = False  # whether this module opened the connection


class RayMissingError(RuntimeError):
    """Ray is not installed."""


class ClusterAbsentError(RuntimeError):
    """No cluster answers; the text says what to do."""


class RayConnection:
    """One user's share of this process's connection to a cluster."""

    def __init__(self, address: str, token: Path | None = None) -> None:
        """Create the connection; nothing is contacted.

        Args:
            address: `auto`, `HOST:PORT` or `ray://HOST:PORT`, in Ray's format.
            token: file with the token that the cluster requires; None: Ray finds it in its environment variables and
                folder.

        Raises:
            RayMissingError: Ray is not installed.
        """
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # sends no usage statistics
        os.environ.update(with_token(token) if token else {})  # Ray reads them on import
        try:
            import ray
        except ImportError:
            raise RayMissingError("a cluster needs Ray: pip install 'leansieve[ray]'") from None
        self.ray: Any = ray
        self._address = address
        self._joined = False

    async def join(self) -> None:
        """Join the cluster unless this process has joined already.

        Raises:
            ClusterAbsentError: there is no such cluster.
        """
        # Not in the main thread, where Ray would replace our signal handlers.
        await asyncio.to_thread(self._join)
        _take_signals_back()

    async def leave(self) -> None:
        """Leave the cluster unless another user in this process remains. Repeated calls have no effect."""
        await asyncio.to_thread(self._leave)

    async def answer(self, reference: Any, name: str) -> Any:
        """Return the result of an actor's method.

        Raises:
            HostLostError: the actor is gone.
            Exception: the method's own exception, if Ray can transfer it.
        """
        errors = self.ray.exceptions
        try:
            return await reference
        except errors.RayTaskError as error:  # an exception of the actor's method
            # Ray's own text contains the actor's stack trace.
            raise (error.cause if isinstance(error.cause, Exception) else error) from None
        except errors.UnserializableException:
            raise  # as above; Ray cannot transfer exceptions whose constructor takes two arguments
        except errors.RayError as error:
            raise HostLostError(f"host {name} does not answer ({type(error).__name__})") from None

    def _join(self) -> None:
        global _users, _ours
        with _lock:
            if not self.ray.is_initialized():
                self._begin()
                _ours = True
            _users += not self._joined
            self._joined = True

    def _begin(self) -> None:
        host, _, port = self._address.rpartition(":")
        try:
            if port.isdigit() and "/" not in host:  # Ray itself would retry for minutes
                socket.create_connection((host.strip("[]"), int(port)), _KNOCK_SECONDS).close()
            self.ray.init(self._address, namespace="leansieve", log_to_driver=False, logging_level="ERROR")
        except (OSError, RuntimeError, ValueError) as error:
            reason = str(error).partition("\n")[0].rstrip(". ")
            raise ClusterAbsentError(
                f"no Ray cluster answers at {self._address} ({reason}): `leansieve cluster up` starts one here; "
                "one that asks for a token needs lean.cluster_token"
            ) from None

    def _leave(self) -> None:
        global _users, _ours
        with _lock:
            _users -= self._joined
            self._joined = False
            if _ours and not _users:
                self.ray.shutdown()
                _ours = False


def with_token(file: Path) -> dict[str, str]:
    """Return the environment variables that make Ray present the token in `file` and require it from others."""
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(file)}


def _take_signals_back() -> None:
    """Restore our SIGTERM handler: Ray's prints a stack trace before it calls ours."""
    if threading.current_thread() is threading.main_thread() and (ours := signal.getsignal(signal.SIGTERM)) is not None:
        signal.signal(signal.SIGTERM, ours)
