"""`leansieve search`."""

import dataclasses
import json
from typing import Annotated

import typer

from prover.errors import UserError
from prover.premises.query import Premises, QueryKind, QueryResult, kind_of
from prover.theorem import Header, HeaderError
from service.cli import common
from service.cli.common import Setup
from service.cli.flags import Without, with_flags


@with_flags
def search(
    query: Annotated[str, typer.Argument(help="A part of a name; a pattern, as in '_ + _ = _ + _'; or a goal with ⊢.")],
    kind: Annotated[
        QueryKind | None,
        typer.Option("--as", help="How the query is read; by default its form says.", show_default=False),
    ] = None,
    most: Annotated[int | None, typer.Option(help="Declarations wanted.", min=1, max=100)] = None,
    header: Annotated[str, typer.Option(help="import and open lines under which names are read and shown.")] = "",
    seconds: Annotated[
        float | None, typer.Option(help="Time for the search; the first one reads the library.", min=0.001, metavar="S")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    *,
    setup: Annotated[Setup, Without("workers", "pool", "model", "kernel")],
) -> None:
    """Find declarations of the imported library: by name, by a pattern of their types, or for a goal."""
    settings, name = setup.in_project()
    if not query.strip():
        raise UserError("the query is empty: give a part of a name, a pattern, or a goal")
    # Building an index takes about a minute, longer for a large library; a server applies its own limits.
    time = seconds or (settings.search.suggestion_seconds if setup.server else 3600.0)
    request = Premises(
        kind or kind_of(query),
        query,
        _header(header, name),
        project=name,
        most=most or settings.search.premises,
        seconds=time,
    )

    async def ask() -> QueryResult:
        async with common.opened(settings, setup.server) as (service, _):
            return await service.premises(request)

    found = common.run(ask())
    if as_json:
        common.stdout.print(common.shown(json.dumps(dataclasses.asdict(found), ensure_ascii=False)))
    else:
        for one in found.premises:
            remark = "  (outdated)" if one.outdated else ""
            common.stdout.print(common.shown(f"{one.name} : {one.type}  [{one.kind}, {one.module}]{remark}"))
        common.stderr.print(f"{found.fitting:,} of {found.searched:,} declarations fit as {request.kind.value}")
    raise typer.Exit(0 if found.premises else 1)


def _header(text: str, project: str) -> Header:
    try:
        if project:
            return Header.of_project(text)
        return Header.parse(text) if text.strip() else Header()
    except HeaderError as error:
        raise UserError(f"--header: {error}") from None
