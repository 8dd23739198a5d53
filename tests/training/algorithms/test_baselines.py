"""Advantages of the simple baselines for one right answer of four, and what their losses do."""

import itertools
import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.training.algorithms.rollout_groups import gradient_of, rollouts
from training.algorithms.algorithm import Algorithm
from training.algorithms.filtered.rs_ft import RsFt
from training.algorithms.grpo.dr_grpo import DrGrpo
from training.algorithms.grpo.grpo import Grpo
from training.algorithms.grpo.pass_at_k import PassAtK
from training.algorithms.grpo.unlikely import Unlikely
from training.algorithms.reinforce.gpg import Gpg
from training.algorithms.reinforce.remax import ReMax
from training.algorithms.reinforce.rloo import Rloo

THIRD = 1 / 3
verdicts = st.lists(st.sampled_from([0.0, 1.0]), min_size=2, max_size=8)


@pytest.mark.parametrize(
    ("algorithm", "advantages"),
    [
        (Rloo(length=8), [1, -THIRD]),
        (DrGrpo(length=8), [0.75, -0.25]),
        (Grpo(), [1.732, -0.577]),
        (Grpo(std="sample"), [1.5, -0.5]),
        (Gpg(), [3, -1]),
        (PassAtK(k=2), [1, -THIRD]),
        (RsFt(), [1, 0]),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Algorithm) else "",
)
def test_one_right_of_four(algorithm: Algorithm, advantages: list[float]) -> None:
    values = algorithm.advantages(rollouts([[1, 0, 0, 0]])).values[0].tolist()
    assert values == pytest.approx([advantages[0], *[advantages[1]] * 3], abs=1e-3)


@pytest.mark.parametrize(
    "algorithm",
    [Rloo(length=8), DrGrpo(length=8), Grpo(), Grpo(std="sample"), Gpg(), PassAtK(k=2), Unlikely(rank_penalty=0.0)],
    ids=lambda value: type(value).__name__,
)
@given(verdicts)
def test_groups_without_contrast_have_no_advantage_and_others_favour_right_answers(
    algorithm: Algorithm, group: list[float]
) -> None:
    values = algorithm.advantages(rollouts([group, [0.0] * len(group), [1.0] * len(group)])).values
    assert not values[1:].any()
    assert values[0].isfinite().all()
    if 0 < sum(group) < len(group) and values[0].any():
        right = torch.tensor(group) > 0
        assert values[0][right].min() > 0 > values[0][~right].max()
        assert values[0].sum().item() == pytest.approx(0, abs=1e-4)


def test_pass_at_k_reference_values() -> None:
    values = PassAtK(k=4).advantages(rollouts([[1, 1, 1, 0, 0, 0, 0, 0]])).values[0].tolist()
    assert values == pytest.approx([0.27735] * 3 + [-0.16641] * 5, abs=1e-5)


@given(verdicts, st.integers(1, 8))
def test_pass_at_k_advantage_is_the_mean_over_all_sets_of_k_that_hold_the_rollout(group: list[float], k: int) -> None:
    k = min(k, len(group))
    sets = list(itertools.combinations(range(len(group)), k))
    reward = [float(any(group[index] for index in chosen)) for chosen in sets]
    mean = math.fsum(reward) / len(reward)
    spread = math.sqrt(mean * (1 - mean))
    values = PassAtK(k=k).advantages(rollouts([group])).values[0]
    for index in range(len(group)):
        mine = [value for chosen, value in zip(sets, reward, strict=True) if index in chosen]
        expected = (math.fsum(mine) / len(mine) - mean) / spread if spread else 0.0
        assert values[index].item() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("k", [0, 5])
def test_pass_at_k_refuses_sets_larger_than_the_group(k: int) -> None:
    with pytest.raises(ValueError, match="1 <= k <= rollouts a prompt"):
        PassAtK(k=k).advantages(rollouts([[1, 0, 0, 0]]))


def test_remax_compares_with_the_greedy_rollout() -> None:
    group = rollouts([[1, 0], [1, 0]], greedy_rewards=torch.tensor([0.0, 1.0]))
    assert ReMax(length=8).advantages(group).values.tolist() == [[1, 0], [0, -1]]
    with pytest.raises(ValueError, match="needs greedy_rewards"):
        ReMax(length=8).advantages(rollouts([[1, 0]]))


@given(verdicts, st.sampled_from([0.0, 1.0]))
def test_remax_advantages_differ_as_rewards_do(group: list[float], greedy: float) -> None:
    values = ReMax(length=8).advantages(rollouts([group], greedy_rewards=torch.tensor([greedy]))).values[0]
    assert set(values.tolist()) <= {-1.0, 0.0, 1.0}
    assert torch.equal(values - values[0], torch.tensor(group) - group[0])
    assert [value == 0 for value in values] == [reward == greedy for reward in group]


def test_gpg_scales_by_the_share_of_rollouts_with_a_reward_in_the_whole_batch() -> None:
    values = Gpg().advantages(rollouts([[1, 0], [1, 1], [0, 0], [0, 0]])).values
    assert values[0].tolist() == pytest.approx([8 / 3 / 2, -8 / 3 / 2])


@given(verdicts.filter(lambda group: len(group) > 2))
def test_rloo_is_dr_grpo_times_n_over_n_minus_one(group: list[float]) -> None:
    n, batch = len(group), rollouts([group])
    ours, theirs = Rloo(length=8).advantages(batch).values, DrGrpo(length=8).advantages(batch).values
    assert torch.allclose(ours, theirs * n / (n - 1), atol=1e-6)


def test_leave_one_out_needs_two_rollouts() -> None:
    with pytest.raises(ValueError, match="at least 2 rollouts"):
        Rloo(length=8).advantages(rollouts([[1]]))


