import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from prover.candidate import Candidate
from prover.lean.checker import DEFAULT_TERMS, Terms
from prover.lean.wire.answers import Sorry, SorryGoals
from prover.theorem import Theorem
from prover.verdict import Message, Trust, Verdict, VerdictKind
from training.corpus.proofs import read_proofs
from training.corpus.record import TheoremRecord
from training.journal import Journal, JournalError
from training.seeds.questions import InfrastructureError, SeedBudget, SeedEnding
from training.seeds.run import SeedRecord, Statistics, read_seeds, search_into, statistics, write_proved
from training.seeds.search import find_proofs

BUDGET = SeedBudget(proofs=3, requests=60, depth=1)


class ScriptedLean:
    """Stands in for a pool: the goal is `⊢ NAME`, and a proof holds if it mentions one of the words."""

    def __init__(self, words: tuple[str, ...] = ("omega", "rfl", "trivial"), dies_after: int | None = None) -> None:
        self.words = words
        self.dies_after = dies_after
        self.asked: list[str] = []
        self.policies: set[str] = set()

    async def goals(self, theorem: Theorem, proof: str, terms: Terms = DEFAULT_TERMS) -> SorryGoals:
        self._note(theorem, terms)
        if self.dies_after is not None and len(self.asked) > self.dies_after:
            return SorryGoals(VerdictKind.INFRASTRUCTURE, messages=(Message("error", "no worker can be started"),))
        sorries = tuple(Sorry(1, 0, 1, 5, ("⊢ a = b",)) for _ in range(proof.count("sorry")))
        good = bool(sorries) or any(word in proof for word in self.words)
        return SorryGoals(VerdictKind.VERIFIED, sorries, () if good else (Message("error", "it fails"),))

    async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
        self._note(theorem, terms)
        good = any(word in candidate.text for word in self.words)
        return Verdict(VerdictKind.VERIFIED, Trust.KERNEL_REPLAYED) if good else Verdict(VerdictKind.REJECTED)

    def _note(self, theorem: Theorem, terms: Terms) -> None:
        self.asked.append(theorem.statement)
        self.policies.add(terms.policy.guard)


def records(count: int) -> list[TheoremRecord]:
    return [TheoremRecord(name=f"t{n}", statement=f"theorem t{n} : a = {n}") for n in range(count)]


async def run(lean: ScriptedLean, corpus: list[TheoremRecord], out: Path) -> Statistics:
    with Journal(out) as journal:
        return await search_into(journal, lean, lean, corpus, BUDGET, 2, lambda line: None)


async def test_a_search_that_failed_and_left_a_torn_line_goes_on_where_it_stopped(tmp_path: Path) -> None:
    corpus, out = records(6), tmp_path / "seeds.jsonl"
    with pytest.raises(InfrastructureError, match="no worker can be started"):
        await run(ScriptedLean(dies_after=30), corpus, out)
    done = {row.theorem.name for row in read_seeds(out)}
    assert 0 < len(done) < 6
    out.write_text(out.read_text() + '{"theorem": {"na', encoding="utf-8")
    second = ScriptedLean()
    found = await run(second, corpus, out)
    assert found.theorems == 6
    assert found.at_least == {1: 6, 2: 6, 5: 0, 10: 0}
    assert not {record.theorem.statement for record in corpus if record.name in done} & set(second.asked)
    third = ScriptedLean()
    assert await run(third, corpus, out) == found
    assert third.asked == []


async def test_library_theorems_are_searched_under_their_guard() -> None:
    lean = ScriptedLean()
    record = TheoremRecord(name="t", statement="theorem t : a = b", guard="Nat.add_comm")
    assert (await find_proofs(lean, lean, record, BUDGET)).proofs
    assert lean.policies == {"Nat.add_comm"}


async def test_the_budget_of_requests_is_kept() -> None:
    lean = ScriptedLean(words=("nothing works",))
    found = await find_proofs(lean, lean, records(1)[0], SeedBudget(requests=20))
    assert (found.ending, found.requests, found.proofs) == (SeedEnding.REQUESTS_SPENT, 20, ())
    assert len(lean.asked) == 20
    assert (await find_proofs(lean, lean, records(1)[0], SeedBudget())).ending is SeedEnding.EXHAUSTED


async def test_a_request_that_hangs_does_not_outlast_the_time_of_its_theorem() -> None:
    class HangingLean(ScriptedLean):
        async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
            if "rfl" in candidate.text:
                await asyncio.Event().wait()
            return await super().check(theorem, candidate, terms)

    lean = HangingLean()
    found = await find_proofs(lean, lean, records(1)[0], SeedBudget(seconds=0.5))
    assert found.ending is SeedEnding.SECONDS_SPENT
    assert found.proofs


async def test_steps_that_do_nothing_are_left_out() -> None:
    lean = ScriptedLean(words=("simp", "omega"))
    record = TheoremRecord(name="t", statement="theorem t : a = b", context="def f := 1")
    found = await find_proofs(lean, lean, record, SeedBudget(proofs=50, requests=500, depth=2))
    assert {"by\n  simp", "by\n  omega"} <= set(found.proofs)
    assert not [proof for proof in found.proofs if "symm" in proof or "byContradiction" in proof]


def test_only_theorems_with_proofs_are_written_to_fine_tune_on(tmp_path: Path) -> None:
    rows = [
        SeedRecord(theorem=record, proofs=proofs, ending=SeedEnding.EXHAUSTED, requests=1, seconds=0)
        for record, proofs in zip(records(3), [("rfl", "by rfl"), (), ("by omega",)], strict=True)
    ]
    (tmp_path / "seeds.jsonl").write_text("".join(row.model_dump_json() + "\n" for row in rows), encoding="utf-8")
    assert write_proved(tmp_path / "seeds.jsonl", tmp_path / "proved.jsonl") == 2
    assert [theorem.theorem.name for theorem in read_proofs(tmp_path / "proved.jsonl")] == ["t0", "t2"]
    assert "3 theorems, with distinct proofs: 2 (67%) ≥ 1, 1 (33%) ≥ 2" in statistics(rows).text


def test_a_name_that_no_template_has_is_refused() -> None:
    with pytest.raises(ValueError, match="No template of the portfolio has a name that begins with 'residuez'"):
        SeedBudget(only=("residues", "residuez"))


async def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.jsonl"
    path.write_text(json.dumps({"a": 1}) + "\n")
    with pytest.raises(JournalError, match=r"other\.jsonl:1: this is not a line of a seed search"):
        await run(ScriptedLean(), records(1), path)


@pytest.mark.lean
@pytest.mark.slow
def test_a_search_that_was_killed_is_resumed_by_the_same_command(tmp_path: Path) -> None:
    corpus, out = tmp_path / "corpus.jsonl", tmp_path / "seeds.jsonl"
    rows = [{"name": f"t{n}", "statement": f"theorem t{n} : {n} + 1 = {n + 1}"} for n in range(12)]
    corpus.write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = [
        sys.executable,
        "-m",
        "service",
        "seeds",
        str(corpus),
        "--out",
        str(out),
        "--workers",
        "1",
        "--proofs",
        "4",
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        while not out.exists() or out.read_bytes().count(b"\n") < 2:
            assert process.poll() is None
            time.sleep(0.02)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    before = read_seeds(out) if out.read_bytes().endswith(b"\n") else []
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=True)
    assert "12 theorems, with distinct proofs: 12 (100%)" in done.stdout
    after = read_seeds(out)
    assert len(after) == 12
    assert after[: len(before)] == before
