"""Every exploit without vetting: FORBIDDEN texts are elaborated in quarantine, and a judge decides."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from prover.candidate import Candidate
from prover.lean.checker import Terms
from prover.lean.runtimes.embedded import EmbeddedLean
from prover.lean.wire.checks import LONGEST_TEXT
from prover.lean.workers.client import SCOPE, PoolClient, Scopes
from prover.lean.workers.isolation.quarantine import Quarantine
from prover.lean.workers.isolation.turns import Turns
from prover.lean.workers.jobs import CHARGE
from prover.lean.workers.pool import WorkerPool
from prover.theorem import Theorem
from prover.verdict import Limits, Mode, Trust, VerdictKind
from prover.verdict import Path as Lane
from tests.adversarial.exploits import EXPLOITS, HERE
from tests.support.pools import until

pytestmark = pytest.mark.lean

OWN = Theorem("theorem t (n : ℕ) : n = n", context='macro "ℕ" : term => `(Nat)')

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
"""Exploits of the listed path whose statements are true, and are verified here by the kernel."""

CODE = 'macro "ℕ" : term => `(Nat)'
"""The theorems below need this context, which a shared worker does not run."""

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


def only_quarantine(client: PoolClient) -> Quarantine:
    assert client._stays is not None
    assert client._stays._stay is not None
    (quarantine,) = client._stays._stay.quarantines.values()
    return quarantine


async def test_further_command_and_axiom_are_refused_wherever_they_are_run(lean_pool: WorkerPool) -> None:
    theorem = Theorem("theorem target : (1 : ℕ) = 2", context=CODE)
    async with PoolClient(lean_pool) as client:
        further = await client.check(theorem, Candidate("by sorry\ntheorem more : True := trivial"))
        axiom = await client.check(
            theorem, Candidate("axiom cheat : (1 : Nat) = 2\ntheorem target : (1 : ℕ) = 2 := cheat", Mode.FILE)
        )
    assert (further.kind, further.path) == (VerdictKind.FORBIDDEN, Lane.QUARANTINE)
    assert axiom.kind is VerdictKind.AXIOM_NOT_ALLOWED


async def test_statement_after_a_hostile_candidate_is_elaborated_where_no_candidate_ran(lean_pool: WorkerPool) -> None:
    """State left by a candidate in its elaborator does not affect the next statement."""
    context = 'initialize state : IO.Ref Nat ← IO.mkRef 0\nnotation "ℕ" => Nat'
    async with PoolClient(lean_pool) as client:
        first = Theorem("theorem first : (1 : ℕ) = 1", context=context)
        assert (await client.check(first, Candidate("rfl"), Terms(Limits(seconds=60)))).verified
        quarantine = only_quarantine(client)
        ran = quarantine._running
        second = Theorem("theorem second : (1 : ℕ) = 2", context=context)
        verdict = await client.check(second, Candidate("rfl"), Terms(Limits(seconds=60)))
        assert verdict.kind is VerdictKind.REJECTED
        assert quarantine._pristine is not None
        assert quarantine._pristine is not ran


async def test_no_process_of_a_client_is_left_behind_or_shared(lean_pool: WorkerPool) -> None:
    theorem = Theorem("theorem t (n : ℕ) : n = n", context=CODE)
    terms = Terms(Limits(seconds=60))
    async with PoolClient(lean_pool) as one, PoolClient(lean_pool) as other:
        assert (await one.check(theorem, Candidate("rfl"), terms)).verified
        assert (await other.check(theorem, Candidate("rfl"), terms)).verified
        running = [only_quarantine(client)._running for client in (one, other)]
        assert len(set(running)) == 2
        assert lean_pool.stats().isolated == 2
    assert lean_pool.stats().isolated == 0


async def until_alone(pool: WorkerPool) -> None:
    async with asyncio.timeout(60):
        await until(lambda: pool.stats().isolated == 0)


async def test_elaborators_that_nobody_uses_end_and_come_back_when_they_are_needed(
    lean_pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WorkerPool, "idle_seconds", 0.2)
    terms = Terms(Limits(seconds=60))
    async with PoolClient(lean_pool) as client:
        for proof in ("rfl", "by rfl"):
            assert (await client.check(OWN, Candidate(proof), terms)).verified
            await until_alone(lean_pool)


async def test_a_client_that_has_had_its_turn_gives_its_place_to_one_that_waits(lean_pool: WorkerPool) -> None:
    turns = Turns(most=1, seconds=0.0)
    terms = Terms(Limits(seconds=60))

    async def proofs(client: PoolClient, count: int) -> None:
        for number in range(count):
            verdict = await client.check(OWN, Candidate(f"by first | rfl | exact {number}"), terms)
            assert verdict.verified

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lean_pool, "turns", turns)
        async with PoolClient(lean_pool) as long, PoolClient(lean_pool) as short:
            going_on = asyncio.create_task(proofs(long, 40))
            await until(lambda: lean_pool.stats().isolated > 0)
            await proofs(short, 1)
            assert not going_on.done()
            going_on.cancel()
            await asyncio.wait([going_on])
    assert lean_pool.stats().isolated == 0


async def test_the_start_of_an_elaborator_is_charged_to_whoever_needs_it(lean_pool: WorkerPool) -> None:
    async def spent(work: Callable[[list[float]], Awaitable[object]]) -> list[float]:
        charges: list[float] = []
        CHARGE.set(charges.append)
        await work(charges)
        return charges

    async def start(charges: list[float]) -> None:
        elaborator = await lean_pool.elaborator(lean_pool.canonical(OWN))
        await elaborator.ready()
        await elaborator.close()

    (seconds,) = await asyncio.create_task(spent(start))
    assert seconds > 0


async def test_requests_of_one_name_share_their_elaborators(lean_pool: WorkerPool) -> None:
    scopes = Scopes()
    ran = []

    async def item(name: str, proof: str) -> None:
        async with scopes.of(name):
            scope = SCOPE.get()
            assert scope is not None
            client = scope.client(lean_pool, contain=True)
            assert (await client.check(OWN, Candidate(proof), Terms(Limits(seconds=60)))).verified
            ran.append(only_quarantine(client)._running)

    for name, proof in (("a", "rfl"), ("a", "by rfl"), ("b", "rfl")):
        await asyncio.create_task(item(name, proof))
    assert ran[0] is ran[1]
    assert ran[0] is not ran[2]
    await scopes.close()
    assert lean_pool.stats().isolated == 0


async def test_the_example_of_the_page_on_native_projects_is_verified(lean_pool: WorkerPool) -> None:
    page = (Path(__file__).parents[2] / "docs" / "native.md").read_text(encoding="utf-8")
    example = page.split("```lean\n")[1].split("```")[0]
    context, statement = example.split("\n\n", 1)
    statement, proof = statement.split(" := ", 1)
    theorem = lean_pool.canonical(Theorem(statement, context=context))
    terms = Terms(Limits(seconds=60))
    shared = await lean_pool.check(theorem, Candidate(proof), terms)
    quarantine = Quarantine(lambda: lean_pool.elaborator(theorem), lean_pool.judges)
    contained = await quarantine.check(theorem, Candidate(proof), terms)
    await quarantine.close()
    assert (shared.kind, shared.path) == (VerdictKind.VERIFIED, Lane.TRANSPARENT)
    assert (contained.kind, contained.path) == (VerdictKind.VERIFIED, Lane.QUARANTINE)


async def test_without_quarantine_code_stays_forbidden(lean_pool: WorkerPool) -> None:
    theorem = Theorem("theorem t (n : ℕ) : n = n", context=CODE)
    async with PoolClient(lean_pool, contain=False) as client:
        verdict = await client.check(theorem, Candidate("rfl"))
    assert (verdict.kind, verdict.path) == (VerdictKind.FORBIDDEN, Lane.LISTED)


async def test_a_first_text_for_quarantine_is_not_refused_because_lean_is_still_being_prepared() -> None:
    await WorkerPool(EmbeddedLean()).sealable(OWN)


async def test_where_shared_workers_are_not_believed_everything_goes_into_quarantine(
    lean_pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lean_pool, "_config", replace(lean_pool._config, contained=True))
    theorem = Theorem("theorem t (a b : Nat) : a + b = b + a")
    assert (await lean_pool.check(theorem, Candidate("Nat.add_comm a b"))).kind is VerdictKind.FORBIDDEN
    async with PoolClient(lean_pool) as client:
        verdict = await client.check(theorem, Candidate("Nat.add_comm a b"))
        assert (verdict.kind, verdict.trust) == (VerdictKind.VERIFIED, Trust.ISOLATED_REPLAY)
        assert verdict.path is Lane.QUARANTINE
        assert (await client.elaborate(theorem)).verdict is VerdictKind.VERIFIED
        assert len((await client.tactic(theorem, [], "skip")).goals) == 1
