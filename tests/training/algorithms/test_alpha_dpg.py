import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.training.algorithms.rollout_groups import gradient_of, rollouts
from training.algorithms.filtered.alpha_dpg import AlphaDpg
from training.algorithms.reinforce.rloo import Rloo

THIRD = 1 / 3


def advantages_of(algorithm: AlphaDpg, rewards: list[float], log_ratio: list[float]) -> torch.Tensor:
    return algorithm.advantages(rollouts([rewards], [log_ratio])).values[0]


@pytest.mark.parametrize(
    ("rewards", "log_ratio", "alpha", "partition", "advantages"),
    [
        ("1000", [0, 0, 0, 0], 0.0, 0.25, [4, -4 * THIRD, -4 * THIRD, -4 * THIRD]),
        ("1000", [0, 0, 0, 0], 0.5, 0.25, [2, -2 * THIRD, -2 * THIRD, -2 * THIRD]),
        ("1000", [0, 0, 0, 0], 0.999, 0.25, [1.0014, -0.3338, -0.3338, -0.3338]),
        ("1100", [0, 0, 0, 0], 0.0, 0.5, [4 * THIRD, 4 * THIRD, -4 * THIRD, -4 * THIRD]),
        ("1100", [0, 0, 0, 0], 0.25, 0.5, [1.1212, 1.1212, -1.1212, -1.1212]),
        ("1100", [0, -1, 0, 0], 0.0, 0.3420, [2.5656, 0.1010, -4 * THIRD, -4 * THIRD]),
        ("1100", [0, -1, 0, 0], 0.5, 0.3420, [1.3643, 0.4672, -0.9157, -0.9157]),
        ("1111", [0, -1, 1, -2], 0.0, 1.0, [-0.0738, -0.9167, 2.2172, -1.2267]),
        ("1000", [4, 0, 0, 0], 0.0, 1.0, [11, -11 * THIRD, -11 * THIRD, -11 * THIRD]),
        ("1000", [4, 0, 0, 0], 0.5, 1.0, [7.3891, -2.4630, -2.4630, -2.4630]),
        ("0000", [0, 1, 2, 3], 0.25, 1e-4, [0, 0, 0, 0]),
    ],
)
def test_reference_values(
    rewards: str, log_ratio: list[float], alpha: float, partition: float, advantages: list[float]
) -> None:
    group = rollouts([[float(verdict) for verdict in rewards]], [[float(value) for value in log_ratio]])
    result = AlphaDpg(length=8, alpha=alpha).advantages(group)
    assert result.values[0].tolist() == pytest.approx(advantages, abs=1e-4)
    assert result.metrics["partition"] == pytest.approx(partition, abs=1e-4)


def test_cap_is_counted_when_it_binds() -> None:
    group = rollouts([[1, 0, 0, 0], [1, 0, 0, 0]], [[4, 0, 0, 0], [0, 0, 0, 0]])
    metrics = AlphaDpg(length=8, alpha=0.0).advantages(group).metrics
    assert metrics["capped_fraction"] == 1 / 8


def test_effective_sample_size_counts_equal_weights_once_each() -> None:
    even = AlphaDpg(length=8).advantages(rollouts([[1, 1, 1, 0]], [[2, 2, 2, 9]]))
    uneven = AlphaDpg(length=8).advantages(rollouts([[1, 1, 1, 0]], [[30, 0, 0, 9]]))
    assert even.metrics["effective_sample_size"] == pytest.approx(3, abs=1e-5)
    assert uneven.metrics["effective_sample_size"] == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("alpha", [1.0, 1.5, -0.1, math.nan])
def test_alpha_outside_its_range_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match=r"alpha must lie in \[0, 1\)"):
        AlphaDpg(length=8, alpha=alpha)


@pytest.mark.parametrize("log_ratio", [-300.0, -104.0, 0.0])
def test_a_lone_right_answer_gets_u_equal_n_however_small_its_weight(log_ratio: float) -> None:
    # exp(-104) is 0 in float32: outside log-space the answer would be lost.
    advantages = advantages_of(AlphaDpg(length=8, alpha=0.0), [1.0] + [0.0] * 7, [log_ratio] + [0.0] * 7)
    assert advantages[0].item() == pytest.approx(8, abs=1e-3)  # R = n - 1 against a baseline of -1


def test_all_wrong_group_gives_no_gradient() -> None:
    group = rollouts([[0, 0, 0, 0]], [[1, 2, 3, 4]])
    group.log_probs.requires_grad_()
    algorithm = AlphaDpg(length=8)
    loss = algorithm.loss(group, algorithm.advantages(group).values)
    assert not gradient_of(loss, group.log_probs).any()


