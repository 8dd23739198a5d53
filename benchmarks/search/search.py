"""Compares ways to search on equal budgets: theorems solved, time, diversity, and wasted work.

    python -m benchmarks.search.search [--data FILE.jsonl] [--theorems N] [--arms portfolio,repair,…] [--model WEIGHTS_FOLDER]

An arm is a strategy with its samplers. Each arm searches each theorem once, until it has its proofs or has spent
both `--checks` questions to Lean and `--seconds`, at most `--longest` seconds; both budgets are evaluated on
this one search. Questions to Lean are checks of whole proofs, goals of partial proofs, and tactic steps. Completed searches
are stored in --log and not repeated, so that a run can be interrupted and arms added.

Without --model the arms are the portfolio and the strategies with rules only. With --model there are also each
model of the folder alone (`model:NAME`), the models selected by a focus (`focus:0` coverage,
`focus:0.5`, `focus:1` precision), and each strategy with the model selected by the focus 0.5 (`repair+model`, …). Equal arms, such as
a focus and the model that it selects, are searched once. Figures cover the theorems that every arm has searched.

The figures in docs/results/search.json and search.md are those of

    python -m benchmarks.search.search --theorems 60 --model prover/weights --proofs 2 --checks 16 --samples 32 \\
        --seconds 5 --longest 300 --out docs/results/search.json --table docs/results/search.md

without the arms with rules only (`repair`, `stepwise`, `decompose`, `auto`) and `independent+model`; the run was not completed.
"""

import argparse
import asyncio
import contextlib
import hashlib
import json
import random
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from rich.console import Console
from rich.progress import Progress as Bar

from benchmarks.search.search_report import Result, arms_of, compared, markdown, show, summary
from prover.lean.checker import Terms
from prover.lean.runtimes.embedded import EmbeddedLean
from prover.lean.workers.pool import PoolConfig, WorkerPool
from prover.options import STRATEGIES, Budget
from prover.sampling.focus import choose
from prover.sampling.portfolio.portfolio import PortfolioSampler
from prover.sampling.sampler import Sampler, SamplingParams
from prover.sampling.vllm.vllm_engine import VllmEngineSampler
from prover.search.search import Finished, Progress, Proof, ProofSearch
from prover.search.strategies import build_plan
from prover.search.terms import SearchTerms
from prover.theorem import Header, Theorem
from prover.verdict import Limits

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT.parent / "shared" / "data" / "core_dev.jsonl"
FOCUS = (0.0, 0.5, 1.0)


@dataclass(frozen=True)
class Arm:
    """A strategy, its samplers, and the sampling parameters of the models among them."""

    name: str
    strategy: str
    samplers: Sequence[Sampler]
    params: SamplingParams = field(default_factory=SamplingParams)

    def same_as(self, other: "Arm") -> bool:
        """Return whether both search in the same way."""
        return (self.strategy, self.samplers, self.params) == (other.strategy, other.samplers, other.params)


def main() -> None:
    """Search, print, write."""
    options = parse_options()
    theorems = read_theorems(options.data, options.theorems, options.seed)
    known = read_log(options.log, signature(options))
    console = Console(width=120)
    if not options.report:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(run(theorems, known, options, console))
    results = compared(known, {theorem.digest for theorem in theorems})
    rows = {arm: summary([each for each in results if each.arm == arm], options) for arm in arms_of(results)}
    show(rows, options, console)
    options.out.write_text(
        json.dumps({"settings": settings(options), "arms": rows}, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )
    if options.table:
        options.table.write_text(markdown(rows, options), encoding="utf-8")
    console.print(f"figures in {options.out}, searches in {options.log}")


def parse_options() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=CORPUS, help="corpus, JSON lines with a `statement`")
    parser.add_argument("--theorems", type=int, help="a random sample of so many; by default all")
    parser.add_argument("--seed", type=int, default=0, help="seed of the sample and of the models")
    parser.add_argument("--arms", type=lambda text: text.split(","), help="names, separated by commas; by default all")
    parser.add_argument("--model", type=Path, help="folder of weights")
    parser.add_argument("--checks", type=int, default=64, help="budget of questions to Lean")
    parser.add_argument("--seconds", type=float, default=10.0, help="budget of seconds")
    parser.add_argument("--longest", type=float, default=60.0, help="maximum seconds of a search")
    parser.add_argument("--check-seconds", type=float, default=5.0, help="deadline of one question to Lean")
    parser.add_argument("--samples", type=int, default=256, help="maximum number of candidates of a search")
    parser.add_argument("--proofs", type=int, default=1, help="distinct proofs wanted of each theorem")
    parser.add_argument("--workers", type=int, default=1, help="Lean workers")
    parser.add_argument("--log", type=Path, default=Path("search-runs.jsonl"), help="file of completed searches")
    parser.add_argument("--out", type=Path, default=Path("search.json"), help="file for the figures")
    parser.add_argument("--report", action="store_true", help="do not search; write the figures of completed searches")
    parser.add_argument("--table", type=Path, help="file for the figures as a Markdown table")
    return parser.parse_args()


def settings(options: argparse.Namespace) -> dict[str, object]:
    """Settings of a search other than its arm and theorem."""
    names = ("checks", "seconds", "longest", "check_seconds", "samples", "proofs", "workers", "seed")
    return {name: getattr(options, name) for name in names} | {"model": str(options.model or "")}


def signature(options: argparse.Namespace) -> str:
    """A short digest of the settings."""
    return hashlib.sha256(json.dumps(settings(options)).encode()).hexdigest()[:12]


