"""`leansieve lsp`."""

import typer

from prover.options import Sampling, SearchOptions
from service.cli import common
from service.lsp.opened import Opened
from service.lsp.server import serve


def lsp(
    samples: common.Samples = None,
    seconds: common.Seconds = None,
    sampler: common.Sampler = "",
    seed: common.Seed = None,
    isolated: common.Isolated = False,
    crosscheck: common.Crosscheck = False,
    kernel: common.Kernel = None,
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
    settings = common.client_settings(
        config,
        ca=ca,
        token_file=token_file,
        workers=workers,
        pool=pool,
        model=model,
        log_level=log_level,
        kernel=kernel,
    )
    options = SearchOptions(
        common.budget(settings, samples, 1, seconds),
        common.check_options(settings, check_seconds, policy, isolated, crosscheck),
        sampler=sampler,
        sampling=Sampling(seed=seed),
    )
    settings, name = common.in_project(settings, project, server)
    raise typer.Exit(common.run(serve(Opened(lambda: common.opened(settings, server)), options, name)))
