"""Long work in named stages, each done once: what is done is remembered in a folder, with the settings that it was done with."""

from pathlib import Path

from pydantic import BaseModel

from prover.atomic import atomic_write_text


class Stages:
    """The stages of one piece of work. A stage that was killed is done again; what it kept itself, it goes on from."""

    def __init__(self, folder: Path, settings: BaseModel) -> None:
        """Take the folder, or the one that an earlier start made.

        Raises:
            ValueError: it belongs to work with other settings.
            OSError: it cannot be made.
        """
        self._folder = folder / "stages"
        self._folder.mkdir(parents=True, exist_ok=True)
        path, text = folder / "settings.json", settings.model_dump_json(indent=1) + "\n"
        if not path.exists():
            atomic_write_text(path, text)
        elif path.read_text(encoding="utf-8") != text:
            raise ValueError(f"{folder} holds work with other settings ({path}): take another folder.")

    def done(self, name: str) -> bool:
        """Whether a stage was finished."""
        return (self._folder / name).exists()

    def finish(self, name: str) -> None:
        """Remember that a stage is done."""
        (self._folder / name).touch()
