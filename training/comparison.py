"""A comparison of algorithms: all are trained from one base with the same theorems and number of rollouts, and
evaluated.

A TOML file names the shared training configuration and lists the models; see `ComparisonConfig`. All results go to one
folder:

    runs/NAME/                       a training run, see training/trainer/trainer.py
    samples/CORPUS/portfolio.jsonl   results of the portfolio of tactics with as many checks
    samples/CORPUS/NAME.json.gz      samples of the model, see training/evaluation/samples.py
    reports/CORPUS/report.md         tables and plots
    reports/training.png             training curves
    verdicts.jsonl                   verdicts, shared by all runs

This module determines the remaining work; `leansieve compare` does it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from training.config import ConfigError, TrainingConfig, first_mistake, load_config, load_table


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class ComparedModel(_Section):
    """One run: its differences from the others."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    """Name in tables."""
    algorithm: str | None = None
    """Name of the algorithm; None: the base itself, which is only evaluated."""
    options: Mapping[str, Any] = Field(default_factory=dict)
    """Options of the algorithm."""
    updates_per_batch: int = Field(default=1, ge=1)
    """Optimiser steps per batch; DAPO, GPPO and ERC need several."""
    learning_rate: float | None = Field(default=None, gt=0)
    """Learning rate, if it differs from the shared configuration."""
    seed: int = Field(default=0, ge=0)
    """Seeds of the order of data and of sampling."""
    samples: int = Field(default=64, ge=1)
    """Samples per theorem in the evaluation."""


class ComparisonConfig(_Section):
    """The configuration file of a comparison."""

    folder: Path
    """Folder of all results."""
    training: Path
    """The shared training configuration.

    Its `run.folder`, `run.seed` and `algorithm` are ignored; its `evaluation` determines corpora and sampling, except
    the number of samples.
    """
    models: tuple[ComparedModel, ...] = Field(min_length=1)
    """Models in the order in which they are trained and evaluated; the first is the baseline."""

    @model_validator(mode="after")
    def _names_differ(self) -> "ComparisonConfig":
        names = [model.name for model in self.models]
        if doubled := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"two models are called {doubled[0]}")
        return self


@dataclass(frozen=True)
class Training:
    """A training run to do."""

    name: str
    config: TrainingConfig


@dataclass(frozen=True)
class Evaluation:
    """An evaluation of a model on one corpus to do."""

    name: str
    model: Path
    config: TrainingConfig
    seed: int
    out: Path


@dataclass(frozen=True)
class Portfolio:
    """An evaluation of the portfolio of tactics on one corpus to do."""

    name: ClassVar[str] = "portfolio"
    config: TrainingConfig
    checks: int
    out: Path


@dataclass(frozen=True)
class Report:
    """The report on a corpus, with `base` as the baseline."""

    base: str
    inputs: tuple[Path, ...]
    portfolio: Path | None
    folder: Path


Job = Training | Evaluation | Portfolio


def load_comparison(path: Path) -> tuple[ComparisonConfig, TrainingConfig]:
    """Read the file and the training configuration it names.

    Raises:
        ConfigError: one of them cannot be read or is invalid.
    """
    comparison = load_table(path, ComparisonConfig)
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
    """Yield the remaining jobs in order; whether a job is done is determined when its turn comes.

    Raises:
        ConfigError: there is no base, or a model's settings are invalid.
    """
    base = shared.model.path
    if base is None or not (base.exists() or str(base).startswith("hub:")):
        raise ConfigError(f"There is no base model at {base}: train it first, or name another as model.path.")
    plan = [(model, _of_model(comparison, shared, model)) for model in comparison.models]  # reports mistakes at once
    for model, config in plan:
        trained = base if model.algorithm is None else config.run.folder / "model"
        if model.algorithm is not None and not trained.exists():
            yield Training(model.name, config)
            if not trained.exists():  # training failed, so there is nothing to evaluate
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
    """Return the reports for which results exist."""
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
    """Return the folders of the finished runs."""
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
