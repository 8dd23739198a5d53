"""The requests of quarantine (docs/worker-protocol.md): to elaborators, which are not trusted, and to judges."""

from dataclasses import dataclass, replace

from pydantic import TypeAdapter

from prover.candidate import Candidate
from prover.lean.checker import Terms
from prover.lean.wire.answers import Elaboration, Export
from prover.lean.wire.checks import (
    COUNT,
    EXPORT,
    FLAG,
    MESSAGES,
    TEXT,
    TEXTS,
    TIMING,
    because,
    body,
    common,
    fit,
    kind_of,
    term_of,
)
from prover.lean.wire.export import ExportError, plain
from prover.lean.wire.lines import Fields, ProtocolError, Request, shaped
from prover.theorem import Theorem
from prover.verdict import Message, Mode, Path, Policy, Region, Trust, Verdict, VerdictKind


@dataclass(frozen=True, slots=True)
class Reference:
    """An elaborator's account of a theorem before it has seen any candidate: the client's own word, used by a judge.

    Attributes:
        elaboration: result for the statement alone.
        constant: the theorem's name in components, which may be numbers.
        export: dependencies of the statement, the context's axioms, and the theorem itself with `sorry` as its proof.
    """

    elaboration: Elaboration
    constant: tuple[str | int, ...] = ()
    export: str = ""


@dataclass(frozen=True, slots=True)
class HandedOut:
    """An elaborator's result for a candidate. Every part of it may be a lie.

    Attributes:
        verdict: reason why there is no export, if there is none; never a verified one.
        export: the candidate's new constants; empty if it did not elaborate.
    """

    verdict: Verdict
    export: str = ""


_CONSTANT = TypeAdapter(tuple[str | int, ...])
_ELABORATION = TypeAdapter(Elaboration)
_TIERS = {None: Trust.NONE, "elaborated": Trust.ELABORATED, "isolated_replay": Trust.ISOLATED_REPLAY}


def reference(theorem: Theorem, terms: Terms) -> Request[Reference]:
    """Ask an elaborator that has seen no candidate for its account of a theorem. Raises as `checks.check`."""

    def read(fields: Fields, _ms: float, late: bool) -> Reference:
        texts = {**fields, **{name: "" for name in ("theorem", "type", "goal") if fields.get(name) is None}}
        elaboration = shaped(_ELABORATION, texts | {"verdict": kind_of(fields, late), "containable": False})
        if elaboration.verdict is not VerdictKind.VERIFIED:
            return Reference(elaboration)
        try:
            export = plain(shaped(TEXT, fields.get("export")) or "")
        except ExportError as error:
            raise ProtocolError(f"the export of a statement cannot be read: {error}") from None
        return Reference(elaboration, shaped(_CONSTANT, fields.get("constant")), export)

    def failed(kind: VerdictKind, reason: str, _ms: float) -> Reference:
        return Reference(Elaboration(kind, messages=because(kind, reason)))

    return Request("reference", body("reference", common(theorem, terms)), read, failed)


def candidate(theorem: Theorem, candidate: Candidate, terms: Terms) -> Request[HandedOut]:
    """Let an elaborator run a candidate. Raises as `checks.check`."""
    mode, policy = candidate.mode, terms.policy
    fields = common(theorem, terms) | {str(mode): fit(Region.CANDIDATE, candidate.text)}

    def read(fields: Fields, ms: float, late: bool) -> HandedOut:
        kind = kind_of(fields, late)
        export = shaped(TEXT, fields.get("export"))
        verdict = Verdict(
            VerdictKind.REJECTED if kind is VerdictKind.VERIFIED else kind,
            Trust.NONE,
            mode,
            policy,
            theorem=shaped(TEXT, fields.get("theorem")) or "",
            messages=shaped(MESSAGES, fields.get("messages", ())),
            elapsed_ms=ms,
            timing=shaped(TIMING, fields.get("timing", {})),
            heartbeats=shaped(COUNT, fields.get("heartbeats", 0)),
            path=Path.QUARANTINE,
        )
        if kind is not VerdictKind.VERIFIED or not export:
            return HandedOut(verdict)
        try:
            return HandedOut(verdict, plain(export))
        except ExportError as error:
            message = Message("error", f"the elaborator's export cannot be read: {error}")
            return HandedOut(replace(verdict, messages=(message, *verdict.messages)))

    def failed(kind: VerdictKind, reason: str, ms: float) -> HandedOut:
        return HandedOut(_failed(kind, reason, ms, mode, policy))

    return Request("candidate", body("candidate", fields), read, failed)


def judge(
    theorem: Theorem, fixed: Reference, handed: HandedOut, terms: Terms, shown: bool = False
) -> Request[tuple[Verdict, Export | None]]:
    """Ask a judge whether an elaborator's export proves the reference fixed before.

    Kind and trust of the verdict come from the judge; the elaborator's messages and times are added.

    Args:
        shown: whether to return the export of a verified proof from the judge's kernel, for another kernel.
    """
    said = handed.verdict
    bare = replace(theorem, header=replace(theorem.header, prelude=""), context="", statement="")
    texts = {"constant": fixed.constant, "reference": fixed.export, "export": handed.export}
    fields = common(bare, terms) | texts | ({"show": True} if shown else {})

    def read(fields: Fields, ms: float, late: bool) -> tuple[Verdict, Export | None]:
        kind = kind_of(fields, late)
        tier = fields.get("trust")
        if tier not in _TIERS:
            raise ProtocolError("an answer has an unknown trust")
        trust = _TIERS[tier]
        if (kind is VerdictKind.VERIFIED) != (trust is Trust.ISOLATED_REPLAY):
            raise ProtocolError("a judge called a proof verified that it did not replay")
        timing = shaped(TIMING, fields.get("timing", {}))
        verdict = replace(
            said,
            kind=kind,
            trust=trust,
            theorem=shaped(TEXT, fields.get("theorem")) or "",
            messages=(*shaped(MESSAGES, fields.get("messages", ())), *said.messages),
            axioms=shaped(TEXTS, fields.get("axioms", ())),
            axioms_complete=shaped(FLAG, fields.get("axioms_complete", False)),
            term=term_of(fields, kind),
            elapsed_ms=said.elapsed_ms + ms,
            timing={**said.timing, **{f"judge_{name}": value for name, value in timing.items()}},
        )
        return verdict, shaped(EXPORT, fields.get("export")) if shown and verdict.verified else None

    def failed(kind: VerdictKind, reason: str, ms: float) -> tuple[Verdict, Export | None]:
        return _failed(kind, f"the judge: {reason}", said.elapsed_ms + ms, said.mode, said.policy), None

    return Request("judge", body("judge", fields), read, failed)


def _failed(kind: VerdictKind, reason: str, ms: float, mode: Mode, policy: Policy) -> Verdict:
    messages = because(kind, reason)
    return Verdict(kind, mode=mode, policy=policy, messages=messages, elapsed_ms=ms, path=Path.QUARANTINE)
