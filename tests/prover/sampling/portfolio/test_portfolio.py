import json
import re
from collections import Counter
from dataclasses import replace
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.sampling.portfolio.portfolio import (
    LEMMA_TEMPLATES,
    PortfolioSampler,
    fillings,
    mathlib_templates,
    templates,
)
from prover.sampling.portfolio.templates import KINDS, Template
from prover.sampling.sampler import SamplingParams
from prover.source.binders import read_shape
from prover.source.context.declarations import scanned
from prover.theorem import Header, Theorem

BINDERS = (
    "(n m : Nat) (a b : Int) (xs : List Nat) (o : Option Nat) (c : Bool) (d : Tree) (p : Prop) (g : Nat → Nat) "
    "(h : p ∧ n = 0) (k : p ∨ n = 1) (e : ∃ x : Nat, x = n) (f : ∀ x : Nat, x = n)"
)
CONTEXT = "inductive Tree where | leaf\ndef double (n : Nat) := n + n\n@[simp] private abbrev triple := 3"
GOALS = ["∀ m : Nat, m % 3 = 0 → 3 ∣ a + b", "∃ x, x = n", "p ↔ p", "p ∧ p", "p ∨ p", "¬n < n"]
RICH, *OTHERS = [Theorem(f"theorem t {BINDERS} : {goal}", context=CONTEXT) for goal in GOALS]


def test_shipped_order_is_that_of_its_own_measurement() -> None:
    content = json.loads(files("prover.sampling.portfolio").joinpath("portfolio.json").read_text())
    rows = content["templates"]
    assert sum(row["first"] for row in rows) == content["measured"]["solved"] <= content["measured"]["theorems"]
    assert all(row["first"] <= row["solved"] <= row["tried"] <= row["checks"] for row in rows)
    behind = [row for row in rows if row["first"] == 0]
    assert rows[-len(behind) :] == behind, "templates that solve nothing new stand behind all that do"
    rates = [row["solved"] / row["seconds"] for row in behind]
    assert rates == sorted(rates, reverse=True)


def fill(tactics: str, theorem: Theorem) -> list[str]:
    shape = replace(read_shape(theorem.statement), declared=scanned(theorem))
    return list(Template("t", tactics).fill(theorem, shape))


def test_a_hole_takes_each_variable_of_its_kind() -> None:
    theorem = Theorem("theorem t (n m : Nat) (f : Nat → Nat) (a : Int) : f n = m")
    assert fill("cases $nat", theorem) == ["by\n  cases n", "by\n  cases m"]
    assert fill("cases $list", theorem) == []


def test_what_the_goal_quantifies_over_is_introduced_by_name() -> None:
    theorem = Theorem("theorem t (n : Nat) : ∀ m : Nat, m = n → n = m")
    assert fill("$intros\nomega", theorem) == ["by\n  intro m g2\n  omega"]
    assert fill("$intros\nomega", Theorem("theorem t : 1 = 1")) == ["by\n  omega"]


def test_residues_distinguish_cases_by_the_moduli_of_the_statement() -> None:
    (proof,) = fill("$residues <;> simp", Theorem("theorem t (n : Nat) : 3 ∣ n * (n + 1) * (n + 2)"))
    assert proof.splitlines()[1:] == [
        "  have rn : n % 3 = 0 ∨ n % 3 = 1 ∨ n % 3 = 2 := by omega",
        "  rcases rn with rn | rn | rn <;> simp",
    ]


def test_definitions_come_from_the_context() -> None:
    assert fill("simp [$definitions]", RICH) == ["by\n  simp [double, triple]"]
    assert fill("simp [$definitions]", Theorem("theorem t : 1 = 1")) == []


def test_lemmas_of_the_context_come_first_the_nearest_ones() -> None:
    lemmas = "\n".join(f"theorem lemma{i} : {i} = {i} := rfl" for i in range(9))
    first, second, *rest = fillings(Theorem("theorem t : ∀ n : Nat, n = n", context=f"axiom a : 1 = 1\n{lemmas}"))
    nearest = ", ".join(f"lemma{i}" for i in range(1, 9))
    assert first == (LEMMA_TEMPLATES[0], f"by\n  intro n\n  solve_by_elim [And.intro, Exists.intro, {nearest}]")
    assert second[1].startswith("by\n  intro n\n  have fact0 := @lemma1\n")
    assert [*rest] == [*fillings(Theorem("theorem t : ∀ n : Nat, n = n"))]


def test_every_shipped_template_applies_to_some_theorem() -> None:
    theorems = [RICH, *OTHERS, Theorem("theorem t : 1 = 1")]
    applied = {template.name for theorem in theorems for template, _ in fillings(theorem)}
    assert applied == {template.name for template in templates()}


def test_every_kind_of_hole_is_used_by_a_shipped_template() -> None:
    assert {
        hole for template in (*LEMMA_TEMPLATES, *templates()) for hole in re.findall(r"\$(\w+)", template.tactics)
    } == set(KINDS)


