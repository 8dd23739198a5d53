"""Rounds of making theorems, solving them, and learning from the answers (after Dynamic Alignment, arXiv 2512.05464).

    leansieve grow FILE.toml

A round of an arm:

1. `conjecture`: new theorems made from proved ones (`training.conjectures`); from the second round on, from those of
   earlier rounds that were within reach, with the proofs that the model found itself: mutations accumulate, and theorems
   become harder.
2. `solve`: the model answers each of them, and Lean checks the answers.
3. `learn`: training by the arm's algorithm on the theorems within reach.
4. `dev`: evaluation of the new model on held-out theorems.

Stages that are equal for all arms are run once: the base on dev, and conjectures and answers of the first round. This
module defines the stages; `leansieve grow` runs each in a child process.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from prover.lean.workers.lean_pool import LeanPool
from prover.verdict import Limits
from training.config import EvaluationConfig
from training.conjectures.growth import Growth
from training.conjectures.outcome import proved as theorems_of
from training.corpus.jsonl import write_jsonl
from training.corpus.proofs import ProvedTheorem, read_proofs
from training.corpus.record import TheoremRecord, read_corpus
from training.evaluation.samples import ModelSamples, TheoremSamples
from training.evaluation.sampling import Evaluated, evaluate
from training.growing.config import Arm, GrowConfig
from training.growing.report import write_report
from training.journal import Journal
from training.trainer.trainer import train

Report = Callable[[str], None]


@dataclass(frozen=True)
class Stage:
    """A stage of work.

    Attributes:
        kind: `conjecture`, `solve`, `learn`, `dev` or `report`.
        arm: its arm; None: all together.
        number: number of the round, from 1; 0 before the first.
    """

    kind: str
    arm: Arm | None
    number: int

    @property
    def name(self) -> str:
        """Return the stored name."""
        return f"{self.kind}-{'all' if self.arm is None else self.arm.name}-{self.number}"

    def title(self, plan: GrowConfig) -> str:
        """Return the title for progress output."""
        who = "all arms" if self.arm is None else self.arm.name
        return f"round {self.number} of {plan.rounds}, {who}: {self.kind}"


def stages(plan: GrowConfig) -> Iterator[Stage]:
    """Return all stages, in order: round by round, so that all arms advance together."""
    yield Stage("dev", None, 0)
    for number in range(1, plan.rounds + 1):
        for arm in plan.arms:
            source = None if number == 1 else arm
            if source is not None or arm is plan.arms[0]:
                yield Stage("conjecture", source, number)
                yield Stage("solve", source, number)
            yield Stage("learn", arm, number)
            yield Stage("dev", arm, number)
        yield Stage("report", None, number)


def carry_out(
    plan: GrowConfig, stage: Stage, make_pool: Callable[[], LeanPool], report: Report = print, command: str = ""
) -> None:
    """Run one stage, resuming from an earlier start.

    Raises:
        ValueError: a file has other content, or no theorem is within reach.
        LeanGoneError, VerifierGoneError, PoolUnavailableError, SamplerUnavailableError: Lean or vLLM cannot be used.
        OSError: something cannot be read or written.
    """
    match stage.kind:
        case "conjecture":
            asyncio.run(_conjecture(plan, stage, make_pool(), report))
        case "solve":
            corpus = plan.file("theorems", stage.arm, stage.number, ".jsonl")
            out = plan.file("solved", stage.arm, stage.number, ".json.gz")
            _sample(
                plan,
                plan.model(stage.arm, stage.number - 1),
                stage,
                corpus,
                out,
                plan.solve_samples,
                make_pool,
                report,
                command,
            )
        case "learn":
            assert stage.arm is not None
            chosen = [record for record, samples in _solved(plan, stage.arm, stage.number) if _within(plan, samples)]
            if not chosen:
                raise ValueError(
                    f"No theorem of round {stage.number} is within reach of {stage.arm.name}: draw more conjectures."
                )
            count = write_jsonl(plan.file("prompts", stage.arm, stage.number, ".jsonl"), chosen)
            report(f"{count} theorems are within reach")
            train(plan.training(stage.arm, stage.number), make_pool, report, command)
        case "dev":
            out = plan.file("dev", stage.arm, stage.number, ".json.gz")
            _sample(
                plan,
                plan.model(stage.arm, stage.number),
                stage,
                plan.dev,
                out,
                plan.dev_samples,
                make_pool,
                report,
                command,
            )
        case "report":
            for line in write_report(plan, stage.number):
                report(line)


async def _conjecture(plan: GrowConfig, stage: Stage, pool: LeanPool, report: Report) -> None:
    """Draw a round's conjectures, and write the kept ones as theorems to solve."""
    for each in ("conjectures", "theorems", "prompts", "solved", "dev"):
        (plan.folder / each).mkdir(parents=True, exist_ok=True)
    known = [proved for path in plan.proofs for proved in read_proofs(path)]
    earlier = [each for number in range(1, stage.number) for each in _found(plan, stage.arm, number)]
    seen = [record for number in range(1, stage.number) for record, _ in _solved(plan, stage.arm, number)]
    growth = Growth(
        earlier or known,
        read_corpus(plan.dev),
        seed=1_000 * plan.seed + stage.number,
        known=[*(proved.theorem for proved in known), *seen],
    )
    path = plan.file("conjectures", stage.arm, stage.number, ".jsonl")
    await pool.start()
    try:
        await pool.ready()
        with Journal(path) as journal:
            outcomes = await growth.grow(pool, journal, plan.conjectures, pool.size, report)
    finally:
        await pool.close()
    conjectures = [proved.theorem for proved in theorems_of(outcomes)]
    if not conjectures:
        raise ValueError(f"No conjecture of round {stage.number} was kept: draw more.")
    count = write_jsonl(plan.file("theorems", stage.arm, stage.number, ".jsonl"), conjectures)
    report(f"{count} of {len(outcomes)} conjectures are theorems to solve")


def _found(plan: GrowConfig, arm: Arm | None, number: int) -> Iterator[ProvedTheorem]:
    """Return the theorems of a round within reach, with the model's own proofs."""
    for record, samples in _solved(plan, arm, number):
        proofs = tuple(proof.text for proof in samples.proofs if proof.verified)
        if proofs and _within(plan, samples):
            yield ProvedTheorem(theorem=record, proofs=proofs)


def _solved(plan: GrowConfig, arm: Arm | None, number: int) -> list[tuple[TheoremRecord, TheoremSamples]]:
    source = None if number == 1 else arm
    records = read_corpus(plan.file("theorems", source, number, ".jsonl"))
    samples = ModelSamples.load(plan.file("solved", source, number, ".json.gz"))
    return list(zip(records, samples.theorems, strict=True))


def _within(plan: GrowConfig, samples: TheoremSamples) -> bool:
    return 0 < samples.verified <= plan.window * samples.samples


def _sample(
    plan: GrowConfig,
    model: Path,
    stage: Stage,
    corpus: Path,
    out: Path,
    samples: int,
    make_pool: Callable[[], LeanPool],
    report: Report,
    command: str,
) -> None:
    settings = EvaluationConfig(corpora=(corpus,), samples=samples, max_tokens=plan.max_tokens)
    label = f"{'base' if stage.arm is None else stage.arm.name}, round {stage.number}"
    limits = Limits(seconds=plan.seconds, heartbeats=plan.heartbeats)
    evaluated = Evaluated(model, label, settings, limits, seed=plan.seed, command=command)
    evaluate(evaluated, out, plan.folder / "verdicts.jsonl", make_pool, report)
