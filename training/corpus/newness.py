"""Keys of statements for detecting repetitions in any rendition."""

from prover.sampling.plans.statement import Statement, replaced
from prover.search.tactics.goals.propositions import outermost
from prover.source.lexer import tokenize
from training.corpus.dedupe import canonical
from training.corpus.record import TheoremRecord

_TURNED = {">": "<", "≥": "≤"}


def key(record: TheoremRecord) -> str:
    """Return a key that statements share only if they differ in names, form or order of binders and hypotheses,
    repeated hypotheses, unused variables, or the direction of a relation.
    """
    statement = Statement.read(record.theorem)
    return canonical(record) if statement is None else _key(statement)


def _key(statement: Statement) -> str:
    types = dict(statement.variables)
    goal = _turned(statement.goal)
    hypotheses = [_turned(text) for _, text in statement.hypotheses]
    # Hypotheses are ordered by their text without variable names; this order then numbers the variables.
    marks = {name: f"«{type_}»" for name, type_ in types.items()}
    ordered = sorted(
        dict.fromkeys(hypotheses), key=lambda text: (_words(replaced(text, marks)), _order(text, goal, types))
    )
    seen = [token.text.partition(".")[0] for text in (goal, *ordered) for token in tokenize(text)]
    names = {name: f"x{number}" for number, name in enumerate(dict.fromkeys(n for n in seen if n in types))}
    binders = " ".join(f"{names[name]}:{_words(types[name])}" for name in names)
    return "\n".join(
        [binders, *sorted(_words(replaced(text, names)) for text in ordered), _words(replaced(goal, names))]
    )


def _order(text: str, goal: str, types: dict[str, str]) -> list[int]:
    """Return where the variables of a hypothesis first occur in the goal; distinguishes hypotheses of equal form."""
    first: dict[str, int] = {}
    for number, token in enumerate(tokenize(goal)):
        first.setdefault(token.text.partition(".")[0], number)
    heads = (token.text.partition(".")[0] for token in tokenize(text))
    return [first.get(head, 1 << 20) for head in heads if head in types]


def _turned(proposition: str) -> str:
    """`b < a` for `a > b`."""
    relation, left, right = outermost(proposition)
    return f"{right} {_TURNED[relation]} {left}" if relation in _TURNED and left else proposition


def _words(text: str) -> str:
    return " ".join(token.text for token in tokenize(text))
