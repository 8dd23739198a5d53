"""Fetching an npm package: real HTTP, real npm, a registry on this machine."""

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from prover.lean.runtimes.embedded.cache.package import download, fetch
from prover.lean.runtimes.runtime import RuntimeUnavailableError
from tests.prover.lean.runtimes.embedded.registry import Registry, package, tarball

CONTENT = tarball(random.Random(1).randbytes(3 << 20))
PACKAGE = package(CONTENT)


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """A registry that npm is configured for."""
    with Registry(CONTENT) as server:
        monkeypatch.setenv("npm_config_registry", server.url)
        monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
        monkeypatch.setenv("npm_config_fetch_retries", "0")
        yield server
        server.shutdown()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the package is to go."""
    (tmp_path / "packages").mkdir()
    return tmp_path / "packages"


def quiet(_doing: str, _done: int, _total: int) -> None:
    pass


def test_a_package_is_fetched_from_the_registry_that_npm_is_configured_for(registry: Registry, folder: Path) -> None:
    file = fetch(PACKAGE, folder, quiet)
    assert file.read_bytes() == CONTENT
    assert [path.name for path in folder.iterdir()] == ["thing-1.2.3.tgz"]


def test_a_package_that_is_there_is_not_fetched_again(registry: Registry, folder: Path) -> None:
    fetch(PACKAGE, folder, quiet)
    registry.shutdown()
    registry.server_close()
    assert fetch(PACKAGE, folder, quiet).read_bytes() == CONTENT


def test_progress_counts_bytes(registry: Registry, folder: Path) -> None:
    seen: list[tuple[int, int]] = []
    fetch(PACKAGE, folder, lambda _doing, done, total: seen.append((done, total)))
    assert seen == sorted(seen)
    assert seen[-1] == (len(CONTENT), len(CONTENT))


def test_a_download_that_was_interrupted_goes_on_where_it_stopped(registry: Registry, folder: Path) -> None:
    (folder / "thing-1.2.3.part").write_bytes(CONTENT[:1_000_000])
    assert fetch(PACKAGE, folder, quiet).read_bytes() == CONTENT
    assert registry.requests == ["bytes=1000000-"]


def test_connections_that_break_are_resumed(registry: Registry, folder: Path) -> None:
    registry.cut = [1 << 20, 1 << 20]
    assert fetch(PACKAGE, folder, quiet).read_bytes() == CONTENT
    assert registry.requests[0] is None
    assert len(registry.requests) == 3


def test_a_server_without_ranges_sends_it_all_again(registry: Registry, folder: Path) -> None:
    registry.ranges = False
    (folder / "thing-1.2.3.part").write_bytes(b"x" * 1_000_000)
    assert fetch(PACKAGE, folder, quiet).read_bytes() == CONTENT


def test_a_part_that_is_complete_is_taken_as_it_is(registry: Registry, folder: Path) -> None:
    (folder / "thing-1.2.3.part").write_bytes(CONTENT)
    assert fetch(PACKAGE, folder, quiet).read_bytes() == CONTENT
    assert registry.requests == [f"bytes={len(CONTENT)}-"]


def test_a_server_that_never_sends_a_byte_is_given_up(registry: Registry, tmp_path: Path) -> None:
    registry.cut = [0] * 10
    with pytest.raises(httpx.TransportError):
        download(registry.tarball_url, tmp_path / "part", quiet)
    assert len(registry.requests) == 1


def test_where_only_npm_may_download_npm_does_it(registry: Registry, folder: Path) -> None:
    registry.refuse = True
    assert fetch(PACKAGE, folder, quiet).read_bytes() == CONTENT
    assert [path.name for path in folder.iterdir()] == ["thing-1.2.3.tgz"]


def test_a_wrong_checksum_is_refused_and_nothing_is_left_of_it(registry: Registry, folder: Path) -> None:
    registry.served = tarball(b"something else")
    with pytest.raises(RuntimeUnavailableError, match=r"thing@1\.2\.3 whose checksum is wrong; it was thrown away"):
        fetch(PACKAGE, folder, quiet)
    assert list(folder.iterdir()) == []


def test_a_damaged_package_on_disk_is_fetched_again(registry: Registry, folder: Path) -> None:
    (folder / "thing-1.2.3.tgz").write_bytes(CONTENT[:-1] + b"?")
    assert fetch(PACKAGE, folder, quiet).read_bytes() == CONTENT


def test_without_a_network_the_error_is_one_sentence(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    with pytest.raises(RuntimeUnavailableError, match=r"npm could not fetch thing@1\.2\.3.*ECONNREFUSED") as caught:
        fetch(PACKAGE, folder, quiet)
    assert "check the network and the registry" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_package_that_the_registry_lacks_is_named(registry: Registry, folder: Path) -> None:
    with pytest.raises(RuntimeUnavailableError, match=r"npm could not fetch other@1\.2\.3.*404"):
        fetch(replace(PACKAGE, name="other"), folder, quiet)
