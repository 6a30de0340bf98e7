"""``pivot log``."""

import click

from pivot.cli.opened import open_project


@click.command("log")
@click.argument("stage")
def log_command(stage: str) -> None:
    """Show what STAGE wrote to stdout and stderr when it last ran."""
    with open_project() as project:
        click.echo(project.log(stage), nl=False)
