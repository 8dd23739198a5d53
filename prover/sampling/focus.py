"""Where a request stands between precision and coverage, turned into a model, a temperature and a number of samples.

Each model was measured (`prover.sampling.weights.Curve`): pass@1 says how precise it is, the chance of the wanted number of
proofs within the samples that the budget allows how far it covers. A focus f in [0, 1] takes the setting with the
largest

    f · pass@1 + (1 - f) · chance(proofs wanted, samples)

which is the chance of success of somebody who, with probability f, looks at the first sample alone. Whatever the
measurements are, a larger focus never leads to a lower pass@1, nor to a higher chance: if x is best at f and y at
f' > f, adding the two inequalities gives (f' - f)(Δpass@1 - Δchance) ≥ 0 for the step from x to y, so a fall of pass@1
would come with a fall of the chance, and then y were worse than x at f'.
"""

import bisect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from prover.sampling.weights import Curve, Model


@dataclass(frozen=True, slots=True)
class Choice:
    """How to sample.

    Attributes:
        model: name of the model.
        temperature: softmax temperature.
        top_p: nucleus mass.
        samples: how many.
        precision: pass@1 as measured; NaN where it was not.
        coverage: chance of the wanted proofs within `samples`, as measured or interpolated; NaN where it was not.
    """

    model: str
    temperature: float
    top_p: float
    samples: int
    precision: float
    coverage: float


def affordable(samples: int, checks: int | None, seconds: float, checks_per_second: float) -> int:
    """The number of samples that a budget pays for, at least 1: each is checked, at this rate."""
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
    """The best setting that was measured.

    Args:
        models: that are served.
        focus: 0 = coverage … 1 = precision.
        samples: that the budget pays for, see `affordable`.
        proofs: distinct proofs wanted.
        model: the request names the model itself: only its settings are looked at.
        temperature: the request names the temperature: of each model the setting measured nearest to it counts.

    Returns:
        None if nothing was measured for the models in question.

    Raises:
        ValueError: a number is out of range, or there is no such model.
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
    # The same blend: the more precise for a focus of a half and more, else the one that covers more; then by order.
    return max(
        choices,
        key=lambda choice: (
            focus * choice.precision + (1 - focus) * choice.coverage,
            choice.precision if focus >= 0.5 else choice.coverage,
        ),
        default=None,
    )


def chance(curve: Curve, proofs: int, samples: int) -> float:
    """Chance of at least `proofs` distinct proofs within `samples` samples.

    Between the k that were measured it is interpolated over log k, beyond the last it stays. Where so many distinct proofs were
    not measured, the nearest smaller number m that was stands in, with the samples cut to the share m / proofs: as if
    the samples were dealt out to the proofs.
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
    """All curves, or those measured nearest to a temperature."""
    if temperature is None or not curves:
        return curves
    nearest = min(abs(curve.temperature - temperature) for curve in curves)
    return [curve for curve in curves if abs(curve.temperature - temperature) == nearest]
