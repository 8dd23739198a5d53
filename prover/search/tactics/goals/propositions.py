"""Finds the outermost operator of a proposition by Lean's precedences; a wrong guess costs only a check."""

from prover.source.lexer import BRACKETS, Token, tokenize

_CONNECTIVES = ("↔", "→", "∨", "∧")  # lowest precedence first
_RELATIONS = ("=", "≠", "<", "≤", ">", "≥", "∣", "∈")
_BINDERS = ("∀", "∃", "fun")


def outermost(proposition: str) -> tuple[str, str, str]:
    """Return the operator of lowest precedence in a proposition, with the texts of its two sides.

    For `∀`, `∃` and `¬` the left side is empty; without an operator, all but the right side is empty.
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
    """Remove brackets that enclose the whole text."""
    tokens = list(tokenize(text))
    depth = 0
    for token in tokens:
        depth += (token.text == "(") - (token.text == ")")
        if not depth and token is not tokens[-1]:
            return text
    return unbracketed(text.strip()[1:-1].strip()) if tokens and tokens[0].text == "(" and not depth else text


def _outside(tokens: list[Token]) -> list[Token]:
    """Return the tokens outside brackets, up to a quantifier or `fun`, whose scope is the rest."""
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
