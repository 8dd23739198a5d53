"""Searches: what they are asked and what they find. Their events are `service.contract.messages.events`."""

from leansieve.v1 import prove_pb2, search_pb2
from prover.candidate import Candidate
from prover.errors import InputError
from prover.lean.workers.jobs import Priority
from prover.options import Budget, CheckOptions, Preference, Sampling, SearchOptions, StoreUse
from prover.requests import Bounds, Search
from prover.search.search import Ending, Progress, Proof
from service.contract import values
from service.ops.config import TextSettings

_ENDINGS = {
    Ending.PROOFS_FOUND: search_pb2.SEARCH_END_PROOFS_FOUND,
    Ending.SAMPLERS_EXHAUSTED: search_pb2.SEARCH_END_SAMPLERS_EXHAUSTED,
    Ending.SAMPLES_SPENT: search_pb2.SEARCH_END_SAMPLES_SPENT,
    Ending.CHECKS_SPENT: search_pb2.SEARCH_END_CHECKS_SPENT,
    Ending.SECONDS_SPENT: search_pb2.SEARCH_END_TIME_SPENT,
    Ending.KNOWN_FAILURE: search_pb2.SEARCH_END_KNOWN_FAILURE,
}
_ENDING_OF = {value: ending for ending, value in _ENDINGS.items()}
_PREFERENCES = {one: search_pb2.Preference.Value(f"PREFERENCE_{one.name}") for one in Preference}
_PREFERENCE_OF = {value: one for one, value in _PREFERENCES.items()}
_STORE_USES = {use: search_pb2.StoreUse.Value(f"STORE_USE_{use.name}") for use in StoreUse}
_STORE_USE_OF = {value: use for use, value in _STORE_USES.items()}


def budget_to_proto(budget: Budget) -> search_pb2.SearchBudget:
    """A budget as a request carries it."""
    return search_pb2.SearchBudget(
        samples=budget.samples, proofs=budget.proofs, timeout=values.duration(budget.seconds), checks=budget.checks
    )


def budget_from_proto(budget: search_pb2.SearchBudget, default: Budget) -> Budget:
    """The budget of a request; what it does not say comes from `default`."""
    return Budget(
        samples=budget.samples if budget.HasField("samples") else default.samples,
        checks=budget.checks if budget.HasField("checks") else default.checks,
        seconds=values.seconds(budget.timeout) if budget.HasField("timeout") else default.seconds,
        proofs=budget.proofs if budget.HasField("proofs") else default.proofs,
    )


def strategy_to_proto(name: str) -> search_pb2.Strategy.ValueType:
    """The proto enum's value; an empty name is the default.

    Raises:
        InputError: there is no strategy of that name.
    """
    try:
        return search_pb2.Strategy.Value(f"STRATEGY_{name.upper() or 'UNSPECIFIED'}")
    except ValueError:
        known = ", ".join(one.removeprefix("STRATEGY_").lower() for one in search_pb2.Strategy.keys()[1:])
        raise InputError("strategy", f"there is no strategy {name!r}; there is {known}") from None


def strategy_from_proto(value: search_pb2.Strategy.ValueType) -> str:
    """The strategy's name; empty for the default."""
    name = search_pb2.Strategy.Name(value).removeprefix("STRATEGY_").lower()
    return "" if name == "unspecified" else name


def sampling_to_proto(sampling: Sampling) -> search_pb2.Sampling:
    """How to sample as a request carries it."""
    message = search_pb2.Sampling(
        temperature=sampling.temperature, top_p=sampling.top_p, max_tokens=sampling.max_tokens, seed=sampling.seed
    )
    if sampling.focus is not None:
        message.focus = sampling.focus
    if sampling.alpha is not None:
        message.alpha = sampling.alpha
    if sampling.model:
        message.model = sampling.model
    return message


def sampling_from_proto(sampling: search_pb2.Sampling) -> Sampling:
    """How a request wants to sample."""
    aim = sampling.WhichOneof("aim")
    return Sampling(
        focus=sampling.focus if aim == "focus" else None,
        alpha=sampling.alpha if aim == "alpha" else None,
        model=sampling.model,
        temperature=sampling.temperature if sampling.HasField("temperature") else None,
        top_p=sampling.top_p if sampling.HasField("top_p") else None,
        max_tokens=sampling.max_tokens if sampling.HasField("max_tokens") else None,
        seed=sampling.seed if sampling.HasField("seed") else None,
    )


