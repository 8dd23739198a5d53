"""Log-probabilities and entropies of given tokens under a model, in float32."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedModel

from training.model.examples import Example, PackedRows


@dataclass(frozen=True)
class Responses:
    """`B` prompts, padded on the left, and their responses, padded on the right, so that all responses begin together.

    Attributes:
        tokens: `[B, P + T]`.
        visible: `[B, P + T]` bool, false on padding.
        prompt_length: P.
    """

    tokens: Tensor
    visible: Tensor
    prompt_length: int

    @classmethod
    def of(cls, examples: Sequence[Example], padding: int, response_length: int | None = None) -> "Responses":
        """Line examples up; `response_length` pads the responses further than the longest."""
        before = max(len(example.prompt) for example in examples)
        behind = response_length or max(len(example.response) for example in examples)
        tokens = torch.full((len(examples), before + behind), padding)
        visible = torch.zeros(tokens.shape, dtype=torch.bool)
        for row, example in enumerate(examples):
            start, end = before - len(example.prompt), before + len(example.response)
            tokens[row, start:end] = torch.tensor(example.prompt + example.response)
            visible[row, start:end] = True
        return cls(tokens, visible, before)

    @property
    def mask(self) -> Tensor:
        """`[B, T]` bool: which response tokens there are."""
        return self.visible[:, self.prompt_length :]

    def to(self, device: torch.device) -> "Responses":
        """The same on a device."""
        return Responses(self.tokens.to(device), self.visible.to(device), self.prompt_length)


@dataclass(frozen=True)
class Scores:
    """What a model says of response tokens, `[B, T]` float32, natural logarithms; 0 on padding.

    Attributes:
        log_probs: of each token that is there.
        entropies: of the whole next-token distribution it was drawn from; no gradient.
    """

    log_probs: Tensor
    entropies: Tensor


def score_responses(model: PreTrainedModel, batch: Responses) -> Scores:
    """Temperature 1, no truncation. With gradient unless called under `torch.no_grad`.

    For the base of a LoRA model, call it inside `model.disable_adapter()`.
    """
    behind = batch.tokens.shape[1] - batch.prompt_length
    positions = (batch.visible.cumsum(1) - 1).clamp(min=0)
    logits = model(
        input_ids=batch.tokens,
        attention_mask=batch.visible.long(),
        position_ids=positions,
        logits_to_keep=behind + 1,
        use_cache=False,
    ).logits[:, :-1]
    return _score(logits, batch.tokens[:, batch.prompt_length :], batch.mask)


def packed_log_probs(model: PreTrainedModel, rows: PackedRows) -> Tensor:
    """`[B, L - 1]`: log-probabilities of tokens 1 … of packed rows; 0 where a token is not learnt."""
    logits = model(
        input_ids=rows.tokens,
        attention_mask=rows.attention_mask(model.dtype),
        position_ids=rows.positions,
        use_cache=False,
    ).logits[:, :-1]
    return _score(logits, rows.tokens[:, 1:], rows.learnt[:, 1:], entropies=False).log_probs


def _score(logits: Tensor, tokens: Tensor, mask: Tensor, entropies: bool = True) -> Scores:
    log_probs = logits.float().log_softmax(-1)
    chosen = log_probs.gather(-1, tokens[..., None])[..., 0]
    entropy = torch.zeros_like(chosen)
    if entropies:
        with torch.no_grad():
            entropy = -(log_probs.exp() * log_probs).sum(-1)
    return Scores(torch.where(mask, chosen, 0.0), torch.where(mask, entropy, 0.0).detach())
