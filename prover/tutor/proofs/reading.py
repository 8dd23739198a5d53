"""Reads a learner's partial proof: how far Lean accepts it, the rejected step, and the place where the proof
continues.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from prover.assistance.place import find
from prover.assistance.suggest import TacticScript
from prover.candidate import Candidate
from prover.lean.checker import DEFAULT_TERMS, Checker, Terms
from prover.lean.wire.answers import ProofSteps
from prover.requests import LateError, StatementError, UnavailableError
from prover.source.lexer import tokenize
from prover.theorem import Theorem
from prover.tutor.hints import MOST_STEPS, Refused
from prover.tutor.proofs.moves import Outline, dedented, offset, outline
from prover.verdict import Message, Region, Verdict, VerdictKind

_OPENS_INLINE = re.compile(r"(?:\bby|=>|·|<;>|;|\()[ \t]*\Z")
_OPENS_TACTICS = re.compile(r"(?:\bby|·)\s*\Z")
_BULLETS = re.compile(r"[ \t]*(?:·[ \t]*)*")
_MISSING = re.compile(r"Alternative `([^`]*)` has not been provided")
_LEFT_OPEN = "unsolved goals"
_MOST_PLACES = 6  # places tried, from the innermost block outwards


@dataclass(frozen=True, slots=True)
class Reading:
    """The accepted part of a partial proof.

    Attributes:
        accepted: its outline.
        before: the proof up to the place of the next tactic.
        after: the learner's text after that place, with `sorry` for other open places.
        goals: goals open there; tactics act on the first.
        open: number of these goals.
        refused: the step after that place that Lean rejects.
        inside_term: whether the place is a `sorry` in a term; then `before` ends with `(by ` and `after` begins with
            `)`.
        too_long: whether the proof has more steps than Lean reports.
        missing: beginning of a case not written yet, as in `| succ n ih =>`; empty if there is none.
        verdict: verdict on the whole text, if nothing is left to prove.
    """

    accepted: Outline
    before: str
    after: str = ""
    goals: tuple[str, ...] = ()
    open: int = 0
    refused: Refused | None = None
    inside_term: bool = False
    too_long: bool = False
    missing: str = ""
    verdict: Verdict | None = None


class StepReader(Checker, Protocol):
    """The questions to Lean needed to follow a proof."""

    async def steps(self, theorem: Theorem, proof: str, terms: Terms = DEFAULT_TERMS) -> ProofSteps:
        """See `Lean.steps`."""
        ...


class ProofReader:
    """Reads the partial proofs of one theorem."""

    def __init__(self, lean: StepReader, theorem: Theorem, terms: Terms) -> None:
        """Create a reader that asks `lean` on these terms."""
        self._lean = lean
        self._theorem = theorem
        self._terms = terms

    async def read(self, text: str) -> Reading:
        """Follow a partial proof.

        Raises:
            StatementError: Lean rejects the theorem.
            LateError: the time is over.
            UnavailableError: Lean gives no answer.
        """
        text = text.rstrip() or "by"
        if _OPENS_INLINE.search(text):  # a block without content cannot be parsed
            for before in _places(text):
                reading = await self._at(before)
                if reading.open:
                    return await self._with_others_open(reading)
        refused: Refused | None = None
        for _ in range(3):  # a removed part may have hidden a syntax error in an earlier line
            steps = await self.steps(text)
            faults = sorted(_faults(steps), key=lambda one: offset(text, one.line, one.column))
            if not steps.steps and faults and (cut := _unreadable(text, faults[0])) is not None:
                refused, text = cut
                continue
            break
        seen, after = outline(text, steps), ""
        too_long = len(steps.steps) > MOST_STEPS
        if faults and not _MISSING.match(faults[0].text):
            at = offset(text, faults[0].line, faults[0].column)
            step = next((move for move in reversed(seen.moves) if move.start <= at < move.end), None)
            begins, goal = (step.start, step.goal) if step else (len("by"), "")
            written = dedented(step.text if step else text, 0)
            if refused is None or step:
                refused = _refused(written, text, begins, faults[0].text, goal)
            text = text[:begins].rstrip().removesuffix("·").rstrip() if step else "by"
        elif too_long and (seen.holes or any(map(_is_open, steps.messages))):
            return Reading(replace(seen, moves=(), rest=()), text, refused=refused, too_long=True)
        elif refused is None and not faults and not seen.holes and not any(map(_is_open, steps.messages)):
            verdict = await self._lean.check(self._theorem, Candidate(text), self._terms)
            if verdict.verified:
                return Reading(seen, text, verdict=verdict)
            if too_long:
                return Reading(replace(seen, moves=(), rest=()), text, too_long=True)
            error = next((message for message in verdict.messages if message.severity == "error"), None)
            why = error.text if error else f"the verdict is {verdict.kind.name}"
            return Reading(seen, text, refused=_refused(text, text, 0, why, ""), verdict=verdict)
        else:
            before, after, is_hole = _first_open(text, seen, steps)
            if is_hole:
                return replace(await self._hole(before, after), refused=refused)
            text = before
        for before in _places(text):
            reading = await self._at(before, after)
            if reading.open:
                missing = before.rstrip().endswith("| _ =>")
                return replace(reading, refused=refused, missing=_alternative(reading.goals[0]) if missing else "")
        return Reading(replace(seen, moves=(), rest=()), text, refused=refused)

    async def steps(self, text: str) -> ProofSteps:
        """Return the steps of a text. Raises as `read`."""
        found = await self._lean.steps(self._theorem, text, self._terms)
        match found.verdict:
            case VerdictKind.INFRASTRUCTURE:
                raise UnavailableError("; ".join(message.text for message in found.messages))
            case VerdictKind.TIMEOUT:
                raise LateError("Lean did not read the proof in the time given: give it more time")
        outside = any(one.severity == "error" and one.region is not Region.CANDIDATE for one in found.messages)
        if outside or found.verdict is VerdictKind.INVALID_STATEMENT:
            raise StatementError(Verdict(found.verdict, policy=self._terms.policy, messages=found.messages))
        return found

    async def _hole(self, before: str, after: str) -> Reading:
        """Return the accepted part up to a `sorry`, which is a tactic or a term."""
        if not _OPENS_TACTICS.search(before):
            reading = await self._at(f"{before}(by ", f"){after}")
            if reading.open:
                return replace(reading, inside_term=True)
        return await self._at(before, after)

    async def _with_others_open(self, reading: Reading) -> Reading:
        """Return the same place with `sorry` for the other open places."""
        whole = f"{reading.before}sorry"
        steps = await self.steps(whole)
        before, after, _ = _first_open(whole, outline(whole, steps), steps)
        return await self._at(before, after) if before == reading.before and after else reading

    async def _at(self, before: str, after: str = "") -> Reading:
        """Return the accepted part up to a place, and the goals there."""
        read = await self.steps(before + "sorry" + after)
        now = outline(before + "sorry" + after, read)
        hole = next((one for one in now.holes if one.start == len(before)), None)
        if hole is None or any(not _MISSING.match(one.text) for one in _faults(read)):
            return Reading(now, before, after)
        moves = tuple(move for move in now.moves if move.start < len(before))
        return Reading(
            replace(now, moves=moves, rest=now.rest[: len(moves)]), before, after, hole.goals, hole.open_before
        )


def begins_with_tactics(text: str) -> bool:
    """Whether a partial proof is a tactic proof, or empty."""
    first = next(tokenize(text), None)
    return first is None or first.text == "by"


def _faults(steps: ProofSteps) -> list[Message]:
    """Return Lean's errors other than unsolved goals."""
    return [one for one in steps.messages if one.severity == "error" and not _is_open(one)]


