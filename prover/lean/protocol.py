"""The Python side of docs/worker-protocol.md: builds requests and reads answers. Nothing else knows the JSON."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, Never, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from prover.candidate import Candidate
from prover.lean.answers import Constant, Elaboration, LibraryPage, SorryGoals, TacticStep, WorkerInfo
from prover.theorem import Theorem
from prover.verdict import Limits, Message, Mode, Policy, Region, Trust, Verdict, VerdictKind

T = TypeVar("T")
Fields = Mapping[str, Any]

LONGEST_TEXT = 1 << 20
"""Longest text of a request (header, context, statement, candidate), in UTF-8 bytes."""


class ProtocolError(RuntimeError):
    """The worker said something that does not fit the protocol."""


class AnswerError(RuntimeError):
    """The worker answered `"ok": false`."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the code (`bad_request`, `bad_header`, `internal`) and the worker's message."""
        super().__init__(message)
        self.code = code


class UnfitTextError(ValueError):
    """A text that cannot be sent to Lean: too long, or not Unicode. `region` says which one."""

    def __init__(self, region: Region, reason: str) -> None:
        """Name the text and say what is wrong with it."""
        super().__init__(f"the {region.value} {reason}")
        self.region = region


class NoAnswerError(RuntimeError):
    """A look-up without a verdict of its own came to nothing; `kind` says why."""

    def __init__(self, kind: VerdictKind, reason: str) -> None:
        """Keep the kind (`TIMEOUT`, `OUT_OF_RESOURCES`, `INVALID_STATEMENT`, `INFRASTRUCTURE`) beside the reason."""
        super().__init__(reason)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Request(Generic[T]):
    """One request, ready to be sent to any worker.

    Attributes:
        body: the JSON object without its `id`, from its first field on.
        read: makes the result from the answer's fields, the milliseconds it took, and whether the deadline had passed.
        failed: makes the result (or raises) when there is no answer: kind, one sentence, milliseconds.
    """

    op: str
    body: bytes
    read: Callable[[Fields, float, bool], T]
    failed: Callable[[VerdictKind, str, float], T]

    def line(self, number: int) -> bytes:
        """The request as a line for the worker's stdin, under the id `number`."""
        return b'{"id":%d,%s\n' % (number, self.body)


def read_answer(text: bytes) -> tuple[int, Fields]:
    """The id and the fields of an answer.

    Raises:
        ProtocolError: it is not a JSON object with an id.
    """
    try:
        fields = from_json(text, allow_inf_nan=False)  # refuses what is not Unicode, too
    except ValueError:
        raise ProtocolError("an answer is not JSON") from None
    if not isinstance(fields, dict) or type(fields.get("id")) is not int or type(fields.get("ok")) is not bool:
        raise ProtocolError("an answer has no id or no ok field")
    return fields["id"], fields


def accepted(fields: Fields) -> Fields:
    """The same fields, if the worker accepted the request.

    Raises:
        AnswerError: it did not.
        ProtocolError: it did not, and does not say why.
    """
    if fields["ok"]:
        return fields
    error = _read(_ERROR, fields.get("error"))
    raise AnswerError(error["code"], error["message"])


def cancel_line(number: int, channel: Literal["memory", "stdin"]) -> bytes:
    """The line that cancels request `number`, for the control channel of that kind."""
    return b"cancel %d\n" % number if channel == "memory" else b'{"id":%d,"op":"cancel"}\n' % number


def acknowledged(line: bytes) -> int:
    """Which request a line of the control socket says was cancelled.

    Raises:
        ProtocolError: it says something else.
    """
    word, _, number = line.strip().partition(b" ")
    if word != b"cancelled" or not number.isdigit() or len(number) > 18:
        raise ProtocolError("the control channel said something else than `cancelled N`")
    return int(number)


# Requests


def hello(
    nonce: str, imports: Sequence[str], vetting: Mapping[str, object], cancel: Literal["memory", "stdin"]
) -> Request[WorkerInfo]:
    """The first request: marks the answers with `nonce` (32 hex digits) and loads `imports`."""

    def read(fields: Fields, _ms: float, _late: bool) -> WorkerInfo:
        return _read(_WORKER_INFO, fields)

    fields = {"nonce": nonce, "imports": list(imports), "vetting": vetting, "cancel": cancel}
    return Request("hello", _body("hello", fields), read, _raise)


def ping() -> Request[float]:
    """Asks for a sign of life: the milliseconds it took."""
    return Request("ping", _body("ping", {}), lambda _fields, ms, _late: ms, _raise)


