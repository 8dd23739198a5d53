"""The server's own reader of weights accepts exported weights."""

import json
from math import comb
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from prover.sampling.weights import SHIPPED, read_weights, verify_files
from tests.training.model.lean_texts import tiny_model, tiny_tokenizer
from training.config import TrainingConfig
from training.evaluation.samples import ModelSamples, SampledProof, TheoremSamples
from training.export.export import ModelExport, export_model
from training.model.llama import save_for_serving
from training.run.provenance import BaseModelRecord, Provenance, Segment, stated_license

RAW_SAMPLES = Path(__file__).parents[2] / "training" / "artifacts" / "grown" / "samples" / "core_dev"


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return tiny_tokenizer()


def run_of(
    folder: Path, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, alpha: float | None = None, **base: str
) -> Path:
    """A finished training run."""
    what = {"rollouts": {"prompts": ["p"]}, "algorithm": {"options": {"alpha": alpha}}} if alpha is not None else {}
    config = TrainingConfig.model_validate({"run": {"folder": folder}, "model": {"path": "base"}, **what})
    about = Provenance(
        segments=(Segment(first_step=1, settings=config.model_dump(mode="json")),),
        step=30,
        base=BaseModelRecord(name="base", weights={"model.safetensors": "0" * 64}, **base),
        command="leansieve train x.toml",
    )
    save_for_serving(model, tokenizer, folder / "model", adapters=hasattr(model, "peft_config"), about=about)
    return folder


def samples_of(path: Path, model: str) -> Path:
    proofs = [SampledProof(text=f"by\n  exact h{index}", count=2, verified=True) for index in range(3)]
    theorems = (
        TheoremSamples(name="easy", proofs=(*proofs, SampledProof(text="by simp", count=2, verified=False))),
        TheoremSamples(name="hard", proofs=(SampledProof(text="rfl", count=8, verified=False),)),
    )
    sampling = {"temperature": 1.0, "top_p": 0.99, "max_tokens": 40, "seed": 0}
    ModelSamples(model=model, corpus="dev", sampling=sampling, theorems=theorems).save(path)
    return path


def test_a_base_and_a_tuned_model_become_a_folder_of_weights(
    tmp_path: Path, tokenizer: PreTrainedTokenizerFast
) -> None:
    weights = tmp_path / "weights"
    export_model(ModelExport(run_of(tmp_path / "sft", tiny_model(tokenizer), tokenizer), "base"), weights)
    tuned = run_of(tmp_path / "rl", tiny_model(tokenizer, seed=1), tokenizer, alpha=0.25)
    results = (samples_of(tmp_path / "s.json.gz", "alpha-0.25"),)
    export_model(ModelExport(tuned, "alpha-0.25", results, commands=("leansieve train rl.toml",)), weights)

    manifest = read_weights(weights)
    assert manifest.base == "base"
    for model in manifest.models:
        verify_files(weights, model)
    model = manifest.model("alpha-0.25")
    assert (model.alpha, model.algorithm, model.kind) == (0.25, "alpha_dpg", "checkpoint")
    assert model.curves[0].pass_at_k == pytest.approx({1: 6 / 16, 2: 0.5 * (1 - 1 / 28), 4: 0.5, 8: 0.5})
    assert model.curves[0].distinct_at_k[2][8] == pytest.approx(0.5)
    assert model.curves[0].distinct_at_k[4][8] == 0
    assert model.probe.log_probs != manifest.model("base").probe.log_probs
    stored = load_file(weights / model.folder / "model.safetensors")
    assert {tensor.dtype for tensor in stored.values()} == {torch.bfloat16}
    assert json.loads((weights / model.folder / "config.json").read_text())["dtype"] == "bfloat16"
    card = (weights / model.folder / "README.md").read_text()
    assert "leansieve train rl.toml" in card
    assert "leansieve train x.toml" in card
    assert model.curves[0].command == f"leansieve evaluate run {tuned}"
    assert "| dev | 2 | 8 | 37.5 |" in card
    assert not list(weights.glob("*.tmp"))


