"""``pivot params``."""

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

_TITLES = ("stage", "param")


@click.group("params")
def params_command() -> None:
    """Show the values of all params, or how they changed."""


@params_command.command("show", short_help="Of one side.", context_settings=COUNTING_BACK)
@side_argument
@stage_option
@table_options
def show_params(side: str, stages: tuple[str, ...], style: Style) -> None:
    """Show the params of the workspace, or of SIDE: a run (`last`, `-2`, an id) or a git revision."""
    with open_project() as project:
        found = project.side(side)
        values = found.params(found.chosen(stages))
    if style.as_json:
        write_json({"side": found.title, "params": values})
    elif values:
        write_values(style, values, _TITLES)
    else:
        click.echo(f"no params: no stage of {found.title} has any")
    tell(found.notices)


@params_command.command("diff", short_help="Of two sides.", context_settings=COUNTING_BACK)
@sides_arguments
@stage_option
@click.option("--all", "everything", is_flag=True, help="Also what is equal.")
@table_options
def diff_params(old: str, new: str, stages: tuple[str, ...], everything: bool, style: Style) -> None:
    """Show which params differ from A (default: git's HEAD) to B (default: the workspace).

    A and B are runs (`last`, `-2`, an id), git revisions, or `workspace`.
    """
    with open_project() as project:
        both = project.side(new).after(project.side(old), stages)
    before, after = both.old.params(both.stages), both.new.params(both.stages)
    write_differences(style, both, before, after, _TITLES, everything=everything)
    tell(both.notices)
