"""What the worker answers, besides verdicts (`prover.verdict`): statements, goals, tactic steps, constants.

`containable` is that of `Verdict`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeVar

from prover.theorem import Theorem
from prover.verdict import Message, Region, Verdict, VerdictKind

T = TypeVar("T")


def below_imports(theorem: Theorem, answer: T) -> T:
    """An answer with messages that point into the whole header, whose imports Lean has not been shown."""
    messages: tuple[Message, ...] = getattr(answer, "messages", ())
    if not theorem.header.before or all(message.region is not Region.HEADER for message in messages):
        return answer
    moved = tuple(
        replace(message, line=message.line + theorem.header.before) if message.region is Region.HEADER else message
        for message in messages
    )
    return replace(answer, messages=moved)  # type: ignore[type-var]  # whatever has messages is a dataclass


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """What a worker says of itself when it has loaded its first imports.

    Attributes:
        lean: version of Lean.
        githash: commit that Lean was built from.
        worker: version of the worker program.
        load_ms: milliseconds spent on loading the imports.
    """

    lean: str
    githash: str
    worker: str
    load_ms: float


@dataclass(frozen=True, slots=True)
class Elaboration:
    """A statement on its own.

    Attributes:
        verdict: `VERIFIED` means that the statement elaborates.
        theorem: full name of the theorem.
        type: its type, pretty-printed.
        goal: the goal with its hypotheses, pretty-printed.
        timing: Lean's own milliseconds by step.
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
    """One `sorry` of a proof and the goals there."""

    goals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SorryGoals:
    """The goals at each `sorry` of a proof.

    Attributes:
        verdict: `VERIFIED` means that the proof could be read and elaborated, though goals may be left open.
        assumed: tactics in parentheses that gave their goal away: what they put there rests on `sorry`.
    """

    verdict: VerdictKind
    sorries: tuple[Sorry, ...] = ()
    assumed: tuple[ProofSpan, ...] = ()
    messages: tuple[Message, ...] = ()
    timing: Mapping[str, float] = field(default_factory=dict)
    containable: bool = False


@dataclass(frozen=True, slots=True)
class TacticStep:
    """The goals after a tactic; `VERIFIED` means that it ran, no goals that it closed them all.

    `INCOMPLETE`: something in it is unproved that is no goal: it rests on `sorry`, or a proof inside it leaves goals open.
    """

    verdict: VerdictKind
    goals: tuple[str, ...] = ()
    messages: tuple[Message, ...] = ()
    timing: Mapping[str, float] = field(default_factory=dict)
    containable: bool = False


@dataclass(frozen=True, slots=True)
class Bound:
    """Something that a statement binds in front of its goal.

    Attributes:
        name: empty where it has none, as in `p → q`.
        type: pretty-printed.
        kind: a value, a proposition that is assumed, or an instance.
        matters: whether the goal mentions it or may depend on what it says.
    """

    name: str
    type: str
    kind: Literal["value", "proposition", "instance"]
    matters: bool


@dataclass(frozen=True, slots=True)
class MakerField:
    """What a constructor takes: a value of a type, or a proof of a proposition."""

    type: str
    kind: Literal["value", "proposition"]


@dataclass(frozen=True, slots=True)
class Maker:
    """A constructor, written with its explicit arguments; with an empty name, a function that has the same value everywhere."""

    name: str
    fields: tuple[MakerField, ...]


@dataclass(frozen=True, slots=True)
class MadeType:
    """A type, and what makes values of it.

    Attributes:
        type: as it is written elsewhere in the same answer.
        reduced: the type that it stands for.
    """

    type: str
    reduced: str
    makers: tuple[Maker, ...]


@dataclass(frozen=True, slots=True)
class Screened:
    """A statement looked at without a proof.

    Attributes:
        verdict: `VERIFIED` means that the statement elaborates.
        bound: what it binds in front of its goal, outermost first.
        glance: why the goal holds at a glance: it is among what is assumed, both its sides are the same, or it is `True`.
        absurd: the goal is `False`: contradictory hypotheses are what it says.
        types: of what it binds, and those that they are made of, where that was asked; in part where there are many.
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

    `VERIFIED` means that the statement elaborates; the type of the negation was compared with its own.
    """

    verdict: VerdictKind
    negation: str = ""
    messages: tuple[Message, ...] = ()
    containable: bool = False


