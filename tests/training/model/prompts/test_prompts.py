"""Prompts as the model cards have them; the expected texts are the cards' own examples."""

from typing import Any

import pytest

from prover.sampling.prompt import PromptFormat, SourceFormat
from prover.theorem import Header, Theorem
from prover.verdict import Message
from training.model.prompts import last_proof, prompt_format

HEADER = "import Mathlib\nimport Aesop\n\nset_option maxHeartbeats 0\n\nopen BigOperators Real Nat Topology Rat"
THEOREM = Theorem(
    "theorem mathd_algebra_10 : abs ((120 : ℝ) / 100 * 30 - 130 / 100 * 20) = 10", header=Header.parse(HEADER)
)
SOURCE = (
    "import Mathlib\nimport Aesop\nset_option maxHeartbeats 0\n\nopen BigOperators Real Nat Topology Rat\n\n"
    "theorem mathd_algebra_10 : abs ((120 : ℝ) / 100 * 30 - 130 / 100 * 20) = 10"
)


class ChatMl:
    """The chat template of Qwen models, by hand."""

    def apply_chat_template(
        self, conversation: list[dict[str, str]], *, tokenize: bool, add_generation_prompt: bool
    ) -> Any:
        assert not tokenize
        turns = [f"<|im_start|>{turn['role']}\n{turn['content']}<|im_end|>\n" for turn in conversation]
        return "".join(turns) + ("<|im_start|>assistant\n" if add_generation_prompt else "")


def test_deepseek_v1_5_completes_an_open_code_block() -> None:
    form = prompt_format("deepseek-prover-v1.5", ChatMl())
    assert form.render(THEOREM) == f"Complete the following Lean 4 code:\n\n```lean4\n{SOURCE} := by\n"
    assert form.extract("  norm_num\n  linarith\n```\nDone.") == "by\n  norm_num\n  linarith"
    assert form.stop == ("```",)


@pytest.mark.parametrize("name", ["deepseek-prover-v2", "goedel-prover-v2"])
def test_deepseek_v2_and_goedel_v2_ask_for_a_plan_first(name: str) -> None:
    form = prompt_format(name, ChatMl())
    assert form.name == name
    assert form.render(THEOREM) == (
        "<|im_start|>user\nComplete the following Lean 4 code:\n\n"
        f"```lean4\n{SOURCE} := by\n  sorry\n```\n\n"
        "Before producing the Lean 4 code to formally prove the given theorem, provide a detailed proof plan outlining "
        "the main proof steps and strategies.\nThe plan should highlight key ideas, intermediate lemmas, and proof "
        "structures that will guide the construction of the final formal proof.<|im_end|>\n<|im_start|>assistant\n"
    )


def test_kimina_has_a_system_message_and_ends_at_by() -> None:
    form = prompt_format("kimina-prover", ChatMl())
    assert form.render(THEOREM) == (
        "<|im_start|>system\nYou are an expert in mathematics and Lean 4.<|im_end|>\n"
        "<|im_start|>user\nThink about and solve the following problem step by step in Lean 4.\n"
        f"# Formal statement:\n```lean4\n{SOURCE} := by\n```\n<|im_end|>\n<|im_start|>assistant\n"
    )
    thought = "<think>\nMaybe\n```lean4\ntheorem t : 1 = 1 := by simp\n```\n</think>\n"
    assert form.extract(thought + "```lean4\ntheorem t : 1 = 1 := by\n  rfl\n```") == "by\n  rfl"


@pytest.mark.parametrize(
    ("answer", "proof"),
    [
        (
            "### Plan\nEasy.\n```lean4\nimport Mathlib\n\ntheorem t (n : Nat := 2) : n = n := by\n  rfl\n```\n",
            "by\n  rfl",
        ),
        ("```lean4\nsorry\n```\n then\n```lean4\ntheorem t : 1 = 1 := rfl\n```", "rfl"),
        ("```lean4\nlemma a : p := x\n\ntheorem t : q := by\n  exact y\n```", "by\n  exact y"),
        ("```lean4\ntheorem t : q := by\n  have h : a := by simp\n  exact h", "by\n  have h : a := by simp\n  exact h"),
        ("No code.", ""),
        ("```lean4\n#eval 1\n```", ""),
        ("```lean4\ntheorem t : q\n```", ""),
        ("So:\r\n```lean4\r\ntheorem t : q := by\r\n  simp\r\n```\r\n", "by\n  simp"),
        ("```Lean\ntheorem t : q := by\n  simp\n```", "by\n  simp"),
        ("```lean4\ntheorem t : let m := 1; 0 < m := by\n  simp\n```", "by\n  simp"),
        ("```lean4\ntheorem t : q := by\n  simp\n```\nRun it with\n```\nlake build\n```\n", "by\n  simp"),
        (
            "```lean4\nlemma aux (n : Nat) : 0 + n = n := by\n  simp\n\ntheorem t : q := by\n  rw [aux]\n```",
            "by\n  rw [aux]\nwhere\n  aux (n : Nat) : 0 + n = n := by\n    simp",
        ),
    ],
)
def test_the_proof_is_taken_out_of_the_last_code_block(answer: str, proof: str) -> None:
    assert last_proof(answer) == proof


def test_our_own_format_and_unknown_ones() -> None:
    assert isinstance(prompt_format("source", ChatMl()), SourceFormat)
    form: PromptFormat = prompt_format("kimina-prover", ChatMl())
    assert form.stop == ()
    with pytest.raises(ValueError, match="Unknown prompt format 'gpt'; the choices are source, "):
        prompt_format("gpt", ChatMl())


def test_deepseek_v1_5_goes_on_inside_the_code_block() -> None:
    form = prompt_format("deepseek-prover-v1.5", ChatMl())
    assert form.continuation(THEOREM, "by") == ""
    assert form.continuation(THEOREM, "by\n  intro x") == "  intro x"


def test_goedel_v2_is_shown_its_failure_in_the_same_chat() -> None:
    form = prompt_format("goedel-prover-v2", ChatMl())
    prompt = form.repair(THEOREM, "by\n  norm_num", Message("error", "unsolved goals", line=2, column=2))
    assert prompt is not None
    assert prompt.startswith(form.render(THEOREM).removesuffix("<|im_start|>assistant\n"))
    assert f"<|im_start|>assistant\n```lean4\n{SOURCE} := by\n  norm_num\n```<|im_end|>" in prompt
    assert "error message.<|im_end|>\n<|im_start|>assistant\n" in prompt
    assert "  <error>norm_num</error>\n" in prompt
    assert "Error Message: unsolved goals" in prompt


@pytest.mark.parametrize("name", ["source", "deepseek-prover-v1.5", "deepseek-prover-v2", "kimina-prover"])
def test_models_that_were_not_made_to_repair_are_not_asked_to(name: str) -> None:
    assert prompt_format(name, ChatMl()).repair(THEOREM, "by simp", Message("error", "error")) is None
