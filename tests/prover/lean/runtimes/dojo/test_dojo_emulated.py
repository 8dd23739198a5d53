"""lean-dojo on an emulated Lean: a script stands in for `lake env lean` with Lean4Repl.

With the real lean-dojo (`make test-dojo`) it tests leansieve's code and lean-dojo's own Python; if that is not installed,
a stand-in for it tests only leansieve's code. Neither Lean4Repl nor Lean is tested.
"""

import asyncio
import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from prover.candidate import Candidate
from prover.lean.checker import DEFAULT_TERMS, Terms
from prover.lean.runtimes.dojo import DojoConfig, DojoPool, DojoUnavailableError
from prover.lean.runtimes.dojo.launch import command, prepare, require_sandbox
from prover.lean.runtimes.dojo.process import fits
from prover.lean.runtimes.native.sandbox import Sandbox
from prover.search.stepper import StepSession
from prover.theorem import Theorem
from prover.verdict import Limits, Mode, Verdict, VerdictKind

Emulated = Callable[..., DojoConfig]
SOME = Theorem("theorem t : 1 + 1 = 2")
LIMITS = Limits(seconds=30)


class Suspicious:
    """A checker that refuses everything, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
        self.asked.append(candidate.text)
        return Verdict(VerdictKind.REJECTED)


def opened(pool: DojoPool, theorem: Theorem = SOME, limits: Limits = LIMITS):  # type: ignore[no-untyped-def]
    return pool.open(theorem, Terms(limits))


def everybody() -> set[psutil.Process]:
    return set(psutil.Process().children(recursive=True))


_before: set[psutil.Process] = set()


@pytest.fixture(autouse=True)
def of_this_test() -> None:
    """Other tests of the session have workers of their own."""
    _before.clear()
    _before.update(everybody())


def children() -> list[psutil.Process]:
    """The processes that a test has started."""
    return [process for process in everybody() - _before if process.is_running()]


async def test_session_steps_branches_and_finishes_in_emulated_dojo(emulated: Emulated) -> None:
    pool = DojoPool(emulated())
    async with opened(pool) as session:
        first = await session.begin()
        assert first.state is not None
        assert first.state.goals == ("⊢ 1 + 1 = 2",)
        left = await session.run(first.state, "left")
        right = await session.run(first.state, "right")
        assert left.state is not None
        assert right.state is not None
        assert left.state.goals == ("⊢ 1 + 1 = 2 after 0: 'left'",)
        assert right.state.goals == ("⊢ 1 + 1 = 2 after 0: 'right'",)
        deeper = await session.run(left.state, "deeper\n  still")
        assert deeper.state is not None
        assert deeper.state.goals[0].endswith("after 1: '(\\n  deeper\\n    still\\n)'")
        assert deeper.state.proof == "by\n  left\n  deeper\n    still"
        assert (await session.run(left.state, "fail")).messages[0].text == "it fails"
        assert (await session.run(left.state, "exact sorry")).kind is VerdictKind.INCOMPLETE
        done = await session.run(left.state, "done")
        assert done.state is not None
        assert (done.kind, done.state.goals, done.state.script) == (VerdictKind.VERIFIED, (), ("left", "done"))
    assert children() == []
    assert pool.ends == {"closed": 1}


@pytest.mark.parametrize("ending", ["sleep 600", "exit 137", "exit 0", "segv", "garbage"])
async def test_dojo_that_is_late_or_breaks_is_discarded_and_its_states_live_on(emulated: Emulated, ending: str) -> None:
    pool = DojoPool(emulated())
    async with opened(pool, limits=Limits(seconds=3)) as session:
        first = (await session.begin()).state
        assert first is not None
        left = (await session.run(first, "left")).state
        assert left is not None
        before = {process.pid for process in children()}
        failed = await session.run(left, ending)
        late = ending.startswith("sleep")
        assert failed.kind is (VerdictKind.TIMEOUT if late else VerdictKind.INFRASTRUCTURE)
        assert children() == []
        again = (await session.run(left, "go on")).state  # in a new Dojo, after the script of its state
        assert again is not None
        assert again.goals == ("⊢ 1 + 1 = 2 after 1: 'go on'",)
        assert not before & {process.pid for process in children()}
    assert pool.ends == {"late" if late else "broken": 1, "closed": 1}


async def test_dojo_that_does_not_start_is_no_ones_fault(emulated: Emulated) -> None:
    pool = DojoPool(emulated())
    async with opened(pool, Theorem("theorem t : broken start")) as session:
        step = await session.begin()
    assert step.kind is VerdictKind.INFRASTRUCTURE
    assert "DojoInitError" in step.messages[0].text
    assert children() == []


async def test_dojo_is_used_up_after_so_many_steps(emulated: Emulated) -> None:
    pool = DojoPool(emulated(life_steps=2))
    async with opened(pool) as session:
        state = (await session.begin()).state
        for tactic in ("a", "b", "c"):
            assert state is not None
            state = (await session.run(state, tactic)).state
        assert state is not None
        assert state.script == ("a", "b", "c")
    assert pool.ends == {"worn": 1, "closed": 1}


async def test_cancelled_step_ends_its_dojo(emulated: Emulated) -> None:
    """If kept, it would answer the next question with the previous answer."""
    pool = DojoPool(emulated())
    async with opened(pool) as session:
        first = (await session.begin()).state
        assert first is not None
        step = asyncio.create_task(session.run(first, "sleep 600"))
        await asyncio.sleep(0.5)
        step.cancel()
        with pytest.raises(asyncio.CancelledError):
            await step
        assert children() == []
        state = (await session.run(first, "next")).state
        assert state is not None
        assert state.goals[0].endswith("'next'")


def test_requests_that_the_terminal_would_lose_are_never_sent(emulated: Emulated) -> None:
    config = emulated()
    assert fits(config, "x" * 3_900)
    assert not fits(config, "x" * 4_100)
    assert not fits(config, "é" * 2_050)
    assert not fits(config, "exact \x7f")
    assert not fits(config, "\ud800")


async def test_longest_request_arrives_whole_in_emulated_dojo(emulated: Emulated) -> None:
    config = emulated()
    longest = max(size for size in range(3_000, 4_096) if fits(config, "é" + "x" * size))
    async with opened(DojoPool(config)) as session:
        first = (await session.begin()).state
        assert first is not None
        state = (await session.run(first, "é" + "x" * longest)).state
        assert state is not None
        assert state.goals[0].endswith("é" + "x" * longest + "'")
        too_long = await session.run(first, "é" + "x" * (longest + 1))
        assert too_long.kind is VerdictKind.OUT_OF_RESOURCES


# Its word is no verdict


async def test_what_emulated_dojo_calls_proved_is_judged_by_our_own_checker(emulated: Emulated) -> None:
    checker = Suspicious()
    pool = DojoPool(emulated()).before(checker)
    verdict = await pool.check(Theorem("theorem t : False"), Candidate("claim"))
    assert verdict.kind is VerdictKind.REJECTED
    assert checker.asked == ["claim"]
    refused = await pool.check(SOME, Candidate("sorry"))
    assert (refused.kind, refused.verified) == (VerdictKind.INCOMPLETE, False)
    assert checker.asked == ["claim"], "what LeanDojo refuses is not looked at again"


@pytest.mark.parametrize(
    "candidate",
    [Candidate("x" * 5_000), Candidate("theorem t : 1 + 1 = 2 := rfl", Mode.FILE)],
    ids=["long", "file"],
)
async def test_what_dojo_cannot_be_asked_goes_to_our_own_checker(emulated: Emulated, candidate: Candidate) -> None:
    checker = Suspicious()
    await DojoPool(emulated()).before(checker).check(SOME, candidate)
    assert checker.asked == [candidate.text]


async def test_candidate_is_looked_at_while_searches_hold_all_dojos(emulated: Emulated) -> None:
    """A stepwise search waited for the check of its own proof, which waited for its Dojo."""
    checker = Suspicious()
    pool = DojoPool(emulated(processes=1))
    async with opened(pool) as session, asyncio.timeout(240):
        await session.begin()
        await pool.before(checker).check(SOME, Candidate("claim"))
    assert checker.asked == ["claim"]
    assert pool.ends == {"closed": 2}


# What a Dojo sees, and what is left of it


async def test_tactics_see_no_network_no_token_and_no_file_to_change(emulated: Emulated, sandbox: Sandbox) -> None:
    config = emulated(sandbox)
    server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, opened(DojoPool(config)) as session:
        first = (await session.begin()).state
        assert first is not None
        seen = json.loads((await session.run(first, f"look {port}")).messages[0].text)
    assert seen["network"].startswith("refused")
    assert seen["repository"] == "refused: Read-only file system"
    assert "GITHUB_ACCESS_TOKEN" not in seen["environment"]
    assert seen["processes"] < 12, "the machine's other processes are not seen"
    assert [entry.name for entry in config.traced.iterdir() if "Leansieve" in entry.name] == []
    assert children() == []


async def test_without_sandbox_the_environment_is_clean_all_the_same(emulated: Emulated) -> None:
    config = emulated()
    async with opened(DojoPool(config)) as session:
        first = (await session.begin()).state
        assert first is not None
        await session.run(first, "child")
        seen = json.loads((await session.run(first, "look 9")).messages[0].text)
        assert len(children()) >= 3
    assert "GITHUB_ACCESS_TOKEN" not in seen["environment"]
    assert seen["folder"] == str(config.traced)
    assert children() == []
    assert [entry.name for entry in config.traced.iterdir() if "Leansieve" in entry.name] == []


@pytest.mark.parametrize("boxed", [False, True], ids=["bare", "sandbox"])
async def test_nothing_is_left_when_the_parent_is_killed(
    emulated: Emulated, boxed: bool, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    config = emulated(request.getfixturevalue("sandbox") if boxed else Sandbox.NEVER)
    program = f"""
