"""Answers of the worker about statements and proofs other than verdicts (`prover.verdict`): goals, tactic steps, terms.

`containable` is that of `Verdict`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from prover.verdict import Message, VerdictKind


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """Versions that a worker reports after it has loaded its first imports.

    Attributes:
        lean: version of Lean.
        githash: commit of Lean.
        worker: version of the worker program.
        load_ms: milliseconds spent on loading the imports.
    """

    lean: str
    githash: str
    worker: str
    load_ms: float


@dataclass(frozen=True, slots=True)
class Elaboration:
    """Result of elaborating a statement alone.

    Attributes:
        verdict: `VERIFIED` means that the statement elaborates.
        theorem: full name of the theorem.
        type: its type, pretty-printed.
        goal: the goal with its hypotheses, pretty-printed.
        timing: milliseconds in Lean by step.
    """

    verdict: VerdictKind
    theorem: str = ""
    type: str = ""
    goal: str = ""
    messages: tuple[Message, ...] = ()
    timing: Mapping[str, float] = field(default_factory=dict)
    containable: bool = False


@dataclass(frozen=True, slots=True)
class ProofSpan:
    """A part of a proof. Lines count from 1, columns (code points) from 0."""

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Sorry(ProofSpan):
    """One `sorry` of a proof, with the goals there."""

    goals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SorryGoals:
    """The goals at each `sorry` of a proof.

    Attributes:
        verdict: `VERIFIED` means that the proof was parsed and elaborated; goals may be left open.
        assumed: tactics in parentheses that admitted their goal: their term depends on `sorry`.
    """

    verdict: VerdictKind
    sorries: tuple[Sorry, ...] = ()
    assumed: tuple[ProofSpan, ...] = ()
    messages: tuple[Message, ...] = ()
    timing: Mapping[str, float] = field(default_factory=dict)
    containable: bool = False


@dataclass(frozen=True, slots=True)
class TacticStep:
    """The goals after a tactic. `VERIFIED` means that it ran; no goals means that it closed them all.

    `INCOMPLETE`: a part other than a goal is unproved: it depends on `sorry`, or a nested proof leaves goals open.
    """

    verdict: VerdictKind
    goals: tuple[str, ...] = ()
    messages: tuple[Message, ...] = ()
    timing: Mapping[str, float] = field(default_factory=dict)
    containable: bool = False


@dataclass(frozen=True, slots=True)
class Bound:
    """A binder of a statement.

    Attributes:
        name: empty for an anonymous binder, as in `p → q`.
        type: pretty-printed.
        kind: a value, an assumed proposition, or an instance.
        matters: whether the goal mentions it or may depend on its content.
    """

    name: str
    type: str
    kind: Literal["value", "proposition", "instance"]
    matters: bool


@dataclass(frozen=True, slots=True)
class MakerField:
    """An argument of a constructor: a value of a type, or a proof of a proposition."""

    type: str
    kind: Literal["value", "proposition"]


@dataclass(frozen=True, slots=True)
class Maker:
    """A constructor, written with its explicit arguments; an empty name stands for a constant function."""

    name: str
    fields: tuple[MakerField, ...]


@dataclass(frozen=True, slots=True)
class MadeType:
    """A type with its constructors.

    Attributes:
        type: as written elsewhere in the same answer.
        reduced: its reduced form.
    """

    type: str
    reduced: str
    makers: tuple[Maker, ...]


@dataclass(frozen=True, slots=True)
class Screened:
    """Facts about a statement found without a proof.

    Attributes:
        verdict: `VERIFIED` means that the statement elaborates.
        bound: its binders, outermost first.
        glance: reason why the goal is immediate: it is a hypothesis, both its sides are equal, or it is `True`.
        absurd: whether the goal is `False`, so that the statement claims that its hypotheses contradict each other.
        types: types of the binders and the types they are built from, if requested; incomplete if there are many.
    """

    verdict: VerdictKind
    bound: tuple[Bound, ...] = ()
    glance: Literal["", "assumed", "same", "true"] = ""
    absurd: bool = False
    types: tuple[MadeType, ...] = ()
    messages: tuple[Message, ...] = ()
    containable: bool = False


@dataclass(frozen=True, slots=True)
class NegatedStatement:
    """The negation of a statement as the statement of a theorem; empty if no text for it was found.

    `VERIFIED` means that the statement elaborates and that the type of the text was compared with the negation of its
    type.
    """

    verdict: VerdictKind
    negation: str = ""
    messages: tuple[Message, ...] = ()
    containable: bool = False


@dataclass(frozen=True, slots=True)
class ProofStep(ProofSpan):
    """One tactic of a proof and its effect.

    Attributes:
        kind: syntax kind in Lean.
        before, after: the first goals before and after it, as Lean prints them.
        open_before, open_after: numbers of goals.
    """

    kind: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    open_before: int
    open_after: int


@dataclass(frozen=True, slots=True)
class NamedConstant(ProofSpan):
    """A constant named in a proof: the declaration to which Lean resolves the identifier. `kind` as in `Constant`."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class ProofSteps:
    """The steps of a proof in reading order, nested ones after their parent, up to the point that Lean reached.

    `VERIFIED` means that there is no error; it is not a verdict on the proof. `INCOMPLETE` means that only open goals
    or a `sorry` remain.
    """

    verdict: VerdictKind
    steps: tuple[ProofStep, ...] = ()
    names: tuple[NamedConstant, ...] = ()
    messages: tuple[Message, ...] = ()
    timing: Mapping[str, float] = field(default_factory=dict)
    containable: bool = False


Name = tuple[str | int, ...]
"""A Lean name as a list of components, because dots would be ambiguous for components that contain one."""


@dataclass(frozen=True, slots=True)
class Export:
    """A verified proof in the export format, for another kernel.

    Attributes:
        text: its constants in lean4export's format; empty if the text exceeds the size of an answer.
        theorem: the theorem among them.
        needs: library constants that these mention.
        assumed: direct and indirect library dependencies whose proofs or values the library lacks.
    """

    text: str
    theorem: Name
    needs: tuple[Name, ...]
    assumed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Named:
    """A constant declared by a theorem's header or context: its name there and its kind (see `Constant.kind`)."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class TermShape:
    """A term without names (docs/worker-protocol.md), or the reason why there is none (`verdict` is not `VERIFIED`).

    Attributes:
        shape: its nodes in reading order.
        symbols: the constants that they refer to.
    """

    verdict: VerdictKind
    shape: str = ""
    symbols: tuple[str, ...] = ()
    messages: tuple[Message, ...] = ()
    timing: Mapping[str, float] = field(default_factory=dict)
    containable: bool = False
