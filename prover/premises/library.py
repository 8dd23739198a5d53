"""The libraries imported by a pool's workers, and searches in them."""

import asyncio
import contextlib
import contextvars
import hashlib
import time
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Protocol

import numpy as np

from prover.assistance.place import as_theorem
from prover.assistance.suggest import PrintedGoal
from prover.errors import InputError
from prover.lean.checker import Terms
from prover.lean.wire.answers import TermShape
from prover.lean.wire.checks import NoAnswerError
from prover.lean.wire.library import Constant, Declarations, ImportedModule
from prover.lean.workers.jobs import Priority
from prover.lean.workers.lean_pool import LeanPool
from prover.premises import names, patterns, relevance, trees
from prover.premises.index import Index, Module, load, read_module, save
from prover.premises.query import Premise, Premises, QueryKind, QueryResult
from prover.premises.trees import Ints, Vocabulary
from prover.requests import BusyError, LateError, StatementError, UnavailableError
from prover.source import typed
from prover.theorem import Theorem
from prover.verdict import Limits, Region, Verdict, VerdictKind

_PAGE = 500  # constants per request; a declaration takes about a millisecond
_PAGE_TERMS = Terms(Limits(seconds=120.0), priority=Priority.BATCH)
_MOST_TURNS = 3  # rounds of look-ups, if Lean does not know all of the first declarations
_LONGEST_QUOTED = 40  # characters of a pattern


class Shapes(Protocol):
    """Computes shapes of a client's own texts, wherever these may be elaborated."""

    async def shape(self, theorem: Theorem, pattern: str | None, terms: Terms) -> TermShape:
        """See `LeanPool.shape`."""
        ...


