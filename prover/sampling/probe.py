"""Verifies that an engine holds the right weights: compares log-probabilities of a text with those of the trainer.

An engine can accept new weights, report success, and answer with a mixture of old and new (vLLM 0.32 does so for tied
embeddings). Only numbers computed independently from the same file detect this.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prover.sampling.tokenizers import load_tokenizer
from prover.sampling.weights import Probe

LARGEST_ERROR = {"float32": 2e-3, "float16": 0.05, "bfloat16": 0.25}
"""Tolerance for a token's log-probability by the precision of the engine: float32 engines agree to 3e-5, others round
in every layer.
"""


def measure_probe(checkpoint: Path, text: str, adapter: Path | None = None, tokens: int = 64) -> Probe:
    """Score the first `tokens` tokens of a text with the model on disk, in float32, with transformers.

    Args:
        checkpoint: folder of the whole weights.
        text: Lean source like the model's output, preferably one on which the tuned models disagree.
        adapter: folder of a LoRA adapter on it.
        tokens: maximum number of scored tokens.
    """
    import torch
    from transformers import AutoModelForCausalLM

    tokenizer = load_tokenizer(checkpoint)
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
    """Return the largest difference of a token's log-probability between an engine and the probe."""
    return max(abs(served - wanted) for served, wanted in zip(log_probs, probe.log_probs, strict=True))
