"""Runs the battery and stores its result."""

import asyncio
import hashlib
import json
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from prover.atomic import atomic_write_text
from prover.lean.certify.battery import Case, cases, digest
from prover.lean.certify.questions import QUESTIONS, SHARED, Workers, asked
from prover.lean.checker import Checker, Terms
from prover.lean.runtimes.embedded.cache.install import cache_directory
from prover.lean.runtimes.embedded.runtime import joined_program
from prover.lean.vetting import allow_list
from prover.verdict import Limits, Trust, VerdictKind

Progress = Callable[[int, int], None]
"""Called with the numbers of finished parts and of all parts of the battery."""

_WORTH_SAYING = 20  # failures listed in a report; if everything fails, more would not help


@dataclass(frozen=True, slots=True)
class BatteryFailure:
    """A failed part of the battery."""

    id: str
    why: str


@dataclass(frozen=True, slots=True)
class Certificate:
    """The result of the battery for a (toolchain, worker) pair. Contains no paths and no names of persons or machines.

    Attributes:
        lean: version line of the toolchain, with its commit.
        worker: digest of the worker program and of its allow-list.
        battery: digest of the battery.
        system: operating system and processor.
        honest: numbers of verified and of all honest proofs.
        exploits: numbers of rejected and of all exploits, by class.
        questions: numbers of correctly answered and of all questions.
        failures: failed parts.
        shared: parts that shared workers failed; if not empty, the remaining fields are results of quarantine.
        seconds: duration of the run.
    """

    lean: str
    worker: str
    battery: str
    system: str
    honest: tuple[int, int]
    exploits: dict[str, tuple[int, int]]
    questions: tuple[int, int]
    failures: tuple[BatteryFailure, ...]
    seconds: float
    shared: tuple[BatteryFailure, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every part was passed."""
        return not self.failures

    def text(self) -> str:
        """Return the certificate as JSON, for storage and reports."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"


_CERTIFICATE = TypeAdapter(Certificate)


def worker_digest() -> str:
    """Digest of the worker program and its allow-list."""
    text = joined_program() + json.dumps(allow_list(), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


async def certify(
    workers: Workers,
    lean: str,
    at_once: int = 1,
    progress: Progress | None = None,
    honest: Checker | None = None,
    contained: bool = False,
) -> Certificate:
    """Run the whole battery.

    Args:
        workers: the started workers to certify.
        lean: version line of its toolchain.
        at_once: number of concurrent cases.
        progress: called after each part.
        honest: checker of the honest proofs; by default the workers themselves.
        contained: whether the workers send everything to quarantine, where code runs: then an exploit may get any
            verdict but an accepting one.
    """
    began = time.monotonic()
    todo = cases()
    questions = [name for name in QUESTIONS if not (contained and name in SHARED)]
    total, done = len(todo) + len(questions), 0
    wrong: dict[str, str] = {}

    def step() -> None:
        nonlocal done
        done += 1
        if progress:
            progress(done, total)

    turn = asyncio.Semaphore(at_once)

    async def tried(case: Case) -> None:
        async with turn:
            why = await _fault(honest if honest and case.group == "honest" else workers, case, contained)
        if why is not None:
            wrong[case.id] = why
        step()

    async for name, why in asked(workers, questions):
        if why is not None:
            wrong[name] = why
        step()
    await asyncio.gather(*map(tried, todo))
    return _certificate(lean, todo, questions, wrong, round(time.monotonic() - began, 1))


def _certificate(
    lean: str, tried: Sequence[Case], questions: Sequence[str], wrong: Mapping[str, str], seconds: float
) -> Certificate:
    """Return the certificate of a battery; `wrong` holds its failed parts, each with a reason."""

    def score(parts: Sequence[str]) -> tuple[int, int]:
        return sum(part not in wrong for part in parts), len(parts)

    groups = sorted({case.group for case in tried} - {"honest"})
    return Certificate(
        lean,
        worker_digest(),
        digest(),
        f"{platform.system()} {platform.machine()}",
        score([case.id for case in tried if case.group == "honest"]),
        {group: score([case.id for case in tried if case.group == group]) for group in groups},
        score(questions),
        tuple(BatteryFailure(part, why) for part, why in sorted(wrong.items())),
        seconds,
    )


async def _fault(workers: Checker, case: Case, contained: bool) -> str | None:
    """Describe the error in an answer; None if the answer is correct."""
    verdict = await workers.check(case.theorem, case.candidate, Terms(Limits(seconds=case.seconds)))
    outcome = f"{verdict.kind.name} {verdict.trust.name}"
    accepted = verdict.verified or verdict.kind is VerdictKind.VERIFIED
    exploit = VerdictKind.VERIFIED not in case.expected
    if exploit and accepted and not (contained and case.contained):
        return f"an exploit ({case.group}) was accepted: {outcome}"
    if contained and exploit and verdict.kind is not VerdictKind.INFRASTRUCTURE:
        return None
    if verdict.kind not in case.expected:
        why = f": {verdict.messages[0].text[:200]}" if verdict.messages else ""
        return f"{outcome} is none of {', '.join(sorted(kind.name for kind in case.expected))}{why}"
    if verdict.kind is VerdictKind.VERIFIED:
        if verdict.trust < Trust.KERNEL_REPLAYED:
            return f"a proof was verified without the kernel: {outcome}"
        if not verdict.theorem:
            return "a verified proof came without the name of its theorem"
        if not {"propext", "Classical.choice", "Quot.sound"}.issuperset(verdict.axioms):
            return f"an honest proof depends on {', '.join(verdict.axioms)}"
    return None


def kept(lean: str) -> Certificate | None:
    """Load the stored certificate of this worker under that toolchain; None if there is none that passed."""
    try:
        certificate = _CERTIFICATE.validate_json(_file(lean).read_bytes())
    except (OSError, ValidationError):
        return None
    right = (certificate.lean, certificate.worker, certificate.battery) == (lean, worker_digest(), digest())
    return certificate if right and certificate.passed else None


def keep(certificate: Certificate) -> None:
    """Store a certificate in the user's cache. Raises OSError."""
    file = _file(certificate.lean)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    atomic_write_text(file, certificate.text())


def summary(certificate: Certificate, most: int = _WORTH_SAYING) -> list[str]:
    """Describe the failures, limited to a number of parts per run; empty if nothing failed."""
    if not certificate.shared:
        return _shown("", certificate.failures, most)
    shared = _shown("in shared workers, ", certificate.shared, most)
    return [*shared, *_shown("in quarantine, ", certificate.failures, most)]


def _shown(where: str, failures: Sequence[BatteryFailure], most: int) -> list[str]:
    shown = [f"{where}{failure.id}: {failure.why}" for failure in failures[:most]]
    omitted = len(failures) - len(shown)
    return [*shown, f"{where}{omitted} more"] if omitted else shown


def _file(lean: str) -> Path:
    key = hashlib.sha256("\0".join((lean, worker_digest(), digest())).encode()).hexdigest()[:24]
    return cache_directory() / "certificates" / f"{key}.json"
