"""State of a server's dependencies, read at each scrape by Prometheus: its store, the batches in it, its
certificate.
"""

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from prover.errors import UserError
from prover.store.database import Database
from service.auth.tls import certificate_end
from service.batch.batches import ItemOutcome
from service.batch.work import Figures
from service.ops.config import SecuritySettings


class StoreCollector(Collector):
    """Collects metrics of a database and its batches."""

    def __init__(self, database: Database, batches: Figures) -> None:
        """Read this database."""
        self._database = database
        self._batches = batches

    def collect(self) -> Iterable[Metric]:
        """Yield the current values."""
        works = float(self._database.failing_since is None)
        yield GaugeMetricFamily("leansieve_store_up", "1 while the store answers.", works)
        yield CounterMetricFamily(
            "leansieve_store_errors", "Transactions of the store that failed.", self._database.errors
        )

        batches, backlog = self._batches, self._batches.backlog
        items = GaugeMetricFamily(
            "leansieve_batch_items",
            "Theorems of unfinished batches, of all servers that share the store.",
            labels=["state"],
        )
        items.add_metric(["waiting"], backlog.waiting)
        items.add_metric(["running"], backlog.running)
        yield items
        yield GaugeMetricFamily(
            "leansieve_batch_oldest_waiting_seconds",
            "Age of the oldest batch of which a theorem waits.",
            backlog.oldest_seconds,
        )
        answers = CounterMetricFamily(
            "leansieve_batch_answers", "Theorems of batches that this server has answered.", labels=["outcome"]
        )
        for outcome in ItemOutcome:
            answers.add_metric([outcome.value], batches.answers[outcome])
        yield answers


class CertificateCollector(Collector):
    """Collects metrics of the server's certificate on disk."""

    def __init__(self, settings: SecuritySettings) -> None:
        """Read the certificate of these settings."""
        self._certificate = settings.certificate

    def collect(self) -> Iterable[Metric]:
        """Yield the expiry, if the certificate can be read; otherwise the error is logged."""
        if self._certificate is None:
            return
        try:
            end = certificate_end(self._certificate).timestamp()
        except UserError:
            return
        yield GaugeMetricFamily(
            "leansieve_certificate_expiry_timestamp_seconds",
            "When the first certificate of the server's chain ends.",
            end,
        )
