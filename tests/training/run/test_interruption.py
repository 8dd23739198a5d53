"""Signals in a training run, raised in this process."""

import signal

import pytest

from training.run.interruption import InterruptedTwice, Interruption


def steps(said: list[str], *signals: signal.Signals, between: bool = False) -> None:
    """Two steps, with signals in the first one, or after it."""
    with Interruption(said.append) as interruption:
        with interruption.deferred():
            for number in () if between else signals:
                signal.raise_signal(number)
            said.append("first step")
        for number in signals if between else ():
            signal.raise_signal(number)
        said.append("second step")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_a_step_is_told_at_once_and_takes_effect_at_its_end(number: signal.Signals) -> None:
    said: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        steps(said, number)
    assert said == [
        "interrupted: the current step is finished first; a second interrupt ends at once",
        "first step",
    ]


def test_a_signal_between_two_steps_has_nothing_to_wait_for() -> None:
    said: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        steps(said, signal.SIGINT, between=True)
    assert said == ["first step"]


def test_a_second_signal_ends_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.run.interruption._SAME_SECONDS", 0.0)
    said: list[str] = []
    with pytest.raises(InterruptedTwice):
        steps(said, signal.SIGINT, signal.SIGINT)
    assert len(said) == 1


def test_one_interrupt_that_arrives_twice_counts_once() -> None:
    said: list[str] = []
    with pytest.raises(KeyboardInterrupt) as error:
        steps(said, signal.SIGINT, signal.SIGINT)
    assert not isinstance(error.value, InterruptedTwice)
    assert said[-1] == "first step"
