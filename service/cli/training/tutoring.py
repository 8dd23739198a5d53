"""`leansieve tutoring`."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prover.errors import UserError
from service.cli import common
from service.cli.training import shared
from service.core.engine import Engine
from service.ops.config import Settings

if TYPE_CHECKING:
    from training.tutoring.learners.learners import Learner
    from training.tutoring.sessions.dialogue import Help
    from training.tutoring.sessions.sessions import SessionEnvironment

app = typer.Typer(no_args_is_help=True)

_Theorems = Annotated[Path, typer.Argument(help="Proved theorems, one JSON object a line.", metavar="THEOREMS")]
_Answers = Annotated[Path, typer.Option(help="Folder of Lean's answers, kept for other sessions.", metavar="DIR")]
_Kinds = Annotated[
    list[str] | None,
    typer.Option("--learner", help="A kind of learner, by default each; may be repeated.", metavar="KIND"),
]
_Helps = Annotated[
    list[str] | None,
    typer.Option("--help-by", help="none, errors, proof, rules or learnt; may be repeated.", metavar="HELP"),
]
_Policy = Annotated[
    str, typer.Option(help="The learnt tutor's policy: a file, or the one that is shipped.", metavar="FILE")
]
_Most = Annotated[int | None, typer.Option(help="Theorems, from the first on; by default all.", min=1)]


@app.callback()
def tutoring() -> None:
    """Tutoring with simulated learners: sessions, training of a policy, and figures."""


@app.command()
def evaluate(
    theorems: _Theorems,
    out: Annotated[Path, typer.Option("--out", help="JSON lines to write, a session each; resumed.", metavar="FILE")],
    answers: _Answers = Path("tutoring-answers"),
    learner: _Kinds = None,
    help_by: _Helps = None,
    policy: _Policy = "learnt",
    most: _Most = None,
    seed: shared.Seed = 0,
    workers: common.Workers = None,
    log_level: common.LogLevel = None,
    config: common.Config = None,
) -> None:
    """Evaluate learners on each theorem with each kind of help; resumable with the same command."""
    settings = common.load_settings(config, lean={"workers": workers}, log={"level": log_level})
    with shared.user_errors(), shared.interruptible():
        from prover.tutor.guidance import load_guidance
        from training.corpus.proofs import read_proofs
        from training.tutoring.evaluation import evaluate as hold_all
        from training.tutoring.sessions.dialogue import Help

        cases = read_proofs(theorems)[:most]
        helps = _helps(help_by)
        learnt = load_guidance(policy) if Help.LEARNT in helps else None

        kinds = _kinds(learner)
        _in_school(
            settings, answers, lambda school: hold_all(school, cases, kinds, helps, learnt, out, seed, shared.remark)
        )


@app.command()
def learn(
    theorems: _Theorems,
    folder: Annotated[Path, typer.Option("--folder", help="Of the run; resumed.", metavar="DIR")],
    answers: _Answers = Path("tutoring-answers"),
    learner: _Kinds = None,
    steps: Annotated[int, typer.Option(help="Updates.", min=1)] = 40,
    groups: Annotated[int, typer.Option(help="Groups of sessions in a step.", min=1)] = 12,
    sessions: Annotated[int, typer.Option(help="Sessions in a group.", min=2)] = 8,
    most: _Most = None,
    seed: shared.Seed = 0,
    workers: common.Workers = None,
    log_level: common.LogLevel = None,
    config: common.Config = None,
) -> None:
    """Train the tutor's policy from sessions, by default with each kind of learner that is not held out."""
    settings = common.load_settings(config, lean={"workers": workers}, log={"level": log_level})
    with shared.user_errors(), shared.interruptible():
        from training.corpus.proofs import read_proofs
        from training.tutoring.learning import Learning
        from training.tutoring.learning import learn as learn_from

        cases = read_proofs(theorems)[:most]
        how = Learning(steps=steps, groups=groups, sessions=sessions, seed=seed)
        kinds = _kinds(learner, held_out=False)
        command = shared.command_line()

        _in_school(
            settings, answers, lambda school: learn_from(school, cases, kinds, how, folder, shared.remark, command)
        )
    shared.remark(f"wrote {folder / 'policy.json'}")


@app.command()
def converse(
    theorems: _Theorems,
    out: Annotated[Path, typer.Option("--out", help="JSON lines to write, a dialogue each; resumed.", metavar="FILE")],
    answers: _Answers = Path("tutoring-answers"),
    learner: _Kinds = None,
    help_by: Annotated[str, typer.Option(help="none, errors, proof, rules or learnt.", metavar="HELP")] = "rules",
    policy: _Policy = "learnt",
    sessions: Annotated[int, typer.Option(help="Sessions a theorem; every second with several learners.", min=1)] = 4,
    most: _Most = None,
    seed: shared.Seed = 0,
    workers: common.Workers = None,
    log_level: common.LogLevel = None,
    config: common.Config = None,
) -> None:
    """Make a corpus of dialogues, each with its rubric; resumable with the same command."""
    settings = common.load_settings(config, lean={"workers": workers}, log={"level": log_level})
    with shared.user_errors(), shared.interruptible():
        from prover.tutor.guidance import load_guidance
        from training.corpus.proofs import read_proofs
        from training.tutoring.corpus import converse as hold_all
        from training.tutoring.evaluation import guidance_of
        from training.tutoring.sessions.dialogue import Help

        (help,) = _helps([help_by])
        guidance = guidance_of(help, load_guidance(policy) if help is Help.LEARNT else None)
        cases, kinds = read_proofs(theorems)[:most], _kinds(learner)

        _in_school(
            settings,
            answers,
            lambda school: hold_all(school, cases, kinds, help, guidance, sessions, out, seed, shared.remark),
        )


@app.command()
def report(
    sessions: Annotated[list[Path], typer.Argument(help="What `tutoring evaluate` wrote.", metavar="FILE...")],
    out: Annotated[
        Path, typer.Option("--out", help="Folder for tutoring.json, tutoring.md and tutoring.png.", metavar="DIR")
    ],
) -> None:
    """Compute figures, a table and a plot of an evaluation."""
    with shared.user_errors():
        from training.tutoring.report import write_report

        write_report(sessions, out)
    shared.remark(f"wrote {out / 'tutoring.md'}")


def _in_school(
    settings: Settings, answers: Path, held: "Callable[[SessionEnvironment], Coroutine[Any, Any, object]]"
) -> None:
    """Hold sessions with their own Lean workers and cached answers."""
    from training.tutoring.sessions.sessions import SessionEnvironment

    async def run() -> None:
        async with Engine(settings) as engine:
            await held(SessionEnvironment(engine, answers))

    asyncio.run(run())


def _kinds(names: Sequence[str] | None, held_out: bool = True) -> "list[Learner]":
    """Return kinds of learners by name; without names, all or all that are not held out.

    Raises:
        UserError: a kind is unknown.
    """
    from training.tutoring.learners.learners import learners

    known = learners()
    if unknown := [name for name in names or () if name not in known]:
        raise UserError(f"--learner: there is no kind {unknown[0]}; there are {', '.join(known)}")
    return [known[name] for name in names] if names else [one for one in known.values() if held_out or not one.held_out]


def _helps(names: Sequence[str] | None) -> "list[Help]":
    from training.tutoring.sessions.dialogue import Help

    if unknown := [name for name in names or () if name not in list(Help)]:
        raise UserError(f"--help-by: there is no help {unknown[0]}; there is {', '.join(Help)}")
    return [Help(name) for name in names] if names else list(Help)
