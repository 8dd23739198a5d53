"""The requests of docs/worker-protocol.md: how each is built and how its answer is read. Nothing else knows the JSON."""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, Never

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
    Screened,
    SorryGoals,
    TacticStep,
    TermShape,
    WorkerInfo,
)
from prover.lean.wire.lines import Fields, ProtocolError, Request, shaped
from prover.lean.wire.role import ProcessRole
from prover.theorem import Theorem
from prover.verdict import Message, Mode, Path, Policy, Region, Trust, Verdict, VerdictKind

LONGEST_TEXT = 1 << 20
"""Longest text of a request (header, context, statement, candidate), in UTF-8 bytes."""

MOST_IMPORTS = 1_000
"""Most modules that a header may import."""


class InvalidTextError(ValueError):
    """A text that cannot be sent to Lean: too long, or not Unicode. `region` says which one."""

    def __init__(self, region: Region, reason: str) -> None:
        """Name the text and say what is wrong with it."""
        super().__init__(f"the {region.value} {reason}")
        self.region = region


class NoAnswerError(RuntimeError):
    """A look-up without a verdict of its own came to nothing; `kind` says why."""

    def __init__(self, kind: VerdictKind, reason: str) -> None:
        """Keep the kind (`FORBIDDEN`, `TIMEOUT`, `OUT_OF_RESOURCES`, `INVALID_STATEMENT`, `INFRASTRUCTURE`) and the reason."""
        super().__init__(reason)
        self.kind = kind


def hello(
    nonce: str,
    imports: Sequence[str],
    vetting: Mapping[str, object],
    cancel: Literal["memory", "stdin"],
    role: ProcessRole = ProcessRole.WORKER,
) -> Request[WorkerInfo]:
    """The first request: marks the answers with `nonce` (32 hex digits), says what the process is for, and loads `imports`."""

    def read(fields: Fields, _ms: float, _late: bool) -> WorkerInfo:
        return shaped(_WORKER_INFO, fields)

    fields = {"nonce": nonce, "imports": list(imports), "vetting": vetting, "cancel": cancel, "role": role}
    return Request("hello", body("hello", fields), read, no_answer)


def ping() -> Request[float]:
    """Asks for a sign of life: the milliseconds it took."""
    return Request("ping", body("ping", {}), lambda _fields, ms, _late: ms, no_answer)


def check(theorem: Theorem, candidate: Candidate, terms: Terms) -> Request[Verdict]:
    """Checks a candidate proof.

    Raises:
        InvalidTextError: a text is too long or not Unicode.
        ValueError: a limit is out of range.
    """
    fields = _check_fields(theorem, candidate, terms)
    read, failed = _check_reader(candidate.mode, terms.policy)
    return Request("check", body("check", fields), read, failed)


def exported(theorem: Theorem, candidate: Candidate, terms: Terms) -> Request[tuple[Verdict, Export | None]]:
    """Checks a candidate proof; if it is verified, its constants come with the verdict. Raises as `check`."""
    fields = _check_fields(theorem, candidate, terms) | {"export": True}
    verdict_of, failed_check = _check_reader(candidate.mode, terms.policy)

    def read(fields: Fields, ms: float, late: bool) -> tuple[Verdict, Export | None]:
        verdict = verdict_of(fields, ms, late)
        return verdict, shaped(EXPORT, fields.get("export")) if verdict.verified else None

    def failed(kind: VerdictKind, reason: str, ms: float) -> tuple[Verdict, Export | None]:
        return failed_check(kind, reason, ms), None

    return Request("check", body("check", fields), read, failed)


def closure(theorem: Theorem, names: Sequence[Name], known: Iterable[Name], terms: Terms) -> Request[str]:
    """Asks for library constants with what they rest on, but for those that are `known`: declarations in lean4export's
    format, dependencies first, no more of them than an answer holds. A failed look-up raises `NoAnswerError`."""
    fields = common(theorem, terms) | {"names": names, "known": list(known)}

    def read(fields: Fields, _ms: float, late: bool) -> str:
        if late:
            raise NoAnswerError(VerdictKind.TIMEOUT, "the library constants were not written in time")
        return shaped(TEXT, fields.get("text")) or ""

    return Request("closure", body("closure", fields), read, no_answer)


