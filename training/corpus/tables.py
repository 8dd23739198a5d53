"""Rows of Parquet files and of Hugging Face data sets, as an alternative to files of JSON lines.

A table is named as a `.parquet` file, as a folder saved by `datasets`, or as `hub:OWNER/NAME:SPLIT`, which is
downloaded.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

Model = TypeVar("Model", bound=BaseModel)


def is_table(path: Path) -> bool:
    """Whether a path names a table, rather than a file of JSON lines."""
    return path.suffix == ".parquet" or str(path).startswith("hub:") or path.is_dir()


def read_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield numbers, from 1, and rows; columns without a value are omitted.

    Raises:
        ValueError: the table cannot be read; the text gives the reason.
        OSError: there is no table.
    """
    for number, row in enumerate(_raw_rows(path), start=1):
        yield number, _present(row)


def read_table(path: Path, model: type[Model]) -> Iterator[tuple[int, Model]]:
    """Yield numbers, from 1, and objects; columns that the model lacks are ignored.

    Raises:
        ValueError: a row is not such an object, or the table cannot be read; the text gives place and reason.
        OSError: there is no table.
    """
    for number, row in read_rows(path):
        try:
            yield number, model.model_validate({key: value for key, value in row.items() if key in model.model_fields})
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(map(str, first["loc"]))
            reason = first["msg"].removeprefix("Value error, ")
            raise ValueError(f"{path}, row {number}: {f'{field}: ' if field else ''}{reason}.") from error


def _raw_rows(path: Path) -> Iterator[dict[str, Any]]:
    if path.suffix == ".parquet":
        import pyarrow  # type: ignore[import-untyped]
        import pyarrow.parquet  # type: ignore[import-untyped]

        if not path.exists():
            raise OSError(f"{path}: there is no such file.")
        try:
            with pyarrow.parquet.ParquetFile(path) as file:
                for batch in file.iter_batches():
                    yield from batch.to_pylist()
        except pyarrow.ArrowException as error:
            raise ValueError(f"{path} is not a Parquet file: {str(error).splitlines()[0]}.") from None
        return
    import datasets  # type: ignore[import-untyped]

    if str(path).startswith("hub:"):
        name, _, split = str(path).removeprefix("hub:").partition(":")
        yield from datasets.load_dataset(name, split=split or "train")
        return
    try:
        found = datasets.load_from_disk(str(path))
    except FileNotFoundError:
        raise ValueError(f"{path} is a folder, and not one that `datasets` saved.") from None
    if not isinstance(found, datasets.Dataset):
        raise ValueError(f"{path} holds the splits {', '.join(found)}: name the folder of one of them.")
    yield from found


def _present(value: Any) -> Any:
    """Remove keys without a value: a column exists for all rows, and in structures for all fields."""
    if isinstance(value, dict):
        return {key: _present(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_present(inner) for inner in value]
    return value
