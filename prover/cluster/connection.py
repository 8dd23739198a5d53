"""This process as a driver of a Ray cluster: it joins once, however many parts of it use the cluster's hosts.

The cluster is one domain of trust: who may join it may run what he likes on every host of it (docs/cluster.md).
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
_users = 0  # parts of this process that have joined and not left
_ours = False  # whether this module has begun the connection


class RayMissingError(RuntimeError):
    """Ray is not installed."""


class ClusterAbsentError(RuntimeError):
    """No cluster answers; the text says what to do."""


class RayConnection:
    """The use that one part of this process makes of a cluster."""

    def __init__(self, address: str, token: Path | None = None) -> None:
        """Nothing is asked yet.

        Args:
            address: `auto`, `HOST:PORT` or `ray://HOST:PORT`, as Ray takes it.
            token: file with what the cluster's members ask for; None: what Ray finds itself, in its variables and its folder.

        Raises:
            RayMissingError: Ray is not installed.
        """
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent anywhere
        os.environ.update(with_token(token) if token else {})  # Ray reads them when it is imported
        try:
            import ray
        except ImportError:
            raise RayMissingError("a cluster needs Ray: pip install 'leansieve[ray]'") from None
        self.ray: Any = ray
        self._address = address
        self._joined = False

    async def join(self) -> None:
        """Join, unless this process has done so.

        Raises:
            ClusterAbsentError: there is no such cluster.
        """
        # Not in the main thread, where Ray would take the place of our handlers of signals.
        await asyncio.to_thread(self._join)
        _take_signals_back()

    async def leave(self) -> None:
        """Leave the cluster, unless something else in this process uses it. A second call changes nothing."""
        await asyncio.to_thread(self._leave)

    async def answer(self, reference: Any, name: str) -> Any:
        """What an actor's method returns.

        Raises:
            HostLostError: the actor is gone.
            Exception: what the method raises, as far as Ray can bring it over.
        """
        errors = self.ray.exceptions
        try:
            return await reference
        except errors.RayTaskError as error:  # what the actor itself raises
            # Ray's own text has the actor's stack in it.
            raise (error.cause if isinstance(error.cause, Exception) else error) from None
        except errors.UnserializableException:
            raise  # as above; Ray cannot bring over what its constructor wants two arguments for
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
            if port.isdigit() and "/" not in host:  # Ray itself would try for minutes
                socket.create_connection((host.strip("[]"), int(port)), _KNOCK_SECONDS).close()
            self.ray.init(self._address, namespace="leansieve", log_to_driver=False, logging_level="ERROR")
        except (OSError, RuntimeError, ValueError) as error:
            said = str(error).partition("\n")[0].rstrip(". ")
            raise ClusterAbsentError(
                f"no Ray cluster answers at {self._address} ({said}): `leansieve cluster up` starts one here; "
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
    """Variables under which Ray shows the token in `file`, and asks others for it."""
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(file)}


def _take_signals_back() -> None:
    """Ray prints a stack at SIGTERM before it lets this process handle it."""
    if threading.current_thread() is threading.main_thread() and (ours := signal.getsignal(signal.SIGTERM)) is not None:
        signal.signal(signal.SIGTERM, ours)
