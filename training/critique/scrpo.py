"""SCRPO on Lean (after arXiv 2512.05387): a model learns from proofs that Lean rejects.

    leansieve scrpo FILE.toml

1. `draw`: the base answers theorems whose proofs are known; Lean decides which answers hold, and locates the errors of the others.
2. `critic`: the base is fine-tuned to diagnose and repair its own failures, together with the known proofs.
3. `refine-N`: the critic repairs failures, given Lean's error, in rounds: remaining failures go to the next round.
4. `pairs`: valid refinements over the proofs they repair, and shorter proofs over longer ones.
5. `prefer`: DPO with a term for likelihood, from the critic, which is also the reference.
6. `dev-MODEL`: each model on held-out theorems, with plain samples, and with half of its samples spent on repairs.

This module defines the stages; `leansieve scrpo` runs each in a child process.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from prover.lean.workers.lean_pool import LeanPool
from prover.sampling.prompt import CritiqueFormat
from prover.verdict import Limits
from training.config import TrainingConfig, load_table
from training.corpus.jsonl import read_jsonl, write_jsonl
from training.corpus.lessons import Pair
from training.corpus.proofs import ProvedTheorem, read_proofs
from training.corpus.record import TheoremRecord, read_corpus
from training.critique.answers import CritiqueAnswers, CritiqueQuestion, ask, read_answers
from training.critique.lessons import lessons, pairs
from training.critique.report import write_report
from training.model.preferences import learn_preferences
from training.model.sft import fine_tune
from training.rollouts.verifier import Verifier

_FORM = CritiqueFormat()
_DIAGNOSIS_TOKENS = 16
MODELS = ("base", "critic", "scrpo")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class ScrpoConfig(_Section):
    """The configuration file; relative paths are relative to the working directory."""

    folder: Path
    """Folder of all results."""
    base: Path
    """The base model, in the format `source`."""
    proofs: tuple[Path, ...] = Field(min_length=1)
    """Theorems with known proofs: training data of the critic, and the source of failures."""
    dev: Path
    """Theorems on which the models are compared."""
    theorems: int = Field(default=300, ge=1)
    """Number of known theorems used, chosen by digest."""
    samples: int = Field(default=16, ge=1)
    """Answers per theorem."""
    failures: int = Field(default=4, ge=1)
    """Failures per theorem that are learnt from and repaired in each round."""
    attempts: int = Field(default=4, ge=1)
    """Refinements per failure."""
    rounds: int = Field(default=2, ge=1)
    """Rounds of refinement."""
    dev_samples: int = Field(default=16, ge=2)
    """Answers per theorem of dev, including repairs; even."""
    max_tokens: int = Field(default=96, ge=1)
    """Maximum length of an answer."""
    seconds: float = Field(default=5.0, gt=0)
    """Deadline of one check in seconds."""
    heartbeats: int = Field(default=40_000, ge=1)
    """Lean's `maxHeartbeats` for a check."""
    seed: int = Field(default=0, ge=0)
    """Seed of all random choices."""
    threads: int | None = Field(default=None, ge=1)
    """CPU threads of torch."""
    critic_steps: int = Field(default=150, ge=1)
    """Steps of fine-tuning the critic, of 16 rows of 512 tokens."""
    critic_learning_rate: float = Field(default=3e-4, gt=0)
    """Learning rate of the critic."""
    steps: int = Field(default=60, ge=1)
    """Steps of preference learning."""
    pairs_per_step: int = Field(default=32, ge=1)
    """Pairs per step."""
    learning_rate: float = Field(default=5e-5, gt=0)
    """Learning rate of preference learning."""
    beta: float = Field(default=0.1, gt=0)
    """β of DPO."""
    nll: float = Field(default=0.2, ge=0)
    """λ, the weight of the preferred answer's likelihood."""

    def model(self, name: str) -> Path:
        """Return the folder of `base`, `critic` or `scrpo`."""
        return self.base if name == "base" else self.folder / name / "model"

    def answers(self, name: str) -> Path:
        """Return the file of a stage's answers."""
        return self.folder / "answers" / f"{name}.jsonl"