def _is_open(message: Message) -> bool:
    return message.severity == "error" and message.text.startswith(_LEFT_OPEN)


def _unreadable(text: str, fault: Message) -> tuple[Refused, str] | None:
    """Return the line with a syntax error and the text before it; None if there is no text before it."""
    lines = text.split("\n")
    number = min(fault.line, len(lines))
    while number > 1 and not lines[number - 1].strip():
        number -= 1
    before = "\n".join(lines[: number - 1]).rstrip()
    written = lines[number - 1]
    if not before:
        # The proof is on one line: only its beginning is left.
        before = "by"
        if written.strip() == "by":
            return None
    column = len(written) - len(written.lstrip())
    return Refused(written.strip(), number, column, fault.text), before


def _refused(written: str, text: str, at: int, reason: str, goal: str) -> Refused:
    line = text.count("\n", 0, at) + 1
    return Refused(written, line, at - (text.rfind("\n", 0, at) + 1), reason, goal)


def _first_open(text: str, seen: Outline, steps: ProofSteps) -> tuple[str, str, bool]:
    """Return the text up to the first open place, the text after it with `sorry` at other open places, and whether the
    place is a `sorry`.
    """
    ends: dict[int, int] = {}
    outermost = ""
    for message in filter(_is_open, steps.messages):
        at = offset(text, message.line, message.column)
        blocks = [(end, move.column) for move, end in zip(seen.moves, seen.rest, strict=True) if move.start >= at]
        if at == 0 and blocks:  # the error of the outermost `by` refers to the end
            outermost = f"\n{' ' * blocks[0][1]}all_goals sorry"
        elif blocks:
            ends[blocks[0][0]] = blocks[0][1]
    hole = seen.holes[0] if seen.holes else None
    if not ends and hole is None:
        return text, "", False
    is_hole = hole is not None and all(hole.start < end for end in ends)
    until, behind = (hole.start, hole.end) if hole is not None and is_hole else (min(ends), min(ends))
    after = text[behind:]
    for end in sorted((end for end in ends if end > until), reverse=True):
        after = f"{after[: end - behind]}\n{' ' * ends[end]}all_goals sorry{after[end - behind :]}"
    return text[:until], after + outermost, is_hole