def test_shipped_templates_have_names_of_their_own_of_one_word() -> None:
    assert [name for name, count in Counter(t.name for t in templates()).items() if count > 1] == []
    for template in templates():
        assert re.fullmatch(r"[a-z0-9_-]+", template.name)


async def collect(theorem: Theorem, samples: int) -> list[str]:
    return [c.text async for c in PortfolioSampler().sample(theorem, SamplingParams(samples=samples))]


async def test_candidates_come_in_order_without_repetition_and_no_more_than_asked() -> None:
    everything = await collect(RICH, 10_000)
    assert len(everything) == len(set(everything)) > 50
    assert await collect(RICH, 7) == everything[:7]


class FixedPremises:
    """Suggests the same theorems for everything."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)
        self.asked = 0

    async def premises(self, theorem: Theorem, most: int) -> list[str]:
        self.asked += 1
        return self.names[:most]


async def test_automation_is_given_suggested_theorems_behind_all_else() -> None:
    before = await collect(RICH, 10_000)
    finder = FixedPremises("Nat.le_refl", "Nat.add_comm")
    found = [c async for c in PortfolioSampler(finder=finder).sample(RICH, SamplingParams(samples=len(before) + 2))]
    assert [each.text for each in found[:-2]] == before
    assert found[-2].text == "by\n  intros\n  grind [Nat.le_refl, Nat.add_comm]"
    assert [each.source for each in found[-2:]] == ["portfolio:premises-grind", "portfolio:premises-apply"]


async def test_nothing_is_suggested_where_enough_was_proposed_or_nothing_fits() -> None:
    finder = FixedPremises("Nat.le_refl")
    assert len([c async for c in PortfolioSampler(finder=finder).sample(RICH, SamplingParams(samples=3))]) == 3
    assert finder.asked == 0
    with_none = [
        c.text async for c in PortfolioSampler(finder=FixedPremises()).sample(RICH, SamplingParams(samples=9999))
    ]
    assert with_none == await collect(RICH, 10_000)


@given(st.text())
async def test_no_statement_breaks_the_portfolio(statement: str) -> None:
    assert await collect(Theorem(statement, context=statement), 1000)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("piece", ["1", "% ", "^ ", "(a : Int) ", "(h : a < b) "])
async def test_hostile_statements_take_no_time_that_grows_with_their_square(piece: str) -> None:
    hostile = piece * (60_000 // len(piece))
    assert await collect(Theorem(f"theorem t {hostile} : {hostile}"), 1000)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("piece", ["def ", "@[", "@[\n", "@[a]\n", "\n", "a "])
async def test_hostile_contexts_take_no_time_that_grows_with_their_square(piece: str) -> None:
    assert await collect(Theorem("theorem t : True", context=piece * (800_000 // len(piece))), 1000)


@pytest.mark.parametrize("value", ["$n", "${n}", "«$intros»"])
def test_dollar_signs_in_a_statement_are_not_holes(value: str) -> None:
    assert fill("exact $hypothesis", Theorem(f"theorem t (h : x = {value}) : True")) == ["by\n  exact h"]


def test_theorems_that_import_mathlib_are_tried_with_its_tactics_first_and_others_never() -> None:
    mathlib = Theorem("theorem t (x : ℝ) : 0 ≤ x ^ 2", Header.of_project("import Mathlib"))
    names = [template.name for template, _ in fillings(mathlib)]
    ours = {template.name for template in mathlib_templates()}
    assert set(names[:10]) <= ours
    assert set(names) - ours
    assert ours.isdisjoint(template.name for template, _ in fillings(Theorem("theorem t (x : Nat) : 0 ≤ x ^ 2")))


def test_templates_for_mathlib_say_that_nobody_has_measured_them() -> None:
    content = json.loads(files("prover.sampling.portfolio").joinpath("mathlib.json").read_text())
    assert content["measured"] is None
    assert "Not measured by us" in content["order"]
    names = [template.name for template in (*mathlib_templates(), *templates())]
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z0-9_-]+", name) for name in names)


@pytest.mark.parametrize(
    "header",
    [
        "import Mathlib\nimport Aesop\n\nset_option maxHeartbeats 400000\n\nopen BigOperators Real Nat Topology Rat",
        "import Mathlib\nimport Aesop\n\nset_option maxHeartbeats 0\n\nopen BigOperators Real Nat Topology Rat",
        "import Mathlib\nimport Aesop\n\nset_option maxHeartbeats 400000\n\nopen Nat Real",
    ],
    ids=["deepseek-prover", "goedel-prover", "kimina-prover"],
)
def test_headers_of_published_provers_are_read_and_written_again(header: str) -> None:
    read = Header.of_project(header)
    assert read.imports == ("Mathlib", "Aesop")
    assert Header.of_project(read.text) == read
    assert "open" in read.prelude
    assert "maxHeartbeats" in read.prelude
