"""Metrics of the store, batches and the certificate."""

import contextlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from prometheus_client import CollectorRegistry

from prover.store.database import Database
from prover.store.errors import StoreError
from prover.store.records.batches import Submission
from prover.store.records.queue import Backlog, BatchQueue
from service.batch.batches import ItemOutcome
from service.batch.work import Figures
from service.ops.config import SecuritySettings
from service.ops.metrics.operations import CertificateCollector, StoreCollector


async def test_the_store_and_its_batches_are_counted(tmp_path: Path) -> None:
    """Neither had a metric: a failure of the database was not visible."""
    with contextlib.closing(Database.open(str(tmp_path / "store.sqlite"))) as database:
        queue, figures, registry = BatchQueue(database), Figures(), CollectorRegistry()
        registry.register(StoreCollector(database, figures))
        value = registry.get_sample_value
        assert (value("leansieve_store_up"), value("leansieve_store_errors_total")) == (1, 0)
        assert await queue.backlog() == Backlog()

        await queue.submit(Submission("ann", None, "d", "", "{}", [(str(n), "r") for n in range(3)]), 100, 100)
        leases = await queue.claim(2, 60)
        await queue.answer(leases[0], "answer")
        figures.backlog = await queue.backlog()
        figures.answers[ItemOutcome.FAILED] += 1
        assert value("leansieve_batch_items", {"state": "waiting"}) == 1
        assert value("leansieve_batch_items", {"state": "running"}) == 1
        assert 0 <= (value("leansieve_batch_oldest_waiting_seconds") or 0) < 60
        assert value("leansieve_batch_answers_total", {"outcome": "failed"}) == 1
        await queue.answer((await queue.claim(1, 60))[0], "answer")
        assert (await queue.backlog()).oldest_seconds == 0

        with pytest.raises(StoreError):
            database.write_now(lambda connection: connection.exec_driver_sql("INSERT INTO nowhere VALUES (1)"))
        assert (value("leansieve_store_up"), value("leansieve_store_errors_total")) == (0, 1)


def test_the_end_of_the_certificate_is_told(tmp_path: Path) -> None:
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(days=10)
    pair = trustme.CA().issue_cert("localhost", not_after=end)
    certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    certificate.write_bytes(pair.cert_chain_pems[0].bytes())
    registry = CollectorRegistry()
    registry.register(CertificateCollector(SecuritySettings(certificate=certificate, key=key)))
    name = "leansieve_certificate_expiry_timestamp_seconds"
    assert registry.get_sample_value(name) == end.timestamp()
    certificate.write_text("-----BEGIN CERTIFICATE-----\nhalf a")
    assert registry.get_sample_value(name) is None
