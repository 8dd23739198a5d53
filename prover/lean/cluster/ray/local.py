"""A Ray cluster on this machine alone, on loopback: a head and hosts that offer Lean. For laptops, tests and benchmarks.

    python -m prover.lean.cluster.ray.local --hosts 1 --file STATE

Writes its address to STATE and stays until SIGTERM, then ends everything.
"""

import argparse
import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
from platformdirs import user_state_path

from prover.cluster.connection import with_token
from prover.errors import UserError
from prover.lean.cluster.ray.nodes import RESOURCE

# On Linux, drivers that are told 127.0.0.1 look for the machine's address in its network, where nothing listens.
_LOOPBACK = "127.0.0.2" if sys.platform == "linux" else "127.0.0.1"
_STORE_BYTES = 80 << 20  # of shared memory, the least that Ray takes: what is sent to hosts is small
_START_SECONDS, _END_SECONDS = 120.0, 60.0


class LocalCluster:
    """A cluster that ends with its context."""

    def __init__(self, hosts: int, drivers: int = 1, address: str = _LOOPBACK, samplers: int | None = None) -> None:
        """Start a head and hosts.

        Args:
            hosts: how many offer Lean.
            drivers: how many may use each at once.
            address: of this machine, where all listen.
            samplers: engines of models that each host has room for; by default one for each driver.
        """
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # nothing is sent anywhere
        from ray.cluster_utils import Cluster

        self._ip = address
        self._offers = {RESOURCE: drivers, "sampler": drivers if samplers is None else samplers}
        # Not where TMPDIR says: the paths of Ray's sockets below it may have 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="leansieve-ray-", dir="/tmp"))
        self._cluster: Any = Cluster(initialize_head=True, head_node_args=self._node({}))
        self.hosts = [self.add() for _ in range(hosts)]

    @property
    def address(self) -> str:
        """Of the head."""
        return str(self._cluster.address)

    def add(self) -> Any:
        """Start another host. In the main thread, where Ray sets handlers of signals."""
        return self._cluster.add_node(**self._node(self._offers))

    def kill(self, host: Any) -> None:
        """End a host's processes by SIGKILL."""
        self._cluster.remove_node(host, allow_graceful=False)

    def processes(self, host: Any = None) -> list[int]:
        """Ids of the processes of a host, or of all."""
        nodes = [host] if host else self._cluster.list_all_nodes()
        return [each.process.pid for node in nodes for kind in node.all_processes.values() for each in kind]

    def close(self) -> None:
        """End everything; nothing of it is left on the disk."""
        self._cluster.shutdown()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _node(self, offers: Mapping[str, int]) -> dict[str, Any]:
        return {
            "num_cpus": 1,
            "resources": {name: units for name, units in offers.items() if units},
            "node_ip_address": self._ip,
            "include_dashboard": False,
            "object_store_memory": _STORE_BYTES,
            "temp_dir": str(self.folder),
        }


@contextlib.contextmanager
def local_cluster(
    hosts: int, drivers: int = 1, address: str = _LOOPBACK, samplers: int | None = None
) -> Iterator[LocalCluster]:
    """A `LocalCluster` while the context lasts."""
    cluster = LocalCluster(hosts, drivers, address, samplers)
    try:
        yield cluster
    finally:
        cluster.close()


@dataclass(frozen=True, slots=True)
class Running:
    """A cluster that was started in the background.

    Attributes:
        pid: of the process that holds it.
        started: when that began, in seconds since the epoch: ids are used again.
        address: of the head.
        processes: ids of Ray's processes.
        folder: of Ray's logs and sockets; it ends with the cluster.
        token: file with what the cluster's members ask each other for.
    """

    pid: int
    started: float
    address: str
    processes: tuple[int, ...]
    folder: str
    token: str


def state_file() -> Path:
    """Where `up` tells of its cluster, for this user."""
    return user_state_path("leansieve") / "cluster.json"


def token_of(address: str) -> Path | None:
    """The token of a cluster that `up` has started for this user; None: it has not."""
    there = running(state_file())
    return Path(there.token) if there and address in (there.address, "auto") else None


def running(file: Path) -> Running | None:
    """The cluster that `file` tells of, if it is still there."""
    found = _noted(file)
    with contextlib.suppress(psutil.NoSuchProcess):
        if found and abs(psutil.Process(found.pid).create_time() - found.started) < 1.0:
            return found
    return None


def _noted(file: Path) -> Running | None:
    with contextlib.suppress(OSError, ValueError, TypeError):
        return Running(**json.loads(file.read_text(encoding="utf-8")))
    return None


def up(file: Path, hosts: int, drivers: int = 1, samplers: int | None = None) -> Running:
    """Start a cluster in the background, which lets in who can read its token: this user.

    Raises:
        UserError: there is one already, or it did not come up.
    """
    if there := running(file):
        raise UserError(f"a cluster is up already at {there.address}: `leansieve cluster down` ends it")
    file.parent.mkdir(parents=True, exist_ok=True)
    if killed := _noted(file):  # and could take nothing away
        shutil.rmtree(killed.folder, ignore_errors=True)
    file.unlink(missing_ok=True)
    log, token = file.with_suffix(".log"), file.with_suffix(".token")
    token.unlink(missing_ok=True)
    with os.fdopen(os.open(token, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as secret:
        secret.write(secrets.token_hex(32))
    with log.open("w") as output:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", __name__, "--file", str(file)),
                *(f"--hosts={hosts}", f"--drivers={drivers}"),
                *([] if samplers is None else [f"--samplers={samplers}"]),
            ],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env={**os.environ, **with_token(token)},
        )
    until = time.monotonic() + _START_SECONDS
    while (found := running(file)) is None:
        if process.poll() is not None or time.monotonic() > until:
            process.kill()
            raise UserError(f"the cluster did not come up; {log} says why")
        time.sleep(0.2)
    return found


def down(file: Path) -> bool:
    """End the cluster that `file` tells of, and say whether there was one. Nothing else of Ray's on this machine is touched."""
    there = running(file)
    if there is None:
        return False
    holder = psutil.Process(there.pid)
    rest = [*holder.children(recursive=True)]
    holder.terminate()
    with contextlib.suppress(psutil.TimeoutExpired):
        holder.wait(_END_SECONDS)
    for process in (holder, *rest):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    shutil.rmtree(there.folder, ignore_errors=True)
    Path(there.token).unlink(missing_ok=True)
    file.unlink(missing_ok=True)
    return True


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, required=True)
    parser.add_argument("--drivers", type=int, default=1)
    parser.add_argument("--samplers", type=int)
    parser.add_argument("--file", type=Path, required=True)
    arguments = parser.parse_args()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    with local_cluster(arguments.hosts, arguments.drivers, samplers=arguments.samplers) as cluster:
        me = psutil.Process()
        state = Running(
            me.pid,
            me.create_time(),
            cluster.address,
            tuple(cluster.processes()),
            str(cluster.folder),
            str(arguments.file.with_suffix(".token")),
        )
        part = arguments.file.with_suffix(".part")
        part.write_text(json.dumps(asdict(state)), encoding="utf-8")
        part.replace(arguments.file)
        signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    main()
