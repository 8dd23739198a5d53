"""Processes that start from images."""

import asyncio
import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from prover.lean.runtimes.embedded import EmbeddedLean
from prover.lean.runtimes.embedded.cache.images import images_for
from prover.lean.runtimes.embedded.cache.install import Installation
from tests.prover.lean.runtimes.embedded.talk import DEEP, Talk, images, start

pytestmark = pytest.mark.lean


def test_a_start_goes_on_from_the_last_image_that_fits(variant: Callable[[str], EmbeddedLean]) -> None:
    lean = variant("start")
    assert start(lean, "Some", "Imports") == ["started", "loading Some Imports", "ready Some Imports"]
    assert start(lean, "Some", "Imports") == ["ready Some Imports"]
    assert start(lean, "Others") == ["loading Others", "ready Others"]
    assert start(variant("start again"), "Others")[0] == "started"


def test_a_process_that_began_from_an_image_works(lean: EmbeddedLean) -> None:
    start(lean, "Works")
    with Talk(lean.launch(["Works"])) as process:
        assert process.until_ready() == ["ready Works"]
        assert process.ask("grow 10") == "0123456789abcdef" * (1 << 10)


def test_threads_start_in_a_process_that_began_from_an_image(lean: EmbeddedLean) -> None:
    start(lean, "Threads")
    with Talk(lean.launch(["Threads"])) as process:
        assert process.until_ready() == ["ready Threads"]
        assert process.ask("task") == "in a task"
        assert process.hear() == "42"


def test_deep_recursion_comes_to_its_end_after_an_image_too(lean: EmbeddedLean) -> None:
    start(lean, "Recursion")
    with Talk(lean.launch(["Recursion"])) as process:
        assert process.until_ready() == ["ready Recursion"]
        assert process.ask(f"deep {DEEP}") == str(DEEP)


def test_each_import_set_has_its_own_image(lean: EmbeddedLean) -> None:
    assert len({images(lean, *imports)[0] for imports in (["A"], ["B"], ["A", "B"])}) == 1
    assert len({images(lean, *imports)[1] for imports in (["A"], ["B"], ["A", "B"])}) == 3


def test_a_damaged_image_is_thrown_away_and_made_again(lean: EmbeddedLean) -> None:
    start(lean, "Damaged")
    memory = images(lean, "Damaged")[1] / "memory"
    whole = memory.stat().st_size
    os.truncate(memory, whole // 2)
    assert start(lean, "Damaged") == ["loading Damaged", "ready Damaged"]
    start(lean, "Damaged")
    assert memory.stat().st_size > whole // 2


@pytest.mark.parametrize("damage", [b"", b"\xff" * 8, b"\2" + bytes(7) + b"{}", b"\1" + bytes(7) + b"{"])
def test_a_damaged_image_that_cannot_be_removed_is_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: bytes
) -> None:
    here = Installation(tmp_path / "runtime", tmp_path / "library", tmp_path / "program", tmp_path / "images")
    first, last = images_for(here, ["Init"])
    for folder in (first, last):
        folder.mkdir()
        (folder / "memory").write_bytes(b"\x0b" + bytes(7) + b'{"runs":[]}')
    assert images_for(here, ["Init"]) == [first, last]
    with held(last):
        (last / "memory").write_bytes(damage)
        assert images_for(here, ["Init"]) == [first], "what is there before it is good to start from"
        assert f"{last} of the embedded Lean is damaged and cannot be removed" in caplog.text
    assert images_for(here, ["Init"]) == [first, last]
    assert not last.exists(), "it is made again"
    with held(first):
        (first / "memory").write_bytes(damage)
        assert images_for(here, ["Init"]) == []


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """As another process holds an image that it uses; a folder that cannot be written stays as well."""
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    yield
    os.close(descriptor)


@pytest.mark.slow  # what a pool's lock spares: two processes of a gigabyte that make the same image
def test_processes_that_start_together_make_one_whole_image(lean: EmbeddedLean) -> None:
    start(lean, "Before")
    with Talk(lean.launch(["Together"])) as one, Talk(lean.launch(["Together"])) as other:
        for process in (one, other):
            assert process.until_ready() == ["loading Together", "ready Together"]
    assert start(lean, "Together") == ["ready Together"]
    folder = images(lean, "Together")[1]
    assert [each.name for each in folder.parent.glob(f"{folder.name}*")] == [folder.name], "no draft is left"


async def test_process_that_makes_an_image_is_waited_for_until_it_is_dead(
    variant: Callable[[str], EmbeddedLean], monkeypatch: pytest.MonkeyPatch
) -> None:
    lean = variant("waited for")
    folder = images(lean, "Waited")[1]
    monkeypatch.setenv("LEANSIEVE_CACHE", str(folder.parents[2]))
    program = f"import filelock; l = filelock.FileLock({str(folder)!r} + '.lock'); l.acquire(); print('held'); input()"
    async with asyncio.TaskGroup() as group:
        maker = await asyncio.create_subprocess_exec(
            sys.executable, "-uc", program, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert maker.stdout
        assert await maker.stdout.readline() == b"held\n"
        entered = asyncio.Event()
        group.create_task(enter(lean, entered))
        await asyncio.sleep(0.5)
        assert not entered.is_set()
        maker.kill()
        await maker.wait()
        await entered.wait()


async def enter(lean: EmbeddedLean, entered: asyncio.Event) -> None:
    async with lean.first(["Waited"]):
        entered.set()


def test_an_image_that_cannot_be_kept_does_not_stop_the_worker(variant: Callable[[str], EmbeddedLean]) -> None:
    launch = variant("unkept").launch(["Unkept"])
    shutil.rmtree(Path(launch.env["LEANSIEVE_IMAGES"].split(os.pathsep)[0]).parent)
    with Talk(launch) as process:
        assert process.until_ready() == ["started", "loading Unkept", "ready Unkept"]
        assert process.process.stdin
        process.process.stdin.close()
        assert process.last_words().count("could not keep an image") == 2


def test_compiled_code_is_kept_after_some_requests(lean: EmbeddedLean) -> None:
    start(lean, "Code")
    code = images(lean, "Code")[1] / "worker" / "code"
    with Talk(lean.launch(["Code"])) as process:
        process.until_ready()
        for request in range(1, 41):
            assert not code.exists()
            process.control.sendall(b"cancel %d\n" % request)
            process.control.recv(100)
            assert process.ask(f"spin {request}") == "cancelled"
        assert process.ask("echo done") == "done"
        assert code.stat().st_size > 0
    assert start(lean, "Code") == ["ready Code"]


def test_damaged_code_is_compiled_again(lean: EmbeddedLean) -> None:
    start(lean, "Garbage")
    (images(lean, "Garbage")[1] / "worker" / "code").write_bytes(b"garbage")
    assert start(lean, "Garbage") == ["ready Garbage"]


def test_images_used_longest_ago_are_dropped(tmp_path: Path) -> None:
    here = Installation(tmp_path / "runtime", tmp_path / "library", tmp_path / "program", tmp_path / "images")
    folders = [images_for(here, [f"Old{n}"])[1] for n in range(8)]
    for age, folder in enumerate(folders):
        folder.mkdir()
        os.utime(folder, (time.time() - 100 * age,) * 2)
    draft = folders[0].with_suffix(".draft")
    draft.mkdir()
    images_for(here, ["Old7"])
    assert [folder.is_dir() for folder in folders] == [True] * 4 + [False] * 3 + [True]
    assert draft.is_dir()
    os.utime(draft, (0, 0))
    images_for(here, ["Old7"])
    assert not draft.exists()
