"""Diversity of a model's samples: arXiv 2512.05962, evaluation. Includes wrong samples."""

from collections import Counter
from statistics import fmean

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from prover.search.diversity import Diversity, distinct_key
from training.evaluation.measures.pass_at_k import pass_at_k
from training.evaluation.samples import TheoremSamples


def diversity(theorems: tuple[TheoremSamples, ...]) -> Diversity:
    """Return the diversity of tactics and premises in all samples of each theorem, averaged over theorems."""
    each = [Diversity.of_proofs((proof.text, proof.count) for proof in theorem.proofs) for theorem in theorems]
    return Diversity(
        fmean(one.tactic_shannon for one in each),
        fmean(one.tactic_gini_simpson for one in each),
        fmean(one.premise_shannon for one in each),
        fmean(one.premise_gini_simpson for one in each),
    )


def chances_of_distinct(theorem: TheoremSamples, k: int, most: int) -> NDArray[np.float64]:
    """Return `[most + 1]`: the probability that k of the samples, drawn without replacement, contain at least so many
    different verified proofs.

    Raises:
        ValueError: k is larger than the number of samples.
    """
    if not 1 <= k <= theorem.samples:
        raise ValueError(f"{k} of {theorem.samples} samples cannot be drawn.")
    log_factorial = gammaln(np.arange(theorem.samples + 1) + 1.0)

    def log_choose(n: NDArray[np.int64], r: NDArray[np.int64]) -> NDArray[np.float64]:
        possible = (r >= 0) & (r <= n)
        r = np.where(possible, r, 0)
        value = log_factorial[n] - log_factorial[r] - log_factorial[np.where(possible, n - r, 0)]
        return np.where(possible, value, -np.inf)

    # For one kind of proof after the other: `chances[d, r]` is the probability that d kinds were hit so far (`most` or
    # more) with r draws left.
    chances = np.zeros((most + 1, k + 1))
    chances[0, k] = 1.0
    remaining = theorem.samples
    before, after = np.meshgrid(np.arange(k + 1), np.arange(k + 1), indexing="ij")
    for count in _verified_kinds(theorem).values():
        hits = before - after
        of_rest = np.full_like(before, remaining)
        share = np.exp(
            log_choose(np.full_like(before, count), hits)
            + log_choose(of_rest - count, after)
            - np.where(before <= remaining, log_choose(of_rest, before), np.inf)
        )
        missed, hit = np.diag(np.diag(share)), share - np.diag(np.diag(share))
        moved = chances @ hit
        chances = chances @ missed
        chances[1:] += moved[:-1]
        chances[most] += moved[most]
        remaining -= count
    exactly = chances.sum(1)
    at_least: NDArray[np.float64] = exactly[::-1].cumsum()[::-1]
    return at_least.clip(max=1.0)


def _verified_kinds(theorem: TheoremSamples, by_term: bool = False) -> Counter[str]:
    counts: Counter[str] = Counter()
    for proof in theorem.proofs:
        if proof.verified:
            counts[proof.term if by_term else distinct_key(proof.text)] += proof.count
    return counts


def distinct_proofs(theorem: TheoremSamples, k: int) -> float:
    """Return the expected number of distinct verified proofs (`prover.search.diversity.distinct_key`) in k samples.

    Unbiased for any number of samples (rarefaction), so that models with different numbers of samples are comparable.
    """
    counts = _verified_kinds(theorem)
    return sum(pass_at_k(theorem.samples, count, k) for count in counts.values())


def distinct_terms(theorem: TheoremSamples, k: int) -> float | None:
    """Return the expected number of proofs with different terms in Lean; None if a verified proof lacks its term's
    digest.
    """
    if any(proof.verified and not proof.term for proof in theorem.proofs):
        return None
    return sum(pass_at_k(theorem.samples, count, k) for count in _verified_kinds(theorem, by_term=True).values())
