"""What stands outermost in a proposition, by Lean's precedences; a guess that costs a check where it is wrong."""

from prover.source.brackets import BRACKETS
from prover.source.lexer import Token, tokenize

_CONNECTIVES = ("↔", "→", "∨", "∧")  # loosest first
_RELATIONS = ("=", "≠", "<", "≤", ">", "≥", "∣", "∈")
_BINDERS = ("∀", "∃", "fun")


def outermost(proposition: str) -> tuple[str, str, str]:
    """The loosest operator of a proposition and the texts on its two sides.

    For `∀`, `∃` and `¬` the left side is empty; without any operator all three but the right side are empty.
    """
    tokens = list(tokenize(proposition))
    if not tokens:
        return "", "", ""
    if tokens[0].text in _BINDERS:
        return tokens[0].text, "", proposition[tokens[0].end :].strip()
    outside = _outside(tokens)
    for connective in _CONNECTIVES:
        if found := next((token for token in outside if token.text == connective), None):
            return connective, proposition[: found.start].strip(), proposition[found.end :].strip()
    if tokens[0].text == "¬":
        return "¬", "", proposition[tokens[0].end :].strip()
    if found := next((token for token in outside if token.text in _RELATIONS), None):
        return found.text, proposition[: found.start].strip(), proposition[found.end :].strip()
    return "", "", proposition.strip()


def unbracketed(text: str) -> str:
    """A text without the brackets around all of it."""
    tokens = list(tokenize(text))
    depth = 0
    for token in tokens:
        depth += (token.text == "(") - (token.text == ")")
        if not depth and token is not tokens[-1]:
            return text
    return unbracketed(text.strip()[1:-1].strip()) if tokens and tokens[0].text == "(" and not depth else text


def _outside(tokens: list[Token]) -> list[Token]:
    """The tokens outside of brackets, up to a quantifier or function, which takes all that follows."""
    awaited: list[str] = []
    found = []
    for token in tokens:
        if not awaited and token.text in _BINDERS:
            break
        if token.text in BRACKETS:
            awaited.append(BRACKETS[token.text])
        elif awaited and token.text == awaited[-1]:
            awaited.pop()
        elif not awaited:
            found.append(token)
    return found
