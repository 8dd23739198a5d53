"""Every exploit with nothing vetted: what was FORBIDDEN is elaborated in quarantine, and a judge has the last word."""

from dataclasses import replace
from pathlib import Path

import pytest

from prover.candidate import Candidate
from prover.lean.checker import Terms
from prover.lean.wire.protocol import LONGEST_TEXT
from prover.lean.workers.client import Client
from prover.lean.workers.pool import WorkerPool
from prover.lean.workers.quarantine import Quarantine
from prover.theorem import Theorem
from prover.verdict import Limits, Mode, Trust, VerdictKind
from prover.verdict import Path as Lane
from tests.adversarial.exploits import EXPLOITS, HERE

pytestmark = pytest.mark.lean

TRUE_STATEMENTS = {
    "axiom_in_context": "the axiom is the asker's, and is named",
    "context_stuck_sort": "the statement is `True` and rests on nothing of the context",
    "decide_huge_option": "the asker's limits bound it",
    "extern_native": "an attribute that only compilers read",
    "header_commands": "the axiom is the asker's, and is named",
    "header_include_variable": "the hypothesis is the asker's",
    "implemented_by_native": "an attribute that only compilers read",
    "reduce_bool_false": "the statement is `True`",
    "skip_kernel_in_proof": "true, and the judge's kernel checks what the elaborator's was told to skip",
    "skip_kernel_option": "true, and the judge's kernel checks what the elaborator's was told to skip",
}
"""Exploits of the listed path whose statements are true, and are proved here by the kernel's word."""

EVERY_RUN = [
    "axiom_declared",
    "elab_override",
    "eval_prints_protocol",
    "native_decide_plain",
    "file_system",
    "context_macro",
]


def marked(name: str) -> object:
    return pytest.param(name, marks=[] if name in EVERY_RUN else [pytest.mark.slow])


@pytest.mark.parametrize("name", [marked(name) for name in EXPLOITS])
async def test_exploit_comes_to_nothing_in_quarantine(name: str, lean_pool: WorkerPool) -> None:
    case = EXPLOITS[name]
    theorem = lean_pool.canonical(case.theorem)
    terms = Terms(replace(case.terms.limits, seconds=min(8.0, case.terms.limits.seconds)))
    quarantine = Quarantine(lambda: lean_pool.elaborator(theorem), lean_pool.judges)
    try:
        texts = [text for text in case.texts(HERE / name) if len(text.text.encode()) <= LONGEST_TEXT]
        verdicts = [await quarantine.check(theorem, candidate, terms) for candidate in texts]
    finally:
        await quarantine.close()
    assert {verdict.path for verdict in verdicts} <= {Lane.QUARANTINE}
    if name not in TRUE_STATEMENTS:
        assert [verdict for verdict in verdicts if verdict.verified or verdict.trust > Trust.ELABORATED] == []


async def test_further_command_and_axiom_are_refused_wherever_they_are_run(lean_pool: WorkerPool) -> None:
    theorem = Theorem("theorem target : (1 : ℕ) = 2", context='notation "ℕ" => Nat')
    async with Client(lean_pool) as client:
        further = await client.check(theorem, Candidate("by sorry\ntheorem more : True := trivial"))
        axiom = await client.check(
            theorem, Candidate("axiom cheat : (1 : Nat) = 2\ntheorem target : (1 : ℕ) = 2 := cheat", Mode.FILE)
        )
    assert (further.kind, further.path) == (VerdictKind.FORBIDDEN, Lane.QUARANTINE)
    assert axiom.kind is VerdictKind.AXIOM_NOT_ALLOWED


async def test_statement_after_a_hostile_candidate_is_elaborated_where_no_candidate_ran(lean_pool: WorkerPool) -> None:
    """What a candidate left behind in its elaborator does not reach the next statement."""
    context = 'initialize state : IO.Ref Nat ← IO.mkRef 0\nnotation "ℕ" => Nat'
    async with Client(lean_pool) as client:
        first = Theorem("theorem first : (1 : ℕ) = 1", context=context)
        assert (await client.check(first, Candidate("rfl"), Terms(Limits(seconds=60)))).verified
        (quarantine,) = client._quarantines.values()
        ran = quarantine._running
        second = Theorem("theorem second : (1 : ℕ) = 2", context=context)
        verdict = await client.check(second, Candidate("rfl"), Terms(Limits(seconds=60)))
        assert verdict.kind is VerdictKind.REJECTED
        assert quarantine._pristine is not None
        assert quarantine._pristine is not ran


async def test_no_process_of_a_client_is_left_behind_or_shared(lean_pool: WorkerPool) -> None:
    theorem = Theorem("theorem t (n : ℕ) : n = n", context='notation "ℕ" => Nat')
    terms = Terms(Limits(seconds=60))
    async with Client(lean_pool) as one, Client(lean_pool) as other:
        assert (await one.check(theorem, Candidate("rfl"), terms)).verified
        assert (await other.check(theorem, Candidate("rfl"), terms)).verified
        running = [quarantine._running for client in (one, other) for quarantine in client._quarantines.values()]
        assert len(set(running)) == 2
        assert lean_pool.stats().isolated == 2
    assert lean_pool.stats().isolated == 0


async def test_the_example_of_the_page_on_native_projects_is_verified(lean_pool: WorkerPool) -> None:
    page = (Path(__file__).parents[2] / "docs" / "native.md").read_text(encoding="utf-8")
    example = page.split("```lean\n")[1].split("```")[0]
    context, statement = example.split("\n\n", 1)
    statement, proof = statement.split(" := ", 1)
    async with Client(lean_pool) as client:
        verdict = await client.check(Theorem(statement, context=context), Candidate(proof), Terms(Limits(seconds=60)))
    assert (verdict.kind, verdict.path) == (VerdictKind.VERIFIED, Lane.QUARANTINE)


async def test_without_quarantine_code_stays_forbidden(lean_pool: WorkerPool) -> None:
    theorem = Theorem("theorem t (n : ℕ) : n = n", context='notation "ℕ" => Nat')
    async with Client(lean_pool, contain=False) as client:
        verdict = await client.check(theorem, Candidate("rfl"))
    assert (verdict.kind, verdict.path) == (VerdictKind.FORBIDDEN, Lane.LISTED)
