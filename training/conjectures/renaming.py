"""Renames theorems and proofs: more training data without further questions to Lean."""

from collections.abc import Iterator, Sequence
from random import Random

from prover.sampling.plans.statement import names_in, replaced
from prover.source.binders import read_shape
from prover.source.lexer import tokenize
from training.corpus.proofs import ProvedTheorem

_NUMBERS = ["a", "b", "c", "d", "e", "k", "l", "m", "n", "p", "q", "r", "s", "t", "u", "v", "w", "x", "y", "z"]
_FUNCTIONS = ["f", "g", "h", "u", "a", "b", "F", "P"]
_FACTS = [
    "h",
    "h₀",
    "h₁",
    "h₂",
    "h₃",
    "h₄",
    "h0",
    "h1",
    "h2",
    "h3",
    "ha",
    "hb",
    "hx",
    "hy",
    "hn",
    "hm",
    "hk",
    "hab",
    "hxy",
    "hf",
]


def renamed(theorems: Sequence[ProvedTheorem], copies: int, seed: int) -> Iterator[ProvedTheorem]:
    """Yield each theorem, then `copies` of it with other names for its binders; fewer if no free names are left."""
    for number, theorem in enumerate(theorems):
        yield theorem
        for copy in range(copies):
            other = _renamed(theorem, Random(f"{seed}/{number}/{copy}"))
            if other is not None:
                yield other


def _renamed(proved: ProvedTheorem, random: Random) -> ProvedTheorem | None:
    record = proved.theorem
    if record.context or record.header:
        return None
    shape = read_shape(record.statement)
    binders = shape.binders[: len(shape.binders) - len(shape.intros)]
    # All other names that occur are fixed, so that no name is captured.
    bound = {binder.name for binder in binders}
    fixed = names_in([record.statement, *proved.proofs]) - bound
    names: dict[str, str] = {}
    for binder in binders:
        words = {token.text for token in tokenize(binder.type)}
        pool = _NUMBERS if words <= {"Nat", "Int"} else _FUNCTIONS if words <= {"Nat", "Int", "→"} else _FACTS
        if not words <= {"Nat", "Int", "→"} and not binder.name.startswith("h"):
            continue
        free = [name for name in pool if name not in fixed and name not in names.values()]
        if free:
            names[binder.name] = random.choice(free)
    unchanged = bound - set(names)
    if not names or set(names.values()) & unchanged:
        return None
    # Names that the portfolio derives from a variable (`rn` for the remainders of `n`) are renamed with it.
    derived = {f"r{old}": f"r{new}" for old, new in names.items() if f"r{old}" in fixed}
    if set(derived.values()) & (fixed | set(names.values())):
        derived = {}
    head = f"theorem {record.name}"
    statement = head + replaced(record.statement.removeprefix(head), names)
    if not record.statement.startswith(head):
        return None
    proofs = tuple(replaced(proof, names | derived) for proof in proved.proofs)
    return ProvedTheorem(theorem=record.model_copy(update={"statement": statement}), proofs=proofs)
