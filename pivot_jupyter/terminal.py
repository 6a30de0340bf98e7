"""The command line's own commands in a notebook: the same words, options and meaning, on the cells' stages."""

import io
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

import click

from pivot.cli.commands import cli
from pivot.errors import UsageError
from pivot.project import Project


@dataclass(frozen=True, slots=True)
class Said:
    """What a command wrote.

    Attributes:
        code: with which it would have ended its process.
    """

    out: str
    err: str
    code: int


def say(project: Project, words: Sequence[str]) -> Said:
    """Runs a command of ``pivot`` on a project that is open.

    Args:
        words: the command and what follows it.

    Raises:
        UsageError: wrong words, in click's message.
        PivotError: what the command raises.
    """
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace") for _ in "oe")
    # text of a failed command is lost with its error, which tells what matters
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = cli.main(list(words), prog_name="%pivot", standalone_mode=False, obj=project)
        except click.ClickException as error:
            raise UsageError(f"%pivot {words[0]}: {error.format_message()}") from None
    return Said(_text(out), _text(err), code if isinstance(code, int) else 0)


def options_of(name: str) -> tuple[str, ...]:
    """The long options of a command; of a group, its commands."""
    command = cli.get_command(click.Context(cli), name)
    if isinstance(command, click.Group):
        return tuple(command.commands)
    found = command.params if command is not None else []
    return tuple(text for option in found for text in option.opts if text.startswith("--"))


def _text(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()
