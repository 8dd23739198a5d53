"""vLLM for training and evaluation: many prompts at once, and weights that change between batches.

The engine runs in this process and is stepped by its caller. That is faster than the asynchronous engine, which serves
(on two cores 2,190 tokens/s against 1,400 with a 5 M parameter model), and the composition of its batches depends on
the requests alone, so that runs repeat bit for bit.
"""

import itertools
import shutil
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import safetensors.torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from prover.sampling.sampler import SamplerUnavailableError
from prover.sampling.vllm.vllm_platform import inspect_checkpoint, platform_arguments, prepare_environment
from training.model.llama import save_for_serving
from training.rollouts.requests import Response, RolloutRequest, SamplingStoppedError, parts_of
from training.trainer.distributed.processes import Rank

_AHEAD = 2  # times the concurrent sequences: number of requests waiting in the engine


def _load(checkpoint: Path, adapter_rank: int | None, transfer: bool, own_process: bool, **arguments: Any) -> Any:
    """Load a checkpoint into vLLM's engine.

    VLLM_ENABLE_V1_MULTIPROCESSING must not request the process: on CPUs vLLM then adds a second one, which spins for a
    second after each step (vLLM's SpinCondition) and takes a core from Lean and the trainer.

    Raises:
        SamplerUnavailableError: it cannot be served.
    """
    # Warnings of vLLM and torch about each other.
    with warnings.catch_warnings(action="ignore", category=FutureWarning):
        from vllm.engine.arg_utils import EngineArgs
        from vllm.v1.engine.llm_engine import LLMEngine

    if transfer:
        from vllm.config.weight_transfer import WeightTransferConfig

        arguments["weight_transfer_config"] = WeightTransferConfig(backend="nccl")
    if adapter_rank is not None:
        arguments |= {"enable_lora": True, "max_lora_rank": max(8, adapter_rank)}
    try:
        return LLMEngine.from_engine_args(
            EngineArgs(
                model=str(checkpoint),
                distributed_executor_backend="uni",
                disable_log_stats=True,
                use_tqdm_on_load=False,
                **arguments,
                **platform_arguments(),
            ),
            enable_multiprocessing=own_process,
        )
    except Exception as error:  # any exception of vLLM means that this checkpoint does not run on this machine
        reason = " ".join(str(error).split())[:500]
        raise SamplerUnavailableError(f"vLLM cannot serve the checkpoint {checkpoint}: {reason}") from error


