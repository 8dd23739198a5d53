"""Tokenizers of checkpoints, as their `tokenizer.json` has them.

transformers 5.19 builds the tokenizer anew by the class that `tokenizer_config.json` names. Checkpoints with byte-level
tokens that name Llama's class, as DeepSeek-Prover's do, lose blanks, line ends and ℕ by that, in vLLM too
(`findings/transformers-llama-tokenizer.sh`).
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_SAMPLE = "theorem t (n : ℕ) (h₁ : 0 < n) :\n    n ≠ 12 ∨ n = 12 := by\n  omega\n"


def load_tokenizer(folder: Path) -> Any:
    """Return a checkpoint's tokenizer, from transformers.

    Raises:
        OSError: there is none in the folder.
        ValueError: its files are wrong.
    """
    return _read(folder)[0]


@contextmanager
def tokenizer_folder(checkpoint: Path) -> Iterator[Path]:
    """Provide a folder whose tokenizer every reader of transformers takes as it is: the checkpoint, or a temporary one."""
    tokenizer, as_stored = _read(checkpoint)
    if as_stored:
        yield checkpoint
        return
    with tempfile.TemporaryDirectory(prefix="leansieve-tokenizer-") as folder:
        tokenizer.save_pretrained(folder)
        yield Path(folder)


def _read(folder: Path) -> tuple[Any, bool]:
    """Return the tokenizer, and whether transformers reads it by itself as `tokenizer.json` has it."""
    from transformers import AutoTokenizer, PreTrainedTokenizerFast  # slow to import

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    if _faithful(tokenizer, folder):
        return tokenizer, True
    return PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True), False


def _faithful(tokenizer: Any, folder: Path) -> bool:
    """Whether the tokenizer reads a sample as `tokenizer.json` says. Without that file there is nothing to compare."""
    from tokenizers import Tokenizer

    file = folder / "tokenizer.json"
    if not file.exists():
        return True
    stored = Tokenizer.from_file(str(file)).encode(_SAMPLE, add_special_tokens=False)
    return bool(tokenizer.encode(_SAMPLE, add_special_tokens=False) == stored.ids)
