"""Log-probabilities of the responses of whole groups; each prompt and each distinct response is processed once.

A group's row is its prompt with its distinct responses one after the other. A response attends to the prompt and
itself, and its positions continue those of the prompt, so its log-probabilities are those that it has alone. Compared
with one padded row per rollout, this saves most of the work if prompts are as long as responses and answers repeat, as
in training on proofs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedModel

from training.model.examples import TokenGroup
from training.model.log_probs import Scores


def micro_batches(groups: Sequence[TokenGroup], most_tokens: int) -> Iterator[slice]:
    """Yield consecutive groups that together have at most so many tokens, or single larger groups."""
    start = tokens = 0
    for end, group in enumerate(groups):
        if end > start and tokens + group.tokens > most_tokens:
            yield slice(start, end)
            start, tokens = end, 0
        tokens += group.tokens
    if start < len(groups):
        yield slice(start, len(groups))


def score_groups(model: PreTrainedModel, groups: Sequence[TokenGroup], length: int) -> Scores:
    """Score every response token at temperature 1, in one forward pass.

    With gradient unless called under `torch.no_grad`. For the base of a LoRA model, call it inside
    `model.disable_adapter()`.

    Args:
        groups: groups with the same number N of responses each.
        length: T, at least the longest response.

    Returns:
        `[G, N, T]`, 0 after the end of a response.
    """
    row = _lay_out(groups)
    device = model.device
    logits = model(
        input_ids=row.tokens[None].to(device),
        attention_mask=row.attention_mask(model.dtype).to(device),
        position_ids=row.positions[None].to(device),
        logits_to_keep=row.predictors.to(device),
        use_cache=False,
    ).logits[0]
    log_probs = logits.float().log_softmax(-1)
    with torch.no_grad():
        entropies = -(log_probs.exp() * log_probs).sum(-1)
    chosen = log_probs.gather(-1, row.targets.to(device)[:, None])[:, 0]

    # Scatter the scores of distinct responses to all responses.
    where = (row.response_of.to(device), row.place.to(device))
    index = row.index.to(device)
    tables = (chosen.new_zeros(row.distinct, length).index_put(where, values) for values in (chosen, entropies))
    return Scores(*(table[index].view(len(groups), -1, length) for table in tables))


@dataclass(frozen=True, slots=True)
class _Row:
    """`L` tokens in one row, `K` of them in `distinct` responses.

    Attributes:
        tokens, positions: `[L]`.
        group: `[L]`, number of a token's prompt.
        branch: `[L]`, number of its distinct response, from 1; 0 in prompts.
        predictors: `[K]`, positions from which each response token is predicted.
        targets: `[K]`, the response tokens.
        response_of, place: `[K]`, number of the distinct response, from 0, and position in it.
        index: `[G·N]`, the distinct response of each response.
    """

    tokens: Tensor
    positions: Tensor
    group: Tensor
    branch: Tensor
    predictors: Tensor
    targets: Tensor
    response_of: Tensor
    place: Tensor
    index: Tensor
    distinct: int

    def attention_mask(self, dtype: torch.dtype) -> Tensor:
        """Return `[1, 1, L, L]`, additive: a token attends to its prompt, and to earlier tokens of its response."""
        length = len(self.tokens)
        visible = self.group[:, None] == self.group[None, :]
        visible &= (self.branch[None, :] == 0) | (self.branch[:, None] == self.branch[None, :])
        visible &= torch.ones(length, length, dtype=torch.bool).tril()
        return torch.zeros(visible.shape, dtype=dtype).masked_fill(~visible, torch.finfo(dtype).min)[None, None]


def _lay_out(groups: Sequence[TokenGroup]) -> _Row:
    tokens: list[int] = []
    positions: list[int] = []
    group_of: list[int] = []
    branch: list[int] = []
    predictors: list[int] = []
    response_of: list[int] = []
    place: list[int] = []
    index: list[int] = []
    distinct = 0
    for number, group in enumerate(groups):
        before = len(group.prompt)
        tokens += group.prompt
        positions += range(before)
        branch += [0] * before
        last_of_prompt = len(tokens) - 1
        numbers: dict[tuple[int, ...], int] = {}
        for response in group.responses:
            if response not in numbers:
                numbers[response] = distinct
                start, size = len(tokens), len(response)
                tokens += response
                positions += range(before, before + size)
                branch += [distinct + 1] * size
                predictors += [last_of_prompt, *range(start, start + size - 1)]
                response_of += [distinct] * size
                place += range(size)
                distinct += 1
            index.append(numbers[response])
        group_of += [number] * (len(tokens) - len(group_of))
    targets = [token for token, of in zip(tokens, branch, strict=True) if of]
    return _Row(
        tokens=torch.tensor(tokens),
        positions=torch.tensor(positions),
        group=torch.tensor(group_of),
        branch=torch.tensor(branch),
        predictors=torch.tensor(predictors),
        targets=torch.tensor(targets),
        response_of=torch.tensor(response_of),
        place=torch.tensor(place),
        index=torch.tensor(index),
        distinct=distinct,
    )
