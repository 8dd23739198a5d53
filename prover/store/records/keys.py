"""Keys of stored proofs and failures.

The same theorem may have other names, white space and comments. There are two keys, because wrong hits differ in cost:

- `proof_key` is tolerant. Every proof is checked again before it is served, so that a wrong hit costs only a check.
- `failure_key` is careful. A wrong hit would leave a provable theorem unproved. It ignores only parts that cannot change
  the meaning: comments, the width of white space, the last part of the name.

Both keys include names of bound variables, because proofs mention them.
"""

import hashlib
import json

from prover.candidate import Candidate
from prover.receipts.receipt import Toolchain
from prover.search.diversity import distinct_key, normalise
from prover.source.lexer import tokenize
from prover.theorem import Theorem
from prover.verdict import Mode, Policy


def proof_key(theorem: Theorem, toolchain: Toolchain) -> str:
    """Return a key shared by theorems whose proofs may be interchangeable: name, white space, comments and order of
    imports are ignored.
    """
    _, signature = _split(theorem.statement)
    imports = sorted({"Init", *theorem.header.imports})
    texts = [_words(text) for text in (theorem.header.prelude, theorem.context, signature)]
    return _hash(toolchain.lean, theorem.project, imports, texts)


def failure_key(theorem: Theorem, toolchain: Toolchain) -> str:
    """Return a key shared by theorems with the same meaning and the same search."""
    name, signature = _split(theorem.statement)
    # Lean opens the namespaces of a theorem's own name: in `Nat.foo`, `succ` resolves; in `foo`, it may not.
    namespace = name.rpartition(".")[0]
    texts = [normalise(text) for text in (theorem.header.prelude, theorem.context, signature)]
    lean = (toolchain.lean, toolchain.runtime, theorem.project)
    return _hash(lean, theorem.header.imports, namespace, texts)


def candidate_key(candidate: Candidate, theorem: Theorem) -> str:
    """Return a key shared by equal proofs of a theorem (`prover.search.diversity.distinct_key`)."""
    # For a whole file, the exact text is the key: `distinct_key` only understands proofs.
    text = distinct_key(candidate.text, theorem) if candidate.mode is Mode.PROOF else candidate.text
    return _hash(candidate.mode, text)


def policy_key(policy: Policy) -> str:
    """Return a key shared by policies with equal permissions."""
    return _hash(sorted(policy.axioms), sorted(policy.kinds), policy.guard)


def _split(statement: str) -> tuple[str, str]:
    """Split the statement into the theorem's name and the rest."""
    tokens = tokenize(statement)
    keyword, name = next(tokens, None), next(tokens, None)
    if keyword is None or name is None or keyword.text not in ("theorem", "lemma") or name.kind != "name":
        return "", statement
    return name.text, statement[name.end :]


def _words(text: str) -> str:
    return " ".join(token.text for token in tokenize(text))


def _hash(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