def options_to_proto(options: SearchOptions) -> search_pb2.SearchOptions:
    """Options as a request carries them; the priority is a field of its own."""
    return search_pb2.SearchOptions(
        budget=budget_to_proto(options.budget),
        limits=values.limits_to_proto(options.check.limits),
        policy=options.check.policy,
        minimum_trust=values.trust_to_proto(options.check.trust),
        strategy=strategy_to_proto(options.strategy),
        sampler=options.sampler,
        sampling=sampling_to_proto(options.sampling),
        prefer=_PREFERENCES[options.prefer],
        minimise=options.minimise,
        as_found=options.as_found,
        store=_STORE_USES[options.store],
        guard=options.check.guard,
    )


def options_from_proto(
    options: search_pb2.SearchOptions, default: Bounds, priority: Priority = Priority.INTERACTIVE
) -> SearchOptions:
    """The options of a request; what they do not say comes from `default`."""
    return SearchOptions(
        budget=budget_from_proto(options.budget, default.budget),
        check=CheckOptions(
            limits=values.limits_from_proto(options.limits, default.limits),
            policy=options.policy or "default",
            trust=values.wanted_trust(options.minimum_trust),
            guard=options.guard,
            priority=priority,
        ),
        strategy=strategy_from_proto(options.strategy),
        sampler=options.sampler,
        sampling=sampling_from_proto(options.sampling),
        prefer=_PREFERENCE_OF.get(options.prefer, Preference.FIRST),
        minimise=options.minimise,
        as_found=options.as_found,
        store=_STORE_USE_OF.get(options.store, StoreUse.READ_WRITE),
    )


def request_to_proto(search: Search) -> prove_pb2.ProveRequest:
    """A search as a request."""
    return prove_pb2.ProveRequest(
        theorem=values.theorem_to_proto(search.theorem),
        options=options_to_proto(search.options),
        priority=values.priority_to_proto(search.options.check.priority),
    )


def request_from_proto(request: prove_pb2.ProveRequest, default: Bounds, texts: TextSettings) -> Search:
    """The search that a request asks for.

    Raises:
        InputError: a text cannot be taken.
    """
    options = options_from_proto(request.options, default, values.priority_from_proto(request.priority))
    return Search(values.theorem_from_proto(request.theorem, texts), options)


def ending_to_proto(ending: Ending | None) -> search_pb2.SearchEnd.ValueType:
    """Why a search ended; UNSPECIFIED for what is no ordinary end."""
    return (
        search_pb2.SEARCH_END_UNSPECIFIED if ending is None else _ENDINGS.get(ending, search_pb2.SEARCH_END_UNSPECIFIED)
    )


def ending_from_proto(value: search_pb2.SearchEnd.ValueType) -> Ending | None:
    """Why a search ended; None if that is not said."""
    return _ENDING_OF.get(value)


def progress_to_proto(progress: Progress) -> search_pb2.SearchProgress:
    """What a search has spent."""
    return search_pb2.SearchProgress(
        sampled=progress.sampled,
        distinct=progress.distinct,
        checked=progress.checked,
        proofs=progress.proofs,
        elapsed_duration=values.duration(progress.seconds),
        tokens=progress.tokens,
        requests=progress.requests,
    )


def progress_from_proto(progress: search_pb2.SearchProgress) -> Progress:
    """What a search has spent."""
    return Progress(
        progress.sampled,
        progress.distinct,
        progress.checked,
        progress.proofs,
        values.seconds(progress.elapsed_duration),
        progress.tokens,
        progress.requests,
    )


def proof_to_proto(proof: Proof, number: int) -> search_pb2.VerifiedProof:
    """A verified proof, the `number`-th of its search."""
    candidate = proof.candidate
    return search_pb2.VerifiedProof(
        text=candidate.text,
        verdict=values.verdict_to_proto(proof.verdict),
        source=candidate.source,
        log_prob=candidate.log_prob,
        tokens=candidate.tokens,
        seed=candidate.seed,
        elapsed_duration=values.duration(proof.seconds),
        number=number,
        stored=proof.stored,
    )


def proof_from_proto(proof: search_pb2.VerifiedProof) -> Proof:
    """A verified proof."""
    candidate = Candidate(
        proof.text,
        source=proof.source,
        log_prob=proof.log_prob if proof.HasField("log_prob") else None,
        tokens=proof.tokens,
        seed=proof.seed if proof.HasField("seed") else None,
    )
    verdict = values.verdict_from_proto(proof.verdict)
    return Proof(candidate, verdict, values.seconds(proof.elapsed_duration), proof.stored)
