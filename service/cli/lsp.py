"""`leansieve lsp`."""

from typing import Annotated

import typer

from prover.theorem import Theorem
from service.cli import common
from service.lsp.opened import Opened
from service.lsp.server import serve
from service.requests import Search
from service.sampling import Sampling


def lsp(
    samples: Annotated[int | None, typer.Option(help="Candidates sampled per hole.", min=1, metavar="N")] = None,
    seconds: Annotated[float | None, typer.Option(help="Time per hole.", min=0.001, metavar="S")] = None,
    sampler: Annotated[str, typer.Option(help="auto, portfolio or model.", metavar="NAME")] = "",
    seed: Annotated[int | None, typer.Option(help="Makes the candidates repeat.", min=0, max=2**64 - 1)] = None,
    isolated: common.Isolated = False,
    policy: common.Policy = "default",
    check_seconds: common.CheckSeconds = None,
    server: common.Server = None,
    ca: common.Ca = None,
    token_file: common.TokenFile = None,
    workers: common.Workers = None,
    project: common.Project = None,
    pool: common.Pool = None,
    model: common.Model = None,
    config: common.Config = None,
    log_level: common.LogLevel = None,
) -> None:
    """Serve an editor over stdin and stdout: code actions that prove `sorry`s and open goals (docs/editors.md)."""
    settings = common.load_settings(
        config,
        connection={"ca": ca, "token_file": token_file},
        lean={"workers": workers, "pool": pool},
        model={"path": model},
        log={"level": log_level},
    )
    budget = common.budget(settings, samples, 1, seconds)
    limits = common.limits(settings, check_seconds)
    settings, name = common.in_project(settings, project, server)

    def request(theorem: Theorem) -> Search:
        sampling = Sampling(seed=seed)
        theorem = common.within(theorem, name)
        return Search(theorem, budget, limits, policy, common.trust(isolated), sampler=sampler, sampling=sampling)

    raise typer.Exit(common.run(serve(Opened(lambda: common.opened(settings, server)), request)))
