from random import Random

import pytest

from prover.sampling.plans.statement import Statement
from prover.search.tactics.goals.propositions import outermost
from prover.theorem import Theorem
from training.conjectures.mutations import KnownTheorem
from training.conjectures.sources.composition import add_up, compose
from training.conjectures.sources.contexts import under_function
from training.conjectures.sources.library import LibraryTheorems, as_known
from training.conjectures.sources.mutated import Mutated
from training.conjectures.sources.templates import FromTemplates
from training.corpus.record import TheoremRecord


def lemma(guard: str, statement: str) -> TheoremRecord:
    name = guard.replace(".", "_")
    return TheoremRecord(name=name, statement=f"theorem {name}{statement}", guard=guard, family="Init.Example")


APPEND = lemma(
    "List.length_append", ".{u} : ∀ {α : Type u} {as bs : List α}, (as ++ bs).length = as.length + bs.length"
)
COMM = lemma("Nat.add_comm", " : ∀ (n m : Nat), n + m = m + n")
LE = lemma("Nat.le_of_lt", " : ∀ {n m : Nat}, n < m → n ≤ m")
INSTANCES = lemma("List.min_eq", ".{u} : ∀ {α : Type u} [inst : Min α] [Std.LawfulMin α] {l : List α}, [] ++ l = l")
NOT_AT_NUMBERS = lemma("Fin.zero_le", " : ∀ {n : Nat} [inst : NeZero n] (a : Nat), n ≤ a")
TWO_TYPES = lemma(
    "List.map_id", ".{u, v} : ∀ {α : Type u} {β : Type v} (f : α → β) (l : List α), (l.map f).length = l.length"
)


def test_a_lemma_about_any_type_is_read_at_numbers() -> None:
    [append, instances, two] = as_known([APPEND, INSTANCES, TWO_TYPES, NOT_AT_NUMBERS])
    assert (
        append.known.statement.text("t") == "theorem t (as bs : List Nat) : (as ++ bs).length = as.length + bs.length"
    )
    assert two.known.statement.text("t") == "theorem t (f : Nat → Nat) (l : List Nat) : (l.map f).length = l.length"
    assert append.lemma == "List.length_append"
    assert "by\n  exact List.length_append .." in append.known.proofs
    assert instances.known.statement.text("t") == "theorem t (l : List Nat) : [] ++ l = l"


def test_a_library_theorem_is_proposed_once_and_under_its_guard() -> None:
    source = LibraryTheorems([APPEND, COMM, LE])
    proposed = [source.propose("library", Random(number)) for number in range(3)]
    assert {each.record.guard for each in proposed if each} == {"List.length_append", "Nat.add_comm", "Nat.le_of_lt"}
    assert source.propose("library", Random(0)) is None


def test_an_instance_of_a_library_theorem_is_not_proposed_as_new() -> None:
    source = Mutated(as_known([COMM, LE]))
    proposals = [source.propose(source.arms[seed % len(source.arms)], Random(seed)) for seed in range(60)]
    assert sum(proposal is not None for proposal in proposals) > 30
    for proposal in filter(None, proposals):
        assert not set(proposal.made_by) <= {"specialise", "instantiate", "add_hypothesis"}
        assert proposal.lemmas
        assert proposal.record.source.startswith(("Nat_add_comm", "Nat_le_of_lt"))


def test_a_composition_names_both_theorems_and_says_neither() -> None:
    [comm, append] = (each.known for each in as_known([COMM, APPEND]))
    made = [conjecture for seed in range(10) if (conjecture := compose(comm, append, Random(seed)))]
    assert made
    for conjecture in made:
        assert "length" in conjecture.statement.goal
        assert Statement.read(Theorem(conjecture.statement.text("t"))) is not None
        assert any("List.length_append" in proof and "Nat.add_comm" in proof for proof in conjecture.proofs)


def test_a_composition_keeps_names_apart() -> None:
    one = Statement.read(Theorem("theorem t (a b : Nat) : a + b = b + a"))
    other = Statement.read(Theorem("theorem t (a c : Nat) (h : a = 2) : a * c = 2 * c"))
    assert one
    assert other
    made = [
        compose(KnownTheorem(one, ("by\n  omega",)), KnownTheorem(other, ("by\n  subst h\n  rfl",)), Random(seed))
        for seed in range(10)
    ]
    for conjecture in filter(None, made):
        names = [name for name, _ in (*conjecture.statement.variables, *conjecture.statement.hypotheses)]
        assert len(set(names)) == len(names) == 4
        assert not conjecture.inhabited


def test_a_sum_of_two_theorems_follows_from_both() -> None:
    [comm, le] = (each.known for each in as_known([COMM, LE]))
    made = [conjecture for seed in range(10) if (conjecture := add_up(comm, le, Random(seed)))]
    assert made
    for conjecture in made:
        assert outermost(conjecture.statement.goal)[0] == "≤"
        assert [type_ for _, type_ in conjecture.statement.variables] == ["Nat"] * 4
        assert any("have one : n + m = m + n" in proof and proof.endswith("omega") for proof in conjecture.proofs)


def test_values_of_different_types_are_neither_added_nor_put_for_each_other() -> None:
    [comm, append] = (
        each.known for each in as_known([COMM, lemma("List.append_nil", " : ∀ {as : List Nat}, as ++ [] = as")])
    )
    assert not any(add_up(comm, append, Random(seed)) or compose(comm, append, Random(seed)) for seed in range(20))


def test_both_sides_of_an_equation_go_under_a_function_of_their_type() -> None:
    [append] = (each.known for each in as_known([lemma("List.append_nil", " : ∀ {as : List Nat}, as ++ [] = as")]))
    made = [conjecture for seed in range(20) if (conjecture := under_function(append, append, Random(seed)))]
    assert len({conjecture.statement.goal for conjecture in made}) > 3
    for conjecture in made:
        assert Statement.read(Theorem(conjecture.statement.text("t"))) is not None
        assert any("rw [key]" in proof for proof in conjecture.proofs)
    [le] = (each.known for each in as_known([LE]))
    assert not any(under_function(le, le, Random(seed)) for seed in range(20))


def test_templates_give_theorems_of_many_families() -> None:
    source = FromTemplates()
    families = {source.propose(arm, Random(1)).record.family for arm in source.arms}  # type: ignore[union-attr]
    assert len({family.partition("/")[0] for family in families}) == 12


@pytest.mark.parametrize("seed", range(5))
def test_the_same_number_gives_the_same_statement(seed: int) -> None:
    first, second = (Mutated(as_known([COMM, APPEND, LE])).propose("changed: invert", Random(seed)) for _ in range(2))
    assert first == second