class RolloutEngine:
    """An engine in this process. Weights are pushed as a checkpoint or adapter through `folder`."""

    def __init__(
        self,
        checkpoint: Path,
        folder: Path,
        context: int | None = None,
        sequences: int = 64,
        gpu_memory: float = 0.9,
        adapter_rank: int | None = None,
        stop: tuple[str, ...] = (),
        processes: Rank | None = None,
        dtype: str = "float32",
        own_process: bool = False,
        parts: int = 1,
        empty: bool = False,
        transfer: bool = False,
    ) -> None:
        """Load vLLM and the checkpoint, which takes tens of seconds.

        Args:
            checkpoint: a Hugging Face checkpoint.
            folder: folder for pushed weights.
            context: maximum length of prompt plus answer; None: the checkpoint's own.
            sequences: maximum number of concurrent sequences.
            gpu_memory: share of a GPU's memory for the engine.
            adapter_rank: rank of the LoRA adapters to be pushed; None: whole checkpoints are pushed.
            stop: texts that end an answer.
            processes: processes of a run that each have an engine and push the same weights at the same time.
            dtype: number format of pushed weights.
            own_process: whether to compute in a child process, so that this one can train meanwhile.
            parts: number of parts into which the requests of one `sample` are cut; see `RolloutConfig.parts`.
            empty: whether the checkpoint has no weights, which are loaded before sampling.
            transfer: whether to prepare for `transfer`.

        Raises:
            SamplerUnavailableError: vLLM is not installed, or the checkpoint cannot be served.
        """
        inspect_checkpoint(checkpoint, weights=not empty)
        prepare_environment()
        self._engine = _load(
            checkpoint,
            adapter_rank,
            transfer,
            own_process,
            max_model_len=context,
            max_num_seqs=sequences,
            gpu_memory_utilization=gpu_memory,
            load_format="dummy" if empty else "auto",
        )
        self._processes = processes or Rank()
        self._folder = folder
        self._sequences = sequences
        self._parts = parts
        self._stop = list(stop)
        self._adapter: Any = None
        self._pushes = 0
        self._dtype = dtype
        self._written: Path | None = None
        self._weights = threading.Lock()
        self._requests = itertools.count()

    @property
    def context(self) -> int:
        """Maximum length of prompt plus answer in tokens."""
        return int(self._engine.model_config.max_model_len)

    def sample(
        self,
        requests: Sequence[RolloutRequest],
        done: Callable[[int, Response], None],
        stopped: threading.Event | None = None,
    ) -> None:
        """Sample an answer to every request; `done` is called with the number of a request and its answer as soon as it
        ends.

        The answers depend on the weights and the requests alone, not on earlier calls. An exception, including Ctrl-C,
        leaves no request in the engine.

        Raises:
            SamplingStoppedError: `stopped` was set.
        """
        for first, part in parts_of(requests, self._parts):

            def note(number: int, response: Response, first: int = first) -> None:
                done(first + number, response)

            for _ in self.sampled(part, note):
                if stopped is not None and stopped.is_set():
                    raise SamplingStoppedError

    def sampled(self, requests: Iterable[RolloutRequest], done: Callable[[int, Response], None]) -> Iterator[None]:
        """Sample as `sample` does, step by step: control returns to the caller after each step of the engine."""
        waiting = enumerate(requests)
        running: dict[str, int] = {}
        self._forget()  # prefixes cached by earlier calls would change the last bits
        try:
            self._add(itertools.islice(waiting, _AHEAD * self._sequences), running)
            while running:
                for output in self._engine.step():
                    if output.finished:
                        done(running.pop(output.request_id), _response(output.outputs[0]))
                self._add(itertools.islice(waiting, _AHEAD * self._sequences - len(running)), running)
                yield
        finally:
            if running:
                self._engine.abort_request(list(running))

    def push(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
        """Use these weights from now on.

        Raises:
            OSError: they cannot be written to the engine's folder.
        """
        self.write(model, tokenizer)
        self.load_written()

    def write(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
        """Write weights for `load_written`, possibly from another thread.

        Raises:
            OSError: they cannot be written to the engine's folder.
        """
        with self._weights:
            self._pushes += 1
            folder = self._folder / f"{self._pushes % 2}"
            first, adapters = self._processes.first, hasattr(model, "peft_config")
            save_for_serving(model, tokenizer, folder, adapters, write=first, dtype=self._dtype)
            self._processes.wait()
            self._written = folder

    def load_written(self) -> None:
        """Use the weights written last from now on, if there are new ones."""
        with self._weights:
            folder, self._written = self._written, None
            if folder is None:
                return
            if (folder / "adapter_config.json").exists():
                self.adapt(folder)
            else:
                self._engine.collective_rpc("reload_weights", kwargs={"weights_path": str(folder)})
                self._forget()

    def adapt(self, folder: Path) -> None:
        """Use the checkpoint with this PEFT adapter from now on."""
        from vllm.lora.request import LoRARequest

        if self._adapter is not None:
            self._engine.remove_lora(self._adapter.lora_int_id)
        number = 1 if self._adapter is None else self._adapter.lora_int_id + 1
        self._adapter = LoRARequest(f"adapter-{number}", number, str(folder))
        self._engine.add_lora(self._adapter)
        self._forget()

    def load_weights(self, contents: Iterable[bytes]) -> None:
        """Use the weights in these safetensors files of a checkpoint from now on."""
        weights = (pair for content in contents for pair in safetensors.torch.load(content).items())
        self._engine.collective_rpc("reload_weights", kwargs={"weights_iterator": weights})
        self._forget()

    def transfer(self, method: str, arguments: dict[str, Any]) -> None:
        """Make one of the calls of vLLM's weight transfer, which together bring new weights."""
        self._engine.collective_rpc(method, kwargs=arguments)
        self._forget()

    def _forget(self) -> None:
        """Drop cached prefixes, which may have been computed with earlier weights."""
        self._engine.reset_prefix_cache()

    def close(self) -> None:
        """Stop the engine and delete pushed weights."""
        self._engine.engine_core.shutdown()
        if self._processes.first:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _add(self, requests: Iterator[tuple[int, RolloutRequest]], running: dict[str, int]) -> None:
        import vllm

        for number, request in requests:
            name = str(next(self._requests))
            running[name] = number
            self._engine.add_request(
                name,
                vllm.TokensPrompt(prompt_token_ids=list(request.prompt)),
                vllm.SamplingParams(
                    temperature=request.temperature,
                    top_p=request.top_p,
                    max_tokens=request.max_tokens,
                    seed=request.seed,
                    stop=self._stop,
                    logprobs=0,  # for the sampled token only
                    output_kind=vllm.sampling_params.RequestOutputKind.FINAL_ONLY,
                ),
                lora_request=self._adapter,
            )


def _response(output: Any) -> Response:
    tokens = tuple(output.token_ids)
    log_probs = tuple(float(step[token].logprob) for token, step in zip(tokens, output.logprobs, strict=True))
    return Response(tokens, log_probs, output.text, output.finish_reason == "stop")
