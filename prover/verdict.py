"""The verdict on a candidate proof, and the limits and policy of the check."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from prover.option import MOST_SECONDS, option

STANDARD_AXIOMS = ("propext", "Quot.sound", "Classical.choice")
"""Lean's standard axioms, which every proof may use."""


class VerdictKind(StrEnum):
    """The outcome of a check. A time-out of Lean is a verdict, never an exception."""

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
    """The tier of trust that a candidate reached. Only the last three tiers are ever called verified."""

    NONE = 0
    ELABORATED = 1
    KERNEL_REPLAYED = 2
    ISOLATED_REPLAY = 3
    CROSS_CHECKED = 4


class Path(StrEnum):
    """The kind of worker that elaborated the candidate (docs/trust.md)."""

    LISTED = "listed"
    TRANSPARENT = "transparent"
    QUARANTINE = "quarantine"


class Mode(StrEnum):
    """The form of the candidate: the text after `:=`, or a whole file that contains the theorem."""

    PROOF = "proof"
    FILE = "file"


class Region(StrEnum):
    """The part of a request that a message points into."""

    HEADER = "header"
    CONTEXT = "context"
    STATEMENT = "statement"
    CANDIDATE = "candidate"


@dataclass(frozen=True, slots=True)
class Message:
    """One message of Lean. Lines count from 1, columns (code points) from 0, relative to the text of `region`."""

    severity: str
    text: str
    region: Region = Region.CANDIDATE
    line: int = 1
    column: int = 0


@dataclass(frozen=True, slots=True)
class Policy:
    """Permissions of a check beyond the vetted default. The verdict and the receipt show every extension.

    Attributes:
        name: shown in the verdict.
        axioms: axioms allowed in addition to propext, Classical.choice and Quot.sound.
        kinds: syntax kinds allowed in addition to the vetting list.
        guard: theorem of the imported library that is proved anew. A proof is FORBIDDEN if it uses this theorem, a
            theorem of the same type, or a theorem that does not precede it. Empty: no guard.
        holes: if not None, the candidate is a whole file under the header alone, and it may define these definitions of
            the context (full names) as it likes, with the same type. None: the candidate continues the context.
        whole: whether a `sorry` anywhere in the candidate counts, not only one that the theorem depends on.
    """

    name: str = "default"
    axioms: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    guard: str = ""
    holes: tuple[str, ...] | None = None
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one check.

    Attributes:
        seconds: wall-clock deadline.
        heartbeats: Lean's `maxHeartbeats`, in thousands of small allocations.
        recursion: Lean's `maxRecDepth`.
        messages: maximum number of returned messages.
        message_bytes: maximum size of a returned message in UTF-8 bytes; longer ones are truncated.
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
        theorem: full name of the theorem in Lean; empty if it was not elaborated.
        axioms: axioms that the proof is known to use, directly or through the library.
        axioms_complete: whether `axioms` is complete. False if the library lacks the proofs of theorems that the proof
            uses, as the embedded one does; these may use propext, Classical.choice and Quot.sound, too.
        assumed: these theorems, if the proof was cross-checked.
        term: digest of a verified proof's term, 16 hexadecimal digits; texts that Lean elaborates to the same term have
            equal digests. Empty if nothing was verified, a file was judged as a whole, or the term is too large
            (docs/worker-protocol.md).
        elapsed_ms: wall-clock time of the check in a worker, without queueing.
        timing: milliseconds in Lean by step, under the keys of docs/worker-protocol.md (`vet_ms`, …, `total_ms`).
        heartbeats: heartbeats used, in small allocations.
        kernel: version and commit of the second kernel; empty if none was used.
        path: the worker kind that elaborated the candidate, or would have.
        containable: whether the verdict is FORBIDDEN only because the candidate's code must not run in a shared worker.
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
        """Whether the kernel accepted this proof of this statement in a clean environment."""
        return self.kind is VerdictKind.VERIFIED and self.trust >= Trust.KERNEL_REPLAYED
