"""What the tests of the embedded runtime share: a cache of their own, and a worker program that obeys simple commands."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from prover.lean.embedded import EmbeddedLean
from prover.lean.embedded.install import install
from tests.prover.lean.embedded.talk import Talk


@pytest.fixture(scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache that shares what was fetched and transformed with the user's, but no images."""
    shared = install("", lambda *_: None)
    cache = tmp_path_factory.mktemp("cache")
    root = cache / shared.library.parent.name
    for folder in (shared.library, shared.runtime):
        shutil.copytree(folder, root / folder.name, copy_function=_link)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEANSIEVE_CACHE", str(cache))
        yield cache


@pytest.fixture(scope="session")
def lean(own_cache: Path) -> EmbeddedLean:
    """The embedded Lean with the program of these tests."""
    embedded = EmbeddedLean(program=Path(__file__).with_name("program.lean").read_text(encoding="utf-8"))
    embedded.prepare()
    return embedded


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copyfile(source, target)


@pytest.fixture
def talk(lean: EmbeddedLean) -> Iterator[Callable[..., Talk]]:
    """Starts processes that are gone when the test is."""
    with ExitStack() as started:
        yield lambda *imports: started.enter_context(Talk(lean.launch(imports)))
