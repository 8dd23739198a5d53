"""By what proofs and failures are found.

The same theorem comes under other names, with other white space and comments. Two keys, because mistakes cost differently:

- `proof_key` is tolerant. Every proof is checked again before it is served, so that a wrong hit costs one check.
- `failure_key` is careful. A wrong hit would leave a theorem unproved that could have been proved, so that only what
  cannot change a meaning is dropped: comments, the width of white space, the last part of the name.

Names of bound variables count in both: a proof mentions them.
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
    """What theorems share whose proofs are worth a try: name, white space, comments and order of imports do not count."""
    _, rest = _split(theorem.statement)
    imports = sorted({"Init", *theorem.header.imports})
    texts = [_words(text) for text in (theorem.header.prelude, theorem.context, rest)]
    return _hash(toolchain.lean, theorem.project, imports, texts)


def failure_key(theorem: Theorem, toolchain: Toolchain) -> str:
    """What theorems share that mean the same and are searched in the same way."""
    name, rest = _split(theorem.statement)
    # Lean opens the namespaces of a theorem's own name: `Nat.foo` may say `succ` where `foo` may not.
    namespace = name.rpartition(".")[0]
    texts = [normalise(text) for text in (theorem.header.prelude, theorem.context, rest)]
    lean = (toolchain.lean, toolchain.runtime, theorem.project)
    return _hash(lean, theorem.header.imports, namespace, texts)


def candidate_key(candidate: Candidate, theorem: Theorem) -> str:
    """What two proofs of a theorem share that are the same (`prover.search.diversity.distinct_key`)."""
    # A whole file is no proof: what may differ in it is not for `distinct_key` to say.
    text = distinct_key(candidate.text, theorem) if candidate.mode is Mode.PROOF else candidate.text
    return _hash(candidate.mode, text)


def policy_key(policy: Policy) -> str:
    """What policies share that allow the same."""
    return _hash(sorted(policy.axioms), sorted(policy.kinds), policy.guard)


def _split(statement: str) -> tuple[str, str]:
    """The theorem's name, and what follows it."""
    tokens = tokenize(statement)
    keyword, name = next(tokens, None), next(tokens, None)
    if keyword is None or name is None or keyword.text not in ("theorem", "lemma") or name.kind != "name":
        return "", statement
    return name.text, statement[name.end :]


def _words(text: str) -> str:
    return " ".join(token.text for token in tokenize(text))


def _hash(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
