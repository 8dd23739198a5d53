"""A toy model with a known solution: eight prompts, 256 answers, one policy that cannot see the prompt.

    python -m training.toy --out DIR        # toy.json and toy.png, in half a minute

An answer is a sequence of four tokens; its first token is its method, and the last three must fit together. Method 0
solves five of the prompts, method 3 only one: like `omega` against an induction. With unlimited capacity every
divergence has the same minimiser, the target itself; this policy has to choose, because it gives every prompt the same
distribution (softmax tables over token prefixes, so any distribution over answers). The minimiser of the mean
α-divergence is then known exactly, a power mean of the targets:

    π*(y) ∝ (mean_x p_x(y)^{1-α})^{1/(1-α)}

At α = 0 that is the mixture of all targets, which solves everything sometimes (coverage); towards α = 1 it keeps the
answers that solve most prompts (precision). `descend` has no sampling noise: it follows the exact gradient of the
objective; `train_on_samples` runs the real algorithms on samples.
"""

import argparse
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from training.algorithms.algorithm import Algorithm, Rollouts
from training.algorithms.registry import create_algorithm

TOKENS, LENGTH = 4, 4
SOLVES = ((0, 1, 2, 3, 4), (3, 4, 5), (5, 6), (7,))
"""Prompts solved by each method."""
ALPHAS = (0.0, 0.25, 0.5, 0.75, 0.9, 0.999)
COVERAGE_SAMPLES = 16


