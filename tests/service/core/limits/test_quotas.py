"""The quotas of one client."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.auth.identity import Identity, Quota
from service.core.limits.admission import Allowance, QuotaError, Quotas
from service.ops.config import ClientSettings


class Clock:
    """A clock controlled by the test."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def client(name: str = "somebody", **quota: float) -> Identity:
    return Identity(name, frozenset(), Quota(**quota))  # type: ignore[arg-type]


def test_a_client_has_no_more_calls_at_once_than_it_may() -> None:
    quotas = Quotas(ClientSettings(calls=2))
    with quotas.admitting(client()):
        with quotas.admitting(client()):
            with pytest.raises(QuotaError, match="somebody has 2 running calls"), quotas.admitting(client()):
                pass
            with quotas.admitting(client("somebody else")):
                pass
        with quotas.admitting(client()):
            pass


def test_calls_a_minute_come_back_evenly_and_the_refusal_says_when() -> None:
    clock = Clock()
    quotas = Quotas(ClientSettings(calls_per_minute=6), clock)
    for _ in range(6):
        with quotas.admitting(client()):
            pass
    with pytest.raises(QuotaError) as caught, quotas.admitting(client()):
        pass
    assert caught.value.seconds == pytest.approx(10)
    clock.now += caught.value.seconds
    with quotas.admitting(client()):
        pass


def test_what_a_call_overdraws_is_waited_for() -> None:
    clock = Clock()
    quotas = Quotas(ClientSettings(lean_seconds_per_hour=60), clock)
    with quotas.admitting(client()) as account:
        account.spend(lean_seconds=120)
    with pytest.raises(QuotaError, match="seconds of checking an hour") as caught, quotas.admitting(client()):
        pass
    assert caught.value.seconds == pytest.approx(3600, rel=0.01)


def test_a_tokens_own_quota_goes_before_the_settings() -> None:
    quotas = Quotas(ClientSettings(calls=1, samples_per_hour=10))
    rich = client(calls=2, samples_per_hour=1000)
    with quotas.admitting(rich) as account, quotas.admitting(rich):
        account.spend(samples=500)
    with quotas.admitting(rich):
        pass


def test_so_many_clients_are_not_remembered_for_ever() -> None:
    quotas = Quotas(ClientSettings(calls_per_minute=1), Clock())
    with quotas.admitting(client("busy")):
        for number in range(10_050):
            with quotas.admitting(client(str(number))):
                pass
        assert len(quotas._accounts) <= 10_001
        with pytest.raises(QuotaError), quotas.admitting(client("busy")):
            pass


@given(st.lists(st.tuples(st.floats(0, 1000), st.floats(0, 100)), max_size=30))
def test_over_any_time_no_more_is_let_through_than_burst_and_rate_allow(steps: list[tuple[float, float]]) -> None:
    clock = Clock()
    allowance = Allowance(10, 60.0, clock)
    taken = 0.0
    for wait, amount in steps:
        clock.now += wait
        if not allowance.wait(amount):
            taken += amount if amount <= 10 else 0
            if amount <= 10:
                allowance.take(amount)
    assert taken <= 10 + clock.now * 10 / 60 + 1e-6
