"""What shows that an engine holds the weights it should: log-probabilities of a text, compared with the trainer's own.

An engine can take new weights in, report success, and answer with a mixture of old and new (vLLM 0.32 does so when
embeddings are tied). Only numbers computed elsewhere from the same file tell.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prover.sampling.weights import Probe

LARGEST_ERROR = {"float32": 2e-3, "float16": 0.05, "bfloat16": 0.25}
"""Largest difference of a token's log-probability by the precision that the engine computes with: float32 engines agree to
3e-5, the others round on every layer."""


def measure_probe(checkpoint: Path, text: str, adapter: Path | None = None, tokens: int = 64) -> Probe:
    """Score the first `tokens` tokens of a text with the model as it was written to disk, in float32 by transformers.

    Args:
        checkpoint: folder of the whole weights.
        text: Lean source such as the model writes; the more the tuned models disagree on it the better.
        adapter: folder of a LoRA adapter on it.
        tokens: most tokens scored.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    model: Any = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32)
    if adapter is not None:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, str(adapter))
    model.eval()
    ids = tokenizer.encode(text)[:tokens]
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0, :-1]
    log_probs = logits.float().log_softmax(-1)[torch.arange(len(ids) - 1), torch.tensor(ids[1:])]
    return Probe(text=text, tokens=tuple(ids), log_probs=tuple(log_probs.tolist()))


def largest_error(probe: Probe, log_probs: Sequence[float]) -> float:
    """By how much the log-probabilities of an engine differ from the probe's at the worst token."""
    return max(abs(served - wanted) for served, wanted in zip(log_probs, probe.log_probs, strict=True))
