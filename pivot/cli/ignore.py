"""``pivot check-ignore``."""

import os

import click

from pivot.cli.opened import open_project


@click.command("check-ignore")
@click.argument("paths", nargs=-1, required=True)
@click.option("-v", "--verbose", is_flag=True, help="Show the line of .pivotignore that decides, too.")
def check_ignore_command(paths: tuple[str, ...], verbose: bool) -> int:
    """Print those of PATHS that .pivotignore leaves out; exit with 1 if none is."""
    from pivot.config.ignore import ignore_rules
    from pivot.errors import PivotError, UsageError
    from pivot.paths import ProjectPath, relative_to_root

    with open_project() as project:
        rule = ignore_rules(project.root)
        any_ignored = False
        for path in paths:
            try:
                found = relative_to_root(os.path.abspath(path), project.root)
            except PivotError as error:  # 1 is for paths that are not ignored
                raise UsageError(error.message) from None
            folder = path.endswith("/") or os.path.isdir(path)
            decides = rule(ProjectPath(found + "/" if folder else found))
            if decides is not None and (decides.ignores or verbose):
                click.echo(f"{decides}\t{path}" if verbose else path)
            any_ignored |= decides is not None and decides.ignores
    return 0 if any_ignored else 1
