"""A proof parsed by Lean: its moves (tactics without nested proofs) and its tactic blocks."""

import hashlib
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from prover.lean.wire.answers import NamedConstant, ProofSpan, ProofStep, ProofSteps
from prover.source.lexer import tokenize

# Syntax kinds that only select the goal of the tactics inside.
_FOCUSING = frozenset({"Lean.cdot", "Lean.Parser.Tactic.case", "Lean.Parser.Tactic.tacticNext_=>_"})
# The content of these is a part of the same move: it may only be tried, or run on several goals.
_COMBINED = frozenset(
    f"Lean.Parser.Tactic.{name}"
    for name in (
        *("tactic_<;>_", "first", "paren", "allGoals", "anyGoals", "focus", "case'"),
        *("tacticTry_", "tacticRepeat_", "tacticRepeat1_", "tacticIterate____", "tacticStop_"),
    )
)
_SORRY = "Lean.Parser.Tactic.tacticSorry"
# The right-hand side of a `match`: Lean reports it in place of its first tactic.
_SEQUENCE = "Lean.Parser.Tactic.tacticSeq"


@dataclass(frozen=True, slots=True)
class ProofMove:
    """One tactic of a proof.

    Attributes:
        text: source with `sorry` in place of each nested tactic block.
        tactic: its first word.
        start, end: offsets in the proof.
        column: column relative to which its further lines are indented.
        goals: the first goals before it, as Lean prints them; it acts on the first.
        left: the first goals after it.
        open_before, open_after: numbers of goals.
        names: constants mentioned in its own text, as Lean resolves them.
        depth: number of enclosing moves.
        holds: whether it contains tactics.
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
        """The goal on which it acts."""
        return self.goals[0] if self.goals else ""

    @property
    def name(self) -> str:
        """Digests of goal and step: equal for equal ones, and irreversible."""
        goal = "\n".join(_without_case(self.goal))
        return "-".join(hashlib.sha256(text.encode()).hexdigest()[:12] for text in (goal, self.text))

    @property
    def closes(self) -> bool:
        """Whether it closes its goal and all goals inside it."""
        return not self.holds and self.open_after < self.open_before


@dataclass(frozen=True, slots=True)
class Outline:
    """The moves of a proof in reading order, and its tactic blocks: the texts from a move to the end of its block."""

    proof: str
    moves: tuple[ProofMove, ...]
    rest: tuple[int, ...]
    """For each move, the offset of the end of its block."""
    holes: tuple[ProofMove, ...]
    """The `sorry`s, which are not moves."""

    def moves_from(self, offset: int) -> tuple[ProofMove, ...]:
        """Return the moves that begin at an offset or later."""
        return tuple(move for move in self.moves if move.start >= offset)

    def leading_to(self, offset: int, goal: str) -> ProofMove:
        """Return the last move before a place that led to a goal open there, and not one inside a case or nested proof
        that ends before it.

        At least one move must precede the place.
        """
        blocks = zip(self.moves, self.rest, strict=True)
        path = [move for move, end in blocks if move.start < offset < end] or list(self.moves)
        return ([move for move in path if goal not in move.goals] or path)[-1]

    def closing(self, goal: str) -> Iterator[tuple[ProofMove, str]]:
        """Return the blocks of this proof that begin with this goal, dedented, with the first move of each."""
        for move, end in zip(self.moves, self.rest, strict=True):
            if same_goal(move.goal, goal):
                yield move, dedented(self.proof[move.start : end], move.column)


def same_goal(one: str, other: str) -> bool:
    """Whether two printed goals are equal, including variable names but not the goals' own names."""
    return _without_case(one) == _without_case(other)


def _without_case(goal: str) -> list[str]:
    return [" ".join(line.split()) for line in goal.splitlines() if not line.startswith("case ")]


def dedented(block: str, column: int) -> str:
    """Dedent a block whose first line begins at a column."""
    first, *lines = block.rstrip().split("\n")
    return "\n".join([first, *(line[min(column, len(line) - len(line.lstrip(" "))) :] for line in lines)])


def offset(text: str, line: int, column: int) -> int:
    """Return the offset of a line (from 1) and column (from 0); the end of the text if there is no such place."""
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    return min(starts[line - 1] + column, len(text)) if 1 <= line <= len(starts) else len(text)


def outline(proof: str, read: ProofSteps) -> Outline:
    """Return the outline of a proof that Lean has parsed."""
    spans = _first_of_sequences(proof, [(*_span(proof, step), step) for step in read.steps])
    spans.sort(key=lambda one: (one[0], -one[1]))
    parents = _parents(spans)
    # The parts of a combinator belong to its move.
    combined = {at for at in range(len(spans)) if any(spans[up][2].kind in _COMBINED for up in _above(at, parents))}
    separate = [at for at in range(len(spans)) if at not in combined]
    inside: dict[int, list[int]] = {at: [] for at in separate}
    for at in separate:
        if parents[at] is not None:
            inside[parents[at]].append(at)  # type: ignore[index]  # just looked at
    names = list({_span(proof, one): one for one in read.names if one.kind != "constructor"}.items())
    moves: list[ProofMove] = []
    rest: list[int] = []
    holes: list[ProofMove] = []
    for at in separate:
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
        siblings = [spans[each][:2] for each in separate if parents[each] == parents[at]]
        rest.append(next(last for first, last in _blocks(proof, siblings) if first <= start < last))
    return Outline(proof, tuple(moves), tuple(rest), tuple(holes))


def _span(proof: str, place: ProofSpan) -> tuple[int, int]:
    return offset(proof, place.line, place.column), offset(proof, place.end_line, place.end_column)


def _first_of_sequences(proof: str, spans: list[tuple[int, int, ProofStep]]) -> list[tuple[int, int, ProofStep]]:
    """Replace each sequence among the steps by its first tactic."""
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
    """Return the innermost enclosing step of each step, by number; steps are sorted by their beginning."""
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
    """Return runs of steps separated only by blanks, comments and `;`."""
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
    """Return the text between two offsets, dedented, with `sorry` for each block."""
    parts, at = [], start
    for first, last in blocks:
        before = proof[at:first]
        parts += [before.rstrip() + " " if before != before.rstrip() else before, "sorry"]
        at = last
    text = "".join([*parts, proof[at:end]])
    return dedented(text, start - (proof.rfind("\n", 0, start) + 1))
