"""State of workers, queue, models and process, read at each scrape by Prometheus: nothing is counted twice or in hot
paths.
"""

import importlib.metadata
from collections import Counter
from collections.abc import Iterable
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import REGISTRY, Collector

from prover.lean.processes.ending import End
from prover.lean.workers.stats import PoolStats, State
from prover.requests import ModelState, ServedModel
from service.core.resources.models import Models
from service.ops.health import Health


class Pool(Protocol):
    """The part of a worker pool that is read."""

    @property
    def size(self) -> int:
        """Maximum number of concurrent checks."""
        ...

    @property
    def runtime(self) -> str:
        """`embedded` or `native`."""
        ...

    @property
    def lean_version(self) -> str:
        """Empty until a worker is warm."""
        ...


class Observed(Protocol):
    """The part of an engine that is read; `Engine` implements it."""

    @property
    def pool(self) -> Pool:
        """The worker pool."""
        ...

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources of candidates."""
        ...

    @property
    def models(self) -> Models:
        """The language models, if any."""
        ...

    def stats(self) -> PoolStats:
        """A snapshot of the workers, cheap and thread-safe."""
        ...


class ServerCollector(Collector):
    """Collects metrics of an engine and its health."""

    def __init__(self, engine: Observed, health: Health) -> None:
        """Read this engine and health."""
        self._engine = engine
        self._health = health

    def collect(self) -> Iterable[Metric]:
        """Yield the current values."""
        stats, pool = self._engine.stats(), self._engine.pool
        yield _gauge("leansieve_ready", "1 while health is SERVING.", float(self._health.serving))
        yield _gauge(
            "leansieve_event_loop_lag_seconds", "How late a waiting task was woken last.", self._health.lag_seconds
        )
        yield _gauge("leansieve_checks_capacity", "Maximum number of concurrent checks.", pool.size)
        yield _gauge("leansieve_checks_queued", "Checks that wait for a worker.", stats.queued)

        workers = GaugeMetricFamily("leansieve_workers", "Lean workers, by state.", labels=["state"])
        memory = GaugeMetricFamily(
            "leansieve_worker_resident_memory_bytes", "Resident memory of a worker's processes.", labels=["worker"]
        )
        for state in State:
            workers.add_metric([state.value], stats.in_state(state))
        for place, worker in enumerate(stats.workers):
            memory.add_metric([str(place)], worker.memory_bytes)
        yield workers
        yield memory
        yield _gauge("leansieve_isolated_workers", "Workers lent out to one client alone.", stats.isolated)

        yield from _hosts(stats)

        ends = CounterMetricFamily("leansieve_worker_ends", "Workers that ended, by reason.", labels=["reason"])
        for end in End:
            ends.add_metric([end.value], stats.ends.get(end, 0))
        yield ends
        yield CounterMetricFamily("leansieve_worker_failed_starts", "Failed starts of a worker.", stats.failed_starts)
        yield CounterMetricFamily("leansieve_checks_abandoned", "Checks whose caller left.", stats.abandoned)

        version = importlib.metadata.version("leansieve")
        yield InfoMetricFamily(
            "leansieve_build",
            "What runs here.",
            {"version": version, "runtime": pool.runtime, "lean_version": pool.lean_version},
        )
        samplers = GaugeMetricFamily("leansieve_sampler_info", "Who samples here; always 1.", labels=["sampler"])
        for source in self._engine.sources:
            samplers.add_metric([source], 1)
        yield samplers
        models = GaugeMetricFamily(
            "leansieve_model_info", "Models that sample here; always 1.", labels=["model", "alpha", "digest"]
        )
        states = GaugeMetricFamily("leansieve_models", "Models, by state.", labels=["state"])
        counts = Counter(model.state for model in self._engine.models.served)
        for name in ModelState:
            states.add_metric([name.value], counts[name])
        yield states
        for model in self._engine.models.served:
            if model.state is ModelState.SERVED:
                models.add_metric([model.name, "" if model.alpha is None else f"{model.alpha:g}", model.digest], 1)
        yield models
        yield from _replicas(self._engine.models.served)
        if self._engine.models.sampler is not None:
            yield from self._engine.models.sampler.collect()


def _hosts(stats: PoolStats) -> Iterable[Metric]:
    """Yield metrics of a cluster; without one, metrics without values."""
    live = GaugeMetricFamily(
        "leansieve_host_workers", "Lean workers that are up on a host of the cluster.", labels=["host"]
    )
    working = GaugeMetricFamily(
        "leansieve_host_questions", "Questions to Lean in progress on a host of the cluster.", labels=["host"]
    )
    answered = CounterMetricFamily(
        "leansieve_host_answers", "Questions that a host of the cluster has answered.", labels=["host"]
    )
    for host in stats.hosts:
        live.add_metric([host.name], host.live)
        working.add_metric([host.name], host.in_work)
        answered.add_metric([host.name], host.answered)
    yield from (live, working, answered)
    yield CounterMetricFamily("leansieve_hosts_lost", "Hosts of the cluster that were given up.", stats.hosts_lost)
    rechecks = CounterMetricFamily(
        "leansieve_host_rechecks", "Verdicts repeated on another host, by outcome.", labels=["outcome"]
    )
    for outcome, count in stats.rechecks.items():
        rechecks.add_metric([outcome], count)
    yield rechecks


def _replicas(models: Iterable[ServedModel]) -> Iterable[Metric]:
    """Yield metrics of engines on hosts of a cluster; without one, metrics without values."""
    live = GaugeMetricFamily(
        "leansieve_model_replica_up", "1 if this replica of a model answers.", labels=["model", "replica"]
    )
    working = GaugeMetricFamily(
        "leansieve_model_replica_running", "Candidates that this replica works on.", labels=["model", "replica"]
    )
    for model in models:
        for number, replica in enumerate(model.replicas):
            live.add_metric([model.name, str(number)], replica.live)
            working.add_metric([model.name, str(number)], replica.in_work)
    yield from (live, working)


class ProcessCollector(Collector):
    """Collects metrics of the process: memory, processor time and files."""

    def collect(self) -> Iterable[Metric]:
        """Yield the current values."""
        return REGISTRY.collect()


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value)
