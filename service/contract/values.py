"""Messages used by many calls: theorems, checks of proofs, verdicts, durations."""

from collections.abc import Mapping

from leansieve.v1 import check_pb2, search_pb2, theorem_pb2, verdict_pb2
from prover.candidate import Candidate
from prover.errors import InputError
from prover.lean.workers.jobs import Priority
from prover.requests import Bounds, Check
from prover.source.typed import read_theorem, take_candidate
from prover.theorem import Theorem
from prover.verdict import Message, Mode, Path, Policy, Region, Trust, Verdict, VerdictKind
from service.contract.fields import duration, put, read, seconds, write
from service.ops.config import TextSettings

KINDS = {kind: verdict_pb2.VerdictKind.Value(f"VERDICT_KIND_{kind.name}") for kind in VerdictKind}
KIND_OF = {value: kind for kind, value in KINDS.items()}
_REGIONS = {region: verdict_pb2.Region.Value(f"REGION_{region.name}") for region in Region}
_REGION_OF = {value: region for region, value in _REGIONS.items()}
_TRUSTS = {
    Trust.NONE: verdict_pb2.TRUST_NONE,
    Trust.ELABORATED: verdict_pb2.TRUST_ELABORATED,
    Trust.KERNEL_REPLAYED: verdict_pb2.TRUST_KERNEL_REPLAYED,
    Trust.ISOLATED_REPLAY: verdict_pb2.TRUST_ISOLATED_REPLAY,
    Trust.CROSS_CHECKED: verdict_pb2.TRUST_CROSS_CHECKED,
}
_TRUST_OF = {value: trust for trust, value in _TRUSTS.items()}
_PATHS = {path: verdict_pb2.Path.Value(f"PATH_{path.name}") for path in Path}
_PATH_OF = {value: path for path, value in _PATHS.items()}
_SEVERITIES = {
    severity: verdict_pb2.Severity.Value(f"SEVERITY_{severity.upper()}")
    for severity in ("error", "warning", "information")
}
_SEVERITY_OF = {value: severity for severity, value in _SEVERITIES.items()}

_STEPS = tuple(
    field.name.removesuffix("_duration")
    for field in verdict_pb2.CheckTiming.DESCRIPTOR.fields
    if field.name.endswith("_duration")
)
_JUDGE = "judge_"
_LONGEST_STEP_MS = 86_400e3
# Numbers from elaborators are not trusted to fit the field.
_LARGEST_32, _LARGEST_64 = 2**31 - 1, 2**63 - 1


def theorem_to_proto(theorem: Theorem) -> theorem_pb2.Theorem:
    """Convert a theorem to its message.

    Raises:
        InputError: a text is not a string, or not UTF-8.
    """
    message = theorem_pb2.Theorem()
    put(message, "header", theorem.header.source or theorem.header.text, "theorem.")
    for name in ("context", "statement", "project"):
        put(message, name, getattr(theorem, name), "theorem.")
    return message


def theorem_from_proto(theorem: theorem_pb2.Theorem, limits: TextSettings, stated: bool = True) -> Theorem:
    """Convert a message to a theorem; the statement may be missing unless it must be `stated`.

    Raises:
        InputError: a text is missing, too long, or not Lean source.
    """
    return read_theorem(theorem.statement, theorem.header, theorem.context, limits, theorem.project, stated)


def trust_to_proto(trust: Trust) -> verdict_pb2.Trust.ValueType:
    """Convert a tier of trust to the proto enum."""
    return _TRUSTS[trust]


def trust_from_proto(trust: verdict_pb2.Trust.ValueType) -> Trust:
    """Convert to a tier of trust; unknown values count as none."""
    return _TRUST_OF.get(trust, Trust.NONE)


def priority_to_proto(priority: Priority) -> search_pb2.Priority.ValueType:
    """Convert a priority to the proto enum."""
    return search_pb2.PRIORITY_BATCH if priority is Priority.BATCH else search_pb2.PRIORITY_INTERACTIVE


def priority_from_proto(value: search_pb2.Priority.ValueType) -> Priority:
    """Convert to a priority."""
    return Priority.BATCH if value == search_pb2.PRIORITY_BATCH else Priority.INTERACTIVE


