"""From settings to Leans. `lake` and `lean` are emulated by programs of these names."""

import os
from pathlib import Path

import pytest

from prover.candidate import Candidate
from prover.errors import InputError, UserError
from prover.lean.runtimes.embedded import EmbeddedLean
from prover.lean.runtimes.embedded.cache.install import cache_directory
from prover.lean.runtimes.native import NativeToolchain
from prover.lean.workers.projects import ProjectRouter
from prover.requests import Check, UnavailableError
from prover.theorem import Header, Theorem
from prover.verdict import VerdictKind
from service.cli import common
from service.client.client import Client
from service.core.resources.leans import pool_of, second_of
from service.ops import config, native_doctor
from service.ops.config import CrosscheckSettings, Settings
from tests.prover.lean.runtimes.native.stand_in import Emulated, emulate
from tests.support.commands import running


@pytest.fixture
def lean(tmp_path: Path) -> Emulated:
    return emulate(tmp_path, cache=str(cache_directory()))


def settings(tmp_path: Path, text: str) -> config.Settings:
    file = tmp_path / "config.toml"
    file.write_text(text)
    return config.load(file)


def test_without_projects_there_is_the_embedded_lean(tmp_path: Path) -> None:
    pool = pool_of(settings(tmp_path, "").lean, None)
    assert (pool.runtime, type(pool).__name__) == ("embedded", "WorkerPool")


def test_a_cluster_checks_with_the_embedded_lean_alone(tmp_path: Path, lean: Emulated) -> None:
    pool = pool_of(settings(tmp_path, '[lean]\ncluster = "auto"').lean, None)
    assert (pool.runtime, type(pool).__name__) == ("embedded", "ClusterPool")
    with pytest.raises(UnavailableError, match=r"spreads the embedded Lean alone: unset lean\.project"):
        pool_of(settings(tmp_path, f'[lean]\ncluster = "auto"\nproject = "{lean.project}"').lean, None)


def test_projects_are_known_by_their_names_alone(tmp_path: Path, lean: Emulated) -> None:
    (lean.project / "lakefile.toml").write_text("[leanOptions]\nautoImplicit = true\nmaxSynthPendingDepth = 3\n")
    text = f"""
[lean.projects.mathlib]
path = "{lean.project}"
imports = ["Mathlib"]
memory_gib = 2
options = {{ autoImplicit = false }}
"""
    pool = pool_of(settings(tmp_path, text).lean, None)
    assert isinstance(pool, ProjectRouter)
    assert pool.projects == ("mathlib",)
    header = pool.canonical(Theorem("theorem a : True", Header.of_project(""), project="mathlib")).header
    assert header.imports == ("Mathlib",)
    assert header.prelude == "set_option autoImplicit false set_option maxSynthPendingDepth 3"
    assert pool.of("mathlib")._config.kill_bytes > 2 << 30


@pytest.mark.parametrize(
    ("text", "contained"),
    [
        ("", ("Lean",)),
        ('[lean]\nallowed_imports = ["Init"]', ()),
        ('[lean]\nallowed_imports = ["Init"]\ncontained_imports = ["Lean"]', ("Lean",)),
        ('[lean]\nquarantine = "never"', ()),
    ],
)
def test_lean_itself_is_imported_in_quarantine_unless_settings_allow_less(
    tmp_path: Path, text: str, contained: tuple[str, ...]
) -> None:
    assert pool_of(settings(tmp_path, text).lean, None)._config.contained_imports == contained


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[lean]\nruntime = "native"', "set lean.project to its folder"),
        ('[lean]\nproject = "/nowhere"', "there is no Lake project /nowhere"),
        ('[lean.projects.a]\npath = "/nowhere"', "there is no Lake project /nowhere"),
    ],
)
def test_project_that_is_not_there_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UnavailableError, match=said):
        pool_of(settings(tmp_path, text).lean, None)


def test_name_of_a_project_cannot_be_a_path(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"lean\.projects"):
        settings(tmp_path, '[lean.projects."../a"]\npath = "/tmp"')


def test_option_with_an_impossible_value_is_named(tmp_path: Path, lean: Emulated) -> None:
    text = f'[lean.projects.a]\npath = "{lean.project}"\noptions = {{ maxRecDepth = -1 }}'
    with pytest.raises(UnavailableError, match="the option maxRecDepth of a Lean project has a value"):
        pool_of(settings(tmp_path, text).lean, None)


def test_default_project_may_import_all_that_it_has_unless_told_otherwise(tmp_path: Path, lean: Emulated) -> None:
    free = pool_of(settings(tmp_path, f'[lean]\nproject = "{lean.project}"').lean, None)
    assert isinstance(free._runtime, NativeToolchain)
    assert free._config.allowed_imports is None
    bound = f'[lean]\nproject = "{lean.project}"\nallowed_imports = ["Init"]'
    assert pool_of(settings(tmp_path, bound).lean, None)._config.allowed_imports == ("Init",)
    embedded = f'[lean]\nproject = "{lean.project}"\nruntime = "embedded"'
    assert isinstance(pool_of(settings(tmp_path, embedded).lean, None)._runtime, EmbeddedLean)