def load_scrpo(path: Path) -> ScrpoConfig:
    """Read the file.

    Raises:
        ConfigError: it cannot be read or is invalid.
    """
    return load_table(path, ScrpoConfig)


def stages(plan: ScrpoConfig) -> list[str]:
    """Return the names of all stages, in order."""
    refining = [f"refine-{number}" for number in range(1, plan.rounds + 1)]
    return ["draw", "critic", *refining, "pairs", "prefer", *(f"dev-{name}" for name in MODELS), "report"]


def carry_out(
    plan: ScrpoConfig,
    stage: str,
    make_pool: Callable[[], LeanPool],
    report: Callable[[str], None] = print,
    command: str = "",
) -> None:
    """Run one stage, resuming from an earlier start.

    Raises:
        ValueError: a file has other content, or there is nothing to learn from.
        SamplerUnavailableError, PoolUnavailableError, VerifierGoneError: vLLM or Lean cannot be used.
        OSError: something cannot be read or written.
    """
    kind, _, which = stage.partition("-")
    match kind:
        case "draw":
            with _verifier(plan, make_pool) as verifier:
                _ask(plan, "base", "draw", _plain(plan, _chosen(plan)), verifier, report)
        case "critic":
            found = list(lessons(_chosen(plan), read_answers(plan.answers("draw")), plan.failures))
            if not found:
                raise ValueError("No failing answer of the base can be repaired: there is nothing to learn from.")
            report(f"{write_jsonl(plan.folder / 'lessons.jsonl', found)} lessons")
            fine_tune(_critic(plan), report, command)
        case "refine":
            with _verifier(plan, make_pool) as verifier:
                _ask(plan, "critic", stage, list(_repairs(plan, int(which))), verifier, report)
        case "pairs":
            records = {proved.theorem.name: proved.theorem for proved in _chosen(plan)}
            refined = [
                each for number in range(1, plan.rounds + 1) for each in read_answers(plan.answers(f"refine-{number}"))
            ]
            preferred = pairs(records, read_answers(plan.answers("draw")), refined)
            report(f"{write_jsonl(plan.folder / 'pairs.jsonl', preferred)} pairs")
        case "prefer":
            learn_preferences(_preferring(plan), report, command)
        case "dev":
            with _verifier(plan, make_pool) as verifier:
                _on_dev(plan, which, verifier, report)
        case "report":
            write_report(plan.folder, plan.rounds, MODELS)


def _chosen(plan: ScrpoConfig) -> list[ProvedTheorem]:
    """Return the known theorems to use, always the same."""
    proved = {each.theorem.name: each for path in plan.proofs for each in read_proofs(path) if not each.theorem.guard}
    ordered = sorted(proved.values(), key=lambda each: hashlib.sha256(each.theorem.theorem.digest.encode()).digest())
    return ordered[: plan.theorems]


def _plain(plan: ScrpoConfig, proved: Sequence[ProvedTheorem]) -> list[CritiqueQuestion]:
    return [_question(each.theorem, plan.samples) for each in proved]


def _question(record: TheoremRecord, samples: int, about: str = "") -> CritiqueQuestion:
    return CritiqueQuestion(record, about, _FORM.render(record.theorem), samples)


def _repairs(plan: ScrpoConfig, number: int) -> Iterator[CritiqueQuestion]:
    """Return the questions of a round: round one repairs the base's answers, each later one the failures that
    remain.
    """
    records = {proved.theorem.name: proved.theorem for proved in _chosen(plan)}
    before = read_answers(plan.answers("draw" if number == 1 else f"refine-{number - 1}"))
    asked: dict[str, set[str]] = {}
    for answers in before:
        if number > 1 and answers.verified:
            continue
        record = records[answers.name]
        for answer, diagnosis in answers.failures:
            of_theorem = asked.setdefault(answers.name, set())
            if len(of_theorem) < plan.failures and answer.text not in of_theorem:
                of_theorem.add(answer.text)
                prompt = _FORM.repaired(record.theorem, answer.text, diagnosis)
                yield CritiqueQuestion(record, answer.text, prompt, plan.attempts)