def verdict_to_proto(verdict: Verdict) -> verdict_pb2.Verdict:
    """Convert a verdict to its message."""
    return verdict_pb2.Verdict(
        kind=KINDS[verdict.kind],
        trust=_TRUSTS[verdict.trust],
        policy=verdict.policy.name,
        theorem=verdict.theorem,
        messages=[_message_to_proto(message) for message in verdict.messages],
        axioms=verdict.axioms,
        elapsed_duration=duration(verdict.elapsed_ms / 1e3),
        timing=_timing_to_proto(verdict.timing),
        heartbeats=min(verdict.heartbeats, _LARGEST_64),
        widened_axioms=verdict.policy.axioms,
        widened_kinds=verdict.policy.kinds,
        kernel=verdict.kernel,
        path=_PATHS[verdict.path],
        axioms_complete=verdict.axioms_complete,
        assumed=verdict.assumed,
        term_digest=verdict.term,
    )


def verdict_from_proto(verdict: verdict_pb2.Verdict, mode: Mode = Mode.PROOF) -> Verdict:
    """Convert a message to a verdict. Kinds of a newer server that this version does not know become INFRASTRUCTURE."""
    return Verdict(
        kind=KIND_OF.get(verdict.kind, VerdictKind.INFRASTRUCTURE),
        trust=_TRUST_OF.get(verdict.trust, Trust.NONE),
        mode=mode,
        policy=Policy(verdict.policy, tuple(verdict.widened_axioms), tuple(verdict.widened_kinds)),
        theorem=verdict.theorem,
        messages=tuple(_message_from_proto(message) for message in verdict.messages),
        axioms=tuple(verdict.axioms),
        elapsed_ms=seconds(verdict.elapsed_duration) * 1e3,
        timing=_timing_from_proto(verdict.timing),
        heartbeats=verdict.heartbeats,
        kernel=verdict.kernel,
        path=_PATH_OF.get(verdict.path, Path.LISTED),
        axioms_complete=verdict.axioms_complete,
        assumed=tuple(verdict.assumed),
        term=verdict.term_digest,
    )


def _timing_to_proto(timing: Mapping[str, float]) -> verdict_pb2.CheckTiming | None:
    """Convert milliseconds by step to durations; None if there are none.

    Unknown steps, and values from workers that cannot be a time, are left out.
    """
    if not timing:
        return None
    message = verdict_pb2.CheckTiming()
    for name, milliseconds in timing.items():
        part = message.judge if name.startswith(_JUDGE) else message
        step = name.removeprefix(_JUDGE).removesuffix("_ms")
        if step in _STEPS and 0 <= milliseconds < _LONGEST_STEP_MS:
            getattr(part, f"{step}_duration").CopyFrom(duration(milliseconds / 1e3))
    return message


def _timing_from_proto(timing: verdict_pb2.CheckTiming) -> dict[str, float]:
    found = {}
    for prefix, part in (("", timing), (_JUDGE, timing.judge)):
        for step in _STEPS:
            if part.HasField(f"{step}_duration"):  # type: ignore[arg-type]
                found[f"{prefix}{step}_ms"] = getattr(part, f"{step}_duration").ToNanoseconds() / 1e6
    return found


def _message_to_proto(message: Message) -> verdict_pb2.Message:
    return verdict_pb2.Message(
        severity=_SEVERITIES.get(message.severity, verdict_pb2.SEVERITY_ERROR),
        text=message.text,
        region=_REGIONS[message.region],
        line=min(message.line, _LARGEST_32),
        column=min(message.column, _LARGEST_32),
    )


def _message_from_proto(message: verdict_pb2.Message) -> Message:
    severity = _SEVERITY_OF.get(message.severity, "error")
    region = _REGION_OF.get(message.region, Region.CANDIDATE)
    return Message(severity, message.text, region, message.line, message.column)


def check_to_proto(check: Check) -> check_pb2.CheckProofRequest:
    """Convert a check to a request. Fields that only whole solutions use are not part of this message.

    Raises:
        InputError: a text is not a string or not UTF-8, or an option is invalid.
    """
    assert check.options.holes is None
    assert not check.options.axioms
    request = write(check.options, check_pb2.CheckProofRequest(theorem=theorem_to_proto(check.theorem)))
    put(request, str(check.candidate.mode), check.candidate.text)
    return request


def check_from_proto(request: check_pb2.CheckProofRequest, default: Bounds, texts: TextSettings) -> Check:
    """Convert a request to a check.

    Raises:
        InputError: a text is invalid.
    """
    given = request.WhichOneof("candidate")
    if given is None:
        raise InputError("candidate", "the request holds neither `proof` nor `file`")
    mode = Mode(given)
    if request.guard and not request.theorem.statement.strip():
        raise InputError("guard", "a guard needs a statement, and the request has none")
    text = take_candidate(mode, request.proof if mode is Mode.PROOF else request.file, texts.candidate)
    return Check(
        theorem=theorem_from_proto(request.theorem, texts, stated=mode is Mode.PROOF),
        candidate=Candidate(text, mode, source="given"),
        options=read(request, default.options().check),
    )
