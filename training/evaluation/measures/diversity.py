"""How diverse a model's samples are: arXiv 2512.05962, evaluation. Wrong samples count too."""

from collections import Counter
from statistics import fmean

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from prover.search.diversity import Diversity, distinct_key
from training.evaluation.measures.pass_at_k import pass_at_k
from training.evaluation.samples import TheoremSamples


def diversity(theorems: tuple[TheoremSamples, ...]) -> Diversity:
    """Of the tactics and premises in all samples of each theorem, averaged over theorems."""
    each = [Diversity.of_proofs((proof.text, proof.count) for proof in theorem.proofs) for theorem in theorems]
    return Diversity(
        fmean(one.tactic_shannon for one in each),
        fmean(one.tactic_gini_simpson for one in each),
        fmean(one.premise_shannon for one in each),
        fmean(one.premise_gini_simpson for one in each),
    )


def chances_of_distinct(theorem: TheoremSamples, k: int, most: int) -> NDArray[np.float64]:
    """`[most + 1]`: the chance that k of the samples, drawn without replacement, hold at least so many different verified proofs.

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

    # One kind of proof after the other: `chances[d, r]` that d kinds were hit so far (`most` or more), r draws are left.
    chances = np.zeros((most + 1, k + 1))
    chances[0, k] = 1.0
    rest = theorem.samples
    before, after = np.meshgrid(np.arange(k + 1), np.arange(k + 1), indexing="ij")
    for count in _verified_kinds(theorem).values():
        hits = before - after
        of_rest = np.full_like(before, rest)
        share = np.exp(
            log_choose(np.full_like(before, count), hits)
            + log_choose(of_rest - count, after)
            - np.where(before <= rest, log_choose(of_rest, before), np.inf)
        )
        missed, hit = np.diag(np.diag(share)), share - np.diag(np.diag(share))
        moved = chances @ hit
        chances = chances @ missed
        chances[1:] += moved[:-1]
        chances[most] += moved[most]
        rest -= count
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
    """How many verified proofs that differ (`prover.search.diversity.distinct_key`) k samples are expected to hold.

    Unbiased from any number of samples (rarefaction), so models sampled more and less often compare alike.
    """
    counts = _verified_kinds(theorem)
    return sum(pass_at_k(theorem.samples, count, k) for count in counts.values())


def distinct_terms(theorem: TheoremSamples, k: int) -> float | None:
    """The same of proofs of which Lean makes different terms; None where a verified proof comes without its term's digest."""
    if any(proof.verified and not proof.term for proof in theorem.proofs):
        return None
    return sum(pass_at_k(theorem.samples, count, k) for count in _verified_kinds(theorem, by_term=True).values())
