"""Checks whether a file solves another: it must contain every theorem of the challenge with its name and statement, and
every open definition with its name and type.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace

from prover.candidate import Candidate
from prover.errors import InputError
from prover.options import CheckOptions
from prover.requests import Check, Service
from prover.source.faults import below_faults
from prover.source.lean_file import LeanFile
from prover.source.scanner import Command
from prover.theorem import Theorem
from prover.verdict import Message, Mode, Region, Verdict

_DEFINITIONS = frozenset({"def", "abbrev", "instance", "opaque"})
_WITNESS = "_root_.leansieve_defines"
# A policy of the settings may allow these; a request may not, because they make Lean run code of the solution.
_NEVER = frozenset({"sorryAx", "reduceBool", "reduceNat", "ofReduceBool", "ofReduceNat", "trustCompiler", "autoParam"})


@dataclass(frozen=True, slots=True)
class Solution:
    """A solution to check.

    Attributes:
        challenge: the file with the problem; its author is the client.
        solution: the file with the claimed solution; not trusted at all.
        theorems: full names; empty: every theorem of the challenge.
        definitions: full names of definitions that the solution provides; empty: all that the challenge leaves open.
        axioms: axioms allowed in addition to the standard three.
        project: see `Theorem.project`.
    """

    challenge: LeanFile
    solution: LeanFile
    theorems: tuple[str, ...] = ()
    definitions: tuple[str, ...] = ()
    axioms: tuple[str, ...] = ()
    project: str = ""
    options: CheckOptions = field(default_factory=CheckOptions)


@dataclass(frozen=True, slots=True)
class ChallengePart:
    """A part of a challenge to be solved: its full name, its line, and whether it is a definition."""

    name: str
    line: int
    definition: bool


@dataclass(frozen=True, slots=True)
class Solved:
    """The verdict on a part.

    Positions of its messages refer to the challenge, or to the solution (`Region.CANDIDATE`).
    """

    part: ChallengePart
    verdict: Verdict


async def solved(service: Service, asked: Solution) -> AsyncGenerator[Solved, None]:
    """Check each part of a challenge, in the order of the file.

    Raises:
        InputError: a name is not in the challenge, there is nothing to solve, the solution has imports that the
            challenge lacks, or an axiom may not be allowed by requests.
        UserError: as `Service.check`.
    """
    challenge = asked.challenge
    parts = _parts(asked)
    holes = tuple(part.name for part, _ in parts if part.definition)
    text = asked.solution.context(len(asked.solution.text))
    for part, item in parts:
        while True:
            verdict = await service.check(_check(asked, challenge, item, part, text, holes))
            below = below_faults(challenge, verdict)
            if below is None:
                break
            challenge, _ = below
        yield Solved(part, _placed(challenge, asked.solution, item, verdict, part))


def _parts(asked: Solution) -> list[tuple[ChallengePart, Command]]:
    challenge = asked.challenge
    extra = [one for one in asked.solution.header.imports if one not in challenge.header.imports]
    if extra:
        raise InputError(
            "solution", f"the solution imports {', '.join(extra)[:200]!r}, but the challenge does not: import only what the challenge imports"
        )  # fmt: skip
    for axiom in asked.axioms:
        if not _NEVER.isdisjoint(axiom.split(".")):
            raise InputError("axioms", f"{axiom[:80]!r} can be allowed by a policy of the settings only")
    names = challenge.full_names()
    found: dict[str, tuple[ChallengePart, Command]] = {}
    for number, item in enumerate(challenge.commands):
        definition = item.keyword in _DEFINITIONS
        named = number in names and (definition or (item.statement and item.keyword != "example"))
        if named:
            found[names[number]] = ChallengePart(names[number], item.line, definition), item
        elif not (asked.theorems or asked.definitions) and item.value is not None and challenge.sorries(item):
            raise InputError(
                "challenge",
                f"line {item.line}: solutions are compared by name, and this {item.keyword} with `sorry` has none: "
                "name it, or select the parts to solve (--theorem, --definition)",
            )
    for kind, wanted in (("theorem", asked.theorems), ("definition", asked.definitions)):
        for name in wanted:
            if name not in found or found[name][0].definition is not (kind == "definition"):
                raise InputError(f"{kind}s", f"the challenge has no {kind} {name[:80]!r}")
    every = [
        (part, item)
        for part, item in found.values()
        if (
            (part.name in asked.definitions or (not asked.definitions and challenge.sorries(item)))
            if part.definition
            else part.name in (asked.theorems or (part.name,))
        )
    ]
    if not every:
        raise InputError("challenge", "the challenge has nothing to solve: no theorem, and no definition with `sorry`")
    return every


def _check(
    asked: Solution, challenge: LeanFile, item: Command, part: ChallengePart, text: str, holes: tuple[str, ...]
) -> Check:
    theorem = challenge.theorem(item)
    if part.definition:
        # This equation only has a type if the definition has the challenge's type.
        same = f"theorem {_WITNESS} : @_root_.{part.name} = @_root_.{part.name}"
        theorem = Theorem(same, challenge.header, challenge.context(item.end))
        text = f"{text}\n\n{same} := rfl\n"
    return Check(
        theorem.within(asked.project),
        Candidate(text, Mode.FILE, "given"),
        replace(asked.options, holes=holes, axioms=asked.axioms),
    )


def _placed(challenge: LeanFile, solution: LeanFile, item: Command, verdict: Verdict, part: ChallengePart) -> Verdict:
    definition, name = part.definition, part.name
    last = max(1, len(solution.text.splitlines()))
    messages: list[Message] = []
    for message in verdict.messages:
        if message.region is Region.CANDIDATE:
            (moved,) = solution.placed(replace(verdict, messages=(message,))).messages
            if definition and moved.text.startswith("leansieve_defines"):
                moved = replace(moved, text="its type is not that of the challenge")
            elif definition and f"`_root_.{name}`" in moved.text:
                moved = replace(moved, line=last, column=0, text=f"the solution does not define `{name}`")
            if moved not in messages:
                messages.append(moved)
        elif definition and message.region is Region.STATEMENT:
            messages.append(replace(message, line=item.line, column=0))
        else:
            line, column = challenge.position(item, message)
            messages.append(replace(message, line=line, column=column))
    return replace(verdict, messages=tuple(messages))
