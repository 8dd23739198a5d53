"""Samples many answers to one prompt at the cost of the different ones: answers with a common beginning are one until they
part.

At each place the number of answers that go on with each token is drawn from a multinomial distribution, which is what
as many independent draws give. So the counts of texts are distributed as those of independent samples.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

Answers = Counter[tuple[tuple[int, ...], bool]]
"""The number of samples of each answer, in tokens, and whether it ended; the end token is left out."""


@torch.inference_mode()
def sample_tree(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    samples: int,
    max_tokens: int,
    end: int,
    top_p: float,
    random: np.random.Generator,
) -> list[Answers]:
    """Sample `samples` answers to each prompt at temperature 1.

    Args:
        end: the token that ends an answer.
        top_p: the nucleus: the smallest set of tokens with at least this probability.
    """
    width = max(map(len, prompts))
    mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts], device=model.device)
    tokens = torch.tensor([[end] * (width - len(prompt)) + list(prompt) for prompt in prompts], device=model.device)
    found: list[Answers] = [Counter() for _ in prompts]
    # A beginning, with the number of its prompt and how many answers have it.
    prefixes: list[tuple[int, tuple[int, ...], int]] = [(number, (), samples) for number in range(len(prompts))]
    cache = None
    for place in range(max_tokens):
        out = model(
            tokens,
            attention_mask=mask,
            position_ids=(mask.cumsum(-1) - 1).clamp(min=0)[:, -tokens.shape[1] :],
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        cache = out.past_key_values
        parents, chosen, counts = _branches(out.logits[:, -1], [count for *_, count in prefixes], top_p, random)
        kept, grown = [], []
        for parent, token, count in zip(parents, chosen, counts, strict=True):
            number, beginning, _ = prefixes[parent]
            if token == end:
                found[number][beginning, True] += count
            elif place == max_tokens - 1:
                found[number][(*beginning, token), False] += count
            else:
                kept.append(parent)
                grown.append((number, (*beginning, token), count))
        if not grown:
            break
        prefixes = grown
        index = torch.tensor(kept, device=model.device)
        cache.batch_select_indices(index)
        mask = torch.cat([mask[index], mask.new_ones(len(kept), 1)], -1)
        tokens = torch.tensor([[beginning[-1]] for _, beginning, _ in prefixes], device=model.device)
    return found


def _branches(
    logits: Tensor, counts: Sequence[int], top_p: float, random: np.random.Generator
) -> tuple[list[int], list[int], list[int]]:
    """Divide the answers of each row among its next tokens; returns row, token and number of answers of each branch."""
    probabilities, tokens = logits.float().softmax(-1).sort(descending=True)
    before = probabilities.cumsum(-1) - probabilities
    nucleus = torch.where(before < top_p, probabilities, 0.0).double().cpu().numpy()
    drawn = random.multinomial(np.asarray(counts), nucleus / nucleus.sum(-1, keepdims=True))
    rows, ranks = drawn.nonzero()
    chosen = tokens.cpu().numpy()[rows, ranks]
    return rows.tolist(), chosen.tolist(), drawn[rows, ranks].tolist()
