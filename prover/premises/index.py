"""Search index of an imported library, stored in one file.

It is built module by module, so that only changed modules are read again.
"""

import io
import json
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from prover.atomic import atomic_write
from prover.lean.wire.library import Declarations, ImportedModule
from prover.premises import trees
from prover.premises.relevance import Relevance, by_name, by_type
from prover.premises.trees import BINDERS, Ints, Trees, Vocabulary

VERSION = 2
"""Version of the file format; a file of another version is rebuilt."""


_RELEVANCE = ("weights", "starts", "having", "lengths")
"""Names of the arrays of a `Relevance` in the file."""

INTERNAL = ("Lean.", "Int.Linear.", "Nat.Linear.", "Nat.SOM.", "Std.Internal.", "Std.Tactic.")
"""Prefixes of names that only tactics use."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """A declaration: its name, its kind (`Constant.kind`), and whether it is deprecated."""

    name: str
    kind: str
    outdated: bool


@dataclass(frozen=True, slots=True)
class Module:
    """The declarations of a module, and the shapes of their types in the same order."""

    name: str
    fingerprint: str
    declarations: tuple[Declaration, ...]
    trees: Trees


@dataclass(frozen=True)
class Index:
    """An immutable index of a library."""

    vocabulary: Vocabulary
    modules: tuple[Module, ...]
    stored: tuple[Relevance, Relevance] | None = None

    @cached_property
    def declarations(self) -> tuple[Declaration, ...]:
        """All declarations, in the order of the modules."""
        return tuple(one for module in self.modules for one in module.declarations)

    @cached_property
    def trees(self) -> Trees:
        """The types of all declarations, in order."""
        return trees.joined([module.trees for module in self.modules])

    @cached_property
    def folded(self) -> tuple[str, ...]:
        """The names in lower case."""
        return tuple(one.name.casefold() for one in self.declarations)

    @cached_property
    def proofs(self) -> Ints:
        """Numbers of the declarations that a proof may use."""
        kinds = ("theorem", "axiom", "constructor")
        return np.array([i for i, one in enumerate(self.declarations) if one.kind in kinds], np.int64)

    @cached_property
    def conclusions(self) -> Ints:
        """Position of each type's conclusion, after all arguments."""
        binder = np.array([key[1:2] in BINDERS and key[0] == "·" for key in self.vocabulary.keys] or [False])
        at, ends = self.trees.starts[:-1].copy(), self.trees.starts[1:]
        while True:
            inside = at < ends
            inside[inside] = binder[self.trees.tokens[at[inside]]]
            if not inside.any():
                return at
            argument = at[inside] + 1
            at[inside] = argument + self.trees.sizes[argument]

    @cached_property
    def depths(self) -> Ints:
        """Number of binders around each node."""
        whole = self.trees
        binding = np.array([key.startswith(("·p ", "·q ", "·l ", "·t ")) for key in self.vocabulary.keys] or [False])
        at = np.flatnonzero(binding[whole.tokens])
        change = np.zeros(len(whole.tokens) + 1, np.int32)
        np.add.at(change, at + 1 + whole.sizes[at + 1], 1)  # the bound variable occurs in the second part
        np.subtract.at(change, at + whole.sizes[at], 1)
        return np.cumsum(change[:-1]).astype(np.int16)

    @cached_property
    def tie_ranks(self) -> Ints:
        """Rank of each declaration for ties: short statements of theorems come first."""
        lengths = np.diff(self.trees.starts).tolist()

        def rank(one: int) -> tuple[bool, bool, bool, int, int, str]:
            declaration = self.declarations[one]
            name = declaration.name
            internal = name.startswith(INTERNAL)
            return declaration.outdated, declaration.kind != "theorem", internal, lengths[one], len(name), name

        places = np.empty(len(lengths), np.int64)
        places[sorted(range(len(lengths)), key=rank)] = np.arange(len(lengths))
        return places

    @cached_property
    def offered(self) -> NDArray[np.bool_]:
        """Whether a declaration may be offered for use in a proof."""
        return np.array([not (one.outdated or one.name.startswith(INTERNAL)) for one in self.declarations], bool)

    @cached_property
    def relevance(self) -> tuple[Relevance, Relevance]:
        """Finds declarations by features that their types and names share with a goal."""
        return self.stored or (
            by_type(self.vocabulary, self.trees, self.proofs),
            by_name([one.name for one in self.declarations], self.proofs),
        )

    def prepare(self) -> None:
        """Compute the derived arrays now. Takes up to seconds."""
        _ = self.folded, self.depths, self.tie_ranks, self.offered, self.relevance


