"""Traces a project's own files with the worker: statements, positions, tactic steps with their goals, premises.

The worker that checks proofs runs each proof again, tactic block by tactic block. Theorems that it rejects (syntax that
the vetting list forbids, statements that do not elaborate after their context) are counted and left out.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from prover.lean.checker import Terms
from prover.lean.wire.checks import NoAnswerError
from prover.lean.workers.jobs import Priority
from prover.lean.workers.lean_pool import LeanPool
from prover.source.lexer import tokenize
from prover.theorem import Theorem
from prover.verdict import Limits, VerdictKind
from training.corpus.record import TheoremRecord, TracedStep, statement_name
from training.corpus.sources.traced import TracedFile, TracingRun

_MOST_PREMISES = 200
_TERMS = Terms(Limits(seconds=60.0), priority=Priority.BATCH)


@dataclass(frozen=True, slots=True)
class SourceTheorem:
    """A theorem in a file.

    Attributes:
        proof: text after `:=`.
        line: line of its keyword, from 1.
    """

    theorem: Theorem
    proof: str
    line: int


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file's theorems; `version` changes with its text."""

    file: str
    version: str
    theorems: Sequence[SourceTheorem]


async def trace_project(
    pool: LeanPool,
    files: Iterable[SourceFile],
    tracing: TracingRun,
    source: str,
    report: Callable[[str], None] = print,
) -> list[TheoremRecord]:
    """Return the theorems of these files, including those traced by an earlier run.

    Args:
        source: origin stored in the records.
        report: receives lines of progress.
    """
    files = list(files)
    known: dict[tuple[tuple[str, ...], str], bool] = {}
    for number, file in enumerate(files, start=1):
        if not tracing.done(file.file, file.version):
            found = [await _trace(pool, file.file, item, source, known) for item in file.theorems]
            records = tuple(record for record in found if record is not None)
            tracing.add(
                TracedFile(file=file.file, version=file.version, theorems=records, skipped=len(found) - len(records))
            )
        report(f"{number}/{len(files)} files, {tracing.skipped} theorems skipped; {file.file}")
    return tracing.records(file.file for file in files)


async def _trace(
    pool: LeanPool, file: str, item: SourceTheorem, source: str, known: dict[tuple[tuple[str, ...], str], bool]
) -> TheoremRecord | None:
    elaboration = await pool.elaborate(item.theorem, _TERMS)
    if elaboration.verdict is VerdictKind.INFRASTRUCTURE:
        raise ValueError("Lean gave no answer: " + "; ".join(message.text for message in elaboration.messages))
    if elaboration.verdict is not VerdictKind.VERIFIED:
        return None
    try:
        return TheoremRecord(
            name=statement_name(item.theorem.statement),
            statement=item.theorem.statement,
            header=item.theorem.header.text,
            context=item.theorem.context,
            source=source,
            family=file,
            position=f"{file}:{item.line}",
            premises=await _premises(pool, item, known),
            steps=await _steps(pool, item, elaboration.goal),
        )
    except ValueError:  # a name or notation that a record cannot represent
        return None


async def _steps(pool: LeanPool, item: SourceTheorem, goal: str) -> tuple[TracedStep, ...]:
    """Return the tactic blocks of the proof that run one by one, each with the goals before and after it."""
    steps: list[TracedStep] = []
    before: tuple[str, ...] = (goal,)
    script: list[str] = []
    for block in tactic_blocks(item.proof):
        answer = await pool.tactic(item.theorem, script, block, _TERMS)
        if answer.verdict is not VerdictKind.VERIFIED:
            break
        steps.append(TracedStep(tactic=block, before=before, after=answer.goals))
        script.append(block)
        before = answer.goals
    return tuple(steps)


async def _premises(
    pool: LeanPool, item: SourceTheorem, known: dict[tuple[tuple[str, ...], str], bool]
) -> tuple[str, ...]:
    """Return the constants of the imported library that the proof mentions by full name, in order of first use."""
    header = item.theorem.header
    names = dict.fromkeys(token.text for token in tokenize(item.proof) if token.kind == "name" and "." in token.text)
    found = []
    for name in list(names)[:_MOST_PREMISES]:
        key = (header.imports, name)
        if key not in known:
            try:
                known[key] = await pool.constant(name, header, _TERMS) is not None
            except NoAnswerError:
                known[key] = False
        if known[key]:
            found.append(name)
    return tuple(found)


def tactic_blocks(proof: str) -> list[str]:
    """Return the top-level tactics of a proof `by …`, each with its indented lines; none for other proofs."""
    if not proof.startswith("by") or proof[2:3] not in (" ", "\n"):
        return []
    lines = proof[2:].strip("\n").split("\n")
    first = lines[0]
    if first[:1] == " " and not first.startswith("  "):  # `by tac`, with further lines aligned with `tac`
        lines[0] = " " * _indentation(next((line for line in lines[1:] if line.strip()), "  x")) + first.strip()
    filled = [line for line in lines if line.strip()]
    depth = min((_indentation(line) for line in filled), default=0)
    blocks: list[list[str]] = []
    for line in filled:
        if _indentation(line) == depth and not (blocks and line.strip().startswith(("|", "<;>"))):
            blocks.append([line[depth:]])
        elif blocks:
            blocks[-1].append(line[depth:])
    return ["\n".join(block) for block in blocks]


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
