"""Search strategies, all with the same samplers, Lean and budget; a request selects one by name."""

from collections.abc import Sequence

from prover.lean.checker import Lean
from prover.options import STRATEGIES
from prover.sampling.sampler import ProofModel, Sampler
from prover.search.stepper import Stepper, WorkerStepper
from prover.search.strategies.decompose import Decompose
from prover.search.strategies.independent import Independent, PortfolioFirst
from prover.search.strategies.induction import Induction
from prover.search.strategies.repair import ClosingRepairer, ModelRepairer, Repair
from prover.search.strategies.stepwise import ModelTactics, RuleTactics, Stepwise
from prover.search.strategies.strategy import Strategy

_OPENING = 8  # the portfolio finds most of its proofs with its first templates
_WIDE = 64


def build_plan(
    name: str, samplers: Sequence[Sampler], lean: Lean, stepper: Stepper | None = None
) -> list[list[Strategy]]:
    """Build the plan of `ProofSearch.prove` for a named strategy.

    - `portfolio_first`: whole proofs; the first sampler starts alone, the others join after a few of its candidates.
    - `independent`: whole proofs; one sampler after the other.
    - `repair`: whole proofs; those that fail are repaired with Lean's error messages.
    - `stepwise`: best-first search over tactic states.
    - `decompose`: skeletons whose holes are solved one by one.
    - `auto`: the first few whole proofs; nested inductions if the context declares recursive definitions; then the others,
      repaired where they fail, in parallel with `stepwise`; then, while time remains, `decompose` in parallel with a wider `stepwise` and
      more inductions.

    Args:
        name: name of a strategy.
        samplers: at least one, in the order in which they start.
        lean: reads goals and runs tactics.
        stepper: runs tactics in place of `lean`, if given.

    Raises:
        ValueError: no strategy has that name.
    """
    models = [sampler for sampler in samplers if isinstance(sampler, ProofModel)]
    repair = Repair(samplers, [*map(ModelRepairer, models), ClosingRepairer()])
    stepper = stepper or WorkerStepper(lean)
    stepwise = Stepwise(stepper, [*map(ModelTactics, models), RuleTactics(lean)], lean)
    wider = Stepwise(stepper, [RuleTactics(lean, _WIDE)], lean, nodes=4096, depth=32, closers=_WIDE)
    decompose = Decompose(lean, samplers)
    match name:
        case "portfolio_first":
            return [[PortfolioFirst(samplers)]]
        case "independent":
            return [[Independent(sampler)] for sampler in samplers]
        case "repair":
            return [[repair]]
        case "stepwise":
            return [[stepwise]]
        case "decompose":
            return [[decompose]]
        case "auto":
            few, many = Induction(stepper, lean), Induction(stepper, lean, tactics=2000)
            return [[Independent(samplers[0], _OPENING)], [few], [repair, stepwise], [decompose, wider, many]]
    raise ValueError(f"there is no strategy {name!r}; there is {', '.join(STRATEGIES)}")