def read_theorems(path: Path, count: int | None, seed: int) -> list[Theorem]:
    """Return the theorems of a JSONL file, or a sample of them."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    chosen = rows if count is None else random.Random(seed).sample(rows, min(count, len(rows)))
    return [Theorem(row["statement"], Header.parse(row.get("header", "")), row.get("context", "")) for row in chosen]


def read_log(path: Path, wanted: str) -> dict[tuple[str, str], Result]:
    """Return the completed searches with these settings, by arm and theorem."""
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    found = [Result(**row["result"]) for row in rows if row["settings"] == wanted]
    return {(each.arm, each.theorem): each for each in found}


async def run(
    theorems: Sequence[Theorem],
    known: dict[tuple[str, str], Result],
    options: argparse.Namespace,
    console: Console,
) -> None:
    """Run the missing searches one after the other, each with the whole machine."""
    runtime = EmbeddedLean()
    await asyncio.to_thread(runtime.prepare)
    async with contextlib.AsyncExitStack() as stack:
        pool = await stack.enter_async_context(WorkerPool(runtime, PoolConfig(workers=options.workers, spares=0)))
        model = await stack.enter_async_context(started(options.model)) if options.model else None
        await pool.ready()
        arms = [arm for arm in make_arms(model, options) if not options.arms or arm.name in options.arms]
        if not arms:
            raise SystemExit(f"there is no arm {','.join(options.arms)}")
        jobs = [(theorem, arm) for theorem in theorems for arm in arms if (arm.name, theorem.digest) not in known]
        file = stack.enter_context(options.log.open("a", encoding="utf-8"))
        bar = stack.enter_context(Bar(console=Console(stderr=True)))
        task = bar.add_task(f"{len(theorems)} theorems, {len(arms)} arms", total=len(jobs))
        for theorem, arm in jobs:
            twins = [known.get((other.name, theorem.digest)) for other in arms if other.same_as(arm)]
            twin = next(filter(None, twins), None)
            result = replace(twin, arm=arm.name) if twin else await search(theorem, arm, pool, model, options)
            known[arm.name, theorem.digest] = result
            row = {"settings": signature(options), "result": asdict(result)}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            file.flush()
            bar.advance(task)


@contextlib.asynccontextmanager
async def started(folder: Path) -> AsyncGenerator[VllmEngineSampler, None]:
    """Load the models of a folder."""
    sampler = VllmEngineSampler(folder)
    await sampler.start()
    try:
        yield sampler
    finally:
        await sampler.close()


def make_arms(model: VllmEngineSampler | None, options: argparse.Namespace) -> list[Arm]:
    """Return all arms."""
    portfolio = PortfolioSampler()
    rules = [strategy for strategy in STRATEGIES if strategy != "portfolio_first"]
    arms = [Arm("portfolio" if name == "independent" else name, name, [portfolio]) for name in rules]
    if model is None:
        return arms
    middle = SamplingParams(seed=options.seed)
    for name in model.models:
        arms.append(Arm(f"model:{name}", "independent", [model], measured(model, options, 0, name)))
    for focus in FOCUS:
        params = measured(model, options, focus)
        arms.append(Arm(f"focus:{focus:g}", "independent", [model], params))
        middle = params if focus == 0.5 else middle
    arms += [Arm(f"{strategy}+model", strategy, [portfolio, model], middle) for strategy in STRATEGIES]
    return arms


def measured(
    model: VllmEngineSampler, options: argparse.Namespace, focus: float, name: str | None = None
) -> SamplingParams:
    """Return the best measured setting for a focus, of one model or of all."""
    plain = SamplingParams(model=name or "", seed=options.seed)
    models = model.weights.models if model.weights else ()
    chosen = choose(models, focus, options.samples, options.proofs, name) if models else None
    if chosen is None:
        return plain
    return replace(plain, model=chosen.model, temperature=chosen.temperature, top_p=chosen.top_p)


async def search(
    theorem: Theorem, arm: Arm, pool: WorkerPool, model: VllmEngineSampler | None, options: argparse.Namespace
) -> Result:
    """Run one search."""
    result = Result(arm.name, theorem.digest)
    plan = build_plan(arm.strategy, arm.samplers, pool)
    budget = Budget(options.samples, None, options.longest, options.proofs)
    settings = SearchTerms(arm.params, Terms(Limits(seconds=options.check_seconds)))
    before = model.stats().sampled_tokens if model else 0
    at_success = None
    began = time.monotonic()
    found = ProofSearch(pool, max(1, pool.size)).prove(theorem, plan, budget, settings)
    async with contextlib.aclosing(found) as events:
        async for event in events:
            match event:
                case Proof(candidate, _, seconds):
                    # The next progress event counts the verdict of this proof.
                    result.proofs.append((candidate.source, seconds, result.questions + 1, len(candidate.text)))
                    if model and len(result.proofs) == options.proofs:
                        at_success = model.stats().sampled_tokens
                case Progress():
                    count(result, event)
                    if event.seconds >= options.seconds and result.questions >= options.checks:
                        break
                case Finished():
                    count(result, event.spent)
                    result.ending = event.ending.value
                    result.used_tokens -= event.waste.tokens
                    result.wasted_checks = event.waste.checks
    result.seconds = time.monotonic() - began
    if model:
        await asyncio.sleep(0.2)  # until the engine has dropped aborted requests
        after = model.stats().sampled_tokens
        result.tokens = after - before
        result.wasted_tokens = after - at_success if at_success is not None else 0
    return result


def count(result: Result, spent: Progress) -> None:
    """Record the work so far."""
    result.questions = spent.checked + spent.requests
    result.samples = spent.sampled
    result.used_tokens = spent.tokens


if __name__ == "__main__":
    main()
