"""Questions to Lean about one conjecture: whether it holds, its different proofs, and whether it is worth keeping."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from prover.assistance.screen import contradiction
from prover.candidate import Candidate
from prover.lean.checker import Checker, Terms
from prover.lean.workers.jobs import Priority
from prover.search.diversity import distinct_key
from prover.verdict import Limits, Verdict, VerdictKind
from training.conjectures.evidence import Evidence
from training.conjectures.experience import Experience
from training.conjectures.outcome import ConjectureStatus
from training.conjectures.sources.proposal import ProposedTheorem
from training.seeds.shrink import without_any_facts

_CLOSERS = ("with_reducible rfl", "trivial", "assumption", "(intros; assumption)")
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
        own: maximum number of candidates that came with the conjecture; the others are recipes.
        proofs: number of proofs with different terms after which no more are tried.
        limits: limits of each check.
    """

    tries: int = 7
    first_tries: int = 3
    own: int = 4
    proofs: int = 4
    limits: Limits = field(default_factory=lambda: Limits(seconds=5.0, heartbeats=3_000))


class ConjectureQuestions:
    """The questions about one conjecture.

    Attributes:
        proofs: verified proofs, by digest of the term.
        tried: number of candidates checked.
        milliseconds: Lean's time.
    """

    def __init__(
        self, checker: Checker, proposal: ProposedTheorem, budget: ConjectureBudget, experience: Experience
    ) -> None:
        """Use `checker` within the budget."""
        self.proofs: dict[str, str] = {}
        self.tried = 0
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
        for recipe, proof in self._candidates(random):
            if len(self.proofs) >= self._budget.proofs or self.tried >= self._budget.tries:
                break
            if not self.proofs and self.tried >= self._budget.first_tries:
                break
            self.tried += 1
            verdict = await self._check(proof)
            if verdict.kind is VerdictKind.INVALID_STATEMENT:
                return False
            term = verdict.term or proof
            gained = verdict.verified and term not in self.proofs
            if gained:
                self.proofs[term] = proof
            if recipe:
                self._experience.learn(self._proposal.kind, recipe, gained, verdict.elapsed_ms)
        return True

    def _candidates(self, random: Random) -> Iterator[tuple[str, str]]:
        """Yield the conjecture's own proofs in random order, then recipes, each with the recipe's name."""
        different = {distinct_key(proof, self._theorem): proof for proof in reversed(self._proposal.proofs)}
        own = list(different.values())
        random.shuffle(own)
        yield from (("", proof) for proof in own[: self._budget.own])
        for recipe, proof in self._experience.proofs(self._proposal.kind, self._theorem, random):
            if distinct_key(proof, self._theorem) in different:
                continue
            # Facts that a proof does not need would make another term of it, but not another proof.
            plain = without_any_facts(proof)
            if plain != proof and (known := distinct_key(plain, self._theorem)) not in different:
                different[known] = plain
                yield "", plain
            if plain == proof or plain not in self.proofs.values():
                yield recipe, proof

    async def _holds(self, proof: str) -> bool:
        return (await self._check(proof)).verified

    async def _check(self, proof: str) -> Verdict:
        verdict = await self._checker.check(self._theorem, Candidate(proof, source="conjectures"), self._terms)
        self.milliseconds += verdict.elapsed_ms
        if verdict.kind is VerdictKind.INFRASTRUCTURE:
            raise LeanGoneError("; ".join(message.text for message in verdict.messages))
        return verdict
