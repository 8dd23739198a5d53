"""Maps a request's focus between precision and coverage to a model, a temperature and a number of samples.

Each model was measured (`prover.sampling.weights.Curve`): pass@1 measures precision; the probability of finding the
wanted number of proofs within the budget's samples measures coverage. A focus f in [0, 1] selects the setting that
maximises

    f · pass@1 + (1 - f) · chance(proofs wanted, samples)

which is the success probability of a user who looks only at the first sample with probability f. For all measurements,
a larger focus never leads to a lower pass@1 or a higher chance: if x is best at f and y at f' > f, adding the two
inequalities gives (f' - f)(Δpass@1 - Δchance) ≥ 0 for the step from x to y, so a lower pass@1 would imply a lower
chance, and y would be worse than x at f'.
"""

import bisect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from prover.sampling.weights import Curve, Model


@dataclass(frozen=True, slots=True)
class Choice:
    """A selected model with its sampling parameters.

    Attributes:
        model: name of the model.
        temperature: softmax temperature.
        top_p: nucleus mass.
        samples: number of samples.
        precision: measured pass@1; NaN if not measured.
        coverage: probability of finding the wanted proofs within `samples`, measured or interpolated; NaN if not
            measured.
    """

    model: str
    temperature: float
    top_p: float
    samples: int
    precision: float
    coverage: float


def affordable(samples: int, checks: int | None, seconds: float, checks_per_second: float) -> int:
    """Return the number of samples that a budget pays for, at least 1; each sample is checked, at this rate."""
    in_time = seconds * checks_per_second
    return max(1, min(samples, samples if checks is None else checks, int(min(in_time, samples))))


def choose(
    models: Sequence[Model],
    focus: float,
    samples: int,
    proofs: int = 1,
    model: str | None = None,
    temperature: float | None = None,
) -> Choice | None:
    """Return the best measured setting.

    Args:
        models: the served models.
        focus: 0 = coverage … 1 = precision.
        samples: number that the budget pays for, see `affordable`.
        proofs: number of distinct proofs wanted.
        model: the model named by the request; only its settings are considered.
        temperature: the temperature named by the request; for each model, the setting with the nearest measured
            temperature counts.

    Returns:
        None if no measurements exist for these models.

    Raises:
        ValueError: a number is out of range, or the model is unknown.
    """
    if not 0 <= focus <= 1:
        raise ValueError(f"focus must be from 0 (coverage) to 1 (precision), found {focus:g}")
    if min(samples, proofs) < 1:
        raise ValueError(f"samples and proofs must be at least 1, found {samples} and {proofs}")
    candidates = [one for one in models if model is None or one.name == model]
    if not candidates:
        raise ValueError(f"there is no model {model!r}; there are {', '.join(one.name for one in models)}")
    choices = [
        Choice(
            model=one.name,
            temperature=curve.temperature if temperature is None else temperature,
            top_p=curve.top_p,
            samples=samples,
            precision=curve.pass_at_k[1],
            coverage=chance(curve, proofs, samples),
        )
        for one in candidates
        for curve in _at(one.curves, temperature)
    ]
    # Ties: for a focus of at least one half, the more precise setting wins, otherwise the one with more coverage; then
    # the order decides.
    return max(
        choices,
        key=lambda choice: (
            focus * choice.precision + (1 - focus) * choice.coverage,
            choice.precision if focus >= 0.5 else choice.coverage,
        ),
        default=None,
    )


def chance(curve: Curve, proofs: int, samples: int) -> float:
    """Return the probability of at least `proofs` distinct proofs within `samples` samples.

    It is interpolated over log k between the measured k, and constant beyond the last. If the number of proofs was not
    measured, the nearest smaller measured number m is used with `samples` times m / `proofs`, as if the samples were
    divided among the proofs.
    """
    tables = {1: curve.pass_at_k} | curve.distinct_at_k
    wanted = max(count for count in tables if count <= proofs)
    return _interpolate(tables[wanted], samples * wanted / proofs)


def _interpolate(measured: Mapping[int, float], samples: float) -> float:
    ks = sorted(measured)
    if not ks:
        return 0.0
    if samples < ks[0]:
        return measured[ks[0]] * samples / ks[0]
    place = bisect.bisect_right(ks, samples)
    if place == len(ks):
        return measured[ks[-1]]
    low, high = ks[place - 1], ks[place]
    share = math.log(samples / low) / math.log(high / low)
    return measured[low] + share * (measured[high] - measured[low])


def _at(curves: Sequence[Curve], temperature: float | None) -> Sequence[Curve]:
    """Return all curves, or those measured nearest to a temperature."""
    if temperature is None or not curves:
        return curves
    nearest = min(abs(curve.temperature - temperature) for curve in curves)
    return [curve for curve in curves if abs(curve.temperature - temperature) == nearest]
