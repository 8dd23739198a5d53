"""Converts theorems and proofs to tokens, and tokens to packed rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class Example:
    """Prompt and response as tokens; only the response, including its end token, contributes to the loss."""

    prompt: tuple[int, ...]
    response: tuple[int, ...]

    @property
    def length(self) -> int:
        """Total number of tokens."""
        return len(self.prompt) + len(self.response)


def encode_example(tokenizer: PreTrainedTokenizerBase, prompt: str, response: str) -> Example:
    """Tokenise prompt and response separately, as in sampling, where the response does not exist yet."""
    answer = tokenizer.encode(response, add_special_tokens=False)
    return Example(tuple(tokenizer.encode(prompt)), (*answer, tokenizer.eos_token_id))


@dataclass(frozen=True)
class PackedRows:
    """`B` rows of `L` tokens, each with several examples one after the other.

    Attributes:
        tokens: `[B, L]`, padded at the end.
        positions: `[B, L]`, from 0 in each example.
        segments: `[B, L]`, 1, 2, … for the examples of a row, 0 for padding.
        learnt: `[B, L]` bool, true on response tokens.
    """

    tokens: Tensor
    positions: Tensor
    segments: Tensor
    learnt: Tensor

    def attention_mask(self, dtype: torch.dtype = torch.float32) -> Tensor:
        """Return `[B, 1, L, L]`, additive: a token attends to its own example up to itself, and not to its
        neighbours.
        """
        length = self.tokens.shape[1]
        same = self.segments[:, :, None] == self.segments[:, None, :]
        visible = same & torch.ones(length, length, dtype=torch.bool, device=same.device).tril()
        return torch.zeros(visible.shape, dtype=dtype, device=same.device).masked_fill(
            ~visible, torch.finfo(dtype).min
        )[:, None]

    def to(self, device: torch.device) -> "PackedRows":
        """Return the rows on a device."""
        return PackedRows(
            self.tokens.to(device), self.positions.to(device), self.segments.to(device), self.learnt.to(device)
        )

    def split(self, rows: int) -> "list[PackedRows]":
        """Split into parts of at most `rows` rows."""
        parts = (torch.split(tensor, rows) for tensor in (self.tokens, self.positions, self.segments, self.learnt))
        return [PackedRows(*part) for part in zip(*parts, strict=True)]


def pack(examples: Sequence[Example], length: int) -> list[list[Example]]:
    """Pack examples into rows of `length` tokens: each example, in order, goes into the first row with enough space
    (first fit).

    Raises:
        ValueError: an example is longer than a row.
    """
    rows: list[list[Example]] = []
    room: list[int] = []
    most: list[int] = []  # largest free space in each block of 64 rows, so that full blocks are skipped
    for example in examples:
        if example.length > length:
            raise ValueError(f"An example has {example.length} tokens, more than a row's {length}.")
        block = next((number for number, largest in enumerate(most) if largest >= example.length), len(most))
        fits = next(
            (row for row in range(64 * block, min(64 * block + 64, len(rows))) if room[row] >= example.length),
            len(rows),
        )
        if fits == len(rows):
            rows.append([])
            room.append(length)
        rows[fits].append(example)
        room[fits] -= example.length
        block = fits // 64
        # A block with fewer than 64 rows can start a new one.
        largest = length if len(rows) < 64 * block + 64 else max(room[64 * block : 64 * block + 64])
        if block == len(most):
            most.append(largest)
        else:
            most[block] = largest
    return rows


def lay_out(rows: Sequence[Sequence[Example]], length: int, padding: int) -> PackedRows:
    """Return rows of examples as tensors."""
    tokens = torch.full((len(rows), length), padding)
    positions, segments = torch.zeros_like(tokens), torch.zeros_like(tokens)
    learnt = torch.zeros(tokens.shape, dtype=torch.bool)
    for row, examples in enumerate(rows):
        end = 0
        for number, example in enumerate(examples, start=1):
            start, end = end, end + example.length
            tokens[row, start:end] = torch.tensor(example.prompt + example.response)
            positions[row, start:end] = torch.arange(example.length)
            segments[row, start:end] = number
            learnt[row, start + len(example.prompt) : end] = True
    return PackedRows(tokens, positions, segments, learnt)


def batches_of(examples: Sequence[Example], length: int, rows: int, padding: int, seed: int) -> Iterator[PackedRows]:
    """Yield batches of packed rows endlessly; each epoch is shuffled by the seed and its number."""
    epoch = 0
    while True:
        random = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
        order = torch.randperm(len(examples), generator=random).tolist()
        packed = pack([examples[index] for index in order], length)
        for start in range(0, len(packed), rows):
            yield lay_out(packed[start : start + rows], length, padding)
        epoch += 1
