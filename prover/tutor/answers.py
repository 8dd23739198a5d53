"""The answers to a learner that are no hints: a summary of the proof, or a sentence on why there is no hint."""

from dataclasses import dataclass

from prover.events import Refutation
from prover.tutor.hints import MOST_STEPS, HintOutcome, LearnerStep, Tutored
from prover.tutor.proofs.moves import ProofMove
from prover.tutor.proofs.reading import Reading

_MAX_QUOTED = 200  # characters of a goal quoted in a sentence
_TOO_LONG = (
    f"This proof is too long: hints are made for at most {MOST_STEPS} steps, nested ones included. "
    "Shorten it, or prove a part of it as a separate theorem."
)


@dataclass(frozen=True, slots=True)
class Falsehood:
    """A falsehood proved by `refutation`: an open goal, or the theorem if `goal` is empty."""

    refutation: Refutation
    goal: str = ""


def falsehood_answer(reading: Reading, falsehood: Falsehood) -> Tutored:
    """Return the answer to a learner whose theorem, or whose open goal, is false."""
    found = falsehood.refutation
    values = ", ".join(f"`{name} := {value}`" for name, value in found.counterexample)
    by = f": it does not hold for {values}" if values else ", as Lean has proved"
    if not falsehood.goal:
        sentence = f"The theorem is false{by}."
        return Tutored(HintOutcome.THEOREM_FALSE, sentence, counterexample=found.counterexample)
    last = reading.accepted.leading_to(len(reading.before), falsehood.goal)
    line = reading.accepted.proof.count("\n", 0, last.start) + 1
    shown = " ".join(falsehood.goal[falsehood.goal.rfind("⊢") :].split())
    shown = shown if len(shown) <= _MAX_QUOTED else shown[:_MAX_QUOTED] + "…"
    sentence = (
        f"From here the proof cannot be finished, because the open goal `{shown}` is false{by}. "
        f"Go back before the step in line {line}, or further."
    )
    return Tutored(HintOutcome.DEAD_END, sentence, counterexample=found.counterexample)


def learner_step(move: ProofMove, proof: str) -> LearnerStep:
    """Return one move of a learner's proof with its line."""
    line = proof.count("\n", 0, move.start) + 1
    return LearnerStep(move.text.partition("\n")[0], line, move.column, move.left, move.open_after)


def summary(reading: Reading) -> str:
    """Return one sentence on how far Lean accepts a proof."""
    if reading.open:
        return f"{reading.open} goal{'s' if reading.open != 1 else ''} open."
    if reading.too_long:
        return _TOO_LONG
    advice = ": fix the errors that it reports first" if reading.refused else ""
    return f"Lean finds no place where this proof could continue{advice}."
