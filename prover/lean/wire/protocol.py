"""The requests of docs/worker-protocol.md and the parsing of their answers. Only `wire` knows the JSON."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from pydantic import TypeAdapter

from prover.candidate import Candidate
from prover.lean.checker import Terms
from prover.lean.wire.answers import (
    Constant,
    Declarations,
    Elaboration,
    Export,
    ImportedModule,
    LibraryPage,
    Name,
    Named,
    NegatedStatement,
    ProofSteps,
    Screened,
    SorryGoals,
    TacticStep,
    TermShape,
    WorkerInfo,
)
from prover.lean.wire.building import InvalidTextError, body, check_fields, common, fit
from prover.lean.wire.lines import Fields, Request, shaped
from prover.lean.wire.reading import (
    EXPORT,
    FLAG,
    TEXT,
    TEXTS,
    NoAnswerError,
    because,
    check_reader,
    in_time,
    kind_of,
    no_answer,
    with_texts,
)
from prover.lean.wire.role import ProcessRole
from prover.theorem import Theorem
from prover.verdict import Message, Mode, Policy, Region, Verdict, VerdictKind

_WORKER_INFO = TypeAdapter(WorkerInfo)
_ELABORATION = TypeAdapter(Elaboration)
_SORRY_GOALS = TypeAdapter(SorryGoals)
_TACTIC_STEP = TypeAdapter(TacticStep)
_PROOF_STEPS = TypeAdapter(ProofSteps)
_SCREENED = TypeAdapter(Screened)
_NEGATED = TypeAdapter(NegatedStatement)
_LIBRARY_PAGE = TypeAdapter(LibraryPage)
_CONSTANT = TypeAdapter(Constant)
_FOUND = TypeAdapter(list[dict[str, Any]])
_SHAPE = TypeAdapter(TermShape)
_DECLARATIONS = TypeAdapter(Declarations)
_LISTED_MODULES = TypeAdapter(list[tuple[str, int, str]])
_NAMES = TypeAdapter(tuple[Named, ...])


def hello(
    nonce: str,
    imports: Sequence[str],
    vetting: Mapping[str, object],
    cancel: Literal["memory", "stdin"],
    role: ProcessRole = ProcessRole.WORKER,
) -> Request[WorkerInfo]:
    """The first request: sets the answer marker `nonce` (32 hex digits) and the process role, and loads `imports`."""

    def read(fields: Fields, _ms: float, _late: bool) -> WorkerInfo:
        return shaped(_WORKER_INFO, fields)

    fields = {"nonce": nonce, "imports": list(imports), "vetting": vetting, "cancel": cancel, "role": role}
    return Request("hello", body("hello", fields), read, no_answer)


def ping() -> Request[float]:
    """Test whether the worker responds; returns the milliseconds it took."""
    return Request("ping", body("ping", {}), lambda _fields, ms, _late: ms, no_answer)


def check(theorem: Theorem, candidate: Candidate, terms: Terms) -> Request[Verdict]:
    """Check a candidate proof.

    Raises:
        InvalidTextError: a text is too long or not Unicode.
        ValueError: a limit is out of range.
    """
    fields = check_fields(theorem, candidate, terms)
    read, failed = check_reader(candidate.mode, terms.policy)
    return Request("check", body("check", fields), read, failed)


def exported(theorem: Theorem, candidate: Candidate, terms: Terms) -> Request[tuple[Verdict, Export | None]]:
    """Check a candidate proof; if it is verified, its constants come with the verdict. Raises as `check`."""
    fields = check_fields(theorem, candidate, terms) | {"export": True}
    verdict_of, failed_check = check_reader(candidate.mode, terms.policy)

    def read(fields: Fields, ms: float, late: bool) -> tuple[Verdict, Export | None]:
        verdict = verdict_of(fields, ms, late)
        return verdict, shaped(EXPORT, fields.get("export")) if verdict.verified else None

    def failed(kind: VerdictKind, reason: str, ms: float) -> tuple[Verdict, Export | None]:
        return failed_check(kind, reason, ms), None

    return Request("check", body("check", fields), read, failed)


def closure(theorem: Theorem, names: Sequence[Name], known: Iterable[Name], terms: Terms) -> Request[str]:
    """Request library constants with their dependencies, except `known` ones, as declarations in lean4export's format,
    dependencies first, as many as fit into an answer. A failed look-up raises `NoAnswerError`.
    """
    fields = common(theorem, terms) | {"names": names, "known": list(known)}

    def read(fields: Fields, _ms: float, late: bool) -> str:
        if late:
            raise NoAnswerError(VerdictKind.TIMEOUT, "the library constants were not written in time")
        return shaped(TEXT, fields.get("text")) or ""

    return Request("closure", body("closure", fields), read, no_answer)


def invalid_text_verdict(error: InvalidTextError, mode: Mode, policy: Policy) -> Verdict:
    """Return the verdict on a request that was not sent because a text is invalid."""
    blame = VerdictKind.REJECTED if error.region is Region.CANDIDATE else VerdictKind.INVALID_STATEMENT
    return Verdict(blame, mode=mode, policy=policy, messages=(Message("error", str(error), error.region),))


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


def constant(theorem: Theorem, name: str, terms: Terms) -> Request[Constant | None]:
    """Look up a constant under the theorem's header. Raises as `check`; a failed look-up raises `NoAnswerError`."""
    fields = common(theorem, terms) | {"name": fit(Region.CANDIDATE, name)}

    def read(fields: Fields, _ms: float, _late: bool) -> Constant | None:
        if not shaped(FLAG, fields.get("found")):
            return None
        return shaped(_CONSTANT, with_texts(fields, "type", "module") | {"name": name})

    return Request("constant", body("constant", fields), read, no_answer)


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


