"""Steps that lose nothing: what was provable before them is provable after them, so that nothing else need be tried."""

import re
from collections.abc import Iterable, Iterator, Sequence

from prover.search.tactics.facts import facts_of
from prover.search.tactics.goal import Goal
from prover.search.tactics.known import Known
from prover.search.tactics.propositions import outermost
from prover.search.tactics.witnesses import bound
from prover.source.binders import Binder, Shape, read_shape

_FORALL = re.compile(r"[∀∃]")
_ASSUMPTION = re.compile(r"g\d+")
_ATOM = re.compile(r"¬?\(?([A-Za-zα-ωΑ-Ω]\w?)\)?(?: [a-z]\w?)*")


def invertible(goal: Goal, known: Known) -> Iterator[str]:
    """Steps (see `prover.search.tactics.steps`) of which the first one that runs is as good as any."""
    operator = outermost(goal.target)[0]
    names = Names(goal.hypotheses)
    match operator:
        case "∀" | "→":
            if chosen := introduced(read_shape(f"theorem _ : {goal.target}"), names):
                yield f"intro {' '.join(each.name for each in chosen)}\n□"
        case "¬":
            yield f"intro {names.about(goal.target.removeprefix('¬').strip())}\n□"
        case "≠":
            yield f"intro {names.fresh('h')}\n□"
    variables = {variable.name for variable in goal.hypotheses}
    said = {each.type: each.name for each in facts_of(goal)}
    for each in goal.hypotheses:
        head, one, other = outermost(each.type)
        if head == "→" and one in said and other not in said and not _FORALL.match(one):
            yield f"have {names.about(other)} := {each.name} {said[one]}\n□"
        match head:
            case "∧":
                yield f"obtain ⟨{names.about(one)}, {names.about(other)}⟩ := {each.name}\n□"
                return
            case "∃":
                found = bound(each.type)
                name = names.fresh(found[0] if found else "w")
                head, one, other = outermost(found[1]) if found else ("", "", "")
                if head == "=" and variables & {one, other}:
                    yield f"obtain ⟨{name}, rfl⟩ := {each.name}\n□"
                yield f"obtain ⟨{name}, {names.fresh('h' + name)}⟩ := {each.name}\n□"
                return
            case "=":
                if one in variables or other in variables:
                    yield f"subst {each.name}\n□"
    if mentioned := known.mentioned(goal.text, known.plain):
        yield f"simp only [{', '.join(mentioned)}] at *\n□"
        yield f"unfold {' '.join(mentioned)}\n□"
    match operator:
        case "∧" | "↔":
            yield "constructor\n· □\n· □"


class Names:
    """Names for what a step brings, none of them taken."""

    def __init__(self, taken: Iterable[Binder]) -> None:
        self._taken = {each.name for each in taken}

    def fresh(self, name: str) -> str:
        """`name`, or with a number behind it."""
        found = next(
            each
            for each in (name + (str(n) if n else "") for n in range(len(self._taken) + 1))
            if each not in self._taken
        )
        self._taken.add(found)
        return found

    def about(self, proposition: str) -> str:
        """A name for a proof: `hp` of `p`, `hp` of `p x`, else `h`."""
        match = _ATOM.fullmatch(proposition)
        return self.fresh(f"h{match[1]}" if match else "h")


def introduced(shape: Shape, names: Names) -> list[Binder]:
    """What the goal of a shape quantifies over or assumes, under names that a person would give."""
    own = shape.binders[len(shape.binders) - len(shape.intros) :]
    return [
        Binder(names.about(each.type) if _ASSUMPTION.fullmatch(each.name) else names.fresh(each.name), each.type)
        for each in own
    ]


def names_of(goal: Goal, wanted: Sequence[str]) -> list[str]:
    """The names, made different from all that the goal has and from each other."""
    names = Names(goal.hypotheses)
    return [names.fresh(each) for each in wanted]
