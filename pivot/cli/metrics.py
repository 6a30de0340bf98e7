"""``pivot metrics``."""

import click

from pivot.cli.comparison import (
    COUNTING_BACK,
    Style,
    side_argument,
    sides_arguments,
    stage_option,
    table_options,
    tell,
    write_differences,
    write_json,
    write_values,
)
from pivot.cli.opened import open_project

_TITLES = ("file", "metric")


@click.group("metrics")
def metrics_command() -> None:
    """Show the numbers of all Metrics, or how they changed."""


@metrics_command.command("show", short_help="Of one side.", context_settings=COUNTING_BACK)
@side_argument
@stage_option
@table_options
def show_metrics(side: str, stages: tuple[str, ...], style: Style) -> None:
    """Show the metrics of the workspace, or of SIDE: a run (`last`, `-2`, an id) or a git revision."""
    with open_project() as project:
        found = project.side(side)
        values, problems = found.metrics(found.chosen(stages))
    if style.as_json:
        write_json({"side": found.title, "metrics": values})
    elif values:
        write_values(style, values, _TITLES)
    elif not problems:
        click.echo(f"no metrics: no stage of {found.title} has a pivot.Metric")
    tell([*found.notices, *problems])


@metrics_command.command("diff", short_help="Of two sides.", context_settings=COUNTING_BACK)
@sides_arguments
@stage_option
@click.option("--all", "everything", is_flag=True, help="Also what is equal.")
@table_options
def diff_metrics(old: str, new: str, stages: tuple[str, ...], everything: bool, style: Style) -> None:
    """Show which metrics differ from A (default: git's HEAD) to B (default: the workspace).

    A and B are runs (`last`, `-2`, an id), git revisions, or `workspace`.
    """
    with open_project() as project:
        both = project.side(new).after(project.side(old), stages)
        before, missing = both.old.metrics(both.stages)
        after, problems = both.new.metrics(both.stages)
    write_differences(style, both, before, after, _TITLES, everything=everything)
    tell([*both.notices, *missing, *problems])
