"""Parses a goal as Lean prints it, as far as needed to propose the next step."""

import re
from dataclasses import dataclass

from prover.source.binders import Binder

_HYPOTHESIS = re.compile(r"([^:⊢]+?) : (.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Goal:
    """One goal.

    Attributes:
        hypotheses: accessible variables and hypotheses, in order, without the values of local definitions.
        target: the proposition to prove, on one line.
        text: the goal as Lean printed it, without its case name.
    """

    hypotheses: tuple[Binder, ...]
    target: str
    text: str

    def of_type(self, *types: str) -> list[str]:
        """Return the names of variables whose type is one of these, applied to arguments or not."""
        return [each.name for each in self.hypotheses if each.type.split(" ")[0] in types and "→" not in each.type]

    def fresh(self, name: str) -> str:
        """Return `name`, with a number appended if it is taken."""
        used = {each.name for each in self.hypotheses}
        candidates = (name + (str(number) if number else "") for number in range(len(used) + 1))
        return next(each for each in candidates if each not in used)


def read_goal(text: str) -> Goal:
    """Parse `case …`, lines `names : type` and `⊢ target`; a line that begins with a blank continues the previous
    one.
    """
    lines = [line for line in text.splitlines() if not line.startswith("case ")]
    entries: list[str] = []
    for line in lines:
        if line.startswith(" ") and entries:
            entries[-1] += " " + line.strip()
        else:
            entries.append(line.strip())
    hypotheses: list[Binder] = []
    target = ""
    for entry in entries:
        if entry.startswith("⊢"):
            target = entry.removeprefix("⊢").strip()
        elif match := _HYPOTHESIS.fullmatch(entry):
            type_ = match[2].partition(" := ")[0]
            hypotheses += (Binder(name, type_) for name in match[1].split() if "✝" not in name)
    return Goal(tuple(hypotheses), target, "\n".join(lines))
