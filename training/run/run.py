"""A training run of any kind: its folder, its processes, resumption, and its end."""

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
import transformers
from filelock import FileLock, Timeout
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from prover.atomic import atomic_write_text
from training.config import TrainingConfig
from training.model.llama import save_for_serving
from training.model.load import unpacked
from training.run.best import Best
from training.run.guards import CollapseError, Guards
from training.run.interruption import InterruptedTwice, Interruption, PartnerLostError
from training.run.provenance import BaseModelRecord, Provenance, Segment, describe_base
from training.trainer.checkpoint import (
    check_identity,
    delete_checkpoints,
    generator_states,
    list_checkpoints,
    load_checkpoint,
    save_checkpoint,
    step_of,
)
from training.trainer.distributed.processes import Rank
from training.trainer.distributed.sharding import load_whole_state, whole_state
from training.trainer.log import MetricsLog

Report = Callable[[str], None]


class Run:
    """A run's folder, held by one run at a time. Use it as a context manager, `resume` it, make steps, `finish` it.

    The description of the run is written once its settings are known to match those of an earlier start: `config.json`
    with the settings, and a record of all settings and steps next to the finished weights.

    Attributes:
        config: the settings, with `model.path` a folder.
        device: device of training.
        interruption: handles signals; see `Interruption`.
        step: the last completed step.
    """

    def __init__(self, config: TrainingConfig, report: Report, command: str = "") -> None:
        """Inspect the machine and the folder; nothing is written.

        Raises:
            ValueError: there is no such device.
        """
        self.config = config
        self.folder = config.run.folder
        self.report = report
        self.processes = Rank()
        self.device = choose_device(config.run.device)
        self.interruption = Interruption(report, waits=self.processes.count > 1)
        self.step = 0
        self._command = command
        self._given = config
        self._segments: tuple[Segment, ...] = ()
        self._base: BaseModelRecord | None = None
        self._resources = contextlib.ExitStack()
        self._log: MetricsLog | None = None
        self._saved = 0
        self._more: Mapping[str, Any] = {}
        self._generators: Mapping[str, Any] | None = None

    def __enter__(self) -> "Run":
        """Lock the folder and unpack the initial model.

        Raises:
            ValueError: another process trains in the folder, or the model cannot be read.
            OSError: there is no model at `model.path`, or something cannot be written.
        """
        self._resources.callback(self.processes.close)
        with contextlib.ExitStack() as undo:
            undo.push(self._resources)
            if self.processes.first:
                self._take_folder()
            torch.use_deterministic_algorithms(self.device.type == "cpu")
            self.set_threads()
            torch.manual_seed(self.config.run.seed)
            transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
            with self.processes.first_alone():
                model = unpacked(self.config.model, self.folder / "base")
            self.config = self.config.model_copy(update={"model": model})
            undo.pop_all()
        return self

    def __exit__(self, *exc: Any) -> None:
        self._resources.__exit__(*exc)

    def set_threads(self) -> None:
        """Set torch's number of threads from the settings; repeated after the start of vLLM, which sets its own."""
        if self.config.run.threads is not None:
            torch.set_num_threads(self.config.run.threads)

    def resume(
        self,
        identity: Mapping[str, Any],
        steps: int,
        model: PreTrainedModel,
        optimizer: torch.optim.Optimizer,
    ) -> dict[str, Any] | None:
        """Resume an earlier start or begin; returns its stored state, or None.

        Args:
            identity: values that must be equal for the run to resume.
            steps: number of steps of the run, which may differ from an earlier start's.

        Raises:
            ValueError: the folder has a run with other settings, or with more steps.
        """
        self._identity, self._model, self._optimizer = identity, model, optimizer
        self.trained = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
        self.guards = Guards(self.config.guards, int(model.config.vocab_size))
        patience = self.config.dev.patience if self.config.sft is None else self.config.sft.dev_patience
        self.best = Best(patience, larger=self.config.sft is None)
        state = load_checkpoint(self.folder / "checkpoints")
        settings = self._given.model_dump(mode="json")
        if state is not None:
            if "about" not in state:
                raise ValueError(
                    f"{self.folder} holds a run of an earlier version of leansieve, which did not record enough: "
                    "take another folder."
                )
            check_identity(identity, state["identity"], self.folder)
            if state["step"] > steps:
                raise ValueError(
                    f"{self.folder} holds a run of {state['step']} steps already: ask for as many or more, "
                    "or take another folder."
                )
            load_whole_state(self.trained, optimizer, state)
            self.step = state["step"]
            self.guards.load_state_dict(state["guards"])
            self.best.load_state_dict(state["best"])
            about = json.loads(state["about"])
            self._segments = tuple(Segment.model_validate(segment) for segment in about["segments"])
            self._base = None if about["base"] is None else BaseModelRecord.model_validate(about["base"])
            self.report(f"going on from step {self.step}")
        elif (self.folder / "model").exists():
            raise ValueError(
                f"{self.folder} has a finished model and no checkpoint to resume from: use another folder."
            )
        elif self.config.model.path is not None:
            self._base = describe_base(str(self._given.model.path), self.config.model.path)
        if not self._segments or self._segments[-1].settings != settings:
            segments = [segment for segment in self._segments if segment.first_step <= self.step]
            self._segments = (*segments, Segment(first_step=self.step + 1, settings=settings))
        if self.processes.first:
            atomic_write_text(self.folder / "config.json", json.dumps(settings, indent=1) + "\n")
            self._log = self._resources.enter_context(MetricsLog(self.folder, self.step, self.config.run.wandb))
        return state

    @contextlib.contextmanager
    def stepping(self) -> Iterator[None]:
        """Context for making steps; an interrupt, or the loss of Lean or the sampler, leaves a checkpoint of the last
        completed one.

        Raises:
            KeyboardInterrupt: the run was interrupted.
            PartnerLostError: raised inside the context.
        """
        saved = self.step
        try:
            with self.interruption:
                yield
        except InterruptedTwice:
            raise
        except (KeyboardInterrupt, PartnerLostError) as end:
            alone = (
                isinstance(end, KeyboardInterrupt) or self.processes.count == 1
            )  # other processes are in the middle of a step
            if alone and self.step > max(saved, self._saved) and not self.guards.objecting:
                self._save()
                self.report(f"step {self.step} is kept as a checkpoint")
            raise

    def end_step(
        self,
        metrics: Mapping[str, float],
        last: bool,
        tokenizer: PreTrainedTokenizerBase,
        more: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """Log the metrics of the completed step, apply the guards, and write a checkpoint if it is due.

        Args:
            last: whether it is the run's last step.
            more: state of the run other than weights and optimiser.

        Raises:
            CollapseError: a guard objected; the last good weights are in `last-good`.
            KeyboardInterrupt: one of several processes was interrupted.
        """
        if self._log is not None:
            self._log.write(self.step, metrics)
        try:
            self.guards.check(self.step, metrics)
        except CollapseError as collapse:
            raise self._keep_good(collapse, tokenizer) from None
        self._more, self._generators = dict(more), generator_states()
        must_save = last or self.best.just_found or self.step % self.config.run.checkpoint_every == 0
        if must_save and not self.guards.objecting:
            self._save()
        if self.processes.count > 1 and any(self.processes.gather(self.interruption.asked)):
            raise KeyboardInterrupt

    def finish(self, tokenizer: PreTrainedTokenizerBase) -> Path:
        """Write the finished model: that of the best step if the run selects it, otherwise of the last one."""
        if self.best.decides and self.best.step != self.step:
            self.report(f"the model is that of step {self.best.step}, the best one on dev")
            self._load_weights(self.best.step)
        self._save_model(self.folder / "model", tokenizer, self.best.step if self.best.decides else self.step)
        return self.folder / "model"

    def _save(self) -> None:
        """Write a checkpoint of the weights, which are those of the last completed step."""
        about = {"segments": self._segments, "base": self._base}
        state = {
            "identity": dict(self._identity),
            "about": json.dumps(about, default=lambda value: value.model_dump(mode="json")),
            "guards": self.guards.state_dict(),
            "best": self.best.state_dict(),
            **whole_state(self.trained, self._optimizer, keep=self.processes.first),
            **self._more,
        }
        if self.processes.first:
            folder = self.folder / "checkpoints"
            keep = self.config.run.keep_checkpoints
            save_checkpoint(folder, self.step, state, keep, self.best.step, self._generators)
        self._saved = self.step

    def _keep_good(self, collapse: CollapseError, tokenizer: PreTrainedTokenizerBase) -> CollapseError:
        folder = self.folder / "checkpoints"
        # The metrics of a step describe the weights that the previous step left.
        if self.processes.first:
            delete_checkpoints(folder, collapse.first_step - 1)
        self.processes.wait()
        steps = list_checkpoints(folder)
        advice = "lower optimizer.learning_rate and train in another folder"
        if not steps:
            return CollapseError(f"{collapse}; no checkpoint is older than that: {advice}", collapse.first_step)
        good = step_of(steps[-1])
        self._load_weights(good)
        last_good = self.folder / "last-good"
        self._save_model(last_good, tokenizer, good, stopped=str(collapse))
        return CollapseError(
            f"{collapse}; the weights of step {good} are in {last_good}: {advice}", collapse.first_step
        )

    def _load_weights(self, step: int) -> None:
        state = load_checkpoint(self.folder / "checkpoints", step)
        assert state is not None
        load_whole_state(self.trained, self._optimizer, state)

    def _save_model(self, folder: Path, tokenizer: PreTrainedTokenizerBase, step: int, stopped: str = "") -> None:
        about = Provenance(segments=self._segments, step=step, base=self._base, command=self._command, stopped=stopped)
        model = self.config.model
        save_for_serving(
            self._model,
            tokenizer,
            folder,
            adapters=model.lora is not None,
            write=self.processes.first,
            dtype=model.dtype,
            about=about,
        )

    def _take_folder(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise ValueError(f"another process trains in {self.folder}: wait for it, or take another folder.") from None
        self._resources.callback(lock.release)


def choose_device(choice: str) -> torch.device:
    """Return the device of training.

    Raises:
        ValueError: a GPU is requested, and there is none.
    """
    if choice == "cuda" and not torch.cuda.is_available():
        raise ValueError('run.device is "cuda", and torch finds no GPU on this machine: set "auto" or "cpu".')
    return torch.device("cuda" if choice != "cpu" and torch.cuda.is_available() else "cpu")