def invalid_text_verdict(error: InvalidTextError, mode: Mode, policy: Policy) -> Verdict:
    """The verdict on a request that was never sent."""
    blame = VerdictKind.REJECTED if error.region is Region.CANDIDATE else VerdictKind.INVALID_STATEMENT
    return Verdict(blame, mode=mode, policy=policy, messages=(Message("error", str(error), error.region),))


def elaborate(theorem: Theorem, terms: Terms) -> Request[Elaboration]:
    """Elaborates the statement alone. Raises as `check`."""

    def read(fields: Fields, _ms: float, late: bool) -> Elaboration:
        return shaped(_ELABORATION, _texts(fields, "theorem", "type", "goal") | {"verdict": kind_of(fields, late)})

    def failed(kind: VerdictKind, reason: str, _ms: float) -> Elaboration:
        return Elaboration(kind, messages=because(kind, reason))

    return Request("elaborate", body("elaborate", common(theorem, terms)), read, failed)


def goals(theorem: Theorem, text: str, terms: Terms, mode: Mode = Mode.PROOF) -> Request[SorryGoals]:
    """Asks for the goals at each `sorry` of a proof, or of declarations (`Mode.FILE`). Raises as `check`."""
    fields = common(theorem, terms) | {str(mode): fit(Region.CANDIDATE, text)}

    def read(fields: Fields, _ms: float, late: bool) -> SorryGoals:
        return shaped(_SORRY_GOALS, {**fields, "verdict": kind_of(fields, late)})

    def failed(kind: VerdictKind, reason: str, _ms: float) -> SorryGoals:
        return SorryGoals(kind, messages=because(kind, reason))

    return Request("goals", body("goals", fields), read, failed)


def tactic(theorem: Theorem, script: Sequence[str], step: str, terms: Terms) -> Request[TacticStep]:
    """Runs the tactic block `step` after the blocks of `script`. Raises as `check`."""
    texts = [fit(Region.CANDIDATE, block) for block in (*script, step)]
    fit(Region.CANDIDATE, "".join(texts))
    fields = common(theorem, terms) | {"script": texts[:-1], "tactic": texts[-1]}

    def read(fields: Fields, _ms: float, late: bool) -> TacticStep:
        return shaped(_TACTIC_STEP, {**fields, "verdict": kind_of(fields, late)})

    def failed(kind: VerdictKind, reason: str, _ms: float) -> TacticStep:
        return TacticStep(kind, messages=because(kind, reason))

    return Request("tactic", body("tactic", fields), read, failed)


def constant(theorem: Theorem, name: str, terms: Terms) -> Request[Constant | None]:
    """Looks a constant up under the theorem's header. Raises as `check`; a failed look-up raises `NoAnswerError`."""
    fields = common(theorem, terms) | {"name": fit(Region.CANDIDATE, name)}

    def read(fields: Fields, _ms: float, _late: bool) -> Constant | None:
        if not shaped(FLAG, fields.get("found")):
            return None
        return shaped(_CONSTANT, _texts(fields, "type", "module") | {"name": name})

    return Request("constant", body("constant", fields), read, no_answer)


def names(theorem: Theorem, terms: Terms) -> Request[tuple[Named, ...]]:
    """Asks for what header and context declare. Raises as `constant`."""

    def read(fields: Fields, _ms: float, late: bool) -> tuple[Named, ...]:
        if late or fields.get("verdict") != "verified":
            raise NoAnswerError(kind_of(fields, late), "what the context declares was not listed")
        return shaped(_NAMES, fields.get("names"))

    return Request("names", body("names", common(theorem, terms)), read, no_answer)


def stuck(theorem: Theorem, terms: Terms) -> Request[str | None]:
    """Asks at which constant evaluating the statement stops for want of its body; None: at none. Raises as `constant`."""

    def read(fields: Fields, _ms: float, late: bool) -> str | None:
        if late or fields.get("verdict") != "verified":
            raise NoAnswerError(kind_of(fields, late), "the statement was not evaluated")
        return shaped(TEXT, fields.get("at"))

    return Request("stuck", body("stuck", common(theorem, terms)), read, no_answer)


