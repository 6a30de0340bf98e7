"""``pivot repro``."""

import json
import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import click

from pivot.cli.completion import targets_argument
from pivot.cli.opened import open_project
from pivot.cli.setting import set_option, set_values
from pivot.model.executor import KINDS

if TYPE_CHECKING:
    from pivot.model.event import Event
    from pivot.model.run import Run
    from pivot.project import Project


executor_option = click.option(
    "--executor",
    type=click.Choice(KINDS),
    help="Where the stages run (default: executor in pivot.yaml or in the settings, else local).",
)


@click.command("repro")
@targets_argument
@click.option("-f", "--force", is_flag=True, help="Run the stages even if nothing has changed.")
@click.option("-n", "--dry-run", is_flag=True, help="Show what would run, and why; run nothing.")
@click.option(
    "--allow-missing",
    is_flag=True,
    help="With --dry-run: files that are not there count as they were in the last run (for CI without data).",
)
@click.option(
    "-j", "--jobs", type=click.IntRange(min=1), help="How many stages run at once (default: cores)."
)
@click.option(
    "-k", "--keep-going", is_flag=True, help="After a failure go on with all that does not need it."
)
@click.option("-s", "--single-stage", is_flag=True, help="Only the TARGETS, not what they need.")
@click.option("-w", "--watch", is_flag=True, help="Then wait for saved files and run again, until Ctrl-C.")
@click.option(
    "--debounce",
    type=click.IntRange(min=0),
    metavar="MS",
    help="With --watch: milliseconds of quiet after a change (default: setting watch.debounce).",
)
@set_option
@executor_option
@click.option("--json", "as_json", is_flag=True, help="Write one JSON event a line.")
def repro_command(
    targets: tuple[str, ...],
    force: bool,
    dry_run: bool,
    allow_missing: bool,
    jobs: int | None,
    keep_going: bool,
    single_stage: bool,
    watch: bool,
    debounce: int | None,
    given: tuple[str, ...],
    executor: str | None,
    as_json: bool,
) -> int:
    """Run what has changed, and only that (TARGETS: only these and what they need; globs work)."""
    if debounce is not None and not watch:
        raise click.UsageError("--debounce needs --watch")
    if dry_run and watch:
        raise click.UsageError("--dry-run runs nothing, so there is nothing to --watch for")
    if allow_missing and not dry_run:
        raise click.UsageError("--allow-missing needs --dry-run: a stage cannot run without its files")
    values = set_values(given)
    if dry_run:
        from pivot.cli.status import Ground, print_json, print_table  # lazy: start-up time

        with open_project(values) as project:
            decisions = project.status(
                targets, force=force, single_stage=single_stage, allow_missing=allow_missing
            )
            ground = Ground.of(project) if as_json else None
        print_json(decisions, ground) if ground else print_table(decisions)
        return 0

    def once(project: "Project", first: bool, announce: "Callable[[Event], None]") -> "Run":
        with view(as_json) as sink:
            return project.repro(
                targets,
                force=force and first,
                jobs=jobs,
                keep_going=keep_going,
                single_stage=single_stage,
                executor=executor,
                sinks=[announce, sink],
            )

    if watch:
        from pivot.cli.watch import Announcer, Session, keep_running

        seconds = None if debounce is None else debounce / 1000
        announcer = Announcer(as_json, summary)
        return keep_running(
            Session(
                once, announcer, targets=targets, single_stage=single_stage, debounce=seconds, params=values
            )
        )
    with open_project(values) as project:
        run = once(project, True, lambda _event: None)
    if not as_json:
        summary(run, apart=True)
    return run.exit_code


def view(as_json: bool) -> "AbstractContextManager[Callable[[Event], None]]":
    """What shows a run on this terminal: takes each event."""
    if as_json:
        return nullcontext(_json_sink())
    from pivot.cli.progress import LiveView, PlainView

    live = sys.stdout.isatty() and os.environ.get("TERM") != "dumb" and "CI" not in os.environ
    return LiveView(sys.stdout) if live else PlainView(sys.stdout)


def _json_sink() -> "Callable[[Event], None]":
    from pivot.store.history import event_json

    def sink(event: "Event") -> None:
        click.echo(json.dumps(event_json(event) | _shown(event)))

    return sink


def _shown(event: "Event") -> dict[str, str]:
    """How the state that an event brings is written everywhere; nothing for one that brings none."""
    from pivot.core.state import Progress, StageState, state_after, state_of
    from pivot.model.decision import Decision
    from pivot.model.event import RunStarted, StageDecided, StageFinished, StageStarted

    match event:
        case RunStarted():
            state = StageState(Progress.QUEUED)
        case StageDecided(stage, verdict, changes):
            state = state_of(Decision(stage, verdict, changes))
        case StageStarted():
            state = StageState(Progress.RUNNING)
        case StageFinished():
            state = state_after(event)
        case _:
            return {}
    return {"icon": state.icon, "phrase": state.phrase}


def summary(run: "Run", *, apart: bool = False) -> None:
    """Write how many stages ran, and what became of the others; `apart` from the failed stages' tracebacks."""
    from pivot.cli.words import plural
    from pivot.core.state import duration
    from pivot.model.event import Outcome

    counts = {outcome: len(run.with_outcome(outcome)) for outcome in Outcome}
    parts = [f"{plural(counts[Outcome.RAN] + counts[Outcome.FAILED], 'stage')} run"]
    parts += [
        f"{counts[outcome]} {outcome}"
        for outcome in (
            Outcome.FAILED,
            Outcome.RESTORED,
            Outcome.UNCHANGED,
            Outcome.BLOCKED,
            Outcome.CANCELLED,
        )
        if counts[outcome]
    ]
    if apart and counts[Outcome.FAILED]:
        click.echo()
    click.echo(", ".join(parts) + f" ({duration(run.seconds)})")
