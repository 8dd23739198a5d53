"""Short proof terms: a hypothesis applied to variables and other hypotheses, a witness with its proof."""

import itertools
import re
from collections.abc import Iterator, Sequence

from prover.search.tactics.goals.facts import facts_of
from prover.search.tactics.goals.goal import Goal
from prover.search.tactics.terms.witnesses import bound, conjuncts, terms
from prover.source.binders import Binder, read_shape
from prover.source.lexer import Token, tokenize

_PREMISE = re.compile(r"g\d+")
_DEPTH = 2  # nesting of hypotheses applied to each other
_MOST_WITNESSES = 6
_OPENING, _CLOSING = "([{⟨", ")]}⟩"


def applied(goal: Goal, target: str, depth: int = _DEPTH) -> Iterator[str]:
    """Return applications of hypotheses that, judging by their texts, prove the target."""
    for each in facts_of(goal):
        if each.type == target:
            yield each.name
    if depth:
        for each in facts_of(goal):
            if (term := _applied(goal, each, target, depth)) is not None:
                yield term


def witnessed(goal: Goal) -> Iterator[str]:
    """Return witnesses of the target with terms that prove all required properties."""
    if (found := bound(goal.target)) is None:
        return
    name, body = found
    for witness in itertools.islice(terms(goal), _MOST_WITNESSES):
        conditions = conjuncts(re.sub(rf"\b{re.escape(name)}\b", witness.replace("\\", r"\\"), body))
        proofs = [next(applied(goal, part), None) for part in conditions]
        if all(proofs):
            yield f"⟨{', '.join([witness.strip('()'), *filter(None, proofs)])}⟩"


def _applied(goal: Goal, function: Binder, target: str, depth: int) -> str | None:
    shape = read_shape(f"theorem _ : {function.type}")
    variables = {each.name: "" for each in shape.binders if not _PREMISE.fullmatch(each.name)}
    if not shape.binders or not _matches(list(tokenize(shape.goal)), list(tokenize(target)), target, variables):
        return None
    arguments = []
    for binder in shape.binders:
        argument: str | None = variables.get(binder.name)
        if binder.name not in variables:
            premise = _substituted(binder.type, variables)
            argument = next(applied(goal, premise, depth - 1), None) if premise is not None else None
        if not argument:
            return None
        arguments.append(f"({argument})" if " " in argument else argument)
    return " ".join([function.name, *arguments])


def _matches(pattern: Sequence[Token], tokens: Sequence[Token], text: str, variables: dict[str, str]) -> bool:
    """Whether the pattern matches the tokens if each variable stands for a token or a bracketed expression."""
    place = 0
    for index, token in enumerate(pattern):
        if place == len(tokens):
            return False
        end = place + 1
        if token.text in variables:
            following = pattern[index + 1].text if index + 1 < len(pattern) else None
            end = _end(tokens, place, "" if _is_argument(pattern, index) else following)
            found = text[tokens[place].start : tokens[end - 1].end]
            if (tokens[place].kind == "symbol" and found[0] not in _OPENING) or variables[token.text] not in (
                "",
                found,
            ):
                return False
            variables[token.text] = found
        elif token.text != tokens[place].text:
            return False
        place = end
    return place == len(tokens)


def _end(tokens: Sequence[Token], start: int, until: str | None = "") -> int:
    """Return the end of the expression at a position: one token or bracket, or everything up to a given token."""
    depth = 0
    for index in range(start, len(tokens)):
        if until and not depth and tokens[index].text == until:
            return index
        depth += (tokens[index].text in _OPENING) - (tokens[index].text in _CLOSING)
        if depth <= 0 and until == "":
            return index + 1
    return len(tokens)


def _is_argument(tokens: Sequence[Token], index: int) -> bool:
    """Whether a token is adjacent to another, as an argument or a function."""
    before = tokens[index - 1] if index else None
    after = tokens[index + 1] if index + 1 < len(tokens) else None
    return (before is not None and (before.kind != "symbol" or before.text in _CLOSING)) or (
        after is not None and (after.kind != "symbol" or after.text in _OPENING)
    )


def _substituted(text: str, variables: dict[str, str]) -> str | None:
    """Substitute the variables in the text; None if one has no value."""
    parts, place = [], 0
    tokens = list(tokenize(text))
    for index, token in enumerate(tokens):
        if token.text in variables and token.kind == "name":
            if not (value := variables[token.text]):
                return None
            in_brackets = " " in value and _is_argument(tokens, index)
            parts += [text[place : token.start], f"({value})" if in_brackets else value]
            place = token.end
    return "".join([*parts, text[place:]])
