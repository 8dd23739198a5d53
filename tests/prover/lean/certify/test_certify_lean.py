"""A correct toolchain passes the battery; one with any kind of wrong answers does not.

The battery runs once on real workers of the embedded Lean, whose answers are kept; each fault changes answers on their way.
"""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from prover.candidate import Candidate
from prover.lean.certify import certificate as kept_certificates
from prover.lean.certify.battery import cases
from prover.lean.certify.certificate import Certificate, certify, keep, kept, summary
from prover.lean.certify.runtime import CertifiedToolchain
from prover.lean.checker import DEFAULT_TERMS, Terms
from prover.lean.runtimes.embedded.cache.install import cache_directory
from prover.lean.runtimes.native import NativeToolchain, ResourceLimits, Sandbox
from prover.lean.runtimes.runtime import RuntimeUnavailableError
from prover.lean.wire.answers import Elaboration, SorryGoals, TacticStep
from prover.lean.wire.library import Constant
from prover.lean.workers.pool import WorkerPool
from prover.theorem import Header, Theorem
from prover.verdict import Trust, Verdict, VerdictKind
from tests.adversarial.exploits import EXPLOITS, HERE
from tests.honest.honest_proofs import HONEST
from tests.prover.lean.runtimes.native.stand_in import LEAN_4_28, Emulated, emulate

pytestmark = [pytest.mark.lean, pytest.mark.timeout(600)]

LEAN = "Lean (version 4.28.0, x86_64, commit 0, Release)"


@dataclass
class Answers:
    """Caches the answers of real workers."""

    pool: WorkerPool
    known: dict[tuple[Any, ...], Any] = field(default_factory=dict)

    async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
        key = (theorem, candidate, terms.policy)
        if key not in self.known:
            self.known[key] = await self.pool.check(theorem, candidate, terms)
        verdict: Verdict = self.known[key]
        return verdict

    async def elaborate(self, theorem: Theorem, terms: Terms) -> Elaboration:
        key = ("elaborate", theorem)
        if key not in self.known:
            self.known[key] = await self.pool.elaborate(theorem, terms)
        answer: Elaboration = self.known[key]
        return answer

    async def goals(self, theorem: Theorem, proof: str, terms: Terms) -> SorryGoals:
        key = ("goals", theorem, proof)
        if key not in self.known:
            self.known[key] = await self.pool.goals(theorem, proof, terms)
        answer: SorryGoals = self.known[key]
        return answer

    async def tactic(self, theorem: Theorem, script: Sequence[str], step: str, terms: Terms) -> TacticStep:
        key = ("tactic", theorem, step)
        if key not in self.known:
            self.known[key] = await self.pool.tactic(theorem, script, step, terms)
        answer: TacticStep = self.known[key]
        return answer

    async def constant(self, name: str, header: Header | None, terms: Terms) -> Constant | None:
        key = ("constant", name)
        if key not in self.known:
            self.known[key] = await self.pool.constant(name, header, terms)
        answer: Constant | None = self.known[key]
        return answer


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def answers(lean_pool: WorkerPool) -> AsyncIterator[Answers]:
    yield Answers(lean_pool)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def passed(answers: Answers) -> Certificate:
    return await certify(answers, LEAN, at_once=2)


def test_the_battery_is_of_the_suite_and_large_enough() -> None:
    honest = {proof.id: proof for proofs in HONEST.values() for proof in proofs}
    groups = set()
    for case in cases():
        if case.group == "honest":
            assert case.theorem == honest[case.id].theorem
            assert case.candidate.text == honest[case.id].candidate.text
        else:
            exploit = EXPLOITS[case.id]
            groups.add(case.group)
            assert (case.theorem, case.group) == (exploit.theorem, exploit.group)
            assert case.candidate.text in {candidate.text for candidate in exploit.texts(HERE / case.id)}
    assert sum(case.group == "honest" for case in cases()) >= 60
    assert sum(case.group != "honest" for case in cases()) >= 60
    assert groups == {exploit.group for exploit in EXPLOITS.values()}


def test_the_embedded_lean_passes(passed: Certificate) -> None:
    assert passed.passed, summary(passed)


def test_a_report_names_no_path_and_nobody(passed: Certificate) -> None:
    text = passed.text()
    assert "/" not in text.replace("(application/", "")
    assert set(json.loads(text)) == {
        "lean", "worker", "battery", "system", "honest", "exploits", "questions", "failures", "seconds", "shared",
    }  # fmt: skip


def verdicts(change: Callable[[Verdict], Verdict]) -> type[Answers]:
    """Workers whose verdicts are changed."""

    class Faulty(Answers):
        async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
            return change(await super().check(theorem, candidate, terms))

    return Faulty


