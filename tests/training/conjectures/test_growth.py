import asyncio
import sys
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from prover.candidate import Candidate
from prover.lean.checker import DEFAULT_TERMS, Terms
from prover.theorem import Theorem
from prover.verdict import Message, Trust, Verdict, VerdictKind
from training.conjectures import outcome as outcomes_of
from training.conjectures.experience import is_own
from training.conjectures.growth import Growth
from training.conjectures.outcome import ConjectureOutcome, ConjectureStatus, proved, table
from training.conjectures.questions import LeanGoneError
from training.corpus.proofs import ProvedTheorem, read_proofs
from training.corpus.record import TheoremRecord
from training.journal import Journal, JournalError


class ScriptedLean:
    """Stands in for a pool: `omega` proves everything but contradictions, and statements with `^` cannot be read."""

    def __init__(self, dies_after: int | None = None, trivial: bool = False, vacuous: bool = False) -> None:
        self.asked: list[str] = []
        self._dies_after, self._trivial, self._vacuous = dies_after, trivial, vacuous

    async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
        self.asked.append(candidate.text)
        if self._dies_after is not None and len(self.asked) > self._dies_after:
            return Verdict(VerdictKind.INFRASTRUCTURE, messages=(Message("error", "no worker can be started"),))
        if "^" in theorem.statement:
            return Verdict(VerdictKind.INVALID_STATEMENT)
        if "exfalso" in candidate.text:
            good = self._vacuous
        elif candidate.text.startswith("by first"):
            good = self._trivial
        else:
            good = "omega" in candidate.text
        return Verdict(VerdictKind.VERIFIED, Trust.KERNEL_REPLAYED) if good else Verdict(VerdictKind.REJECTED)


def theorem(name: str, statement: str, *proofs: str) -> ProvedTheorem:
    return ProvedTheorem(theorem=TheoremRecord(name=name, statement=f"theorem {name} {statement}"), proofs=proofs)


SOURCES = [
    theorem("one", "(a b : Nat) (h : a < b) : a + 3 ≤ b + 3", "by\n  omega", "by\n  grind"),
    theorem("two", "(m n : Int) : m * n = n * m", "by\n  grind", "by\n  omega"),
]
HELD_OUT = [TheoremRecord(name="d", statement="theorem d (a b : Nat) (h : a < b) : a + 9 < b + 9")]


def grown(lean: ScriptedLean, out: Path, count: int = 120, seed: int = 0) -> list[ConjectureOutcome]:
    with Journal(out) as journal:
        return asyncio.run(Growth(SOURCES, HELD_OUT, seed).grow(lean, journal, count, report=lambda _line: None))


def test_what_is_kept_is_new_and_proved(tmp_path: Path) -> None:
    outcomes = grown(ScriptedLean(), tmp_path / "c.jsonl")
    statuses = {outcome.status for outcome in outcomes}
    assert {ConjectureStatus.KEPT, ConjectureStatus.MALFORMED, ConjectureStatus.KNOWN} <= statuses
    theorems = list(proved(outcomes))
    assert theorems
    assert all("omega" in proof for each in theorems for proof in each.proofs)
    statements = [each.theorem.statement.split(" ", 2)[2] for each in theorems]
    assert len(set(statements)) == len(statements)
    assert all(each.theorem.source.split(":")[0] in ("one", "two") for each in theorems)
    assert not any("+ 9 < b + 9" in statement for statement in statements)


def test_the_trivial_and_the_vacuous_are_thrown_away(tmp_path: Path) -> None:
    assert not list(proved(grown(ScriptedLean(trivial=True), tmp_path / "t.jsonl")))
    vacuous = grown(ScriptedLean(vacuous=True), tmp_path / "v.jsonl")
    assert ConjectureStatus.VACUOUS in {outcome.status for outcome in vacuous}
    # Without a hypothesis of its own making nothing is asked: the source's hold together, or it has none.
    assert any(outcome.status is ConjectureStatus.KEPT for outcome in vacuous)


def test_a_stopped_search_goes_on_and_asks_nothing_twice(tmp_path: Path) -> None:
    out = tmp_path / "c.jsonl"
    with pytest.raises(LeanGoneError, match="no worker can be started"):
        grown(ScriptedLean(dies_after=40), out)
    found = out.read_text().splitlines()
    assert found
    lean = ScriptedLean()
    outcomes = grown(lean, out)
    assert [outcome.number for outcome in outcomes] == list(range(120))
    assert out.read_text().splitlines()[: len(found)] == found
    again = ScriptedLean()
    assert grown(again, out) == outcomes
    assert not again.asked


def test_another_seed_is_refused_and_nothing_is_lost(tmp_path: Path) -> None:
    out = tmp_path / "c.jsonl"
    grown(ScriptedLean(), out, count=20, seed=3)
    before = out.read_bytes()
    lean = ScriptedLean()
    with pytest.raises(JournalError, match=r"c\.jsonl was drawn with seed 3, not 4: go on with that seed, or name"):
        grown(lean, out, count=40, seed=4)
    assert out.read_bytes() == before
    assert not lean.asked
    assert len(grown(lean, out, count=25, seed=3)) == 25


