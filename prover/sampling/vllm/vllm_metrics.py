"""vLLM's own Prometheus metrics, in one registry per engine: vLLM itself supports only one engine per process."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric


class Record:
    """Statistics that an engine reports after every step."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.sampled_tokens = 0
        self.waiting = 0  # requests waiting at the last step

    def logger(self) -> Any:
        """Return a statistics logger class for vLLM with a new registry. Imports vLLM."""
        from vllm.v1.metrics.loggers import PrometheusStatLogger

        kept = self
        self.registry = CollectorRegistry()

        class Logger(PrometheusStatLogger):  # type: ignore[misc]
            _gauge_cls = partial(Gauge, registry=kept.registry)
            _counter_cls = partial(Counter, registry=kept.registry)
            _histogram_cls = partial(Histogram, registry=kept.registry)

            def record(self, scheduler_stats: Any, iteration_stats: Any, *arguments: Any, **options: Any) -> None:
                super().record(scheduler_stats, iteration_stats, *arguments, **options)
                if scheduler_stats is not None:
                    kept.waiting = scheduler_stats.num_waiting_reqs

        return Logger

    def count(self, tokens: int) -> None:
        """Count sampled tokens."""
        self.sampled_tokens += tokens


def merged(metrics: Iterable[Metric]) -> Iterator[Metric]:
    """Merge the metrics of several engines, with samples of equal names grouped as Prometheus requires."""
    families: dict[str, Metric] = {}
    for metric in metrics:
        family = families.setdefault(metric.name, Metric(metric.name, metric.documentation, metric.type, metric.unit))
        family.samples.extend(metric.samples)
    yield from families.values()
