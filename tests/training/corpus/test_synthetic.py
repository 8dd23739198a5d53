"""The generator without Lean: repeatable, well-formed, balanced, and true where Python can tell."""

import itertools
import re
from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.corpus.small_lean import holds
from training.corpus.dedupe import canonical
from training.corpus.splits import split
from training.corpus.synthetic.draft import Draft, linear
from training.corpus.synthetic.families import polynomials
from training.corpus.synthetic.formulas import Formula, assignments, draw, entails
from training.corpus.synthetic.generator import FAMILIES, generate
from training.corpus.synthetic.wide import WIDE_FAMILIES


def test_the_same_seed_gives_the_same_theorems() -> None:
    assert generate(60, seed=3) == generate(60, seed=3)
    assert not {canonical(x) for x in generate(60, seed=3)} >= {canonical(x) for x in generate(60, seed=4)}


def test_a_longer_corpus_begins_with_the_shorter_one() -> None:
    assert generate(120, seed=1)[:50] == generate(50, seed=1)


def test_every_template_of_every_family_is_used_and_nothing_twice() -> None:
    records = generate(800)
    assert len(records) == 800
    assert len({canonical(record) for record in records}) == 800
    assert {record.family for record in records} == {f"{f}/{name}" for f, names in FAMILIES.items() for name in names}
    per_family = Counter(record.family.partition("/")[0] for record in records)
    assert max(per_family.values()) - min(per_family.values()) <= 20


def test_a_family_that_has_run_out_of_theorems_ends_the_corpus_early() -> None:
    records = generate(100_000, families=["options"])
    assert 50 < len(records) < 2_000


def test_an_unknown_family_is_refused() -> None:
    with pytest.raises(ValueError, match="Unknown family 'topology'; the choices are arithmetic"):
        generate(1, families=["topology"])


def test_the_name_says_nothing_about_the_family() -> None:
    assert all(record.name.startswith("syn_") for record in generate(40))


def test_splits_hold_different_templates() -> None:
    parts = split(generate(800), {"train": 0.6, "dev": 0.2, "test": 0.2})
    families = [{record.family for record in part} for part in parts.values()]
    assert all(families)
    assert not families[0] & (families[1] | families[2])


def cases(family: str, seed: int) -> list[Draft]:
    """One draft of each template of a family, without those that quantify: `small_lean` cannot decide them."""
    templates = {**FAMILIES, **WIDE_FAMILIES}[family]
    drafts = [template(Random(f"{seed}/{name}")) for name, template in templates.items()]
    return [draft for draft in drafts if not set("∃∀") & set("".join((*draft.hypotheses, draft.goal)))]


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("family", ["arithmetic", "divisibility", "inequalities", "linear"])
def test_numeric_theorems_have_no_small_counterexample(family: str, seed: int) -> None:
    for draft in cases(family, seed):
        names = [name for group in draft.variables for name in group.split(" : ")[0].split()]
        natural = any("Nat" in group for group in draft.variables)
        values = range(9) if natural else range(-5, 6)
        points = list(itertools.product(values, repeat=len(names)))
        for values_of in Random(seed).sample(points, min(len(points), 150)):
            point = dict(zip(names, values_of, strict=True))
            if all(holds(hypothesis, point, natural) for hypothesis in draft.hypotheses):
                assert holds(draft.goal, point, natural), (draft, point)


@given(st.integers(0, 1000))
def test_propositional_theorems_are_tautologies(seed: int) -> None:
    for draft in cases("propositional", seed):
        letters = draft.variables[0].split(" : ")[0].split()
        for truth in assignments(letters):
            if all(holds(hypothesis, truth) for hypothesis in draft.hypotheses):
                assert holds(draft.goal, truth)


@given(st.integers(0, 1000))
def test_boolean_expressions_have_the_values_that_are_said(seed: int) -> None:
    for draft in cases("booleans", seed):
        letters = draft.variables[0].split(" : ")[0].split()
        for truth in assignments(letters):
            if all(_boolean(hypothesis, truth) for hypothesis in draft.hypotheses):
                assert _boolean(draft.goal, truth), draft