@dataclass(frozen=True)
class Toy:
    """`X` prompts and `Y` answers, float64.

    Attributes:
        answers: `[Y, T]` tokens.
        right: `[X, Y]`, 1 where the answer solves the prompt.
        base: `[X, Y]` log-probabilities of the base model.
        log_target: `[X, Y]` log-probabilities of the base filtered by the verifier.
    """

    answers: Tensor
    right: Tensor
    base: Tensor
    log_target: Tensor

    @classmethod
    def make(cls, seed: int = 0) -> "Toy":
        answers = torch.tensor(list(itertools.product(range(TOKENS), repeat=LENGTH)))
        prompts = 1 + max(prompt for solved in SOLVES for prompt in solved)
        right = torch.zeros(prompts, len(answers), dtype=torch.float64)
        for index, (method, *rest) in enumerate(answers.tolist()):
            if sum(rest) % TOKENS == 0:
                right[list(SOLVES[method]), index] = 1
        noise = torch.randn(right.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        base = noise.log_softmax(1)
        return cls(answers, right, base, (base + right.log()).log_softmax(1))

    def partitions(self) -> Tensor:
        """Return `[X]`: Z, the share of correct answers under the base."""
        return (self.base.exp() * self.right).sum(1)

    def divergence(self, log_policy: Tensor, alpha: float) -> Tensor:
        """Return the mean over prompts of `D_α`, in nats; log_policy is `[Y]`."""
        if alpha == 0:
            target = self.log_target.exp()
            return torch.where(target > 0, target * (self.log_target - log_policy), 0.0).sum(1).mean()
        overlap = ((1 - alpha) * self.log_target + alpha * log_policy).exp().sum(1)
        return ((overlap - 1) / (alpha * (alpha - 1))).mean()

    def minimiser(self, alpha: float) -> Tensor:
        """Return `[Y]`: the log-probabilities that minimise `divergence`."""
        return (((1 - alpha) * self.log_target).logsumexp(0) / (1 - alpha)).log_softmax(0)

    def pass_at(self, log_policy: Tensor, k: int) -> float:
        """Return the probability that k samples contain a correct answer, averaged over prompts."""
        accuracy = (log_policy.exp() * self.right).sum(1)
        return float((1 - (1 - accuracy) ** k).mean())


class PrefixPolicy(torch.nn.Module):
    """A softmax table over the next token for each prefix."""

    def __init__(self, toy: Toy) -> None:
        super().__init__()
        weights = TOKENS ** torch.arange(LENGTH - 1, -1, -1)
        offsets = torch.tensor([(TOKENS**position - 1) // (TOKENS - 1) for position in range(LENGTH)])
        prefixes = (toy.answers * weights).cumsum(1) // (weights * TOKENS)
        self.rows, self.answers = prefixes + offsets, toy.answers
        self.logits = torch.nn.Parameter(torch.zeros(int(self.rows.max()) + 1, TOKENS, dtype=torch.float64))

    def token_log_probs(self) -> Tensor:
        """`[Y, T]`."""
        return self.logits.log_softmax(1)[self.rows, self.answers]

    def entropies(self) -> Tensor:
        """Return `[Y, T]`: the entropy of the distribution of each token of each answer, in nats."""
        log_probs = self.logits.detach().log_softmax(1)
        return -(log_probs.exp() * log_probs).sum(1)[self.rows]


def descend(toy: Toy, alpha: float, steps: int = 1500, learning_rate: float = 0.3) -> Tensor:
    """Return the policy's log-probabilities `[Y]` after following α-DPG's expected gradient, without cap or noise."""
    policy = PrefixPolicy(toy)
    optimizer = torch.optim.Adam(policy.parameters(), lr=learning_rate, betas=(0.9, 0.99), eps=1e-16)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        log_policy = policy.token_log_probs().sum(1)
        constant = log_policy.detach()
        reward = torch.expm1((1 - alpha) * (toy.log_target - constant))  # -1 where the answer is wrong
        baseline = (constant.exp() * reward).sum(1, keepdim=True)
        loss = -(constant.exp() * (reward - baseline) * log_policy).sum(1).mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return policy.token_log_probs().sum(1).detach()


def train_on_samples(
    toy: Toy, algorithm: Algorithm, steps: int = 300, rollouts: int = 16, learning_rate: float = 0.05, seed: int = 0
) -> Tensor:
    """Return the policy's log-probabilities `[Y]` after as many steps of an algorithm on samples of all prompts."""
    random = torch.Generator().manual_seed(seed)
    policy = PrefixPolicy(toy)
    optimizer = torch.optim.Adam(policy.parameters(), lr=learning_rate)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.02, steps)
    prompts = torch.arange(len(toy.right))
    for _ in range(steps):
        token_log_probs = policy.token_log_probs()
        log_policy = token_log_probs.detach().sum(1)
        sampler = toy.base if algorithm.samples_base else log_policy.expand_as(toy.base)
        chosen = torch.multinomial(sampler.exp(), rollouts, replacement=True, generator=random)
        batch = Rollouts(
            prompts=tuple(str(prompt) for prompt in prompts.tolist()),
            log_probs=token_log_probs[chosen],
            old_log_probs=token_log_probs.detach()[chosen],
            mask=torch.ones(*chosen.shape, LENGTH, dtype=torch.bool),
            rewards=toy.right.gather(1, chosen),
            base_log_probs=(toy.base.gather(1, chosen) / LENGTH)[..., None].expand(*chosen.shape, LENGTH),
            entropies=policy.entropies()[chosen],
            old_entropies=policy.entropies()[chosen],
            greedy_rewards=toy.right[prompts, log_policy.argmax()],
        )
        keep = [index for index, kept in enumerate(algorithm.keep_groups(batch.rewards).tolist()) if kept]
        if keep:
            batch = batch.select(keep)
            optimizer.zero_grad()
            algorithm.loss(batch, algorithm.advantages(batch).values).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        schedule.step()
    return policy.token_log_probs().sum(1).detach()


def compare(toy: Toy, names: Sequence[str]) -> dict[str, list[dict[str, float | str]]]:
    """Compare each α, optimised by the exact gradient, with its minimiser, and the algorithms on samples."""

    def point(name: str, log_policy: Tensor) -> dict[str, float | str]:
        return {
            "name": name,
            "precision": toy.pass_at(log_policy, 1),
            "coverage": toy.pass_at(log_policy, COVERAGE_SAMPLES),
        }

    exact = []
    for alpha in ALPHAS:
        reached, best = descend(toy, alpha), toy.minimiser(alpha)
        gap = toy.divergence(reached, alpha) - toy.divergence(best, alpha)
        distance = (reached.exp() - best.exp()).abs().sum() / 2
        row = point(f"α = {alpha:g}", reached)
        exact.append({**row, "alpha": alpha, "divergence_gap": float(gap), "total_variation": float(distance)})
    sampled = []
    for name in names:
        kind, _, alpha_text = name.partition(" ")
        options = {"alpha": float(alpha_text)} if alpha_text else {}
        sampled.append(point(name, train_on_samples(toy, create_algorithm(kind, options, LENGTH))))
    return {"exact": exact, "sampled": sampled}


def plot(results: dict[str, list[dict[str, float | str]]], path: Path) -> None:
    """Plot precision against coverage."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.subplots()
    exact = results["exact"]
    x, y = [float(row["precision"]) for row in exact], [float(row["coverage"]) for row in exact]
    axes.plot(x, y, "o-", label="minimisers of the α-divergences")
    for row, at in zip(exact, zip(x, y, strict=True), strict=True):
        axes.annotate(str(row["name"]), at, textcoords="offset points", xytext=(6, 5))
    for row, marker in zip(results["sampled"], itertools.cycle("xsDv^<>P*h")):
        axes.plot(float(row["precision"]), float(row["coverage"]), marker, ms=8, mfc="none", label=str(row["name"]))
    axes.set_xlabel("precision: pass@1")
    axes.set_ylabel(f"coverage: pass@{COVERAGE_SAMPLES}")
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description="α-divergences on a toy where the answer is known.")
    parser.add_argument("--out", type=Path, default=Path("."), help="folder for toy.json and toy.png")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)  # the tensors are too small for several threads
    names = [
        "alpha_dpg 0.25",
        "alpha_dpg 0.999",
        "grpo",
        "rloo",
        "remax",
        "gpg",
        "pass_at_k",
        "unlikely",
        "dapo",
        "rs_ft",
    ]
    results = compare(Toy.make(), names)
    (arguments.out / "toy.json").write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    plot(results, arguments.out / "toy.png")
    for row in results["exact"] + results["sampled"]:
        gap = f"   gap to the minimum {row['divergence_gap']:.1e} nats" if "divergence_gap" in row else ""
        print(f"{row['name']:18} precision {row['precision']:.3f}   coverage {row['coverage']:.3f}{gap}")


if __name__ == "__main__":
    main()
