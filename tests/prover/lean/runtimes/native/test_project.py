"""Finding Lake projects and reading their files, without Lean."""

import os
from pathlib import Path

import pytest

from prover.lean.runtimes.native.build import Modules
from prover.lean.runtimes.native.project import find_project
from prover.lean.runtimes.runtime import RuntimeUnavailableError


@pytest.mark.parametrize("configuration", ["lakefile.toml", "lakefile.lean"])
def test_the_project_of_a_folder_or_file_is_the_nearest_above(tmp_path: Path, configuration: str) -> None:
    (tmp_path / configuration).touch()
    (tmp_path / "Deep" / "er").mkdir(parents=True)
    source = tmp_path / "Deep" / "Basic.lean"
    source.touch()
    for path in (tmp_path, tmp_path / "Deep" / "er", source):
        assert find_project(path).folder == tmp_path


def test_a_folder_outside_every_project_is_named(tmp_path: Path) -> None:
    with pytest.raises(RuntimeUnavailableError, match=r"is in no Lake project: neither it nor a folder above it has"):
        find_project(tmp_path)
    with pytest.raises(RuntimeUnavailableError, match=r"none: the folder does not exist"):
        find_project(tmp_path / "none")


def test_the_toolchain_may_be_named_for_several_projects_above_them(tmp_path: Path) -> None:
    (tmp_path / "lean-toolchain").write_text("leanprover/lean4:v4.28.0\n")
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "lakefile.toml").touch()
    assert find_project(tmp_path / "inner").toolchain == "leanprover/lean4:v4.28.0"


def test_options_of_the_package_are_read_as_lean_writes_them(tmp_path: Path) -> None:
    (tmp_path / "lakefile.toml").write_text(
        'name = "p"\n[leanOptions]\npp.unicode.fun = true\nautoImplicit = false\nmaxSynthPendingDepth = 3\n'
        'weak.linter.mathlibStandardSet = true\nname = "x\\" set_option y"\n"a b" = 1\nnegative = -1\nratio = 0.5\n'
        '[[lean_lib]]\nname = "P"\nleanOptions = { autoImplicit = true }\n'
    )
    assert find_project(tmp_path).options == {
        "pp.unicode.fun": "true",
        "autoImplicit": "false",
        "maxSynthPendingDepth": "3",
        "linter.mathlibStandardSet": "true",
    }


def test_options_among_the_arguments_of_lean_count_and_outdo_the_others(tmp_path: Path) -> None:
    (tmp_path / "lakefile.toml").write_text(
        'name = "p"\nmoreLeanArgs = ["-DautoImplicit=false", "-D", "weak.maxSynthPendingDepth=3", "--tstack=9", "-D"]\n'
        'weakLeanArgs = ["-Dpp.unicode.fun=true", "-Dtrace.x=a b", "-D=1"]\nleanOptions.autoImplicit = true\n'
    )
    assert find_project(tmp_path).options == {
        "autoImplicit": "false",
        "maxSynthPendingDepth": "3",
        "pp.unicode.fun": "true",
        "trace.x": '"a b"',
    }


def test_of_two_configurations_lake_takes_the_one_in_lean(tmp_path: Path) -> None:
    (tmp_path / "lakefile.toml").write_text("leanOptions.autoImplicit = true\n")
    assert find_project(tmp_path).options == {"autoImplicit": "true"}
    (tmp_path / "lakefile.lean").touch()
    assert find_project(tmp_path).options is None, "only Lake knows them"


def test_a_lakefile_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "lakefile.toml").write_text("name = ")
    with pytest.raises(
        RuntimeUnavailableError, match=r"the Lake project .* cannot be read: Invalid value .* of lakefile.toml$"
    ):
        find_project(tmp_path)
    (tmp_path / "lean-toolchain").write_bytes(b"\xff")
    with pytest.raises(RuntimeUnavailableError, match=r"cannot be read: .*/lean-toolchain is not UTF-8$"):
        find_project(tmp_path)


def test_folder_that_cannot_be_looked_into_is_one_sentence(tmp_path: Path) -> None:
    """This was a traceback."""
    with pytest.raises(RuntimeUnavailableError, match=r"cannot be looked into for a Lake project: File name too long$"):
        find_project(tmp_path / ("x" * 300))


def test_a_project_changes_state_with_its_files(tmp_path: Path) -> None:
    (tmp_path / "lakefile.toml").touch()
    before = find_project(tmp_path).state
    assert find_project(tmp_path).state == before
    (tmp_path / "lean-toolchain").write_text("stable")
    assert find_project(tmp_path).state != before


def test_what_is_not_built_is_told_from_what_is_not_there(tmp_path: Path) -> None:
    library = tmp_path / ".lake/build/lib/lean"
    (library / "Foo").mkdir(parents=True)
    (library / "Foo" / "Bar.olean").write_bytes(b"12345")
    for module in ("Foo/Bar", "Foo/Baz", "Mathlib/Data"):
        file = tmp_path / f"{module}.lean"
        file.parent.mkdir(exist_ok=True)
        file.touch()
    (library / "Foo" / "Bar.olean").touch()
    modules = Modules((library,), (tmp_path,))
    assert modules.built("Foo.Bar")
    assert modules.trouble(["Foo.Bar"], tmp_path) is None
    assert modules.trouble(["Foo.Bar", "Foo.Baz"], tmp_path) == (
        f"the module `Foo.Baz` is not built: run `lake build Foo.Baz` in {tmp_path}"
    )
    assert "run `lake exe cache get`, then `lake build Mathlib.Data`" in (
        modules.trouble(["Mathlib.Data"], tmp_path) or ""
    )
    assert "there is no module `Foo.Qux`" in (modules.trouble(["Foo.Qux"], tmp_path) or "")
    assert modules.size() == 5
    assert modules.changed(tmp_path) == []
    os.utime(library / "Foo" / "Bar.olean", (0, 0))
    assert modules.changed(tmp_path) == ["Foo.Bar"]


@pytest.mark.parametrize("name", ["../Foo", "Foo/Bar", ".Foo", "Foo..Bar", "/etc/passwd", "", "Foo\0", "A" * 300])
def test_a_name_that_is_none_is_looked_up_nowhere(tmp_path: Path, name: str) -> None:
    (tmp_path / "Foo").mkdir()
    (tmp_path / "Foo" / "Bar.olean").touch()
    assert not Modules((tmp_path,), ()).built(name)
