"""Computes figures from raw samples: a summary per model, and each model's difference from the base."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from training.evaluation.measures.bootstrap import paired_bootstrap
from training.evaluation.measures.difficulty import Difficulty, difficulty, transitions
from training.evaluation.measures.diversity import distinct_proofs, distinct_terms, diversity
from training.evaluation.measures.pass_at_k import pass_at_k_of_each, powers_up_to
from training.evaluation.samples import ModelSamples


def summarise(models: Sequence[ModelSamples], base: str | None = None) -> dict[str, Any]:
    """Return all figures, ready for JSON.

    Coverage is pass@K, with K the smallest number of samples per theorem of all models, for a fair comparison; distinct
    proofs are counted among K samples, too.

    Args:
        base: name of the baseline model; by default the one called base, or the only untrained one.

    Raises:
        ValueError: the models were not evaluated on the same theorems, two share a name, or the baseline is not among
            them or is ambiguous.
    """
    names = [model.model for model in models]
    if len(set(names)) < len(names):
        raise ValueError(f"Two of the models are called the same: {', '.join(names)}.")
    base_name = base or _base_of(models)
    if base_name not in names:
        raise ValueError(f"The base {base_name!r} is not among the models {', '.join(names)}.")
    reference = models[names.index(base_name)]
    theorems = [theorem.name for theorem in reference.theorems]
    for model in models:
        if [theorem.name for theorem in model.theorems] != theorems:
            raise ValueError(
                f"{model.model} and {base_name} were not evaluated on the same theorems in the same order."
            )
    coverage_k = min(model.samples for model in models)
    return {
        "base": base_name,
        "corpus": reference.corpus,
        "theorems": len(theorems),
        "coverage_k": coverage_k,
        "models": [
            _of_model(model, coverage_k) | ({} if model is reference else _against(model, reference, coverage_k))
            for model in models
        ],
    }


def _counts(model: ModelSamples) -> tuple[list[int], list[int]]:
    return [theorem.samples for theorem in model.theorems], [theorem.verified for theorem in model.theorems]


def _bins(model: ModelSamples) -> list[Difficulty]:
    return [difficulty(samples, right) for samples, right in zip(*_counts(model), strict=True)]


def _of_model(model: ModelSamples, coverage_k: int) -> dict[str, Any]:
    samples, right = _counts(model)
    bins = _bins(model)
    coverage = pass_at_k_of_each(samples, right, coverage_k)
    distinct = sum(distinct_proofs(theorem, coverage_k) for theorem in model.theorems)
    terms = [distinct_terms(theorem, coverage_k) for theorem in model.theorems]
    by_term = None if None in terms else sum(filter(None, terms))
    return {
        "model": model.model,
        "sampling": dict(model.sampling),
        "samples": model.samples,
        "solved": sum(count > 0 for count in right),
        "pass_at_k": {str(k): float(pass_at_k_of_each(samples, right, k).mean()) for k in powers_up_to(model.samples)},
        "precision": float(pass_at_k_of_each(samples, right, 1).mean()),
        "coverage": float(coverage.mean()),
        "distinct_proofs_per_solved": distinct / float(coverage.sum()) if coverage.any() else 0.0,
        "distinct_terms_per_solved": None if by_term is None or not coverage.any() else by_term / float(coverage.sum()),
        "diversity": asdict(diversity(model.theorems)),
        "difficulty": {bin_: bins.count(bin_) for bin_ in Difficulty},
    }


def _against(model: ModelSamples, base: ModelSamples, coverage_k: int) -> dict[str, Any]:
    moved = transitions(_bins(base), _bins(model))
    compared = {}
    for name, k in (("precision", 1), ("coverage", coverage_k)):
        values = [pass_at_k_of_each(*_counts(each), k) for each in (base, model)]
        compared[name] = asdict(paired_bootstrap(values[0], values[1]))
    return {
        "against_base": compared,
        "transitions": {before: {after: moved[before, after] for after in Difficulty} for before in Difficulty},
    }


def _base_of(models: Sequence[ModelSamples]) -> str:
    names = [model.model for model in models]
    untuned = [model.model for model in models if model.identity and not model.algorithm]
    if len(names) == 1 or "base" in names:
        return "base" if "base" in names else names[0]
    if len(untuned) == 1:
        return untuned[0]
    raise ValueError(f"Which of the models {', '.join(names)} are the others to be compared with? Name it with --base.")
