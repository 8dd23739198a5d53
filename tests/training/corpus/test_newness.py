from hypothesis import given
from hypothesis import strategies as st

from prover.sampling.plans.statement import Statement
from training.corpus.newness import key
from training.corpus.record import TheoremRecord

HYPOTHESES = ("0 < a", "a ≤ b", "b ^ 2 = c", "a + c ≠ 4", "c % 3 = a")
FRESH = ("x", "y", "z", "m", "n", "k", "p", "q")


def record(statement: str) -> TheoremRecord:
    return TheoremRecord(name="t", statement=statement)


@given(
    st.permutations(HYPOTHESES),
    st.integers(0, 5),
    st.permutations(FRESH),
    st.permutations(("a", "b", "c")),
    st.booleans(),
)
def test_a_statement_in_other_words_has_the_same_key(
    order: list[str], count: int, names: list[str], variables: list[str], behind: bool
) -> None:
    chosen = HYPOTHESES[:count]
    plain = Statement(
        (("a", "Int"), ("b", "Int"), ("c", "Int")),
        tuple((f"h{index}", says) for index, says in enumerate(chosen)),
        "a + b < c",
    )
    shuffled = Statement(
        tuple((variable, "Int") for variable in variables),
        tuple((f"g{index}", says) for index, says in enumerate(each for each in order if each in chosen)),
        "c > a + b",
    ).replaced(dict(zip("abc", names[:3], strict=True)))
    text = shuffled.text("u")
    if behind:
        bound = " ".join(f"({name} : {type_})" for name, type_ in shuffled.variables)
        premises = "".join(f"{says} → " for _, says in shuffled.hypotheses)
        text = f"theorem u : ∀ {bound}, {premises}{shuffled.goal}"
    other = TheoremRecord(name="u", statement=text)
    assert key(record(plain.text("t"))) == key(other)


def test_what_says_something_else_has_another_key() -> None:
    statements = [
        "theorem t (a b : Nat) : a + b = b + a",
        "theorem t (a b : Int) : a + b = b + a",
        "theorem t (a b : Nat) : a + b = a + b",
        "theorem t (a b : Nat) (h : a < b) : a + b = b + a",
        "theorem t (a b : Nat) (h : b < a) : a * 2 < b",
        "theorem t (a b : Nat) (h : a < b) : a * 2 < b",
        "theorem t (a : Nat) : a + a = a + a",
    ]
    assert len({key(record(statement)) for statement in statements}) == len(statements)


def test_a_variable_that_nothing_mentions_and_a_doubled_hypothesis_say_nothing() -> None:
    plain = "theorem t (a : Nat) (h : 0 < a) : a ≠ 0"
    assert key(record(plain)) == key(record("theorem t (b a : Nat) (h : 0 < a) (g : a > 0) : a ≠ 0"))
