"""``pivot history`` and ``pivot show``."""

import shutil
import sys
from typing import TYPE_CHECKING, Any

import click

from pivot.cli.comparison import COUNTING_BACK, Style, counted_back, write_json
from pivot.cli.completion import complete_stages
from pivot.cli.opened import open_project
from pivot.errors import UsageError

if TYPE_CHECKING:
    from pivot.engine.history import PastRun, PastStage

_TEXT = Style(as_json=False, markdown=False, precision=5)


@click.command("history")
@click.option(
    "-n", "most", type=click.IntRange(min=1), default=20, show_default=True, help="How many runs at most."
)
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object.")
def history_command(most: int, as_json: bool) -> None:
    """List the last runs in which something was to do, newest first."""
    from pivot.core.tables import Column  # lazy: start-up time

    with open_project() as project:
        runs = project.past_runs(most)
    if as_json:
        write_json({"runs": [_run_data(run) for run in runs]})
        return
    if not runs:
        click.echo("no run yet: the history begins with the first one that has something to do")
        return
    _TEXT.write(
        [
            Column("run", [run.short for run in runs], whole=True),
            Column("when", [_when(run) for run in runs]),
            Column("took", [_took(run) for run in runs], right=True),
            Column("stages", [_counts(run) for run in runs]),
            Column("targets", [" ".join(run.targets) for run in runs], optional=True),
            Column("on", [_cluster(run) for run in runs], optional=True),
        ]
    )


@click.command("show", context_settings=COUNTING_BACK)
@click.argument("run", default="last", callback=counted_back)
@click.argument("stage", required=False, callback=counted_back, shell_complete=complete_stages)
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object.")
def show_command(run: str, stage: str | None, as_json: bool) -> None:
    """Show what became of each stage in RUN, or what STAGE wrote in it.

    RUN is an id or how it begins, `last` (the default), `-1` (the same) or `-2` (the one before).
    """
    from pivot.engine.history import log_text  # lazy: start-up time

    with open_project() as project:
        found = project.past_run(run)
        root = project.root
    if stage is None:
        write_json(_run_data(found, whole=True)) if as_json else _print_run(found)
        return
    end = next((end for end in found.stages if end.stage == stage), None)
    if end is None:
        known = ", ".join(end.stage for end in found.stages) or "none"
        raise UsageError(
            f"run {found.short} had nothing to do with a stage {stage!r}", f"its stages: {known}"
        )
    if as_json:
        write_json({**_stage_data(end), "text": log_text(root, end)})
        return
    click.echo(log_text(root, end), nl=False)
    if end.traceback:
        click.echo(end.traceback.rstrip())
    if not end.log:
        click.echo(f"stage '{stage}' was not run in {found.short}: {end.outcome or end.reason}", err=True)


def _print_run(run: "PastRun") -> None:
    from pivot.cli.words import Words
    from pivot.core.state import Progress, StageState

    told = [f"run {run.id}", _when(run), _took(run), f"on {_cluster(run)}" if _cluster(run) else ""]
    click.echo(", ".join(text for text in told if text))
    if run.targets:
        click.echo(f"targets: {' '.join(run.targets)}")
    click.echo()
    words = Words.for_stream(sys.stdout)
    width = max((len(end.stage) for end in run.stages), default=0)
    for end in run.stages:
        reason = end.reason.partition("\n")[0]
        if end.outcome is None and run.state == "running":
            state = Progress.RUNNING if end.log else Progress.QUEUED
            line = words.row(StageState(state, reason), end.stage, width)
        elif end.outcome is None:
            line = f"{'-':<16}  {end.stage:<{width}}  {reason}"
        else:
            line = words.row(StageState(end.outcome, reason, seconds=end.seconds or None), end.stage, width)
        click.echo(_cut(line.rstrip()))
        if end.log:
            click.echo(f"    {end.log}" + (f" ({end.attempts} attempts)" if end.attempts > 1 else ""))
    click.echo(_counts(run))


def _cut(line: str) -> str:
    """A line that fits the terminal; a coloured one may be longer and is left to it."""
    from pivot.core.label import cut

    if not sys.stdout.isatty() or "\x1b" in line:
        return line
    return cut(line, shutil.get_terminal_size().columns)


def _when(run: "PastRun") -> str:
    return f"{run.began.astimezone():%Y-%m-%d %H:%M:%S}" if run.began is not None else ""


def _cluster(run: "PastRun") -> str:
    return "" if run.executor == "local" else run.executor


def _took(run: "PastRun") -> str:
    from pivot.core.state import duration

    return duration(run.seconds) if run.seconds is not None else str(run.state)


def _counts(run: "PastRun") -> str:
    counts = [f"{count} {outcome}" for outcome, count in run.counts().items()]
    told = [f"{sum(end.outcome is None for end in run.stages)} not ended"] if run.seconds is None else []
    interrupted = ["interrupted"] if run.state == "cancelled" else []
    return ", ".join([*interrupted, *counts, *told])


def _run_data(run: "PastRun", *, whole: bool = False) -> dict[str, Any]:
    data: dict[str, Any] = {
        "id": run.id,
        "began": run.began.isoformat() if run.began is not None else None,
        "seconds": run.seconds,
        "state": str(run.state),
        "cancelled": run.state == "cancelled",
        "counts": {str(outcome): count for outcome, count in run.counts().items()},
        "targets": list(run.targets),
        "executor": run.executor,
    }
    if whole:
        data["stages"] = [_stage_data(end) for end in run.stages]
    return data


def _stage_data(end: "PastStage") -> dict[str, Any]:
    return {
        "name": end.stage,
        "outcome": str(end.outcome) if end.outcome is not None else None,
        "reason": end.reason,
        "seconds": end.seconds,
        "log": end.log or None,
        "traceback": end.traceback or None,
        "hint": end.hint,
        "attempts": end.attempts,
    }
