"""Verifies that the engine sampled with the trainer's weights."""

from training.algorithms.algorithm import Rollouts

_USUAL = {"float32": 1e-4, "bfloat16": 0.05}


class StaleWeightsError(RuntimeError):
    """The sampling engine does not have the trainer's weights."""


def check_agreement(rollouts: Rollouts, most: float | None, dtype: str) -> None:
    """Compare log-probabilities to verify that the engine sampled with the trainer's weights.

    Args:
        most: maximum mean difference over tokens, in nats; None: the usual one for `dtype`.

    Raises:
        StaleWeightsError: they differ by more.
    """
    mask, most = rollouts.mask, most or _USUAL[dtype]
    if not mask.any() or rollouts.sampler_log_probs is None:
        return
    mismatch = float((rollouts.old_log_probs - rollouts.sampler_log_probs)[mask].abs().mean())
    if not mismatch <= most:
        raise StaleWeightsError(
            f"trainer and sampling engine disagree by {mismatch:.2g} nats a token (rollouts.max_mismatch {most:g}): "
            "the engine does not have the trainer's weights, or computes in a lower precision"
        )
