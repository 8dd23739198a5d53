"""A small number of nested inductions: for recursive definitions, where best-first search is less direct."""

from dataclasses import dataclass

from prover.search.stepper import Stepper
from prover.search.strategies.scripts import SURE, Node, Scripts, Tactic
from prover.search.strategies.strategy import SearchContext, question_terms
from prover.search.tactics.goals.known import ContextDeclarations, DeclarationReader
from prover.search.tactics.moves.inductions import functional, waterfall
from prover.search.tactics.moves.steps import flatten
from prover.search.tactics.terms.witnesses import closing
from prover.source.context.declarations import NameReader

_LONGEST_SCRIPT = 20  # tactics


class Induction:
    """Depth-first search with nested inductions, in order of increasing nesting."""

    name = "induction"

    def __init__(self, stepper: Stepper, reader: NameReader | None = None, depth: int = 3, tactics: int = 60) -> None:
        """Search with at most `depth` nested inductions and about so many tactics."""
        self._stepper = stepper
        self._knower = DeclarationReader(reader)
        self._depth = depth
        self._tactics = tactics

    async def run(self, context: SearchContext) -> None:
        """See `Strategy.run`."""
        known = await self._knower.of(context.theorem)
        if not known.recursive and not known.inductives:
            return
        async with self._stepper.open(context.theorem, question_terms(context.options)) as session:
            begun = await context.ask(session.begin)
            if begun.state is None:
                return
            scripts = Scripts(context, session, known, self.name)
            search = _Search(scripts, known, self._tactics)
            for depth in range(self._depth + 1):
                if (proved := await search.without_first(Node(begun.state), depth)) is not None:
                    await scripts.submit(proved)
                    return


@dataclass(frozen=True, slots=True)
class _Failed:
    goal: str
    depth: int


class _Search:
    def __init__(self, scripts: Scripts, known: ContextDeclarations, tactics: int) -> None:
        self._scripts = scripts
        self._known = known
        self._left = tactics
        self._failed: set[_Failed] = set()
        self._ran: dict[tuple[tuple[str, ...], str], Node | None] = {}

    async def without_first(self, node: Node, depth: int) -> Node | None:
        """Return a node in which the first goal is proved and the others are unchanged; None if none was found."""
        goal = node.goal
        key = _Failed(goal.text, depth)
        if key in self._failed or len(node.state.script) > _LONGEST_SCRIPT:
            return None
        self._failed.add(key)  # while it is unproved, so that no step leads back to it
        others = len(node.state.goals) - 1
        if (ahead := await self._ahead(node)) is not None:
            proved = await self._down_to(others, ahead, depth)
        else:
            proved = await self._one_of(node, depth)
        if proved is not None:
            self._failed.discard(key)
        return proved

    async def _one_of(self, node: Node, depth: int) -> Node | None:
        for step, cost in waterfall(node.goal, self._known):
            if cost <= depth and (after := await self._stepped(node, step)) is not None:
                proved = await self._down_to(len(node.state.goals) - 1, after, depth - cost)
                if proved is not None:
                    return proved
        return None

    async def _down_to(self, others: int, node: Node | None, depth: int) -> Node | None:
        while node is not None and len(node.state.goals) > others:
            node = await self.without_first(node, depth)
        return node

    async def _ahead(self, node: Node) -> Node | None:
        """Return the node after a step that loses nothing, or after automation."""
        key = (node.state.script, "")
        if key not in self._ran and self._left > 0:
            self._left -= 2
            after = await self._scripts.simplified(node) or await self._scripts.closed(node)
            if after is None:
                tactics = [*functional(node.goal, self._known), *closing(node.goal)]
                after = await self._scripts.closed_by(node, tactics) if tactics else None
            self._ran[key] = after
        return self._ran.get(key)

    async def _stepped(self, node: Node, step: str) -> Node | None:
        key = (node.state.script, step)
        flat = flatten(step)
        if key not in self._ran and self._left > 0 and flat is not None:
            self._left -= 1
            self._ran[key] = await self._scripts.run(node, Tactic(flat, SURE, step=step))
        return self._ran.get(key)
