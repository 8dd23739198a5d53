"""Work in stages records completed stages."""

from pathlib import Path

import pytest
from pydantic import BaseModel

from training.stages import Stages


class Plan(BaseModel):
    size: int = 1


def test_what_is_done_is_done_for_the_next_start(tmp_path: Path) -> None:
    stages = Stages(tmp_path, Plan())
    assert not stages.done("draw")
    stages.finish("draw")
    assert Stages(tmp_path, Plan()).done("draw")
    assert not Stages(tmp_path, Plan()).done("learn")


def test_work_with_other_settings_is_refused(tmp_path: Path) -> None:
    Stages(tmp_path, Plan())
    with pytest.raises(ValueError, match="holds work with other settings"):
        Stages(tmp_path, Plan(size=2))