class Library:
    """Searches the imports of a pool's workers.

    An index is built at the first search of a library and stored in a folder.
    """

    def __init__(
        self,
        pool: LeanPool,
        folder: Path,
        modules: Sequence[str] = ("*",),
        report: Callable[[str, int, int], None] | None = None,
    ) -> None:
        """Create the library; nothing is read.

        Args:
            pool: pool whose libraries are searched.
            folder: folder of the indexes; created if missing.
            modules: shell patterns of the modules to search.
            report: receives the progress of building an index: activity, amount done, total.
        """
        self._pool = pool
        self._folder = folder
        self._patterns = tuple(modules)
        self._report = report
        self._indexes: dict[tuple[str, tuple[str, ...]], asyncio.Task[Index]] = {}
        self._progress = (0, 0)

    async def close(self) -> None:
        """Stop building indexes."""
        for task in self._indexes.values():
            task.cancel()
        await asyncio.gather(*self._indexes.values(), return_exceptions=True)

    async def find(self, request: Premises, shapes: Shapes, terms: Terms) -> QueryResult:
        """Search.

        Args:
            request: the query.
            shapes: elaborates the client's texts.
            terms: terms of questions to Lean.

        Raises:
            InputError: the query is malformed.
            StatementError: Lean rejects the goal.
            BusyError: the index is being built, which takes longer than the request's time.
            UnavailableError: Lean gives no answer.
        """
        ends = time.monotonic() + request.seconds
        if request.kind is QueryKind.GOAL:
            _theorem(request)  # reports a malformed goal before a library is read
        empty = Theorem("", request.header, request.context, request.project)
        index = await self._within(ends, empty)
        try:
            async with asyncio.timeout_at(asyncio.get_running_loop().time() + max(0.0, ends - time.monotonic())):
                ranked = await self._ranked(request, index, shapes, terms)
                premises = await self._shown(ranked, index, request.most, empty, terms)
        except TimeoutError:
            raise LateError(f"the library was not searched within {request.seconds:g} s: give it more time") from None
        return QueryResult(tuple(premises), len(index.declarations), len(ranked))

    async def index(self, theorem: Theorem) -> Index:
        """Return the index of a theorem's imports; builds it if needed. Raises `UnavailableError`."""
        theorem = self._pool.canonical(theorem)
        key = theorem.project, theorem.header.imports
        task = self._indexes.get(key)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = self._indexes[key] = asyncio.create_task(
                self._make(theorem),
                context=contextvars.Context(),  # work for all clients is charged to none
            )
        return await asyncio.shield(task)

    async def _within(self, ends: float, theorem: Theorem) -> Index:
        try:
            return await asyncio.wait_for(self.index(theorem), max(0.0, ends - time.monotonic()))
        except TimeoutError:
            done, total = self._progress
            read = f" ({done} of {total} modules)" if total else ""
            raise BusyError(
                f"the library is being read, which is done once for each set of imports{read}: ask again", 5.0
            ) from None

    async def _make(self, theorem: Theorem) -> Index:
        bare = Theorem("", theorem.header, project=theorem.project)
        try:
            imported = await self._pool.index(bare, _PAGE_TERMS)
            modules = [one for one in imported if any(fnmatchcase(one.name, pattern) for pattern in self._patterns)]
            path = self._path(theorem)
            stored = await asyncio.to_thread(load, path)
            if stored and [(one.name, one.fingerprint) for one in stored.modules] == [
                (one.name, one.fingerprint) for one in modules
            ]:
                await asyncio.to_thread(stored.prepare)
                return stored
            index = await self._read(bare, modules, stored)
        except NoAnswerError as error:
            raise UnavailableError(f"the library cannot be searched: {error}") from None
        await asyncio.to_thread(index.prepare)
        with contextlib.suppress(OSError):  # the next process builds it again
            await asyncio.to_thread(save, index, path)
        return index

    async def _read(self, theorem: Theorem, modules: Sequence[ImportedModule], stored: Index | None) -> Index:
        """Build an index of some modules; unchanged modules are taken from a stored one."""
        vocabulary = stored.vocabulary if stored else Vocabulary()
        known = {(one.name, one.fingerprint): one for one in stored.modules} if stored else {}
        room, turn = asyncio.Semaphore(max(1, self._pool.size)), asyncio.Lock()
        done = 0

        async def read(listed: ImportedModule) -> Module:
            nonlocal done
            if (module := known.get((listed.name, listed.fingerprint))) is None:
                async with room:
                    pages = [
                        await self._pool.declarations(theorem, listed.name, offset, _PAGE, _PAGE_TERMS)
                        for offset in range(0, listed.constants, _PAGE)
                    ]
                async with turn:
                    module = await asyncio.to_thread(_read_module, listed, pages, vocabulary)
            done += 1
            self._progress = done, len(modules)
            if self._report:
                self._report("reading the library", done, len(modules))
            return module

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(read(listed)) for listed in modules]
        return Index(vocabulary, tuple(task.result() for task in tasks))

    def _path(self, theorem: Theorem) -> Path:
        parts = (
            self._pool.runtime,
            self._pool.lean_version,
            theorem.project,
            *theorem.header.imports,
            "",
            *self._patterns,
        )
        return self._folder / f"{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:32]}.npz"

    async def _ranked(self, request: Premises, index: Index, shapes: Shapes, terms: Terms) -> list[tuple[int, float]]:
        """Return the numbers of matching declarations, best first, each with its score."""
        if request.kind is QueryKind.NAME:
            found = await asyncio.to_thread(names.search, request.text, index.folded)
            found.sort(key=lambda one: index.declarations[one].outdated)
            return [(one, 1.0 / (1 + rank)) for rank, one in enumerate(found)]
        if request.kind is QueryKind.PATTERN:
            under = Theorem("", request.header, request.context, request.project)
            shape = await shapes.shape(under, request.text, terms)
            keys = _keys(_taken_pattern(request.text, shape))
            if patterns.is_hole(keys[0]):
                raise InputError("pattern", "the pattern is only a hole, which every type fits: say more of it")
            return await asyncio.to_thread(_fitting, keys, index)
        shape = await shapes.shape(_theorem(request), None, terms)
        if shape.verdict is VerdictKind.INFRASTRUCTURE:
            raise UnavailableError("; ".join(message.text for message in shape.messages))
        if shape.verdict is not VerdictKind.VERIFIED:
            raise StatementError(Verdict(shape.verdict, policy=terms.policy, messages=shape.messages))
        return await asyncio.to_thread(_relevant, _keys(shape), index)

    async def _shown(
        self, ranked: Sequence[tuple[int, float]], index: Index, most: int, theorem: Theorem, terms: Terms
    ) -> list[Premise]:
        """Return the first of some declarations, as far as Lean knows them."""
        premises: list[Premise] = []
        for start in range(0, min(len(ranked), _MOST_TURNS * most), most):
            page = ranked[start : start + most]
            found = await self._constants(theorem, [index.declarations[one].name for one, _ in page], terms)
            for one, score in page:
                declared = index.declarations[one]
                if (constant := found.get(declared.name)) is not None:
                    kind, type_, module = constant.kind, constant.type, constant.module
                    premises.append(Premise(declared.name, kind, type_, module, score, declared.outdated))
            if len(premises) >= most:
                break
        return premises[:most]

    async def _constants(self, theorem: Theorem, wanted: Sequence[str], terms: Terms) -> dict[str, Constant]:
        """Return declarations as Lean prints them; under the header alone if the context may not be elaborated in
        shared workers.
        """
        for under in (theorem, Theorem("", theorem.header, project=theorem.project)):
            try:
                return {one.name: one for one in await self._pool.constants(under, wanted, terms)}
            except NoAnswerError as error:
                reason = error
        if reason.kind is VerdictKind.INVALID_STATEMENT:
            raise InputError("header", f"the header cannot be used: {reason}")
        raise UnavailableError(f"Lean cannot print the results: {reason}")


