"""A proof as Lean reads it: its moves, each a tactic without the proofs inside it, and the blocks in which they stand."""

import hashlib
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from prover.lean.wire.answers import NamedConstant, ProofSpan, ProofStep, ProofSteps
from prover.source.lexer import tokenize

# Lean's kinds of syntax that only say which goal the tactics inside are about.
_FOCUSING = frozenset({"Lean.cdot", "Lean.Parser.Tactic.case", "Lean.Parser.Tactic.tacticNext_=>_"})
# What is inside these is one move with them: it may be tried, or run on several goals.
_COMBINED = frozenset(
    f"Lean.Parser.Tactic.{name}"
    for name in (
        *("tactic_<;>_", "first", "paren", "allGoals", "anyGoals", "focus", "case'"),
        *("tacticTry_", "tacticRepeat_", "tacticRepeat1_", "tacticIterate____", "tacticStop_"),
    )
)
_SORRY = "Lean.Parser.Tactic.tacticSorry"
# The right-hand side of a `match`: Lean tells it in place of its first tactic.
_SEQUENCE = "Lean.Parser.Tactic.tacticSeq"


@dataclass(frozen=True, slots=True)
class ProofMove:
    """One tactic of a proof.

    Attributes:
        text: as it is written, with `sorry` for each block of tactics inside it.
        tactic: the word that it begins with.
        start, end: offsets in the proof.
        column: where its line's further lines count from.
        goals: the first goals before it, as Lean prints them; it works on the first.
        left: the first goals behind it.
        open_before, open_after: how many goals there are.
        names: constants that its own text names, as Lean reads them.
        depth: how many other moves it is inside of.
        holds: whether tactics stand inside it.
    """

    text: str
    tactic: str
    start: int
    end: int
    column: int
    goals: tuple[str, ...]
    left: tuple[str, ...]
    open_before: int
    open_after: int
    names: tuple[NamedConstant, ...]
    depth: int
    holds: bool

    @property
    def goal(self) -> str:
        """The goal that it works on."""
        return self.goals[0] if self.goals else ""

    @property
    def name(self) -> str:
        """A digest of the goal and one of the step: the same for the same, and nothing can be read from it."""
        goal = "\n".join(_said(self.goal))
        return "-".join(hashlib.sha256(text.encode()).hexdigest()[:12] for text in (goal, self.text))

    @property
    def closes(self) -> bool:
        """Whether nothing of its goal is left, nor inside it."""
        return not self.holds and self.open_after < self.open_before


@dataclass(frozen=True, slots=True)
class Outline:
    """The moves of a proof in reading order, and the tactic blocks that they make: texts from a move to its block's end."""

    proof: str
    moves: tuple[ProofMove, ...]
    rest: tuple[int, ...]
    """For each move, the offset at which its block ends."""
    holes: tuple[ProofMove, ...]
    """The `sorry`s, which are no moves."""

    def behind(self, offset: int) -> tuple[ProofMove, ...]:
        """The moves that begin there or later."""
        return tuple(move for move in self.moves if move.start >= offset)

    def leading_to(self, offset: int, goal: str) -> ProofMove:
        """The last move before a place that led to a goal which is open there: not one inside a case, or a proof, that ends before it.

        There has to be a move before the place.
        """
        blocks = zip(self.moves, self.rest, strict=True)
        path = [move for move, end in blocks if move.start < offset < end] or list(self.moves)
        return ([move for move in path if goal not in move.goals] or path)[-1]

    def closing(self, goal: str) -> Iterator[tuple[ProofMove, str]]:
        """Tactic blocks of this proof that begin with this goal, moved to the margin, and the move that each begins with."""
        for move, end in zip(self.moves, self.rest, strict=True):
            if same_goal(move.goal, goal):
                yield move, dedented(self.proof[move.start : end], move.column)


def same_goal(one: str, other: str) -> bool:
    """Whether two printed goals say the same in the same names, but for the names of the goals themselves."""
    return _said(one) == _said(other)


def _said(goal: str) -> list[str]:
    return [" ".join(line.split()) for line in goal.splitlines() if not line.startswith("case ")]


def dedented(block: str, column: int) -> str:
    """A block whose first line begins at a column, as if it began at none."""
    first, *lines = block.rstrip().split("\n")
    return "\n".join([first, *(line[min(column, len(line) - len(line.lstrip(" "))) :] for line in lines)])


def offset(text: str, line: int, column: int) -> int:
    """The offset of a line, from 1, and a column, from 0; the text's end where there is no such place."""
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    return min(starts[line - 1] + column, len(text)) if 1 <= line <= len(starts) else len(text)