def test_project_option_is_a_folder_here_and_a_name_for_a_server(tmp_path: Path, lean: Emulated) -> None:
    known = settings(tmp_path, f'[lean.projects.a]\npath = "{lean.project}"')
    assert common.in_project(known, None, None) == (known, "")
    assert common.in_project(known, "a", None) == (known, "a")
    assert common.in_project(known, "b", "127.0.0.1:1") == (known, "b")
    here, name = common.in_project(known, str(lean.project), None)
    assert (here.lean.project, here.lean.runtime, name) == (lean.project, "native", "")
    plain = Theorem("theorem a : True")
    assert plain.within("") is plain
    assert plain.within("a").header.imports == ()
    assert Theorem("theorem a : True", project="b").within("a").project == "b"


def test_named_project_can_be_the_only_lean_of_a_command(tmp_path: Path, lean: Emulated) -> None:
    text = f"""
[lean]
allowed_imports = ["Init"]
workers = 7
[lean.projects.a]
path = "{lean.project}"
imports = ["Init", "Foo"]
workers = 3
options = {{ maxRecDepth = 700 }}
[lean.projects.broken]
path = "/nowhere"
"""
    known = settings(tmp_path, text)
    router = pool_of(common.alone_in(known, "a", None).lean, None)
    assert isinstance(router, ProjectRouter)
    pool = router.of("")
    assert isinstance(pool._runtime, NativeToolchain)
    assert (pool._config.workers, pool._config.imports) == (3, ("Init", "Foo"))
    assert pool._config.allowed_imports is None
    assert router.canonical(Theorem("theorem a : True", Header(()))).header.imports == ("Init", "Foo")
    assert "set_option maxRecDepth 700" in router.canonical(Theorem("theorem a : True")).header.prelude
    router = pool_of(common.alone_in(known, "a", 2).lean, None)
    assert isinstance(router, ProjectRouter)
    assert router.of("")._config.workers == 2
    here = common.alone_in(known, str(lean.project), 2).lean
    assert (here.project, here.runtime, here.projects) == (lean.project, "native", {})


def test_doctor_looks_at_every_project_with_emulated_lake(
    tmp_path: Path, lean: Emulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", lean.environment["PATH"])
    monkeypatch.setenv("HOME", lean.environment["HOME"])
    lean.configure(build_status=3)
    text = f"""
[lean.projects.here]
path = "{lean.project}"
[lean.projects.gone]
path = "/nowhere"
"""
    known = settings(tmp_path, text)
    here, gone = native_doctor.projects(known.lean)
    assert here[:2] == ("project here", "bad")
    assert "Lean (version 4.28.0" in here[2]
    assert here[3] == f"sources have changed since they were built: run `lake build` in {lean.project}"
    assert (gone[1], gone[3]) == ("bad", "there is no Lake project /nowhere: the folder does not exist")
    assert list(native_doctor.dojo(known.lean)) == []
    wanted = settings(tmp_path, '[lean]\npool = "dojo"')
    assert next(native_doctor.dojo(wanted.lean))[3].endswith("set lean.dojo.traced to its folder")


@pytest.mark.lean
@pytest.mark.timeout(600)
async def test_served_projects_are_chosen_per_request_under_emulated_lake(tmp_path: Path, lean: Emulated) -> None:
    """The whole way: command line, settings, server, pool, `lake env lean --run`; behind it, the embedded Lean."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "lakefile.toml").write_text('name = "other"\n[leanOptions]\nautoImplicit = false\n')
    # WebAssembly reserves more address space than any native limit leaves.
    bounds = 'memory_gib = 100000\nsandbox = "never"\n'
    file = tmp_path / "config.toml"
    file.write_text(
        f'[lean.native]\n{bounds}[lean.projects.other]\npath = "{other}"\nimports = ["Init", "Std"]\n{bounds}'
    )
    environment = {**lean.environment, "PATH": f"{lean.folder}{os.pathsep}{os.environ['PATH']}"}
    environment["LEANSIEVE_CACHE"] = str(cache_directory())
    arguments = ("--project", lean.project, "--workers", "1", "--listen", "127.0.0.1:0", "--metrics", "")
    async with running("serve", "--config", file, *arguments, **environment) as server:
        address = (await server.stdout.readline()).decode().split()[-1]
        async with Client(address, Settings()) as client:
            await client.ready(300)

            async def verdict(project: str) -> VerdictKind:
                theorem = Theorem("theorem t (h : p ∧ q) : q ∧ p", Header(("Init", "Std"), ""), project=project)
                return (await client.check(Check(theorem, Candidate("h.symm")))).kind

            assert await verdict("") is VerdictKind.VERIFIED
            assert await verdict("other") is VerdictKind.INVALID_STATEMENT, "its options forbid what is not declared"
            with pytest.raises(InputError, match="there is no project '/etc'; there is other"):
                await verdict("/etc")
            assert list((await client.info()).projects) == ["other"]
    runs = {call["folder"] for call in lean.calls("lake") if call["arguments"][:3] == ["env", "lean", "--run"]}
    assert runs == {str(lean.project), str(other)}


def test_a_second_kernel_that_is_named_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"no libleanshared\.so"):
        second_of(CrosscheckSettings(kernel=tmp_path))


def test_without_a_second_kernel_only_a_server_that_insists_on_it_refuses_to_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    assert second_of(CrosscheckSettings()) is None
    with pytest.raises(UnavailableError, match=r"leansieve\[crosscheck\]"):
        second_of(CrosscheckSettings(always=True))
