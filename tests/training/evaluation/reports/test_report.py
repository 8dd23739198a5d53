import json
from pathlib import Path

import pytest

from tests.support.commands import leansieve
from training.evaluation.reports.report import write_report
from training.evaluation.reports.summary import summarise
from training.evaluation.samples import ModelSamples, SampledProof, TheoremSamples


def model(name: str, right: list[int], samples: int = 8) -> ModelSamples:
    """`right[i]` verified samples of theorem i, each a different proof, the rest failures."""
    theorems = []
    for index, count in enumerate(right):
        proofs = [SampledProof(text=f"by\n  exact h{n}", count=1, verified=True) for n in range(count)]
        if count < samples:
            proofs.append(SampledProof(text="by\n  omega", count=samples - count, verified=False))
        theorems.append(TheoremSamples(name=f"theorem_{index}", proofs=tuple(proofs)))
    return ModelSamples(model=name, corpus="a corpus", sampling={"temperature": 1.0}, theorems=tuple(theorems))


BASE, TUNED = model("base", [0, 1, 4, 8]), model("α = 0.25", [1, 2, 8, 8])


@pytest.mark.parametrize("name", ["samples.json", "samples.json.gz"])
def test_samples_survive_being_written_and_read(tmp_path: Path, name: str) -> None:
    BASE.save(tmp_path / name)
    first = (tmp_path / name).read_bytes()
    assert ModelSamples.load(tmp_path / name) == BASE
    BASE.save(tmp_path / name)
    assert (tmp_path / name).read_bytes() == first


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "EOF while parsing"),
        (b'{"model": "m", "corpus": "c", "theorems": []}', "theorems: Tuple should have at least 1 item"),
        (
            b'{"model": "m", "corpus": "c", "theorems": [{"name": "t", "proofs": [{"text": "", "count": 0, "verified": 1}]}]}',
            "theorems.0.proofs.0.count: Input should be greater than or equal to 1",
        ),
    ],
)
def test_a_file_of_another_kind_is_refused_in_one_sentence(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "samples.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="does not hold a model's samples") as refusal:
        ModelSamples.load(path)
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_damaged_gzip_is_refused_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "samples.json.gz"
    BASE.save(path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match="does not hold a model's samples"):
        ModelSamples.load(path)


def test_summary_of_figures() -> None:
    summary = summarise([BASE, TUNED])
    base, tuned = summary["models"]
    assert base["precision"] == pytest.approx((0 + 1 / 8 + 1 / 2 + 1) / 4)
    assert base["coverage"] == base["pass_at_k"]["8"] == 3 / 4
    assert tuned["coverage"] == 1
    assert base["difficulty"] == {"unsolved": 1, "hard": 1, "medium": 1, "easy": 1}
    assert tuned["transitions"]["unsolved"] == {"unsolved": 0, "hard": 1, "medium": 0, "easy": 0}
    assert tuned["transitions"]["medium"]["easy"] == 1
    assert base["distinct_proofs_per_solved"] == pytest.approx((1 + 4 + 8) / 3)
    assert tuned["against_base"]["precision"]["mean"] == pytest.approx((1 / 8 + 1 / 8 + 1 / 2 + 0) / 4)
    assert "against_base" not in base


def test_coverage_is_compared_at_a_k_that_every_model_has() -> None:
    summary = summarise([model("base", [1, 2], samples=8), model("less", [1, 0], samples=4)])
    assert summary["coverage_k"] == 4
    assert summary["models"][0]["coverage"] == pytest.approx((0.5 + (1 - 15 / 70)) / 2)


@pytest.mark.parametrize(
    ("models", "base", "message"),
    [
        ([BASE, BASE], None, "called the same"),
        ([BASE, TUNED], "gamma", "not among the models"),
        ([BASE, model("other", [1, 2])], None, "same theorems"),
    ],
)
def test_models_that_cannot_be_compared_are_refused(models: list[ModelSamples], base: str | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        summarise(models, base)


def test_report_holds_tables_plots_and_the_summary(tmp_path: Path) -> None:
    BASE.save(tmp_path / "base.json")
    TUNED.save(tmp_path / "tuned.json.gz")
    summary = write_report([tmp_path / "base.json", tmp_path / "tuned.json.gz"], tmp_path / "out")
    text = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert "| base | 8 | 40.6 | – | – | – | 3 | 4.33 |" in text
    assert "| α = 0.25 * | 8 | 59.4 |" in text
    assert "| α = 0.25 | +18.8 [" in text
    assert "| medium | 0 | 0 | 0 | 1 |" in text
    assert json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8")) == summary
    plots = sorted(path.name for path in (tmp_path / "out").glob("*.png"))
    assert plots == ["difficulty.png", "diversity.png", "pareto.png", "pass_at_k.png"]
    assert all(f"]({name})" in text for name in plots)
    assert all((tmp_path / "out" / name).read_bytes().startswith(b"\x89PNG") for name in plots)


def test_one_command_makes_the_report_and_says_in_one_line_what_is_wrong(tmp_path: Path) -> None:
    BASE.save(tmp_path / "base.json")
    command = ("evaluate", "report", "--out", tmp_path / "out")
    done = leansieve(*command, tmp_path / "base.json")
    assert (done.returncode, done.stderr) == (0, f"wrote {tmp_path}/out/report.md\n")
    assert (tmp_path / "out" / "report.md").exists()
    (tmp_path / "bad.json").write_text("[]")
    done = leansieve(*command, tmp_path / "bad.json")
    assert done.returncode == 2
    assert done.stderr.startswith("leansieve: ")
    assert done.stderr.count("\n") == 1