def _read_module(listed: ImportedModule, pages: Sequence[Declarations], vocabulary: Vocabulary) -> Module:
    try:
        return read_module(listed, pages, vocabulary)
    except (ValueError, IndexError) as error:
        raise NoAnswerError(VerdictKind.INFRASTRUCTURE, f"{listed.name} was listed wrongly: {error}") from None


def _theorem(request: Premises) -> Theorem:
    if "⊢" in request.text:
        return as_theorem(PrintedGoal(request.text, request.header, request.context, request.project))
    statement = typed.read(request.text, bool(request.project)).statement
    if not statement:
        raise InputError("goal", "the goal is empty")
    return Theorem(statement, request.header, request.context, request.project)


def _taken_pattern(pattern: str, shape: TermShape) -> TermShape:
    if shape.verdict is VerdictKind.VERIFIED:
        return shape
    if shape.verdict is VerdictKind.INFRASTRUCTURE:
        raise UnavailableError("; ".join(message.text for message in shape.messages))
    first = next((message for message in shape.messages if message.severity == "error"), None)
    if first is None:
        raise InputError("pattern", f"the pattern was not taken: {shape.verdict.name}")
    lines = pattern.split("\n")
    number = first.line - 2  # our own line precedes it
    placed = first.region is Region.STATEMENT and 0 <= number < len(lines)
    line_end = lines[number][first.column :].strip() if placed else ""
    where = f" at `{line_end[:_LONGEST_QUOTED]}`" if line_end else ""
    text = first.text.partition("\n")[0].replace("unexpected token ':='", "unexpected end of input")  # our own line
    raise InputError("pattern", f"the pattern does not elaborate{where}: {text}")


def _keys(shape: TermShape) -> list[str]:
    try:
        return trees.nodes(shape.shape, shape.symbols)
    except (ValueError, IndexError):
        raise UnavailableError("Lean's answer cannot be read; try again") from None


def _fitting(keys: list[str], index: Index) -> list[tuple[int, float]]:
    """Return declarations whose type contains a match of a pattern; matches of the whole type or its conclusion come
    first.
    """
    whole = index.trees
    roots = patterns.occurrences(keys, whole, index.depths, index.vocabulary)
    owners = np.searchsorted(whole.starts, roots, side="right") - 1
    ends = roots + whole.sizes[roots] == whole.starts[owners + 1]
    stated = ends & (roots <= index.conclusions[owners])
    best = np.zeros(len(index.declarations), np.int8)
    best[owners] = 1
    best[owners[stated]] = 2
    found = np.flatnonzero(best)
    order: Ints = found[np.lexsort((index.tie_ranks[found], -best[found]))]
    return [(one, 1.0 / (1 + place)) for place, one in enumerate(order.tolist())]


def _relevant(keys: list[str], index: Index) -> list[tuple[int, float]]:
    """Return declarations relevant to a goal, by shared features."""
    vocabulary = Vocabulary()
    tree = trees.read([[vocabulary.number(key) for key in keys]], vocabulary)
    scores = relevance.scores(*index.relevance, vocabulary, tree)
    scores[~index.offered] = 0.0
    order: Ints = np.lexsort((index.tie_ranks, -scores))[: np.count_nonzero(scores)]
    return [(one, round(float(scores[one]), 4)) for one in order.tolist()]
