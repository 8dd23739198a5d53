"""Every exploit meets the real checker: none is accepted, and each is refused for the right reason."""

import asyncio

import pytest

from prover.candidate import Candidate
from prover.lean.checker import Terms
from prover.lean.runtimes.embedded import EmbeddedLean
from prover.lean.workers.pool import PoolConfig, WorkerPool
from prover.theorem import Header, Theorem
from prover.verdict import Limits, Mode, Trust, Verdict, VerdictKind
from tests.adversarial.exploits import EXPLOITS, HERE

pytestmark = pytest.mark.lean

CLASSES = {
    "sorry",
    "axiom",
    "changed_statement",
    "kernel_bypass",
    "hijack",
    "resource",
    "text",
    "hostile_request",
}

NAMES = [pytest.param(name, marks=[pytest.mark.slow] if case.slow else []) for name, case in EXPLOITS.items()]


def complaint(text: str, verdict: Verdict, expected: list[VerdictKind]) -> str | None:
    """Return the error in a verdict on an exploit, if any."""
    messages = " | ".join(message.text[:200] for message in verdict.messages)
    if verdict.kind is VerdictKind.VERIFIED or verdict.trust >= Trust.KERNEL_REPLAYED:
        return f"ACCEPTED: {text[:400]!r}"
    if verdict.kind not in expected:
        return f"{verdict.kind} instead of {', '.join(expected)}: {text[:400]!r}: {messages}"
    return None


@pytest.mark.parametrize("name", NAMES)
async def test_exploit_is_refused(name: str, lean_pool: WorkerPool) -> None:
    case = EXPLOITS[name]
    candidates = case.texts(HERE / name)
    assert candidates, "a case without a candidate tests nothing"
    checks = (lean_pool.check(case.theorem, candidate, case.terms) for candidate in candidates)
    verdicts = await asyncio.gather(*checks)
    complaints = [
        complaint(candidate.text, verdict, case.expected)
        for candidate, verdict in zip(candidates, verdicts, strict=True)
    ]
    assert [line for line in complaints if line] == []


async def test_requests_that_only_look_are_vetted_too(lean_pool: WorkerPool) -> None:
    """Goals, tactic steps and statements are elaborated by the same process, so the same syntax is forbidden in them."""
    wrong = []
    for name, case in EXPLOITS.items():
        if case.mode is not Mode.PROOF or case.expected != [VerdictKind.FORBIDDEN]:
            continue
        for candidate in case.texts(HERE / name):
            goals = await lean_pool.goals(case.theorem, candidate.text, case.terms)
            step = await lean_pool.tactic(case.theorem, [], candidate.text.removeprefix("by"), case.terms)
            script = await lean_pool.tactic(case.theorem, [candidate.text.removeprefix("by")], "skip", case.terms)
            harmless = {VerdictKind.FORBIDDEN, VerdictKind.REJECTED, VerdictKind.INVALID_STATEMENT}
            kinds = [answer.verdict for answer in (goals, step, script)]
            if kinds[0] is not VerdictKind.FORBIDDEN or not harmless.issuperset(kinds):
                wrong.append((name, candidate.text, kinds))
    assert wrong == []


def test_every_class_of_attack_has_cases() -> None:
    assert {case.group for case in EXPLOITS.values()} == CLASSES
    assert len(EXPLOITS) >= 80


def test_no_case_expects_to_be_accepted() -> None:
    assert [name for name, case in EXPLOITS.items() if VerdictKind.VERIFIED in case.expected] == []


@pytest.mark.parametrize("mode", list(Mode))
async def test_text_that_is_not_unicode_never_reaches_lean(mode: Mode, lean_pool: WorkerPool) -> None:
    """JSON can spell half of a surrogate pair, UTF-8 cannot."""
    theorem = Theorem("theorem target : 1 = 2")
    verdict = await lean_pool.check(theorem, Candidate("theorem target : 1 = 2 := sorry -- \ud800", mode))
    assert verdict.kind is VerdictKind.REJECTED
    verdict = await lean_pool.check(Theorem("theorem target : 1 = 2 -- \udfff"), Candidate("sorry", Mode.PROOF))
    assert verdict.kind is VerdictKind.INVALID_STATEMENT


class SeveralImportSets(EmbeddedLean):
    """Leaves the imports to the worker, as a native toolchain does."""

    single_import_set = False
    contained = False
    shares_memory = False


async def test_library_is_there_whatever_was_imported() -> None:
    """The kernel computes some functions by their names, so `Init`, which declares them, is always imported."""
    header = Header(("Init.Prelude",))
    candidate = Candidate("theorem Nat.add_comm : True := True.intro\ntheorem target : True := True.intro", Mode.FILE)
    config = PoolConfig(workers=1, spares=0, imports=header.imports)
    async with WorkerPool(SeveralImportSets(), config) as pool:
        await pool.ready()
        verdict = await pool.check(Theorem("theorem target : True", header), candidate, Terms(Limits(seconds=60)))
    assert complaint(candidate.text, verdict, [VerdictKind.REJECTED]) is None
    assert any("`Nat.add_comm` has already been declared" in message.text for message in verdict.messages)


async def test_worker_stays_usable_after_the_exploits(lean_pool: WorkerPool) -> None:
    theorem = Theorem("theorem honest (a b : Nat) : a + b = b + a")
    verdicts = await asyncio.gather(*(lean_pool.check(theorem, Candidate("by omega")) for _ in range(8)))
    assert all(verdict.verified for verdict in verdicts)
