"""Requests and events between proto messages and the service's dataclasses (`service.requests`)."""

from leansieve.v1 import proof_search_pb2 as pb
from leansieve.v1 import verdict_pb2
from prover.candidate import Candidate
from prover.search import Ending, Finished, Progress, Proof
from prover.verdict import Mode, Trust
from service import convert
from service.config import TextSettings
from service.errors import InputError
from service.requests import Accepted, Bounds, Check, Event, Search, ServiceInfo
from service.text import take

_ENDINGS = {
    Ending.PROOFS_FOUND: pb.SEARCH_END_PROOFS_FOUND,
    Ending.SAMPLERS_EXHAUSTED: pb.SEARCH_END_SAMPLERS_EXHAUSTED,
    Ending.SAMPLES_SPENT: pb.SEARCH_END_SAMPLES_SPENT,
    Ending.CHECKS_SPENT: pb.SEARCH_END_CHECKS_SPENT,
    Ending.SECONDS_SPENT: pb.SEARCH_END_TIME_SPENT,
}
_ENDING_OF = {value: ending for ending, value in _ENDINGS.items()}


def check_to_proto(check: Check) -> pb.CheckProofRequest:
    """A check as a request."""
    request = pb.CheckProofRequest(
        theorem=convert.theorem_to_proto(check.theorem),
        limits=convert.limits_to_proto(check.limits),
        policy=check.policy,
        minimum_trust=convert.trust_to_proto(check.trust),
    )
    if check.candidate.mode is Mode.PROOF:
        request.proof = check.candidate.text
    else:
        request.file = check.candidate.text
    return request


def check_from_proto(request: pb.CheckProofRequest, default: Bounds, texts: TextSettings) -> Check:
    """The check that a request asks for.

    Raises:
        InputError: a text cannot be taken, or the trust is none that counts.
    """
    given = request.WhichOneof("candidate")
    if given is None:
        raise InputError("candidate", "the request holds neither `proof` nor `file`")
    mode = Mode(given)
    text = take(given, request.proof if mode is Mode.PROOF else request.file, texts.candidate)
    return Check(
        theorem=convert.theorem_from_proto(request.theorem, texts),
        candidate=Candidate(text, mode, source="given"),
        limits=convert.limits_from_proto(request.limits, default.limits),
        policy=request.policy or "default",
        trust=_wanted_trust(request.minimum_trust),
    )


def search_to_proto(search: Search) -> pb.ProveRequest:
    """A search as a request."""
    return pb.ProveRequest(
        theorem=convert.theorem_to_proto(search.theorem),
        budget=convert.budget_to_proto(search.budget),
        limits=convert.limits_to_proto(search.limits),
        policy=search.policy,
        minimum_trust=convert.trust_to_proto(search.trust),
        sampler=search.sampler,
        seed=search.seed,
    )


def search_from_proto(request: pb.ProveRequest, default: Bounds, texts: TextSettings) -> Search:
    """The search that a request asks for.

    Raises:
        InputError: a text cannot be taken, or the trust is none that counts.
    """
    return Search(
        theorem=convert.theorem_from_proto(request.theorem, texts),
        budget=convert.budget_from_proto(request.budget, default.budget),
        limits=convert.limits_from_proto(request.limits, default.limits),
        policy=request.policy or "default",
        trust=_wanted_trust(request.minimum_trust),
        sampler=request.sampler,
        seed=request.seed if request.HasField("seed") else None,
    )


def event_to_proto(event: Event, digest: str) -> pb.ProveResponse:
    """An event of a search that does not end it in an error; `digest` names the theorem."""
    match event:
        case Accepted(goal, request_id):
            accepted = pb.SearchAccepted(request_id=request_id, theorem_digest=digest, goal=goal)
            return pb.ProveResponse(accepted=accepted)
        case Progress():
            return pb.ProveResponse(progress=_progress_to_proto(event))
        case Proof(candidate, verdict, elapsed):
            proof = pb.VerifiedProof(
                text=candidate.text,
                verdict=convert.verdict_to_proto(verdict),
                source=candidate.source,
                log_prob=candidate.log_prob,
                tokens=candidate.tokens,
                seed=candidate.seed,
                elapsed=convert.duration(elapsed),
            )
            return pb.ProveResponse(proof=proof)
        case Finished():
            counts = [pb.VerdictCount(kind=convert.KINDS[kind], count=n) for kind, n in event.verdicts.items()]
            spent = _progress_to_proto(event.spent)
            return pb.ProveResponse(summary=pb.SearchSummary(end=_ENDINGS[event.ending], spent=spent, verdicts=counts))