def test_unlikely_pays_the_least_likely_right_answer_in_full() -> None:
    # Mean log-probabilities, not sums, rank the answers: the third is long but likely.
    old = torch.tensor([[[-1.0, -1, 0, 0], [-2, -2, 0, 0], [-0.6, -0.6, -0.6, -0.6], [-3, -3, 0, 0]]])
    group = rollouts([[1, 1, 1, 0]], tokens=4, lengths=[[2, 2, 4, 2]], old_log_probs=old)
    paid = torch.tensor([[1 - 0.25 * 2 / 4, 1 - 0.25 * 1 / 4, 1 - 0.25 * 3 / 4, 0.0]])
    assert torch.allclose(Unlikely().advantages(group).values, Grpo().standardise(paid))


def test_unlikely_still_separates_right_answers_in_a_group_without_wrong_ones() -> None:
    old = torch.tensor([[[-1.0], [-2.0]]])
    values = Unlikely().advantages(rollouts([[1, 1]], tokens=1, old_log_probs=old)).values[0]
    assert values[1] > 0 > values[0]


def test_grpo_divides_by_each_length_and_dr_grpo_by_a_constant() -> None:
    group = rollouts([[1, 0]], tokens=4, lengths=[[1, 4]])
    group.log_probs.requires_grad_()
    grpo, dr_grpo = Grpo(), DrGrpo(length=8)
    advantages = torch.tensor([[1.0, -1.0]])
    gradient = gradient_of(grpo.loss(group, advantages), group.log_probs)
    assert gradient[0, 0].tolist() == [-0.5, 0, 0, 0]
    assert gradient[0, 1].tolist() == [0.125] * 4
    gradient = gradient_of(dr_grpo.loss(group, advantages), group.log_probs)
    assert gradient[0, 0].tolist() == [-1 / 16, 0, 0, 0]
    assert gradient[0, 1].tolist() == [1 / 16] * 4


def test_gpg_divides_by_the_tokens_of_the_batch() -> None:
    group = rollouts([[1, 0]], tokens=4, lengths=[[1, 4]])
    group.log_probs.requires_grad_()
    gradient = gradient_of(Gpg().loss(group, torch.tensor([[1.0, -1.0]])), group.log_probs)
    assert gradient[0].tolist() == [[pytest.approx(-0.2), 0, 0, 0], [pytest.approx(0.2)] * 4]


def test_grpo_stops_the_gradient_outside_the_clip_only_where_it_would_go_further() -> None:
    ratio = torch.tensor([[[1.5, 0.5, 1.1], [1.5, 0.5, 1.1]]])
    old = torch.full((1, 2, 3), -2.0)
    group = rollouts([[1, 0]], old_log_probs=old, log_probs=(old + ratio.log()).requires_grad_())
    algorithm, advantages = Grpo(), torch.tensor([[1.0, -1.0]])
    gradient = gradient_of(algorithm.loss(group, advantages), group.log_probs)
    expected = torch.tensor([[[0, -0.5, -1.1], [1.5, 0, 1.1]]]) / 6
    assert torch.allclose(gradient, expected, atol=1e-6)
    assert algorithm.update_metrics(group, advantages) == {
        "clip_fraction": pytest.approx(2 / 6),
        "ratio_max": pytest.approx(1.5),
    }


def test_grpo_kl_is_k3_and_pulls_towards_the_base() -> None:
    group = rollouts([[0, 0]], [[0.7, 0.7]], tokens=1)
    group.log_probs.requires_grad_()
    algorithm = Grpo(beta=0.04)
    loss = algorithm.loss(group, torch.zeros(1, 2))
    assert loss.item() == pytest.approx(0.04 * (math.exp(0.7) - 0.7 - 1), rel=1e-5)
    assert gradient_of(loss, group.log_probs).max() < 0  # base is likelier: raising log π lowers the loss
    assert algorithm.needs_base
    assert not Grpo().needs_base


def test_rs_ft_is_cross_entropy_over_the_tokens_of_right_answers() -> None:
    group = rollouts([[1, 0, 1]], tokens=4, lengths=[[1, 4, 3]])
    algorithm = RsFt()
    kept = group.log_probs[group.mask & (group.rewards > 0)[..., None]]
    assert len(kept) == 4
    assert algorithm.loss(group, algorithm.advantages(group).values).item() == pytest.approx(-kept.mean().item())
    assert algorithm.samples_base


@given(verdicts, st.integers(0, 1000))
def test_rs_ft_does_not_look_at_wrong_answers(group: list[float], seed: int) -> None:
    algorithm, batch = RsFt(), rollouts([group], seed=seed)
    loss = algorithm.loss(batch, algorithm.advantages(batch).values)
    batch.log_probs[torch.tensor([group]) == 0] *= 7
    assert algorithm.loss(batch, algorithm.advantages(batch).values) == loss
    batch.log_probs.requires_grad_()
    gradient = gradient_of(algorithm.loss(batch, algorithm.advantages(batch).values), batch.log_probs)
    assert torch.equal(gradient != 0, (torch.tensor([group]) > 0)[..., None].expand_as(gradient))


def test_rs_ft_of_nothing_right_is_zero() -> None:
    algorithm, group = RsFt(), rollouts([[0, 0]])
    assert algorithm.loss(group, algorithm.advantages(group).values).item() == 0


def test_population_standard_deviation_is_exact() -> None:
    share = Fraction(1, 4)
    expected = (1 - share) / Fraction(math.isqrt(3 * 10**12), 4 * 10**6)
    assert Grpo(epsilon=1e-12).standardise(torch.tensor([[1.0, 0, 0, 0]]))[0, 0].item() == pytest.approx(
        float(expected)
    )
