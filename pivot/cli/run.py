"""``pivot run``: a pipeline file by its path, with values for its params, and what its last stages give."""

import json
import pprint
from typing import TYPE_CHECKING, Any

import click

from pivot.cli.opened import open_project
from pivot.cli.repro import executor_option, summary, view
from pivot.cli.setting import merged, named_values, set_option, set_values
from pivot.model.event import Outcome

if TYPE_CHECKING:
    from pivot.model.run import Run
    from pivot.project import Project


@click.command("run", context_settings={"ignore_unknown_options": True})
@click.argument("file", type=click.Path())
@set_option
@click.option("-f", "--force", is_flag=True, help="Run the stages even if nothing has changed.")
@click.option(
    "-j", "--jobs", type=click.IntRange(min=1), help="How many stages run at once (default: cores)."
)
@click.option(
    "-k", "--keep-going", is_flag=True, help="After a failure go on with all that does not need it."
)
@executor_option
@click.option(
    "--json", "as_json", is_flag=True, help="Write the values as one JSON object, and nothing else."
)
@click.argument("values", nargs=-1, type=click.UNPROCESSED, metavar="[--NAME VALUE]...")
def run_command(
    file: str,
    given: tuple[str, ...],
    force: bool,
    jobs: int | None,
    keep_going: bool,
    executor: str | None,
    as_json: bool,
    values: tuple[str, ...],
) -> int:
    """Run all stages of FILE (a pivot.yaml, or the folder of one) and print what the last ones give.

    --NAME VALUE is a param of all stages that have it, as --set NAME=VALUE; VALUE is YAML, so lists work.
    """
    sets = merged(set_values(given), named_values(values))
    with open_project(sets, file) as project:
        if as_json:
            run = project.repro(force=force, jobs=jobs, keep_going=keep_going, executor=executor)
        else:
            with view(False) as sink:
                run = project.repro(
                    force=force, jobs=jobs, keep_going=keep_going, executor=executor, sinks=[sink]
                )
        last = _last_values(project, run)
    if as_json:
        for stage in run.with_outcome(Outcome.FAILED):
            click.echo(f"error: {stage} failed: {run.stages[stage].reason}", err=True)
        click.echo(json.dumps({stage: _plain(value) for stage, value in last.items()}, indent=2))
        return run.exit_code
    summary(run, apart=True)
    for stage, value in last.items():
        text = value if isinstance(value, str) and "\n" in value else pprint.pformat(value, sort_dicts=False)
        click.echo(f"{stage}:\n{text}" if "\n" in text else f"{stage}: {text}")
    return run.exit_code


def _last_values(project: "Project", run: "Run") -> dict[str, Any]:
    """Stage → what it gave, of those that no other needs and that have a result: values, of files the paths."""
    from pivot.model.stage import OutKind  # lazy: start-up time

    graph = project.graph()
    has_result = {Outcome.RAN, Outcome.RESTORED, Outcome.UNCHANGED}
    found: dict[str, Any] = {}
    for stage in graph.stages:
        end = run.stages.get(stage.name)
        if graph.downstream(stage.name) or end is None or end.outcome not in has_result:
            continue
        is_value = any(out.kind in (OutKind.VALUE, OutKind.VALUES) for out in stage.outs)
        found[stage.name] = (
            project.load(stage.name, run=run) if is_value else list(map(str, stage.out_paths()))
        )
    return found


def _plain(value: Any) -> Any:
    """A value as JSON has it; of what JSON has no form for, what Python shows of it."""
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return repr(value)
    return value
