"""Questions to Lean about one conjecture: whether it holds, its different proofs, and whether it is worth keeping."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import merge
from random import Random

from prover.assistance.screen import contradiction
from prover.candidate import Candidate
from prover.lean.checker import Checker, Terms
from prover.lean.workers.jobs import Priority
from prover.search.diversity import distinct_key
from prover.verdict import Limits, Verdict, VerdictKind
from training.conjectures.evidence import Evidence
from training.conjectures.experience import Experience, is_own, own_recipe
from training.conjectures.outcome import CheckedCandidate, ConjectureStatus
from training.conjectures.sources.proposal import ProposedTheorem
from training.seeds.shrink import without_any_facts

_CLOSERS = ("with_reducible rfl", "trivial", "assumption", "(intros; assumption)")
_FAVOUR = 2.0
"""Preference for proofs that came with a conjecture over recipes, which are the same for all."""
_PLAUSIBLE = 12
"""Number of instances without a counterexample after which an unproved statement stays open."""


class LeanGoneError(RuntimeError):
    """Lean gave no answer; the text gives the reason."""


@dataclass(frozen=True, slots=True)
class ConjectureBudget:
    """Budget of a conjecture.

    Attributes:
        tries: maximum number of candidate proofs.
        first_tries: number of candidates after which it is given up if none holds.
        proofs: number of proofs with different terms after which no more are tried.
        limits: limits of each check.
    """

    tries: int = 9
    first_tries: int = 3
    proofs: int = 6
    limits: Limits = field(default_factory=lambda: Limits(seconds=5.0, heartbeats=3_000))


class ConjectureQuestions:
    """The questions about one conjecture.

    Attributes:
        proofs: verified proofs, by digest of the term.
        attempts: candidates checked, in order.
        milliseconds: Lean's time.
    """

    def __init__(
        self, checker: Checker, proposal: ProposedTheorem, budget: ConjectureBudget, experience: Experience
    ) -> None:
        """Use `checker` within the budget."""
        self.proofs: dict[str, str] = {}
        self.attempts: list[CheckedCandidate] = []
        self.milliseconds = 0.0
        self._checker, self._proposal, self._budget, self._experience = checker, proposal, budget, experience
        self._theorem = proposal.record.theorem
        self._terms = Terms(budget.limits, proposal.record.policy, Priority.BATCH)

    async def status(self, seen: Evidence, random: Random) -> ConjectureStatus:
        """Apply the filters that need Lean, the cheapest first.

        Raises:
            LeanGoneError: Lean gave no answer.
        """
        if not await self._prove(random):
            return ConjectureStatus.MALFORMED
        record = self._proposal.record
        if not self.proofs:
            return ConjectureStatus.OPEN if record.guard or seen.instances >= _PLAUSIBLE else ConjectureStatus.UNPROVED
        if record.guard:
            return ConjectureStatus.KEPT
        instance = [f"exact {lemma} .." for lemma in self._proposal.lemmas]
        if await self._holds(f"by first | {' | '.join([*_CLOSERS, *instance])}"):
            plain = not instance or await self._holds(f"by first | {' | '.join(_CLOSERS)}")
            return ConjectureStatus.TRIVIAL if plain else ConjectureStatus.INSTANCE
        if self._proposal.inhabited or seen.instances:
            return ConjectureStatus.KEPT
        return ConjectureStatus.VACUOUS if await self._holds(contradiction(thorough=True)) else ConjectureStatus.KEPT

    async def _prove(self, random: Random) -> bool:
        """Collect proofs; returns False if Lean cannot parse the statement."""
        for recipe, proof, promise in self._candidates(random):
            tried = len(self.attempts)
            if len(self.proofs) >= self._budget.proofs or tried >= self._budget.tries:
                break
            if not self.proofs and tried >= self._budget.first_tries:
                break
            # Less is expected from this candidate in its time than from the next conjectures.
            if promise < self._experience.rate and self.proofs:
                break
            verdict = await self._check(proof)
            if verdict.kind is VerdictKind.INVALID_STATEMENT:
                return False
            term = verdict.term or proof
            gained = verdict.verified and term not in self.proofs
            if gained:
                self.proofs[term] = proof
            self.attempts.append(CheckedCandidate(recipe, gained, round(verdict.elapsed_ms)))
            kind = self._proposal.arm if is_own(recipe) else self._proposal.kind
            self._experience.learn(kind, recipe, gained, verdict.elapsed_ms)
        return True

    def _candidates(self, random: Random) -> Iterator[tuple[str, str, float]]:
        """Yield the conjecture's own proofs and those by recipes, the most promising first: each with the recipe's name
        and the new proofs expected per millisecond.
        """
        proofs = list({distinct_key(proof, self._theorem): proof for proof in reversed(self._proposal.proofs)}.values())
        random.shuffle(proofs)
        arm, kind = self._proposal.arm, self._proposal.kind
        named = [(own_recipe(proof), proof) for proof in proofs]
        promised = [(name, proof, _FAVOUR * self._experience.promise(arm, name)) for name, proof in named]
        promised.sort(key=_promise, reverse=True)
        recipes = self._experience.proofs(kind, self._theorem, random)
        seen: set[str] = set()
        for recipe, proof, promise in merge(promised, recipes, key=_promise, reverse=True):
            # Facts that a proof does not need would make another term of it, but not another proof.
            plain = proof if is_own(recipe) else without_any_facts(proof)
            for text in dict.fromkeys((plain, proof)):
                if (same := distinct_key(text, self._theorem)) in seen or (text != plain and self._has(plain)):
                    continue
                seen.add(same)
                yield recipe, text, promise

    def _has(self, proof: str) -> bool:
        """Whether a proof is verified."""
        same = distinct_key(proof, self._theorem)
        return any(distinct_key(each, self._theorem) == same for each in self.proofs.values())

    async def _holds(self, proof: str) -> bool:
        return (await self._check(proof)).verified

    async def _check(self, proof: str) -> Verdict:
        verdict = await self._checker.check(self._theorem, Candidate(proof, source="conjectures"), self._terms)
        self.milliseconds += verdict.elapsed_ms
        if verdict.kind is VerdictKind.INFRASTRUCTURE:
            raise LeanGoneError("; ".join(message.text for message in verdict.messages))
        return verdict


def _promise(candidate: tuple[str, str, float]) -> float:
    return candidate[2]
