"""`leansieve store`, as a process, on a real database."""

import json
import subprocess
from pathlib import Path

import pytest

from prover.candidate import Candidate
from prover.lean.workers.pool import WorkerPool
from prover.receipts.receipt import Receipt, Toolchain
from prover.store.database import Database
from prover.store.records.proofs import ProofStore, every_proof
from prover.store.tables import ProofRow
from prover.theorem import Theorem
from prover.verdict import Limits
from tests.support.commands import leansieve

pytestmark = pytest.mark.lean

SWAP = Theorem("theorem swap (a b : Nat) : a + b = b + a")
SELF = Theorem("theorem itself (a : Nat) : a = a")


def run(*arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    done = leansieve("store", *arguments, seconds=240)
    assert done.returncode == status, done
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture
async def path(tmp_path: Path, lean_pool: WorkerPool) -> str:
    """A store with three proofs of two theorems, one of them found by another version of Lean."""
    await lean_pool.ready()
    path = str(tmp_path / "store.sqlite")
    database = Database.open(path)
    for theorem, text, lean in ((SWAP, "by omega", ""), (SWAP, "Nat.add_comm a b", ""), (SELF, "rfl", "4.0.0")):
        candidate = Candidate(text)
        verdict = await lean_pool.check(theorem, candidate)
        store = ProofStore(database, Toolchain(lean or lean_pool.lean_version, lean_pool.runtime))
        assert await store.remember(theorem, candidate, verdict, Limits())
    database.close()
    return path


def test_show_counts_and_lists(path: str) -> None:
    assert "proofs: 3 of 2 theorems" in run("show", "--store", path).stdout
    listed = run("show", "swap", "--store", path).stdout
    assert listed.count("theorem swap (a b : Nat) : a + b = b + a := ") == 2
    assert "itself" not in listed


def test_exported_receipts_are_receipts(path: str, tmp_path: Path) -> None:
    out = tmp_path / "proofs.jsonl"
    run("export", "--store", path, "--out", str(out))
    found = [Receipt.read(line) for line in out.read_text().splitlines()]
    assert sorted(receipt.candidate for receipt in found) == ["Nat.add_comm a b", "by omega", "rfl"]
    run("export", "swap", "--store", path, "--out", str(out))
    assert [json.loads(line)["theorem"] for line in out.read_text().splitlines()] == ["swap", "swap"]


def test_prune_keeps_what_is_allowed(path: str) -> None:
    assert run("prune", "--store", path).stdout.startswith("deleted 0 proofs")
    assert run("prune", "--proofs", "1", "--store", path).stdout.startswith("deleted 2 proofs")
    assert run("prune", "--older-than", "0", "--store", path).stdout.startswith("deleted 1 proofs")


def test_check_finds_what_is_no_proof_and_renews_what_another_lean_found(path: str) -> None:
    assert run("check", "--store", path, "--workers", "1").stdout.startswith("3 proofs verified, 1 of them new")
    database = Database.open(path)
    forged = next(every_proof(database, "swap")).receipt.model_copy(update={"candidate": "by sorry"}).write()
    database.write_now(lambda c: c.execute(ProofRow.__table__.update().where(ProofRow.id == 1).values(receipt=forged)))  # type: ignore[attr-defined]
    done = run("check", "--store", path, "--workers", "1", status=1)
    assert "1 swap: INCOMPLETE" in done.stdout
    assert len(list(every_proof(database))) == 4
    run("check", "swap", "--drop", "--store", path, "--workers", "1", status=1)
    assert [proof.id for proof in every_proof(database)] == [2, 3, 4]
    database.close()


def test_what_is_wrong_is_one_sentence(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere.sqlite"
    assert run("show", "--store", str(missing), status=2).stderr == f"leansieve: there is no store {missing}\n"
    assert not missing.exists()
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear Sherlock, " * 100)
    said = run("prune", "--store", str(letter), status=2).stderr
    assert said == f"leansieve: the store {letter} is not a database: name another file, or move this one away\n"
