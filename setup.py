"""The one build step that pyproject.toml cannot state: generate the stubs before setuptools looks for packages."""

import runpy
from pathlib import Path

from setuptools import setup

runpy.run_path(str(Path(__file__).resolve().parent / "protos" / "generate.py"))["generate"]()
setup()
