"""Tactics for a `sorry` in a file, each checked in place before it is offered."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace

from prover.assistance.place import Place, of_hole
from prover.assistance.suggest import FilePosition, Suggest, Suggestions, TacticOutcome
from prover.candidate import Candidate
from prover.options import SearchOptions
from prover.requests import Check, Service
from prover.search.search import Proof
from prover.source import lean_file
from prover.source.lean_file import LeanFile
from prover.source.scanner import Command
from prover.verdict import Trust, Verdict, VerdictKind

_MAX_SUGGEST_SECONDS = 60.0  # servers reject more by default


@dataclass(frozen=True, slots=True)
class HoleSuggestions:
    """Tactics for a hole, and the context needed to insert one.

    Attributes:
        options: options of a search for a proof of the hole's theorem; checks use them, too.
        place: the hole.
        complete: whether the theorem has no other hole.
        whole: whether the hole is the whole proof of its theorem.
    """

    suggestions: Suggestions
    options: SearchOptions
    place: Place
    complete: bool
    whole: bool

    async def closings(self, service: Service) -> AsyncGenerator[tuple[Proof, str], None]:
        """Return the tactics that close the goal, each as a proof checked in place, with the text that replaces the
        hole.

        The verdict on a theorem with other holes is INCOMPLETE. Raises as `Service.check`.
        """
        for one in self.suggestions.suggestions:
            if one.outcome is not TacticOutcome.CLOSES_GOAL:
                return
            replacement = self._replacement(one.tactic)
            text = replacement if self.whole else self.place.with_tactic(one.tactic)
            candidate = Candidate(text, self.place.mode, one.source)
            verdict = await service.check(Check(self.place.theorem, candidate, self.options.check))
            if holds(verdict, self.complete):
                yield Proof(candidate, verdict, one.seconds), replacement

    def _replacement(self, tactic: str) -> str:
        if not self.whole:
            return self.place.replacement(tactic)
        return self.place.with_tactic(tactic) if "\n" in tactic else f"by {tactic}"


async def look(
    service: Service, file: LeanFile, number: int, open_before: int, options: SearchOptions, most: int
) -> HoleSuggestions:
    """Request tactics for the hole after `open_before` other holes of its command, the command given by its number in
    `file.commands`.

    Raises:
        UserError: as `Service.suggest`.
    """
    item = file.commands[number]
    holes = file.sorries(item)
    start, end = holes[open_before]
    suggestions = await service.suggest(tactics(options, file, item, start, most))
    if item.hole:
        return HoleSuggestions(suggestions, options, Place(file.theorem(item), "by\n  "), True, True)
    place = replace(of_hole(file, item, start, end), term=suggestions.term)
    return HoleSuggestions(suggestions, options, place, len(holes) == 1, False)


def tactics(options: SearchOptions, file: LeanFile, item: Command, offset: int, most: int) -> Suggest:
    """Build a request for tactics at an offset of a command, with the options of a search for its proof."""
    return Suggest(
        FilePosition(file.as_it_stands(item), *lean_file.line_and_column(file.text, offset), file.project),
        most=most,
        seconds=min(options.budget.seconds, _MAX_SUGGEST_SECONDS),
        check=options.check,
        sampler=options.sampler,
        sampling=options.sampling,
    )


def holds(verdict: Verdict, complete: bool) -> bool:
    """Whether a proof is verified or, unless `complete`, lacks nothing but its `sorry`s.

    Lean also reports INCOMPLETE for unsolved goals. These are errors: such a proof has not reached the tier ELABORATED.
    """
    if complete:
        return verdict.verified
    return verdict.kind is VerdictKind.INCOMPLETE and verdict.trust is Trust.ELABORATED