def _places(text: str) -> Iterator[str]:
    """Yield the text up to each place where the next tactic may go: in the innermost block first, then in enclosing
    ones.
    """
    if text.strip() == "by":
        yield find(TacticScript(Theorem(""))).before
        return
    if _OPENS_INLINE.search(text):
        yield text + " "
        return
    columns: list[int] = []
    for line in reversed(text.split("\n")[1:] or [text]):
        if not line.strip():
            continue
        indentation = len(line) - len(line.lstrip(" "))
        if columns and indentation >= min(columns):
            continue
        bullets = _BULLETS.match(line)
        for column in dict.fromkeys([bullets.end() if bullets else indentation, indentation]):
            if not columns or column < min(columns):
                columns.append(column)
    if "\n" not in text:
        columns = [2]
        text = re.sub(r"\Aby[ \t]+(?=\S)", "by\n  ", text)
    for column in columns[:_MOST_PLACES]:
        yield f"{text}\n{' ' * column}"
    for column in columns[:_MOST_PLACES]:
        yield f"{text}\n{' ' * column}| _ => "


def _alternative(goal: str) -> str:
    """Return the beginning of the case of a goal, with names for its anonymous hypotheses."""
    first, *lines = goal.split("\n")
    if not first.startswith("case "):  # a case of a `match`, which has patterns
        return "| _ =>"
    taken = {name for line in lines for name in line.partition(" : ")[0].split()}
    names: list[str] = []
    for line in lines:
        if line.startswith(("⊢", " ")):
            continue
        for name in line.partition(" : ")[0].split():
            if "✝" in name:
                bare = name.partition("✝")[0]
                wanted = "ih" if bare == "a" and names else bare
                while wanted in taken or wanted in names:
                    wanted += "'"
                names.append(wanted)
    return " ".join(["|", first.removeprefix("case ").rpartition(".")[2], *names, "=>"])
