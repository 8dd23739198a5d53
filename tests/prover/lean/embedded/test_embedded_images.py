"""Processes that start where others have been before."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from prover.lean.embedded import EmbeddedLean
from prover.lean.embedded.images import images_for
from prover.lean.embedded.install import Installation
from tests.prover.lean.embedded.talk import Talk

pytestmark = pytest.mark.lean


def images(lean: EmbeddedLean, *imports: str) -> list[Path]:
    """The folders of the images for `imports`: program elaborated, imports loaded."""
    return [Path(folder) for folder in lean.launch(imports).env["LEANSIEVE_IMAGES"].split(os.pathsep)]


def start(lean: EmbeddedLean, *imports: str) -> list[str]:
    """How a process that is ended again starts."""
    with Talk(lean.launch(imports)) as process:
        return process.until_ready()


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


def test_runaway_recursion_after_an_image_ends_with_an_error_of_lean(lean: EmbeddedLean) -> None:
    start(lean, "Recursion")
    with Talk(lean.launch(["Recursion"])) as process:
        assert process.until_ready() == ["ready Recursion"]
        process.say("deep")
        with pytest.raises(EOFError, match="deep recursion was detected"):
            process.hear()
        assert process.process.returncode == 1


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
    code = images(lean, "Code")[1] / "code"
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
    (images(lean, "Garbage")[1] / "code").write_bytes(b"garbage")
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
