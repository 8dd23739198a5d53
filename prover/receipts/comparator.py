"""Converts receipts to projects that `leanprover/comparator` reads: a challenge, a solution and a configuration."""

import json
import re

from prover.receipts.receipt import Receipt
from prover.source import lean_file
from prover.verdict import STANDARD_AXIOMS, Mode

_RELEASE = re.compile(r"\d+\.\d+\.\d+(?:-rc\d+)?")
_LIBRARIES = """\
name = "leansieve_receipt"
version = "0.1.0"

[[lean_lib]]
name = "Challenge"

[[lean_lib]]
name = "Solution"
"""


def project(receipt: Receipt) -> dict[str, str]:
    """Return the files of a Lake project, by name, with which comparator checks a receipt.

    If the header imports a library other than Lean's own, add it to the `lakefile.toml` by hand.
    """
    above = "\n\n".join(filter(None, (receipt.header, receipt.context)))
    challenge = f"{above}\n\n{receipt.statement} := sorry\n"
    if receipt.mode is Mode.PROOF:
        solution = f"{above}\n\n{receipt.statement} := {receipt.candidate}\n"
    else:
        solution = f"{receipt.header if _stands_alone(receipt) else above}\n\n{receipt.candidate}\n"
    configuration = {
        "challenge_module": "Challenge",
        "solution_module": "Solution",
        "theorem_names": [receipt.theorem],
        "permitted_axioms": list(dict.fromkeys((*STANDARD_AXIOMS, *receipt.policy.axioms))),
        "enable_nanoda": False,
    }
    files = {
        "Challenge.lean": challenge,
        "Solution.lean": solution,
        "config.json": json.dumps(configuration, ensure_ascii=False, indent=2) + "\n",
        "lakefile.toml": _LIBRARIES,
    }
    # The embedded Lean's `4.28.0-pre` is closest to the release of that number.
    if version := _RELEASE.match(receipt.lean):
        files["lean-toolchain"] = f"leanprover/lean4:v{version[0]}\n"
    return files


def _stands_alone(receipt: Receipt) -> bool:
    """Whether a whole file repeats the context's declarations, so that it needs only the header."""
    context, file = (set(lean_file.parse(text).full_names().values()) for text in (receipt.context, receipt.candidate))
    return not context.isdisjoint(file)
