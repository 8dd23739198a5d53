"""Supervised fine-tuning of a tiny model by the real command, killed and resumed for real."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.support.commands import leansieve, running
from tests.training.model.alone import alone
from tests.training.model.lean_texts import tiny_model, tiny_tokenizer
from training.config import load_config
from training.corpus.jsonl import write_jsonl
from training.corpus.proofs import ProvedTheorem
from training.corpus.synthetic.generator import generate
from training.model.examples import encode_example
from training.model.llama import save_for_serving
from training.model.sft import fine_tune
from training.trainer.checkpoint import list_checkpoints, step_of

PROOFS = (" by omega", " by simp", " by\n  intro x\n  omega")


@pytest.fixture(scope="module")
def proofs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "proofs.jsonl"
    records = generate(60, families=["inequalities", "lists"])
    write_jsonl(path, [ProvedTheorem(theorem=record, proofs=PROOFS[: 1 + i % 3]) for i, record in enumerate(records)])
    return path


def write_config(
    folder: Path, proofs: Path, run: str = "", model: str = "", sft: str = "", optimizer: str = ""
) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "config.toml"
    path.write_text(
        f"""
[run]
folder = "{folder}/run"
device = "cpu"
threads = 1
checkpoint_every = 3
{run}
[model]
vocabulary = 300
{model or "shape = {layers = 2, width = 64, heads = 2, key_value_heads = 1, hidden = 96, context = 256}"}
[optimizer]
learning_rate = 3e-3
{optimizer}
[sft]
proofs = ["{proofs}"]
row_length = 256
rows = 4
micro_rows = 2
{sft or "steps = 12"}
""",
        encoding="utf-8",
    )
    return path


def steps_logged(config: Path) -> list[int]:
    path = config.parent / "run" / "metrics.jsonl"
    return [json.loads(line)["step"] for line in path.read_text().splitlines()] if path.exists() else []


async def test_a_killed_run_goes_on_bit_for_bit(tmp_path: Path, proofs: Path) -> None:
    whole = write_config(tmp_path / "whole", proofs, sft="steps = 60")
    fine_tune(load_config(whole))

    killed = write_config(tmp_path / "killed", proofs, sft="steps = 60")
    async with running("train", killed) as process:
        while len(steps_logged(killed)) < 20:
            assert process.returncode is None, await process.stderr.read()
            await asyncio.sleep(0.002)
        process.kill()
        assert await process.wait() == -signal.SIGKILL
    assert not (killed.parent / "run" / "model").exists()

    again = leansieve("train", killed)
    assert again.returncode == 0
    assert "going on from step" in again.stderr
    assert steps_logged(killed) == steps_logged(whole) == list(range(1, 61))
    weights = [(config.parent / "run" / "model" / "model.safetensors").read_bytes() for config in (whole, killed)]
    assert weights[0] == weights[1]
    losses = [
        [json.loads(line)["loss"] for line in (config.parent / "run" / "metrics.jsonl").read_text().splitlines()]
        for config in (whole, killed)
    ]
    assert losses[0] == losses[1]


def test_fine_tuning_teaches_the_proofs_and_leaves_a_model_that_loads(tmp_path: Path, proofs: Path) -> None:
    config = write_config(tmp_path / "run", proofs, sft=f'steps = 40\ndev_proofs = ["{proofs}"]\ndev_every = 20')
    model_folder = fine_tune(load_config(config))
    rows = [json.loads(line) for line in (config.parent / "run" / "metrics.jsonl").read_text().splitlines()]
    assert rows[-1]["loss"] < 0.3 * rows[0]["loss"]
    assert rows[19]["dev_loss"] > rows[39]["dev_loss"]
    assert list((config.parent / "run" / "tensorboard").iterdir())

    model, tokenizer = AutoModelForCausalLM.from_pretrained(model_folder), AutoTokenizer.from_pretrained(model_folder)
    examples = [
        encode_example(tokenizer, "theorem t (a b : Nat) (h : a < b) : a + 1 ≤ b :=", answer)
        for answer in (" by omega", " exact zzz qqq")
    ]
    with torch.no_grad():
        scores = [alone(model, example.prompt, example.response)[0].sum() for example in examples]
    assert scores[0] > scores[1] + 10


def test_only_responses_are_learnt(tmp_path: Path, proofs: Path) -> None:
    config = write_config(tmp_path / "run", proofs, sft="steps = 1")
    fine_tune(load_config(config))
    (row,) = [json.loads(line) for line in (config.parent / "run" / "metrics.jsonl").read_text().splitlines()]
    tokenizer = AutoTokenizer.from_pretrained(config.parent / "run" / "model")
    longest = max(len(tokenizer.encode(proof)) + 1 for proof in PROOFS)
    assert (
        0 < row["tokens"] < 4 * 256 / 20 * longest
    )  # a row of 256 holds few examples, most of whose tokens are prompt


def test_any_causal_language_model_is_fine_tuned_in_full_or_by_adapters(tmp_path: Path, proofs: Path) -> None:
    tokenizer = tiny_tokenizer()
    base = tiny_model(tokenizer, seed=9)
    save_for_serving(base, tokenizer, tmp_path / "base")
    full = write_config(tmp_path / "full", proofs, model=f'path = "{tmp_path}/base"', sft="steps = 2")
    tuned = AutoModelForCausalLM.from_pretrained(fine_tune(load_config(full)))
    assert not torch.equal(tuned.model.embed_tokens.weight, base.model.embed_tokens.weight)

    text = f'path = "{tmp_path}/base"\nlora = {{rank = 4, targets = ["q_proj", "v_proj"]}}'
    adapted = write_config(tmp_path / "lora", proofs, model=text, sft="steps = 4")
    folder = fine_tune(load_config(adapted))
    assert (folder / "adapter_model.safetensors").exists()
    assert not (folder / "model.safetensors").exists()
    (checkpoint,) = (tmp_path / "lora" / "run" / "checkpoints").glob("step-00000004")
    assert (checkpoint / "state.pt").stat().st_size < 0.5 * (tmp_path / "base" / "model.safetensors").stat().st_size

    from peft import PeftModel

    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tmp_path / "base"), folder)
    example = encode_example(tokenizer, "theorem t : True :=", " by simp")
    with torch.no_grad():
        with_adapter, _ = alone(model, example.prompt, example.response)
        with model.disable_adapter():
            without, _ = alone(model, example.prompt, example.response)
        base = AutoModelForCausalLM.from_pretrained(tmp_path / "base")
        plain, _ = alone(base, example.prompt, example.response)
    assert torch.equal(without, plain)
    assert not torch.allclose(with_adapter, without)


def test_tied_embeddings_are_untied(tmp_path: Path, proofs: Path) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = tiny_tokenizer()
    sizes = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 1, "num_attention_heads": 2}
    tied = LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), tie_word_embeddings=True, **sizes))
    tied.save_pretrained(tmp_path / "tied")
    tokenizer.save_pretrained(tmp_path / "tied")
    config = write_config(tmp_path / "run", proofs, model=f'path = "{tmp_path}/tied"', sft="steps = 3")
    tuned = AutoModelForCausalLM.from_pretrained(fine_tune(load_config(config)))
    assert not tuned.config.tie_word_embeddings
    assert not torch.equal(tuned.lm_head.weight, tuned.model.embed_tokens.weight)


def test_a_run_does_not_go_on_under_other_settings(tmp_path: Path, proofs: Path) -> None:
    fine_tune(load_config(write_config(tmp_path / "run", proofs, sft="steps = 3")))
    changed = write_config(
        tmp_path / "run", proofs, sft="steps = 5\nproofs_per_theorem = 1", optimizer="clip_norm = 2.0"
    )
    with pytest.raises(ValueError, match=r"other settings \(optimizer\.clip_norm, sft\.proofs_per_theorem, the data\)"):
        fine_tune(load_config(changed))


def test_a_finished_run_does_nothing_more(tmp_path: Path, proofs: Path) -> None:
    config = load_config(write_config(tmp_path / "run", proofs, sft="steps = 3"))
    weights = (fine_tune(config) / "model.safetensors").read_bytes()
    assert (fine_tune(config) / "model.safetensors").read_bytes() == weights


def refused(config: Path, status: int) -> str:
    """What the command says on stderr as it ends with that status."""
    done = leansieve("train", config)
    assert done.returncode == status, done.stderr
    assert not done.stdout
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_run_that_diverges_says_so_and_keeps_its_checkpoints(tmp_path: Path, proofs: Path) -> None:
    config = write_config(
        tmp_path / "run", proofs, optimizer="warmup_fraction = 0.9\nweight_decay = 1e30", sft="steps = 300"
    )
    config.write_text(config.read_text().replace("checkpoint_every = 3", "checkpoint_every = 1"))
    said = refused(config, 3)
    assert "leansieve: training diverged: the loss is" in said
    assert said.endswith("lower optimizer.learning_rate, in another folder, or look at the data.\n")
    assert [path.name for path in (tmp_path / "run" / "run" / "checkpoints").iterdir()] == ["step-00000001"]


def test_an_interrupted_run_says_how_to_go_on(tmp_path: Path, proofs: Path) -> None:
    config = write_config(tmp_path / "run", proofs, sft="steps = 100000")
    # Jobs that a shell runs in the background ignore SIGINT, and so would their children.
    process = subprocess.Popen(
        [sys.executable, "-m", "service", "train", config],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while len(steps_logged(config)) < 4:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert said.endswith("interrupted; the same command resumes from the last checkpoint\n")
    assert process.returncode == 130
    (kept,) = list_checkpoints(tmp_path / "run" / "run" / "checkpoints")[-1:]
    assert step_of(kept) == steps_logged(config)[-1]


def test_a_run_that_is_interrupted_before_its_first_step_promises_no_checkpoint(tmp_path: Path) -> None:
    fifo = tmp_path / "proofs.jsonl"
    os.mkfifo(fifo)
    process = subprocess.Popen(
        [sys.executable, "-m", "service", "train", write_config(tmp_path / "run", fifo)],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    with fifo.open("w"):  # opens when the command reads its proofs
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.endswith("interrupted; the same command begins again: there is no checkpoint yet\n")


@pytest.mark.parametrize(
    ("sft", "message"),
    [
        ("steps = 0", "sft.steps: input should be greater than or equal to 1, found 0."),
        ("row_length = 16", "No example is as short as row_length (16 tokens)."),
    ],
)
def test_what_cannot_be_trained_is_one_sentence(tmp_path: Path, proofs: Path, sft: str, message: str) -> None:
    config = write_config(tmp_path / "run", proofs, sft=sft)
    if "row_length" in sft:
        config.write_text(config.read_text().replace("row_length = 256\n", ""))
    assert message in refused(config, 2)