def test_all_right_group_still_pulls_towards_the_relative_probabilities_of_the_base() -> None:
    advantages = advantages_of(AlphaDpg(length=8, alpha=0.25), [1.0] * 4, [0.0, -1.0, 1.0, -2.0])
    assert advantages.argsort(descending=True).tolist() == [2, 0, 1, 3]
    assert advantages_of(AlphaDpg(length=8, alpha=0.25), [1.0] * 4, [-1.0] * 4).abs().max() < 1e-6


def test_sequence_probabilities_are_not_normalised_by_length() -> None:
    group = rollouts([[1, 1, 0, 0]], [[0, -1, 0, 0]], tokens=6, lengths=[[1, 6, 3, 2]])
    result = AlphaDpg(length=8, alpha=0.0).advantages(group)
    assert result.values[0].tolist() == pytest.approx([2.5656, 0.1010, -4 * THIRD, -4 * THIRD], abs=1e-4)


def test_gradient_is_minus_advantage_over_count_and_length_on_response_tokens_only() -> None:
    group = rollouts([[1, 0, 0, 0]], [[0, 0, 0, 0]], lengths=[[3, 1, 2, 3]])
    group.log_probs.requires_grad_()
    algorithm = AlphaDpg(length=8)
    advantages = algorithm.advantages(group).values
    gradient = gradient_of(algorithm.loss(group, advantages), group.log_probs)
    assert torch.allclose(gradient, -advantages[..., None] * group.mask / (4 * 8))


def test_padding_may_hold_anything() -> None:
    clean = rollouts([[1, 0, 1, 0]], [[0, 1, 2, 3]], lengths=[[3, 1, 2, 3]])
    dirty = rollouts([[1, 0, 1, 0]], [[0, 1, 2, 3]], lengths=[[3, 1, 2, 3]])
    for tensor in (dirty.log_probs, dirty.old_log_probs, dirty.base_log_probs):
        assert tensor is not None
        tensor[~dirty.mask] = -math.inf
    algorithm = AlphaDpg(length=8)
    assert torch.equal(algorithm.advantages(clean).values, algorithm.advantages(dirty).values)
    advantages = algorithm.advantages(clean).values
    assert algorithm.loss(clean, advantages) == algorithm.loss(dirty, advantages)


def test_running_partition_is_the_mean_over_the_batches_a_prompt_was_seen_in_and_survives_a_restart() -> None:
    first, second = rollouts([[1, 0, 0, 0]], [[0] * 4]), rollouts([[1, 1, 1, 0]], [[0] * 4])
    algorithm = AlphaDpg(length=8, partition="running")
    assert algorithm.advantages(first).metrics["partition"] == pytest.approx(0.25)
    resumed = AlphaDpg(length=8, partition="running")
    resumed.load_state_dict(algorithm.state_dict())
    assert resumed.advantages(second).metrics["partition"] == pytest.approx(0.5)
    assert algorithm.advantages(second).metrics["partition"] == pytest.approx(0.5)


def test_running_partition_starts_at_the_floor_and_forgets_it_at_the_first_right_answer() -> None:
    algorithm = AlphaDpg(length=8, partition="running")
    assert algorithm.advantages(rollouts([[0] * 4], [[0] * 4])).metrics["partition"] == pytest.approx(1e-4)
    assert algorithm.advantages(rollouts([[1] * 4], [[0] * 4])).metrics["partition"] == pytest.approx(0.5)


def test_precomputed_partition_is_looked_up_by_prompt() -> None:
    group = rollouts([[1, 0], [1, 0], [0, 1]], [[0, 0]] * 3)
    shares = {"prompt 0": 0.5, "prompt 1": 0.25, "prompt 2": 0.0}
    algorithm = AlphaDpg(length=8, alpha=0.5, partition="precomputed", partitions=shares)
    advantages = algorithm.advantages(group).values
    assert advantages[0].tolist() == pytest.approx([math.sqrt(2), -math.sqrt(2)])
    assert advantages[1].tolist() == pytest.approx([2, -2])
    assert advantages[2].tolist() == pytest.approx([-11, 11])  # sqrt(1e4) - 1, cut at M = 10


def test_precomputed_partition_of_an_unknown_prompt_is_refused() -> None:
    algorithm = AlphaDpg(length=8, partition="precomputed", partitions={"prompt 0": 0.5})
    with pytest.raises(ValueError, match="no value for prompt 'prompt 1'"):
        algorithm.advantages(rollouts([[1, 0], [1, 0]], [[0, 0]] * 2))


