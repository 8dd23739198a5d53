"""A Lake project on disk: its folder, its toolchain and its options."""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from prover.lean.runtimes.runtime import RuntimeUnavailableError

CONFIGURATIONS = ("lakefile.lean", "lakefile.toml")
"""Files that make a folder a Lake project; if both exist, Lake uses the first."""
_TOOLCHAIN = "lean-toolchain"
_NUMBER = re.compile(r"[0-9]{1,18}")
_TRUTH = {"true": True, "false": False}
_OPTION = re.compile(r"[A-Za-z_][\w']*(\.[A-Za-z_][\w']*)*")


@dataclass(frozen=True, slots=True)
class LakeProject:
    """A folder with a Lake configuration.

    Attributes:
        folder: folder of the configuration.
        toolchain: content of `lean-toolchain`, such as `leanprover/lean4:v4.28.0`; empty if there is no such file.
        options: Lean options that the package sets for all its files, with values in Lean syntax. None if the
            configuration is a `lakefile.lean`: only Lake can run it (`Lake.options`).
        state: times of the last changes of configuration, toolchain and packages, in nanoseconds.
    """

    folder: Path
    toolchain: str
    options: Mapping[str, str] | None
    state: tuple[int, ...]


def find_project(path: Path) -> LakeProject:
    """Find the Lake project that contains `path`, a folder or a file.

    Raises:
        RuntimeUnavailableError: there is none, or its files cannot be read.
    """
    start = path.absolute()
    try:
        return _nearest(start)
    except OSError as error:  # an unreadable folder, or a name that is too long
        raise RuntimeUnavailableError(f"{start} cannot be looked into for a Lake project: {error.strerror}") from None


def _nearest(start: Path) -> LakeProject:
    if not start.exists():
        raise RuntimeUnavailableError(f"there is no Lake project {start}: the folder does not exist")
    for folder in (start, *start.parents):
        if any((folder / name).is_file() for name in CONFIGURATIONS):
            return _read(folder)
    raise RuntimeUnavailableError(
        f"{start} is in no Lake project: neither it nor a folder above it has {' or '.join(CONFIGURATIONS)}"
    )


def _read(folder: Path) -> LakeProject:
    files = (folder / name for name in (*CONFIGURATIONS, _TOOLCHAIN, "lake-manifest.json"))
    # Taken before the files are read, so that a concurrent change is noticed next time.
    state = tuple(_modified(file) for file in files)
    # As in elan, a folder above may name the toolchain for all projects below.
    named = next((file for at in (folder, *folder.parents) if (file := at / _TOOLCHAIN).is_file()), None)
    toolchain = _text(named, folder).strip() if named else ""
    configuration = next(file for name in CONFIGURATIONS if (file := folder / name).is_file())
    text = _text(configuration, folder)
    try:
        options = package_options(text) if configuration.suffix == ".toml" else None
    except tomllib.TOMLDecodeError as error:
        raise _unreadable(folder, f"{error} of {configuration.name}") from None
    return LakeProject(folder, toolchain, options, state)


def _text(file: Path, folder: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise _unreadable(folder, f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise _unreadable(folder, f"{file} is not UTF-8") from None


def _unreadable(folder: Path, reason: str) -> RuntimeUnavailableError:
    return RuntimeUnavailableError(f"the Lake project {folder} cannot be read: {reason}")


def package_options(text: str) -> dict[str, str]:
    """Return the options that a TOML configuration sets for all files of its package: `leanOptions`, and `-D` in its
    arguments.

    Raises:
        tomllib.TOMLDecodeError: the text is not TOML.
    """
    settings = tomllib.loads(text)
    table = settings.get("leanOptions")
    options = dict(_flat(table)) if isinstance(table, dict) else {}
    for name in ("moreLeanArgs", "weakLeanArgs"):
        if isinstance(arguments := settings.get(name), list):
            options |= _defined(arguments)
    return options


def _defined(arguments: Sequence[object]) -> Iterator[tuple[str, str]]:
    """Parse options on a Lean command line: `-Dname=value`, or `-D` and `name=value`."""
    words = iter(str(argument) for argument in arguments)
    for word in words:
        if word.startswith("-D"):
            name, _, value = (word[2:] or next(words, "")).partition("=")
            yield from _flat({name: int(value) if _NUMBER.fullmatch(value) else _TRUTH.get(value, value)})


def _flat(table: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Flatten a TOML table of options; dotted keys are nested tables.

    The prefix `weak.` only means that Lean may not know the option.
    """
    for key, value in table.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            yield from _flat(value, f"{name}.")
        elif (text := written(value)) is not None and _OPTION.fullmatch(option := name.removeprefix("weak.")):
            yield option, text


def written(value: object) -> str | None:
    """Return an option's value in Lean syntax; None if it is not a valid option value."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value) if value >= 0 else None
    if isinstance(value, str) and value.isprintable() and not set(value) & set('"\\'):
        return f'"{value}"'
    return None


def _modified(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0
