"""Compares leansieve's sampler with offline vLLM: the same prompts, seeds and tokens, in one run.

    python -m benchmarks.training.sampling [--weights FOLDER] [--theorems 8] [--samples 32] [--tokens 64] [--rounds 3] [--aborts 60]
        [--json sampling.json]

Both engines stay loaded and take turns; a round of each samples every candidate once. Offline vLLM gets all requests in one call and
runs in this process; the sampler serves concurrent calls, one per theorem, as in the service. Wall-clock
times depend on the machine's other load, so tokens per processor second of all processes involved are reported, too.
Further figures: the time from cancelling a stream of 64 sequences until the engine has no request (polled through its prefix cache,
with the last poll included), the savings of the prefix cache, and the memory of an engine. By default the shipped weights are
measured, or, if there are none, a Llama with random weights of the shipped shape.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from prover.sampling.prompt import SourceFormat
from prover.sampling.sampler import SamplingParams
from prover.sampling.vllm.vllm_engine import EngineSettings, VllmEngineSampler
from prover.sampling.vllm.vllm_platform import platform_arguments, prepare_environment
from prover.sampling.weights import MANIFEST, SHIPPED, read_weights
from prover.theorem import Theorem

TEXTBOOK = Path(__file__).parents[1] / "textbook.jsonl"
SEQUENCES = 64


def theorems(count: int) -> list[Theorem]:
    """Return the first theorems of the textbook corpus."""
    rows = [json.loads(line) for line in TEXTBOOK.read_text(encoding="utf-8").splitlines()[:count]]
    return [Theorem(row["statement"]) for row in rows]


@contextmanager
def random_model() -> Iterator[Path]:
    """Make a folder with a Llama of the default shape and random weights, with a tokenizer trained on the textbook corpus."""
    from training.config import LlamaShape
    from training.model.llama import build_llama, save_for_serving
    from training.model.tokenizer import train_tokenizer

    with tempfile.TemporaryDirectory() as folder:
        tokenizer = train_tokenizer([theorem.statement for theorem in theorems(10_000)], 2048)
        save_for_serving(build_llama(LlamaShape(), tokenizer, seed=0), tokenizer, Path(folder))
        yield Path(folder)


class Spent:
    """Measures wall-clock and processor seconds of this process and its children."""

    def __enter__(self) -> "Spent":
        self._processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
        self._began, self._cpu = time.monotonic(), self._processor_seconds()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.seconds = time.monotonic() - self._began
        self.cpu_seconds = self._processor_seconds() - self._cpu

    def _processor_seconds(self) -> float:
        return sum(sum(process.cpu_times()[:2]) for process in self._processes)


class Raw:
    """Offline vLLM, as in its documentation."""

    def __init__(self, checkpoint: Path) -> None:
        import vllm

        self._vllm = vllm
        arguments = platform_arguments()
        self._llm = vllm.LLM(model=str(checkpoint), max_num_seqs=SEQUENCES, disable_log_stats=True, **arguments)

    def sample(self, asked: list[Theorem], params: SamplingParams) -> list[int]:
        """Return the length of every answer in tokens."""
        form = SourceFormat()
        tokenizer = self._llm.get_tokenizer()
        prompts, sampling = [], []
        for theorem in asked:
            tokens = tokenizer.encode(form.render(theorem))
            for number in range(params.samples):
                prompts.append(self._vllm.TokensPrompt(prompt_token_ids=tokens))
                sampling.append(self._sampling(params, (params.seed or 0) + number))
        outputs = self._llm.generate(prompts, sampling, use_tqdm=False)
        return [len(output.outputs[0].token_ids) for output in outputs]

    def _sampling(self, params: SamplingParams, seed: int) -> Any:
        return self._vllm.SamplingParams(
            temperature=params.temperature,
            max_tokens=params.max_tokens,
            seed=seed,
            stop=list(SourceFormat.stop),
            logprobs=0,
            output_kind=self._vllm.sampling_params.RequestOutputKind.FINAL_ONLY,
        )


async def through_sampler(sampler: VllmEngineSampler, asked: list[Theorem], params: SamplingParams) -> list[int]:
    """Return the length of every answer in tokens, with one concurrent call per theorem."""

    async def lengths(theorem: Theorem) -> list[int]:
        found = [candidate async for candidate in sampler.sample(theorem, params)]
        return [candidate.tokens for candidate in sorted(found, key=lambda candidate: candidate.seed or 0)]

    return [length for each in await asyncio.gather(*map(lengths, asked)) for length in each]


async def milliseconds_to_abort(sampler: VllmEngineSampler, theorem: Theorem) -> float:
    """Return the seconds from leaving a full stream until the engine holds none of its sequences."""

    async def read() -> None:
        async for _ in sampler.sample(theorem, SamplingParams(samples=1_000_000, max_tokens=10_000, seed=1)):
            pass

    reader = asyncio.create_task(read())
    while (stats := sampler.stats()).running + stats.waiting < SEQUENCES:  # noqa: ASYNC110, the engine tells nobody
        await asyncio.sleep(0.01)
    reader.cancel()
    began = time.monotonic()
    await asyncio.wait([reader])
    for engine in sampler._fleet.engines:
        while not await engine.forget_prefixes():
            pass
    return 1e3 * (time.monotonic() - began)


async def measure(folder: Path, checkpoint: Path, arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Measure everything."""
    asked = theorems(arguments.theorems)
    params = SamplingParams(samples=arguments.samples, max_tokens=arguments.tokens, seed=1)
    models = None if folder == checkpoint else (read_weights(folder).base,)
    sampler = VllmEngineSampler(folder, EngineSettings(models=models, sequences=SEQUENCES))
    rates: dict[str, list[tuple[float, float]]] = {"raw vLLM": [], "sampler": []}
    with Progress(console=console) as progress:
        task = progress.add_task("loading two engines", total=2 * arguments.rounds + 2)
        began = time.monotonic()
        await sampler.start()
        start_seconds = time.monotonic() - began
        memory = max(process.memory_full_info().uss for process in psutil.Process().children(recursive=True))
        raw = await asyncio.to_thread(Raw, checkpoint)
        try:
            for number in range(-1, arguments.rounds):  # the first warms both up
                lengths: dict[str, list[int]] = {}
                for name in rates:
                    progress.update(task, description=f"{name}, round {number + 1} of {arguments.rounds}")
                    with Spent() as spent:
                        if name == "sampler":
                            lengths[name] = await through_sampler(sampler, asked, params)
                        else:
                            lengths[name] = await asyncio.to_thread(raw.sample, asked, params)
                    tokens = sum(lengths[name])
                    if number >= 0:
                        rates[name].append((tokens / spent.seconds, tokens / spent.cpu_seconds))
                    progress.advance(task)
                if lengths["raw vLLM"] != lengths["sampler"]:
                    same = sum(a == b for a, b in zip(lengths["raw vLLM"], lengths["sampler"], strict=True))
                    console.print(
                        f"{len(lengths['sampler']) - same} of {len(lengths['sampler'])} answers differ in length"
                    )
            stats = sampler.stats()
            aborts = sorted([await milliseconds_to_abort(sampler, asked[0]) for _ in range(arguments.aborts)])
        finally:
            await sampler.close()
    figures = {
        name: {
            "tokens_per_second": statistics.median(wall for wall, _ in found),
            "tokens_per_cpu_second": statistics.median(cpu for _, cpu in found),
        }
        for name, found in rates.items()
    }
    return {
        "theorems": len(asked),
        "samples": params.samples,
        "max_tokens": params.max_tokens,
        "rounds": arguments.rounds,
        "rates": figures,
        "sampler_over_raw": {
            unit: figures["sampler"][unit] / figures["raw vLLM"][unit] for unit in figures["raw vLLM"]
        },
        "abort_milliseconds": {
            "aborts": len(aborts),
            "p50": statistics.median(aborts),
            "p95": aborts[int(0.95 * len(aborts))],
            "worst": aborts[-1],
        },
        "prompt_tokens_from_cache": stats.cached_tokens / stats.prompt_tokens,
        "engine_mib": memory / 2**20,
        "start_seconds": start_seconds,
    }


