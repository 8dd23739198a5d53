"""Phrases hints in English from templates: several phrasings per level, from more to less revealing."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from prover.search.tactics.goals.goal import read_goal
from prover.search.tactics.goals.propositions import outermost
from prover.source.lexer import tokenize
from prover.tutor.hints import Level
from prover.tutor.proofs.moves import ProofMove
from prover.tutor.wording.catalogue import catalogue

MOST_REVISIONS = 3
FIXED = "Look at your goal once more: what is the outermost sign of what you have to show, and which hypothesis speaks of the same things?"
"""The text if no phrasing passes the vetoes; it makes no claim."""

_ARGUMENTS = re.compile(r"…(?:, …)+")
_KEPT = frozenset({"[", "]", "with", "at", ":=", "using", "generalizing", "←", "only", "+", "arith"})
_SHOWN = frozenset({"induction", "cases", "by_cases", "have", "suffices", "show", "unfold", "intro"})
_ARITHMETIC = re.compile(r"[=<>≤≥≠+*%∣]|\bFalse\b")
_OPENING = re.compile(r"(?:\n|:=|=>).*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class LemmaWords:
    """A lemma's name and its statement as Lean prints it."""

    name: str
    says: str


def drafts(level: Level, move: ProofMove, lemmas: tuple[LemmaWords, ...]) -> Iterator[str]:
    """Yield phrasings of a hint about a step, at most `MOST_REVISIONS` + 1."""
    words, leading = catalogue().words(move.tactic), catalogue().words(_purpose(move))
    match level:
        case Level.QUESTION:
            yield leading.question
            yield catalogue().words("").question
        case Level.DIRECTION:
            yield leading.direction.replace("{variables}", _variables(move))
            yield f"What comes next is {words.kind}."
        case Level.NAME:
            tactic = f"The tactic `{move.tactic}` {words.does}."
            known = [f"`{lemma.name}` {_says(lemma)}." for lemma in lemmas]
            if known:
                yield f"{tactic} Here it has to do with this: {' '.join(known)}"
                yield f"Have a look at this: {' '.join(known)}"
            yield tactic
            yield f"What you need is {words.kind}."
        case Level.NEXT_STEP:
            yield f"The next step has this form: `{masked(move)}`"
            yield f"The next step begins with `{move.tactic}`, and what follows it is for you to find."
            yield f"The next step is {words.kind}; it is one line, and {_leaves(move)}."
        case Level.FULL_STEP:
            yield f"Write this next:\n{_code(move.text)}\n{_explained(move)}"


def masked(move: ProofMove) -> str:
    """Return the step with its arguments replaced by `…`, except library constants and names that it introduces."""
    text = _OPENING.sub("", move.text) if move.tactic in _SHOWN else move.text.partition("\n")[0]
    opening = move.text[len(text) :]
    names = {name.name for name in move.names}
    kept = move.tactic in _SHOWN and (move.holds or move.tactic not in ("intro",))
    words: list[str] = []
    for at, token in enumerate(tokenize(text)):
        keep = at == 0 or kept or token.text in _KEPT or token.text in names or token.text == ","
        word = token.text if keep else "…"
        if word != "…" or not words or words[-1] != "…":
            words.append(word)
    shown = " ".join(words).replace("[ ", "[").replace(" ]", "]").replace(" ,", ",")
    shown = _ARGUMENTS.sub("…", shown)
    if opening:
        shown += " := …" if opening.lstrip().startswith(":=") else " …"
    return shown if shown != move.text else f"{move.tactic}"


def _purpose(move: ProofMove) -> str:
    """Return the catalogue entry whose question leads to the step; it differs from its tactic's entry if the tactic is
    used in an unusual way.
    """
    arguments = move.text.partition("\n")[0].removeprefix(move.tactic).strip()
    goal = read_goal(move.goal)
    first = next((token.text for token in tokenize(arguments)), "")
    known = {each.name: each.type for each in goal.hypotheses}
    about = known.get(first, "")
    match move.tactic:
        case "intro" if goal.target.startswith("¬") or (" ≠ " in goal.target and not goal.target.startswith("∀")):
            return "intro ¬"
        case "exact" | "refine" | "apply" if arguments.startswith("⟨"):
            return "exists" if goal.target.startswith("∃") else "constructor"
        case "exact" | "refine" | "apply" if first in ("Or.inl", "Or.inr", ".inl", ".inr"):
            return "left"
        case "exact" | "refine" if first in ("fun", "λ"):
            return "intro"
        case "exact" if "." in first and first.partition(".")[0] in known:
            return "exact of"
        case "first" if goal.target.startswith("∃"):
            return "exists"
        case "omega" if not _ARITHMETIC.search(goal.target):
            return ""
        case "cases" | "rcases" | "obtain" if about == "False":
            return "contradiction"
        case "cases" | "rcases" if about.startswith("∃") or outermost(about)[0] == "∧":
            return "obtain"
        case "rw" | "rewrite" | "simp" if re.search(r"(?:^| )at (?!.*⊢)\w", arguments):
            return "simp at" if move.tactic == "simp" else "rw at"
        case tactic:
            return tactic


def _variables(move: ProofMove) -> str:
    """Return names in the goal that a step mentions, in backticks."""
    hypotheses = {binder.name for binder in read_goal(move.goal).hypotheses}
    line = move.text.partition("\n")[0]
    found = dict.fromkeys(token.text.partition(".")[0] for token in tokenize(line) if token.kind == "name")
    named = [f"`{name}`" for name in found if name in hypotheses]
    return " and ".join(named[:3]) or "what you have"


def _says(lemma: LemmaWords) -> str:
    if phrase := catalogue().lemmas.get(lemma.name):
        return f"says that {phrase}"
    return f"says: `{' '.join(lemma.says.split())}`" if lemma.says else "is one of your own"


def _leaves(move: ProofMove) -> str:
    if move.holds:
        return "the goals inside it are shown after it"
    left = move.open_after - move.open_before + 1
    if left <= 0:
        return "nothing of this goal is left after it"
    return "another goal takes its place" if left == 1 else f"{left} goals take its place"


def _explained(move: ProofMove) -> str:
    words = catalogue().words(move.tactic)
    inside = " Each `sorry` is for you to replace." if move.holds else ""
    remaining = _leaves(move)
    return f"It {words.does}; {remaining}.{inside}"


def _code(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.split("\n"))
