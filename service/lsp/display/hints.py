"""Hints for the learner at one editor: one level more with each request."""

from collections import OrderedDict
from dataclasses import dataclass, field

from prover.assistance import commands
from prover.assistance.holes import holes_of
from prover.errors import UserError
from prover.options import SearchOptions
from prover.requests import Service
from prover.source.lean_file import LeanFile
from prover.source.scanner import Command
from prover.tutor.hints import GivenHint, Tutored, Tutoring
from prover.verdict import Mode
from service.lsp import sites

_MOST_SECONDS = 60.0  # seconds; servers reject more by default
_MOST_THEOREMS = 64
_MOST_HINTS = 64


@dataclass(slots=True)
class Hints:
    """Hints given in this editor's session, by document and theorem; they end with the session."""

    given: "OrderedDict[tuple[str, str], list[GivenHint]]" = field(default_factory=OrderedDict)

    async def ask(self, service: Service, uri: str, file: LeanFile, at: int, options: SearchOptions) -> Tutored:
        """Return one more hint for the proof around an offset.

        Raises:
            UserError: no hint can be given there; otherwise as `Service.hint`.
        """
        item = _around(file, at)
        theorem = file.theorem(item)
        earlier = self.given.setdefault((uri, theorem.digest), [])
        self.given.move_to_end((uri, theorem.digest))
        while len(self.given) > _MOST_THEOREMS:
            self.given.popitem(last=False)
        proof = "" if item.hole else file.candidate(item).text
        seconds = min(options.budget.seconds, _MOST_SECONDS)

        async def hint(file: LeanFile) -> Tutored:
            now = file.theorem(item)
            return await service.hint(Tutoring(now, proof, tuple(earlier), seconds=seconds, check=options.check))

        found, *_ = await commands.despite_faults(file, hint)
        if found.hint is not None:
            earlier.append(GivenHint(found.hint.level, found.hint.step))
            del earlier[:-_MOST_HINTS]
        return found

    def forget(self, uri: str) -> None:
        """Forget the hints given for a document."""
        for key in [key for key in self.given if key[0] == uri]:
            del self.given[key]


def sentences(found: Tutored) -> list[str]:
    """Return the displayed text of an answer; an error of Lean comes first."""
    if found.refused is None:
        return [found.sentence]
    why = found.refused.reason.partition("\n")[0]
    return [f"The proof cannot continue with `{found.refused.text}`: {why}", found.sentence]


def _around(file: LeanFile, at: int) -> Command:
    """Return the theorem whose proof contains an offset."""
    holes = [hole for hole in holes_of(file) if hole.start <= at <= hole.end]
    item = holes[0].item if holes else sites.around(file, at)
    if item is None:
        raise UserError("no proof of a theorem is there")
    if not item.hole and (not item.statement or file.candidate(item).mode is not Mode.PROOF):
        raise UserError("hints are given for theorems whose proof follows `:=`")
    if holes and file.sorries(item) and holes[0].start > file.sorries(item)[0][0]:
        raise UserError("hints are for the first open place of the proof: ask there")
    return item
