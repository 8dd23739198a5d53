"""Guesses the type of a term from its text, so that terms are only put where they fit; a wrong guess costs a check."""

from collections.abc import Mapping, Sequence

from prover.search.tactics.goals.propositions import unbracketed
from prover.source.lexer import BRACKETS

_BOOLEAN = (" || ", " && ", " == ", " != ")
_ARITHMETIC = (" + ", " - ", " * ", " / ", " % ", " ^ ")
_NOT_APPLIED = ("if", "match", "fun", "bif", "let", "¬")
_RESULTS = {
    "Nat": "length count countP idxOf findIdx natAbs toNat gcd lcm log2 succ pred",
    "Bool": "isEmpty all any contains elem isSome isNone isPrefixOf isSuffixOf testBit beq ble",
    "same": "reverse take drop filter dropLast tail eraseIdx erase eraseP rotateLeft rotateRight takeWhile dropWhile "
    "append or min max",
    "element": "head? getLast? find?",
    "Int": "emod ediv tmod tdiv fmod fdiv bmod bdiv sign neg negOfNat",
}
_RESULT_OF = {name: result for result, names in _RESULTS.items() for name in names.split()}
_NUMERICAL = "add sub mul div mod pow shiftLeft shiftRight land lor xor"


def type_of(term: str, types: Mapping[str, str]) -> str:
    """Return the type of a term whose variables have these types; empty if it cannot be told."""
    term = unbracketed(term.strip()).strip()
    if term in types:
        return types[term]
    if term in ("true", "false"):
        return "Bool"
    outside = _outside(term)
    if outside.startswith("!") or any(sign in outside for sign in _BOOLEAN):
        return "Bool"
    for sign, last in ((" :: ", True), (" ++ ", False)):
        left, found, right = _parted(term, outside, sign)
        if found:
            return type_of(right if last else left, types) or type_of(left if last else right, types) * (not last)
    if outside[:1] in ("-", "↑"):
        return "Int"
    for sign in _ARITHMETIC:
        left, found, right = _parted(term, outside, sign)
        if found:
            sides = [type_of(left, types), *([] if sign == " ^ " else [type_of(right, types)])]
            return next((side for side in sides if side in ("Nat", "Int")), "")
    return _applied(_words(term, outside), types)


def _applied(words: Sequence[str], types: Mapping[str, str]) -> str:
    """Return the result type of an application."""
    head, *arguments = words
    if head in _NOT_APPLIED:
        return ""
    if head in types:
        return " → ".join(types[head].split(" → ")[len(arguments) :])
    if head in ("some", "List.singleton") and arguments:
        element = type_of(arguments[0], types)
        return f"{'Option' if head == 'some' else 'List'} {element}" if element.isalpha() else ""
    receiver, _, method = head.rpartition(".")
    if receiver in ("Nat", "Int"):
        result = _RESULT_OF.get(method, receiver if method in _NUMERICAL.split() else "")
        return receiver if result == "same" else result
    result = _RESULT_OF.get(method, "")
    if result not in ("same", "element"):
        return result
    values = [receiver] if receiver not in ("List", "Option", "Bool") else list(reversed(arguments))
    container = next(
        (container for value in values if (container := type_of(value, types)).startswith(("List", "Option", "Bool"))),
        "",
    )
    if result == "element":
        return container.replace("List", "Option", 1) if container.startswith("List") else ""
    return container


def _outside(text: str) -> str:
    """Return the text with everything inside brackets blacked out."""
    awaited: list[str] = []
    shown = []
    for sign in text:
        if awaited and sign == awaited[-1]:
            awaited.pop()
        shown.append("·" if awaited else sign)
        if sign in BRACKETS:
            awaited.append(BRACKETS[sign])
    return "".join(shown)


def _parted(term: str, outside: str, sign: str) -> tuple[str, bool, str]:
    place = outside.find(sign)
    return (term, False, "") if place < 0 else (term[:place], True, term[place + len(sign) :])


def _words(term: str, outside: str) -> list[str]:
    """Return a term's head and arguments."""
    words, start = [], 0
    for place, sign in enumerate(outside + " "):
        if sign == " ":
            words.append(term[start:place])
            start = place + 1
    return [word for word in words if word] or [""]
