"""Fixtures of the tests of the embedded runtime: a separate cache, and a worker program that obeys simple commands."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from prover.lean.runtimes.embedded import EmbeddedLean
from prover.lean.runtimes.embedded.cache.install import Installation, install
from tests.prover.lean.runtimes.embedded.talk import Talk, link


@pytest.fixture(scope="session")
def prepared() -> Installation:
    """The user's own, fetched and transformed if it was not."""
    return install("", lambda *_: None)


Variant = Callable[[str], EmbeddedLean]


@pytest.fixture(scope="session")
def variant(prepared: Installation, tmp_path_factory: pytest.TempPathFactory) -> Variant:
    """Makes an embedded Lean with the program of these tests, and a cache of their own: images come and go there.

    Programs with different notes have no images in common.
    """
    cache = tmp_path_factory.mktemp("cache")
    for folder in (prepared.library, prepared.runtime):
        shutil.copytree(folder, cache / folder.parent.name / folder.name, copy_function=link)
    program = Path(__file__).with_name("program.lean").read_text(encoding="utf-8")

    def make(note: str) -> EmbeddedLean:
        embedded = EmbeddedLean(program=f"{program}-- {note}\n")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LEANSIEVE_CACHE", str(cache))
            embedded.prepare()
        embedded.code().mkdir(exist_ok=True)  # as if none could be made for all: what each image keeps is looked at
        return embedded

    return make


@pytest.fixture(scope="session")
def lean(variant: Variant) -> EmbeddedLean:
    """What most tests share."""
    return variant("shared")


@pytest.fixture
def talk(lean: EmbeddedLean) -> Iterator[Callable[..., Talk]]:
    """Starts processes that end with the test."""
    with ExitStack() as started:
        yield lambda *imports: started.enter_context(Talk(lean.launch(imports)))
