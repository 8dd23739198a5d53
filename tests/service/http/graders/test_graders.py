"""The reward of examples/graders over HTTP, of an engine whose verdicts are written down; no Lean is started."""

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from prover.requests import Check
from prover.verdict import Mode, Trust, Verdict, VerdictKind
from service.core.engine import Engine
from service.ops.config import HttpSettings, ServerSettings, Settings
from service.server import listening
from tests.support.programs.apart import environment

GRADERS = Path(__file__).resolve().parents[4] / "examples" / "graders"
PROBLEMS = {one["id"]: one["problem"] for one in map(json.loads, (GRADERS / "problems.jsonl").read_text().splitlines())}
SWAP = PROBLEMS["swap"]
KINDS = {kind.name.lower(): kind for kind in VerdictKind}
MEASURED = [name for name in KINDS if name not in ("infrastructure", "invalid_statement")]
FENCED = "By hand:\n\n```lean\nno\n```\nor rather\n\n```lean4\n{}```\nDone."


class Scripted(Engine):
    """Never started; the last word of a solution names its verdict."""

    async def check(self, request: Check) -> Verdict:
        assert request.candidate.mode is Mode.FILE
        assert request.theorem.statement.startswith("theorem swap")
        kind = KINDS[request.candidate.text.split()[-1]]
        return Verdict(kind, Trust.KERNEL_REPLAYED if kind is VerdictKind.VERIFIED else Trust.NONE)


@pytest_asyncio.fixture
async def graders(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    settings = Settings(
        server=ServerSettings(listen="127.0.0.1:0", drain_seconds=1), http=HttpSettings(listen="127.0.0.1:0")
    )
    urls: list[str] = []
    async with listening(Scripted(settings), settings, asyncio.Event(), announce_http=urls.append):
        monkeypatch.setenv("LEANSIEVE_URL", urls[0])
        monkeypatch.syspath_prepend(str(GRADERS))
        yield


@pytest.mark.parametrize("kind", MEASURED)
async def test_a_reward_is_a_verdict(graders: None, kind: str) -> None:
    from lean_reward import grade  # type: ignore[import-not-found]

    for said in (SWAP.replace("sorry", kind), FENCED.format(SWAP.replace("sorry", kind))):
        graded = await grade(SWAP, said)
        assert graded.reward == float(kind == "verified")
        assert kind.upper() in graded.why


@pytest.mark.parametrize(
    "reply", ["", "```lean\n```", SWAP.replace("import Std", "import Nowhere"), "\ud800", "x" * 5_000_000]
)
async def test_a_reply_that_holds_no_solution_earns_nothing(graders: None, reply: str) -> None:
    from lean_reward import grade

    assert (await grade(SWAP, reply)).reward == 0.0


async def test_what_the_server_cannot_say_is_no_reward_of_zero(graders: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from lean_reward import UnmeasuredError, grade

    for kind in ("infrastructure", "invalid_statement"):
        with pytest.raises(UnmeasuredError):
            await grade(SWAP, SWAP.replace("sorry", kind))
    with pytest.raises(UnmeasuredError):
        await grade("def two := 2", "theorem swap : True := trivial verified")
    monkeypatch.setenv("LEANSIEVE_URL", "http://127.0.0.1:1")
    with pytest.raises(UnmeasuredError, match="does not answer"):
        await grade(SWAP, SWAP)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_verifiers_gets_the_same_rewards(graders: None) -> None:
    """With the real library; what the server could not judge is an error there, and no reward."""
    python = await asyncio.to_thread(environment, "verifiers")
    said = {"verified": 1.0, "rejected": 0.0, "axiom_not_allowed": 0.0, "infrastructure": "-"}
    replies = [{"id": "swap", "reply": SWAP.replace("sorry", kind)} for kind in said] + [{"id": "swap", "reply": ""}]
    scoring = await asyncio.create_subprocess_exec(
        python / "python",
        Path(__file__).with_name("score.py"),
        env=os.environ | {"PYTHONPATH": str(GRADERS)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    out, _ = await scoring.communicate(json.dumps(replies).encode())
    assert json.loads(out) == [*said.values(), 0.0]


def test_a_bad_line_of_problems_is_told_in_a_sentence_and_the_others_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING")  # a server of another test may have set it higher
    monkeypatch.syspath_prepend(str(GRADERS))
    from problems import read_problems  # type: ignore[import-not-found]

    path = tmp_path / "problems.jsonl"
    good = json.dumps({"id": "a", "problem": "theorem a : True := sorry"}).encode()
    bad = [b"{", b"[]", b'{"id": "b"}', b'{"id": 5, "problem": "x"}', b'{"id": "c", "problem": " "}', b"\xff", good]
    path.write_bytes(b"\n".join([good, *bad, b"", good.replace(b'"a"', b'"z"').replace(b"}", b', "split": 1}')]))
    assert [one.id for one in read_problems(path)] == ["a", "z"]
    told = [record.getMessage() for record in caplog.records]
    assert [f"{path}:{number} is left out: " in said for number, said in enumerate(told[:-1], start=2)] == [True] * 7
    assert "`split`" in told[-1]
    path.write_bytes(b"{\n")
    with pytest.raises(ValueError, match="holds no problem"):
        list(read_problems(path))


@pytest.mark.skipif(
    "LEANSIEVE_NEMO_GYM" not in os.environ,
    reason="LEANSIEVE_NEMO_GYM names no Python 3.12 that has nemo-gym 0.4.0, which takes 1.4 GB",
)
async def test_nemo_gym_gets_the_same_rewards_where_it_is_installed(graders: None) -> None:
    """With the real library, asked over HTTP without its head server; what could not be judged has no reward there."""
    python = os.environ["LEANSIEVE_NEMO_GYM"]
    env = os.environ | {"PYTHONPATH": str(GRADERS)}

    async def run(*command: str | Path, said: bytes = b"") -> bytes:
        process = await asyncio.create_subprocess_exec(
            python, *command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        return (await process.communicate(said))[0]

    rows = (await run(GRADERS / "lean_gym.py", GRADERS / "problems.jsonl")).decode().splitlines()
    said = {"verified": 1.0, "rejected": 0.0, "axiom_not_allowed": 0.0, "infrastructure": "-"}
    replies = [{"id": "swap", "reply": SWAP.replace("sorry", kind)} for kind in said] + [{"id": "swap", "reply": ""}]
    scored = await run(
        Path(__file__).with_name("score_gym.py"), said=json.dumps({"rows": rows, "replies": replies}).encode()
    )
    assert json.loads(scored) == [*said.values(), 0.0]
