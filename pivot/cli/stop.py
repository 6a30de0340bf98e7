"""``pivot stop``."""

import click

from pivot.cli.completion import complete_stages
from pivot.cli.opened import open_project


@click.command("stop")
@click.argument("stages", nargs=-1, shell_complete=complete_stages)
def stop_command(stages: tuple[str, ...]) -> int:
    """Ask the runs that are going on in this project to end; their running stages are interrupted.

    With STAGES they go on without these and what rests on them.
    """
    with open_project() as project:
        runs = project.stop(stages)
    click.echo(f"asked to stop: {', '.join(runs)}" if runs else "no run is going on in this project")
    return 0
