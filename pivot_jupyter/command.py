"""``pivot notebook``: notebooks from the command line, without a kernel."""

import json
import os

import click

from pivot.errors import UsageError
from pivot_jupyter.cells import Cell


@click.group()
def notebook() -> None:
    """Work with notebooks."""


@notebook.command("export")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--module", metavar="NAME", help="Name of the module (default: <notebook>_stages).")
@click.option("--check", is_flag=True, help="Write nothing; fail if the files differ from the notebook.")
@click.option("--force", is_flag=True, help="Overwrite a module that was edited by hand.")
def export_command(file: str, module: str | None, check: bool, force: bool) -> None:
    """Write the stages of FILE as a module and pivot.yaml beside it; nothing of its other cells runs."""
    from pivot_jupyter.headless import export_notebook

    for path in export_notebook(file, module=module, check=check, force=force):
        click.echo(path)


def code_cells(file: str) -> tuple[Cell, ...]:
    """The code cells of a notebook file, numbered from 1 in their order.

    Raises:
        UsageError: it is no notebook.
    """
    try:
        with open(file, encoding="utf-8") as stream:
            data = json.load(stream)
        cells = [cell for cell in data["cells"] if cell["cell_type"] == "code"]
        texts = [
            cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"]) for cell in cells
        ]
    except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{os.path.basename(file)} is no notebook: {error}") from None
    return tuple(
        Cell(number, text, str(cell.get("id", "")))
        for number, (cell, text) in enumerate(zip(cells, texts, strict=True), 1)
    )