def event_from_proto(response: pb.ProveResponse) -> Event | None:
    """The event that a response carries; None if it is of a kind that this version does not know."""
    match response.WhichOneof("event"):
        case "accepted":
            return Accepted(response.accepted.goal, response.accepted.request_id)
        case "progress":
            return _progress_from_proto(response.progress)
        case "proof":
            proof = response.proof
            candidate = Candidate(
                proof.text,
                source=proof.source,
                log_prob=proof.log_prob if proof.HasField("log_prob") else None,
                tokens=proof.tokens,
                seed=proof.seed if proof.HasField("seed") else None,
            )
            return Proof(candidate, convert.verdict_from_proto(proof.verdict), convert.seconds(proof.elapsed))
        case "summary":
            summary = response.summary
            ending = _ENDING_OF.get(summary.end, Ending.INFRASTRUCTURE)
            counts = {convert.KIND_OF[c.kind]: c.count for c in summary.verdicts if c.kind in convert.KIND_OF}
            return Finished(ending, _progress_from_proto(summary.spent), counts)
        case _:
            return None


def info_to_proto(info: ServiceInfo) -> pb.GetServerInfoResponse:
    """What a server says of itself."""
    return pb.GetServerInfoResponse(
        version=info.version,
        lean_version=info.lean,
        runtime=info.runtime,
        workers=info.workers,
        samplers=info.samplers,
        policies=info.policies,
        highest_trust=convert.trust_to_proto(info.highest_trust),
        default_limits=convert.limits_to_proto(info.default.limits),
        maximum_limits=convert.limits_to_proto(info.maximum.limits),
        default_budget=convert.budget_to_proto(info.default.budget),
        maximum_budget=convert.budget_to_proto(info.maximum.budget),
    )


def info_from_proto(info: pb.GetServerInfoResponse, ours: Bounds) -> ServiceInfo:
    """What a server says of itself; where it says nothing, `ours`."""
    return ServiceInfo(
        version=info.version,
        lean=info.lean_version,
        runtime=info.runtime,
        workers=info.workers,
        samplers=tuple(info.samplers),
        policies=tuple(info.policies),
        highest_trust=convert.trust_from_proto(info.highest_trust),
        default=Bounds(
            convert.limits_from_proto(info.default_limits, ours.limits),
            convert.budget_from_proto(info.default_budget, ours.budget),
        ),
        maximum=Bounds(
            convert.limits_from_proto(info.maximum_limits, ours.limits),
            convert.budget_from_proto(info.maximum_budget, ours.budget),
        ),
    )


def _wanted_trust(value: verdict_pb2.Trust.ValueType) -> Trust:
    if value == verdict_pb2.TRUST_UNSPECIFIED:
        return Trust.KERNEL_REPLAYED
    trust = convert.trust_from_proto(value)
    if trust < Trust.KERNEL_REPLAYED:
        raise InputError("minimum_trust", "minimum_trust must be KERNEL_REPLAYED or ISOLATED_REPLAY")
    return trust


def _progress_to_proto(progress: Progress) -> pb.SearchProgress:
    return pb.SearchProgress(
        sampled=progress.sampled,
        distinct=progress.distinct,
        checked=progress.checked,
        proofs=progress.proofs,
        elapsed=convert.duration(progress.seconds),
    )


def _progress_from_proto(progress: pb.SearchProgress) -> Progress:
    elapsed = convert.seconds(progress.elapsed)
    return Progress(progress.sampled, progress.distinct, progress.checked, progress.proofs, elapsed)
