"""Figures and tables of the searches of `search.py`."""

import argparse
import statistics
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table


@dataclass
class Result:
    """The record of one search.

    Attributes:
        theorem: its digest.
        proofs: each distinct proof: its sampler, seconds and questions to Lean up to it, its length in characters.
        questions: number of questions to Lean.
        seconds: duration.
        tokens: number of sampled tokens, including those of aborted sequences.
        used_tokens: tokens of candidates that the search received.
        ending: reason of its end; `spent` if the benchmark ended it.
        wasted_tokens: tokens sampled after the last proof wanted.
        wasted_checks: checks in progress at that time.
    """

    arm: str
    theorem: str
    proofs: list[tuple[str, float, int, int]] = field(default_factory=list)
    questions: int = 0
    samples: int = 0
    tokens: int = 0
    used_tokens: int = 0
    seconds: float = 0.0
    ending: str = "spent"
    wasted_tokens: int = 0
    wasted_checks: int = 0


def compared(known: Mapping[tuple[str, str], Result], wanted: Collection[str]) -> list[Result]:
    """Return the searches of the theorems that every arm has searched."""
    arms = {arm for arm, _ in known}
    whole = {digest for digest in wanted if all((arm, digest) in known for arm in arms)}
    return [result for result in known.values() if result.theorem in whole]


def arms_of(results: Sequence[Result]) -> list[str]:
    """Return their names in order of appearance."""
    return list(dict.fromkeys(result.arm for result in results))


def summary(results: Sequence[Result], options: argparse.Namespace) -> dict[str, float | int | None]:
    """Return the figures of one arm."""
    solved = [result for result in results if result.proofs]
    first = sorted(result.proofs[0][1] for result in solved)
    tokens = sum(result.tokens for result in results)
    wasted, used = sum(each.wasted_tokens for each in results), sum(each.used_tokens for each in results)
    cut_off = [each for each in results if each.questions < options.checks and each.ending == "seconds_spent"]
    return {
        "theorems": len(results),
        "solved_within_checks": sum(result.proofs[0][2] <= options.checks for result in solved),
        "cut_off_before_checks": sum(not result.proofs for result in cut_off),
        "solved_within_seconds": sum(result.proofs[0][1] <= options.seconds for result in solved),
        "solved": len(solved),
        "first_proof_p50_s": quantile(first, 0.5),
        "first_proof_p95_s": quantile(first, 0.95),
        "questions_per_theorem": statistics.fmean(result.questions for result in results),
        "tokens_per_theorem": statistics.fmean(result.tokens for result in results),
        "wasted_token_share": wasted / tokens if tokens else 0.0,
        "unused_token_share": 1 - used / tokens if tokens else 0.0,
        "wasted_checks_per_search": statistics.fmean(each.wasted_checks for each in solved) if solved else 0.0,
        "distinct_proofs_per_solved": statistics.fmean(len(each.proofs) for each in solved) if solved else 0.0,
    }


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """Return the smallest value that `share` of the values do not exceed; None without values."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def markdown(rows: Mapping[str, Mapping[str, float | int | None]], options: argparse.Namespace) -> str:
    """Return the figures as a Markdown page."""
    lines = [
        "# Ways to search, compared",
        "",
        "Written by `benchmarks/search/search.py`, which says how, of the theorems that every arm has searched by now. Each was searched until "
        f"it had {options.proofs} distinct proofs, or {options.checks} questions were put to Lean and {options.seconds:g} s were over, with "
        f"at most {options.samples} candidates. Seconds were taken on a machine that had other work to do: on a quiet one they are fewer. "
        "Tokens after the last proof: sampled when all proofs that were wanted were there; tokens for nobody: of candidates that were "
        "not complete, or not checked, when the search ended, for whatever reason; checks for nobody: under way when the last proof came.",
        "",
        f"| arm | theorems | solved in {options.checks} questions | in {options.seconds:g} s | first proof p50 s | p95 s | questions each "
        "| tokens after the last proof | tokens for nobody | checks for nobody | distinct proofs |",
        "|---" * 11 + "|",
    ]
    for arm, row in rows.items():
        cells = [
            *(str(row[name]) for name in ("theorems", "solved_within_checks", "solved_within_seconds")),
            *("–" if row[name] is None else f"{row[name]:.2f}" for name in ("first_proof_p50_s", "first_proof_p95_s")),
            f"{row['questions_per_theorem']:.1f}",
            f"{row['wasted_token_share']:.1%}",
            f"{row['unused_token_share']:.1%}",
            f"{row['wasted_checks_per_search']:.2f}",
            f"{row['distinct_proofs_per_solved']:.2f}",
        ]
        lines.append(f"| {arm} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def show(rows: Mapping[str, Mapping[str, float | int | None]], options: argparse.Namespace, console: Console) -> None:
    """Print the figures."""
    table = Table("arm", "n", f"≤ {options.checks} checks", f"≤ {options.seconds:g} s", "at all")
    for heading in ("p50 s", "p95 s", "asked", "wasted tokens", "unused", "checks", "distinct"):
        table.add_column(heading, justify="right")
    for arm, row in rows.items():
        cut_off = f" (+ ≤ {row['cut_off_before_checks']})" if row["cut_off_before_checks"] else ""
        table.add_row(
            arm,
            str(row["theorems"]),
            f"{row['solved_within_checks']}{cut_off}",
            str(row["solved_within_seconds"]),
            str(row["solved"]),
            *("–" if row[name] is None else f"{row[name]:.2f}" for name in ("first_proof_p50_s", "first_proof_p95_s")),
            f"{row['questions_per_theorem']:.1f}",
            f"{row['wasted_token_share']:.1%}",
            f"{row['unused_token_share']:.1%}",
            f"{row['wasted_checks_per_search']:.2f}",
            f"{row['distinct_proofs_per_solved']:.2f}",
        )
    console.print(table)
    console.print(
        "(+ ≤ n): number of searches ended by --longest before they had spent their checks. Wasted tokens were sampled "
        "after the last proof wanted, unused ones for candidates that were not checked; checks: in progress at that time."
    )