def test_files_under_a_listed_name_never_change(tmp_path: Path, tokenizer: PreTrainedTokenizerFast) -> None:
    weights = tmp_path / "weights"
    run = run_of(tmp_path / "sft", tiny_model(tokenizer), tokenizer)
    first = export_model(ModelExport(run, "base"), weights)
    again = export_model(ModelExport(run, "base", (samples_of(tmp_path / "s.json.gz", "base"),)), weights)
    assert again.folder == first.folder
    assert again.curves
    other = export_model(ModelExport(run_of(tmp_path / "x", tiny_model(tokenizer, seed=2), tokenizer), "base"), weights)
    assert other.folder != first.folder
    verify_files(weights, first)
    assert read_weights(weights).models == (other,)


def test_an_adapter_goes_onto_the_base_that_is_there(tmp_path: Path, tokenizer: PreTrainedTokenizerFast) -> None:
    weights = tmp_path / "weights"
    adapted = get_peft_model(tiny_model(tokenizer), LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM"))
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_B" in name:
                parameter.fill_(0.3)
    run = run_of(tmp_path / "lora", adapted, tokenizer, alpha=0.5)
    with pytest.raises(ValueError, match="has no base yet: export the checkpoint under the adapter first"):
        export_model(ModelExport(run, "alpha-0.5"), weights)
    base = export_model(ModelExport(run_of(tmp_path / "sft", tiny_model(tokenizer), tokenizer), "base"), weights)
    model = export_model(ModelExport(run, "alpha-0.5"), weights)
    assert model.kind == "adapter"
    verify_files(weights, model)
    assert model.probe.log_probs != base.probe.log_probs
    assert str(tmp_path) not in (weights / model.folder / "adapter_config.json").read_text()


def test_what_cannot_be_served_is_refused(tmp_path: Path, tokenizer: PreTrainedTokenizerFast) -> None:
    broken = tiny_model(tokenizer)
    with torch.no_grad():
        broken.lm_head.weight[0, 0] = float("nan")
    run = run_of(tmp_path / "nan", broken, tokenizer)
    with pytest.raises(ValueError, match=r"lm_head\.weight holds a value that is not finite"):
        export_model(ModelExport(run, "base"), tmp_path / "weights")
    assert not list((tmp_path / "weights").iterdir())
    with pytest.raises(ValueError, match="holds no trained model"):
        export_model(ModelExport(tmp_path, "base"), tmp_path / "weights")


def test_a_model_s_own_folder_is_as_good_as_its_run(tmp_path: Path, tokenizer: PreTrainedTokenizerFast) -> None:
    export_model(ModelExport(run_of(tmp_path / "sft", tiny_model(tokenizer), tokenizer), "base"), tmp_path / "weights")
    run = run_of(tmp_path / "rl", tiny_model(tokenizer, seed=1), tokenizer, alpha=0.5)
    assert export_model(ModelExport(run / "model", "half"), tmp_path / "weights").alpha == 0.5


def test_weights_of_other_settings_are_not_exported(tmp_path: Path, tokenizer: PreTrainedTokenizerFast) -> None:
    half = run_of(tmp_path / "half", tiny_model(tokenizer, seed=1), tokenizer, alpha=0.5)
    most = run_of(tmp_path / "most", tiny_model(tokenizer, seed=2), tokenizer, alpha=0.9)
    (most / "model" / "model.safetensors").write_bytes((half / "model" / "model.safetensors").read_bytes())
    with pytest.raises(ValueError, match=r"holds other weights than those that its training\.json describes"):
        export_model(ModelExport(most, "alpha-0.9"), tmp_path / "weights")


def test_weights_without_the_record_of_their_run_are_not_exported(
    tmp_path: Path, tokenizer: PreTrainedTokenizerFast
) -> None:
    run = run_of(tmp_path / "rl", tiny_model(tokenizer), tokenizer, alpha=0.5)
    (run / "model" / "training.json").unlink()
    (run / "config.json").write_text('{"run": {}}')
    with pytest.raises(ValueError, match="did not record which settings made these weights"):
        export_model(ModelExport(run, "base"), tmp_path / "weights")


def test_a_second_model_of_an_alpha_is_one_sentence_and_leaves_nothing(
    tmp_path: Path, tokenizer: PreTrainedTokenizerFast
) -> None:
    weights = tmp_path / "weights"
    export_model(ModelExport(run_of(tmp_path / "sft", tiny_model(tokenizer), tokenizer), "base"), weights)
    export_model(
        ModelExport(run_of(tmp_path / "a", tiny_model(tokenizer, seed=1), tokenizer, alpha=0.5), "half"), weights
    )
    before = sorted(weights.rglob("*"))
    again = run_of(tmp_path / "b", tiny_model(tokenizer, seed=2), tokenizer, alpha=0.5)
    with pytest.raises(ValueError, match=r"holds half at α = 0\.5 already, and requests choose by α: export under"):
        export_model(ModelExport(again, "second"), weights)
    with pytest.raises(ValueError, match=r"A model's name is made of small letters.*found '\.\./second'"):
        export_model(ModelExport(again, "../second"), weights)
    assert sorted(weights.rglob("*")) == before


def test_a_card_claims_the_licence_of_the_base_alone(tmp_path: Path, tokenizer: PreTrainedTokenizerFast) -> None:
    def card(folder: str, license: str = "", of_base: str = "") -> str:
        run = run_of(tmp_path / folder, tiny_model(tokenizer), tokenizer, license=of_base)
        model = export_model(ModelExport(run, "base", license=license), tmp_path / f"{folder}-weights")
        return (tmp_path / f"{folder}-weights" / model.folder / "README.md").read_text()

    assert "no license is stated" in card("unknown")
    assert card("llama", of_base="llama3.2").startswith("---\nlicense: llama3.2\n---")
    assert "license: MIT." in card("mine", license="MIT")


def test_the_licence_of_a_foreign_base_is_that_of_its_card(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text('---\nlanguage: en\nlicense: "deepseek"\n---\n# A model\nlicense: other\n')
    assert stated_license(tmp_path) == "deepseek"
    (tmp_path / "README.md").write_text("# A model\nlicense: other\n")
    assert stated_license(tmp_path) == ""


def test_samples_of_other_weights_give_no_curves(tmp_path: Path, tokenizer: PreTrainedTokenizerFast) -> None:
    run = run_of(tmp_path / "sft", tiny_model(tokenizer), tokenizer)
    path = samples_of(tmp_path / "s.json.gz", "base")
    samples = ModelSamples.load(path)
    samples.model_copy(update={"weights": {"model.safetensors": "0" * 64}}).save(path)
    with pytest.raises(ValueError, match="was sampled from other weights than those of"):
        export_model(ModelExport(run, "base", (path,)), tmp_path / "weights")


def test_tied_embeddings_become_two_on_the_way_out(tmp_path: Path, tokenizer: PreTrainedTokenizerFast) -> None:
    sizes = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 1, "num_attention_heads": 2}
    tied = LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), tie_word_embeddings=True, **sizes))
    tied.save_pretrained(tmp_path / "tied")
    tokenizer.save_pretrained(tmp_path / "tied")
    model = export_model(ModelExport(tmp_path / "tied", "base", dtype="float32"), tmp_path / "weights")
    served = LlamaForCausalLM.from_pretrained(tmp_path / "weights" / model.folder)
    assert not served.config.tie_word_embeddings
    assert torch.equal(served.lm_head.weight, tied.model.embed_tokens.weight)
    tokens = torch.arange(20)[None]
    with torch.no_grad():
        assert torch.allclose(served(tokens).logits, tied(tokens).logits, atol=1e-6)


def test_the_curves_of_the_shipped_models_are_those_of_their_raw_samples() -> None:
    for model in read_weights(SHIPPED).models:
        samples = ModelSamples.load(RAW_SAMPLES / f"{model.name}.json.gz")
        (curve,) = model.curves
        assert (curve.corpus, curve.theorems) == (samples.corpus, len(samples.theorems))
        assert (curve.samples, curve.temperature) == (samples.samples, samples.sampling["temperature"])
        for k, chance in curve.pass_at_k.items():
            each = [1 - comb(one.samples - one.verified, k) / comb(one.samples, k) for one in samples.theorems]
            assert chance == pytest.approx(sum(each) / len(each))
