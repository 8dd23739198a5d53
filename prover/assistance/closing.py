"""Tactics for a `sorry` of a file, each checked in its place before it is offered."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

from prover.assistance.place import Place
from prover.assistance.suggest import FilePosition, Suggest, Suggestions, TacticOutcome
from prover.candidate import Candidate
from prover.requests import Check, Search, Service
from prover.search.search import Proof
from prover.source import lean_file
from prover.source.lean_file import LeanFile
from prover.theorem import Theorem
from prover.verdict import Trust, Verdict, VerdictKind

_LONGEST_LOOK = 60.0  # seconds: longer looks, servers refuse unless their settings say otherwise


@dataclass(frozen=True, slots=True)
class Looked:
    """Tactics for a hole, and how one of them is put there.

    Attributes:
        like: the search for a proof of the hole's theorem, whose options checks share.
        place: the hole.
        complete: whether the theorem has no other hole.
        whole: whether the hole is the whole proof of its theorem.
    """

    suggestions: Suggestions
    like: Search
    place: Place
    complete: bool
    whole: bool

    async def closings(self, service: Service) -> AsyncGenerator[tuple[Proof, str], None]:
        """The tactics that close the goal: each as a proof that was checked in its place, and the text that replaces the hole.

        The verdict on a theorem with other holes is INCOMPLETE. Raises as `Service.check`.
        """
        for one in self.suggestions.suggestions:
            if one.outcome is not TacticOutcome.CLOSES_GOAL:
                return
            replacement = self._replacement(one.tactic)
            candidate = Candidate(replacement if self.whole else self.place.with_tactic(one.tactic), source=one.source)
            verdict = await service.check(check(self.like, candidate))
            if holds(verdict, self.complete):
                yield Proof(candidate, verdict, one.seconds), replacement

    def _replacement(self, tactic: str) -> str:
        if not self.whole:
            return self.place.replacement(tactic)
        return self.place.with_tactic(tactic) if "\n" in tactic else f"by {tactic}"


async def look(
    service: Service, file: LeanFile, theorem: int, open_before: int, request: Callable[[Theorem], Search], most: int
) -> Looked:
    """Ask for tactics for the hole that has `open_before` others before it in its theorem, one of `file.theorems` by number.

    Raises:
        UserError: as `Service.suggest`.
    """
    item = file.theorems[theorem]
    proof, like = file.proof(item), request(file.theorem(item))
    holes = lean_file.sorries(proof)
    start, end = holes[open_before]
    suggestions = await service.suggest(tactics(like, file, item.proof_start + start, most))
    if item.hole:
        return Looked(suggestions, like, Place(like.theorem, "by\n  "), True, True)
    place = Place(like.theorem, proof[:start], proof[end:], suggestions.term)
    return Looked(suggestions, like, place, len(holes) == 1, False)


def tactics(like: Search, file: LeanFile, offset: int, most: int) -> Suggest:
    """The question for tactics at an offset of a file, asked like the search for a proof of its theorem."""
    return Suggest(
        FilePosition(file.text, *lean_file.line_and_column(file.text, offset), like.theorem.project),
        most=most,
        seconds=min(like.budget.seconds, _LONGEST_LOOK),
        limits=like.limits,
        policy=like.policy,
        sampler=like.sampler,
        sampling=like.sampling,
        priority=like.priority,
    )


def check(like: Search, candidate: Candidate) -> Check:
    """The check of a candidate for the theorem of a search, with the search's options."""
    return Check(like.theorem, candidate, like.limits, like.policy, like.trust, like.guard, like.priority)


def holds(verdict: Verdict, complete: bool) -> bool:
    """Whether a proof is verified; one that is not yet `complete`, whether nothing but its `sorry`s is missing.

    Lean calls goals that are left over INCOMPLETE too. They are errors: such a proof never came as far as ELABORATED.
    """
    if complete:
        return verdict.verified
    return verdict.kind is VerdictKind.INCOMPLETE and verdict.trust is Trust.ELABORATED
