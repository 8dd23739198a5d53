"""Receipts in files: written for verified proofs, and checked again."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from prover.atomic import atomic_write_text
from prover.candidate import Candidate
from prover.errors import UserError
from prover.lean.checker import DEFAULT_TERMS, Terms
from prover.options import CheckOptions
from prover.receipts.receipt import LONGEST_RECEIPT, Receipt, ReceiptError, Toolchain
from prover.requests import Check, Service
from prover.theorem import Header, Theorem
from prover.verdict import Trust, Verdict


def write(folder: Path, receipt: Receipt) -> Path:
    """Write a receipt into `folder`, under a name made of hashes.

    Raises:
        UserError: it cannot be written.
    """
    proof = hashlib.sha256(receipt.candidate.encode()).hexdigest()
    path = folder / f"{receipt.theorem_sha256[:16]}-{proof[:8]}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        atomic_write_text(path, receipt.write())
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}") from None
    return path


def read(path: Path) -> Receipt:
    """Read the receipt in a file.

    Raises:
        UserError: the file cannot be read or is not a receipt.
    """
    try:
        if path.stat().st_size > LONGEST_RECEIPT:
            raise UserError(f"{path} is too long for a receipt")
        return Receipt.read(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    except ReceiptError as error:
        raise UserError(f"{path}: {error}") from None


async def toolchain(service: Service, project: str = "") -> Toolchain:
    """Return the toolchain that `service` uses for theorems of a project.

    Raises as `Service.info` and `Service.check`.
    """
    info = await service.info()
    if not project:
        return Toolchain(info.lean, info.runtime, info.worker)
    if not info.projects.get(project):  # a project starts with its first request
        await service.check(
            Check(Theorem("theorem t : True", Header.of_project(""), project=project), Candidate("trivial"))
        )
        info = await service.info()
    return Toolchain(info.projects.get(project, ""), "native", info.worker)


@dataclass(frozen=True, slots=True)
class ServiceChecker:
    """A `Checker` that uses `service`, by default with an isolated replay; policies are looked up by name."""

    service: Service
    trust: Trust = Trust.ISOLATED_REPLAY

    async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
        """Check, as `Service.check`."""
        policy = terms.policy
        options = CheckOptions(terms.limits, policy.name, self.trust, policy.guard, terms.priority)
        return await self.service.check(Check(theorem, candidate, options))
