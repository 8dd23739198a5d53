"""Receipts: content, rejected input, and repeated checks by Lean."""

import json
from datetime import UTC, datetime, timedelta, timezone
from unittest.mock import AsyncMock

import pytest

from prover.candidate import Candidate
from prover.lean.workers.pool import WorkerPool
from prover.receipts.receipt import Receipt, ReceiptError, Toolchain
from prover.theorem import Theorem
from prover.verdict import Limits, Trust, Verdict, VerdictKind

THEOREM = Theorem("theorem swap (a b : Nat) : a + b = b + a")
PROOF = Candidate("by omega", source="portfolio", seed=3)
VERIFIED = Verdict(VerdictKind.VERIFIED, Trust.KERNEL_REPLAYED, theorem="swap", axioms=("propext",))
HERE = Toolchain("4.28.0", "embedded", "2")


def receipt() -> Receipt:
    return Receipt.of(THEOREM, PROOF, VERIFIED, Limits(), HERE)


def test_a_receipt_reads_back_what_it_wrote() -> None:
    again = Receipt.read(receipt().write())
    assert again.as_theorem() == THEOREM
    assert again.as_candidate() == PROOF
    assert again.trust == "KERNEL_REPLAYED"
    assert (again.lean, again.runtime, again.worker) == ("4.28.0", "embedded", "2")


@pytest.mark.parametrize(
    "verdict", [Verdict(VerdictKind.REJECTED), Verdict(VerdictKind.VERIFIED, Trust.ELABORATED)], ids=["no", "low"]
)
def test_nothing_below_kernel_replay_gets_a_receipt(verdict: Verdict) -> None:
    with pytest.raises(ValueError, match="needs a verified proof"):
        Receipt.of(THEOREM, PROOF, verdict, Limits(), HERE)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"statement": "theorem swap : False"}, "theorem_sha256"),
        ({"trust": "ELABORATED"}, "trust"),
        ({"format": 2}, "format"),
        ({"extra": 1}, "extra"),
        ({"header": "import ../x"}, "header line 1"),
        ({"issued": "2026-01-01T00:00:00"}, "issued: Input should have timezone info"),
    ],
)
def test_a_receipt_that_was_changed_is_refused_with_the_place(change: dict[str, object], says: str) -> None:
    content = {**json.loads(receipt().write()), **change}
    with pytest.raises(ReceiptError, match=says):
        Receipt.read(json.dumps(content))


def test_text_that_is_no_receipt_is_refused() -> None:
    with pytest.raises(ReceiptError, match="not a receipt"):
        Receipt.read("not json")


@pytest.mark.parametrize(
    ("issued", "said"),
    [
        (datetime.now(UTC) + timedelta(minutes=1), []),
        (
            datetime(2999, 1, 2, 5, tzinfo=timezone(timedelta(hours=2))),
            ["issued is 2999-01-02 03:00 UTC, which is in the future"],
        ),
    ],
    ids=["clocks that differ", "future"],
)
async def test_a_receipt_of_the_future_differs(issued: datetime, said: list[str]) -> None:
    checker = AsyncMock(check=AsyncMock(return_value=VERIFIED))
    read = Receipt.read(json.dumps({**json.loads(receipt().write()), "issued": issued.isoformat()}))
    assert await read.check_again(checker, HERE) == (VERIFIED, said)


@pytest.mark.lean
async def test_a_receipt_holds_when_checked_again_by_lean(lean_pool: WorkerPool) -> None:
    here = Toolchain(lean_pool.lean_version, lean_pool.runtime, lean_pool.worker_version)
    verdict = await lean_pool.check(THEOREM, PROOF)
    issued = Receipt.of(THEOREM, PROOF, verdict, Limits(), here)
    async with lean_pool.isolated() as fresh:
        again, differences = await Receipt.read(issued.write()).check_again(fresh, here)
    assert again.trust is Trust.ISOLATED_REPLAY
    assert differences == []


@pytest.mark.lean
async def test_checking_a_receipt_again_says_what_differs(lean_pool: WorkerPool) -> None:
    wrong_proof = receipt().model_copy(update={"candidate": "by rfl"})
    verdict, differences = await wrong_proof.check_again(lean_pool, HERE)
    assert verdict.kind is VerdictKind.REJECTED
    assert differences[0].startswith("the proof is REJECTED now")
    claims_more = receipt().model_copy(update={"lean": "4.20.0", "worker": "0"})
    here = Toolchain(lean_pool.lean_version, lean_pool.runtime, lean_pool.worker_version)
    _, differences = await claims_more.check_again(lean_pool, here)
    assert [line.split(" was ")[0] for line in differences] == ["axioms", "lean", "worker"]
    unknown = claims_more.model_copy(update={"worker": ""})
    _, differences = await unknown.check_again(lean_pool, here)
    assert [line.split(" was ")[0] for line in differences] == ["axioms", "lean"]