def check(theorem: Theorem, candidate: Candidate, limits: Limits, policy: Policy) -> Request[Verdict]:
    """Checks a candidate proof.

    Raises:
        UnfitTextError: a text is too long or not Unicode.
        ValueError: a limit is out of range.
    """
    mode = candidate.mode
    fields = _common(theorem, limits, policy) | {str(mode): _fit(Region.CANDIDATE, candidate.text)}

    def read(fields: Fields, ms: float, late: bool) -> Verdict:
        kind = _kind(fields, late)
        tier = fields.get("trust")
        if tier not in _TIERS:
            raise ProtocolError("an answer has an unknown trust")
        trust = _TIERS[tier]
        if kind is VerdictKind.VERIFIED and (trust is not Trust.KERNEL_REPLAYED or fields.get("mode") != mode):
            raise ProtocolError("a worker called a proof verified that it did not replay")
        return Verdict(
            kind,
            trust,
            mode,
            policy,
            theorem=_read(_TEXT, fields.get("theorem")) or "",
            messages=_read(_MESSAGES, fields.get("messages", ())),
            axioms=_read(_TEXTS, fields.get("axioms", ())),
            elapsed_ms=ms,
            timing=_read(_TIMING, fields.get("timing", {})),
            heartbeats=_read(_COUNT, fields.get("heartbeats", 0)),
        )

    return Request("check", _body("check", fields), read, _failed_check(mode, policy))


def unfit(error: UnfitTextError, mode: Mode, policy: Policy) -> Verdict:
    """The verdict on a request that was never sent."""
    blame = VerdictKind.REJECTED if error.region is Region.CANDIDATE else VerdictKind.INVALID_STATEMENT
    return Verdict(blame, mode=mode, policy=policy, messages=(Message("error", str(error), error.region),))


def elaborate(theorem: Theorem, limits: Limits, policy: Policy) -> Request[Elaboration]:
    """Elaborates the statement alone. Raises as `check`."""

    def read(fields: Fields, _ms: float, late: bool) -> Elaboration:
        return _read(_ELABORATION, _texts(fields, "theorem", "type", "goal") | {"verdict": _kind(fields, late)})

    def failed(kind: VerdictKind, reason: str, _ms: float) -> Elaboration:
        return Elaboration(kind, messages=_because(kind, reason))

    return Request("elaborate", _body("elaborate", _common(theorem, limits, policy)), read, failed)


def goals(theorem: Theorem, proof: str, limits: Limits, policy: Policy) -> Request[SorryGoals]:
    """Asks for the goals at each `sorry` of `proof`. Raises as `check`."""
    fields = _common(theorem, limits, policy) | {"proof": _fit(Region.CANDIDATE, proof)}

    def read(fields: Fields, _ms: float, late: bool) -> SorryGoals:
        return _read(_SORRY_GOALS, {**fields, "verdict": _kind(fields, late)})

    def failed(kind: VerdictKind, reason: str, _ms: float) -> SorryGoals:
        return SorryGoals(kind, messages=_because(kind, reason))

    return Request("goals", _body("goals", fields), read, failed)


def tactic(theorem: Theorem, script: Sequence[str], step: str, limits: Limits, policy: Policy) -> Request[TacticStep]:
    """Runs the tactic block `step` after the blocks of `script`. Raises as `check`."""
    texts = [_fit(Region.CANDIDATE, block) for block in (*script, step)]
    _fit(Region.CANDIDATE, "".join(texts))
    fields = _common(theorem, limits, policy) | {"script": texts[:-1], "tactic": texts[-1]}

    def read(fields: Fields, _ms: float, late: bool) -> TacticStep:
        return _read(_TACTIC_STEP, {**fields, "verdict": _kind(fields, late)})

    def failed(kind: VerdictKind, reason: str, _ms: float) -> TacticStep:
        return TacticStep(kind, messages=_because(kind, reason))

    return Request("tactic", _body("tactic", fields), read, failed)


def constant(theorem: Theorem, name: str, limits: Limits, policy: Policy) -> Request[Constant | None]:
    """Looks a constant up under the theorem's header. Raises as `check`; a failed look-up raises `NoAnswerError`."""
    fields = _common(theorem, limits, policy) | {"name": _fit(Region.CANDIDATE, name)}

    def read(fields: Fields, _ms: float, _late: bool) -> Constant | None:
        if not _read(_FLAG, fields.get("found")):
            return None
        return _read(_CONSTANT, _texts(fields, "type", "module") | {"name": name})

    return Request("constant", _body("constant", fields), read, _raise)


def modules(theorem: Theorem, limits: Limits, policy: Policy) -> Request[tuple[str, ...]]:
    """Asks which modules the theorem's header imports, each behind all that it imports itself."""

    def read(fields: Fields, _ms: float, late: bool) -> tuple[str, ...]:
        if late or fields.get("verdict") != "verified":
            raise NoAnswerError(_kind(fields, late), "the modules were not listed")
        return _read(_TEXTS, fields.get("modules"))

    return Request("library", _body("library", _common(theorem, limits, policy)), read, _raise)


