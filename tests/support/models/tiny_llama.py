"""Makes a tiny Llama checkpoint with random weights and a tokenizer of its own, offline."""

from pathlib import Path

from prover.sampling.prompt import SourceFormat
from prover.theorem import Theorem

LEAN = [
    "theorem t (n m : Nat) (h : n = m) : n + 0 = m := by\n  induction n with\n  | zero => simp_all\n  | succ n ih => omega",
    "theorem u (p q : Prop) (h : p ∧ q) : q ∧ p := ⟨h.2, h.1⟩",
]
PROMPT = SourceFormat().render(Theorem("theorem u (n : Nat) : n = n"))


def make_checkpoint(folder: Path, seed: int = 0, width: int = 64) -> None:
    """Write model and tokenizer to `folder`: two layers, two heads, embeddings not tied."""
    import tokenizers
    import torch
    import transformers

    bpe = tokenizers.Tokenizer(tokenizers.models.BPE())
    bpe.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=["<end>"],
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(LEAN, trainer)
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token="<end>")
    tokenizer.save_pretrained(folder)
    torch.manual_seed(seed)
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=256,
        initializer_range=0.2,  # far from uniform, so that a wrong token order shows in the log-probabilities
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
    )
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
