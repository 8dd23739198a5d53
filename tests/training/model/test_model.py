"""Tokenizer, packing, log-probabilities and the served checkpoint, on a tiny Llama."""

import math
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM, PreTrainedTokenizerFast

from tests.training.model.alone import alone
from tests.training.model.lean_texts import texts, tiny_model, tiny_tokenizer
from training.config import LlamaShape
from training.model.examples import Example, TokenGroup, batches_of, encode_example, grouped, lay_out, pack
from training.model.llama import build_llama, save_for_serving
from training.model.log_probs import packed_log_probs
from training.model.shared_prompts import score_groups
from training.model.tokenizer import END, PADDING, train_tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return tiny_tokenizer()


@pytest.fixture(scope="module")
def model(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    return tiny_model(tokenizer).eval()


@settings(max_examples=60)
@given(text=st.text(st.characters(codec="utf-8"), max_size=60) | st.sampled_from(texts(30)))
def test_any_text_survives_the_tokenizer(tokenizer: PreTrainedTokenizerFast, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text), skip_special_tokens=False) == text


def test_an_indented_line_break_is_a_token_and_digits_stand_alone(tokenizer: PreTrainedTokenizerFast) -> None:
    pieces = [tokenizer.decode([token]) for token in tokenizer.encode("by\n  omega 123")]
    assert "\n  " in pieces
    assert "".join(pieces).endswith("123")
    assert all(sum(character.isdigit() for character in piece) <= 1 for piece in pieces)


def test_training_shortens_lean_text() -> None:
    small, large = train_tokenizer(texts(), 260), train_tokenizer(texts(), 600)
    held_out = "theorem t (x y : Int) (h : x < y) : x + 1 ≤ y := by\n  omega"
    assert len(large.encode(held_out)) < 0.7 * len(small.encode(held_out))
    assert large.decode([large.eos_token_id]) == END
    assert large.decode([large.pad_token_id]) == PADDING


def test_the_tokenizer_does_not_depend_on_anything_but_its_texts() -> None:
    assert train_tokenizer(texts(), 400).get_vocab() == train_tokenizer(texts(), 400).get_vocab()