def accepting(*kinds: VerdictKind) -> type[Answers]:
    """Workers that verify what they ought to answer with one of these verdicts."""

    def change(verdict: Verdict) -> Verdict:
        if verdict.kind not in kinds:
            return verdict
        return replace(verdict, kind=VerdictKind.VERIFIED, trust=Trust.KERNEL_REPLAYED, theorem="t")

    return verdicts(change)


class NoStatement(Answers):
    async def elaborate(self, theorem: Theorem, terms: Terms) -> Elaboration:
        return Elaboration(VerdictKind.VERIFIED, "t", goal="a + b = b + a")


class OtherGoals(Answers):
    async def goals(self, theorem: Theorem, proof: str, terms: Terms) -> SorryGoals:
        found = await super().goals(theorem, proof, terms)
        return replace(found, sorries=found.sorries[:1])


class EveryTactic(Answers):
    async def tactic(self, theorem: Theorem, script: Sequence[str], step: str, terms: Terms) -> TacticStep:
        return replace(await super().tactic(theorem, script, step, terms), verdict=VerdictKind.VERIFIED)


class LostGoals(Answers):
    async def tactic(self, theorem: Theorem, script: Sequence[str], step: str, terms: Terms) -> TacticStep:
        found = await super().tactic(theorem, script, step, terms)
        return replace(found, goals=found.goals[:1])


class NoConstants(Answers):
    async def constant(self, name: str, header: Header | None, terms: Terms) -> Constant | None:
        return None


class EveryConstant(Answers):
    async def constant(self, name: str, header: Header | None, terms: Terms) -> Constant | None:
        return await super().constant("Nat.add_comm", header, terms)


class NoGuard(Answers):
    async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
        return await super().check(theorem, candidate, replace(terms, policy=DEFAULT_TERMS.policy))


CUT_SHORT = (VerdictKind.TIMEOUT, VerdictKind.OUT_OF_RESOURCES)
"""Possible verdicts on an endless proof, depending on the speed of the machine."""


class OnceDead(Answers):
    """A deadline ends the worker for good."""

    dead = False

    async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
        verdict = await super().check(theorem, candidate, terms)
        self.dead = self.dead or verdict.kind in CUT_SHORT
        return replace(verdict, kind=VerdictKind.INFRASTRUCTURE, trust=Trust.NONE) if self.dead else verdict


class Twisted(Answers):
    """The answer to a candidate is that of the candidate before."""

    before: Verdict | None = None

    async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
        verdict = await super().check(theorem, candidate, terms)
        self.before, answer = verdict, self.before or verdict
        return answer


def slowly(verdict: Verdict) -> Verdict:
    return replace(verdict, elapsed_ms=60_000.0) if verdict.kind in CUT_SHORT else verdict


def on_an_axiom(verdict: Verdict) -> Verdict:
    return replace(verdict, axioms=(*verdict.axioms, "sorryAx")) if verdict.verified else verdict


