"""A language model behind the command line: real vLLM, real Lean, random weights."""

import importlib.util
import json
from pathlib import Path

import pytest

from tests.support.commands import leansieve, refused
from tests.support.models.tiny_llama import make_checkpoint

pytestmark = [
    pytest.mark.lean,
    pytest.mark.vllm,
    pytest.mark.timeout(600),
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed"),
]


def test_a_model_proposes_and_lean_decides(tmp_path: Path) -> None:
    checkpoint, source, out = tmp_path / "tiny", tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    make_checkpoint(checkpoint)
    source.write_text('{"id": "model", "statement": "theorem u (n m : Nat) : n + m + 0 = m + n"}\n')
    options = [
        "--model",
        checkpoint,
        "--sampler",
        "model",
        "--strategy",
        "independent",
        "--samples",
        "6",
        "--workers",
        "1",
    ]
    done = leansieve("prove", "--jsonl", source, "--out", out, *options, seconds=500)
    assert done.returncode == 1, done.stderr
    row = json.loads(out.read_text())
    # Random weights prove nothing; what counts is that their proposals went all the way.
    assert (row["sampled"], row["proofs"]) == (6, [])
    assert 1 <= row["checked"] <= 6
    assert done.stdout == ""


def test_a_folder_that_is_no_checkpoint_is_one_sentence(tmp_path: Path) -> None:
    said = refused(leansieve("prove", "theorem a : True", "--model", tmp_path))
    assert said == f"{tmp_path} is not a Hugging Face checkpoint: it has no config.json"
