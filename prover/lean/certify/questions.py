"""Questions of the battery other than checks: statements, goals, tactics, constants and time limits."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Protocol

from prover.candidate import Candidate
from prover.lean.checker import Checker, Terms
from prover.lean.wire.answers import Elaboration, SorryGoals, TacticStep
from prover.lean.wire.checks import NoAnswerError
from prover.lean.wire.library import Constant
from prover.theorem import Header, Theorem
from prover.verdict import Limits, Policy, VerdictKind

_TERMS = Terms(Limits(seconds=30.0))
_SUM = Theorem("theorem t (a b : Nat) : a + b = b + a")
_BUSY = Candidate("by\n  repeat (have h := Nat.add_comm a b)", source="battery")
"""Runs forever in small steps."""


class Workers(Checker, Protocol):
    """The interface that is certified; `WorkerPool` implements it."""

    async def elaborate(self, theorem: Theorem, terms: Terms) -> Elaboration:
        """See `WorkerPool.elaborate`."""
        ...

    async def goals(self, theorem: Theorem, proof: str, terms: Terms) -> SorryGoals:
        """See `WorkerPool.goals`."""
        ...

    async def tactic(self, theorem: Theorem, script: Sequence[str], step: str, terms: Terms) -> TacticStep:
        """See `WorkerPool.tactic`."""
        ...

    async def constant(self, name: str, header: Header | None, terms: Terms) -> Constant | None:
        """See `WorkerPool.constant`."""
        ...


Question = Callable[[Workers], Awaitable[str | None]]
"""Asks a question and returns a description of the error, or None."""


async def _statement(workers: Workers) -> str | None:
    good = await workers.elaborate(_SUM, _TERMS)
    if (good.verdict, good.theorem) != (VerdictKind.VERIFIED, "t") or "a + b = b + a" not in good.goal:
        return f"a right statement came back as {good.verdict.name} {good.theorem!r} with the goal {good.goal!r}"
    bad = await workers.elaborate(Theorem("theorem t : nothing_of_this_name = 1"), _TERMS)
    return None if bad.verdict is VerdictKind.INVALID_STATEMENT else f"a wrong statement is {bad.verdict.name}"


async def _holes(workers: Workers) -> str | None:
    found = await workers.goals(Theorem("theorem t (p q : Prop) (h : p ∧ q) : q ∧ p"), "⟨by sorry, by sorry⟩", _TERMS)
    goals = [goal.rpartition("⊢ ")[2] for sorry in found.sorries for goal in sorry.goals]
    return None if goals == ["q", "p"] else f"the goals of two holes came back as {goals}"


async def _steps(workers: Workers) -> str | None:
    theorem = Theorem("theorem t (p q : Prop) (h : p ∧ q) : q ∧ p")
    step = await workers.tactic(theorem, [], "constructor", _TERMS)
    if step.verdict is not VerdictKind.VERIFIED or len(step.goals) != 2:
        return f"`constructor` came back as {step.verdict.name} with {len(step.goals)} goals"
    wrong = await workers.tactic(theorem, [], "rfl", _TERMS)
    return None if wrong.verdict is VerdictKind.REJECTED else f"a tactic that fails is {wrong.verdict.name}"


async def _constants(workers: Workers) -> str | None:
    found = await workers.constant("Nat.add_comm", None, _TERMS)
    if found is None or found.kind != "theorem":
        return f"Nat.add_comm is {found.kind if found else 'not there'}"
    absent = await workers.constant("Nat.no_such_theorem", None, _TERMS)
    return None if absent is None else "a constant that is not there was found"


async def _guard(workers: Workers) -> str | None:
    terms = Terms(_TERMS.limits, Policy("library", guard="Nat.add_comm"))
    verdict = await workers.check(_SUM, Candidate("Nat.add_comm a b", source="battery"), terms)
    return None if verdict.kind is VerdictKind.FORBIDDEN else f"a theorem proved by itself is {verdict.kind.name}"


async def _axioms(workers: Workers) -> str | None:
    theorem = Theorem("theorem t (p : Prop) : p ∨ ¬ p")
    verdict = await workers.check(theorem, Candidate("Classical.em p", source="battery"), _TERMS)
    named = set(verdict.axioms)
    if verdict.kind is not VerdictKind.VERIFIED:
        return f"excluded middle is {verdict.kind.name}"
    if not named <= {"propext", "Classical.choice", "Quot.sound"}:
        return f"excluded middle depends on {sorted(named)}"
    return None


async def _stated(workers: Workers) -> str | None:
    assuming = Theorem("theorem t : 1 = 2", context="axiom ax : 1 = 2")
    policy = Policy("battery", kinds=("Lean.Parser.Command.axiom",))
    verdict = await workers.check(assuming, Candidate("ax", source="battery"), Terms(_TERMS.limits, policy))
    if verdict.kind is not VerdictKind.AXIOM_NOT_ALLOWED:
        return f"a proof by an axiom that no policy allows is {verdict.kind.name}"
    return None


async def _cancelling(workers: Workers) -> str | None:
    verdict = await workers.check(_SUM, _BUSY, Terms(Limits(seconds=1.0, heartbeats=100_000_000, recursion=100_000)))
    if verdict.kind not in (VerdictKind.TIMEOUT, VerdictKind.OUT_OF_RESOURCES):
        return f"an endless computation is {verdict.kind.name} after a deadline of 1 s"
    if verdict.elapsed_ms > 20_000:
        return f"a deadline of 1 s ended a check after {verdict.elapsed_ms / 1e3:.0f} s"
    after = await workers.check(_SUM, Candidate("Nat.add_comm a b", source="battery"), _TERMS)
    return None if after.verified else f"after a deadline a right proof is {after.kind.name}"


async def _memory(workers: Workers) -> str | None:
    theorem = Theorem("theorem t : (List.replicate 30000000 0).length = 3")
    verdict = await workers.check(theorem, Candidate("by decide", source="battery"), Terms(Limits(seconds=10.0)))
    if verdict.verified:
        return "a list of the wrong length was verified"
    after = await workers.check(_SUM, Candidate("Nat.add_comm a b", source="battery"), _TERMS)
    return None if after.verified else f"after a candidate that takes much memory a right proof is {after.kind.name}"


QUESTIONS: Mapping[str, Question] = {
    "statements": _statement,
    "goals of holes": _holes,
    "tactics one by one": _steps,
    "constants": _constants,
    "the guard of library theorems": _guard,
    "axioms": _axioms,
    "axioms of a context": _stated,
    "deadlines": _cancelling,
    "memory": _memory,
}


SHARED = frozenset({"axioms of a context"})
"""Questions that apply only to shared workers: in quarantine a client may use the axioms of its own context."""


async def asked(workers: Workers, names: Iterable[str]) -> AsyncIterator[tuple[str, str | None]]:
    """Ask all questions; yields each name with the error in its answer, or None."""
    for name in names:
        question = QUESTIONS[name]
        try:
            yield name, await question(workers)
        except NoAnswerError as error:
            yield name, f"no answer: {error}"