def screen(theorem: Theorem, terms: Terms) -> Request[Screened]:
    """Asks what can be said of the statement without a proof. Raises as `check`."""

    def read(fields: Fields, _ms: float, late: bool) -> Screened:
        return shaped(_SCREENED, {**fields, "verdict": kind_of(fields, late)})

    def failed(kind: VerdictKind, reason: str, _ms: float) -> Screened:
        return Screened(kind, messages=because(kind, reason))

    return Request("screen", body("screen", common(theorem, terms)), read, failed)


def negation(theorem: Theorem, name: str, written: Sequence[str], terms: Terms) -> Request[NegatedStatement]:
    """Asks for the negation of the statement as the statement of a theorem `name`: the first of those that are `written` whose type
    Lean finds to be just that, or else one in Lean's words. Raises as `check`."""
    texts = [fit(Region.STATEMENT, text) for text in written]
    fields = common(theorem, terms) | {"name": name, "written": texts}

    def read(fields: Fields, _ms: float, late: bool) -> NegatedStatement:
        return shaped(_NEGATED, _texts(fields, "negation") | {"verdict": kind_of(fields, late)})

    def failed(kind: VerdictKind, reason: str, _ms: float) -> NegatedStatement:
        return NegatedStatement(kind, messages=because(kind, reason))

    return Request("negation", body("negation", fields), read, failed)


def modules(theorem: Theorem, terms: Terms) -> Request[tuple[str, ...]]:
    """Asks which modules the theorem's header imports, each behind all that it imports itself."""

    def read(fields: Fields, _ms: float, late: bool) -> tuple[str, ...]:
        if late or fields.get("verdict") != "verified":
            raise NoAnswerError(kind_of(fields, late), "the modules were not listed")
        return shaped(TEXTS, fields.get("modules"))

    return Request("library", body("library", common(theorem, terms)), read, no_answer)


def library(theorem: Theorem, module: str, offset: int, limit: int, terms: Terms) -> Request[LibraryPage]:
    """Asks for the theorems among `limit` constants of an imported module. A failed look-up raises `NoAnswerError`."""
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
    """Asks which modules the theorem's header imports and what tells their states apart. Raises as `constant`."""

    def read(fields: Fields, _ms: float, late: bool) -> tuple[ImportedModule, ...]:
        _in_time(late, "the modules were not listed in time")
        listed = shaped(_LISTED_MODULES, fields.get("modules"))
        return tuple(ImportedModule(*one) for one in listed)

    return Request("index", body("index", common(theorem, terms)), read, no_answer)


def declarations(theorem: Theorem, module: str, offset: int, limit: int, terms: Terms) -> Request[Declarations]:
    """Asks for what may be looked for among `limit` constants of an imported module. Raises as `constant`."""
    fields = common(theorem, terms) | {"module": fit(Region.CANDIDATE, module), "offset": offset, "limit": limit}

    def read(fields: Fields, _ms: float, late: bool) -> Declarations:
        _in_time(late, f"the declarations of {module} were not listed in time")
        return shaped(_DECLARATIONS, fields)

    return Request("index", body("index", fields), read, no_answer)


def shape(theorem: Theorem, pattern: str | None, terms: Terms) -> Request[TermShape]:
    """Asks for the shape of a pattern under the theorem's header and context; without a pattern, of the statement's type. Raises as `check`."""
    fields = common(theorem, terms) | ({} if pattern is None else {"pattern": fit(Region.STATEMENT, pattern)})

    def read(fields: Fields, _ms: float, late: bool) -> TermShape:
        return shaped(_SHAPE, {**fields, "verdict": kind_of(fields, late)})

    def failed(kind: VerdictKind, reason: str, _ms: float) -> TermShape:
        return TermShape(kind, messages=because(kind, reason))

    return Request("shape", body("shape", fields), read, failed)


