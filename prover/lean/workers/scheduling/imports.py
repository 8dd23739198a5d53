"""Decides which imports a pool serves."""

from collections import OrderedDict
from collections.abc import Iterable

from prover.lean.runtimes.runtime import LeanRuntime
from prover.lean.wire.role import ProcessRole
from prover.lean.workers.jobs import ImportSet
from prover.lean.workers.pool_config import PoolConfig
from prover.verdict import VerdictKind

_REMEMBERED_REJECTIONS = 100
_SHOWN = 200  # characters of a module's name shown in a message


class ImportPolicy:
    """Decides about the imports of requests: which are allowed, which exist, and which Lean has rejected.

    Attributes:
        default: default imports of workers.
    """

    def __init__(self, runtime: LeanRuntime, config: PoolConfig) -> None:
        """Allow the imports listed in `config` that `runtime` has."""
        self._runtime = runtime
        self._allowed = config.allowed_imports
        self._contained = config.contained_imports
        self._shared = config.role is ProcessRole.WORKER
        self._rejected: OrderedDict[ImportSet, str] = OrderedDict()
        self.default = config.imports
        self.default = self.key(config.imports)

    def key(self, imports: ImportSet) -> ImportSet:
        """Return the key that determines which workers can serve these imports.

        `Init`, which every file imports, and the order are ignored.
        """
        return tuple(sorted({"Init", *imports})) if self._runtime.single_import_set else self.default

    def refusal(self, imports: ImportSet) -> tuple[VerdictKind, str] | None:
        """Explain why a request with these imports needs no worker: not allowed, rejected by Lean, or missing."""
        for module in imports:
            if not self._is_allowed(module):
                allowed = ", ".join(self._allowed or ())
                reason = f"`import {module[:_SHOWN]}` is not allowed here; allowed are {allowed} and below"
                return VerdictKind.FORBIDDEN, reason
        if (answer := self._rejected.get(imports)) is not None:
            return VerdictKind.INVALID_STATEMENT, answer
        if reason := self.absence(imports):
            return VerdictKind.INVALID_STATEMENT, reason
        return None

    def absence(self, imports: ImportSet) -> str:
        """Return a sentence about the first module that does not exist; empty if all exist."""
        for module in imports:
            if not self._runtime.has_module(module):
                name = module[:_SHOWN]
                if self._runtime.single_import_set:
                    return f"unknown module `{name}`"
                return f"there is no module `{name}` to import: it does not exist, or `lake build {name}` was not run"
        return ""

    def reject(self, imports: ImportSet, reason: str) -> None:
        """Remember that Lean cannot load these imports."""
        self._rejected[imports] = reason
        if len(self._rejected) > _REMEMBERED_REJECTIONS:
            self._rejected.popitem(last=False)

    def only_contained(self, imports: ImportSet) -> bool:
        """Whether one of these imports is reserved for processes of one client."""
        return any(not self._is_allowed(module) and _is_below(module, self._contained) for module in imports)

    def _is_allowed(self, module: str) -> bool:
        if self._allowed is None or _is_below(module, self._allowed):
            return True
        return not self._shared and _is_below(module, self._contained)


def _is_below(module: str, roots: Iterable[str]) -> bool:
    return any(module == root or module.startswith(f"{root}.") for root in roots)
