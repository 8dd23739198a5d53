"""vLLM's own Prometheus metrics, one registry an engine: vLLM itself keeps those of one engine in a process only."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric


class Record:
    """What an engine says of itself after every step."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.sampled_tokens = 0
        self.waiting = 0  # requests, at the last step

    def logger(self) -> Any:
        """A class that vLLM makes its logger of statistics from, with a new registry. Imports vLLM."""
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

    def count(self, processor: Any) -> None:
        """Count every token that comes out of an engine: vLLM's own statistics leave those of aborted requests out."""
        process_outputs = processor.process_outputs

        def counted(outputs: Any, *arguments: Any, **options: Any) -> Any:
            self.sampled_tokens += sum(len(output.new_token_ids) for output in outputs)
            return process_outputs(outputs, *arguments, **options)

        processor.process_outputs = counted


def merged(metrics: Iterable[Metric]) -> Iterator[Metric]:
    """The metrics of several engines, the samples of one name together as Prometheus wants them."""
    families: dict[str, Metric] = {}
    for metric in metrics:
        family = families.setdefault(metric.name, Metric(metric.name, metric.documentation, metric.type, metric.unit))
        family.samples.extend(metric.samples)
    yield from families.values()