FAULTS: Mapping[str, type[Answers]] = {
    "everything is verified": verdicts(
        lambda verdict: replace(verdict, kind=VerdictKind.VERIFIED, trust=Trust.KERNEL_REPLAYED)
    ),
    "nothing is verified": verdicts(lambda verdict: replace(verdict, kind=VerdictKind.REJECTED, trust=Trust.NONE)),
    "nothing is vetted": accepting(VerdictKind.FORBIDDEN),
    "no statement is compared": accepting(VerdictKind.STATEMENT_CHANGED),
    "no axiom is audited": accepting(VerdictKind.AXIOM_NOT_ALLOWED),
    "sorry is a proof": accepting(VerdictKind.INCOMPLETE),
    "errors are passed over": accepting(VerdictKind.REJECTED),
    "what takes too long is a proof": accepting(VerdictKind.TIMEOUT, VerdictKind.OUT_OF_RESOURCES),
    "the kernel is not asked": verdicts(lambda verdict: replace(verdict, trust=min(verdict.trust, Trust.ELABORATED))),
    "what is forbidden is called an error": verdicts(
        lambda verdict: (
            replace(verdict, kind=VerdictKind.REJECTED) if verdict.kind is VerdictKind.FORBIDDEN else verdict
        )
    ),
    "theorems have no names": verdicts(lambda verdict: replace(verdict, theorem="")),
    "proofs rest on axioms that they do not use": verdicts(on_an_axiom),
    "deadlines are kept late": verdicts(slowly),
    "deadlines end workers for good": OnceDead,
    "answers come one late": Twisted,
    "library theorems prove themselves": NoGuard,
    "every statement elaborates": NoStatement,
    "one goal for two holes": OtherGoals,
    "every tactic works": EveryTactic,
    "goals are lost": LostGoals,
    "there are no constants": NoConstants,
    "there is every constant": EveryConstant,
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_worker_that_answers_wrongly_is_caught(answers: Answers, passed: Certificate, fault: str) -> None:
    assert passed.passed
    at_once = 1 if FAULTS[fault] in (Twisted, OnceDead) else 2
    certificate = await certify(FAULTS[fault](answers.pool, answers.known), LEAN, at_once)
    assert not certificate.passed
    assert summary(certificate)


async def test_a_certificate_is_of_one_toolchain_one_worker_and_one_battery(
    passed: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEANSIEVE_CACHE", str(tmp_path))
    assert kept(LEAN) is None
    keep(passed)
    assert kept(LEAN) == passed
    assert kept(LEAN.replace("4.28.0", "4.29.0")) is None
    monkeypatch.setattr(kept_certificates, "worker_digest", lambda: "another worker")
    assert kept(LEAN) is None


def test_a_certificate_that_was_not_passed_or_not_written_whole_is_none(
    passed: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEANSIEVE_CACHE", str(tmp_path))
    keep(replace(passed, failures=(kept_certificates.BatteryFailure("x", "y"),)))
    assert kept(LEAN) is None
    (file,) = (tmp_path / "certificates").iterdir()
    file.write_text(passed.text()[:100])
    assert kept(LEAN) is None


async def test_in_quarantine_exploits_may_come_to_anything_but_a_proof(answers: Answers) -> None:
    elaborated = verdicts(
        lambda verdict: (
            replace(verdict, kind=VerdictKind.REJECTED) if verdict.kind is VerdictKind.FORBIDDEN else verdict
        )
    )
    # The guard refuses there as here, which is asked beside the exploits.
    certificate = await certify(elaborated(answers.pool, answers.known), LEAN, contained=True)
    assert {failure.id for failure in certificate.failures} == {"the guard of library theorems"}
    believed = accepting(VerdictKind.REJECTED)(answers.pool, answers.known)
    assert len((await certify(believed, LEAN, contained=True)).failures) > 10


def toolchain(lean: Emulated, fallback: bool = False) -> CertifiedToolchain:
    return CertifiedToolchain(NativeToolchain(lean.project, lean.environment, sandbox=Sandbox.NEVER), fallback)


def test_a_toolchain_that_passed_in_quarantine_alone_serves_there_alone_and_only_if_the_settings_say_so(
    passed: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEANSIEVE_CACHE", str(tmp_path / "cache"))
    lean = emulate(tmp_path, shell="exit 1")  # it is not run again
    keep(replace(passed, lean=LEAN_4_28, shared=(kept_certificates.BatteryFailure("x", "accepted"),)))
    served = toolchain(lean, fallback=True)
    served.prepare()
    assert served.contained
    with pytest.raises(RuntimeUnavailableError):
        toolchain(lean).prepare()
    keep(replace(passed, lean=LEAN_4_28))
    whole = toolchain(lean, fallback=True)
    whole.prepare()
    assert not whole.contained


@pytest.mark.slow
def test_an_emulated_toolchain_whose_workers_lie_serves_nothing_or_in_quarantine_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lean = emulate(tmp_path, cache=str(cache_directory()), lies=True)
    monkeypatch.setenv("LEANSIEVE_CACHE", str(tmp_path / "cache"))
    runtime = NativeToolchain(
        lean.project, lean.environment, ResourceLimits(None, None, None), Sandbox.NEVER, unsealed=True
    )
    with pytest.raises(RuntimeUnavailableError, match=r"an exploit .* was accepted"):
        CertifiedToolchain(runtime).prepare()
    contained = CertifiedToolchain(runtime, fallback=True)
    contained.prepare()
    assert contained.contained


@pytest.mark.slow
def test_an_emulated_toolchain_is_certified_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lean = emulate(tmp_path, cache=str(cache_directory()))
    monkeypatch.setenv("LEANSIEVE_CACHE", str(tmp_path / "cache"))
    CertifiedToolchain(NativeToolchain(lean.project, lean.environment, sandbox=Sandbox.NEVER)).prepare()
    runs = len(lean.calls("lean"))
    assert runs > 0
    CertifiedToolchain(NativeToolchain(lean.project, lean.environment, sandbox=Sandbox.NEVER)).prepare()
    assert [call for call in lean.calls("lean")[runs:] if "--run" in call["arguments"]] == []


def test_a_toolchain_whose_worker_does_not_start_serves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lean = emulate(tmp_path, cache=str(cache_directory()), shell="echo no; exit 1")
    monkeypatch.setenv("LEANSIEVE_CACHE", str(tmp_path / "cache"))
    with pytest.raises(RuntimeUnavailableError):
        CertifiedToolchain(NativeToolchain(lean.project, lean.environment, sandbox=Sandbox.NEVER)).prepare()
