import json
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.algorithms.filtered.alpha_dpg import AlphaDpg
from training.toy import ALPHAS, LENGTH, PrefixPolicy, Toy, descend, train_on_samples

TOLERANCE = 1e-3
"""Largest total variation between what gradient descent reaches and the minimiser."""


@pytest.fixture(scope="module")
def toy() -> Toy:
    return Toy.make()


def test_every_answer_is_listed_once_and_every_prompt_can_be_solved(toy: Toy) -> None:
    assert len({tuple(answer) for answer in toy.answers.tolist()}) == 256
    assert (toy.partitions() > 0).all()
    assert torch.allclose(toy.log_target.exp().sum(1), torch.ones(8, dtype=torch.float64))


def test_prefix_policy_is_a_distribution_that_conditions_on_the_whole_prefix(toy: Toy) -> None:
    torch.manual_seed(0)
    policy = PrefixPolicy(toy)
    torch.nn.init.normal_(policy.logits)
    token_log_probs = policy.token_log_probs()
    assert token_log_probs.sum(1).exp().sum().item() == pytest.approx(1)
    same_prefix = (toy.answers[:, :3] == toy.answers[0, :3]).all(1)
    assert len(set(policy.rows[same_prefix, 3].tolist())) == 1
    assert len(set(policy.rows[:, 3].tolist())) == 64
    assert policy.entropies().shape == (256, LENGTH)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_gradient_descent_reaches_the_minimiser_of_its_divergence(toy: Toy, alpha: float) -> None:
    reached, best = descend(toy, alpha), toy.minimiser(alpha)
    assert (reached.exp() - best.exp()).abs().sum().item() / 2 < TOLERANCE
    gap = (toy.divergence(reached, alpha) - toy.divergence(best, alpha)).item()
    assert 0 <= gap < TOLERANCE / (1 - alpha)  # near α = 1 a wrong answer costs 1/(1-α)


@settings(max_examples=30)
@given(st.sampled_from([*ALPHAS, 0.1, 0.6]), st.integers(0, 1000), st.floats(0.001, 1))
def test_no_other_policy_has_a_smaller_divergence(alpha: float, seed: int, step: float) -> None:
    toy = Toy.make()
    best = toy.minimiser(alpha)
    noise = torch.randn(best.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    other = (best + step * noise).log_softmax(0)
    assert toy.divergence(other, alpha) >= toy.divergence(best, alpha)


def test_coverage_falls_and_precision_rises_with_alpha(toy: Toy) -> None:
    minimisers = [toy.minimiser(alpha) for alpha in ALPHAS]
    precision = [toy.pass_at(log_policy, 1) for log_policy in minimisers]
    coverage = [toy.pass_at(log_policy, 16) for log_policy in minimisers]
    assert precision == sorted(precision)
    assert coverage == sorted(coverage, reverse=True)
    assert precision[-1] - precision[0] > 0.15
    assert coverage[0] - coverage[-1] > 0.3


def test_alpha_dpg_on_samples_comes_close_to_the_minimiser(toy: Toy) -> None:
    partitions = {str(prompt): float(z) for prompt, z in enumerate(toy.partitions())}
    algorithm = AlphaDpg(LENGTH, alpha=0.25, reward_cap=1e3, partition="precomputed", partitions=partitions)
    reached = train_on_samples(toy, algorithm, steps=300, rollouts=64, learning_rate=0.1)
    start = torch.full((256,), 1 / 256, dtype=torch.float64).log()
    best = toy.divergence(toy.minimiser(0.25), 0.25)
    assert toy.divergence(reached, 0.25) - best < 0.03 * (toy.divergence(start, 0.25) - best)


def test_one_command_writes_the_figures_and_the_plot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import training.toy as module

    monkeypatch.setattr(module, "ALPHAS", (0.25,))
    monkeypatch.setattr(sys, "argv", ["toy", "--out", str(tmp_path)])
    monkeypatch.setattr(module, "train_on_samples", lambda toy, algorithm: toy.minimiser(0.5))
    module.main()
    results = json.loads((tmp_path / "toy.json").read_text(encoding="utf-8"))
    assert results["exact"][0]["total_variation"] < TOLERANCE
    assert (tmp_path / "toy.png").read_bytes().startswith(b"\x89PNG")