def test_rollouts_without_base_log_probs_are_refused() -> None:
    group = rollouts([[1, 0]])
    object.__setattr__(group, "base_log_probs", None)
    with pytest.raises(ValueError, match="needs base_log_probs"):
        AlphaDpg(length=8).advantages(group)


group_of_verdicts = st.integers(2, 9).flatmap(
    lambda n: st.tuples(
        st.lists(st.sampled_from([0.0, 1.0]), min_size=n, max_size=n),
        st.lists(st.floats(-40, 40, width=32), min_size=n, max_size=n),
    )
)


@given(group_of_verdicts, st.floats(0, 0.999), st.sampled_from([math.inf, 10.0]))
def test_rewards_are_bounded_wrong_answers_get_minus_one_and_advantages_sum_to_zero(
    group: tuple[list[float], list[float]], alpha: float, cap: float
) -> None:
    verdicts, log_ratio = group
    n = len(verdicts)
    algorithm = AlphaDpg(length=8, alpha=alpha, reward_cap=cap)
    result = algorithm.advantages(rollouts([verdicts], [log_ratio]))
    advantages = result.values[0]
    assert advantages.isfinite().all()
    assert advantages.sum().item() == pytest.approx(0, abs=1e-4 * float(advantages.abs().max()) + 1e-5)
    # Advantages determine rewards up to a constant: A_i - A_j = (R_i - R_j) n/(n-1), and any wrong answer has R = -1.
    wrong = [index for index, verdict in enumerate(verdicts) if not verdict]
    if wrong:
        rewards = (advantages - advantages[wrong[0]]) * (n - 1) / n - 1
        assert all(rewards[index].item() == pytest.approx(-1, abs=1e-4) for index in wrong)
        weights = [ratio for ratio, verdict in zip(log_ratio, verdicts, strict=True) if verdict]
        if weights and math.fsum(math.exp(weight) for weight in weights) < n:  # Z is not clamped
            assert rewards.max().item() <= n ** (1 - alpha) - 1 + 1e-3


@given(st.lists(st.sampled_from([0.0, 1.0]), min_size=2, max_size=8), st.floats(0.05, 2), st.randoms())
def test_alpha_near_one_is_rloo_up_to_the_log_ratio(verdicts: list[float], bound: float, random: object) -> None:
    log_ratio = [random.uniform(-bound, bound) for _ in verdicts]  # type: ignore[attr-defined]
    group = rollouts([verdicts], [log_ratio])
    ours, theirs = AlphaDpg(length=8, alpha=0.999).advantages(group).values, Rloo(length=8).advantages(group).values
    largest_log_u = 2 * bound + math.log(len(verdicts))
    assert (ours - theirs).abs().max().item() <= 2.2e-3 * largest_log_u + 1e-5


def test_expected_gradient_is_that_of_the_alpha_divergence() -> None:
    """Every pair of answers, weighted by its probability: no sampling error, so the two gradients must agree."""
    torch.manual_seed(0)
    answers, alpha = 6, 0.4
    right = torch.tensor([1.0, 1, 0, 1, 0, 0], dtype=torch.float64)
    base = torch.randn(answers, dtype=torch.float64).log_softmax(0)
    logits = torch.randn(answers, dtype=torch.float64, requires_grad=True)
    log_policy = logits.log_softmax(0)
    z = float((base.exp() * right).sum())

    target = base.exp() * right / z
    t = log_policy.exp()[right > 0] / target[right > 0]
    f = (t**alpha - alpha * t - (1 - alpha)) / (alpha * (alpha - 1))
    divergence = (target[right > 0] * f).sum() + log_policy.exp()[right == 0].sum() / (1 - alpha)
    (exact,) = torch.autograd.grad(divergence, logits, retain_graph=True)

    first, second = torch.meshgrid(torch.arange(answers), torch.arange(answers), indexing="ij")
    pairs = torch.stack([first.flatten(), second.flatten()], dim=1)
    pair_probability = log_policy.detach().exp()[pairs].prod(1)
    algorithm = AlphaDpg(
        length=1,
        alpha=alpha,
        reward_cap=math.inf,
        partition="precomputed",
        partitions={f"prompt {index}": z for index in range(len(pairs))},
    )
    group = rollouts(
        right[pairs].tolist(),
        tokens=1,
        log_probs=log_policy[pairs][..., None],
        old_log_probs=log_policy.detach()[pairs][..., None],
        base_log_probs=base[pairs][..., None],
    )
    losses = algorithm.token_losses(group, algorithm.advantages(group).values)[..., 0].mean(1)
    (ours,) = torch.autograd.grad((pair_probability * losses).sum(), logits)
    assert torch.allclose(ours, (1 - alpha) * exact, atol=1e-12)
