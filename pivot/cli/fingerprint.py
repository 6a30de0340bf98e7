"""``pivot fingerprint``."""

import json

import click

from pivot.cli.completion import complete_stages
from pivot.cli.opened import open_project


@click.command("fingerprint")
@click.argument("stage", shell_complete=complete_stages)
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object, with full digests.")
@click.option("--all", "everything", is_flag=True, help="Also list what counts only if it runs.")
def fingerprint_command(stage: str, as_json: bool, everything: bool) -> None:
    """Show all code that STAGE rests on, and what was observed when it last ran."""
    from pivot.core.inventory import inventory_data, inventory_lines  # lazy: start-up time

    with open_project() as project:
        found = project.inventory(stage)
    if as_json:
        click.echo(json.dumps(inventory_data(found), indent=2))
    else:
        click.echo("\n".join(inventory_lines(found, everything=everything)))
