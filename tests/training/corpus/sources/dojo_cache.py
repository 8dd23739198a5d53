"""A repository as lean-dojo's cache holds it when it is traced, made without Lean: what ExtractData.lean would have written."""

import json
import subprocess
from pathlib import Path
from typing import Any

SOURCE = """import Init

namespace A

-- nothing to see
@[simp] theorem two (n : Nat) : n + 0 = n := by
  rw [Nat.add_zero]

end A
"""


class _Syntax:
    """Builds the JSON of Lean's syntax over `SOURCE`, token after token."""

    def __init__(self) -> None:
        self.at = 0
        self.spans: dict[str, tuple[int, int]] = {}

    def _info(self, text: str) -> dict[str, Any]:
        start = SOURCE.index(text, self.at)
        self.at = start + len(text)
        self.spans[text] = (start, self.at)
        return {"original": {"pos": start, "endPos": self.at, "leading": "", "trailing": ""}}

    def atom(self, text: str) -> dict[str, Any]:
        return {"atom": {"info": self._info(text), "val": text}}

    def ident(self, text: str) -> dict[str, Any]:
        return {"ident": {"info": self._info(text), "rawVal": text, "val": text, "preresolved": []}}

    def tokens(self, text: str) -> list[dict[str, Any]]:
        return [self.atom(word) for word in text.split()]


def node(kind: str, *args: dict[str, Any]) -> dict[str, Any]:
    return {"node": {"kind": kind, "info": "none", "args": list(args)}}


def syntax() -> dict[str, Any]:
    """The content of `Sample.ast.json`."""
    make = _Syntax()
    command, tactic = "Lean.Parser.Command.", "Lean.Parser.Tactic."
    imported = node("Lean.Parser.Module.import", make.atom("import"), node("null"), make.ident("Init"))
    header = node("Lean.Parser.Module.header", node("null"), node("null", imported))
    namespace = node(f"{command}namespace", make.atom("namespace"), make.ident("A"))
    attributes = node("null", node("Lean.Parser.Term.attributes", *make.tokens("@[ simp ]")))
    modifiers = node(f"{command}declModifiers", node("null"), attributes, *(node("null") for _ in range(4)))
    keyword = make.atom("theorem")
    name = node(f"{command}declId", make.ident("two"), node("null"))
    signature = node(f"{command}declSig", *make.tokens("( n : Nat ) : n + 0 = n"))
    assign, by = make.atom(":="), make.atom("by")
    rewrite = node(f"{tactic}rwSeq", *make.tokens("rw ["), make.ident("Nat.add_zero"), make.atom("]"))
    sequence = node(f"{tactic}tacticSeq", node(f"{tactic}tacticSeq1Indented", node("null", rewrite)))
    value = node(f"{command}declValSimple", assign, node("Lean.Parser.Term.byTactic", by, sequence))
    theorem = node(f"{command}declaration", modifiers, node(f"{command}theorem", keyword, name, signature, value))
    end = node(f"{command}end", make.atom("end"), node("null", make.ident("A")))
    first, last = make.spans["rw"][0], make.spans["]"][1]
    line = SOURCE[:first].count("\n") + 1
    premise = {
        "fullName": "Nat.add_zero",
        "modName": "Init.Core",
        "defPath": None,
        "defPos": None,
        "defEndPos": None,
        "pos": {"line": line, "column": 6},
        "endPos": {"line": line, "column": 18},
    }
    step = {"pos": first, "endPos": last, "stateBefore": "n : Nat\n⊢ n + 0 = n", "stateAfter": "no goals"}
    return {"commandASTs": [header, namespace, theorem, end], "tactics": [step], "premises": [premise]}


def make_cache(root: Path) -> tuple[Path, str, Path]:
    """A git repository, its commit, and a cache in which it is traced."""
    repository = root / "sample"
    repository.mkdir()
    (repository / "lean-toolchain").write_text("leanprover/lean4:v4.28.0\n")
    (repository / "lakefile.toml").write_text('name = "sample"\n')
    (repository / "Sample.lean").write_text(SOURCE)
    git = ["git", "-C", str(repository), "-c", "user.name=test", "-c", "user.email=test@example.org"]
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "Add a theorem"]):
        subprocess.run([*git, *command], check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    traced = root / "cache" / f"gitpython-sample-{commit}" / "sample"
    built = traced / ".lake" / "build" / "ir"
    built.mkdir(parents=True)
    for name in ("lean-toolchain", "lakefile.toml", "Sample.lean"):
        (traced / name).write_text((repository / name).read_text())
    (traced / "Lean4Repl.lean").touch()
    (built / "Sample.ast.json").write_text(json.dumps(syntax()))
    (built / "Sample.dep_paths").write_text("")
    return repository, commit, root / "cache"
