"""Takes a statement apart into variables, hypotheses and goal, so that it can be modified and written again."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from prover.search.tactics.goals.propositions import outermost
from prover.source.binders import read_shape
from prover.source.lexer import tokenize
from prover.theorem import Header, Theorem

_INSTANCE = re.compile(r"\[(?:\w+ : )?[A-Z][\w.]* [^\]]*\]")
"""An instance argument, or what looks like one."""
_OF_TYPES = frozenset({"Nat", "Int", "Bool", "List", "Option", "→", "(", ")", "×"})


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement with all variables and hypotheses before the colon.

    Attributes:
        variables: names with their types, in order.
        hypotheses: names with their propositions, in order.
        goal: the proposition to prove.
        moved: names bound after the colon in the source, which a proof of the source must introduce.
    """

    variables: tuple[tuple[str, str], ...]
    hypotheses: tuple[tuple[str, str], ...]
    goal: str
    moved: tuple[str, ...] = ()

    @classmethod
    def read(cls, theorem: Theorem) -> "Statement | None":
        """Parse a statement; None unless it is plain: about numbers, Booleans, lists and functions of these, without a
        context, instances or its own header.
        """
        if theorem.context or theorem.header != Header() or any(sign in theorem.statement for sign in "⦃@"):
            return None
        if _INSTANCE.search(theorem.statement):
            return None
        shape = read_shape(theorem.statement)
        variables, hypotheses = [], []
        for binder in shape.binders:
            # As in `∀ n > 2, …`, where Lean assumes a natural number by default.
            type_ = binder.type or ("Nat" if "Int" not in theorem.statement else "")
            if type_ and all(token.text in _OF_TYPES for token in tokenize(type_)):
                variables.append((binder.name, type_))
            elif outermost(binder.type)[0]:
                hypotheses.append((binder.name, binder.type))
            else:
                return None
        names = [name for name, _ in (*variables, *hypotheses)]
        if not shape.goal or len(set(names)) < len(names):
            return None
        return cls(tuple(variables), tuple(hypotheses), shape.goal, shape.intros)

    def text(self, name: str) -> str:
        """Return `theorem NAME (x : T) (h : P) : goal`; adjacent binders of one type are merged."""
        groups: list[tuple[list[str], str]] = []
        for variable, type_ in self.variables:
            if groups and groups[-1][1] == type_:
                groups[-1][0].append(variable)
            else:
                groups.append(([variable], type_))
        binders = [f"({' '.join(names)} : {type_})" for names, type_ in groups]
        binders += [f"({hypothesis} : {says})" for hypothesis, says in self.hypotheses]
        return " ".join(["theorem", name, *binders, ":", self.goal])

    def of_type(self, *types: str) -> list[str]:
        """Return the variables of one of these types."""
        return [name for name, type_ in self.variables if type_ in types]

    def fresh(self, wish: str) -> str:
        """Return a name like `wish` that does not occur in the statement."""
        used = {token.text for text in self.texts for token in tokenize(text)} | {name for name, _ in self.variables}
        used |= {name for name, _ in self.hypotheses}
        while wish in used:
            wish += "'"
        return wish

    @property
    def texts(self) -> list[str]:
        """Return the hypotheses and the goal as texts."""
        return [*(says for _, says in self.hypotheses), self.goal]

    def replaced(self, names: Mapping[str, str]) -> "Statement":
        """Substitute texts for names throughout; variables replaced by something other than a name are dropped."""
        variables = tuple((names.get(name, name), type_) for name, type_ in self.variables)
        return Statement(
            tuple((name, type_) for name, type_ in variables if _is_name(name)),
            tuple((names.get(name, name), replaced(says, names)) for name, says in self.hypotheses),
            replaced(self.goal, names),
            tuple(names.get(name, name) for name in self.moved),
        )


def replaced(text: str, names: Mapping[str, str]) -> str:
    """Substitute texts for names in a term or proof; `x.1` and `x.foo` are `x` with a suffix."""
    pieces, end = [], 0
    for token in tokenize(text):
        head, dot, rest = token.text.partition(".")
        if token.kind == "name" and head in names:
            pieces += [text[end : token.start], names[head] + dot + rest]
            end = token.end
    return "".join([*pieces, text[end:]])


def bracketed(text: str) -> str:
    """Add brackets unless the text is a single token."""
    return text if len(list(tokenize(text))) == 1 else f"({text})"


def names_in(texts: Iterable[str]) -> set[str]:
    """Return the first components of all names in some texts."""
    return {token.text.partition(".")[0] for text in texts for token in tokenize(text) if token.kind == "name"}


def _is_name(text: str) -> bool:
    tokens = list(tokenize(text))
    return len(tokens) == 1 and tokens[0].kind == "name"
