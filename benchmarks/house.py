"""Compares figures of source trees: sizes, names, circular imports, files that a new option touches, files of a check.

    python -m benchmarks.house [TREE …] [--json FILE]

The files are parsed. Only the last figure runs code of a tree, with its own .venv/bin/python if it has one: benchmarks/check_path.py
sends one `CheckProof` through its server.
"""

import argparse
import ast
import functools
import json
import re
import statistics
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

_PACKAGES = ("prover", "service", "training")
_SOURCES = {".py", ".lean", ".proto", ".js"}
_LOOSE = 10  # files of a folder
_OPTIONS = (
    "prefer",
    "minimise",
    "strategy",
    "focus",
)  # options of a search that exist in old trees, too, with names that have few other meanings
_Modules = dict[str, ast.Module]


def modules(tree: Path) -> _Modules:
    """Return the parsed modules of the shipped packages by their dotted names."""
    found = {}
    for package in _PACKAGES:
        for path in sorted((tree / package).rglob("*.py")):
            name = ".".join(path.relative_to(tree).with_suffix("").parts).removesuffix(".__init__")
            found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def imported(found: _Modules, name: str) -> set[str]:
    """Return the modules that a module imports at its top level, including imports for type checkers."""
    names: set[str] = set()
    for node in _top(found[name].body):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names} & set(found)
            names.update(inner or {node.module})
    return (names & set(found)) - {name}


def _top(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        yield from _top(node.body) if isinstance(node, ast.If) else [node]


def circles(found: _Modules) -> int:
    """Return the number of imports to remove until there are no circular imports."""
    graph = {name: imported(found, name) for name in found}
    removed = 0
    while True:
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            circle = error.args[1]
            graph[circle[1]].discard(circle[0])
            removed += 1
        else:
            return removed


def repeated(found: _Modules) -> list[str]:
    """Return the public class names that more than one module defines."""
    names = Counter(
        node.name
        for tree in found.values()
        for node in tree.body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    return sorted(name for name, count in names.items() if count > 1)


def functions(found: _Modules) -> list[tuple[int, str]]:
    """Return the number of lines and the name of each function."""
    return [
        ((node.end_lineno or node.lineno) - node.lineno + 1, f"{module}.{node.name}")
        for module, tree in found.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def crowded(tree: Path) -> list[tuple[int, str]]:
    """Return the folders with more than ten source files, the largest first.

    The contract is left out: buf requires all files of a package in one folder.
    """
    counts: dict[str, int] = defaultdict(int)
    for path in _sources(tree):
        if path.name != "__init__.py" and path.suffix != ".proto":
            counts[path.parent.relative_to(tree).as_posix()] += 1
    return sorted(((count, name) for name, count in counts.items() if count > _LOOSE), reverse=True)


def _sources(tree: Path) -> Iterator[Path]:
    for top in (*_PACKAGES, "protos", "tests", "benchmarks"):
        for path in (tree / top).rglob("*"):
            if path.suffix in _SOURCES and "__pycache__" not in path.parts:
                yield path


def naming(tree: Path, option: str) -> tuple[int, int]:
    """Return how many source files name an option of a search, and how many of them pass it on explicitly.

    Names are those of parameters, fields and keywords, and words of the contract and the page. An option is passed on explicitly if a
    keyword argument of its name is set from it, as in `Options(prefer=request.prefer)`, or if it is declared again.
    """
    found = [_uses(path) for path in _sources(tree) if _shipped(path, tree) and path.suffix != ".lean"]
    return sum(option in named for named, _ in found), sum(option in copied for _, copied in found)


@functools.cache
def _uses(path: Path) -> tuple[set[str | None], set[str | None]]:
    """The names of a source file, and those that are handed on by hand."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        return {*re.findall(r"\w+", text)}, set()
    nodes = list(ast.walk(ast.parse(text)))
    keywords = [node for node in nodes if isinstance(node, ast.keyword)]
    copied = {node.arg for node in keywords if any(node.arg in _names(one) for one in ast.walk(node.value))}
    return {name for node in nodes for name in _names(node)}, copied


def _names(node: ast.AST) -> tuple[str | None, ...]:
    match node:
        case ast.Attribute(attr=name) | ast.keyword(arg=name) | ast.arg(arg=name) | ast.Name(id=name):
            return (name,)
        case _:
            return ()


def _shipped(path: Path, tree: Path) -> bool:
    return path.relative_to(tree).parts[0] in (*_PACKAGES, "protos")


def passed(tree: Path) -> list[str]:
    """Return the number of files that one `CheckProof` passes; None if the tree cannot be run here."""
    own = tree / ".venv" / "bin" / "python"
    script = Path(__file__).with_name("check_path.py")
    command = [str(own) if own.exists() else sys.executable, str(script)]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(f"{tree}: no check was run: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return []
    files: list[str] = json.loads(done.stdout.splitlines()[-1])
    return files


def figures(tree: Path) -> dict[str, str]:
    """The table, row by row."""
    found = modules(tree)
    sizes = sorted(functions(found))
    full = crowded(tree)
    options = [naming(tree, option) for option in _OPTIONS]
    lines = sum(path.read_text(encoding="utf-8").count("\n") for path in _sources(tree) if _shipped(path, tree))
    return {
        "source files (Python)": f"{len(found):,}",
        "lines shipped": f"{lines:,}",
        "folders with more than ten loose files": f"{len(full)}; the fullest has {full[0][0]}" if full else "0",
        "circles of imports": str(circles(found)),
        "files that a `CheckProof` passes": str(len(passed(tree)) or "?"),
        "public class names with two meanings": str(len(repeated(found))),
        f"files that name the search options {', '.join(f'`{one}`' for one in _OPTIONS)}": ", ".join(
            str(named) for named, _ in options
        ),
        "… and hand them on by hand": ", ".join(str(copied) for _, copied in options),
        "median and longest function, in lines": f"{statistics.median(size for size, _ in sizes):.0f}, {sizes[-1][0]} (`{sizes[-1][1]}`)",
        "functions of more than 60 lines": str(sum(size > 60 for size, _ in sizes)),
    }


def main() -> None:
    """Print the table, as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trees", nargs="*", type=Path, default=[Path()], metavar="TREE")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here too")
    options = parser.parse_args()
    columns = {str(tree): figures(tree.resolve()) for tree in options.trees}
    print("| |", " | ".join(columns), "|")
    print("|---" * (len(columns) + 1) + "|")
    for name in next(iter(columns.values())):
        print("|", name, "|", " | ".join(column[name] for column in columns.values()), "|")
    if options.json:
        options.json.write_text(json.dumps(columns, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
