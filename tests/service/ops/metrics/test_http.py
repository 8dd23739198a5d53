"""The HTTP server for Prometheus and probes."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client import Counter

from prover.errors import UserError
from prover.store.database import Database
from prover.store.errors import StoreError
from service.client.address import Address
from service.ops.config import MetricsSettings, ServerSettings
from service.ops.health import Health, HealthCheck, readiness
from service.ops.metrics import http
from service.ops.metrics.recorder import Recorder

LOCAL = Address("127.0.0.1", 0)
LEAN = {
    True: HealthCheck(lambda: True, "a proof was checked", "no proof can be checked now"),
    False: HealthCheck(lambda: False, "a proof was checked", "no proof can be checked now"),
}


@contextlib.contextmanager
def running(ready: bool) -> Iterator[str]:
    recorder = Recorder()
    Counter("a", "A.", registry=recorder.registry).inc()
    with http.serving(LOCAL, recorder.registry, {"lean": LEAN[ready]}, recorder.connections("metrics")) as port:
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
    recorder = Recorder()
    with http.serving(Address("::1", 0), recorder.registry, {}, recorder.connections("metrics")) as port:
        assert httpx.get(f"http://[::1]:{port}/readyz").status_code == 200


def test_not_ready_is_503() -> None:
    with running(False) as address:
        assert httpx.get(f"{address}/readyz").status_code == 503
        assert httpx.get(f"{address}/livez").status_code == 200


def test_a_database_that_is_down_is_seen_and_may_be_left_out(tmp_path: Path) -> None:
    """`/readyz` answered 200 even if the database failed."""
    database, health, recorder = Database.open(str(tmp_path / "store.sqlite")), Health(), Recorder()
    health.serving = True
    checks = readiness(ServerSettings(unhealthy_seconds=0), health, database)
    with http.serving(LOCAL, recorder.registry, checks, recorder.connections("metrics")) as port:
        ready = f"http://127.0.0.1:{port}/readyz"
        assert httpx.get(ready).text == "a proof was checked\nthe store answers\n"
        with pytest.raises(StoreError):
            database.read_now(lambda connection: connection.exec_driver_sql("SELECT * FROM nowhere"))
        answer = httpx.get(ready)
        assert (answer.status_code, answer.text) == (503, "a proof was checked\nthe store does not answer\n")
        assert httpx.get(ready, params={"exclude": "store"}).status_code == 200
        database.read_now(lambda connection: None)
        assert httpx.get(ready).status_code == 200
    database.close()


def test_a_server_without_a_store_answers_the_same_probes() -> None:
    with running(True) as address:
        assert httpx.get(f"{address}/readyz", params={"exclude": "store"}).status_code == 200


def test_a_port_in_use_ends_the_start_only_if_somebody_chose_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(True) as address:
        listen = address.removeprefix("http://")
        chosen = MetricsSettings(listen=listen)
        with pytest.raises(UserError, match="cannot serve metrics on"), http.offered(chosen, Recorder(), {}):
            pass
        default = MetricsSettings.model_construct(_fields_set=set(), listen=listen, allow_remote=False)
        with http.offered(default, Recorder(), {}):
            pass


def test_other_machines_read_metrics_only_when_told_so() -> None:
    remote = MetricsSettings(listen="0.0.0.0:0")
    with pytest.raises(UserError, match=r"set metrics\.allow_remote"), http.offered(remote, Recorder(), {}):
        pass
    allowed = MetricsSettings(listen="0.0.0.0:0", allow_remote=True)
    with http.offered(allowed, Recorder(), {}):
        pass
    with http.offered(MetricsSettings(listen=""), Recorder(), {}):
        pass
