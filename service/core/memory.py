"""A cache around searches: verified proofs, which are checked again before they are served, and known failures."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import structlog
from platformdirs import user_data_path

from prover.candidate import Candidate
from prover.errors import UserError
from prover.events import Ending, Finished, Minimised, Progress, Proof
from prover.lean.checker import DEFAULT_TERMS, Terms
from prover.options import CheckOptions, Preference, SearchOptions, StoreUse
from prover.receipts.receipt import Toolchain
from prover.requests import Accepted, BusyError, Check, Event, Search, Service, ServiceInfo, Starting
from prover.search.diversity import Diversity, identities
from prover.store.database import Database
from prover.store.errors import StoreError
from prover.store.records.failures import FailureStore
from prover.store.records.proofs import Capacity, ProofStore
from prover.theorem import Theorem
from prover.verdict import Policy, Verdict, VerdictKind
from service.ops.config import StoreSettings

_log = structlog.get_logger(__name__)

_READS = frozenset({StoreUse.READ, StoreUse.READ_WRITE})
_WRITES = frozenset({StoreUse.WRITE, StoreUse.READ_WRITE})


async def open_database(settings: StoreSettings) -> Database | None:
    """Open the database of these settings; None: nothing is stored.

    Raises:
        UserError: an explicitly named database cannot be used.
    """
    named = settings.url.get_secret_value()
    if named == "none":
        return None
    try:
        return await asyncio.to_thread(Database.open, named or str(default_path()))
    except StoreError as error:
        if named:
            raise UserError(str(error)) from None
        # The default database is optional: in a container, for instance, there may be no data folder.
        _log.warning(
            "nothing is stored, and batches are not available: name a database with store.url", error=str(error)
        )
        return None


def default_path() -> Path:
    """Return the default path of the database."""
    return user_data_path("leansieve") / "store.sqlite"


class ProofCache:
    """Proofs and failures in a database.

    If the database fails, searches continue without it, and the failure is logged.
    """

    def __init__(self, database: Database, settings: StoreSettings, looked_up: Callable[[bool], None]) -> None:
        """Create the cache with the limits in `settings`; `looked_up` is called after each look-up with whether it
        found a proof.
        """
        self._database = database
        self._looked_up = looked_up
        self._capacity = Capacity(settings.proofs, settings.megabytes << 20)
        self._stores: tuple[Toolchain, ProofStore, FailureStore] | None = None

    async def wrap(
        self, request: Search, policy: Policy, events: AsyncGenerator[Event, None], service: Service
    ) -> AsyncGenerator[Event, None]:
        """Yield the events of a search, known proofs first; new proofs and failures are stored.

        Args:
            request: the search.
            policy: policy of the request.
            events: events of the search; closed if known proofs suffice.
            service: checks known proofs.
        """
        known: list[Proof] = []
        found: list[Proof] = []
        spent = Progress()
        async with contextlib.aclosing(events):
            async for event in events:
                match event:
                    case Starting():
                        yield event
                    case Accepted():
                        yield event
                        known = await self._recall(request, policy, service)
                        for proof in known:
                            yield proof
                        if len(known) < request.options.budget.proofs and await self._is_known_failure(
                            request, service
                        ):
                            yield _merge_known(Finished(Ending.KNOWN_FAILURE, spent, {}), known, request)
                            return
                    case Proof():
                        await self._keep(request, event, service)
                        if not _new(event, known, request.theorem):
                            continue
                        found.append(event)
                        yield event
                    case Minimised():
                        await self._keep(request, event.proof, service)
                        yield event
                    case Finished():
                        await self._keep_failure(request, event, service)
                        yield _merge_known(event, known, request)
                        return
                    case Progress():
                        spent = event
                        yield event
                # The search itself was asked for more proofs than are missing.
                if known and len(known) + len(found) >= request.options.budget.proofs:
                    enough = Finished(Ending.PROOFS_FOUND, spent, {}, proofs=tuple(found))
                    yield _merge_known(enough, known, request)
                    return

    async def _recall(self, request: Search, policy: Policy, service: Service) -> list[Proof]:
        # A request for the best of many proofs always searches.
        options, check = request.options, request.options.check
        if options.store not in _READS or options.minimise or options.prefer is not Preference.FIRST:
            return []
        try:
            proofs, _ = self._of(await service.info())
            terms = Terms(check.limits, policy, check.priority)
            checker = _Checker(service, check)
            known = await proofs.recall(request.theorem, checker, terms, options.budget.proofs, check.trust)
            self._looked_up(bool(known))
            return known
        except BusyError:
            return []
        except StoreError as error:
            _log.warning("proofs cannot be looked up", error=str(error))
            return []

    async def _is_known_failure(self, request: Search, service: Service) -> bool:
        """Whether an earlier search of this theorem with the same effort and at least this budget failed."""
        options = request.options
        if options.repeat:
            return False
        try:
            info = await service.info()
            _, failures = self._of(info)
            return await failures.known(request.theorem, effort(options, info), options.budget) is not None
        except StoreError as error:
            _log.warning("failures cannot be looked up", error=str(error))
            return False

    async def _keep(self, request: Search, proof: Proof, service: Service) -> None:
        if request.options.store not in _WRITES:
            return
        try:
            proofs, _ = self._of(await service.info())
            await proofs.remember(request.theorem, proof.candidate, proof.verdict, request.options.check.limits)
        except StoreError as error:
            _log.warning("a proof cannot be kept", error=str(error))

    async def _keep_failure(self, request: Search, finished: Finished, service: Service) -> None:
        options = request.options
        if options.store not in _WRITES:
            return
        try:
            info = await service.info()
            _, failures = self._of(info)
            way = effort(options, info)
            await failures.remember(request.theorem, way, options.sampler or "default", options.budget, finished)
        except StoreError as error:
            _log.warning("a failure cannot be kept", error=str(error))

    def _of(self, info: ServiceInfo) -> tuple[ProofStore, FailureStore]:
        toolchain = Toolchain(info.lean, info.runtime, info.worker)
        if self._stores is None or self._stores[0] != toolchain:
            proofs = ProofStore(self._database, toolchain, self._capacity)
            self._stores = toolchain, proofs, FailureStore(self._database, toolchain)
        return self._stores[1:]


def effort(options: SearchOptions, info: ServiceInfo) -> str:
    """Return the key of known failures: effort, samplers and models, without the budget."""
    models = [(model.name, model.digest) for model in info.models]
    return json.dumps([options.effort(), info.samplers, models, _COUNTED], sort_keys=True)


_COUNTED = "seconds worked"  # earlier versions counted time in which others had the workers; their failures are ignored


@dataclass(frozen=True, slots=True)
class _Checker:
    """A `Checker` that uses the service with the options of a search."""

    service: Service
    options: CheckOptions

    async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
        options = replace(self.options, limits=terms.limits, priority=terms.priority)
        return await self.service.check(Check(theorem, candidate, options))


def _new(proof: Proof, known: list[Proof], theorem: Theorem) -> bool:
    keys = identities(theorem, proof.candidate, proof.verdict)
    return all(keys.isdisjoint(identities(theorem, other.candidate, other.verdict)) for other in known)


def _merge_known(finished: Finished, known: list[Proof], request: Search) -> Finished:
    """Merge known proofs into the last event of a search."""
    if not known:
        return finished
    theorem, wanted = request.theorem, request.options.budget.proofs
    found = [proof for proof in finished.proofs if _new(proof, known, theorem)]
    proofs = tuple([*known, *found][:wanted])
    verdicts = dict(finished.verdicts)
    verdicts[VerdictKind.VERIFIED] = verdicts.get(VerdictKind.VERIFIED, 0) + len(known)
    spent = replace(
        finished.spent,
        checked=finished.spent.checked + len(known),
        proofs=len(known) + len(found),
        seconds=max(finished.spent.seconds, *(proof.seconds for proof in proofs)),
    )
    diversity = Diversity.of_proofs((proof.candidate.text, 1) for proof in proofs)
    return replace(finished, spent=spent, verdicts=verdicts, proofs=proofs, diversity=diversity)