def _on_dev(plan: ScrpoConfig, name: str, verifier: Verifier, report: Callable[[str], None]) -> None:
    """Sample two halves of plain answers; from a model that can repair, also repairs of failures in the first half,
    and its own diagnoses of them.
    """
    records = read_corpus(plan.dev)
    half = plan.dev_samples // 2
    first = [_question(record, half, "first") for record in records]
    second = [_question(record, half, "second") for record in records]
    found = _ask(plan, name, f"dev-{name}", [*first, *second], verifier, report)
    if name == "base":
        return
    failing = [(record, answers) for record, answers in zip(records, found, strict=False) if answers.failures]
    repairs, asked = [], []
    for record, answers in failing:
        failures = answers.failures[:half]
        shares = [half // len(failures) + (number < half % len(failures)) for number in range(len(failures))]
        for (answer, diagnosis), share in zip(failures, shares, strict=True):
            prompt = _FORM.repaired(record.theorem, answer.text, diagnosis)
            repairs.append(CritiqueQuestion(record, answer.text, prompt, share))
            prompt = _FORM.diagnosis(record.theorem, answer.text)
            asked.append(CritiqueQuestion(record, answer.text, prompt, 1, proofs=False, temperature=0.0))
    _ask(plan, name, f"dev-{name}-repairs", repairs, verifier, report)
    _ask(plan, name, f"dev-{name}-diagnoses", asked, verifier, report, _DIAGNOSIS_TOKENS)


def _ask(
    plan: ScrpoConfig,
    model: str,
    stage: str,
    questions: Sequence[CritiqueQuestion],
    verifier: Verifier,
    report: Callable[[str], None],
    max_tokens: int | None = None,
) -> list[CritiqueAnswers]:
    report(f"{stage}: {len(questions)} questions to {model}")
    return ask(
        plan.model(model), questions, plan.answers(stage), verifier, max_tokens or plan.max_tokens, plan.seed, report
    )


def _verifier(plan: ScrpoConfig, make_pool: Callable[[], LeanPool]) -> Verifier:
    return Verifier(make_pool, None, Limits(seconds=plan.seconds, heartbeats=plan.heartbeats))


def _critic(plan: ScrpoConfig) -> TrainingConfig:
    return _run(
        plan,
        "critic",
        plan.base,
        {"learning_rate": plan.critic_learning_rate, "schedule": "cosine"},
        sft={
            "proofs": plan.proofs,
            "lessons": (plan.folder / "lessons.jsonl",),
            "steps": plan.critic_steps,
            "proofs_per_theorem": 4,
        },
    )


def _preferring(plan: ScrpoConfig) -> TrainingConfig:
    path = plan.folder / "pairs.jsonl"
    if not any(True for _ in read_jsonl(path, Pair)):
        raise ValueError("No refinement holds: there is no pair to learn from.")
    return _run(
        plan,
        "scrpo",
        plan.model("critic"),
        {"learning_rate": plan.learning_rate},
        preferences={"pairs": (path,), "steps": plan.steps, "pairs_per_step": plan.pairs_per_step},
        algorithm={"name": "scrpo", "options": {"beta": plan.beta, "nll": plan.nll}},
    )


def _run(
    plan: ScrpoConfig, name: str, path: Path, optimizer: dict[str, Any], **tables: dict[str, Any]
) -> TrainingConfig:
    run = {
        "folder": plan.folder / name,
        "seed": plan.seed,
        "threads": plan.threads,
        "checkpoint_every": 10,
        "log_every": 10,
    }
    model = {"path": path, "prompt_format": "source-critique"}
    return TrainingConfig.model_validate({"run": run, "model": model, "optimizer": optimizer, **tables})
