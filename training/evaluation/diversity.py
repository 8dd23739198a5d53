"""How diverse a model's samples are: arXiv 2512.05962, evaluation. Wrong samples count too."""

from collections import Counter
from statistics import fmean

from prover.diversity import Diversity, distinct_key
from training.evaluation.pass_at_k import pass_at_k
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


def distinct_proofs(theorem: TheoremSamples, k: int) -> float:
    """How many verified proofs that differ (`prover.diversity.distinct_key`) k samples are expected to hold.

    Unbiased from any number of samples (rarefaction), so models sampled more and less often compare alike.
    """
    counts: Counter[str] = Counter()
    for proof in theorem.proofs:
        if proof.verified:
            counts[distinct_key(proof.text)] += proof.count
    return sum(pass_at_k(theorem.samples, count, k) for count in counts.values())
