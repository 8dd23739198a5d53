"""How diverse a model's samples are: arXiv 2512.05962, evaluation. Wrong samples count too."""

from collections import Counter
from dataclasses import dataclass
from statistics import fmean

from prover.diversity import gini_simpson, normalise, premises, shannon, tactics
from training.evaluation.pass_at_k import pass_at_k
from training.evaluation.samples import TheoremSamples


@dataclass(frozen=True, slots=True)
class Diversity:
    """Means over theorems; Shannon entropies in bits, Gini–Simpson indices between 0 and 1."""

    tactic_shannon: float
    tactic_gini_simpson: float
    premise_shannon: float
    premise_gini_simpson: float


def diversity(theorems: tuple[TheoremSamples, ...]) -> Diversity:
    """Of the tactics and premises in all samples of each theorem, averaged over theorems."""
    tactic_counts, premise_counts = [], []
    for theorem in theorems:
        used_tactics: Counter[str] = Counter()
        used_premises: Counter[str] = Counter()
        for proof in theorem.proofs:
            for counts, found in ((used_tactics, tactics(proof.text)), (used_premises, premises(proof.text))):
                counts.update({name: times * proof.count for name, times in found.items()})
        tactic_counts.append(used_tactics)
        premise_counts.append(used_premises)
    return Diversity(
        fmean(map(shannon, tactic_counts)),
        fmean(map(gini_simpson, tactic_counts)),
        fmean(map(shannon, premise_counts)),
        fmean(map(gini_simpson, premise_counts)),
    )


def distinct_proofs(theorem: TheoremSamples, k: int) -> float:
    """How many verified proofs that differ after normalisation k samples are expected to hold.

    Unbiased from any number of samples (rarefaction), so models sampled more and less often compare alike.
    """
    counts: Counter[str] = Counter()
    for proof in theorem.proofs:
        if proof.verified:
            counts[normalise(proof.text)] += proof.count
    return sum(pass_at_k(theorem.samples, count, k) for count in counts.values())
