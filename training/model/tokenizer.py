"""A byte-level BPE tokenizer trained on Lean text.

Bytes, so that every Lean symbol can be represented; single digits, so that numbers have a place-value structure; no
begin token, because prompts are Lean source from their first byte.
"""

from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

END, PADDING = "<|end|>", "<|pad|>"

# A line break with its indentation is one piece, because it is part of Lean's grammar. Then words with the preceding
# blank, single digits, and runs of symbols.
_PIECES = Regex(r"\n[ ]*| ?[\p{L}_][\p{L}\p{N}_'!?.₀-₉]*| ?\p{N}| ?[^\s\p{L}\p{N}_]+|[^\S\n]+")


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> PreTrainedTokenizerFast:
    """Learn at most `vocabulary` tokens, including the 256 bytes and two special ones.

    Raises:
        ValueError: the vocabulary is smaller than that.
    """
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    if vocabulary < len(alphabet) + 2:
        raise ValueError(f"A byte-level vocabulary needs at least {len(alphabet) + 2} tokens, found {vocabulary}.")
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(_PIECES, behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[END, PADDING],
        initial_alphabet=sorted(alphabet),
        min_frequency=2,
        show_progress=False,
    )
    bpe.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=bpe, eos_token=END, pad_token=PADDING, clean_up_tokenization_spaces=False
    )
