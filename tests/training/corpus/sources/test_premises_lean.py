"""Library suggestions for a theorem, without those that its own proof must not use."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from prover.lean.workers.pool import WorkerPool
from prover.theorem import Theorem
from training.config import SftConfig
from training.corpus.jsonl import write_jsonl
from training.corpus.proofs import ProvedTheorem
from training.corpus.record import TheoremRecord
from training.corpus.sources.premises import read_rows, record_of, with_premises
from training.model.sft import texts

LIBRARY = TheoremRecord(
    name="Nat_add_comm", statement="theorem Nat_add_comm : ∀ (n m : Nat), n + m = m + n", guard="Nat.add_comm"
)
OWN = TheoremRecord(name="t", statement="theorem t (n m : Nat) : n + m = m + n")


class Finder:
    """Suggests the theorem itself, one that stands before it, and one that stands after it."""

    async def premises(self, theorem: Theorem, most: int) -> list[str]:
        return ["Nat.add_comm", "Nat.not_succ_le_zero", "Nat.sub_add_comm"][:most]


@pytest.mark.lean
async def test_a_library_theorem_is_not_suggested_for_its_own_proof_nor_what_comes_after_it(
    lean_pool: WorkerPool,
) -> None:
    rows = await with_premises([LIBRARY, OWN], Finder(), lean_pool, report=lambda _line: None)
    library, own = map(record_of, rows)
    assert library.suggested == ("Nat.not_succ_le_zero",)
    assert own.suggested == ("Nat.add_comm", "Nat.not_succ_le_zero", "Nat.sub_add_comm")


def test_a_corpus_that_gives_a_theorem_away_is_refused() -> None:
    with pytest.raises(ValidationError, match="suggested for its own proof"):
        TheoremRecord.model_validate(LIBRARY.model_dump() | {"suggested": ("Nat.add_comm",)})


def test_suggestions_are_learnt_in_their_own_format_alone(tmp_path: Path) -> None:
    informed = OWN.model_copy(update={"suggested": ("Nat.add_comm",)})
    file = tmp_path / "proofs.jsonl"
    write_jsonl(file, [ProvedTheorem(theorem=informed, proofs=("by\n  exact Nat.add_comm ..",))])
    rows = [row for row in read_rows(file) if isinstance(row, ProvedTheorem)]
    sft = SftConfig(proofs=(file,), steps=1)
    [(shown, answer)] = texts(rows, sft, "source-premises")
    [(plain, same)] = texts(rows, sft, "source")
    assert shown == f"-- Nat.add_comm\n{plain}"
    assert "Nat.add_comm" not in plain
    assert answer == same