@dataclass(frozen=True, slots=True)
class ProofStep(ProofSpan):
    """One tactic of some block of a proof, and what it did.

    Attributes:
        kind: of its syntax, as Lean names it.
        before, after: the first goals before and after it, as Lean prints them.
        open_before, open_after: how many goals there are.
    """

    kind: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    open_before: int
    open_after: int


@dataclass(frozen=True, slots=True)
class NamedConstant(ProofSpan):
    """A constant that a proof names: what Lean takes the word there for. `kind` as in `Constant`."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class ProofSteps:
    """The steps of a proof in reading order, those within others behind them, as far as Lean came.

    `VERIFIED` means that there is no error, which is no verdict; `INCOMPLETE` that nothing but goals left open, or a `sorry`, is missing.
    """

    verdict: VerdictKind
    steps: tuple[ProofStep, ...] = ()
    names: tuple[NamedConstant, ...] = ()
    messages: tuple[Message, ...] = ()
    timing: Mapping[str, float] = field(default_factory=dict)
    containable: bool = False


Name = tuple[str | int, ...]
"""A name of Lean by its parts; dots between them would not tell a part with a dot in it from two."""


@dataclass(frozen=True, slots=True)
class Export:
    """A verified proof for another kernel.

    Attributes:
        text: its constants in lean4export's format; empty if that is longer than an answer may be.
        theorem: the theorem among them.
        needs: the library constants that they mention.
        assumed: of those, and below them, the ones whose proofs or values the library does not hold.
    """

    text: str
    theorem: Name
    needs: tuple[Name, ...]
    assumed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant of the imported library.

    Attributes:
        kind: `theorem`, `definition`, `inductive`, …
        type: its type, pretty-printed.
        module: the module that declares it.
        levels: names of its universe parameters.
    """

    name: str
    kind: str
    type: str
    module: str = ""
    levels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Named:
    """A constant that a theorem's header or context declares: its name there, and what it is (see `Constant.kind`)."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class LibraryTheorem:
    """A theorem of the imported library.

    Attributes:
        name: full name in the library.
        statement: a statement of the same type, under another name, to be proved anew.
    """

    name: str
    statement: str


@dataclass(frozen=True, slots=True)
class LibraryPage:
    """Theorems of a module, as far as they can be stated.

    Attributes:
        theorems: those among the constants that were asked for.
        constants: how many constants the module has.
    """

    theorems: tuple[LibraryTheorem, ...]
    constants: int


@dataclass(frozen=True, slots=True)
class ImportedModule:
    """A module of the imported library.

    Attributes:
        constants: how many it has.
        fingerprint: differs, in all likelihood, where the names or types of its constants do.
    """

    name: str
    constants: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class TermShape:
    """A term without its names, as docs/worker-protocol.md writes it, or why there is none (`verdict` is not `VERIFIED`).

    Attributes:
        shape: its nodes in reading order.
        symbols: the constants that they name.
    """

    verdict: VerdictKind
    shape: str = ""
    symbols: tuple[str, ...] = ()
    messages: tuple[Message, ...] = ()
    timing: Mapping[str, float] = field(default_factory=dict)
    containable: bool = False


@dataclass(frozen=True, slots=True)
class Declarations:
    """Declarations of a module.

    Attributes:
        declarations: name, kind (see `Constant.kind`), whether it is outdated, and the shape of its type; empty if that is long.
        symbols: the constants that the shapes name.
        constants: how many constants the module has.
    """

    declarations: tuple[tuple[str, str, bool, str], ...]
    symbols: tuple[str, ...]
    constants: int


@dataclass(frozen=True, slots=True)
class Reference:
    """What an elaborator says that a theorem is, before it has seen a candidate: the asker's word, for a judge to go by.

    Attributes:
        elaboration: the statement on its own.
        constant: the theorem's name in parts, numbers among them.
        export: what the statement rests on, the context's axioms, and the theorem itself, with `sorry` for its proof.
    """

    elaboration: Elaboration
    constant: tuple[str | int, ...] = ()
    export: str = ""


@dataclass(frozen=True, slots=True)
class HandedOut:
    """What an elaborator made of a candidate. It may be a lie in every part.

    Attributes:
        verdict: why there is no export, if there is none; never a verified one.
        export: the candidate's new constants; empty if it did not elaborate.
    """

    verdict: Verdict
    export: str = ""
