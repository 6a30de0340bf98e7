"""``pivot stop``."""

import click

from pivot.cli.completion import complete_stages
from pivot.cli.opened import open_project


@click.command("stop")
@click.argument("stages", nargs=-1, shell_complete=complete_stages)
@click.option("--run", default="", metavar="RUN", help="Only this run: its id, or how it begins.")
def stop_command(stages: tuple[str, ...], run: str) -> int:
    """Ask the runs that are going on in this project to end; their running stages are interrupted.

    With STAGES they go on without these and what rests on them.
    """
    with open_project() as project:
        runs = project.stop(stages, run)
    idle = "that run is over" if run else "no run is going on in this project"
    click.echo(f"asked to stop: {', '.join(runs)}" if runs else idle)
    return 0
