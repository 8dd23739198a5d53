"""Requests about a statement, or a proof of it, that give no verdict on the proof (docs/worker-protocol.md)."""

from collections.abc import Sequence

from pydantic import TypeAdapter

from prover.lean.checker import Terms
from prover.lean.wire.answers import (
    Elaboration,
    Named,
    NegatedStatement,
    ProofSteps,
    Screened,
    SorryGoals,
    TacticStep,
    TermShape,
)
from prover.lean.wire.checks import TEXT, NoAnswerError, because, body, common, fit, kind_of, no_answer, with_texts
from prover.lean.wire.lines import Fields, Request, shaped
from prover.theorem import Theorem
from prover.verdict import Mode, Region, VerdictKind

_ELABORATION = TypeAdapter(Elaboration)
_SORRY_GOALS = TypeAdapter(SorryGoals)
_TACTIC_STEP = TypeAdapter(TacticStep)
_PROOF_STEPS = TypeAdapter(ProofSteps)
_SCREENED = TypeAdapter(Screened)
_NEGATED = TypeAdapter(NegatedStatement)
_SHAPE = TypeAdapter(TermShape)
_NAMES = TypeAdapter(tuple[Named, ...])


def elaborate(theorem: Theorem, terms: Terms) -> Request[Elaboration]:
    """Elaborate the statement alone. Raises as `check`."""

    def read(fields: Fields, _ms: float, late: bool) -> Elaboration:
        return shaped(_ELABORATION, with_texts(fields, "theorem", "type", "goal") | {"verdict": kind_of(fields, late)})

    def failed(kind: VerdictKind, reason: str, _ms: float) -> Elaboration:
        return Elaboration(kind, messages=because(kind, reason))

    return Request("elaborate", body("elaborate", common(theorem, terms)), read, failed)


def goals(theorem: Theorem, text: str, terms: Terms, mode: Mode = Mode.PROOF) -> Request[SorryGoals]:
    """Request the goals at each `sorry` of a proof, or of declarations (`Mode.FILE`). Raises as `check`."""
    fields = common(theorem, terms) | {str(mode): fit(Region.CANDIDATE, text)}

    def read(fields: Fields, _ms: float, late: bool) -> SorryGoals:
        return shaped(_SORRY_GOALS, {**fields, "verdict": kind_of(fields, late)})

    def failed(kind: VerdictKind, reason: str, _ms: float) -> SorryGoals:
        return SorryGoals(kind, messages=because(kind, reason))

    return Request("goals", body("goals", fields), read, failed)


def steps(theorem: Theorem, proof: str, terms: Terms) -> Request[ProofSteps]:
    """Request the steps of a proof with the goals before and after each. Raises as `check`."""
    fields = common(theorem, terms) | {"proof": fit(Region.CANDIDATE, proof)}

    def read(fields: Fields, _ms: float, late: bool) -> ProofSteps:
        return shaped(_PROOF_STEPS, {**fields, "verdict": kind_of(fields, late)})

    def failed(kind: VerdictKind, reason: str, _ms: float) -> ProofSteps:
        return ProofSteps(kind, messages=because(kind, reason))

    return Request("steps", body("steps", fields), read, failed)


def tactic(theorem: Theorem, script: Sequence[str], step: str, terms: Terms) -> Request[TacticStep]:
    """Run the tactic block `step` after the blocks of `script`. Raises as `check`."""
    texts = [fit(Region.CANDIDATE, block) for block in (*script, step)]
    fit(Region.CANDIDATE, "".join(texts))
    fields = common(theorem, terms) | {"script": texts[:-1], "tactic": texts[-1]}

    def read(fields: Fields, _ms: float, late: bool) -> TacticStep:
        return shaped(_TACTIC_STEP, {**fields, "verdict": kind_of(fields, late)})

    def failed(kind: VerdictKind, reason: str, _ms: float) -> TacticStep:
        return TacticStep(kind, messages=because(kind, reason))

    return Request("tactic", body("tactic", fields), read, failed)


def names(theorem: Theorem, terms: Terms) -> Request[tuple[Named, ...]]:
    """Request the declarations of header and context. Raises as `constant`."""

    def read(fields: Fields, _ms: float, late: bool) -> tuple[Named, ...]:
        if late or fields.get("verdict") != "verified":
            raise NoAnswerError(kind_of(fields, late), "what the context declares was not listed")
        return shaped(_NAMES, fields.get("names"))

    return Request("names", body("names", common(theorem, terms)), read, no_answer)


def stuck(theorem: Theorem, terms: Terms) -> Request[str | None]:
    """Request the constant whose missing body stops evaluation of the statement; None: there is none.

    Raises as `constant`.
    """

    def read(fields: Fields, _ms: float, late: bool) -> str | None:
        if late or fields.get("verdict") != "verified":
            raise NoAnswerError(kind_of(fields, late), "the statement was not evaluated")
        return shaped(TEXT, fields.get("at"))

    return Request("stuck", body("stuck", common(theorem, terms)), read, no_answer)


def screen(theorem: Theorem, terms: Terms, values: bool) -> Request[Screened]:
    """Request facts about the statement that need no proof, and the constructors of its binders' types.

    Raises as `check`.
    """

    def read(fields: Fields, _ms: float, late: bool) -> Screened:
        return shaped(_SCREENED, {**fields, "verdict": kind_of(fields, late)})

    def failed(kind: VerdictKind, reason: str, _ms: float) -> Screened:
        return Screened(kind, messages=because(kind, reason))

    return Request(
        "screen", body("screen", common(theorem, terms) | ({"values": True} if values else {})), read, failed
    )


def negation(theorem: Theorem, name: str, written: Sequence[str], terms: Terms) -> Request[NegatedStatement]:
    """Request the negation of the statement as the statement of a theorem `name`: the first of the texts `written`
    whose type Lean finds equal to it, otherwise Lean's own text. Raises as `check`.
    """
    texts = [fit(Region.STATEMENT, text) for text in written]
    fields = common(theorem, terms) | {"name": name, "written": texts}

    def read(fields: Fields, _ms: float, late: bool) -> NegatedStatement:
        return shaped(_NEGATED, with_texts(fields, "negation") | {"verdict": kind_of(fields, late)})

    def failed(kind: VerdictKind, reason: str, _ms: float) -> NegatedStatement:
        return NegatedStatement(kind, messages=because(kind, reason))

    return Request("negation", body("negation", fields), read, failed)


def shape(theorem: Theorem, pattern: str | None, terms: Terms) -> Request[TermShape]:
    """Request the shape of a pattern under the theorem's header and context; without a pattern, of the statement's
    type. Raises as `check`.
    """
    fields = common(theorem, terms) | ({} if pattern is None else {"pattern": fit(Region.STATEMENT, pattern)})

    def read(fields: Fields, _ms: float, late: bool) -> TermShape:
        return shaped(_SHAPE, {**fields, "verdict": kind_of(fields, late)})

    def failed(kind: VerdictKind, reason: str, _ms: float) -> TermShape:
        return TermShape(kind, messages=because(kind, reason))

    return Request("shape", body("shape", fields), read, failed)
