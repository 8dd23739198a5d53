"""Converts theorems and proofs to tokens, and tokens to packed rows in which a prompt is read once for all its responses."""

from collections.abc import Iterable, Iterator, Sequence
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


@dataclass(frozen=True, slots=True)
class TokenGroup:
    """A prompt with its responses, as tokens."""

    prompt: tuple[int, ...]
    responses: tuple[tuple[int, ...], ...]

    @property
    def tokens(self) -> int:
        """Number of tokens of its row."""
        return len(self.prompt) + sum(map(len, set(self.responses)))


def grouped(examples: Iterable[Example], length: int) -> list[TokenGroup]:
    """Return the examples as groups of one prompt each, of at most `length` tokens; repetitions are kept once."""
    responses: dict[tuple[int, ...], dict[tuple[int, ...], None]] = {}
    for example in examples:
        responses.setdefault(example.prompt, {})[example.response] = None
    groups: list[TokenGroup] = []
    for prompt, answers in responses.items():
        part: list[tuple[int, ...]] = []
        room = length - len(prompt)
        for answer in answers:
            if part and len(answer) > room:
                groups.append(TokenGroup(prompt, tuple(part)))
                part, room = [], length - len(prompt)
            part.append(answer)
            room -= len(answer)
        groups.append(TokenGroup(prompt, tuple(part)))
    return groups


@dataclass(frozen=True)
class PackedRows:
    """`B` rows of `L` tokens, each with several groups one after the other.

    Attributes:
        tokens: `[B, L]`, padded at the end.
        positions: `[B, L]`, from 0 in each group; every response continues from the prompt's end.
        segments: `[B, L]`, 1, 2, … for the groups of a row, 0 for padding.
        branches: `[B, L]`, 1, 2, … for the responses of a group, 0 for prompts and padding.
        predictors: `[B, L]`, the place in the row from which a response's token is predicted; 0 for other tokens.
    """

    tokens: Tensor
    positions: Tensor
    segments: Tensor
    branches: Tensor
    predictors: Tensor

    @property
    def learnt(self) -> Tensor:
        """Return `[B, L]` bool, true on response tokens."""
        return self.branches > 0

    def attention_mask(self, dtype: torch.dtype = torch.float32) -> Tensor:
        """Return `[B, 1, L, L]`, additive: a token attends to its prompt and its own response up to itself, and to
        nothing else.
        """
        length = self.tokens.shape[1]
        visible = self.segments[:, :, None] == self.segments[:, None, :]
        visible &= (self.branches[:, None, :] == 0) | (self.branches[:, :, None] == self.branches[:, None, :])
        visible &= torch.ones(length, length, dtype=torch.bool, device=visible.device).tril()
        return torch.zeros(visible.shape, dtype=dtype, device=visible.device).masked_fill(
            ~visible, torch.finfo(dtype).min
        )[:, None]

    def to(self, device: torch.device) -> "PackedRows":
        """Return the rows on a device."""
        return PackedRows(*(tensor.to(device) for tensor in self._tensors()))

    def split(self, rows: int) -> "list[PackedRows]":
        """Split into parts of at most `rows` rows."""
        parts = (torch.split(tensor, rows) for tensor in self._tensors())
        return [PackedRows(*part) for part in zip(*parts, strict=True)]

    def _tensors(self) -> tuple[Tensor, ...]:
        return self.tokens, self.positions, self.segments, self.branches, self.predictors


def pack(groups: Sequence[TokenGroup], length: int) -> list[list[TokenGroup]]:
    """Pack groups into rows of `length` tokens: each group, in order, goes into the first row with enough space
    (first fit).

    Raises:
        ValueError: a group is longer than a row.
    """
    rows: list[list[TokenGroup]] = []
    room: list[int] = []
    most: list[int] = []  # largest free space in each block of 64 rows, so that full blocks are skipped
    for group in groups:
        if group.tokens > length:
            raise ValueError(f"A group has {group.tokens} tokens, more than a row's {length}.")
        block = next((number for number, largest in enumerate(most) if largest >= group.tokens), len(most))
        fits = next(
            (row for row in range(64 * block, min(64 * block + 64, len(rows))) if room[row] >= group.tokens),
            len(rows),
        )
        if fits == len(rows):
            rows.append([])
            room.append(length)
        rows[fits].append(group)
        room[fits] -= group.tokens
        block = fits // 64
        # A block with fewer than 64 rows can start a new one.
        largest = length if len(rows) < 64 * block + 64 else max(room[64 * block : 64 * block + 64])
        if block == len(most):
            most.append(largest)
        else:
            most[block] = largest
    return rows


def lay_out(rows: Sequence[Sequence[TokenGroup]], length: int, padding: int) -> PackedRows:
    """Return rows of groups as tensors."""
    tokens = torch.full((len(rows), length), padding)
    positions, segments, branches, predictors = (torch.zeros_like(tokens) for _ in range(4))
    for row, groups in enumerate(rows):
        end = 0
        for number, group in enumerate(groups, start=1):
            start, size = end, len(group.prompt)
            end = start + size
            tokens[row, start:end] = torch.tensor(group.prompt)
            positions[row, start:end] = torch.arange(size)
            last = end - 1
            for branch, response in enumerate(dict.fromkeys(group.responses), start=1):
                begin, end = end, end + len(response)
                tokens[row, begin:end] = torch.tensor(response)
                positions[row, begin:end] = torch.arange(size, size + len(response))
                branches[row, begin:end] = branch
                predictors[row, begin:end] = torch.tensor([last, *range(begin, end - 1)])
            segments[row, start:end] = number
    return PackedRows(tokens, positions, segments, branches, predictors)


def batches_of(groups: Sequence[TokenGroup], length: int, rows: int, padding: int, seed: int) -> Iterator[PackedRows]:
    """Yield batches of packed rows endlessly; each epoch is shuffled by the seed and its number."""
    epoch = 0
    while True:
        random = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
        order = torch.randperm(len(groups), generator=random).tolist()
        packed = pack([groups[index] for index in order], length)
        for start in range(0, len(packed), rows):
            yield lay_out(packed[start : start + rows], length, padding)
        epoch += 1