def test_a_vocabulary_smaller_than_the_bytes_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 258 tokens, found 200"):
        train_tokenizer(["x"], 200)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"width": 100, "heads": 2}, "vLLM serves head sizes 32, 64"), ({"heads": 4, "key_value_heads": 3}, "share 3")],
)
def test_shapes_that_vllm_does_not_serve_are_refused(change: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LlamaShape(**{"width": 256, **change})


def test_the_same_seed_gives_the_same_weights_and_leaves_the_generator_alone(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first, second, other = (tiny_model(tokenizer, seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["lm_head.weight"], other["lm_head.weight"])


def test_a_saved_model_loads_again_with_untied_embeddings(
    tokenizer: PreTrainedTokenizerFast, model: LlamaForCausalLM, tmp_path: Path
) -> None:
    save_for_serving(model, tokenizer, tmp_path)
    loaded, words = AutoModelForCausalLM.from_pretrained(tmp_path), AutoTokenizer.from_pretrained(tmp_path)
    assert not loaded.config.tie_word_embeddings
    assert loaded.config.head_dim == 32
    assert words.encode("theorem t") == tokenizer.encode("theorem t")
    assert all(torch.equal(weight, loaded.state_dict()[name]) for name, weight in model.state_dict().items())


def test_a_model_with_tied_embeddings_is_not_saved_for_serving(
    tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    tied = build_llama(LlamaShape(layers=1, width=32, heads=1, key_value_heads=1, hidden=32), tokenizer, 0)
    tied.config.tie_word_embeddings = True
    with pytest.raises(ValueError, match="ties its embeddings"):
        save_for_serving(tied, tokenizer, tmp_path)


def test_prompt_and_response_are_tokenised_apart(tokenizer: PreTrainedTokenizerFast) -> None:
    example = encode_example(tokenizer, "theorem t : True :=", " by simp")
    assert tokenizer.decode(list(example.prompt)) == "theorem t : True :="
    assert tokenizer.decode(list(example.response)) == " by simp" + END


example_lists = st.lists(
    st.builds(
        lambda prompt, response: Example(tuple(range(1, prompt + 1)), tuple(range(101, 101 + response))),
        st.integers(1, 9),
        st.integers(1, 9),
    ),
    min_size=1,
    max_size=30,
)


@given(example_lists, st.integers(18, 40))
def test_packing_keeps_every_example_whole_and_once(examples: list[Example], length: int) -> None:
    groups = grouped(examples, length)
    assert sorted((group.prompt, each) for group in groups for each in group.responses) == sorted(
        {(example.prompt, example.response) for example in examples}
    )
    packed = pack(groups, length)
    assert sorted(id(group) for row in packed for group in row) == sorted(map(id, groups))
    assert all(sum(group.tokens for group in row) <= length for row in packed)
    rows = lay_out(packed, length, padding=0)
    assert int(rows.learnt.sum()) == sum(len(each) for group in groups for each in group.responses)
    assert bool((rows.tokens[rows.learnt] > 100).all())
    assert int((rows.segments > 0).sum()) == sum(group.tokens for group in groups)


def test_packing_leaves_little_empty() -> None:
    random = torch.Generator().manual_seed(0)
    examples = [TokenGroup((1,) * 20, ((2,) * int(n),)) for n in torch.randint(5, 80, (400,), generator=random)]
    packed = pack(examples, 256)
    filled = sum(example.tokens for example in examples) / (256 * len(packed))
    assert filled > 0.95


def test_a_group_longer_than_a_row_is_refused() -> None:
    with pytest.raises(ValueError, match="30 tokens, more than a row's 16"):
        pack([TokenGroup((1,) * 10, ((2,) * 20,))], 16)


def test_batches_repeat_by_seed_and_differ_between_epochs() -> None:
    examples = [TokenGroup((index,), ((100 + index,),)) for index in range(10)]
    first, again, other = (batches_of(examples, 8, 1, 0, seed) for seed in (1, 1, 2))
    left = [next(first).tokens for _ in range(6)]  # three rows an epoch
    assert all(torch.equal(a, next(again).tokens) for a in left)
    assert not all(torch.equal(a, next(other).tokens) for a in left)
    assert not torch.equal(torch.cat(left[:3]), torch.cat(left[3:]))
    assert sorted(torch.cat(left[:3]).flatten().tolist()) == sorted(torch.cat(left[3:]).flatten().tolist())


def sample_examples(tokenizer: PreTrainedTokenizerFast) -> list[Example]:
    answers = [" by simp", " by\n  omega", " by\n  intro x\n  exact h x", " rfl"]
    statements = [text.partition(" := ")[0] for text in texts(4)]
    return [encode_example(tokenizer, s + " :=", a) for s, a in zip(statements, answers, strict=True)]


@torch.no_grad()
def test_packed_examples_do_not_see_each_other(tokenizer: PreTrainedTokenizerFast, model: LlamaForCausalLM) -> None:
    examples = sample_examples(tokenizer)
    others = [
        Example(example.prompt, again.response)
        for example in examples[1:3]
        for again in examples
        if example is not again
    ]
    groups = grouped([*examples, *others], 512)
    assert [len(group.responses) for group in groups] == [1, 4, 4, 1]
    rows = lay_out([groups[:3], groups[3:]], 512, tokenizer.pad_token_id)
    packed = packed_log_probs(model, rows)
    learnt = rows.learnt
    examples = [Example(group.prompt, response) for group in groups for response in group.responses]
    expected = torch.cat([alone(model, example.prompt, example.response)[0] for example in examples])
    assert torch.allclose(packed[learnt], expected, atol=1e-5)
    assert not packed[~learnt].any()


@torch.no_grad()
def test_a_uniform_model_has_the_largest_entropy(tokenizer: PreTrainedTokenizerFast) -> None:
    flat = tiny_model(tokenizer)
    flat.lm_head.weight.zero_()
    groups = [TokenGroup(example.prompt, (example.response,)) for example in sample_examples(tokenizer)]
    scores = score_groups(flat, groups, 30)
    mask = scores.log_probs != 0
    assert torch.allclose(scores.entropies[mask], torch.tensor(math.log(len(tokenizer))))
    assert torch.allclose(scores.log_probs[mask], torch.tensor(-math.log(len(tokenizer))))