def outline(proof: str, read: ProofSteps) -> Outline:
    """The outline of a proof that Lean has read."""
    spans = _first_of_sequences(proof, [(*_span(proof, step), step) for step in read.steps])
    spans.sort(key=lambda one: (one[0], -one[1]))
    parents = _parents(spans)
    # What is inside a combination belongs to it.
    combined = {at for at in range(len(spans)) if any(spans[up][2].kind in _COMBINED for up in _above(at, parents))}
    kept = [at for at in range(len(spans)) if at not in combined]
    inside: dict[int, list[int]] = {at: [] for at in kept}
    for at in kept:
        if parents[at] is not None:
            inside[parents[at]].append(at)  # type: ignore[index]  # just looked at
    names = list({_span(proof, one): one for one in read.names if one.kind != "constructor"}.items())
    moves: list[ProofMove] = []
    rest: list[int] = []
    holes: list[ProofMove] = []
    for at in kept:
        start, end, step = spans[at]
        if step.kind in _FOCUSING:
            continue
        blocks = list(_blocks(proof, [spans[child][:2] for child in inside[at]]))
        up = [each for each in _above(at, parents) if spans[each][2].kind not in _FOCUSING]
        move = ProofMove(
            text=_without(proof, start, end, blocks),
            tactic=next((token.text for token in tokenize(proof[start:end])), ""),
            start=start,
            end=end,
            column=start - (proof.rfind("\n", 0, start) + 1),
            goals=step.before,
            left=step.after,
            open_before=step.open_before,
            open_after=step.open_after,
            names=tuple(
                name for (first, last), name in names if start <= first < end and not _within(first, last, blocks)
            ),
            depth=len(up),
            holds=bool(blocks),
        )
        if step.kind == _SORRY or (step.kind == _SEQUENCE and move.text == "sorry"):
            holes.append(move)
            continue
        moves.append(move)
        siblings = [spans[each][:2] for each in kept if parents[each] == parents[at]]
        rest.append(next(last for first, last in _blocks(proof, siblings) if first <= start < last))
    return Outline(proof, tuple(moves), tuple(rest), tuple(holes))


def _span(proof: str, place: ProofSpan) -> tuple[int, int]:
    return offset(proof, place.line, place.column), offset(proof, place.end_line, place.end_column)


def _first_of_sequences(proof: str, spans: list[tuple[int, int, ProofStep]]) -> list[tuple[int, int, ProofStep]]:
    """The steps, with the first tactic of each sequence in place of the sequence."""
    found = []
    for start, end, step in spans:
        if step.kind == _SEQUENCE:
            margin = " " * (start - proof.rfind("\n", 0, start) - 1)
            inside = [one for one in spans if start <= one[0] and one[1] <= end and one[2] is not step]
            if any(one[0] == start for one in inside):
                continue
            behind = (one for one in inside if proof[proof.rfind("\n", 0, one[0]) + 1 : one[0]] == margin)
            if (second := min(behind, key=lambda one: one[0], default=None)) is not None:
                end = start + len(proof[start : second[0]].rstrip())
                step = replace(step, after=second[2].before, open_after=second[2].open_before)
        found.append((start, end, step))
    return found


def _parents(spans: Sequence[tuple[int, int, ProofStep]]) -> list[int | None]:
    """For each step, by number, the innermost one that it is inside of; they are sorted by where they begin."""
    parents: list[int | None] = []
    around: list[int] = []
    for at, (_, end, _) in enumerate(spans):
        while around and spans[around[-1]][1] < end:
            around.pop()
        parents.append(around[-1] if around else None)
        around.append(at)
    return parents


def _above(at: int, parents: Sequence[int | None]) -> Iterator[int]:
    up = parents[at]
    while up is not None:
        yield up
        up = parents[up]


def _blocks(proof: str, spans: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Runs of steps between which nothing stands but blanks, remarks and `;`."""
    if not spans:
        return
    begins = spans[0][0]
    for (_, end), (start, _) in itertools.pairwise(spans):
        if any(token.text != ";" for token in tokenize(proof[end:start])):
            yield begins, end
            begins = start
    yield begins, spans[-1][1]


def _within(start: int, end: int, blocks: Sequence[tuple[int, int]]) -> bool:
    return any(first <= start and end <= last for first, last in blocks)


def _without(proof: str, start: int, end: int, blocks: Sequence[tuple[int, int]]) -> str:
    """The text between two offsets with `sorry` for each block, moved to the margin."""
    parts, at = [], start
    for first, last in blocks:
        before = proof[at:first]
        parts += [before.rstrip() + " " if before != before.rstrip() else before, "sorry"]
        at = last
    text = "".join([*parts, proof[at:end]])
    return dedented(text, start - (proof.rfind("\n", 0, start) + 1))
