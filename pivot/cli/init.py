"""``pivot init``."""

import os

import click


@click.command("init")
def init_command() -> None:
    """Make the folder .pivot/ here, with its own .gitignore."""
    from pivot.project import initialize  # lazy: start-up time

    made = initialize(os.getcwd())
    click.echo(
        "made .pivot/; commit it: its .gitignore keeps cache and logs out" if made else ".pivot/ is there"
    )
