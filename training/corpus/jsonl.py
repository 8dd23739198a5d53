"""Files of one JSON object per line, validated against a model; compressed if the name ends in `.gz`."""

import contextlib
import gzip
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO, TypeVar

from pydantic import BaseModel, ValidationError

from prover.atomic import atomic_write

Model = TypeVar("Model", bound=BaseModel)


def read_jsonl(path: Path, model: type[Model]) -> Iterator[tuple[int, Model]]:
    """Yield line numbers, from 1, and objects; blank lines are skipped.

    Raises:
        ValueError: a line is not such an object, or the file is not text; the message gives place and reason.
    """
    with _reading(path) as lines:
        try:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield number, _parse(line, model, f"{path}:{number}")
        except UnicodeDecodeError as error:
            raise ValueError(f"{path} is not UTF-8 text: {error.reason} at byte {error.start}.") from error
        except (gzip.BadGzipFile, EOFError) as error:
            raise ValueError(f"{path} is not gzip, or was cut off: {error}.") from error


def _reading(path: Path) -> TextIO:
    return gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8")


def _parse(line: str, model: type[Model], where: str) -> Model:
    try:
        return model.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        reason = first["msg"].removeprefix("Value error, ")
        raise ValueError(f"{where}: {f'{field}: ' if field else ''}{reason}.") from error


def write_jsonl(path: Path, objects: Iterable[BaseModel]) -> int:
    """Write a file atomically; fields with default values are omitted. Returns the number of lines."""
    count = 0
    with atomic_write(path) as file:
        # Contains neither file name nor time, so that equal objects make equal files.
        packed = (
            gzip.GzipFile("", "wb", fileobj=file, mtime=0) if path.suffix == ".gz" else contextlib.nullcontext(file)
        )
        with packed as out:
            for item in objects:
                out.write(json.dumps(item.model_dump(exclude_defaults=True), ensure_ascii=False).encode() + b"\n")
                count += 1
    return count
