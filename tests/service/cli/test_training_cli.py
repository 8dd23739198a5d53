"""The commands over `training`, in processes of their own, as far as they need no Lean."""

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest
import typer

from service.cli.training import shared
from tests.support.commands import leansieve, refused
from training.corpus.jsonl import write_jsonl
from training.corpus.record import TheoremRecord, read_corpus
from training.evaluation.samples import ModelSamples, SampledProof, TheoremSamples

WITHOUT_EXTRA = (
    "import sys; sys.modules['matplotlib'] = None; from service.cli import main; sys.argv[0] = 'leansieve'; main()"
)


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    path = tmp_path / "base.json.gz"
    proofs = (
        SampledProof(text="by\n  simp", count=3, verified=True),
        SampledProof(text="rfl", count=1, verified=False),
    )
    ModelSamples(model="base", corpus="c", theorems=(TheoremSamples(name="t", proofs=proofs),)).save(path)
    return path


def test_a_corpus_is_generated_and_split_by_family(tmp_path: Path) -> None:
    corpus, folder = tmp_path / "new" / "corpus.jsonl", tmp_path / "splits"
    done = leansieve("corpus", "generate", "--count", "150", "--seed", "3", "--out", corpus)
    assert done.returncode == 0, done.stderr
    assert len(read_corpus(corpus)) == 150
    done = leansieve("corpus", "split", corpus, "--out", folder, "--dev", "0.2", "--test", "0.2")
    assert done.returncode == 0, done.stderr
    families = [
        {record.family for record in read_corpus(folder / f"{name}.jsonl")} for name in ("train", "dev", "test")
    ]
    assert all(families)
    assert not families[0] & families[1]
    assert not (families[0] | families[1]) & families[2]


def test_a_corpus_is_cleaned_of_what_is_held_out(tmp_path: Path) -> None:
    corpus, dev, out = tmp_path / "corpus.jsonl", tmp_path / "dev.jsonl", tmp_path / "out.jsonl"
    statements = ["theorem a (n : Nat) : n = n", "theorem b (m : Nat) : m = m", "theorem c : 2 < 3", "theorem d : True"]
    records = [TheoremRecord(name=text.split()[1].rstrip(":"), statement=text) for text in statements]
    write_jsonl(corpus, records)
    write_jsonl(dev, [TheoremRecord(name="other", statement="theorem other : 4 < 7")])
    done = leansieve("corpus", "clean", corpus, "--held-out", dev, "--out", out)
    assert done.returncode == 0, done.stderr
    assert [record.name for record in read_corpus(out)] == ["a", "d"]
    assert leansieve("corpus", "clean", corpus, "--sample", "1", "--out", out).returncode == 0
    assert len(read_corpus(out)) == 1


def test_a_report_is_written(tmp_path: Path, samples: Path) -> None:
    done = leansieve("evaluate", "report", samples, "--out", tmp_path / "report")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "report" / "summary.json").read_text())["models"][0]["precision"] == 0.75
    assert "| base" in (tmp_path / "report" / "report.md").read_text()


def test_a_missing_extra_is_said_in_one_sentence(tmp_path: Path, samples: Path) -> None:
    done = leansieve("evaluate", "report", samples, "--out", tmp_path / "r", program=("-c", WITHOUT_EXTRA))
    assert "pip install 'leansieve[train]'" in refused(done)


def test_mistakes_are_one_sentence(tmp_path: Path) -> None:
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"name": "t", "statement": "theorem t : 1 = 1"}\n{"name": 5}\n')
    out = tmp_path / "out"
    assert f"{broken}:2: name: Input should be a valid string" in refused(
        leansieve("corpus", "split", broken, "--out", out)
    )
    assert "No such file" in refused(leansieve("corpus", "split", tmp_path / "none.jsonl", "--out", out))
    (tmp_path / "empty.jsonl").touch()
    shares = ("--dev", "0.9", "--test", "0.9")
    assert "together at most 1, not 1.8" in refused(
        leansieve("corpus", "split", tmp_path / "empty.jsonl", "--out", out, *shares)
    )
    assert "Unknown family 'poetry'" in refused(leansieve("corpus", "generate", "--family", "poetry", "--out", out))
    assert "is not a folder: name that of a Lake project" in refused(
        leansieve("corpus", "--project", tmp_path / "none", "--out", out)
    )
    assert "expected REPO@COMMIT, found 'none'" in refused(leansieve("corpus", "--dojo", "none", "--out", out))
    assert "does not hold a model's samples" in refused(leansieve("evaluate", "report", broken, "--out", out))
    assert f"{broken}:2" in refused(leansieve("seeds", broken, "--out", out))
    assert f"{broken}:1" in refused(leansieve("conjectures", broken, "--out", out))
    assert f"{broken} is not TOML" in refused(leansieve("scrpo", broken))
    assert f"{broken} is not TOML" in refused(leansieve("grow", broken))
    drawn = ("evaluate", "check", broken, tmp_path / "empty.jsonl", "--model", tmp_path, "--out", out)
    assert "holds no drawn texts" in refused(leansieve(*drawn))


@pytest.mark.parametrize("command", ["grow", "scrpo"])
@pytest.mark.parametrize("missing", ["base", "proofs", "dev"])
def test_a_missing_input_of_several_stages_is_told_before_the_first(tmp_path: Path, command: str, missing: str) -> None:
    paths = {name: tmp_path / name for name in ("base", "proofs", "dev")}
    for name, path in paths.items():
        if name != missing:
            path.touch()
    arms = '[[arms]]\nname = "a"\nalgorithm = "grpo"\n' if command == "grow" else ""
    file = tmp_path / "plan.toml"
    file.write_text(
        f'folder = "{tmp_path}/run"\nbase = "{paths["base"]}"\nproofs = ["{paths["proofs"]}"]\ndev = "{paths["dev"]}"\n{arms}'
    )
    assert refused(leansieve(command, file)) == f"{file}: {missing}: there is no {paths[missing]}."
    assert not (tmp_path / "run").exists()


def test_an_interrupt_of_resumable_work_says_that_the_command_resumes(capsys: pytest.CaptureFixture[str]) -> None:
    async def work() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(3600)

    with pytest.raises(typer.Exit) as ended:
        shared.run_resumable(work())
    assert ended.value.exit_code == 130
    assert capsys.readouterr().err == "interrupted; the same command resumes where it stopped\n"