def show(result: dict[str, Any], console: Console) -> None:
    """Print the figures as a table."""
    table = Table(
        title=f"{result['theorems']} theorems × {result['samples']} samples, median of {result['rounds']} rounds"
    )
    for column in ("", "tokens/s", "tokens/CPU-s"):
        table.add_column(column, justify="right" if column else "left")
    for name, rate in result["rates"].items():
        table.add_row(name, f"{rate['tokens_per_second']:.0f}", f"{rate['tokens_per_cpu_second']:.0f}")
    table.add_row("sampler over raw", *(f"{100 * share:.0f} %" for share in result["sampler_over_raw"].values()))
    console.print(table)
    abort = result["abort_milliseconds"]
    console.print(
        f"engine empty after an abort: p50 {abort['p50']:.0f} ms, p95 {abort['p95']:.0f} ms, at worst {abort['worst']:.0f} ms "
        f"of {abort['aborts']}"
    )
    console.print(f"prompt tokens from the prefix cache: {100 * result['prompt_tokens_from_cache']:.0f} %")
    console.print(f"an engine: {result['engine_mib']:.0f} MiB, started in {result['start_seconds']:.0f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description="Compares leansieve's sampler with offline vLLM.")
    parser.add_argument("--weights", type=Path, help="a folder of weights, or a checkpoint")
    parser.add_argument("--theorems", type=int, default=8)
    parser.add_argument("--samples", type=int, default=32)
    parser.add_argument("--tokens", type=int, default=64, help="maximum length of a candidate in tokens")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--aborts", type=int, default=60, help="number of cancelled streams")
    parser.add_argument("--json", type=Path, default=Path("sampling.json"))
    arguments = parser.parse_args()
    console = Console(stderr=True)
    prepare_environment()
    folder = arguments.weights or (SHIPPED if (SHIPPED / MANIFEST).exists() else None)
    if folder is None:
        with random_model() as made:
            result = asyncio.run(measure(made, made, arguments, console))
    else:
        weights = read_weights(folder) if (folder / MANIFEST).exists() else None
        checkpoint = folder / weights.model(weights.base).folder if weights else folder
        result = asyncio.run(measure(folder, checkpoint, arguments, console))
    show(result, Console())
    arguments.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"written to {arguments.json}", file=sys.stderr)


if __name__ == "__main__":
    main()
