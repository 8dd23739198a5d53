"""Parses the answers of docs/worker-protocol.md."""

import re
from collections.abc import Callable, Mapping
from typing import Literal, Never

from pydantic import TypeAdapter

from prover.lean.wire.answers import Export
from prover.lean.wire.lines import Fields, ProtocolError, shaped
from prover.verdict import Message, Mode, Path, Policy, Region, Trust, Verdict, VerdictKind

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
