"""The holes of a file, and what becomes known of each while they are filled."""

from dataclasses import dataclass

from prover.requests import Event as SearchEvent
from prover.search.search import Finished, Proof
from prover.source.faults import Fault
from prover.source.lean_file import LeanFile
from prover.source.scanner import Command
from prover.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Hole:
    """A `sorry` or `admit` to be filled.

    Attributes:
        number: its index among the holes of the file.
        command: index of its command in `LeanFile.commands`.
        item: that command in the original file.
        start, end: offsets of the text to replace, in the original file.
    """

    number: int
    command: int
    item: Command
    start: int
    end: int

    @property
    def whole(self) -> bool:
        """Whether the hole is the whole proof of its theorem."""
        return self.item.hole

    @property
    def alone(self) -> bool:
        """Whether only the word is replaced although it is the whole proof, because comments come between it and its
        `by`.
        """
        return self.whole and self.start > self.item.proof_start


@dataclass(frozen=True, slots=True)
class HoleStarted:
    """The attempt to fill a hole begins."""

    hole: Hole


@dataclass(frozen=True, slots=True)
class Searched:
    """An event of the search for a hole."""

    hole: Hole
    event: SearchEvent


@dataclass(frozen=True, slots=True)
class CommandRejected:
    """Lean rejects a command above a hole.

    If it is a theorem, it is used below as if proved; any other command is left out.
    """

    fault: Fault


@dataclass(frozen=True, slots=True)
class HoleOutcome:
    """The result for one hole: a proof, or the reason for its absence.

    Attributes:
        proof: proof of the hole's whole theorem in the file at that point; its verdict is INCOMPLETE while the theorem
            has other holes.
        replacement: text that replaces the hole.
        finished: last event of the search, if there was one.
        verdict: verdict on the statement, if it does not elaborate or depends on something unproved.
        timed_out: whether there is no proof because the time was over before everything had been tried.
    """

    hole: Hole
    proof: Proof | None = None
    replacement: str = ""
    finished: Finished | None = None
    verdict: Verdict | None = None
    timed_out: bool = False

    @property
    def item(self) -> Command:
        """The hole's theorem in the original file."""
        return self.hole.item


@dataclass(frozen=True, slots=True)
class Filled:
    """The last event.

    Attributes:
        file: the file with all replacements.
        failed: filled holes that do not verify in the completed file.
        verdict: verdict on the whole file: VERIFIED if it uses no `sorry` and no axiom of its own; None if not
            requested.
    """

    file: LeanFile
    outcomes: tuple[HoleOutcome, ...]
    failed: tuple[Hole, ...]
    verdict: Verdict | None = None


FillEvent = HoleStarted | Searched | CommandRejected | HoleOutcome | Filled


def holes_of(file: LeanFile) -> list[Hole]:
    """Return the holes of a file, in order."""
    found: list[Hole] = []
    for number, item in enumerate(file.commands):
        for start, end in file.sorries(item):
            if item.hole:
                remarks = file.code[item.proof_start : start] != file.text[item.proof_start : start]
                start = start if remarks else item.proof_start
            found.append(Hole(len(found), number, item, start, end))
    return found
