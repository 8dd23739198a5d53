"""A comparison of algorithms: from one base, with one set of theorems and one number of rollouts, each trained and evaluated.

A TOML file names a training configuration that all runs share and lists the models; see `ComparisonConfig`. Everything
is written into one folder:

    runs/NAME/                       a training run, see training/trainer/trainer.py
    samples/CORPUS/portfolio.jsonl   what the portfolio of tactics proves, with as many checks
    samples/CORPUS/NAME.json.gz      what the model sampled, see training/evaluation/samples.py
    reports/CORPUS/report.md         tables and plots
    reports/training.png             training curves
    verdicts.jsonl                   verdicts, shared by all of them

This module says what there is to do and what of it is done; `leansieve compare` does it.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from training.config import ConfigError, TrainingConfig, first_mistake, load_config


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class ComparedModel(_Section):
    """One run: what differs from the others."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    """What tables call it."""
    algorithm: str | None = None
    """Which algorithm; None: the base itself, which is only evaluated."""
    options: Mapping[str, Any] = Field(default_factory=dict)
    """Options of the algorithm."""
    updates_per_batch: int = Field(default=1, ge=1)
    """Mini-batches; DAPO, GPPO and ERC need several."""
    learning_rate: float | None = Field(default=None, gt=0)
    """Where it is not that of the shared configuration."""
    seed: int = Field(default=0, ge=0)
    """Seeds of the order of data and of sampling."""
    samples: int = Field(default=64, ge=1)
    """Samples a theorem in the evaluation."""


class ComparisonConfig(_Section):
    """The whole file."""

    folder: Path
    """Everything is written there."""
    training: Path
    """The configuration that all runs share; its own `run.folder`, `run.seed` and `algorithm` do not count, and its
    `evaluation` says on which corpora and how the models are sampled, but for the number of samples."""
    models: tuple[ComparedModel, ...] = Field(min_length=1)
    """In the order in which they are trained and evaluated; the first is what the others are compared with."""

    @model_validator(mode="after")
    def _names_differ(self) -> "ComparisonConfig":
        names = [model.name for model in self.models]
        if doubled := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"two models are called {doubled[0]}")
        return self


@dataclass(frozen=True)
class Training:
    """A run to be done."""

    name: str
    config: TrainingConfig


@dataclass(frozen=True)
class Evaluation:
    """A model to be sampled on one corpus."""

    name: str
    model: Path
    config: TrainingConfig
    seed: int
    out: Path


@dataclass(frozen=True)
class Portfolio:
    """The portfolio of tactics to be tried on one corpus."""

    name: ClassVar[str] = "portfolio"
    config: TrainingConfig
    checks: int
    out: Path


@dataclass(frozen=True)
class Report:
    """The table of a corpus; the models are compared with `base`."""

    base: str
    inputs: tuple[Path, ...]
    portfolio: Path | None
    folder: Path


Job = Training | Evaluation | Portfolio


def load_comparison(path: Path) -> tuple[ComparisonConfig, TrainingConfig]:
    """Read the file and the training configuration it names.

    Raises:
        ConfigError: one of them cannot be read or used.
    """
    try:
        comparison = ComparisonConfig.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}.") from None
    except ValidationError as error:
        raise ConfigError(f"{path}: {first_mistake(error)}.") from None
    training = load_config(comparison.training)
    if training.rollouts is None:
        raise ConfigError(f"{comparison.training}: a comparison needs the table rollouts.")
    if not training.evaluation.corpora:
        raise ConfigError(f"{comparison.training}: a comparison needs evaluation.corpora.")
    stems = [corpus.stem for corpus in training.evaluation.corpora]
    if len(set(stems)) < len(stems):
        raise ConfigError(f"{comparison.training}: two corpora have the same file name, which names their results.")
    return comparison, training


def jobs(comparison: ComparisonConfig, shared: TrainingConfig) -> Iterator[Job]:
    """What is not done yet, in order; whether something is done is looked up when its turn comes.

    Raises:
        ConfigError: there is no base, or a model's settings are invalid.
    """
    base = shared.model.path
    if base is None or not (base.exists() or str(base).startswith("hub:")):
        raise ConfigError(f"There is no base model at {base}: train it first, or name another as model.path.")
    plan = [(model, _of_model(comparison, shared, model)) for model in comparison.models]  # mistakes show at once
    for model, config in plan:
        trained = base if model.algorithm is None else config.run.folder / "model"
        if model.algorithm is not None and not trained.exists():
            yield Training(model.name, config)
            if not trained.exists():  # it failed, and there is nothing to evaluate
                continue
        for corpus in config.evaluation.corpora:
            out = _samples(comparison, corpus, model)
            if not out.exists():
                yield Evaluation(model.name, trained, _on(corpus, config), model.seed, out)
    for corpus in shared.evaluation.corpora:
        out = _portfolio(comparison, corpus)
        if not out.exists():
            config = plan[0][1]
            yield Portfolio(_on(corpus, config), max(model.samples for model in comparison.models), out)


def reports(comparison: ComparisonConfig, shared: TrainingConfig) -> list[Report]:
    """The tables that can be made of what is there."""
    found = []
    for corpus in shared.evaluation.corpora:
        done = [model for model in comparison.models if _samples(comparison, corpus, model).exists()]
        if done:
            inputs = tuple(_samples(comparison, corpus, model) for model in done)
            portfolio = _portfolio(comparison, corpus)
            folder = comparison.folder / "reports" / corpus.stem
            found.append(Report(done[0].name, inputs, portfolio if portfolio.exists() else None, folder))
    return found


def trained(comparison: ComparisonConfig) -> list[Path]:
    """The folders of the runs that are finished."""
    folders = [comparison.folder / "runs" / model.name for model in comparison.models]
    return [folder for folder in folders if (folder / "model").exists()]


def _portfolio(comparison: ComparisonConfig, corpus: Path) -> Path:
    return comparison.folder / "samples" / corpus.stem / "portfolio.jsonl"


def _on(corpus: Path, config: TrainingConfig) -> TrainingConfig:
    return config.model_copy(update={"evaluation": config.evaluation.model_copy(update={"corpora": (corpus,)})})


def _samples(comparison: ComparisonConfig, corpus: Path, model: ComparedModel) -> Path:
    return comparison.folder / "samples" / corpus.stem / f"{model.name}.json.gz"


def _of_model(comparison: ComparisonConfig, shared: TrainingConfig, model: ComparedModel) -> TrainingConfig:
    content = shared.model_dump()
    content["run"] |= {"folder": comparison.folder / "runs" / model.name, "seed": model.seed}
    content["rollouts"] |= {"updates_per_batch": model.updates_per_batch}
    content["evaluation"] |= {"samples": model.samples}
    content["verification"] |= {"verdicts": comparison.folder / "verdicts.jsonl"}
    if model.learning_rate is not None:
        content["optimizer"] |= {"learning_rate": model.learning_rate}
    if model.algorithm is not None:
        content["algorithm"] = {"name": model.algorithm, "options": model.options}
    try:
        return TrainingConfig.model_validate(content)
    except ValidationError as error:
        raise ConfigError(f"The model {model.name}: {first_mistake(error)}.") from None
