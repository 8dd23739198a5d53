"""Tracing a project's files, on real Lean."""

from pathlib import Path

import pytest

from prover.lean.workers.pool import WorkerPool
from training.corpus.record import TheoremRecord
from training.corpus.sources.project import tactic_blocks, trace_project
from training.corpus.sources.source_files import source_files
from training.corpus.sources.traced import TracingRun

ALGEBRA = """import Init
/-- Twice. -/
def twice (n : Nat) : Nat := n + n

namespace A
theorem twice_even (n : Nat) : twice n % 2 = 0 := by
  unfold twice
  have h : n + n = 2 * n := by
    omega
  rw [h, Nat.mul_mod_right]
theorem same (n : Nat) : n = n := rfl
end A

theorem same (a b : Nat) (h : a = b) : b = a := by exact Eq.symm h
macro "trick" : tactic => `(tactic| trivial)
theorem behind_a_macro : True := by trick
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "Deep").mkdir()
    (tmp_path / "Deep" / "Algebra.lean").write_text(ALGEBRA)
    (tmp_path / "lakefile.lean").write_text("theorem no : True := trivial\n")
    package = tmp_path / ".lake" / "packages" / "other"
    package.mkdir(parents=True)
    (package / "Other.lean").write_text("theorem other : True := trivial\n")
    (tmp_path / "Broken.lean").write_bytes(b"\xff\n")
    return tmp_path


async def traced(pool: WorkerPool, folder: Path) -> tuple[list[TheoremRecord], list[str]]:
    said: list[str] = []
    files = source_files(folder, said.append)
    with TracingRun(folder / "journal") as tracing:
        return await trace_project(pool, files, tracing, "project here", said.append), said


@pytest.mark.lean
async def test_project_is_traced_into_statements_steps_goals_and_premises(lean_pool: WorkerPool, folder: Path) -> None:
    records, said = await traced(lean_pool, folder)
    assert [record.name for record in records] == ["twice_even", "same", "same_2"]
    assert "is not UTF-8" in said[0]
    assert said[-1].startswith("1/1 files, 1 theorems skipped")
    even = records[0]
    assert even.position == "Deep/Algebra.lean:6"
    assert (even.family, even.source) == ("Deep/Algebra.lean", "project here")
    assert "namespace A" in even.context
    assert even.premises == ("Nat.mul_mod_right",)
    assert [step.tactic for step in even.steps] == [
        "unfold twice",
        "have h : n + n = 2 * n := by\n  omega",
        "rw [h, Nat.mul_mod_right]",
    ]
    assert even.steps[0].before == ("n : Nat\n⊢ twice n % 2 = 0",)
    assert even.steps[0].after == even.steps[1].before == ("n : Nat\n⊢ (n + n) % 2 = 0",)
    assert even.steps[-1].after == ()
    renamed = records[2]
    assert renamed.statement.startswith("theorem same_2 (a b : Nat)")
    assert renamed.premises == ("Eq.symm",)
    assert records[1].steps == ()


@pytest.mark.lean
async def test_tracing_goes_on_where_it_stopped_and_sees_changed_files(lean_pool: WorkerPool, folder: Path) -> None:
    first, _ = await traced(lean_pool, folder)
    before = (folder / "journal").read_text()
    again, _ = await traced(lean_pool, folder)
    assert again == first
    assert (folder / "journal").read_text() == before
    (folder / "New.lean").write_text("theorem new : True := trivial\n")
    more, _ = await traced(lean_pool, folder)
    assert [record.name for record in more] == ["twice_even", "same", "same_2", "new"]
    assert (folder / "journal").read_text().startswith(before)


@pytest.mark.parametrize(
    ("proof", "blocks"),
    [
        ("rfl", []),
        ("bypass", []),
        ("by simp", ["simp"]),
        ("by\n  intro x\n  cases x with\n  | zero => rfl\n  | succ n =>\n    simp\n  done", ["intro x", "cases x with\n| zero => rfl\n| succ n =>\n  simp", "done"]),
        ("by intro x\n   omega", ["intro x", "omega"]),
        ("by\n  constructor\n  · simp\n\n  · omega", ["constructor", "· simp", "· omega"]),
    ],
)  # fmt: skip
def test_tactic_blocks_are_the_lines_of_least_indentation(proof: str, blocks: list[str]) -> None:
    assert tactic_blocks(proof) == blocks


def test_journal_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text('{"a": 1}\n')
    with pytest.raises(ValueError, match="journal:1 is not a line of a tracing"):
        TracingRun(tmp_path / "journal")
