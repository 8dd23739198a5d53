"""The progress line of a step of reinforcement learning."""

from datetime import timedelta

from training.algorithms.algorithm import Metrics


def progress_line(step: int, done: float, left: float, metrics: Metrics) -> str:
    """Describe a step's results and durations.

    Args:
        done: share of the run's rollouts.
        left: estimated seconds until its end.
    """
    seconds = {
        name.removeprefix("seconds_"): value
        for name, value in metrics.items()
        if name.startswith("seconds_") and name != "seconds_ahead"
    }
    laps = ", ".join(f"{name} {value:.1f}" for name, value in seconds.items())
    dev = f"  dev {metrics['dev_reward']:.1%}" if "dev_reward" in metrics else ""
    return (
        f"step {step} ({done:.0%})  {metrics['verified']:.0f}/{metrics['rollouts']:.0f} verified"
        f"  KL {metrics.get('kl_to_base', 0.0):.3f}  entropy {metrics.get('entropy', 0.0):.3f}{dev}"
        f"  {sum(seconds.values()):.1f} s ({laps})  {timedelta(seconds=round(left))} left"
    )
