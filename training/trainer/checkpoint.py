"""Atomic checkpoints, from which a run resumes bit for bit."""

import os
import random
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

_NAME = re.compile(r"step-(\d{8})")
_FILE = "state.pt"


def save_checkpoint(
    folder: Path,
    step: int,
    state: Mapping[str, Any],
    keep: int,
    protected: int = 0,
    generators: Mapping[str, Any] | None = None,
) -> Path:
    """Write `folder/step-…`, then delete all others except the newest `keep` and that of step `protected`.

    The state of the generators of `random` and torch is added to `state`, which contains tensors and plain containers.
    A kill at any moment leaves the previous checkpoint and no half-written one under a checkpoint's name.

    Args:
        generators: result of `generator_states` at the end of the step; None: the generators are unchanged since.

    Raises:
        OSError: it cannot be written, for instance because the disk is full; the message names the checkpoint, and the
            older ones are kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    final = folder / f"step-{step:08d}"
    with replacing(final) as partial, (partial / _FILE).open("wb") as file:
        torch.save({**state, "step": step, "generators": generators or generator_states()}, file)
        file.flush()
        os.fsync(file.fileno())
    for old in list_checkpoints(folder)[:-keep]:
        if step_of(old) != protected:
            shutil.rmtree(old)
    return final


def step_of(checkpoint: Path) -> int:
    """Return the step of a checkpoint."""
    return int(checkpoint.name.removeprefix("step-"))


def delete_checkpoints(folder: Path, first_step: int) -> None:
    """Delete the checkpoints of this step and of all later ones."""
    for path in list_checkpoints(folder):
        if step_of(path) >= first_step:
            shutil.rmtree(path)


def list_checkpoints(folder: Path) -> list[Path]:
    """Return all checkpoints of a run, oldest first."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))


def load_checkpoint(folder: Path, step: int | None = None) -> dict[str, Any] | None:
    """Load the newest state, or that of a step, with `step`, and restore the generators. None if there is none.

    Only tensors and plain containers are loaded: a checkpoint cannot run code.
    """
    checkpoints = [path for path in list_checkpoints(folder) if step is None or step_of(path) == step]
    if not checkpoints:
        return None
    state: dict[str, Any] = torch.load(checkpoints[-1] / _FILE, map_location="cpu", weights_only=True)
    _restore_generators(state.pop("generators"))
    return state


def check_identity(now: Mapping[str, Any], then: Mapping[str, Any], folder: Path) -> None:
    """Refuse to resume with settings or data that differ from those of the run's start.

    Raises:
        ValueError: they differ; the text names the differences.
    """
    changed = sorted(name for name in now.keys() | then.keys() if now.get(name) != then.get(name))
    if changed:
        raise ValueError(
            f"{folder} holds a run with other settings ({', '.join(changed)}): change them back, or take another folder."
        )


@contextmanager
def replacing(final: Path) -> Iterator[Path]:
    """Yield a folder that replaces `final` when it is complete.

    Raises:
        OSError: a file in it could not be written; the message names `final`.
    """
    partial = final.with_name(final.name + ".tmp")
    shutil.rmtree(partial, ignore_errors=True)  # of a run that was killed while it wrote
    partial.mkdir(parents=True)
    try:
        yield partial
        if final.exists():
            shutil.rmtree(final)
        partial.rename(final)
        _sync_folder(final.parent)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(final)) from None
    except RuntimeError as error:  # torch reports a position in an archive when the file below it cannot be written
        if not isinstance(error.__context__, OSError):
            raise
        raise OSError(error.__context__.errno, error.__context__.strerror, str(final)) from None
    except SafetensorError as error:
        raise OSError(f"{final} cannot be written: {error}") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def generator_states() -> dict[str, Any]:
    """Return the states of the generators of `random` and torch."""
    version, words, gauss = random.getstate()
    states: dict[str, Any] = {"python": [version, list(words), gauss], "torch": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state_all()
    return states


def _restore_generators(states: Mapping[str, Any]) -> None:
    version, words, gauss = states["python"]
    random.setstate((version, tuple(words), gauss))
    torch.set_rng_state(states["torch"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(states["cuda"])
