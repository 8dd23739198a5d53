"""Theorems from Hugging Face data sets: Lean Workbook and the miniF2F family of formats.

Both have one row per theorem with a `formal_statement` that ends in `:= by`, with or without `sorry`. Other columns
have different names and are read if present: `id` or `name`, `natural_language_statement`, `nl_statement`,
`informal_stmt`, `informal_statement` or a doc comment in `informal_prefix`, and `header`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import datasets  # type: ignore[import-untyped]
from pydantic import ValidationError

from prover.source.lexer import tokenize
from training.corpus.record import TheoremRecord, end_of_statement

LEAN_WORKBOOK = "internlm/Lean-Workbook"
LEAN_WORKBOOK_FILE = "lean_workbook.json"

_IMPORT = re.compile(r"^[ \t]*import[ \t]+[\w.]+[ \t]*$", re.MULTILINE)
_MODIFIERS = re.compile(r"(?:(?:@\[[^\]]*\]|\b(?:private|protected|public|noncomputable|nonrec)\b)\s*)*\Z")
_DOC_COMMENT = re.compile(r"/--(?:(?!-/).)*-/\s*\Z", re.DOTALL)
_PREFIX_IN = re.compile(r"^[ \t]*(?:open|set_option)\b[^\n]*?(?P<inside>[ \t]+in)\s*\Z", re.MULTILINE)
_INFORMAL = ("natural_language_statement", "nl_statement", "informal_stmt", "informal_statement", "informal_prefix")


@dataclass
class Loaded:
    """Theorems read from a data set.

    Attributes:
        records: in the order of the rows.
        skipped: number and error of each invalid row.
    """

    records: list[TheoremRecord] = field(default_factory=list)
    skipped: list[tuple[int, str]] = field(default_factory=list)


def load_theorems(path: str, split: str, source: str = "", data_files: str | None = None) -> Loaded:
    """Load a data set's split.

    Args:
        path: name on the hub, or a local folder of JSON, JSONL or Parquet files.
        source: name of the source in the records; by default path and split.
        data_files: files to read, if it has several formats of the same data.

    Raises:
        ValueError: one of its files has no rows.
    """
    try:
        rows = datasets.load_dataset(path, split=split, data_files=data_files)
    except StopIteration:  # datasets' JSON reader raises it without a message
        raise ValueError(f"{path} has a file without rows") from None
    return theorems_of_rows(rows, source or f"{path} {split}")


def theorems_of_rows(rows: Iterable[Mapping[str, Any]], source: str) -> Loaded:
    """Convert rows of Lean Workbook and the miniF2F data sets."""
    loaded = Loaded()
    for number, row in enumerate(rows):
        try:
            loaded.records.append(_record_of(row, source))
        except ValidationError as error:
            loaded.skipped.append((number, error.errors()[0]["msg"].removeprefix("Value error, ")))
        except ValueError as error:
            loaded.skipped.append((number, str(error)))
    return loaded


def _record_of(row: Mapping[str, Any], source: str) -> TheoremRecord:
    text = row.get("formal_statement")
    if not isinstance(text, str):
        raise ValueError("the row has no text in `formal_statement`")
    imports, context, statement = parts_of(text)
    name = re.match(r"theorem\s+(\S+)", statement)
    if name is None:
        raise ValueError("the theorem in `formal_statement` has no name")
    header = (row.get("header") or "").strip()
    informal = next((row[key] for key in _INFORMAL if isinstance(row.get(key), str) and row[key].strip()), "")
    return TheoremRecord(
        name=name[1],
        statement=statement,
        header=header or imports,
        context=context,
        informal=informal.strip().removeprefix("/--").removesuffix("-/").strip(),
        source=source,
    )


def parts_of(text: str) -> tuple[str, str, str]:
    """Return imports, context and statement of the last theorem in Lean source; it may have a proof or `sorry`.

    The theorem's doc comment and attributes, and imports inside comments, are left out.

    Raises:
        ValueError: there is no theorem, or the text after it is not its proof.
    """
    text = text.replace("\r\n", "\n")
    tokens = list(tokenize(text))
    starts = [index for index, token in enumerate(tokens) if token.text in ("theorem", "lemma")]
    if not starts:
        raise ValueError("there is no theorem in `formal_statement`")
    start = tokens[starts[-1]].start
    assign = end_of_statement(tokens[starts[-1] :])
    end = len(text) if assign is None else assign.start
    before = _DOC_COMMENT.sub("", _MODIFIERS.sub("", text[:start]))
    end_of_prefixes = len(before)
    while (prefix := _PREFIX_IN.search(before, 0, end_of_prefixes)) is not None:
        before = before[: prefix.start("inside")] + before[prefix.end("inside") :]
        end_of_prefixes = prefix.start()
    imports = "\n".join(match[0].strip() for match in _IMPORT.finditer(before))
    context = _IMPORT.sub("", before).strip()
    return imports, context, re.sub(r"^lemma\b", "theorem", text[start:end].strip())