def library(
    theorem: Theorem, module: str, offset: int, limit: int, limits: Limits, policy: Policy
) -> Request[LibraryPage]:
    """Asks for the theorems among `limit` constants of an imported module. A failed look-up raises `NoAnswerError`."""
    fields = _common(theorem, limits, policy) | {
        "module": _fit(Region.CANDIDATE, module),
        "offset": offset,
        "limit": limit,
    }

    def read(fields: Fields, _ms: float, late: bool) -> LibraryPage:
        if late or fields.get("verdict") != "verified":
            raise NoAnswerError(_kind(fields, late), f"the theorems of {module} were not listed")
        return _read(_LIBRARY_PAGE, fields)

    return Request("library", _body("library", fields), read, _raise)


# How a request is put together


def _common(theorem: Theorem, limits: Limits, policy: Policy) -> dict[str, object]:
    if not (math.isfinite(limits.seconds) and limits.seconds > 0):
        raise ValueError(f"limits: seconds must be a positive number, not {limits.seconds}")
    if limits.heartbeats < 1 or limits.recursion < 1:
        raise ValueError("limits: heartbeats and recursion must be at least 1; Lean reads 0 as no limit")
    if limits.messages < 0 or limits.message_bytes < 0:
        raise ValueError("limits: messages and message_bytes must not be negative")
    imports = list(theorem.header.imports)
    _fit(Region.HEADER, " ".join(imports))
    return {
        "header": {"imports": imports, "prelude": _fit(Region.HEADER, theorem.header.prelude)},
        "context": _fit(Region.CONTEXT, theorem.context),
        "statement": _fit(Region.STATEMENT, theorem.statement),
        "policy": {
            "name": policy.name,
            "axioms": list(policy.axioms),
            "kinds": list(policy.kinds),
            "guard": policy.guard,
        },
        "limits": {
            "heartbeats": limits.heartbeats,
            "recursion": limits.recursion,
            "messages": limits.messages,
            "message_bytes": limits.message_bytes,
        },
    }


def _fit(region: Region, text: str) -> str:
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise UnfitTextError(region, f"is not Unicode: a lone surrogate at character {error.start}") from None
    if size > LONGEST_TEXT:
        raise UnfitTextError(region, f"is {size} bytes long; at most {LONGEST_TEXT} are read")
    return text.replace("\r\n", "\n")  # as Lean reads a file


def _body(op: str, fields: Mapping[str, object]) -> bytes:
    return json.dumps({"op": op, **fields}, ensure_ascii=True, separators=(",", ":")).encode("ascii")[1:]


# How an answer is read: pydantic checks the shapes, so a worker gone mad cannot hand on anything else.

_ERROR = TypeAdapter(dict[Literal["code", "message"], str])
_WORKER_INFO = TypeAdapter(WorkerInfo)
_ELABORATION = TypeAdapter(Elaboration)
_SORRY_GOALS = TypeAdapter(SorryGoals)
_TACTIC_STEP = TypeAdapter(TacticStep)
_LIBRARY_PAGE = TypeAdapter(LibraryPage)
_CONSTANT = TypeAdapter(Constant)
_KIND = TypeAdapter(VerdictKind)
_TEXT = TypeAdapter(str | None)
_TEXTS = TypeAdapter(tuple[str, ...])
_MESSAGES = TypeAdapter(tuple[Message, ...])
_TIMING: TypeAdapter[Mapping[str, float]] = TypeAdapter(Mapping[str, float])
_COUNT = TypeAdapter(int)
_FLAG = TypeAdapter(bool)

_TIERS = {None: Trust.NONE, "elaborated": Trust.ELABORATED, "kernel_replayed": Trust.KERNEL_REPLAYED}


def _read(shape: TypeAdapter[T], value: object) -> T:
    try:
        return shape.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ProtocolError(f"an answer does not fit the protocol: {where}: {first['msg']}") from None


def _texts(fields: Fields, *names: str) -> dict[str, object]:
    """The fields, with an empty text for each of `names` that is null."""
    return {**fields, **{name: "" for name in names if fields.get(name) is None}}


def _kind(fields: Fields, late: bool) -> VerdictKind:
    """The verdict of an answer. What comes after the deadline may owe itself to the cancelling, unless it is a proof."""
    kind = _read(_KIND, fields.get("verdict"))
    if kind is VerdictKind.INFRASTRUCTURE:
        raise ProtocolError("a worker called itself broken in a verdict")
    return VerdictKind.TIMEOUT if late and kind is not VerdictKind.VERIFIED else kind


def _because(kind: VerdictKind, reason: str) -> tuple[Message, ...]:
    # Without an answer only the imports can have been refused.
    refused = kind in (VerdictKind.INVALID_STATEMENT, VerdictKind.FORBIDDEN)
    region = Region.HEADER if refused else Region.CANDIDATE
    return (Message("error", reason, region),)


def _failed_check(mode: Mode, policy: Policy) -> Callable[[VerdictKind, str, float], Verdict]:
    def failed(kind: VerdictKind, reason: str, ms: float) -> Verdict:
        return Verdict(kind, mode=mode, policy=policy, messages=_because(kind, reason), elapsed_ms=ms)

    return failed


def _raise(kind: VerdictKind, reason: str, _ms: float) -> Never:
    raise NoAnswerError(kind, reason)