import asyncio, sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parents[5])!r})
from tests.prover.lean.runtimes.dojo.test_dojo_emulated import *
config = DojoConfig(Path({str(config.traced)!r}), Path({str(config.python)!r}), sandbox=Sandbox({str(config.sandbox)!r}),
    readable=[Path(folder) for folder in {[str(folder) for folder in config.readable]!r}], environment={dict(config.environment)!r})
async def main():
    async with opened(DojoPool(config)) as session:
        first = (await session.begin()).state
        await session.run(first, "child")
        task = asyncio.create_task(session.run(first, "sleep 600"))
        await asyncio.sleep(0.5)
        print(*[child.pid for child in children()], flush=True)
        await task
asyncio.run(main())
"""
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=subprocess.PIPE, env=env)
    assert parent.stdout
    pids = [int(word) for word in (await parent.stdout.readline()).split()]
    assert len(pids) >= 3
    parent.send_signal(signal.SIGKILL)
    await parent.wait()
    deadline = time.monotonic() + 20
    while left := [pid for pid in pids if psutil.pid_exists(pid)]:
        assert time.monotonic() < deadline, [psutil.Process(pid).cmdline() for pid in left]
        await asyncio.sleep(0.1)


async def test_dojo_that_nobody_asks_ends_by_itself(emulated: Emulated, tmp_path: Path) -> None:
    """Its parent may be stopped, or have lost it."""
    config = emulated()
    argv, env = command(config, tmp_path)
    code = "import Lean4Repl\ntheorem t : slow start := by\n  lean_dojo_repl\n  sorry\n"
    first = {"code": code, "file": "Some.lean", "folder": config.traced.parent.name, "name": config.traced.name}
    process = await asyncio.create_subprocess_exec(*argv, env=env, cwd=tmp_path, stdin=subprocess.PIPE)
    assert process.stdin
    process.stdin.write(json.dumps({**first, "seconds": 600, "life": 2}).encode() + b"\n")
    async with asyncio.timeout(60):
        await process.wait()
    assert children() == []


def test_repository_that_was_not_traced_is_named(tmp_path: Path) -> None:
    with pytest.raises(DojoUnavailableError, match="is not a repository traced by LeanDojo"):
        prepare(DojoConfig(tmp_path, environment={}))


def test_without_sandbox_dojo_runs_only_if_told_so(tmp_path: Path) -> None:
    (tmp_path / "Lean4Repl.lean").touch()
    with pytest.raises(DojoUnavailableError, match="needs a sandbox: bubblewrap is not installed"):
        prepare(DojoConfig(tmp_path, environment={"PATH": str(tmp_path)}))
    require_sandbox(DojoConfig(tmp_path, sandbox=Sandbox.NEVER, environment={}))


def test_python_without_lean_dojo_is_one_sentence_at_the_start(emulated: Emulated, tmp_path: Path) -> None:
    """Each Dojo broke, and every candidate went to our own checker as if nothing were wrong."""
    config = emulated()
    prepare(config)
    without = tmp_path / "python"
    without.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')  # sees no installed package
    without.chmod(0o755)
    with pytest.raises(DojoUnavailableError, match=r"python has no lean-dojo: pip install 'leansieve\[dojo\]'"):
        prepare(dataclasses.replace(config, python=without))
    with pytest.raises(DojoUnavailableError, match=r"does not run: .*No such file or directory: '/nowhere/python'"):
        prepare(dataclasses.replace(config, python=Path("/nowhere/python")))


def test_session_is_a_step_session() -> None:
    from prover.lean.runtimes.dojo.pool import _DojoSession

    session: type[StepSession] = _DojoSession
    assert session is _DojoSession
