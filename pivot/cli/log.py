"""``pivot log``."""

import click

from pivot.cli.completion import complete_stages
from pivot.cli.opened import open_project


@click.command("log")
@click.argument("stage", shell_complete=complete_stages)
def log_command(stage: str) -> None:
    """Show what STAGE wrote to stdout and stderr when it last ran, and how it failed if it did."""
    with open_project() as project:
        text = project.log(stage, traceback=True)
    click.echo(text, nl=False)
    if not text:
        click.echo(f"stage '{stage}' has written nothing, or has not run here", err=True)
