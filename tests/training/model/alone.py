"""A model's scores of one response, by the simplest forward pass."""

from collections.abc import Sequence

import torch
from transformers import PreTrainedModel


def alone(model: PreTrainedModel, prompt: Sequence[int], response: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probabilities and entropies, `[T]` each."""
    logits = model(input_ids=torch.tensor([[*prompt, *response]])).logits[0]
    log_probs = logits[len(prompt) - 1 : -1].log_softmax(-1)
    chosen = log_probs[range(len(response)), list(response)]
    return chosen, torch.distributions.Categorical(logits=log_probs).entropy()
