"""The jobs of a comparison, and those already done."""

from pathlib import Path

import pytest

from training.comparison import Job, Portfolio, Training, jobs, load_comparison, reports
from training.config import ConfigError
from training.corpus.jsonl import write_jsonl
from training.evaluation.portfolio import PortfolioResult
from training.evaluation.reports.report import write_report
from training.evaluation.samples import ModelSamples, SampledProof, TheoremSamples

SHARED = """
[run]
folder = "ignored"
[model]
path = "{root}/base"
[rollouts]
prompts = ["p.jsonl"]
prompts_per_step = 16
[evaluation]
corpora = ["{root}/core.jsonl", "{root}/library.jsonl"]
"""
COMPARISON = """
folder = "{root}/out"
training = "{root}/shared.toml"
[[models]]
name = "base"
samples = 256
[[models]]
name = "alpha-0.5"
algorithm = "alpha_dpg"
options = {{ alpha = 0.5 }}
[[models]]
name = "dapo"
algorithm = "dapo"
updates_per_batch = 8
learning_rate = 3e-5
seed = 1
"""


def written(root: Path, shared: str = SHARED, comparison: str = COMPARISON) -> Path:
    (root / "base").mkdir(exist_ok=True)
    (root / "shared.toml").write_text(shared.format(root=root))
    (root / "comparison.toml").write_text(comparison.format(root=root))
    return root / "comparison.toml"


def do(job: Job) -> None:
    """What leaves the traces of a job that was done."""
    if isinstance(job, Training):
        (job.config.run.folder / "model").mkdir(parents=True)
    elif isinstance(job, Portfolio):
        write_jsonl(job.out, [PortfolioResult(name="t", digest="d", checks=job.checks, solved_at=3)])
    else:
        job.out.parent.mkdir(parents=True, exist_ok=True)
        proof = SampledProof(text="rfl", count=job.config.evaluation.samples, verified=True)
        theorems = (TheoremSamples(name="t", proofs=(proof,)),)
        ModelSamples(model=job.name, corpus="c", theorems=theorems).save(job.out)


def test_each_model_is_trained_then_evaluated_on_each_corpus(tmp_path: Path) -> None:
    comparison, shared = load_comparison(written(tmp_path))
    seen = []
    for job in jobs(comparison, shared):
        seen.append((type(job).__name__, job.name, "" if isinstance(job, Training) else job.out.parent.name))
        do(job)
    assert seen == [
        ("Evaluation", "base", "core"),
        ("Evaluation", "base", "library"),
        *(
            (kind, name, corpus)
            for name in ("alpha-0.5", "dapo")
            for kind, corpus in (("Training", ""), ("Evaluation", "core"), ("Evaluation", "library"))
        ),
        ("Portfolio", "portfolio", "core"),
        ("Portfolio", "portfolio", "library"),
    ]
    assert list(jobs(comparison, shared)) == []
    found = reports(comparison, shared)
    assert [(report.folder.name, len(report.inputs)) for report in found] == [("core", 3), ("library", 3)]
    write_report(found[0].inputs[:1], tmp_path / "report", portfolio=found[0].portfolio)
    table = (tmp_path / "report" / "report.md").read_text()
    assert "| portfolio of tactics, k checks | 256 | 0.0 | 100.0 | 100.0 | 100.0 | 1 |" in table


def test_a_run_differs_from_the_shared_settings_in_what_its_entry_says(tmp_path: Path) -> None:
    comparison, shared = load_comparison(written(tmp_path))
    runs = {}
    for job in jobs(comparison, shared):
        runs[job.name] = job.config
        do(job)
    assert runs["base"].evaluation.samples == 256
    dapo = runs["dapo"]
    assert dapo.run.folder == tmp_path / "out" / "runs" / "dapo"
    assert dapo.run.seed == 1
    assert dapo.optimizer.learning_rate == 3e-5
    assert dapo.rollouts is not None
    assert (dapo.rollouts.updates_per_batch, dapo.rollouts.prompts_per_step) == (8, 16)
    assert dapo.evaluation.samples == 64
    assert {run.verification.verdicts for run in runs.values()} == {tmp_path / "out" / "verdicts.jsonl"}


def test_a_run_that_failed_is_not_evaluated_and_the_others_go_on(tmp_path: Path) -> None:
    comparison, shared = load_comparison(written(tmp_path))
    seen = []
    for job in jobs(comparison, shared):
        seen.append(job.name)
        if not (isinstance(job, Training) and job.name == "alpha-0.5"):
            do(job)
    assert seen.count("alpha-0.5") == 1
    assert seen.count("dapo") == 3
    assert [job.name for job in jobs(comparison, shared)] == ["alpha-0.5"]


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ('name = "dapo"\nalg', 'name = "base"\nalg', "two models are called base"),
        ('"alpha_dpg"', '"ppo"', "The model alpha-0.5: algorithm: unknown algorithm 'ppo'"),
        ("alpha = 0.5", "alpha = 1", "alpha must lie in [0, 1)"),
        ("seed = 1", "sed = 1", "models.2.sed: there is no such setting"),
    ],
)
def test_a_mistake_is_one_sentence_before_anything_is_done(
    tmp_path: Path, before: str, after: str, sentence: str
) -> None:
    assert before in COMPARISON
    path = written(tmp_path, comparison=COMPARISON.replace(before, after))
    with pytest.raises(ConfigError) as refusal:
        next(jobs(*load_comparison(path)))
    assert sentence in str(refusal.value)


def test_what_a_comparison_needs_is_asked_for(tmp_path: Path) -> None:
    comparison, shared = load_comparison(written(tmp_path))
    (tmp_path / "base").rmdir()
    with pytest.raises(ConfigError, match=r"There is no base model at .*base: train it first"):
        next(jobs(comparison, shared))
    without = SHARED[: SHARED.index("[evaluation]")]
    with pytest.raises(ConfigError, match=r"needs evaluation\.corpora"):
        load_comparison(written(tmp_path, shared=without))
