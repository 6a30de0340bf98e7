"""The project that a command works on."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pivot.project import Project


@contextlib.contextmanager
def open_project() -> Iterator["Project"]:
    """The project of the current folder; what it found on disk is told on stderr at the end, errors or not."""
    from pivot.project import Project  # lazy: start-up time

    with Project(".") as project:
        try:
            yield project
        finally:
            for text in project.notices():
                click.echo(text, err=True)
