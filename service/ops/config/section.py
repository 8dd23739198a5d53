"""What the sections of the settings have in common."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """One table of the configuration file. Whatever it does not know is an error; every field is documented."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