def _boolean(proposition: str, truth: dict[str, bool]) -> bool:
    """Evaluate a proposition about Boolean expressions."""
    cases = []
    for case in proposition.split(" ∨ "):
        for sign, meaning in {"==": "↔", "!": "¬", "&&": "∧", "||": "∨"}.items():
            case = case.replace(sign, meaning)
        left, right = case.split(" = ")
        cases.append({"true": left, "false": f"¬({left})"}.get(right, f"({left}) ↔ ({right})"))
    return any(holds(case, truth) for case in cases)


@pytest.mark.parametrize(
    ("proposition", "natural"),
    [
        ("(x + 1) ^ 2 = x ^ 2 + 1", False),
        ("x - y + y = x", True),
        ("¬3 ∣ x + 4", False),
        ("-x ^ 2 = x ^ 2 ∨ x < 0", False),
        ("min x 7 = max x 7", False),
    ],
)
def test_the_second_opinion_finds_false_statements(proposition: str, natural: bool) -> None:
    assert not holds(proposition, {"x": 2, "y": 3}, natural)
    assert holds(f"¬({proposition})", {"x": 2, "y": 3}, natural)


atoms = ["p", "q", "r"]


@given(st.integers(0, 10_000))
def test_formulas_print_as_they_are_meant(seed: int) -> None:
    formula = draw(atoms, 3, Random(seed))
    for truth in assignments(atoms):
        assert holds(str(formula), truth) == formula.holds(truth)


def test_entailment_needs_all_its_premises() -> None:
    p, q = Formula("p"), Formula("q")
    assert entails([Formula("→", (p, q)), p], q, ["p", "q"])
    assert not entails([Formula("→", (p, q))], q, ["p", "q"])


coefficients = st.dictionaries(st.sampled_from([(), ("x",), ("x", "x"), ("x", "y"), ("y",)]), st.integers(-9, 9))
points = st.fixed_dictionaries({"x": st.integers(-9, 9), "y": st.integers(-9, 9)})


@given(coefficients, coefficients, points, st.integers(-3, 3))
def test_polynomial_arithmetic_is_that_of_values(
    left: polynomials.Polynomial, right: polynomials.Polynomial, point: dict[str, int], by: int
) -> None:
    a, b = polynomials.evaluate(left, point), polynomials.evaluate(right, point)
    assert polynomials.evaluate(polynomials.add(left, right, by), point) == a + by * b
    assert polynomials.evaluate(polynomials.multiply(left, right), point) == a * b
    moved = polynomials.evaluate(left, point | {"x": point["x"] + by})
    assert polynomials.evaluate(polynomials.shift(left, "x", by), point) == moved
    shown = polynomials.text({monomial: value for monomial, value in left.items() if value})
    assert holds(shown, point) == a


def test_linear_terms_print_plainly() -> None:
    assert linear({"x": 2, "y": -1}, 3) == "2 * x - y + 3"
    assert linear({"x": -1, "y": 0}, -4) == "-x - 4"
    assert linear({"x": 0}) == "0"


@given(st.integers(0, 2000))
def test_every_predicate_is_declared_and_no_declaration_is_empty(seed: int) -> None:
    """Lean found `R` used but not declared, and `( : List α)`."""
    for family, names in {**FAMILIES, **WIDE_FAMILIES}.items():
        for name, template in names.items():
            draft = template(Random(f"{seed}/{family}/{name}"))
            declared = [group.strip("{}[]").split(" : ")[0] for group in draft.variables]
            assert all(declared)
            used = re.findall(r"(?<![\w.])([P-T])(?= )", " ".join((*draft.hypotheses, draft.goal)))
            assert set(used) <= set(" ".join(declared).split())


def test_hypotheses_stand_before_the_colon_or_behind_it() -> None:
    draft = Draft(("{α : Type}", "x y : Nat"), "y = x", ("x = y", "∃ z, z = x"))
    shapes = {draft.statement("t", Random(seed)) for seed in range(20)}
    assert shapes == {
        "theorem t {α : Type} (x y : Nat) (h₁ : x = y) (h₂ : ∃ z, z = x) : y = x",
        "theorem t {α : Type} : ∀ (x y : Nat), x = y → (∃ z, z = x) → y = x",
    }