def test_what_was_learnt_is_not_lost_with_the_process(tmp_path: Path) -> None:
    first, second = Growth(SOURCES, HELD_OUT), Growth(SOURCES, HELD_OUT)
    for growth in (first, second):
        with Journal(tmp_path / "c.jsonl") as journal:
            outcomes = asyncio.run(growth.grow(ScriptedLean(), journal, 120, report=lambda _line: None))
    for attempt, kind in ((each, outcome.kind) for outcome in outcomes for each in outcome.attempts):
        assert first._experience.promise(kind, attempt.recipe) == second._experience.promise(kind, attempt.recipe)
    assert any(is_own(attempt.recipe) for outcome in outcomes for attempt in outcome.attempts)
    assert first._experience.rate == second._experience.rate
    assert [first._bandit.choose(Random(seed)) for seed in range(40)] == [
        second._bandit.choose(Random(seed)) for seed in range(40)
    ]


def test_what_numbers_refute_does_not_reach_lean(tmp_path: Path) -> None:
    lean = ScriptedLean()
    with Journal(tmp_path / "c.jsonl") as journal:
        false = theorem("false", "(a b : Nat) : a + b = b", "by\n  omega")
        growth = Growth([false], [])
        outcomes = asyncio.run(growth.grow(lean, journal, 40, report=lambda _line: None))
    assert ConjectureStatus.FALSE in {outcome.status for outcome in outcomes}
    assert all(
        outcome.milliseconds == outcome.tried == 0 for outcome in outcomes if outcome.status is ConjectureStatus.FALSE
    )


def test_two_texts_with_one_term_are_one_proof(tmp_path: Path) -> None:
    class OneTerm(ScriptedLean):
        async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
            return replace(await super().check(theorem, candidate, terms), term="0123456789abcdef")

    kept = [outcome for outcome in grown(OneTerm(), tmp_path / "c.jsonl") if outcome.status is ConjectureStatus.KEPT]
    assert kept
    assert all(outcome.terms == ("0123456789abcdef",) and len(outcome.proofs) == 1 for outcome in kept)


def test_a_proof_with_facts_that_it_does_not_need_is_none_of_its_own(tmp_path: Path) -> None:
    class Lenient(ScriptedLean):
        async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
            good = candidate.text.endswith("grind") and "exfalso" not in candidate.text
            return Verdict(VerdictKind.VERIFIED, Trust.KERNEL_REPLAYED) if good else Verdict(VerdictKind.REJECTED)

    proofs = [proof for each in proved(grown(Lenient(), tmp_path / "c.jsonl")) for proof in each.proofs]
    assert "by\n  grind" in proofs
    assert not any("sq_nonneg" in proof for proof in proofs)


def test_what_nothing_proves_and_no_number_refutes_is_open(tmp_path: Path) -> None:
    class Helpless(ScriptedLean):
        async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
            return Verdict(VerdictKind.REJECTED)

    outcomes = grown(Helpless(), tmp_path / "c.jsonl")
    opened = [outcome for outcome in outcomes if outcome.status is ConjectureStatus.OPEN]
    assert opened
    assert all(outcome.theorem is not None and not outcome.proofs for outcome in opened)
    assert not list(proved(outcomes))


def test_a_lemma_that_is_held_out_is_neither_proved_nor_changed(tmp_path: Path) -> None:
    def lemma(guard: str, statement: str) -> TheoremRecord:
        name = guard.replace(".", "_")
        return TheoremRecord(name=name, statement=f"theorem {name} : {statement}", guard=guard, family="Init.Example")

    kept_lemma = lemma("Nat.add_comm", "∀ (n m : Nat), n + m = m + n")
    hidden = lemma("Nat.hidden", "∀ (n m : Nat), n * m = m * n")
    alike = lemma("Nat.hidden_too", "∀ (a b : Nat), a * b = b * a")
    lean = ScriptedLean()
    growth = Growth(SOURCES, [*HELD_OUT, hidden], library=[kept_lemma, hidden, alike], templates=True)
    with Journal(tmp_path / "c.jsonl") as journal:
        outcomes = asyncio.run(growth.grow(lean, journal, 150, report=lambda _line: None))
    assert "template" in {name for outcome in outcomes for name in outcome.mutations}
    assert any("Nat.add_comm" in text for text in lean.asked)
    assert not any("hidden" in text for text in lean.asked)


def test_another_file_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "c.jsonl"
    out.write_text('{"name": "t"}\n')
    with pytest.raises(JournalError, match=r"c\.jsonl:1: this is not a line of conjectures"):
        grown(ScriptedLean(), out)


def test_the_table_accounts_for_every_conjecture(tmp_path: Path) -> None:
    outcomes = grown(ScriptedLean(), tmp_path / "c.jsonl")
    cells = [cell.strip() for cell in table(outcomes).splitlines()[-1].strip("|").split("|")]
    assert cells[0] == "all"
    assert int(cells[1]) == len(outcomes) == sum(map(int, cells[2 : 2 + len(ConjectureStatus)]))


def test_sources_that_cannot_be_changed_are_refused() -> None:
    with pytest.raises(ValueError, match="no proved theorem whose statement could be changed"):
        Growth([theorem("g", "{α : Type} [Inhabited α] : True", "trivial")], [])


def test_theorems_with_proofs_are_written_from_stored_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    outcomes = grown(ScriptedLean(), tmp_path / "c.jsonl")
    written = tmp_path / "proved.jsonl"
    monkeypatch.setattr(sys, "argv", ["outcome", str(tmp_path / "c.jsonl"), "--proved", str(written)])
    outcomes_of.main()
    assert list(read_proofs(written)) == list(proved(outcomes))
    assert f"theorems with proofs in {written}" in capsys.readouterr().out
