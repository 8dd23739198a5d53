"""A place for a tactic: a theorem, its proof before and after the place, and ways to insert a tactic there."""

import re
from dataclasses import dataclass, replace

from prover.assistance.suggest import FilePosition, PrintedGoal, TacticScript
from prover.errors import InputError
from prover.lean.wire.answers import ProofSpan
from prover.source import lean_file
from prover.source.lean_file import LeanFile
from prover.source.scanner import Command
from prover.theorem import HeaderError, Theorem
from prover.verdict import Message, Mode

# A tactic may follow these on the same line.
_OPENS_INLINE = re.compile(r"(?:\bby|=>|·|<;>|;|\()[ \t]*\Z")
# A term after these needs no parentheses.
_IS_VALUE = re.compile(r"(?::=|=>)[ \t]*\Z")
_BULLETS = re.compile(r"[ \t]*(?:·[ \t]*)*")
_UNIVERSE = re.compile(r"\bu_\d+\b")
_ENTRY = re.compile(r"([^:⊢]+?) : (.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Trial:
    """A proof with a replaced part.

    Attributes:
        text: the proof.
        start, end: offsets of the replaced part.
    """

    text: str
    start: int
    end: int

    def at(self, place: ProofSpan | Message) -> bool:
        """Whether a position of the text is in the replaced part."""
        return self.start <= self._offset(place) < self.end

    def outside(self, place: ProofSpan | Message) -> int | None:
        """Return a number for a position of the text that is the same for all replacements; None inside the replaced
        part.
        """
        if self.at(place):
            return None
        offset = self._offset(place)
        return offset if offset < self.start else offset - len(self.text)

    def _offset(self, place: ProofSpan | Message) -> int:
        starts = [0, *(match.end() for match in re.finditer("\n", self.text))]
        return starts[place.line - 1] + place.column if 1 <= place.line <= len(starts) else len(self.text)


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a proof.

    Attributes:
        theorem: the theorem.
        before: the proof before the place.
        after: the proof after the place.
        term: whether a term is expected, not a tactic.
        mode: `FILE` if the proof contains its statement: equations, fields, and declarations other than theorems.
    """

    theorem: Theorem
    before: str
    after: str = ""
    term: bool = False
    mode: Mode = Mode.PROOF

    @property
    def ends_proof(self) -> bool:
        """Whether the proof ends here."""
        return not self.after.strip()

    @property
    def for_each(self) -> bool:
        """Whether a tactic here runs on each goal separately."""
        return self.before.rstrip().endswith("<;>")

    def cut(self) -> "Place":
        """Return the place with nothing after it."""
        return replace(self, after="")

    def of_a_term(self) -> "Place":
        """Return the place as one where a term is expected."""
        return replace(self, term=True)

    def with_sorry(self) -> Trial:
        """Return the proof with a `sorry` here, to see its goals."""
        return self._with("sorry")

    def with_skip(self) -> Trial:
        """Return the proof with a tactic here that does nothing; Lean rejects it where a term is expected."""
        return self._with("(skip) <;> sorry")

    def with_proposition(self) -> Trial:
        """Return the proof with a `sorry` here that has a type error unless the goal is a proposition."""
        return self._with("(by exact (sorry : (_ : Prop)))" if self.term else "exact (sorry : (_ : Prop))")

    def trying(self, tactic: str) -> Trial:
        """Return the proof with `tactic` here, run on the first goal, and a `sorry` for each goal that it leaves."""
        opening, closing = ("(by (", ") <;> sorry)") if self.term else ("(", ") <;> sorry")
        return self._with(opening + self._block(tactic, len(opening)) + closing)

    def followed(self, tactic: str) -> Trial:
        """Return the proof with `tactic` here as it would be written, and a `sorry` for each goal open after it."""
        tactics = tactic + "\nall_goals sorry"
        opening = "(by " if self.term else ""
        return self._with(opening + self._block(tactics, len(opening)) + (")" if opening else ""))

    def with_tactic(self, tactic: str) -> str:
        """Return the proof with `tactic` here."""
        return self._with(self.replacement(tactic)).text

    def replacement(self, tactic: str) -> str:
        """Return the text to insert here."""
        if not self.term:
            return self._block(tactic, 0)
        if _IS_VALUE.search(self.before) and self.after[:1] in ("", "\n"):
            return f"by {self._block(tactic, 3)}"
        return f"(by {self._block(tactic, 4)})"

    def _block(self, tactic: str, shift: int) -> str:
        """Return the lines of a text, with the second and further ones aligned below the first."""
        column = len(self.before) - (self.before.rfind("\n") + 1) + shift
        return tactic.replace("\n", "\n" + " " * column)

    def _with(self, text: str) -> Trial:
        return Trial(self.before + text + self.after, len(self.before), len(self.before) + len(text))


def find(place: TacticScript | FilePosition | PrintedGoal) -> Place:
    """Return the place that a request names. Whether a term is expected there is not determined.

    Raises:
        InputError: there is no such place.
    """
    match place:
        case TacticScript(theorem, script):
            return Place(theorem, "by\n  " + "".join(block.replace("\n", "\n  ") + "\n  " for block in script))
        case FilePosition():
            found = _in_file(place.text, place.line, place.column)
            return replace(found, theorem=replace(found.theorem, project=place.project))
        case PrintedGoal():
            return Place(as_theorem(place), "by\n  ")


def _in_file(text: str, line: int, column: int) -> Place:
    lines = text.split("\n")
    # Callers count columns from 0 or from 1; the sentences name none.
    if line > len(lines):
        raise InputError("position.position", f"the file has no line {line}: it has {len(lines)}")
    if column > len(lines[line - 1]):
        raise InputError("position.position", f"line {line} of the file ends before that column")
    offset = sum(len(one) + 1 for one in lines[: line - 1]) + column
    try:
        file = lean_file.parse(text)
    except HeaderError as error:
        raise InputError("position.text", str(error)) from None
    for item in file.commands:
        if item.writes_programs:
            continue
        # The blanks after a proof belong to the text that is typed next.
        following = text[item.proof_end :]
        blank = len(following) - len(following.lstrip())
        if not item.proof_start <= offset <= item.proof_end + blank:
            continue
        if item.hole:
            return Place(file.theorem(item), "by\n  ")
        for start, end in file.sorries(item):
            if start <= offset <= end:
                return of_hole(file, item, start, end)
        if item.statement:
            place = of_hole(file, item, offset, offset)
            return replace(place, before=_up_to(place.before))
    raise InputError("position.position", f"no proof of a theorem is at that column of line {line}")


def of_hole(file: LeanFile, item: Command, start: int, end: int) -> Place:
    """Return the place between two offsets of a file, within their command."""
    candidate = file.candidate(item)
    shift = len(candidate.text) - item.proof_end
    return Place(
        file.theorem(item), candidate.text[: start + shift], candidate.text[end + shift :], mode=candidate.mode
    )


def _up_to(before: str) -> str:
    """Return a proof up to the place of another tactic, in a form to which it can be appended."""
    line = before[before.rfind("\n") + 1 :]
    if not line.strip():
        return before
    if _OPENS_INLINE.search(before):
        return before if before[-1].isspace() else before + " "
    bullets = _BULLETS.match(line)
    return before.rstrip() + "\n" + " " * (bullets.end() if bullets else 0)


def as_theorem(printed: PrintedGoal) -> Theorem:
    """Return a printed goal as a separate theorem."""
    entries: list[str] = []
    for line in printed.goal.strip("\n").split("\n"):
        if not line.strip():
            break  # the next goal begins
        if line.startswith(" ") and entries:
            entries[-1] += "\n" + line
        elif not line.startswith("case "):
            entries.append(line)
    if not entries or not entries[-1].startswith("⊢"):
        raise InputError("goal.goal", "a goal ends with a line that begins with ⊢")
    binders = []
    for entry in entries[:-1]:
        match = _ENTRY.fullmatch(entry)
        if match is None or " := " in entry or "✝" in match[1]:
            raise InputError(
                "goal.goal",
                f"this hypothesis cannot be read back: {entry[:80]!r}; expected `names : type`, without ✝ and values",
            )
        binders.append(f" ({match[1]} : {match[2]})")
    target = entries[-1].removeprefix("⊢").strip()
    if not target:
        raise InputError("goal.goal", "there is no proposition after the ⊢ of the goal")
    levels = " ".join(sorted(set(_UNIVERSE.findall(printed.goal))))
    context = f"{printed.context}\nuniverse {levels}\n" if levels else printed.context
    statement = f"theorem leansieve_goal{''.join(binders)} :\n  {target}"
    return Theorem(statement, printed.header, context, printed.project)
