"""A native runtime that must pass the battery before it serves."""

import asyncio
import logging
import threading
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from functools import partial

from prover.lean.certify.certificate import Certificate, Progress, certify, keep, kept, summary
from prover.lean.crosscheck.checker import CrossChecker
from prover.lean.crosscheck.second import SecondKernel
from prover.lean.runtimes.native.toolchain import NativeToolchain
from prover.lean.runtimes.runtime import Launch, LeanRuntime, RuntimeUnavailableError
from prover.lean.wire.role import ProcessRole
from prover.lean.workers.client import PoolClient
from prover.lean.workers.pool import PoolConfig, PoolUnavailableError, WorkerPool

_log = logging.getLogger(__name__)
_IMPORTS = ("Init", "Std")


async def battery_of(
    runtime: LeanRuntime,
    lean: str,
    workers: int = 1,
    progress: Progress | None = None,
    second: SecondKernel | None = None,
    fallback: bool = False,
) -> Certificate:
    """Run the battery on newly started workers. A given second kernel must accept the honest proofs, too.

    Args:
        runtime: the runtime to certify.
        lean: version line of its toolchain.
        workers: number of workers.
        progress: called after each part.
        second: the second kernel.
        fallback: whether to repeat the battery in quarantine if shared workers fail it.

    Raises:
        PoolUnavailableError: no worker starts.
    """
    config = PoolConfig(workers=workers, spares=0, isolated=0, imports=_IMPORTS, grace_seconds=10.0)
    async with WorkerPool(runtime, config) as pool:
        await pool.ready()
        certificate = await certify(pool, lean, workers, progress, CrossChecker(pool, second) if second else None)
    if certificate.passed or not fallback:
        return certificate
    async with WorkerPool(runtime, replace(config, contained=True)) as pool, PoolClient(pool) as client:
        within = partial(CrossChecker, second=second) if second else None
        inside = await certify(client, lean, workers, progress, client.checking(pool, within), contained=True)
        return replace(inside, shared=certificate.failures)


class CertifiedToolchain:
    """A native toolchain that serves only after it has passed the battery; its certificate is stored in the user's
    cache.
    """

    def __init__(self, toolchain: NativeToolchain, fallback: bool = False) -> None:
        """Create the runtime; nothing is started.

        Args:
            toolchain: the toolchain to certify.
            fallback: whether it may serve in quarantine only, if it passes there but not with shared workers.
        """
        self._toolchain = toolchain
        self._fallback = fallback
        self._lock = threading.Lock()
        self._passed = ""
        self._contained = False

    @property
    def name(self) -> str:
        """See `LeanRuntime.name`."""
        return self._toolchain.name

    @property
    def single_import_set(self) -> bool:
        """See `LeanRuntime.single_import_set`."""
        return self._toolchain.single_import_set

    @property
    def contained(self) -> bool:
        """Whether it passed only in quarantine."""
        return self._contained

    @property
    def shares_memory(self) -> bool:
        """See `LeanRuntime.shares_memory`."""
        return self._toolchain.shares_memory

    def prepare(self) -> None:
        """Prepare the toolchain and certify it if needed, which usually takes up to two minutes.

        Raises:
            RuntimeUnavailableError: it is missing, or it failed the battery; the text lists the wrong answers.
        """
        with self._lock:
            self._toolchain.prepare()
            lean = self._toolchain.version
            if self._passed == lean:
                return
            certificate = kept(lean)
            if certificate is None or (certificate.shared and not self._fallback):
                certificate = self._certified(lean)
            if certificate.shared:
                _log.warning("%s checks in quarantine alone: %s", lean, "; ".join(summary(certificate, 2)))
            self._contained = bool(certificate.shared)
            self._passed = lean

    def _certified(self, lean: str) -> Certificate:
        _log.warning("certifying %s: it is used with this worker for the first time", lean)

        def progress(done: int, total: int) -> None:
            if done % 25 == 0 or done == total:
                _log.info("certifying %s: %d of %d", lean, done, total)

        try:
            certificate = asyncio.run(battery_of(self._toolchain, lean, progress=progress, fallback=self._fallback))
        except PoolUnavailableError as error:
            raise RuntimeUnavailableError(str(error)) from None
        if not certificate.passed:
            instead = "" if self._fallback else '; lean.uncertified = "quarantine" tries it in quarantine'
            raise RuntimeUnavailableError(
                f"{lean} has not passed the battery, so nothing is checked with it: {'; '.join(summary(certificate, 2))} "
                f'(`leansieve certify` says more{instead}; lean.certify = "never" takes it all the same)'
            )
        try:
            keep(certificate)
        except OSError as error:
            _log.warning("the certificate of %s cannot be kept: %s", lean, error)
        return certificate

    def has_module(self, module: str) -> bool:
        """See `LeanRuntime.has_module`."""
        return self._toolchain.has_module(module)

    def first(self, imports: Sequence[str]) -> AbstractAsyncContextManager[None]:
        """See `LeanRuntime.first`."""
        return self._toolchain.first(imports)

    def launch(self, imports: Sequence[str], role: ProcessRole = ProcessRole.WORKER) -> Launch:
        """See `LeanRuntime.launch`."""
        return self._toolchain.launch(imports, role)
