"""What the sieve says of a candidate proof, and under which limits and policy it said so."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from prover.option import MOST_SECONDS, option

STANDARD_AXIOMS = ("propext", "Quot.sound", "Classical.choice")
"""Lean's own, on which every proof may rest."""


class VerdictKind(StrEnum):
    """The outcome of a check. A Lean time-out is a verdict, never an exception."""

    VERIFIED = "verified"
    REJECTED = "rejected"
    INCOMPLETE = "incomplete"
    FORBIDDEN = "forbidden"
    STATEMENT_CHANGED = "statement_changed"
    AXIOM_NOT_ALLOWED = "axiom_not_allowed"
    TIMEOUT = "timeout"
    OUT_OF_RESOURCES = "out_of_resources"
    INVALID_STATEMENT = "invalid_statement"
    KERNELS_DISAGREE = "kernels_disagree"
    INFRASTRUCTURE = "infrastructure"


class Trust(IntEnum):
    """How far a candidate was believed. Only the last three are ever called verified."""

    NONE = 0
    ELABORATED = 1
    KERNEL_REPLAYED = 2
    ISOLATED_REPLAY = 3
    CROSS_CHECKED = 4


class Path(StrEnum):
    """Where a candidate was elaborated (docs/trust.md)."""

    LISTED = "listed"
    TRANSPARENT = "transparent"
    QUARANTINE = "quarantine"


class Mode(StrEnum):
    """What the candidate supplies: what follows `:=`, or a whole file that contains the theorem."""

    PROOF = "proof"
    FILE = "file"


class Region(StrEnum):
    """Which of the texts of a request a message points into."""

    HEADER = "header"
    CONTEXT = "context"
    STATEMENT = "statement"
    CANDIDATE = "candidate"


@dataclass(frozen=True, slots=True)
class Message:
    """One message of Lean. Lines count from 1, columns (code points) from 0, both within `region`'s own text."""

    severity: str
    text: str
    region: Region = Region.CANDIDATE
    line: int = 1
    column: int = 0


@dataclass(frozen=True, slots=True)
class Policy:
    """What a check allows beyond the vetted default. Every widening shows in the verdict and the receipt.

    Attributes:
        name: shown in the verdict.
        axioms: axioms allowed besides propext, Classical.choice and Quot.sound.
        kinds: syntax kinds allowed besides the vetting list.
        guard: a theorem of the imported library that is being proved again: a proof that uses it, a theorem of the same
            type, or one that does not stand before it is FORBIDDEN. Empty: no guard.
        holes: the candidate is a file that stands on the header alone, and these definitions of the context, by their full
            names, may be any of the same type there. None: the candidate goes on from the context.
        whole: a `sorry` counts wherever in the candidate it is, and not only below the theorem.
    """

    name: str = "default"
    axioms: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    guard: str = ""
    holes: tuple[str, ...] | None = None
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one check.

    Attributes:
        seconds: wall-clock deadline.
        heartbeats: Lean's `maxHeartbeats`, in thousands of small allocations.
        recursion: Lean's `maxRecDepth`.
        messages: most messages returned.
        message_bytes: longest message returned, in UTF-8 bytes; longer ones are cut.
    """

    seconds: float = field(
        default=30.0,
        metadata=option(
            "Deadline of one check.",
            flag="check-seconds",
            metavar="S",
            low=0.001,
            high=MOST_SECONDS,
            proto="timeout",
            effort=True,
        ),
    )
    heartbeats: int = field(default=200_000, metadata=option(effort=True, resumed=False))
    recursion: int = field(default=512, metadata=option(effort=True, resumed=False))
    messages: int = field(default=20, metadata=option(effort=True, resumed=False))
    message_bytes: int = field(default=4_000, metadata=option(effort=True, resumed=False))


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of one check.

    Attributes:
        trust: `NONE` unless every step up to that tier passed.
        theorem: full name under which Lean knows the theorem, empty if it never came that far.
        axioms: axioms that the proof was seen to rest on, the library's among them.
        axioms_complete: whether these are all of them. False where the library holds no proofs of theorems that the proof
            uses: the embedded one does not, and they may rest on propext, Classical.choice and Quot.sound, too.
        assumed: of a proof that was cross-checked: those theorems.
        term: digest of a verified proof's term, 16 hexadecimal digits: two texts of which the same Lean makes one term have one. Empty where
            nothing was verified, where a file was judged as a whole, and where the term is too large (docs/worker-protocol.md).
        elapsed_ms: wall-clock from the start of the check in a worker to its answer; queueing is not counted.
        timing: milliseconds in Lean by step, under the keys of docs/worker-protocol.md (`vet_ms`, …, `total_ms`).
        heartbeats: heartbeats used, in Lean's small units.
        kernel: version and commit of the second kernel that was asked; empty if none was.
        path: where the candidate was elaborated, or would have been.
        containable: whether it is FORBIDDEN only because its code must not run where others are served.
    """

    kind: VerdictKind
    trust: Trust = Trust.NONE
    mode: Mode = Mode.PROOF
    policy: Policy = field(default_factory=Policy)
    theorem: str = ""
    messages: tuple[Message, ...] = ()
    axioms: tuple[str, ...] = ()
    axioms_complete: bool = False
    assumed: tuple[str, ...] = ()
    term: str = ""
    elapsed_ms: float = 0.0
    timing: Mapping[str, float] = field(default_factory=dict)
    heartbeats: int = 0
    kernel: str = ""
    path: Path = Path.LISTED
    containable: bool = False

    @property
    def verified(self) -> bool:
        """Whether the kernel accepted this proof of this statement on a clean environment."""
        return self.kind is VerdictKind.VERIFIED and self.trust >= Trust.KERNEL_REPLAYED
