"""How requests are put together and answers are read, and the request of a check, which needs all of it (docs/worker-protocol.md)."""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Literal, Never, TypeVar

from pydantic import TypeAdapter

from prover.candidate import Candidate
from prover.lean.checker import Terms
from prover.lean.wire.answers import Export
from prover.lean.wire.lines import Fields, ProtocolError, Request, shaped
from prover.theorem import Theorem
from prover.verdict import Message, Mode, Path, Policy, Region, Trust, Verdict, VerdictKind

T = TypeVar("T")

LONGEST_TEXT = 1 << 20
"""Maximum size of a text in a request (header, context, statement, candidate), in UTF-8 bytes."""

MOST_IMPORTS = 1_000
"""Maximum number of imports in a header."""


class InvalidTextError(ValueError):
    """A text cannot be sent to Lean: it is too long or not Unicode. `region` identifies the text."""

    def __init__(self, region: Region, reason: str) -> None:
        """Build the message from the name of the text and the error."""
        super().__init__(f"the {region.value} {reason}")
        self.region = region


def common(theorem: Theorem, terms: Terms) -> dict[str, object]:
    """Return the fields that every request about a theorem has. Raises as `check`."""
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
    """Validate and normalise a text; raises InvalidTextError."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise InvalidTextError(region, f"is not Unicode: a lone surrogate at character {error.start}") from None
    if size > LONGEST_TEXT:
        raise InvalidTextError(region, f"is {size} bytes long; at most {LONGEST_TEXT} are read")
    return text.replace("\r\n", "\n")  # as Lean does when it reads a file


def body(op: str, fields: Mapping[str, object]) -> bytes:
    """Return a request as JSON, without its opening brace."""
    return json.dumps({"op": op, **fields}, ensure_ascii=True, separators=(",", ":")).encode("ascii")[1:]


def check_fields(theorem: Theorem, candidate: Candidate, terms: Terms) -> dict[str, object]:
    """Return the fields of a request about a candidate. Raises as `check`."""
    return common(theorem, terms) | {str(candidate.mode): fit(Region.CANDIDATE, candidate.text)}


EXPORT = TypeAdapter(Export)
_KIND = TypeAdapter(VerdictKind)
TEXT = TypeAdapter(str | None)
TEXTS = TypeAdapter(tuple[str, ...])
MESSAGES = TypeAdapter(tuple[Message, ...])
TIMING: TypeAdapter[Mapping[str, float]] = TypeAdapter(Mapping[str, float])
COUNT = TypeAdapter(int)
FLAG = TypeAdapter(bool)
_PATH: TypeAdapter[Path] = TypeAdapter(Literal[Path.LISTED, Path.TRANSPARENT])

_TERM = re.compile("[0-9a-f]{16}")

_TIERS = {None: Trust.NONE, "elaborated": Trust.ELABORATED, "kernel_replayed": Trust.KERNEL_REPLAYED}


class NoAnswerError(RuntimeError):
    """A look-up that returns no verdict failed; `kind` gives the reason."""

    def __init__(self, kind: VerdictKind, reason: str) -> None:
        """Store the kind (`FORBIDDEN`, `TIMEOUT`, `OUT_OF_RESOURCES`, `INVALID_STATEMENT`, `INFRASTRUCTURE`) and the
        reason.
        """
        super().__init__(reason)
        self.kind = kind


def in_time(late: bool, reason: str) -> None:
    """Raise NoAnswerError if the answer to a look-up came after the deadline."""
    if late:
        raise NoAnswerError(VerdictKind.TIMEOUT, reason)


def with_texts(fields: Fields, *names: str) -> dict[str, object]:
    """Return the fields with null replaced by an empty text for each of `names`."""
    return {**fields, **{name: "" for name in names if fields.get(name) is None}}


def kind_of(fields: Fields, late: bool) -> VerdictKind:
    """Return the verdict of an answer.

    After the deadline, anything but a proof may be an effect of the cancellation.
    """
    kind = shaped(_KIND, fields.get("verdict"))
    if kind is VerdictKind.INFRASTRUCTURE:
        raise ProtocolError("a worker called itself broken in a verdict")
    return VerdictKind.TIMEOUT if late and kind is not VerdictKind.VERIFIED else kind


def term_of(fields: Fields, kind: VerdictKind) -> str:
    """Return the digest of a verified proof's term; empty if there is none."""
    term = shaped(TEXT, fields.get("term")) if kind is VerdictKind.VERIFIED else None
    if term and not _TERM.fullmatch(term):
        raise ProtocolError("an answer has no digest of a term where one should be")
    return term or ""


def because(kind: VerdictKind, reason: str) -> tuple[Message, ...]:
    """Return the message on a request that got no answer."""
    # Without an answer, only the imports can have been rejected.
    refused = kind in (VerdictKind.INVALID_STATEMENT, VerdictKind.FORBIDDEN)
    region = Region.HEADER if refused else Region.CANDIDATE
    return (Message("error", reason, region),)


def _failed_check(mode: Mode, policy: Policy) -> Callable[[VerdictKind, str, float], Verdict]:
    def failed(kind: VerdictKind, reason: str, ms: float) -> Verdict:
        return Verdict(kind, mode=mode, policy=policy, messages=because(kind, reason), elapsed_ms=ms)

    return failed


def check_reader(
    mode: Mode, policy: Policy
) -> tuple[Callable[[Fields, float, bool], Verdict], Callable[[VerdictKind, str, float], Verdict]]:
    """Return the two parsers of a check: for an answer, and for a missing answer."""

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
    """Raise NoAnswerError for a look-up that has no verdict to return."""
    raise NoAnswerError(kind, reason)


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


def invalid_text_verdict(error: InvalidTextError, mode: Mode, policy: Policy) -> Verdict:
    """Return the verdict on a request that was not sent because a text is invalid."""
    blame = VerdictKind.REJECTED if error.region is Region.CANDIDATE else VerdictKind.INVALID_STATEMENT
    return Verdict(blame, mode=mode, policy=policy, messages=(Message("error", str(error), error.region),))


def header_moved(answer: T, lines: int) -> T:
    """Move the messages of an answer about the header down by a number of lines, or up by a negative one."""
    messages: tuple[Message, ...] = getattr(answer, "messages", ())
    if not lines or all(message.region is not Region.HEADER for message in messages):
        return answer
    moved = tuple(
        replace(message, line=max(1, message.line + lines)) if message.region is Region.HEADER else message
        for message in messages
    )
    return replace(answer, messages=moved)  # type: ignore[type-var]  # whatever has messages is a dataclass
