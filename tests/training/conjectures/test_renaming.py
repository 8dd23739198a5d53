from training.conjectures.mixture import merged, parted, thinned
from training.conjectures.renaming import renamed
from training.corpus.proofs import ProvedTheorem
from training.corpus.record import TheoremRecord


def proved(name: str, statement: str, *proofs: str, family: str = "", guard: str = "") -> ProvedTheorem:
    record = TheoremRecord(name=name, statement=f"theorem {name} {statement}", family=family, guard=guard)
    return ProvedTheorem(theorem=record, proofs=proofs or ("by\n  omega",))


def test_names_change_alike_in_statement_and_proof_and_none_is_captured() -> None:
    theorem = proved("t", "(n : Nat) (hn : 2 < n) : n ≠ 0", "by\n  have rn : n = m ∨ True := k\n  exact f hn")
    for other in list(renamed([theorem], 30, 0))[1:]:
        (variable, fact) = (
            other.theorem.statement.split("(")[1].split()[0],
            other.theorem.statement.split("(")[2].split()[0],
        )
        assert other.theorem.statement == f"theorem t ({variable} : Nat) ({fact} : 2 < {variable}) : {variable} ≠ 0"
        assert other.proofs == (f"by\n  have r{variable} : {variable} = m ∨ True := k\n  exact f {fact}",)
        assert variable not in ("m", "k", "f")


def test_a_theorem_without_names_has_no_copies() -> None:
    assert len(list(renamed([proved("t", ": 1 + 1 = 2")], 3, 0))) == 1


def test_near_duplicates_of_what_is_held_out_are_left_out() -> None:
    held_out = [
        TheoremRecord(name="d", statement="theorem d (a b : Nat) (h : a < b) (g : b < 7) : a < 7"),
        TheoremRecord(name="l", statement="theorem l (p : Prop) : p → p", guard="Foo.l"),
    ]
    theorems = [
        proved("one", "(x y : Nat) (h : y < 7) (g : x < y) : x < 7"),
        proved("two", "(x y : Int) (h : x < y) (g : y < 9) : x < 9"),
        proved("three", "(q : Prop) : q → q ∨ q", guard="Foo.l"),
        proved("four", "(x : Nat) : x < x + 1"),
        proved("again", "(x : Nat) : x < x + 1", "by\n  grind", "by\n  omega"),
    ]
    kept, left_out = merged(theorems, held_out)
    assert [each.theorem.name for each in kept] == ["four"]
    assert kept[0].proofs == ("by\n  omega", "by\n  grind")
    assert left_out == 3


def test_nothing_made_of_a_dev_theorem_is_trained_on() -> None:
    theorems = [proved(f"t{n}", f"(x : Nat) : x < x + {n}") for n in range(1, 60)]
    theorems += [proved(f"c{n}", f"(x : Nat) : x < x + {n} + {n}", family=f"conjectures/t{n}") for n in range(1, 60)]
    train, dev = parted(theorems, 0.2)
    sources = {each.theorem.name for each in dev}
    assert sources
    assert not any(name.startswith("c") for name in sources)
    assert len(train) == len(theorems) - 2 * len(dev)
    assert all(each.theorem.family.removeprefix("conjectures/") not in sources for each in train)


def test_a_share_of_a_family_is_kept_and_every_theorem_of_the_others() -> None:
    wide = [proved(f"w{n}", f"(x : Nat) : x < x + {n}", family=f"library/t{n}") for n in range(1, 200)]
    others = [proved("o", ": 1 + 1 = 2", family="linear/sum"), proved("p", ": 1 + 2 = 3")]
    kept = thinned([*wide, *others], {"library": 0.25})
    assert kept[-2:] == others
    assert 30 < len(kept) - 2 < 70
    assert thinned(kept, {"library": 0.25}) == kept
    assert thinned(wide, {"library": 0.0}) == []