def read_module(listed: ImportedModule, pages: Iterable[Declarations], vocabulary: Vocabulary) -> Module:
    """Parse a module as the worker lists it.

    Raises:
        ValueError, IndexError: a shape is malformed.
    """
    found: list[Declaration] = []
    shapes: list[list[int]] = []
    for page in pages:
        for name, kind, outdated, shape in page.declarations:
            if "\n" in name:
                continue
            found.append(Declaration(name, kind, outdated))
            shapes.append([vocabulary.number(key) for key in trees.nodes(shape, page.symbols)])
    return Module(listed.name, listed.fingerprint, tuple(found), trees.read(shapes, vocabulary))


def save(index: Index, path: Path) -> None:
    """Write the index atomically. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    about = {
        "version": VERSION,
        "vocabulary": index.vocabulary.keys,
        "modules": [[module.name, module.fingerprint, len(module.declarations)] for module in index.modules],
        "declarations": [[one.name, one.kind, one.outdated] for one in index.declarations],
        "features": [list(one.numbers) for one in index.relevance],
    }
    whole = index.trees
    relevance = {
        f"{name}_{number}": getattr(one, name) for number, one in enumerate(index.relevance) for name in _RELEVANCE
    }
    with atomic_write(path, 0o600) as stream:
        np.savez(
            stream,
            about=np.frombuffer(json.dumps(about, ensure_ascii=False).encode(), np.uint8),
            starts=whole.starts,
            tokens=whole.tokens,
            sizes=whole.sizes,
            hashes=whole.hashes,
            **relevance,
        )


def load(path: Path) -> Index | None:
    """Load a stored index; None if there is none, or none of this version that can be read."""
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored:
            about = json.loads(stored["about"].tobytes())
            if about["version"] != VERSION:
                return None
            whole = Trees(stored["starts"], stored["tokens"], stored["sizes"], stored["hashes"])
            by_type_, by_name_ = (
                Relevance(
                    {feature: place for place, feature in enumerate(features)},
                    *(stored[f"{name}_{number}"] for name in _RELEVANCE),
                )
                for number, features in enumerate(about["features"])
            )
            relevance = by_type_, by_name_
        return _divided(about["modules"], about["declarations"], whole, Vocabulary.of(about["vocabulary"]), relevance)
    except (OSError, EOFError, ValueError, KeyError, TypeError, IndexError, zipfile.BadZipFile):
        return None  # it will be rebuilt


def _divided(
    modules: Sequence[tuple[str, str, int]],
    declarations: Sequence[tuple[str, str, bool]],
    whole: Trees,
    vocabulary: Vocabulary,
    relevance: tuple[Relevance, Relevance],
) -> Index:
    if len(whole) != len(declarations) or sum(count for _, _, count in modules) != len(declarations):
        raise ValueError("the parts of an index do not fit together")
    if len(whole.tokens) and int(whole.tokens.max()) >= len(vocabulary.keys):
        raise ValueError("an index names nodes that it lacks")
    listed, at = tuple(Declaration(*one) for one in declarations), 0
    divided = []
    for name, fingerprint, count in modules:
        divided.append(Module(name, fingerprint, listed[at : at + count], whole.part(at, at + count)))
        at += count
    return Index(vocabulary, tuple(divided), relevance)
