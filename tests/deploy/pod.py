"""Commands of `deploy/`, run as a pod runs them: user 10001 without capabilities, a read-only root, volumes with the
rights of an emptyDir of Kubernetes, and only its own loopback network."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]
USER = 10001

needs_a_pod = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("bwrap") is None,
    reason="needs root, to become user 10001, and bubblewrap (Debian: apt-get install bubblewrap)",
)


class Pod:
    """Volumes, and the commands that see them.

    Attributes:
        folder: place of the volumes on this machine.
    """

    def __init__(self, folder: Path) -> None:
        """Create it without volumes; `folder` is empty and accessible to everyone."""
        self.folder = folder
        self._mounts: list[str] = []

    def empty(self, name: str, *places: str) -> Path:
        """An emptyDir under `fsGroup`: root's, writable for the group, its mode 2777; seen at each of `places`."""
        volume = self.folder / name
        volume.mkdir()
        os.chown(volume, 0, USER)
        volume.chmod(0o2777)
        for place in places:
            self._mounts += _mount("--bind", volume, place)
        return volume

    def read_only(self, source: Path, place: str) -> None:
        """Add the content of an image, a secret or a configuration."""
        self._mounts += _mount("--ro-bind", source, place)

    def start(self, command: Sequence[str], environment: Mapping[str, str]) -> "subprocess.Popen[str]":
        """Start a command; it ends with this process."""
        system = ["--ro-bind", "/usr", "/usr", "--proc", "/proc", "--dev", "/dev"]
        for name in ("passwd", "group", "ld.so.cache", "alternatives", "ssl"):
            system += _mount("--ro-bind-try", Path("/etc", name), f"/etc/{name}")
        for name in ("lib", "lib64", "bin", "sbin"):
            system += ["--symlink", f"usr/{name}", f"/{name}"]
        # The command, its interpreter and its packages, in their places.
        installed = {ROOT, Path(sys.prefix), Path(sys.base_prefix), *map(Path, sys.path)}
        for place in sorted(path for path in installed if path.is_dir() and not path.is_relative_to("/usr")):
            system += _mount("--ro-bind", place, str(place))
        user = ["--reuid", str(USER), "--regid", str(USER), "--clear-groups", "--no-new-privs", "--bounding-set=-all"]
        namespaces = ["--unshare-net", "--unshare-pid", "--as-pid-1", "--die-with-parent", "--clearenv"]
        path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
        variables = [
            part for name, value in {"PATH": path, **environment}.items() for part in ("--setenv", name, value)
        ]
        return subprocess.Popen(
            # The volumes come first: a checkout may be below one of them, under /tmp.
            ["bwrap", *namespaces, *variables, *self._mounts, *system, "setpriv", *user, "--", *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> tuple[int, str]:
        """Run a command to its end, and return its exit status and output."""
        running = self.start(command, environment or {})
        printed, _ = running.communicate(timeout=120)
        return running.returncode, printed


def _mount(kind: str, source: Path, place: str) -> list[str]:
    """Arguments that show `source` at `place`, in folders that everybody may enter: bubblewrap would keep them to root."""
    parents = reversed(Path(place).parents[:-1])
    return [part for each in parents for part in ("--perms", "0755", "--dir", str(each))] + [kind, str(source), place]


def inside(pod: "subprocess.Popen[str]") -> int:
    """The process of the command of a running pod, as soon as it is there."""
    bubblewrap = psutil.Process(pod.pid)
    while not (commands := bubblewrap.children()):
        assert pod.poll() is None, pod.communicate()[0]
        time.sleep(0.05)
    return commands[0].pid


def beside(pod: "subprocess.Popen[str]", command: Sequence[str]) -> tuple[int, str]:
    """Run a command in the network of a running pod, as a probe."""
    done = subprocess.run(
        ["nsenter", f"--net=/proc/{inside(pod)}/ns/net", *command],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr
