"""An option that is declared on the type of search options is carried by every front, which names none of them."""

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Annotated, Any

import pytest
import typer
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from pydantic import TypeAdapter
from typer.testing import CliRunner

from leansieve.v1 import search_pb2
from prover.option import changed, leaves, option
from prover.options import SearchOptions
from service.cli.flags import Given, Only, Without, with_flags
from service.contract.fields import read, write

NOT_IN_THE_CONTRACT = {
    ("check", "limits", "messages"),
    ("check", "limits", "message_bytes"),
    ("check", "priority"),  # a field of each request
    ("check", "axioms"),
    ("check", "holes"),
    ("repeat",),  # a field of batches
}


@dataclass(frozen=True, slots=True)
class Wider(SearchOptions):
    """The options with one more, as a change would add it."""

    patience: int = field(default=3, metadata=option("Rounds without a proof.", low=1, effort=True))


def wider_message() -> Any:
    """The message of search options with a field for it."""
    file = FileDescriptorProto(
        name="wider.proto", package="wider", syntax="proto3", dependency=["leansieve/v1/search.proto"]
    )
    file.dependency.append("leansieve/v1/verdict.proto")
    search_pb2.SearchOptions.DESCRIPTOR.CopyToProto(file.message_type.add())
    for one in file.message_type[0].field:
        one.ClearField("options")  # the rules, which another file defines
    file.message_type[0].field.add(
        name="patience", number=99, type=FieldDescriptorProto.TYPE_INT32, label=FieldDescriptorProto.LABEL_OPTIONAL
    )
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("wider.SearchOptions"))()


def another(value: Any) -> Any:
    """A value that is not the option's default."""
    match value:
        case bool():
            return not value
        case Enum():
            return list(type(value))[-1]
        case str():
            return "auto"
        case tuple():
            return ("other",)
        case _:
            return 7 if value != 7 else 8


def test_every_option_is_carried_by_the_contract() -> None:
    carried = set()
    for path, _, value in leaves(SearchOptions()):
        asked = changed(SearchOptions(), path, another(value))
        if read(write(asked, search_pb2.SearchOptions()), SearchOptions()) == asked:
            carried.add(path)
    assert {path for path, _, _ in leaves(SearchOptions())} - carried == NOT_IN_THE_CONTRACT


def test_a_new_option_is_carried_by_every_front() -> None:
    wanted = Wider(minimise=True, patience=5)
    assert read(write(wanted, wider_message()), Wider()) == wanted
    stored = TypeAdapter(Wider)
    assert stored.validate_json(stored.dump_json(wanted)) == wanted
    assert replace(wanted, patience=6).fingerprint() != wanted.fingerprint()
    assert replace(wanted, patience=6).effort() != wanted.effort()

    given = []

    @with_flags
    def command(*, asked: Given[Wider]) -> None:
        given.append(asked.over(Wider(sampler="model")))

    app = typer.Typer()
    app.command()(command)
    done = CliRunner().invoke(app, ["--patience", "5", "--minimise"])
    assert done.exit_code == 0, done.output
    assert given == [Wider(sampler="model", minimise=True, patience=5)]
    assert CliRunner().invoke(app, ["--patience", "0"]).exit_code == 2


@pytest.mark.parametrize(("part", "flag"), [(Without("limits"), "--check-seconds"), (Only("policy"), "--seed")])
def test_a_command_offers_no_flag_that_it_leaves_out(part: Without, flag: str) -> None:
    def command(*, asked: Any) -> None:
        raise AssertionError(asked)

    command.__annotations__["asked"] = Annotated[Given[SearchOptions], part]
    app = typer.Typer()
    app.command()(with_flags(command))
    done = CliRunner().invoke(app, [flag, "1"])
    assert done.exit_code == 2
    assert "No such option" in done.output
