"""``pivot notebook``: notebooks from the command line."""

import json
import os

import click

from pivot.errors import PivotError, UsageError
from pivot_jupyter.cells import Cell


@click.group()
def notebook() -> None:
    """Work with notebooks."""


@notebook.command("export")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.argument("folder", required=False, type=click.Path(file_okay=False))
@click.option("--module", metavar="NAME", help="Name of the module (default: <notebook>_stages).")
@click.option(
    "--with-data", is_flag=True, help="Into another FOLDER: take the files along that no stage writes."
)
@click.option("--check", is_flag=True, help="Write nothing; fail if the files differ from the notebook.")
@click.option("--force", is_flag=True, help="Overwrite a module that was edited by hand.")
def export_command(
    file: str, folder: str | None, module: str | None, with_data: bool, check: bool, force: bool
) -> None:
    """Write the stages of FILE as a module and pivot.yaml beside it; nothing of its other cells runs.

    Into another FOLDER, which becomes a project of its own, the results go along.
    """
    from pivot.project import Project
    from pivot_jupyter.drift import out_of_step
    from pivot_jupyter.export import drifts, export, export_elsewhere, is_same, refuse_together
    from pivot_jupyter.headless import defined_notebook

    refuse_together(folder, check=check, data=with_data)
    defined, ground = defined_notebook(file, module)
    if check:
        found = drifts(defined, ground)
        for drift in found:
            click.echo("\n".join(map(_painted, drift.diff)))
        if found:
            raise out_of_step(found)
        return
    home = os.path.dirname(os.path.abspath(file))
    if folder and not is_same(folder, home):
        with Project(home) as project:
            project.use_module(defined.text, defined.stages)
            done, told = export_elsewhere(defined, ground, project, folder, data=with_data, force=force)
        for line in told:
            click.echo(f"note: {line}", err=True)
    else:
        done = export(defined, ground, force=force)
    for path in done.files:
        click.echo(path)
    for edited, kept in done.kept.items():
        click.echo(f"note: {edited} was edited: its text is kept in {kept}", err=True)


@notebook.command("run")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--out", type=click.Path(dir_okay=False), help="Write the notebook with its new outputs there.")
@click.option(
    "--inplace", is_flag=True, help="Write the new outputs into FILE, if all cells came to their end."
)
@click.option("--timeout", type=click.IntRange(1), metavar="SECONDS", help="How long one cell may take.")
def run_command(file: str, out: str | None, inplace: bool, timeout: int | None) -> int:
    """Run all cells of FILE in a fresh kernel, from top to bottom."""
    from pivot_jupyter import fresh

    if out and inplace:
        raise UsageError("--out and --inplace cannot stand together", "leave one of them out")
    begun = fresh.run_all(
        fresh.read(file), file, timeout=timeout, begin=lambda cell: click.echo(cell, err=True)
    )
    failure = begun.failure
    target = out or (file if inplace and failure is None else None)
    if target:
        fresh.save(begun.notebook, target)
    if failure is not None:
        for line in failure.traceback:
            click.echo(line, err=True)
        raise PivotError(
            f"{os.path.basename(file)}: {failure.cell} failed: {failure.message}",
            f"{out} holds what was shown till then" if out else None,
        )
    click.echo(
        f"{begun.cells} cell{'' if begun.cells == 1 else 's'} run{f', written to {target}' if target else ''}"
    )
    return 0


@notebook.command("check")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--module", metavar="NAME", help="Name of the module (default: <notebook>_stages).")
@click.option("--timeout", type=click.IntRange(1), metavar="SECONDS", help="How long one cell may take.")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object.")
def check_command(file: str, module: str | None, timeout: int | None, as_json: bool) -> int:
    """Check that FILE is exported, runs from top to bottom, and has nothing to run the second time.

    FILE itself stays as it is.
    """
    from pivot_jupyter.inspection import Answer, check_json, check_lines, inspect

    checks = []
    for check in inspect(file, module=module, timeout=timeout):
        checks.append(check)
        if not as_json:
            click.echo("\n".join(check_lines(check, _painted)))
    ok = all(check.answer is not Answer.FAILED for check in checks)
    if as_json:
        click.echo(json.dumps({"notebook": file, "ok": ok, "checks": [*map(check_json, checks)]}, indent=2))
    return 0 if ok else 1


def _painted(line: str) -> str:
    """A line of a diff in the colours that people know; click drops them where none belong."""
    return click.style(line, fg={"+": "green", "-": "red", "@": "cyan"}.get(line[:1]))


def code_cells(file: str) -> tuple[Cell, ...]:
    """The code cells of a notebook file that hold anything, numbered as Run All numbers them.

    Raises:
        UsageError: it is no notebook.
    """
    try:
        with open(file, encoding="utf-8") as stream:
            data = json.load(stream)
        cells = [cell for cell in data["cells"] if cell["cell_type"] == "code"]
        texts = ["".join(cell["source"]) for cell in cells]
    except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{os.path.basename(file)} is no notebook: {error}") from None
    filled = [(cell, text) for cell, text in zip(cells, texts, strict=True) if text.strip()]
    return tuple(Cell(number, text, str(cell.get("id", ""))) for number, (cell, text) in enumerate(filled, 1))
