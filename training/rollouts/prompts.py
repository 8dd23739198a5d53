"""The order of theorems in a run."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerBase

from prover.sampling.prompt import PromptFormat
from training.corpus.record import TheoremRecord, read_corpus


@dataclass(frozen=True, slots=True)
class Prompt:
    """A theorem as a prompt in the model's format."""

    record: TheoremRecord
    tokens: tuple[int, ...]


def read_prompts(
    paths: Sequence[Path], form: PromptFormat, tokenizer: PreTrainedTokenizerBase, longest: int
) -> tuple[list[Prompt], int]:
    """Return the theorems of some corpora in a prompt format without those of more than `longest` tokens, and the
    number of these.

    Raises:
        ValueError: a file has other content, two theorems have the same name, or no theorem is left.
    """
    records = [record for path in paths for record in read_corpus(path)]
    if doubled := [name for name, count in Counter(record.name for record in records).items() if count > 1]:
        raise ValueError(f"{', '.join(map(str, paths))}: two theorems are called {doubled[0]}.")
    prompts = [Prompt(record, tuple(tokenizer.encode(form.render(record.theorem)))) for record in records]
    fitting = [prompt for prompt in prompts if len(prompt.tokens) <= longest]
    if not fitting:
        files = ", ".join(map(str, paths)) or "the configuration"
        raise ValueError(
            f"{files}: no theorem to ask for: of {len(prompts)}, all have more than {longest} tokens."
            if prompts
            else f"{files}: there is no theorem."
        )
    return fitting, len(prompts) - len(fitting)


class PromptStream:
    """An endless sequence of prompts; each epoch is shuffled by the seed and its number."""

    def __init__(self, prompts: Sequence[Prompt], seed: int) -> None:
        self._prompts = prompts
        self._seed = seed
        self._epoch = -1
        self._order: list[int] = []

    def __getitem__(self, draw: int) -> Prompt:
        """Return number `draw` of the sequence, from 0."""
        epoch, place = divmod(draw, len(self._prompts))
        if epoch != self._epoch:
            random = torch.Generator().manual_seed(self._seed * 1_000_003 + epoch)
            self._order = torch.randperm(len(self._prompts), generator=random).tolist()
            self._epoch = epoch
        return self._prompts[self._order[place]]


def seed_of(*parts: object) -> int:
    """Return a seed of 63 bits for vLLM that depends on all parts and nothing else."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8]) >> 1
