"""Tokenizers of checkpoints whose settings name a class that `tokenizer.json` does not fit."""

import importlib.util
import json
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from prover.sampling.tokenizers import load_tokenizer, tokenizer_folder
from tests.support.models.tiny_llama import LEAN, make_checkpoint


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A Llama with byte-level tokens."""
    make_checkpoint(tmp_path)
    return tmp_path


def name_class(checkpoint: Path, name: str) -> None:
    """Let the settings of the checkpoint's tokenizer name another class."""
    file = checkpoint / "tokenizer_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"tokenizer_class": name}))


def test_byte_level_tokens_that_name_llamas_class_keep_blanks_line_ends_and_letters(checkpoint: Path) -> None:
    name_class(checkpoint, "LlamaTokenizerFast")
    tokenizer = load_tokenizer(checkpoint)
    text = "theorem t (n : ℕ) : n = n := by\n  simp"
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_a_tokenizer_that_is_read_as_it_is_stored_is_used_where_it_is(checkpoint: Path) -> None:
    with tokenizer_folder(checkpoint) as folder:
        assert folder == checkpoint


def test_other_readers_get_a_folder_that_names_no_wrong_class(checkpoint: Path) -> None:
    stored = AutoTokenizer.from_pretrained(checkpoint).encode(LEAN[1])
    name_class(checkpoint, "LlamaTokenizerFast")
    with tokenizer_folder(checkpoint) as folder:
        assert folder != checkpoint
        assert AutoTokenizer.from_pretrained(folder).encode(LEAN[1]) == stored
    assert not folder.exists()


@pytest.mark.vllm
@pytest.mark.timeout(1200)
@pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed")
async def test_vllm_reads_byte_level_tokens_that_name_llamas_class(checkpoint: Path) -> None:
    from prover.sampling.vllm.engine import ModelEngine
    from prover.sampling.vllm.engine_settings import EngineSettings

    name_class(checkpoint, "LlamaTokenizerFast")
    engine = ModelEngine("model", checkpoint, EngineSettings())
    await engine.start()
    try:
        assert engine.tokenizer.decode(engine.tokenizer.encode(LEAN[1])) == LEAN[1]
    finally:
        await engine.close()