def modules(theorem: Theorem, terms: Terms) -> Request[tuple[str, ...]]:
    """Request the modules that the theorem's header imports, each after its own imports."""

    def read(fields: Fields, _ms: float, late: bool) -> tuple[str, ...]:
        if late or fields.get("verdict") != "verified":
            raise NoAnswerError(kind_of(fields, late), "the modules were not listed")
        return shaped(TEXTS, fields.get("modules"))

    return Request("library", body("library", common(theorem, terms)), read, no_answer)


def library(theorem: Theorem, module: str, offset: int, limit: int, terms: Terms) -> Request[LibraryPage]:
    """Request the theorems among `limit` constants of an imported module. A failed look-up raises `NoAnswerError`."""
    fields = common(theorem, terms) | {
        "module": fit(Region.CANDIDATE, module),
        "offset": offset,
        "limit": limit,
    }

    def read(fields: Fields, _ms: float, late: bool) -> LibraryPage:
        if late or fields.get("verdict") != "verified":
            raise NoAnswerError(kind_of(fields, late), f"the theorems of {module} were not listed")
        return shaped(_LIBRARY_PAGE, fields)

    return Request("library", body("library", fields), read, no_answer)


def index(theorem: Theorem, terms: Terms) -> Request[tuple[ImportedModule, ...]]:
    """Request the modules that the theorem's header imports, with their fingerprints. Raises as `constant`."""

    def read(fields: Fields, _ms: float, late: bool) -> tuple[ImportedModule, ...]:
        in_time(late, "the modules were not listed in time")
        listed = shaped(_LISTED_MODULES, fields.get("modules"))
        return tuple(ImportedModule(*one) for one in listed)

    return Request("index", body("index", common(theorem, terms)), read, no_answer)


def declarations(theorem: Theorem, module: str, offset: int, limit: int, terms: Terms) -> Request[Declarations]:
    """Request searchable declarations among `limit` constants of an imported module. Raises as `constant`."""
    fields = common(theorem, terms) | {"module": fit(Region.CANDIDATE, module), "offset": offset, "limit": limit}

    def read(fields: Fields, _ms: float, late: bool) -> Declarations:
        in_time(late, f"the declarations of {module} were not listed in time")
        return shaped(_DECLARATIONS, fields)

    return Request("index", body("index", fields), read, no_answer)


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


def constants(theorem: Theorem, names: Sequence[str], terms: Terms) -> Request[tuple[Constant, ...]]:
    """Look up several constants under the theorem's header and context; missing ones are left out.

    Raises as `constant`.
    """
    fields = common(theorem, terms) | {"names": [fit(Region.CANDIDATE, name) for name in names]}

    def read(fields: Fields, _ms: float, late: bool) -> tuple[Constant, ...]:
        in_time(late, "the library's declarations were not shown in time")
        listed = shaped(_FOUND, fields.get("constants"))
        return tuple(shaped(_CONSTANT, with_texts(one, "type", "module")) for one in listed if one["found"])

    return Request("constant", body("constant", fields), read, no_answer)
