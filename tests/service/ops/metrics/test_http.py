"""The HTTP server for Prometheus and probes."""

import contextlib
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter

from prover.errors import UserError
from service.ops.config import MetricsSettings
from service.ops.health import Health
from service.ops.metrics import http
from service.server import _metrics


@contextlib.contextmanager
def running(ready: bool) -> Iterator[str]:
    registry = CollectorRegistry()
    Counter("a", "A.", registry=registry).inc()
    with http.serving("127.0.0.1", 0, registry, lambda: ready) as port:
        yield f"http://127.0.0.1:{port}"


def test_metrics_and_probes_are_served() -> None:
    with running(True) as address:
        answer = httpx.get(f"{address}/metrics")
        assert answer.status_code == 200
        assert "a_total 1.0" in answer.text
        # Each answer has its own length: wsgiref once added the first one's to all.
        for path, status, text in (
            ("livez", 200, "alive"),
            ("readyz", 200, "a proof was checked"),
            ("", 404, "there is"),
        ):
            answer = httpx.get(f"{address}/{path}")
            assert answer.status_code == status
            assert answer.text.startswith(text)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{address}/livez")


def test_ipv6_is_listened_on() -> None:
    with http.serving("::1", 0, CollectorRegistry(), lambda: True) as port:
        assert httpx.get(f"http://[::1]:{port}/readyz").status_code == 200


def test_not_ready_is_503() -> None:
    with running(False) as address:
        assert httpx.get(f"{address}/readyz").status_code == 503
        assert httpx.get(f"{address}/livez").status_code == 200


def test_a_port_in_use_ends_the_start_only_if_somebody_chose_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(True) as address:
        listen = address.removeprefix("http://")
        chosen = MetricsSettings(listen=listen)
        with pytest.raises(UserError, match="cannot serve metrics on"), _metrics(chosen, CollectorRegistry(), Health()):
            pass
        default = MetricsSettings.model_construct(_fields_set=set(), listen=listen, allow_remote=False)
        with _metrics(default, CollectorRegistry(), Health()):
            pass


def test_other_machines_read_metrics_only_when_told_so() -> None:
    remote = MetricsSettings(listen="0.0.0.0:0")
    with pytest.raises(UserError, match=r"set metrics\.allow_remote"), _metrics(remote, CollectorRegistry(), Health()):
        pass
    allowed = MetricsSettings(listen="0.0.0.0:0", allow_remote=True)
    with _metrics(allowed, CollectorRegistry(), Health()):
        pass
    with _metrics(MetricsSettings(listen=""), CollectorRegistry(), Health()):
        pass
