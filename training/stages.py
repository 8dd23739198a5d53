"""Long work in named stages, each done once: completed stages are recorded in a folder, with the settings."""

from pathlib import Path

from pydantic import BaseModel

from prover.atomic import atomic_write_text


class Stages:
    """The stages of one piece of work. A killed stage is run again, and resumes from its own files."""

    def __init__(self, folder: Path, settings: BaseModel) -> None:
        """Open the folder, or create it.

        Raises:
            ValueError: it belongs to work with other settings.
            OSError: it cannot be created.
        """
        self._folder = folder / "stages"
        self._folder.mkdir(parents=True, exist_ok=True)
        path, text = folder / "settings.json", settings.model_dump_json(indent=1) + "\n"
        if not path.exists():
            atomic_write_text(path, text)
        elif path.read_text(encoding="utf-8") != text:
            raise ValueError(f"{folder} holds work with other settings ({path}): take another folder.")

    def done(self, name: str) -> bool:
        """Whether a stage is complete."""
        return (self._folder / name).exists()

    def finish(self, name: str) -> None:
        """Record that a stage is complete."""
        (self._folder / name).touch()
