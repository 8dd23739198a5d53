"""Real processes of the embedded Lean, running `program.lean`."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from prover.lean.embedded import EmbeddedLean
from prover.lean.runtime import RuntimeUnavailableError
from tests.prover.lean.embedded.talk import Talk

pytestmark = pytest.mark.lean

Start = Callable[..., Talk]


@pytest.fixture
def ready(talk: Start) -> Talk:
    """A process that waits for commands."""
    process = talk("Ready")
    process.until_ready()
    return process


def test_lean_tells_its_version(lean: EmbeddedLean) -> None:
    assert lean.lean_version().startswith("Lean (version 4.")


def test_launching_before_preparing_says_what_to_call() -> None:
    with pytest.raises(RuntimeUnavailableError, match=r"call prepare\(\) first"):
        EmbeddedLean().launch(["Init"])


def test_library_modules_are_known_by_name(lean: EmbeddedLean) -> None:
    assert lean.has_module("Std.Data.HashMap")
    assert not lean.has_module("Mathlib")
    assert not lean.has_module("../Init")


def test_announcements_are_not_seen_outside(ready: Talk) -> None:
    assert ready.ask("echo hello") == "hello"
    assert not [line for line in ready.noise if line.startswith(("TOKEN", "WORK", "IMAGE"))]


def test_lines_that_only_look_like_announcements_pass(ready: Talk) -> None:
    for line in ("TOKEN", "TOKEN x", "WORK 1 2", "WORKS 1", "token 1", "WORK 12345678901234567890"):
        assert ready.ask(f"echo {line}") == line


def test_a_request_of_a_million_characters_is_read_and_answered(ready: Talk) -> None:
    line = "0123456789" * 100_000
    assert ready.ask(f"length {line}") == "1000000"
    assert ready.ask(f"echo {line}") == line


def test_an_answer_of_a_megabyte_arrives_complete(ready: Talk) -> None:
    assert ready.ask("grow 16") == "0123456789abcdef" * (1 << 16)
    assert ready.ask("echo after") == "after"


def test_cancelling_reaches_lean_while_it_is_busy(ready: Talk) -> None:
    ready.say("spin 7")
    time.sleep(0.2)
    ready.control.sendall(b"cancel 7\n")
    assert ready.control.recv(100) == b"cancelled 7\n"
    assert ready.hear() == "cancelled"


def test_a_cancel_that_comes_before_the_work_begins_is_not_lost(ready: Talk) -> None:
    ready.control.sendall(b"cancel 8\n")
    assert ready.control.recv(100) == b"cancelled 8\n"
    assert ready.ask("spin 8") == "cancelled"


def test_a_cancel_for_another_request_does_not_stop_this_one(ready: Talk) -> None:
    ready.say("spin 9")
    ready.control.sendall(b"cancel 8\nnonsense\ncancel 0\n")
    assert ready.control.recv(100) == b"cancelled 8\n"
    ready.say("echo next")
    ready.control.sendall(b"cancel 9\n")
    assert ready.control.recv(100) == b"cancelled 9\n"
    assert [ready.hear(), ready.hear()] == ["cancelled", "next"]


def test_the_process_ends_when_its_input_does(ready: Talk) -> None:
    assert ready.process.stdin
    ready.process.stdin.close()
    assert ready.process.wait(timeout=60) == 0


def test_the_process_ends_with_whoever_started_it(ready: Talk) -> None:
    ready.say("spin 1")
    ready.control.close()
    assert ready.process.wait(timeout=60) == -9


def test_runaway_recursion_ends_with_an_error_of_lean(ready: Talk) -> None:
    ready.say("deep")
    with pytest.raises(EOFError, match="deep recursion was detected"):
        ready.hear()
    assert ready.process.returncode == 1


def test_nothing_of_the_host_but_library_and_program_can_be_read(ready: Talk) -> None:
    for path in (
        "/etc/passwd",
        str(Path(__file__)),
        os.environ.get("HOME", "/root"),
        "/proc/self/environ",
        "/../etc/passwd",
    ):
        assert ready.ask(f"read {path}").startswith("error: no such file"), path


def test_library_and_program_cannot_be_written(ready: Talk, lean: EmbeddedLean) -> None:
    program = lean.launch([]).cwd / "Worker.lean"
    before = program.read_bytes()
    for path in ("/program/Worker.lean", "/program/new.lean", "/library/Init.olean"):
        assert ready.ask(f"write {path}").startswith("error: "), path
    assert program.read_bytes() == before
    assert [file.name for file in program.parent.iterdir()] == ["Worker.lean"]


def test_an_image_saves_the_start(talk: Start, lean: EmbeddedLean) -> None:
    with talk("Some", "Imports") as first:
        assert first.until_ready() == (True, "ready 2")
    image = Path(lean.launch(["Some", "Imports"]).env["LEANSIEVE_IMAGE"])
    assert (image / "memory").stat().st_size < 1 << 29
    second = talk("Some", "Imports")
    assert second.until_ready() == (False, "ready 2")
    assert second.ask("echo hello") == "hello"


def test_threads_start_in_a_process_that_began_from_an_image(talk: Start) -> None:
    with talk("Threads") as first:
        first.until_ready()
    second = talk("Threads")
    assert second.until_ready() == (False, "ready 1")
    assert second.ask("task") == "in a task"
    assert second.hear() == "42"


def test_each_import_set_has_its_own_image(lean: EmbeddedLean) -> None:
    images = {lean.launch(imports).env["LEANSIEVE_IMAGE"] for imports in (["A"], ["B"], ["A", "B"], ["A B"])}
    assert len(images) == 4


def test_a_damaged_image_is_thrown_away_and_made_again(talk: Start, lean: EmbeddedLean) -> None:
    with talk("Damaged") as first:
        first.until_ready()
    memory = Path(lean.launch(["Damaged"]).env["LEANSIEVE_IMAGE"]) / "memory"
    whole = memory.stat().st_size
    os.truncate(memory, whole // 2)
    with talk("Damaged") as second:
        assert second.until_ready() == (True, "ready 1")
    assert not memory.exists()
    with talk("Damaged") as third:
        third.until_ready()
    assert memory.stat().st_size > whole // 2


def test_an_image_that_cannot_be_kept_does_not_stop_the_worker(talk: Start, lean: EmbeddedLean) -> None:
    launch = lean.launch(["Unkept"])
    shutil.rmtree(Path(launch.env["LEANSIEVE_IMAGE"]).parent)
    with Talk(launch) as process:
        assert process.until_ready() == (True, "ready 1")
        assert process.process.stdin
        process.process.stdin.close()
        assert "could not keep an image" in process.last_words()


def test_compiled_code_is_kept_after_some_requests(talk: Start, lean: EmbeddedLean) -> None:
    with talk("Code") as first:
        first.until_ready()
    code = Path(lean.launch(["Code"]).env["LEANSIEVE_IMAGE"]) / "code"
    with talk("Code") as second:
        second.until_ready()
        for request in range(1, 41):
            assert not code.exists()
            second.control.sendall(b"cancel %d\n" % request)
            second.control.recv(100)
            assert second.ask(f"spin {request}") == "cancelled"
        assert second.ask("echo done") == "done"
        assert code.stat().st_size > 0
    third = talk("Code")
    third.until_ready()
    assert third.ask("echo hello") == "hello"


def test_images_used_longest_ago_are_dropped(lean: EmbeddedLean) -> None:
    folders = [Path(lean.launch([f"Old{n}"]).env["LEANSIEVE_IMAGE"]) for n in range(6)]
    for age, folder in enumerate(folders):
        folder.mkdir()
        os.utime(folder, (time.time() - 100 * age, time.time() - 100 * age))
    stale = folders[0].with_suffix(".draft")
    stale.mkdir()
    os.utime(stale, (0, 0))
    lean.launch(["Old5"])
    assert folders[0].is_dir()
    assert folders[5].is_dir()
    assert not folders[4].exists()
    assert not stale.exists()