def constants(theorem: Theorem, names: Sequence[str], terms: Terms) -> Request[tuple[Constant, ...]]:
    """Looks constants up under the theorem's header and context, those that are there. Raises as `constant`."""
    fields = common(theorem, terms) | {"names": [fit(Region.CANDIDATE, name) for name in names]}

    def read(fields: Fields, _ms: float, late: bool) -> tuple[Constant, ...]:
        _in_time(late, "the library's declarations were not shown in time")
        listed = shaped(_FOUND, fields.get("constants"))
        return tuple(shaped(_CONSTANT, _texts(one, "type", "module")) for one in listed if one["found"])

    return Request("constant", body("constant", fields), read, no_answer)


def _in_time(late: bool, reason: str) -> None:
    if late:
        raise NoAnswerError(VerdictKind.TIMEOUT, reason)


# How a request is put together


def common(theorem: Theorem, terms: Terms) -> dict[str, object]:
    """What every request about a theorem carries. Raises as `check`."""
    limits, policy = terms.limits, terms.policy
    if not (math.isfinite(limits.seconds) and limits.seconds > 0):
        raise ValueError(f"limits: seconds must be a positive number, not {limits.seconds}")
    if limits.heartbeats < 1 or limits.recursion < 1:
        raise ValueError("limits: heartbeats and recursion must be at least 1; Lean reads 0 as no limit")
    if limits.messages < 0 or limits.message_bytes < 0:
        raise ValueError("limits: messages and message_bytes must not be negative")
    imports = list(theorem.header.imports)
    if len(imports) > MOST_IMPORTS:
        raise InvalidTextError(Region.HEADER, f"imports {len(imports)} modules; at most {MOST_IMPORTS} are read")
    fit(Region.HEADER, " ".join(imports))
    return {
        "header": {"imports": imports, "prelude": fit(Region.HEADER, theorem.header.prelude)},
        "context": fit(Region.CONTEXT, theorem.context),
        "statement": fit(Region.STATEMENT, theorem.statement),
        "policy": {
            "name": policy.name,
            "axioms": list(policy.axioms),
            "kinds": list(policy.kinds),
            "guard": policy.guard,
            **({"whole": True} if policy.whole else {}),
            **({} if policy.holes is None else {"holes": list(policy.holes)}),
        },
        "limits": {
            "heartbeats": limits.heartbeats,
            "recursion": limits.recursion,
            "messages": limits.messages,
            "message_bytes": limits.message_bytes,
        },
    }


def fit(region: Region, text: str) -> str:
    """A text as it is sent; raises InvalidTextError."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise InvalidTextError(region, f"is not Unicode: a lone surrogate at character {error.start}") from None
    if size > LONGEST_TEXT:
        raise InvalidTextError(region, f"is {size} bytes long; at most {LONGEST_TEXT} are read")
    return text.replace("\r\n", "\n")  # as Lean reads a file


def body(op: str, fields: Mapping[str, object]) -> bytes:
    """A request as JSON, without its opening brace."""
    return json.dumps({"op": op, **fields}, ensure_ascii=True, separators=(",", ":")).encode("ascii")[1:]


# How an answer is read

_WORKER_INFO = TypeAdapter(WorkerInfo)
_ELABORATION = TypeAdapter(Elaboration)
_SORRY_GOALS = TypeAdapter(SorryGoals)
_TACTIC_STEP = TypeAdapter(TacticStep)
_SCREENED = TypeAdapter(Screened)
_NEGATED = TypeAdapter(NegatedStatement)
_LIBRARY_PAGE = TypeAdapter(LibraryPage)
_CONSTANT = TypeAdapter(Constant)
_FOUND = TypeAdapter(list[dict[str, Any]])
_SHAPE = TypeAdapter(TermShape)
_DECLARATIONS = TypeAdapter(Declarations)
_LISTED_MODULES = TypeAdapter(list[tuple[str, int, str]])
EXPORT = TypeAdapter(Export)
_KIND = TypeAdapter(VerdictKind)
TEXT = TypeAdapter(str | None)
_NAMES = TypeAdapter(tuple[Named, ...])
TEXTS = TypeAdapter(tuple[str, ...])
MESSAGES = TypeAdapter(tuple[Message, ...])
TIMING: TypeAdapter[Mapping[str, float]] = TypeAdapter(Mapping[str, float])
COUNT = TypeAdapter(int)
FLAG = TypeAdapter(bool)
_PATH: TypeAdapter[Path] = TypeAdapter(Literal[Path.LISTED, Path.TRANSPARENT])

_TERM = re.compile("[0-9a-f]{16}")

_TIERS = {None: Trust.NONE, "elaborated": Trust.ELABORATED, "kernel_replayed": Trust.KERNEL_REPLAYED}


def _texts(fields: Fields, *names: str) -> dict[str, object]:
    """The fields, with an empty text for each of `names` that is null."""
    return {**fields, **{name: "" for name in names if fields.get(name) is None}}


def kind_of(fields: Fields, late: bool) -> VerdictKind:
    """The verdict of an answer. What comes after the deadline may owe itself to the cancelling, unless it is a proof."""
    kind = shaped(_KIND, fields.get("verdict"))
    if kind is VerdictKind.INFRASTRUCTURE:
        raise ProtocolError("a worker called itself broken in a verdict")
    return VerdictKind.TIMEOUT if late and kind is not VerdictKind.VERIFIED else kind


def term_of(fields: Fields, kind: VerdictKind) -> str:
    """The digest of a verified proof's term; empty if there is none."""
    term = shaped(TEXT, fields.get("term")) if kind is VerdictKind.VERIFIED else None
    if term and not _TERM.fullmatch(term):
        raise ProtocolError("an answer has no digest of a term where one should be")
    return term or ""


