"""A Ray cluster on this machine alone, on loopback: a head and hosts that offer Lean, for laptops, tests and
benchmarks.

    python -m prover.lean.cluster.ray.local --hosts 1 --file STATE

Writes the cluster's address to STATE, runs until SIGTERM, then ends all processes.
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

# On Linux, a driver given 127.0.0.1 resolves it to the machine's network address, where nothing listens.
_LOOPBACK = "127.0.0.2" if sys.platform == "linux" else "127.0.0.1"
_STORE_BYTES = 80 << 20  # of shared memory, Ray's minimum: messages to hosts are small
_START_SECONDS, _END_SECONDS = 120.0, 60.0


class LocalCluster:
    """A Ray cluster that ends with its context."""

    def __init__(self, hosts: int, drivers: int = 1, address: str = _LOOPBACK, samplers: int | None = None) -> None:
        """Start a head and hosts.

        Args:
            hosts: number of hosts that offer Lean.
            drivers: number of drivers that may use each host at once.
            address: address of this machine that all processes listen on.
            samplers: number of model engines per host; by default one per driver.
        """
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # sends no usage statistics
        from ray.cluster_utils import Cluster

        self._ip = address
        self._offers = {RESOURCE: drivers, "sampler": drivers if samplers is None else samplers}
        # TMPDIR is ignored: paths of Ray's sockets may be at most 107 bytes long.
        self.folder = Path(tempfile.mkdtemp(prefix="leansieve-ray-", dir="/tmp"))
        self._cluster: Any = Cluster(initialize_head=True, head_node_args=self._node({}))
        self.hosts = [self.add() for _ in range(hosts)]

    @property
    def address(self) -> str:
        """Address of the head."""
        return str(self._cluster.address)

    def add(self) -> Any:
        """Start another host. Call it in the main thread, because Ray installs signal handlers."""
        return self._cluster.add_node(**self._node(self._offers))

    def kill(self, host: Any) -> None:
        """Kill a host's processes with SIGKILL."""
        self._cluster.remove_node(host, allow_graceful=False)

    def processes(self, host: Any = None) -> list[int]:
        """Return the process ids of a host, or of all hosts."""
        nodes = [host] if host else self._cluster.list_all_nodes()
        return [each.process.pid for node in nodes for kind in node.all_processes.values() for each in kind]

    def close(self) -> None:
        """End all processes and remove their files."""
        self._cluster.shutdown()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _node(self, offers: Mapping[str, int]) -> dict[str, Any]:
        return {
            "num_cpus": 1,
            "resources": {name: units for name, units in offers.items() if units},
            "node_ip_address": self._ip,
            "include_dashboard": False,
            "include_log_monitor": False,  # drivers print no logs of hosts
            "no_monitor": True,  # nothing adds hosts by itself
            "object_store_memory": _STORE_BYTES,
            "temp_dir": str(self.folder),
        }


@contextlib.contextmanager
def local_cluster(
    hosts: int, drivers: int = 1, address: str = _LOOPBACK, samplers: int | None = None
) -> Iterator[LocalCluster]:
    """Run a `LocalCluster` for the duration of the context."""
    cluster = LocalCluster(hosts, drivers, address, samplers)
    try:
        yield cluster
    finally:
        cluster.close()


@dataclass(frozen=True, slots=True)
class Running:
    """A cluster started in the background.

    Attributes:
        pid: process that holds the cluster.
        started: start time of that process in seconds since the epoch, because process ids are reused.
        address: address of the head.
        processes: ids of Ray's processes.
        folder: folder of Ray's logs and sockets; removed with the cluster.
        token: file with the token that members of the cluster require.
    """

    pid: int
    started: float
    address: str
    processes: tuple[int, ...]
    folder: str
    token: str


def state_file() -> Path:
    """The file in which `up` describes the cluster of this user."""
    return user_state_path("leansieve") / "cluster.json"


def token_of(address: str) -> Path | None:
    """The token of the cluster that `up` started for this user; None if there is none."""
    cluster = running(state_file())
    return Path(cluster.token) if cluster and address in (cluster.address, "auto") else None


def running(file: Path) -> Running | None:
    """Return the cluster described by `file` if it still runs."""
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
    """Start a cluster in the background that admits holders of its token, which only this user can read.

    Raises:
        UserError: a cluster exists already, or the start failed.
    """
    if cluster := running(file):
        raise UserError(f"a cluster is up already at {cluster.address}: `leansieve cluster down` ends it")
    file.parent.mkdir(parents=True, exist_ok=True)
    if killed := _noted(file):  # and had no chance to clean up
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
    """End the cluster described by `file` and return whether there was one. Other Ray processes are left alone."""
    cluster = running(file)
    if cluster is None:
        return False
    holder = psutil.Process(cluster.pid)
    rest = [*holder.children(recursive=True)]
    holder.terminate()
    with contextlib.suppress(psutil.TimeoutExpired):
        holder.wait(_END_SECONDS)
    for process in (holder, *rest):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    shutil.rmtree(cluster.folder, ignore_errors=True)
    Path(cluster.token).unlink(missing_ok=True)
    file.unlink(missing_ok=True)
    return True


def main() -> None:
    """Command-line entry point."""
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
