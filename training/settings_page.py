"""Generates docs/training-settings.md, the reference of all settings, from their classes.

python -m training.settings_page >docs/training-settings.md
"""

import inspect
import textwrap
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import PydanticUndefined

from training.algorithms.grpo.erc import EntropyRatioClipping
from training.algorithms.registry import ALGORITHMS
from training.config import TrainingConfig


class _Schema(GenerateJsonSchema):
    """Skips the algorithm within an algorithm, which is not an option."""

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> dict[str, Any]:
        return {}


def settings_page() -> str:
    """Return the page as Markdown."""
    parts = [
        "# Settings of training",
        "Made from the classes that read them by `python -m training.settings_page`. A file of `leansieve train` is TOML "
        "with a table for each heading; `--set table.setting=VALUE` takes the place of one setting. Relative paths are "
        "relative to the working directory.",
    ]
    for name, field in TrainingConfig.model_fields.items():
        parts += _table(name, _section(field), field)
    parts += ["## Options of the algorithms", "For `algorithm.options`, by `algorithm.name`."]
    for name, kind in ALGORITHMS.items():
        parts += _algorithm(name, kind)
    return "\n\n".join(parts) + "\n"


def _table(name: str, section: type[BaseModel], field: FieldInfo) -> Iterator[str]:
    yield f"## [{name}]"
    yield _joined(section.__doc__ or field.description or "")
    rows, inner = [], []
    for setting, about in section.model_fields.items():
        rows.append(_row(setting, about))
        if (below := _section(about)) is not None:
            inner.append((f"{name}.{setting}", below, about))
    yield "| setting | default | meaning |\n|---|---|---|\n" + "\n".join(rows)
    for each in inner:
        yield from _table(*each)


def _algorithm(name: str, kind: type) -> Iterator[str]:
    kinds = (kind, EntropyRatioClipping) if name.startswith("erc_") else (kind,)
    rows = []
    for each in kinds:
        for option, about in TypeAdapter(each).json_schema(schema_generator=_Schema).get("properties", {}).items():
            if option != "length" and "default" in about:
                rows.append(f"| `{option}` | {_shown(about['default'])} | {_joined(about.get('description', ''))} |")
    yield f"### {name}"
    yield _joined((inspect.getdoc(inspect.getmodule(kind)) or "").split("\n\n")[0])
    if rows:
        yield "| option | default | meaning |\n|---|---|---|\n" + "\n".join(rows)


def _section(field: FieldInfo) -> Any:
    """Return the settings class of a field, if it has one."""
    kinds = [field.annotation, *get_args(field.annotation)]
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def _row(name: str, field: FieldInfo) -> str:
    needed = field.default is PydanticUndefined and field.default_factory is None
    default = "**needed**" if needed else _shown(field.get_default(call_default_factory=True))
    bounds = [
        f"{sign} {value:g}" for sign, of in (("≥", "ge"), (">", "gt"), ("≤", "le"), ("<", "lt"))
        for each in field.metadata if (value := getattr(each, of, None)) is not None
    ]  # fmt: skip
    limits = f" ({', '.join(bounds)})" if bounds else ""
    return f"| `{name}` | {default} | {_joined(field.description or '')}{limits} |"


def _shown(value: Any) -> str:
    if value is None or isinstance(value, BaseModel) or value in ({}, (), []):
        return "–"
    if isinstance(value, tuple):
        return ", ".join(f"`{each}`" for each in value)
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _joined(text: str) -> str:
    return " ".join(textwrap.dedent(text).split()).replace("|", "\\|")


if __name__ == "__main__":
    print(settings_page(), end="")