def because(kind: VerdictKind, reason: str) -> tuple[Message, ...]:
    """The message of a request that got no answer."""
    # Without an answer only the imports can have been refused.
    refused = kind in (VerdictKind.INVALID_STATEMENT, VerdictKind.FORBIDDEN)
    region = Region.HEADER if refused else Region.CANDIDATE
    return (Message("error", reason, region),)


def _failed_check(mode: Mode, policy: Policy) -> Callable[[VerdictKind, str, float], Verdict]:
    def failed(kind: VerdictKind, reason: str, ms: float) -> Verdict:
        return Verdict(kind, mode=mode, policy=policy, messages=because(kind, reason), elapsed_ms=ms)

    return failed


def _check_fields(theorem: Theorem, candidate: Candidate, terms: Terms) -> dict[str, object]:
    return common(theorem, terms) | {str(candidate.mode): fit(Region.CANDIDATE, candidate.text)}


def _check_reader(
    mode: Mode, policy: Policy
) -> tuple[Callable[[Fields, float, bool], Verdict], Callable[[VerdictKind, str, float], Verdict]]:
    def read(fields: Fields, ms: float, late: bool) -> Verdict:
        kind = kind_of(fields, late)
        tier = fields.get("trust")
        if tier not in _TIERS:
            raise ProtocolError("an answer has an unknown trust")
        trust = _TIERS[tier]
        if kind is VerdictKind.VERIFIED and (trust is not Trust.KERNEL_REPLAYED or fields.get("mode") != mode):
            raise ProtocolError("a worker called a proof verified that it did not replay")
        containable = kind is VerdictKind.FORBIDDEN and shaped(FLAG, fields.get("containable", False))
        return Verdict(
            kind,
            trust,
            mode,
            policy,
            theorem=shaped(TEXT, fields.get("theorem")) or "",
            messages=shaped(MESSAGES, fields.get("messages", ())),
            axioms=shaped(TEXTS, fields.get("axioms", ())),
            axioms_complete=shaped(FLAG, fields.get("axioms_complete", False)),
            term=term_of(fields, kind),
            elapsed_ms=ms,
            timing=shaped(TIMING, fields.get("timing", {})),
            heartbeats=shaped(COUNT, fields.get("heartbeats", 0)),
            path=Path.LISTED if containable else shaped(_PATH, fields.get("path", Path.LISTED)),
            containable=containable,
        )

    return read, _failed_check(mode, policy)


def no_answer(kind: VerdictKind, reason: str, _ms: float) -> Never:
    """What a look-up does that has no verdict to give."""
    raise NoAnswerError(kind, reason)
