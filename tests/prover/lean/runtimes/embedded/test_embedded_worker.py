"""Real processes of the embedded Lean, running `program.lean`."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from prover.lean.runtimes.embedded import EmbeddedLean
from prover.lean.runtimes.runtime import RuntimeUnavailableError
from tests.prover.lean.runtimes.embedded.talk import DEEP, Talk

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


def test_deep_recursion_comes_to_its_end(ready: Talk) -> None:
    assert ready.ask(f"deep {DEEP}") == str(DEEP)
    assert ready.ask("echo after") == "after"


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
