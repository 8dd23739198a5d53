"""Mutations: ways to make a new statement from a known theorem, with proofs suggested by the old ones.

They need not be correct: Lean decides.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from prover.sampling.plans.statement import Statement, bracketed, names_in, replaced
from prover.search.tactics.goals.propositions import outermost
from prover.source.lexer import tokenize

NUMBERS = ("Nat", "Int")
_WEAKER = {"<": "≤", ">": "≥", "=": "≤"}
_STRONGER = {"≤": "<", "≥": ">"}
_ONE_TACTIC = re.compile(r"by\n {2}(?:intro [^\n]+\n {2})?([^\n]+)")


@dataclass(frozen=True, slots=True)
class KnownTheorem:
    """A theorem with verified proofs."""

    statement: Statement
    proofs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Conjecture:
    """A statement that may hold.

    Attributes:
        proofs: candidates, likeliest first.
        inhabited: whether its hypotheses are consistent if those of its source are.
    """

    statement: Statement
    proofs: tuple[str, ...]
    inhabited: bool = True


Mutation = Callable[[KnownTheorem, KnownTheorem, Random], Conjecture | None]
"""Makes a conjecture from the first theorem, possibly with the second; None if it does not apply."""


def in_front(known: KnownTheorem) -> KnownTheorem:
    """Return the theorem with all binders before the colon, so that its proofs introduce nothing."""
    moved = known.statement.moved
    if not moved:
        return known
    first = re.compile(rf"by\n {{2}}intro {re.escape(' '.join(moved))}\n")
    proofs = [first.sub("by\n", proof, count=1) for proof in known.proofs if first.match(proof)]
    proofs += [proof for proof in known.proofs if _ONE_TACTIC.fullmatch(proof) and not first.match(proof)]
    return KnownTheorem(replace(known.statement, moved=()), tuple(proofs))


def generalise(known: KnownTheorem, _other: KnownTheorem, random: Random) -> Conjecture | None:
    """Drop a hypothesis."""
    statement = known.statement
    if not statement.hypotheses:
        return None
    dropped = random.randrange(len(statement.hypotheses))
    kept = tuple(each for index, each in enumerate(statement.hypotheses) if index != dropped)
    name = statement.hypotheses[dropped][0]
    proofs = tuple(proof for proof in known.proofs if name not in names_in([proof]))
    return Conjecture(_used(replace(statement, hypotheses=kept)), proofs)


def other_numbers(known: KnownTheorem, _other: KnownTheorem, _random: Random) -> Conjecture | None:
    """Replace natural numbers by integers, or the reverse."""
    types = {token.text for _, type_ in known.statement.variables for token in tokenize(type_)}
    if not types & set(NUMBERS) or types >= set(NUMBERS):
        return None
    turn = {"Nat": "Int"} if "Nat" in types else {"Int": "Nat"}
    statement = replace(
        with_texts(known.statement, [replaced(says, turn) for says in known.statement.texts]),
        variables=tuple((name, replaced(type_, turn)) for name, type_ in known.statement.variables),
    )
    return Conjecture(statement, tuple(replaced(proof, turn) for proof in known.proofs), inhabited=False)


def other_numeral(known: KnownTheorem, _other: KnownTheorem, random: Random) -> Conjecture | None:
    """Change all occurrences of a numeral, or one."""
    places = [
        (index, token)
        for index, says in enumerate(known.statement.texts)
        for token in tokenize(says)
        if token.kind == "number" and token.text.isdigit() and len(token.text) < 7
    ]
    if not places:
        return None
    chosen, token = random.choice(places)
    value = int(token.text)
    wish = str(random.choice([value + 1, max(0, value - 1), value + 2, 2 * value, value + random.randint(3, 20)]))
    everywhere = random.random() < 0.7
    texts = list(known.statement.texts)
    for index, place in reversed(places):
        if (everywhere and place.text == token.text) or (index, place) == (chosen, token):
            texts[index] = texts[index][: place.start] + wish + texts[index][place.end :]
    if wish == token.text:
        return None
    proofs = tuple(_other_numeral(proof, token.text, wish) for proof in known.proofs)
    touched = texts[:-1] != known.statement.texts[:-1]
    return Conjecture(
        with_texts(known.statement, texts), tuple(dict.fromkeys((*known.proofs, *proofs))), inhabited=not touched
    )


def other_relation(known: KnownTheorem, _other: KnownTheorem, random: Random) -> Conjecture | None:
    """Weaken or strengthen a relation in the goal or in a hypothesis."""
    texts = known.statement.texts
    index = random.choice([len(texts) - 1, random.randrange(len(texts))])
    relation, left, right = outermost(texts[index])
    in_goal = index == len(texts) - 1
    turn = (_WEAKER | _STRONGER) if in_goal else (_STRONGER | {"<": "≤", ">": "≥"})
    if relation not in turn or not left:
        return None
    texts[index] = f"{left} {turn[relation]} {right}"
    return Conjecture(with_texts(known.statement, texts), known.proofs, inhabited=in_goal)


def both_sides(known: KnownTheorem, _other: KnownTheorem, random: Random) -> Conjecture | None:
    """Apply the same operation to both sides of the goal."""
    relation, left, right = outermost(known.statement.goal)
    numbers = known.statement.of_type(*NUMBERS)
    if relation not in ("=", "≤", "<", "≥", ">") or not numbers:
        return None
    left, right, term = bracketed(left), bracketed(right), random.choice(numbers)
    number = random.randint(2, 9)
    forms = ["{0} + {2}", "{1} * {0}", "{0} + {1}", "{1} * {0} + {2}"]
    if relation == "=":
        forms += ["{0} ^ 2", "{2} * {0}", "{0} * {0}", "{0} - {2}", "{0} % {1}"]
    form = random.choice(forms)
    goal = f"{form.format(left, number, term)} {relation} {form.format(right, number, term)}"
    lemma = _as_fact(known)
    return Conjecture(replace(known.statement, goal=goal), (*known.proofs, *lemma))


def add_hypothesis(known: KnownTheorem, _other: KnownTheorem, random: Random) -> Conjecture | None:
    """Add a hypothesis about the variables."""
    numbers = known.statement.of_type(*NUMBERS)
    if not numbers:
        return None
    name = random.choice(numbers)
    others = [other for other in known.statement.of_type(dict(known.statement.variables)[name]) if other != name]
    number = random.randint(1, 9)
    wishes = [f"{number} ≤ {name}", f"{name} ≠ 0", f"{name} % {number + 1} = {random.randint(0, number)}"]
    wishes += [f"{name} {sign} {random.choice(others)}" for sign in "≤<" if others]
    added = (known.statement.fresh("hk"), random.choice(wishes))
    statement = replace(known.statement, hypotheses=(*known.statement.hypotheses, added))
    return Conjecture(statement, known.proofs, inhabited=False)


def invert(known: KnownTheorem, _other: KnownTheorem, random: Random) -> Conjecture | None:
    """Exchange a hypothesis with the goal, both negated."""
    if not known.statement.hypotheses:
        return None
    index = random.randrange(len(known.statement.hypotheses))
    name, says = known.statement.hypotheses[index]
    hypotheses = list(known.statement.hypotheses)
    hypotheses[index] = (name, _denied(known.statement.goal))
    hypothesis = known.statement.fresh("hn")
    proofs = [f"by\n  intro {hypothesis}\n  apply {name}\n  {tactic}" for tactic in _single(known.proofs)]
    proofs += [f"by\n  have {hypothesis} := {name}\n  {tactic}" for tactic in _single(known.proofs)]
    statement = replace(known.statement, hypotheses=tuple(hypotheses), goal=_denied(says))
    return Conjecture(statement, (*known.proofs, *proofs), inhabited=False)


MUTATIONS: Mapping[str, Mutation] = {
    mutation.__name__: mutation
    for mutation in (
        generalise,
        other_numbers,
        other_numeral,
        other_relation,
        both_sides,
        add_hypothesis,
        invert,
    )
}


def with_texts(statement: Statement, texts: Sequence[str]) -> Statement:
    named = zip(statement.hypotheses, texts[:-1], strict=True)
    return replace(statement, hypotheses=tuple((name, says) for (name, _), says in named), goal=texts[-1])


def _used(statement: Statement) -> Statement:
    """Remove variables that nothing mentions."""
    mentioned = names_in(statement.texts)
    return replace(statement, variables=tuple(each for each in statement.variables if each[0] in mentioned))


def mention(statement: Statement, name: str) -> bool:
    """Whether a hypothesis mentions `name`."""
    return name in names_in(says for _, says in statement.hypotheses)


def _other_numeral(proof: str, old: str, new: str) -> str:
    tokens = [token for token in tokenize(proof) if token.kind == "number" and token.text == old]
    for token in reversed(tokens):
        proof = proof[: token.start] + new + proof[token.end :]
    return proof


def _denied(proposition: str) -> str:
    return proposition[1:].strip() if proposition.startswith("¬") else f"¬{bracketed(proposition)}"


def loose(goal: str) -> str:
    """Add brackets if precedence would change the meaning."""
    return f"({goal})" if outermost(goal)[0] in ("∀", "∃", "fun", "→", "↔", "∨", "∧") else goal


def _single(proofs: Sequence[str]) -> list[str]:
    """Return the tactics of proofs that consist of one."""
    return [match[1] for proof in proofs if (match := _ONE_TACTIC.fullmatch(proof)) and "intro" not in proof][:2]


def block(proof: str) -> str | None:
    """Return the tactic block of a proof, dedented; None for a proof term."""
    if not proof.startswith("by\n  "):
        return None
    return "\n".join(line.removeprefix("  ") for line in proof.split("\n")[1:])


def below(text: str, columns: int) -> str:
    """Indent the second and further lines of a block by `columns`."""
    return text.replace("\n", "\n" + " " * columns)


def _as_fact(known: KnownTheorem) -> list[str]:
    """Return proofs that establish the source's goal first and then rewrite with it, or pass it on."""
    first = next(filter(None, map(block, known.proofs)), None)
    if first is None:
        return []
    fact = f"by\n  have key : {known.statement.goal} := by\n    {below(first, 4)}\n"
    last = "rw [key]" if outermost(known.statement.goal)[0] == "=" else "omega"
    return [f"{fact}  {last}", f"{fact}  grind"]
