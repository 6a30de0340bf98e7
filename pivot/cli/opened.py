"""The project that a command works on."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pivot.project import Project


def named_file() -> str:
    """The pipeline file that ``pivot --file`` names; without it the current folder."""
    context = click.get_current_context(silent=True)
    found: str = context.find_root().params.get("file", ".") if context is not None else "."
    return found


@contextlib.contextmanager
def open_project(params: Mapping[str, object] | None = None, path: str = ".") -> Iterator["Project"]:
    """The project of the current folder; what it found on disk is told on stderr at the end, errors or not.

    Whoever runs a command from Python may give it a project that is open, or the workers of one, as the object of
    click's context.

    Args:
        params: values over those of the files, see `Project`.
        path: another folder, or a pipeline file; without it the one that ``pivot --file`` names counts.

    Raises:
        UsageError: the folder is in no project.
    """
    context = click.get_current_context(silent=True)
    path = named_file() if path == "." else path
    with contextlib.ExitStack() as stack:
        # lazy: start-up time
        from pivot.project import Project

        given = context.find_root().obj if context is not None else None
        if isinstance(given, Project):
            project = given
            if (params or path != ".") and given.module is not None:
                raise click.UsageError("in a notebook, params belong into the heads of its cells")
            if params or path != ".":
                project = stack.enter_context(Project(path, workers=given.workers, params=params))
        else:
            from pivot.define.locate import find_pipeline_file
            from pivot.engine.define import no_pipeline_file

            project = stack.enter_context(Project(path, workers=given, params=params))
            if (
                path == "."
                and find_pipeline_file(os.getcwd()) is None
                and not os.path.isdir(os.path.join(project.root, ".pivot"))
            ):
                raise no_pipeline_file(project.store)
        try:
            yield project
        finally:
            for text in project.notices():
                click.echo(text, err=True)
