"""Log-probabilities and entropies of given tokens under a model, in float32."""

from dataclasses import dataclass

from torch import Tensor
from transformers import PreTrainedModel

from training.model.examples import PackedRows


@dataclass(frozen=True)
class Scores:
    """Scores of response tokens, `[G, N, T]` float32, natural logarithms; 0 after the end of a response.

    Attributes:
        log_probs: log-probability of each token.
        entropies: entropy of the next-token distribution; no gradient.
    """

    log_probs: Tensor
    entropies: Tensor


def packed_log_probs(model: PreTrainedModel, rows: PackedRows) -> Tensor:
    """Return `[B, L]`: log-probabilities of the tokens of packed rows; 0 for tokens outside responses."""
    logits = model(
        input_ids=rows.tokens,
        attention_mask=rows.attention_mask(model.dtype),
        position_ids=rows.positions,
        use_cache=False,
    ).logits
    row, place = rows.learnt.nonzero(as_tuple=True)
    log_probs = logits[row, rows.predictors[row, place]].float().log_softmax(-1)
    chosen: Tensor = log_probs.gather(-1, rows.tokens[row, place][:, None])[:, 0]
    return chosen.new_zeros(rows.tokens.shape).index_put((row, place), chosen)
